"""A goal file and its study: what is searched for has to be there, before anything runs; and the study of a point."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis.endpoints import endpoints_of, lacking
from analysis.endpoints.contract import Endpoint
from cohorts.files import is_regular
from trial.app.grid_points import OTHER_SIZES, SAME_EVERYWHERE, PointStudy, standing, standing_value
from trial.app.loading import load_checked
from trial.app.points import VISITS
from trial.app.sampling import ends_of, value_of
from trial.errors import ConfigError, cut
from trial.study.checks import MOST_BYTES
from trial.study.goal import Goal, SearchedKey, load_goal
from trial.study.load import Setting, load_config
from trial.study.placed import Place
from trial.study.protocol import Problem, not_among
from trial.study.study import Study
from trial.study.yamltree import parts_of

NO_KEY = re.compile(r"unknown key|does not exist|for an entry of|allowed: a path|allowed: (a |true|text|whole|number)")
"""What is said of a key that is none, or of a value of a wrong kind: no other value of other keys puts it right."""


@dataclass(frozen=True)
class Aim:
    """A checked goal with the study as it stands; ``values``: what its searched keys, and ``also``, are there."""

    goal: Goal
    base: PointStudy
    values: Mapping[str, Any]

    @property
    def known(self) -> dict[str, Endpoint]:
        """Every endpoint of the study, and VISITS."""
        return measures(self.base.study)

    def changed(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The keys of a point whose value is another one than in the study as it stands, there or beside it."""
        return {
            one.key: settings[one.key]
            for one in self.goal.keys
            if any(self.values[path] != value_of(settings[one.key]) for path in (one.key, *one.also))
        }

    @property
    def sizes(self) -> bool:
        """Whether the number of patients is searched."""
        return any("patients" in (one.key, *one.also) for one in self.goal.keys)

    @property
    def names(self) -> list[str]:
        """ "Endpoint|arm" of every objective and limit, each once."""
        return list(dict.fromkeys([*(o.name for o in self.goal.objectives), *(one.name for one in self.goal.limits)]))

    @property
    def codes(self) -> tuple[str, ...]:
        """The endpoints of all of them."""
        return tuple(dict.fromkeys(name.partition("|")[0] for name in self.names))


def measures(study: Study) -> dict[str, Endpoint]:
    """The endpoints that a study can have, and VISITS."""
    known = {code: one for code, one in endpoints_of(study.analysis).items() if not lacking(one, study)}
    return known | {VISITS: _visits()}


def _visits() -> Endpoint:
    def none(*_: object) -> Any:
        raise NotImplementedError

    return Endpoint(VISITS, "Visits with a count after baseline", "visits", "lower", "", "mean", none)


def load_aim(path: Path) -> Aim:
    """The goal of a YAML file and its study. Raises ConfigError with every problem found, each with its line."""
    goal = load_goal(path, lambda data: _problems(data, path.parent))
    config = load_checked(Path(goal.study))
    stands = {one.key: standing(config, one.key, Place(one.key)) for one in goal.keys}
    paths = [path for one in goal.keys for path in (one.key, *one.also)]
    values = {path: standing_value(config, path, Place(path)) for path in paths}
    aim = Aim(goal, PointStudy(config.study, stands, config.warnings), values)
    return replace(aim, base=replace(aim.base, warnings=(*config.warnings, f"{OTHER_SIZES}."))) if aim.sizes else aim


def variant(
    goal: Goal, settings: Mapping[str, str], seed: int | None = None, replicates: int | None = None
) -> PointStudy:
    """The checked study with these values of searched keys. Raises ConfigError where it is none."""
    asked = [
        Setting(path, settings[one.key], Place(f"{path}={cut(settings[one.key])}", depth=-1))
        for one in goal.keys
        if one.key in settings
        for path in (one.key, *one.also)
    ]
    found = load_checked(Path(goal.study), asked, seed, replicates)
    return PointStudy(found.study, dict(settings), found.warnings)


def _problems(data: Mapping[str, Any], base: Path) -> Iterator[Problem]:
    """A study that cannot be loaded, endpoints and arms it does not have, keys it does not know; data may be wrong."""
    name = data.get("study")
    if not isinstance(name, str):
        return
    if not is_regular(base / name, MOST_BYTES):
        yield ("study",), f"there is no file {cut(str(base / name), 200)}; names are relative to this file"
        return
    try:
        study = load_checked(base / name)
    except ConfigError as error:
        yield from ((("study",), line) for line in error.messages)
        return
    known = measures(study.study)
    for group in ("objectives", "limits"):
        for k, one in enumerate(_entries(data.get(group))):
            for key, allowed, what in (
                ("endpoint", known, "an endpoint of the study, nor VISITS"),
                ("arm", study.study.arm_ids, "an arm of the study"),
            ):
                said = one.get(key) if isinstance(one, dict) else None
                if isinstance(said, str) and said not in allowed:
                    yield (group, k, key), not_among(said, allowed, what)
    confirm = data.get("confirm")
    if isinstance(confirm, dict) and confirm.get("seed") == study.study.seed:
        why = (
            f"seen {study.study.seed}, which is the seed of the study: its draws are those of the search; give another"
        )
        yield ("confirm", "seed"), why
    seen: dict[tuple[str, ...], str] = {}
    for k, one in enumerate(_entries(data.get("keys"))):
        try:
            searched = SearchedKey.model_validate(one)
        except ValidationError:
            continue
        yield from _unusable(base / name, searched, k, study.tree, seen)


def _unusable(study: Path, key: SearchedKey, k: int, tree: Any, seen: dict[tuple[str, ...], str]) -> Iterator[Problem]:
    """A path that is no key of the study, that another one spells too, or a value of a wrong kind."""
    for j, path in enumerate((key.key, *key.also)):
        place = ("keys", k, "also", j - 1) if j else ("keys", k, "key")
        try:
            parts = tuple(parts_of(tree, path, Place(path)))
        except ConfigError as error:
            yield place, error.messages[0]
            continue
        if parts in seen:
            yield place, f"seen {path}, which is {seen[parts]}; each key once"
        seen[parts] = path
        if parts[0] in SAME_EVERYWHERE:
            yield place, f"seen {path}; {SAME_EVERYWHERE[parts[0]]}"
            continue
        for end, text in ends_of(key).items():
            problem = _no_key(study, Setting(path, text, Place(f"{path}={cut(text)}", depth=-1)))
            if problem:
                unknown = "unknown key" in problem or "does not exist" in problem or "for an entry" in problem
                where = place if unknown else ("keys", k, *(("choices", int(end)) if key.choices else (end,)))
                yield where, problem
                break


def _no_key(study: Path, setting: Setting) -> str:
    """Why a value of a key can be none whatever the other keys are; "" where it may be."""
    try:
        load_config(study, [setting])
    except ConfigError as error:
        mine = [line for line in error.messages if line.startswith(str(setting.place)) and NO_KEY.search(line)]
        return mine[0] if mine else ""
    return ""


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
