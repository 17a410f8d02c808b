"""The grid of ``--vary``: which keys take which values, and the checked study of every point."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from analysis.endpoints import chosen
from trial.app.loading import load_checked
from trial.app.points import point_of
from trial.errors import MOST_SHOWN, ConfigError, Refused, cut
from trial.study.load import Config, Setting
from trial.study.placed import Place, plain
from trial.study.study import Study
from trial.study.yamltree import parts_of

MOST_POINTS = 1000
"""Points of a grid: more are a search, which ``vtrial optimise`` makes."""
EXAMPLE = (
    "allowed: KEY=A,B,C, for example --vary arms.0.start_dose_mg=2.5,5 (a list in brackets: visits.days=[7,14],[14])"
)
AS_IT_STANDS = "as it stands"
SAME_EVERYWHERE = {
    "seed": "every point has the draws of the study, else their changes are those of chance",
    "replicates": "every point has the same replicates",
}
"""Keys that no point may change, and why."""
SAME_PATIENTS = "Every point has the same patients and draws"
OTHER_SIZES = (
    "The number of patients differs by point: all have the same seed and replicates, but between points of other sizes "
    "a change is not paired patient by patient; its error is that of the differences of replicates"
)


@dataclass(frozen=True)
class Varied:
    """A key of the config by its dotted path, and the values it takes, as YAML texts."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class PointStudy:
    """A checked study with these values of its keys, and what is unusual about it."""

    study: Study
    settings: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def varied_of(texts: Sequence[str]) -> list[Varied]:
    """What the options ``--vary KEY=A,B,C`` say. Raises Refused for what cannot be read, and for anything twice."""
    if not texts:
        raise Refused(f"--vary: which key takes which values? {EXAMPLE}")
    found = [_varied(text) for text in texts]
    keys = [one.key for one in found]
    for k, key in enumerate(keys):
        if key in keys[:k]:
            raise Refused(f"--vary {cut(texts[k])}: {key} is varied already; give all its values in one --vary")
    if (many := prod(len(one.values) for one in found)) > MOST_POINTS:
        raise Refused(f"--vary: {many:,} points; allowed: at most {MOST_POINTS:,} ('vtrial optimise' searches more)")
    return found


def _varied(text: str) -> Varied:
    key, equals, said = text.partition("=")
    key = key.strip()
    if not (equals and key and said.strip()):
        raise Refused(f"--vary {cut(text)}: seen {'no values' if equals else 'no ='}; {EXAMPLE}")
    values = [value.strip() for value in split(said)]
    if not all(values):
        raise Refused(f"--vary {cut(text)}: seen an empty value between commas; {EXAMPLE}")
    for k, value in enumerate(values):
        if value in values[:k]:
            raise Refused(f"--vary {cut(text)}: seen {cut(value)} twice; give each value once")
    return Varied(key, tuple(values))


def split(said: str) -> list[str]:
    """The parts between commas that stand neither in brackets nor in quotes; quotes around a list are taken off."""
    parts, depth, quote = [""], 0, ""
    for letter in said:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and not parts[-1].strip():
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        if letter == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [re.sub(r"""^\s*(["'])(\[.*\])\1\s*$""", r"\2", part) for part in parts]


def grid(
    config: Path, varied: Sequence[Varied], overrides: Sequence[str] = (), seed: int | None = None,
    replicates: int | None = None,
) -> list[PointStudy]:  # fmt: skip
    """The study as it stands, first, then every other point of the grid.

    Settings that make the same numbers are one point, and said. Raises ConfigError with a line for every problem of a
    point, which names the point and the key, before anything runs.
    """
    base = load_checked(config, overrides, seed, replicates)
    _each_once(base, varied)
    stands = {one.key: standing(base, one.key, Place(f"--vary {one.key}")) for one in varied}
    points, problems = {_key(base.study): PointStudy(base.study, stands, base.warnings)}, dict[str, str]()
    for values in product(*(one.values for one in varied)):
        settings = dict(zip(stands, values, strict=True))
        try:
            found = load_checked(config, [*overrides, *_settings(settings)], seed, replicates)
        except ConfigError as error:
            problems |= {line: f"{point_name(settings)}: {line}" for line in error.messages if line not in problems}
            if len(problems) > MOST_SHOWN:
                break
            continue
        new = [line for line in found.warnings if line not in base.warnings and ": published" not in line]
        key = _key(found.study)
        same = points.get(key)
        if same is None:
            points[key] = PointStudy(found.study, settings, tuple(f"{point_name(settings)}: {line}" for line in new))
        elif found.study != same.study:
            line = f"{point_name(settings)}: the same numbers as {point_name(same.settings)}, which stands for both"
            points[key] = replace(same, warnings=(*same.warnings, line))
    if problems:
        raise ConfigError(list(problems.values()))
    if len(points) == 1:
        raise Refused("--vary: every point is the study as it stands; give other values")
    return list(points.values())


def _key(study: Study) -> str:
    """What makes the numbers of a point of a scan."""
    return point_of(study, tuple(chosen(study))).key


def _each_once(base: Config, varied: Sequence[Varied]) -> None:
    """Refused for a key that every point shares, that is varied under two spellings, or inside another one."""
    paths = [parts_of(base.tree, one.key, Place(f"--vary {one.key}")) for one in varied]
    for k, path in enumerate(paths):
        if path[0] in SAME_EVERYWHERE:
            why = SAME_EVERYWHERE[path[0]]
            raise Refused(f"--vary {varied[k].key}: {why}; --{path[0]} sets it for all of them")
        for j, other in enumerate(paths[:k]):
            if path[: len(other)] == other[: len(path)]:
                raise Refused(f"--vary {varied[k].key}: this is {varied[j].key}, or inside it, which is varied already")


def _settings(settings: Mapping[str, str]) -> list[Setting]:
    return [Setting(key, text, Place(f"--vary {key}={text}", depth=-1)) for key, text in settings.items()]


def point_name(settings: Mapping[str, str]) -> str:
    """A point in words: its keys and values."""
    return "point " + ", ".join(f"{key}={cut(value)}" for key, value in settings.items())


def standing(base: Config, key: str, place: Place) -> str:
    """The value of a key in the study as it stands, as text. Raises ConfigError for a path that cannot be one."""
    found = standing_value(base, key, place)
    return AS_IT_STANDS if found is None else _typed(found)


def standing_value(base: Config, key: str, place: Place) -> Any:
    """The same as a value; None where nothing stands."""
    parts = parts_of(base.tree, key, place)
    found = _at(plain(base.tree), parts)
    return _at(base.study.model_dump(mode="json", by_alias=True), parts) if found is None else found


def _at(data: Any, parts: Sequence[str]) -> Any:
    """What stands at a path of plain data; None where nothing does."""
    for part in parts:
        if isinstance(data, list):
            data = data[int(part)] if part.isdecimal() and int(part) < len(data) else None
        else:
            data = data.get(part) if isinstance(data, dict) else None
    return data


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_typed, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
