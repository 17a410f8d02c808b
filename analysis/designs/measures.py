"""Operating characteristics: what trials of a design come to, with an error that covers the pool and the drawing.

Trials of one sub-pool share patients, those of two do not: the spread of a measure over the G sub-pools tells its
error, SD / sqrt(G), and its 95 % interval has the t law of G - 1 degrees of freedom. A rate of 0 or 1 has the limits of
Clopper and Pearson over the trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr, stdtrit

from analysis.designs.plan import Trials
from analysis.designs.pool import Codes
from analysis.designs.tried import Outcomes
from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.statistics.estimators import clopper_pearson
from analysis.statistics.sequential import HIGHEST
from analysis.statistics.sequential_estimates import median_unbiased, repeated_half_widths

DESIGNS_FILE = "designs.parquet"
LABELS = {
    "design": ("Design", ""),
    "scenario": ("Scenario", ""),
    "truth": ("planned, or the null hypothesis that holds", ""),
    "patients": ("Patients of the design, all arms", ""),
    "measure": ("What is measured", ""),
    "about": ("Hypothesis or look it is about", ""),
    "value": ("Value", "see unit"),
    "error": ("Error of the pool and of the drawing", "see unit"),
    "low": ("Lower limit, 95 %", "see unit"),
    "high": ("Upper limit, 95 %", "see unit"),
    "trials": ("Trials", ""),
    "unit": ("Unit", ""),
}
AS_SIMULATED = "as simulated"


@dataclass(frozen=True)
class Operating:
    """One row: a measure of a design at one size in one scenario, under what holds (``truth``)."""

    design: str
    scenario: str
    truth: str
    patients: int
    measure: str
    about: str
    value: float
    error: float
    low: float
    high: float
    trials: int
    unit: str


OPERATING_SCHEMA = schema_of(Operating, LABELS)


def write_operating(rows: Sequence[Operating], folder: Path) -> Path:
    """Write designs.parquet into ``folder``; its path."""
    return write_records(rows, folder / DESIGNS_FILE, OPERATING_SCHEMA)


def read_operating(folder: Path) -> list[Operating]:
    """The rows of designs.parquet; none when there is no such file."""
    return read_records(folder / DESIGNS_FILE, Operating)


def measured_over(value: Array, group: Codes, rate: bool) -> tuple[float, float, float, float]:
    """Mean of ``value`` (T,) without NaN, its error and 95 % limits, from the sub-pools ``group`` (T,)."""
    ok = ~np.isnan(value)
    if not ok.any():
        return np.nan, np.nan, np.nan, np.nan
    mean = float(value[ok].mean())
    if rate and mean in (0.0, 1.0):
        limits = clopper_pearson(value[ok].sum(), ok.sum())
        return mean, 0.0, float(limits.low), float(limits.high)
    names = np.unique(group[ok])
    each = np.array([value[ok & (group == g)].mean() for g in names])
    if len(each) < 2:
        return mean, np.nan, np.nan, np.nan
    error = float(each.std(ddof=1) / np.sqrt(len(each)))
    half = float(stdtrit(len(each) - 1, 0.975)) * error
    low, high = mean - half, mean + half
    return mean, error, max(low, 0.0) if rate else low, min(high, 1.0) if rate else high


def power_rows(
    blank: Operating, found: Outcomes, design: Trials, true: Sequence[int] | None = None
) -> Iterator[Operating]:
    """Rejections; ``true``: the places of the hypotheses whose null holds, None: of none."""
    rejected = found.rejected.astype(np.float64)
    if true is not None:
        wrong: Array = np.asarray(rejected[:, list(true)].max(axis=1))
        yield _rate(blank, found, "type1", "", wrong)
        return
    yield _rate(blank, found, "power", "", np.asarray(rejected.max(axis=1)))
    if len(design.claims) > 1:
        yield _rate(blank, found, "power_all", "", np.asarray(rejected.min(axis=1)))
        for k, claim in enumerate(design.claims):
            yield _rate(blank, found, "power_of", claim.name, rejected[:, k])
    untested = np.asarray(found.untested.any(axis=1), dtype=np.float64)
    yield _rate(blank, found, "untested", "", untested)


def conduct_rows(blank: Operating, found: Outcomes, design: Trials) -> Iterator[Operating]:
    """Sizes, bounds and stops by look, duration."""
    yield _mean(blank, found, "expected_n", "", found.size.astype(np.float64), "patients")
    for measure, most in (("maximal_n", float(design.largest)), ("largest_seen", float(found.size.max()))):
        yield replace(blank, measure=measure, value=most, low=most, high=most, error=0.0, trials=len(found.size),
                      unit="patients")  # fmt: skip
    if design.looks > 1:
        yield from _bound_rows(replace(blank, trials=len(found.size)), design)
        for k in range(design.looks):
            here = found.look == k
            early = found.rejected.any(axis=1) & here
            yield _rate(blank, found, "stop_efficacy", str(k + 1), early.astype(np.float64))
            if k < design.looks - 1:
                yield _rate(blank, found, "stop_futility", str(k + 1), (here & found.futile).astype(np.float64))
    if design.accrual is not None:
        yield _mean(blank, found, "duration", "", found.months, "months")
        yield _mean(blank, found, "overrun", "", found.entered - found.size, "patients")


def _bound_rows(blank: Operating, design: Trials) -> Iterator[Operating]:
    """Of each look: patients with a known endpoint, bounds of Z, and the one-sided p at the upper one, all at the whole
    level of one hypothesis.
    """
    bounds = design.bounds
    for k, (size, high, low) in enumerate(zip(design.sizes, bounds.efficacy, bounds.futility, strict=True)):
        found = {"looked_at": (float(size), "patients")}
        if high < HIGHEST:
            found |= {"bound": (float(high), "Z"), "bound_p": (float(ndtr(-high)), "p")}
        if k < design.looks - 1 and np.isfinite(low):
            found["bound_futility"] = (float(low), "Z")
        for measure, (value, unit) in found.items():
            yield replace(blank, measure=measure, about=str(k + 1), value=value, low=value, high=value, unit=unit)


def estimate_rows(blank: Operating, found: Outcomes, design: Trials, each: Array) -> Iterator[Operating]:
    """Bias of the difference as it stands at the stop, and, of one hypothesis with looks, of the median unbiased one;
    coverage of the limits of level 1 - 2 ``level``. ``each`` (G, H): the differences of the sub-pools.

    A bias is against the truth of the trial's sub-pool, whose spread is no error of it; coverage is of the truth of
    the whole pool, since a trial that is a large part of its sub-pool is nearer to that one than to it.
    """
    truth, own = each.mean(axis=0), each[found.group]
    for h, claim in enumerate(design.claims):
        yield _mean(blank, found, "bias_naive", claim.name, found.difference[:, h] - own[:, h], claim.unit)
    if len(design.claims) > 1 or design.looks < 2 or design.adapt != "none":
        return
    claim = design.claims[0]
    z, d, look = found.z[:, 0], found.difference[:, 0], found.look
    shift = -claim.better * claim.margin
    ok = np.isfinite(z) & (np.abs(z) > 1e-9)
    error = np.where(ok, np.abs((d - shift) / np.where(ok, z, 1.0)), np.nan)
    whole = error * np.sqrt(design.bounds.information[look])
    adjusted = median_unbiased(design.bounds, look, np.where(ok, z, 0.0), 1 - 2 * design.level)
    estimate, one, other = (shift + claim.better * drift * whole for drift in adjusted)
    low, high = np.fmin(one, other), np.fmax(one, other)
    half = repeated_half_widths(design.bounds, 1 - 2 * design.level)[look] * error
    yield _mean(blank, found, "bias_adjusted", claim.name, np.where(ok, estimate - own[:, 0], np.nan), claim.unit)
    above = np.where(ok, (estimate > truth[0]).astype(np.float64), np.nan)
    yield _rate(blank, found, "estimate_above", claim.name, above)
    for name, lower, upper in (("coverage_adjusted", low, high), ("coverage_repeated", d - half, d + half)):
        inside = np.where(ok, ((lower <= truth[0]) & (truth[0] <= upper)).astype(np.float64), np.nan)
        yield _rate(blank, found, name, claim.name, inside)


def _rate(blank: Operating, found: Outcomes, measure: str, about: str, value: Array) -> Operating:
    return _row(blank, found, measure, about, value, "share", True)


def _mean(blank: Operating, found: Outcomes, measure: str, about: str, value: Array, unit: str) -> Operating:
    return _row(blank, found, measure, about, value, unit, False)


def _row(blank: Operating, found: Outcomes, measure: str, about: str, value: Array, unit: str, rate: bool) -> Operating:
    mean, error, low, high = measured_over(value, found.group, rate)
    many = int((~np.isnan(value)).sum())
    return replace(
        blank, measure=measure, about=about, value=mean, error=error, low=low, high=high, trials=many, unit=unit
    )
