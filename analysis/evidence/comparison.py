"""Two sides: runs, arms or stages, for example runs with two parameter sets: what they have in common, and what not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.endpoints.records import Array
from analysis.evidence.results import ENDPOINTS_FILE, ESTIMATES_FILE
from analysis.statistics import summaries
from analysis.statistics.estimates import ALL, OVER, PERCENT, Estimate, rates, read_estimates
from analysis.statistics.estimators import over_replicates
from analysis.statistics.summaries import LOCATION, Summary
from trial.jobs.provenance import read_manifest
from trial.study.study import Study

COMPARED = ("rate", *LOCATION.values())
ARM_KEYS = ("start_dose_mg", "start_dose_by", "placebo", "dose_rule")


@dataclass(frozen=True)
class Side:
    """A run, or one of its stages: study, manifest, estimates, and endpoints summed up by replicate.

    ``endpoints``: their table; None: that of the folder.
    """

    path: Path
    study: Study
    manifest: Mapping[str, Any]
    estimates: tuple[Estimate, ...]
    summaries: Mapping[str, Summary]
    stage: str = ""
    endpoints: Path | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.path}, stage {self.stage}" if self.stage else str(self.path)

    @property
    def rows(self) -> dict[tuple[str, str, str], Estimate]:
        """The summaries over replicates of each endpoint and arm by (endpoint, arm, statistic)."""
        chosen = (e for e in self.estimates if e.SCOPE == OVER and e.PARCAT1 == "endpoint" and e.STAT in COMPARED)
        return {(e.PARAMCD, e.ARM, e.STAT): e for e in chosen}


@dataclass(frozen=True)
class Difference:
    """An endpoint of an arm on both sides, with Monte Carlo errors; None where it is not estimable."""

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
    found = summaries.of_file(path / ENDPOINTS_FILE, study)
    return Side(path, study, read_manifest(path), read_estimates(path / ESTIMATES_FILE), found)


Arms = Sequence[tuple[str, str]]
"""Which arm of the first side is compared with which of the second."""


def same_arms(a: Side, b: Side) -> Arms:
    """The arms that both have."""
    return [(arm, arm) for arm in a.study.arm_ids if arm in b.study.arm_ids]


def paired(a: Side, b: Side) -> bool:
    """Whether replicates of the same number share their random numbers: runs of one seed."""
    return a.study.seed == b.study.seed


def left_out(a: Side, b: Side, arms: Arms = ()) -> list[str]:
    """What only one of the sides has, and arms of one name that are not the same: a sentence each. Of ``arms`` that are
    named nothing is said.
    """
    found = []
    have = [("endpoints", tuple(a.summaries), tuple(b.summaries))]
    for what, one, other in (*[("arms", a.study.arm_ids, b.study.arm_ids)] * (not arms), *have):
        for only, side in ((_without(one, other), a), (_without(other, one), b)):
            if only:
                found.append(f"left out, only in {side.name}: {what} {', '.join(only)}")
    if paired(a, b) and a.study.replicates != b.study.replicates:
        longer = max((a, b), key=lambda side: side.study.replicates)
        common = min(a.study.replicates, b.study.replicates)
        found.append(f"left out, only in {longer.name}: replicates {common} to {longer.study.replicates - 1}")
    found += [f"{code} is defined otherwise in {b.name}" for code in _other_definitions(a, b)]
    return found if arms else found + _other_arms(a, b)


def _other_definitions(a: Side, b: Side) -> list[str]:
    """Endpoints that both define, each in its own way."""
    mine, other = ({one.id: one for one in side.study.analysis.definitions} for side in (a, b))
    return [code for code in mine if code in other and mine[code] != other[code]]


def _without(some: Iterable[str], others: Iterable[str]) -> list[str]:
    known = set(others)
    return [name for name in some if name not in known]


def _other_arms(a: Side, b: Side) -> list[str]:
    """Arms of the same name that are treated differently."""
    arms = {arm.id: arm for arm in b.study.arms}
    return [
        f"arm {one.id}: {key} is {getattr(one, key)} in {a.path}, {getattr(arms[one.id], key)} in {b.path}"
        for one in a.study.arms
        if one.id in arms
        for key in ARM_KEYS
        if getattr(one, key) != getattr(arms[one.id], key)
    ]


def compared(a: Side, b: Side, arms: Arms = ()) -> list[Difference]:
    """Every summary over replicates of the endpoints that both have, in the order of the first: of the ``arms``, or of
    those that both have and of all together.

    Sides of one seed are compared replicate by replicate, over those that both have: the error is that of the paired
    differences. Runs of two seeds are independent. Empty when nothing is in common.
    """
    there, others = b.rows, dict(arms or [(arm, arm) for _, arm, _ in a.rows])
    keys = {(code, arm, stat): (code, others[arm], stat) for code, arm, stat in a.rows if arm in others}
    both = [(a.rows[key], there[other]) for key, other in keys.items() if other in there]
    return [_paired(one, other, a, b) if paired(a, b) else _independent(one, other) for one, other in both]


def arms_in_words(one: str, other: str) -> str:
    """An arm of both sides, or one of each."""
    return one if one == other else f"{one} / {other}"


def _independent(a: Estimate, b: Estimate) -> Difference:
    change = b.ESTIMATE - a.ESTIMATE if a.ESTIMATE is not None and b.ESTIMATE is not None else None
    error = math.hypot(a.MCSE, b.MCSE) if change is not None and a.MCSE is not None and b.MCSE is not None else None
    arm = arms_in_words(a.ARM, b.ARM)
    return Difference(a.PARAMCD, arm, a.STAT, a.UNIT, a.ESTIMATE, a.MCSE, b.ESTIMATE, b.MCSE, change, error)


def _paired(a: Estimate, b: Estimate, side_a: Side, side_b: Side) -> Difference:
    """Over the replicates of both; the difference over those with a value in both."""
    common = min(side_a.study.replicates, side_b.study.replicates)
    one, other = (_by_replicate(e, side)[:common] for e, side in ((a, side_a), (b, side_b)))
    numbers = [
        None if np.isnan(part) else float(part)
        for values in (one, other, other - one)
        for part in over_replicates(values)[:2]
    ]
    return Difference(a.PARAMCD, arms_in_words(a.ARM, b.ARM), a.STAT, a.UNIT, *numbers)


def _by_replicate(e: Estimate, side: Side) -> Array:
    """(R,) what ``e`` is the mean of."""
    found = side.summaries[e.PARAMCD]
    arms = slice(None) if e.ARM == ALL else [side.study.arm_ids.index(e.ARM)]
    if e.STAT == "rate":
        return PERCENT * rates(found.events[:, arms].sum(axis=1), found.sizes[:, arms].sum(axis=1))
    return found.location[:, arms][:, 0]
