"""The laboratory: what it reports of true values, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cohorts.noise import assay
from cohorts.screening import report
from trial.engine.draws import Unit
from trial.study.analytes import PLATELETS, Laboratory
from trial.study.protocol import PKSampling

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
LOST, CLUMPED = 1, 2
"""Why a visit that took place has no count."""
NOBODY: Array = np.empty(0)


@dataclass(frozen=True)
class Reported:
    """The platelet counts of one visit, (n,) each; NaN where there is none.

    count: the one that decides, reported on the day ``known``. analysed: the one the endpoints read, of ``day``, with
    ``true``, the true count; ``lacks``: why it is not there (0, LOST, CLUMPED). other: that of the second laboratory;
    first: the one that a re-test has replaced. Both empty where a study has none.
    """

    count: Array
    known: Ints
    analysed: Array
    day: Ints
    true: Array
    lacks: NDArray[np.int8]
    other: Array = field(default_factory=lambda: NOBODY)
    first: Array = field(default_factory=lambda: NOBODY)


def report_count(laboratory: Laboratory, true: Array, z: Array, assay_cv: Array) -> Array:
    """The count the clinic gets (10^9/L): assay error, then as the laboratory reports it. NaN stays NaN."""
    return report(assay(true, z, assay_cv), laboratory)


def whole_counts(unit: Unit, truths: Sequence[Array]) -> Array:
    """(n, V) what the laboratory that the endpoints read would report of the true counts ``truths`` (n,) of every
    visit, had each taken place, no sample been lost or clumped and none been taken again.
    """
    laboratory, drawn, central = unit.study.laboratory, unit.drawn, unit.study.laboratory.central
    z, own = drawn.count_z, None
    if central and central.analysed:
        assert drawn.samples.central_z is not None
        z, own = drawn.samples.central_z, central.assay_cv
    found = []
    for k, true in enumerate(truths, start=1):
        cv = unit.on(PLATELETS.cv, drawn.visit_day[:, k])
        found.append(report_count(laboratory, true, z[:, k], cv if own is None else np.full_like(true, own)))
    return np.stack(found, axis=1)


def counts_of(unit: Unit, true: Array, cv: Array, visit: int) -> Reported:
    """What both laboratories report of the ``true`` counts of a visit (NaN: it did not take place); what is seen later
    than at the start of a day is known on the next.
    """
    laboratory, samples, day = unit.study.laboratory, unit.drawn.samples, unit.drawn.visit_day[:, visit]
    lacks = np.zeros(len(day), dtype=np.int8)
    tube = true
    if samples.clumped is not None and laboratory.clumping:
        tube = np.where(samples.clumped[:, visit], true * laboratory.clumping.factor, true)
        if samples.noticed is not None:
            lacks[samples.clumped[:, visit] & samples.noticed[:, visit]] = CLUMPED
    if samples.lost is not None:
        lacks[samples.lost[:, visit]] = LOST
    local = report_count(laboratory, tube, unit.drawn.count_z[:, visit], cv)
    local = np.where(lacks > 0, np.nan, local) if lacks.any() else local
    late = 0 if unit.drawn.visit_h is None else unit.drawn.visit_h[:, visit] > 0
    found = Reported(local, day + laboratory.known_after_days + late, local, day, true, lacks)
    found = _with_central(unit, found, cv, visit) if laboratory.central else found
    return replace(found, true=np.where(found.lacks > 0, np.nan, true)) if found.lacks.any() else found


def _with_central(unit: Unit, local: Reported, cv: Array, visit: int) -> Reported:
    """With the counts of the central laboratory, and who reads which."""
    laboratory, samples = unit.study.laboratory, unit.drawn.samples
    central = laboratory.central
    assert central is not None and samples.central_z is not None
    own = cv if central.assay_cv is None else np.full_like(cv, central.assay_cv)
    count, lacks = report_count(laboratory, local.true, samples.central_z[:, visit], own), np.zeros_like(local.lacks)
    if samples.central_lost is not None:
        lacks[samples.central_lost[:, visit]] = LOST
        count = np.where(lacks > 0, np.nan, count)
    decides = count if central.decides else local.count
    if central.analysed:
        return replace(local, count=decides, analysed=count, other=local.analysed, lacks=lacks)
    return replace(local, count=decides, other=count)


def asks_again(unit: Unit, counts: Reported, bleeding: Array, leave_day: Ints, visit: int) -> Flags:
    """Who is to come for a re-test, (n,): after an extreme count or none, but not who bleeds so much that a rescue is
    given at the visit, nor who has left by then, nor after the last visit.
    """
    again, days = unit.study.laboratory.retest, unit.study.visits.days
    if again is None or visit == len(days):
        return np.zeros(len(counts.count), dtype=bool)
    count = counts.count
    extreme = np.isnan(count)
    if again.below_1e9L is not None:
        extreme |= count < again.below_1e9L
    if again.at_least_1e9L is not None:
        extreme |= count >= again.at_least_1e9L
    grades = [a.bleeding_at_least for a in unit.study.rescue.agents if a.bleeding_at_least is not None]
    bleeds = bleeding >= min(grades, default=np.inf)
    there = unit.drawn.visit_day[:, visit] + unit.study.laboratory.retest_days < leave_day
    return extreme & ~np.isnan(bleeding) & ~bleeds & there


def with_retest(unit: Unit, first: Reported, asked: Flags, true: Array, cv: Array, visit: int) -> Reported:
    """The counts after a re-test of those ``asked``, whose true counts are ``true``, NaN where it failed: the first
    ones stand there.
    """
    laboratory, samples = unit.study.laboratory, unit.drawn.samples
    assert samples.again_z is not None
    tube = true
    if samples.again_clumped is not None and laboratory.clumping:
        tube = np.where(samples.again_clumped[:, visit], true * laboratory.clumping.factor, true)
    again = report_count(laboratory, tube, samples.again_z[:, visit], cv)
    done, late = asked & ~np.isnan(again), laboratory.retest_days
    local = {"count": np.where(done, again, first.count), "known": np.where(done, first.known + late, first.known)}
    if laboratory.central and laboratory.central.analysed:
        return replace(
            first, **local, other=np.where(done, again, first.other), first=np.where(done, first.other, np.nan)
        )
    return replace(
        first,
        **local,
        analysed=local["count"],
        day=np.where(done, first.day + late, first.day),
        true=np.where(done, true, first.true),
        lacks=np.where(done, 0, first.lacks).astype(np.int8),
        first=np.where(done, first.count, np.nan),
    )


def report_concentration(sampling: PKSampling | None, true: Array, z: Array, assay_cv: Array) -> Array:
    """The concentrations the clinic gets (ng/mL): assay error, NaN below the limit of quantification."""
    measured = assay(true, z, assay_cv)
    return np.where(measured < sampling.lloq_ng_mL, np.nan, measured) if sampling else measured
