"""The register of dated forecasts of running trials: made once, hashed, never rewritten; a result is kept beside it.

A forecast is ``<study id>_v<n>.json`` in the folder of its config. It holds the registry's text as read, the whole
config, seed, engine and parameter sets, and for every result of the study its predictive law over replicates, each a
trial of the registered size: mean and intervals of 50, 80 and 95 %. Where a set stands in for the drug in the
other structure, the law is the mixture of both by their weights (in version 1: half of each). A result is
``<forecast>.result.csv`` beside it. The hashes of all forecasts stand in ``hashes.csv`` too, so that one that was
changed and hashed again is seen.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of
from analysis.evidence.roles import rows_of
from analysis.evidence.stacking import quantile
from analysis.text import cells
from cohorts.sets import parameter_set
from cohorts.stand_ins import other_set, weights_of
from trial.app.loading import load_checked
from trial.app.structures import drawn_of, refuse_unusable_pair
from trial.app.study_run import POSTERIORS, cores, facts_of, posteriors
from trial.errors import Refused
from trial.jobs.provenance import engine_version, text_hash
from trial.study.load import resolved_yaml
from trial.study.protocol import not_among
from trial.study.study import Study

LEVELS = (50, 80, 95)
FOLDER = Path("forecasts")
REGISTRY_KEYS = ("Trial", "Read", "Source", "Status", "Primary", "Enrolment")
RESULT_COLUMNS = ("endpoint", "arm", "value", "source")
HASHES = "hashes.csv"
HASH_COLUMNS = ("id", "version", "sha256", "date")
WIDTHS = {
    "none": "Replicates alone; no parameter is moved, so that the intervals are too narrow.",
    "fitted": "Replicates and, as far as standard errors are known, parameters; values that are assumed are not moved "
    "yet, so that the intervals are too narrow.",
    "all": "Replicates, parameters by their standard errors as far as these are known, and what is assumed by its "
    "prior.",
    "posterior": "Replicates, what the posterior holds by its draws, other parameters by their standard errors as far "
    "as these are known, and what else is assumed by its prior.",
}
"""What the intervals hold, by ``parameter_uncertainty``."""


@dataclass(frozen=True)
class Said:
    """What a forecast says of an endpoint and arm; ``limits``: lower and upper by level; ``means`` by set."""

    endpoint: str
    label: str
    arm: str
    unit: str
    primary: bool
    mean: float
    limits: dict[str, list[float]]
    means: dict[str, float]


@dataclass(frozen=True)
class Held:
    """A line of the register: a forecast beside its result, if there is one; ``hit`` yes, no, or blank."""

    forecast: str
    trial: str
    made: str
    said: Said
    result: str = ""
    hit: str = ""


def make(config: Path, workers: int | None = None) -> Path:
    """Forecast the trial of ``config`` into a new file beside it; earlier ones stay. Raises Refused, ConfigError."""
    registry = read_registry(config.with_suffix(".registry.md"))
    listed_hashes(config.parent)
    study = load_checked(config).study
    paired = other_set(study.parameter_set) is not None
    studies = refuse_unusable_pair(study) if paired else {study.parameter_set: study}
    weights = weights_of(study.parameter_set) if paired else {study.parameter_set: 1.0}
    drawn = {name: drawn_of(one, workers or cores()) for name, one in studies.items()}
    resolved = resolved_yaml(study)
    drawn_from = {name: sha for one in studies.values() for name, sha in posteriors(one).items()}
    content: dict[str, Any] = {
        "trial": registry["Trial"],
        "study": study.id,
        "made": date.today().isoformat(),
        "registry": registry,
        "width": width_in_words("posterior" if drawn_from else study.parameter_uncertainty),
        "parameter_uncertainty": study.parameter_uncertainty,
        "seed": study.seed,
        "replicates_of_each_set": study.replicates,
        "engine_version": engine_version(),
        "parameter_sets": {name: _set_hash(one) for name, one in studies.items()},
        **({POSTERIORS: drawn_from} if drawn_from else {}),
        "weights": weights,
        "config_sha256": text_hash(resolved),
        "config": resolved,
        "predictions": [asdict(said) for said in _said(study, drawn, weights)],
    }
    path, said = _next(config), _hash(content)
    path.write_text(json.dumps({"sha256": said, **content}, indent=1) + "\n", encoding="utf-8")
    _list_hash(path, said, content["made"])
    return path


def _list_hash(path: Path, said: str, made: str) -> None:
    """Add a new forecast to the list of hashes beside it, which is begun where there is none."""
    listed, (name, version) = path.with_name(HASHES), path.stem.rsplit("_v", 1)
    begun = listed.is_file()
    with listed.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([] if begun else [HASH_COLUMNS])
        writer.writerow((name, version, said, made))


def listed_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every forecast of a folder by its name, as in one_v1; none without a list. Raises Refused."""
    path = folder / HASHES
    if not path.is_file():
        return {}
    rows = [(f"{row['id']}_v{row['version']}", row["sha256"]) for _, row in _rows(path, HASH_COLUMNS)]
    found = dict(rows)
    if len(found) < len(rows):
        twice = sorted({name for name, _ in rows if [n for n, _ in rows].count(name) > 1})
        raise Refused(f"{path}: {', '.join(twice)} is listed twice; a forecast is made once")
    return found


def width_in_words(what: bool | str) -> str:
    """What the intervals of a forecast hold, by its ``parameter_uncertainty``."""
    return WIDTHS[what if isinstance(what, str) else "fitted" if what else "none"]


def _said(
    study: Study, drawn: Mapping[str, Mapping[str, NDArray[np.float64]]], weights: Mapping[str, float]
) -> list[Said]:
    known, found = endpoints_of(study.analysis), []
    for code in next(iter(drawn.values())):
        scale = 100.0 if known[code].summary == "rate" else 1.0
        for k, arm in enumerate(study.arm_ids):
            by_set = {name: scale * values[code][:, k] for name, values in drawn.items()}
            by_set = {name: v[np.isfinite(v)] for name, v in by_set.items()}
            if not all(v.size for v in by_set.values()):
                continue
            limits = {str(level): _limits(by_set, weights, level) for level in LEVELS}
            means = {name: round(float(v.mean()), 3) for name, v in by_set.items()}
            primary, unit = code == study.analysis.primary, known[code].unit
            mean = round(sum(weights[name] * float(v.mean()) for name, v in by_set.items()), 3)
            found.append(Said(code, known[code].label, arm, unit, primary, mean, limits, means))
    return found


def _limits(by_set: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float], level: int) -> list[float]:
    """Limits of the mixture of the replicates of each set, (R,) each, by the weights of the sets."""
    every = np.concatenate(list(by_set.values()))
    share = np.concatenate([np.full(v.size, weights[name] / v.size) for name, v in by_set.items()])
    tail = (100 - level) / 200
    return [round(quantile(every, share, at), 3) for at in (tail, 1 - tail)]


def _set_hash(study: Study) -> str:
    chosen = parameter_set(study.parameter_set)
    return text_hash(json.dumps([chosen.structure, facts_of(study)["parameters"]], sort_keys=True, default=str))


def _hash(content: Mapping[str, Any]) -> str:
    return text_hash(json.dumps({k: v for k, v in content.items() if k != "sha256"}, sort_keys=True))


def _next(config: Path) -> Path:
    """The file of the next forecast of this trial: one more than the highest there is or was."""
    names = [p.stem for p in config.parent.glob(f"{config.stem}_v*.json")]
    names += [name for name in listed_hashes(config.parent) if name.rpartition("_v")[0] == config.stem]
    there = [int(m[1]) for name in names if (m := re.search(r"_v(\d+)$", name))]
    return config.with_name(f"{config.stem}_v{max(there, default=0) + 1}.json")


def read_registry(path: Path) -> dict[str, str]:
    """What the registry said: keys ``REGISTRY_KEYS``, one a line, and the text below them. Raises Refused."""
    if not path.is_file():
        raise Refused(f"{path}: not there; a forecast needs the registry's text as read ({', '.join(REGISTRY_KEYS)})")
    head, _, text = path.read_text(encoding="utf-8").partition("\n\n")
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in head.splitlines())}
    missing = [key for key in REGISTRY_KEYS if not found.get(key)]
    if missing or not text.strip():
        raise Refused(f"{path}: missing {', '.join(missing) or 'the text below the first empty line'}")
    try:
        date.fromisoformat(found["Read"])
    except ValueError:
        raise Refused(f"{path}: Read: seen {found['Read']!r}; allowed: a day as in 2026-12-01") from None
    return {key: found[key] for key in REGISTRY_KEYS} | {"text": " ".join(text.split())}


def read_forecast(path: Path) -> dict[str, Any]:
    """A forecast as it was made. Raises Refused when it is not there, cannot be read, or was changed since."""
    if not path.is_file():
        ids = [p.stem for p in sorted(path.parent.glob("*_v*.json"))]
        raise Refused(f"forecast: {not_among(path.stem, ids, 'a forecast of ' + str(path.parent))}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        said = content["sha256"]
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{path}: is no forecast, or was damaged") from None
    if said != _hash(content):
        raise Refused(
            f"{path}: was changed after it was made; a forecast is never rewritten, a new one stands beside it"
        )
    listed = listed_hashes(path.parent).get(path.stem)
    if listed != said:
        seen = "is not listed" if listed is None else f"is listed as {listed[:12]}, its file has {str(said)[:12]}"
        raise Refused(f"{path}: {seen} in {HASHES}; a forecast is made by 'vtrial forecast make' and never rewritten")
    return dict(content)


def score(name: str, result: Path, folder: Path = FOLDER) -> list[Held]:
    """Keep the result of a trial beside its forecast; the lines with their hits. Raises Refused; rewrites nothing."""
    path = folder / f"{name}.json"
    content, rows = read_forecast(path), _results(result)
    known = {(p["endpoint"], p["arm"]) for p in content["predictions"]}
    for line, row in rows:
        if (row["endpoint"], row["arm"]) not in known:
            said = ", ".join(f"{e} of {a}" for e, a in sorted(known))
            raise Refused(f"{result}:{line}: seen {row['endpoint']} of {row['arm']}; the forecast says {said}")
    kept = path.with_suffix(".result.csv")
    text = result.read_text(encoding="utf-8")
    if kept.exists() and kept.read_text(encoding="utf-8") != text:
        raise Refused(f"{kept}: another result is there already; it is not replaced")
    kept.write_text(text, encoding="utf-8")
    return lines_of(path)


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with the number of their last line. Raises Refused for other columns."""
    try:
        return rows_of(path, columns)
    except ValueError as error:
        raise Refused(f"{path.parent}/{error}") from None


def _results(path: Path) -> list[tuple[int, dict[str, str]]]:
    if not path.is_file():
        raise Refused(f"{path}: is no file; a result is a CSV with the columns {', '.join(RESULT_COLUMNS)}")
    rows = _rows(path, RESULT_COLUMNS)
    for line, row in rows:
        try:
            wrong = not np.isfinite(float(row["value"]))
        except (TypeError, ValueError):
            wrong = True
        if wrong or not row["source"]:
            raise Refused(f"{path}:{line}: value: seen {row['value']!r}; needed: a number, and a source")
    if not rows:
        raise Refused(f"{path}: no result is in it")
    return rows


def lines_of(path: Path) -> list[Held]:
    """The lines of one forecast, with its result where there is one; a hit is inside the interval of 95 %."""
    content, kept = read_forecast(path), path.with_suffix(".result.csv")
    results = {(r["endpoint"], r["arm"]): r["value"] for _, r in _results(kept)} if kept.exists() else {}
    found = []
    for said in (Said(**p) for p in content["predictions"]):
        value = results.get((said.endpoint, said.arm), "")
        low, high = said.limits["95"]
        hit = "" if not value else "yes" if low <= float(value) <= high else "no"
        found.append(Held(path.stem, content["trial"], content["made"], said, value, hit))
    return found


def register(folder: Path = FOLDER) -> str:
    """The whole register as a table in Markdown, and what is not said, with the reason."""
    paths = sorted(folder.glob("*_v*.json"))
    if gone := sorted(set(listed_hashes(folder)) - {path.stem for path in paths}):
        raise Refused(f"{folder / HASHES}: {', '.join(gone)}: listed, but not there; a forecast is never taken away")
    rows = [held for path in paths for held in lines_of(path)]
    head = "| forecast | trial | made | endpoint | arm | mean | 80 % | 95 % | result | hit |\n" + "| --- " * 10 + "|\n"
    text = head + "".join(_line(held) for held in rows)
    with (folder / "not_said.csv").open(encoding="utf-8", newline="") as stream:
        unsaid = [f"- {row['trial']}: not said; {row['reason']}.\n" for row in csv.DictReader(stream)]
    return f"{text}\n{''.join(unsaid)}"


def _line(held: Held) -> str:
    said = held.said
    limits = [
        f"{_number(low, said.unit)} to {_number(high, said.unit)}"
        for low, high in (said.limits["80"], said.limits["95"])
    ]
    what = f"{said.endpoint}{' (primary here)' if said.primary else ''}, {said.unit}"
    mean = _number(said.mean, said.unit)
    told: Sequence[str] = (held.forecast, held.trial, held.made, what, said.arm, mean, *limits, held.result, held.hit)
    return f"| {' | '.join(told)} |\n"


def _number(value: float, unit: str) -> str:
    return cells.rounded(value, 1) if unit == "%" else cells.significant(value)
