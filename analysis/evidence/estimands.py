"""True values of estimands beside what estimators find: bias, coverage, type I error, a verdict on the plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.evidence.sensitivity import Z95
from analysis.statistics.estimators import clopper_pearson
from trial.study.estimand import Verdict

ESTIMANDS_FILE = "estimands.parquet"
Array = NDArray[np.float64]
PASS, RISK, FAIL, NONE = "PASS", "RISK", "FAIL", "NE"
LEVEL = 0.05
LABELS = {
    "estimand": ("Estimand", ""),
    "label": ("Estimand in words", ""),
    "variable": ("Endpoint", ""),
    "arm": ("Arm", ""),
    "versus": ("Reference arm", ""),
    "truth": ("True difference", "see unit"),
    "truth_mcse": ("Monte Carlo error of it", "see unit"),
    "truth_arm": ("True share (%), mean or median in the arm", "see unit"),
    "truth_versus": ("True share (%), mean or median in the reference arm", "see unit"),
    "estimator": ("Estimator", ""),
    "mean": ("Mean estimate", "see unit"),
    "bias": ("Mean estimate minus true difference", "see unit"),
    "bias_mcse": ("Monte Carlo error of it", "see unit"),
    "coverage": ("Share of the 95 % intervals that hold the true difference", ""),
    "coverage_low": ("Its lower Clopper-Pearson limit", ""),
    "coverage_high": ("Its upper Clopper-Pearson limit", ""),
    "type1": ("Share of trials without a difference that find one in favour, nominal 0.025", ""),
    "type1_low": ("Its lower Clopper-Pearson limit", ""),
    "type1_high": ("Its upper Clopper-Pearson limit", ""),
    "power": ("Share of trials that find a difference in favour", ""),
    "replicates": ("Trials with a result", ""),
    "null_replicates": ("Trials without a difference, with a result", ""),
    "bias_verdict": ("Bias against its limit", ""),
    "coverage_verdict": ("Coverage against its limit", ""),
    "type1_verdict": ("Type I error against its limit", ""),
    "verdict": ("The worst of the three", ""),
    "unit": ("Unit of the difference", ""),
}


@dataclass(frozen=True)
class Judged:
    """One row of the table: an estimand, an arm against the reference arm, an estimator."""

    estimand: str
    label: str
    variable: str
    arm: str
    versus: str
    truth: float
    truth_mcse: float | None
    truth_arm: float
    truth_versus: float
    estimator: str
    mean: float
    bias: float
    bias_mcse: float | None
    coverage: float
    coverage_low: float
    coverage_high: float
    type1: float
    type1_low: float
    type1_high: float
    power: float
    replicates: int
    null_replicates: int
    bias_verdict: str
    coverage_verdict: str
    type1_verdict: str
    verdict: str
    unit: str = "points"


ESTIMANDS_SCHEMA = schema_of(Judged, LABELS)


@dataclass(frozen=True)
class Truth:
    """The share with a yes in %, the mean or the median in an arm and in the reference arm per replicate (R,), the same
    patients in both.
    """

    arm: Array
    versus: Array


@dataclass(frozen=True)
class Found:
    """What an estimator finds per replicate (R,): difference and its 95 % limits, in the unit, and two-sided p, NaN
    where nothing could be tested; ``better``: the sign of a difference in favour.
    """

    estimate: Array
    low: Array
    high: Array
    p: Array
    better: int = 1

    @property
    def won(self) -> NDArray[np.bool_]:
        """(R,) whether there is a difference in favour; what cannot be tested is none."""
        return np.asarray((self.p < LEVEL) & (self.better * self.estimate > 0))

    @property
    def wins(self) -> NDArray[np.bool_]:
        """The same of the trials with an estimate."""
        return np.asarray(self.won[~np.isnan(self.estimate)])


def judged(
    names: tuple[str, str, str, str, str],
    estimator: str,
    truth: Truth,
    found: Found,
    null: Found,
    limits: Verdict,
    unit: str = "points",
) -> Judged:
    """The row of one estimator; ``names``: estimand, label, variable, arm, reference arm."""
    there = np.isfinite(truth.arm) & np.isfinite(truth.versus)
    true, true_error = _mean((truth.arm - truth.versus)[there])
    known = ~np.isnan(found.estimate) & ~np.isnan(found.low)
    mean, error = _mean(found.estimate[known])
    covers = (found.low[known] <= true) & (true <= found.high[known])
    bias_error = None if error is None or true_error is None else float(np.hypot(error, true_error))
    wins = null.wins
    coverage = _share(int(covers.sum()), len(covers) if np.isfinite(true) else 0)
    type1 = _share(int(wins.sum()), len(wins))
    bias, reach = mean - true, np.nan if bias_error is None else Z95 * bias_error
    by_bias = _verdict(abs(bias) - reach, abs(bias) + reach, limits.bias_points)
    by_coverage = _verdict(-coverage[2], -coverage[1], -limits.coverage)
    by_type1 = _verdict(type1[1], type1[2], limits.type1_error)
    return Judged(
        *names,
        truth=true,
        truth_mcse=true_error,
        truth_arm=_mean(truth.arm[there])[0],
        truth_versus=_mean(truth.versus[there])[0],
        estimator=estimator,
        mean=mean,
        bias=bias,
        bias_mcse=bias_error,
        coverage=coverage[0],
        coverage_low=coverage[1],
        coverage_high=coverage[2],
        type1=type1[0],
        type1_low=type1[1],
        type1_high=type1[2],
        power=_share(int(found.wins.sum()), len(found.wins))[0],
        replicates=len(covers),
        null_replicates=len(wins),
        bias_verdict=by_bias,
        coverage_verdict=by_coverage,
        type1_verdict=by_type1,
        verdict=max((by_bias, by_coverage, by_type1), key=(PASS, RISK, FAIL).index) if len(covers) else NONE,
        unit=unit,
    )  # fmt: skip


def _verdict(low: float, high: float, most: float) -> str:
    """PASS where the whole 95 % Monte Carlo interval is at most ``most``, FAIL where none of it is, else RISK."""
    if not (low <= high):
        return RISK
    return PASS if high <= most else FAIL if low > most else RISK


def _mean(values: Array) -> tuple[float, float | None]:
    n = len(values)
    if not n:
        return float("nan"), None
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None


def _share(k: int, n: int) -> tuple[float, float, float]:
    """A share with its Clopper-Pearson limits; NaN of none."""
    if not n:
        return (float("nan"),) * 3
    interval = clopper_pearson(k, n)
    return k / n, float(interval.low), float(interval.high)


def write(rows: Sequence[Judged], folder: Path) -> Path:
    """Write estimands.parquet into ``folder``; its path."""
    return write_records(rows, folder / ESTIMANDS_FILE, ESTIMANDS_SCHEMA)


def read(folder: Path) -> list[Judged]:
    """The rows of estimands.parquet; none when there is no such file."""
    return read_records(folder / ESTIMANDS_FILE, Judged)


def shown_unit(row: Judged) -> str:
    """The unit by which numbers of a row are rounded."""
    return "%" if row.unit == "points" else row.unit


def by_truth(rows: Sequence[Judged]) -> Iterator[tuple[Judged, list[Judged]]]:
    """Rows of one estimand and arm together, the first of them before all."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for row in rows:
        groups.setdefault((row.estimand, row.arm), []).append(row)
    yield from ((group[0], group) for group in groups.values())
