"""Two runs of one study side by side, for example with two parameter sets or structures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.evidence.results import ESTIMATES_FILE
from analysis.statistics.estimates import OVER, Estimate
from trial.jobs.provenance import read_manifest
from trial.study.study import Study

COMPARED = ("rate", "median", "geomean")
ARM_KEYS = ("id", "start_dose_mg", "placebo", "dose_rule")


@dataclass(frozen=True)
class Side:
    """One of the two runs: its study, manifest and estimates."""

    path: Path
    study: Study
    manifest: Mapping[str, Any]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Difference:
    """An endpoint of an arm in both runs, with Monte Carlo errors; None where it is not estimable.

    ``mcse`` of the difference takes the runs as independent. With the same seed they share their random numbers, and
    the error of the difference is then usually smaller.
    """

    endpoint: str
    arm: str
    stat: str
    unit: str
    a: float | None
    a_mcse: float | None
    b: float | None
    b_mcse: float | None
    difference: float | None
    mcse: float | None


def read_side(path: Path, study: Study) -> Side:
    """What a comparison needs of a run folder. Raises OSError when a file is missing."""
    rows = pq.read_table(path / ESTIMATES_FILE).to_pylist()
    return Side(path, study, read_manifest(path), tuple(Estimate(**row) for row in rows))


def problems(a: Side, b: Side) -> list[str]:
    """Why two runs cannot be compared: arms or endpoints that differ; empty when they can."""
    found = []
    arms = [{arm.id: tuple(getattr(arm, key) for key in ARM_KEYS[1:]) for arm in side.study.arms} for side in (a, b)]
    ids = [", ".join(found_arms) for found_arms in arms]
    if set(arms[0]) != set(arms[1]):
        found.append(f"the arms differ: {ids[0]} in {a.path}, {ids[1]} in {b.path}")
    for arm in arms[0].keys() & arms[1].keys():
        for key, one, other in zip(ARM_KEYS[1:], arms[0][arm], arms[1][arm], strict=True):
            if one != other:
                found.append(f"arm {arm}: {key} is {one} in {a.path}, {other} in {b.path}")
    codes = [{e.PARAMCD for e in side.estimates} for side in (a, b)]
    for only, side in ((codes[0] - codes[1], a), (codes[1] - codes[0], b)):
        if only:
            found.append(f"the endpoints differ: {', '.join(sorted(only))} only in {side.path}")
    return sorted(found)


def compared(a: Sequence[Estimate], b: Sequence[Estimate]) -> list[Difference]:
    """Every summary over replicates of each endpoint and arm, in the order of the first run."""
    there = {(e.PARAMCD, e.ARM, e.STAT): e for e in b if e.SCOPE == OVER and e.PARCAT1 == "endpoint"}
    rows = [e for e in a if e.SCOPE == OVER and e.PARCAT1 == "endpoint" and e.STAT in COMPARED]
    return [_difference(e, there[e.PARAMCD, e.ARM, e.STAT]) for e in rows if (e.PARAMCD, e.ARM, e.STAT) in there]


def _difference(a: Estimate, b: Estimate) -> Difference:
    change = b.ESTIMATE - a.ESTIMATE if a.ESTIMATE is not None and b.ESTIMATE is not None else None
    error = math.hypot(a.MCSE, b.MCSE) if change is not None and a.MCSE is not None and b.MCSE is not None else None
    return Difference(a.PARAMCD, a.ARM, a.STAT, a.UNIT, a.ESTIMATE, a.MCSE, b.ESTIMATE, b.MCSE, change, error)
