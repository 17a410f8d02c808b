"""From endpoints per patient to the long table: one row per number that may be displayed.

Three kinds of uncertainty, never mixed: the interval of one named replicate (as if it were the trial), the mean over
replicates with its Monte Carlo error, and the range of replicates (2.5 to 97.5 %).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.endpoints import chosen
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Flags
from analysis.statistics import estimators
from analysis.statistics.estimators import Interval
from analysis.statistics.summaries import LOCATION, STATISTICS, Summary, values
from trial.study.study import Study
from trial.tables import TEXT, field

ALL = "ALL"
PERCENT = 100.0
POINTS = "percentage points"
NAMED, OVER = "replicate", "replicates"
FEW_REPLICATES = 40
PAIRED = "pairs: the same patients in both arms"

ESTIMATES_SCHEMA = pa.schema(
    [
        field("STUDYID", TEXT, "Study identifier"),
        field("PARAMCD", TEXT, "Endpoint"),
        field("PARAM", TEXT, "Label of the endpoint"),
        field("PARCAT1", TEXT, "Kind of result"),
        field("ARM", TEXT, "Arm; ALL: all arms together"),
        field("COMPARATOR", TEXT, "Arm compared with"),
        field("POPULATION", TEXT, "Analysis set"),
        field("STAT", TEXT, "Statistic"),
        field("CATEGORY", TEXT, "What the statistic is of"),
        field("UNIT", TEXT, "Unit of the estimate"),
        field("SCOPE", TEXT, "replicate: the named one; replicates: all"),
        field("N", pa.int64(), "Evaluable subjects (mean per replicate)"),
        field("N_EVENT", pa.int64(), "Subjects with a yes, named replicate"),
        field("ESTIMATE", pa.float64(), "Estimate", "see UNIT"),
        field("CI_LOW", pa.float64(), "Confidence limit, lower: 95 % unless CI_METHOD says another", "see UNIT"),
        field("CI_HIGH", pa.float64(), "Confidence limit, upper: 95 % unless CI_METHOD says another", "see UNIT"),
        field("CI_METHOD", TEXT, "Method of the interval"),
        field("MCSE", pa.float64(), "Monte Carlo error of the estimate", "see UNIT"),
        field("RANGE_LOW", pa.float64(), "2.5 % of replicates", "see UNIT"),
        field("RANGE_HIGH", pa.float64(), "97.5 % of replicates", "see UNIT"),
        field("R", pa.int64(), "Replicates with a value"),
        field("NOTE", TEXT, "Note"),
    ]
)


@dataclass(frozen=True)
class Estimate:
    """One row of the estimates table; the fields are its columns, None is null.

    PARCAT1, PARAMCD, ARM, COMPARATOR, STAT, CATEGORY and SCOPE name the row.
    """

    STUDYID: str
    PARAMCD: str
    PARAM: str
    ARM: str
    COMPARATOR: str | None
    POPULATION: str
    STAT: str
    UNIT: str
    SCOPE: str
    N: int | None = None
    N_EVENT: int | None = None
    ESTIMATE: float | None = None
    CI_LOW: float | None = None
    CI_HIGH: float | None = None
    CI_METHOD: str = ""
    MCSE: float | None = None
    RANGE_LOW: float | None = None
    RANGE_HIGH: float | None = None
    R: int | None = None
    NOTE: str = ""
    PARCAT1: str = "endpoint"
    CATEGORY: str = ""

    @property
    def name(self) -> str:
        """The name of the row."""
        of = (self.PARCAT1, self.PARAMCD, self.ARM, self.COMPARATOR or "", self.STAT, self.CATEGORY, self.SCOPE)
        return "|".join(of)


def read_estimates(path: Path) -> tuple[Estimate, ...]:
    """The rows of a file of estimates. Raises OSError when it is missing."""
    table = pq.read_table(path)
    return tuple(map(Estimate, *(values(table[field.name]) for field in fields(Estimate))))


def rates(events: Array, sizes: Array) -> Array:
    """Proportions, NaN where nobody is evaluable."""
    return np.divide(events, sizes, out=np.full(events.shape, np.nan), where=sizes > 0)


def estimate(summaries: Mapping[str, Summary], study: Study) -> list[Estimate]:
    """Every row of the endpoints, one after the other; then who has no value, by endpoint and reason."""
    known = chosen(study)
    rows = [row for code, summary in summaries.items() for row in _endpoint_rows(known[code], summary, study)]
    return rows + [row for code, summary in summaries.items() for row in _absent_rows(known[code], summary, study)]


def _absent_rows(endpoint: Endpoint, found: Summary, study: Study) -> Iterator[Estimate]:
    """How many patients of all replicates have no value, for each reason."""
    total = found.sizes.sum() + found.reasons.total()
    for reason, n in found.reasons.most_common():
        row = replace(
            _blank(endpoint, study), ARM=ALL, SCOPE=OVER, PARCAT1="not evaluable", CATEGORY=reason,
            STAT="not evaluable", UNIT="subjects", R=study.replicates,
        )  # fmt: skip
        yield alone(row, float(n))
        yield alone(replace(row, STAT="not evaluable share", UNIT="%"), PERCENT * n / total)


def to_table(rows: Sequence[Estimate]) -> pa.Table:
    """The estimates table; numbers that do not exist are null."""
    return pa.Table.from_pylist([vars(row) for row in rows], schema=ESTIMATES_SCHEMA)


def _blank(endpoint: Endpoint, study: Study) -> Estimate:
    """A row of an endpoint in which the rest is to be filled."""
    return Estimate(
        STUDYID=study.id,
        PARAMCD=endpoint.code,
        PARAM=endpoint.label,
        ARM="",
        COMPARATOR=None,
        POPULATION="PKS" if endpoint.needs_profile else "FAS",
        STAT="",
        UNIT=endpoint.unit,
        SCOPE=NAMED,
    )


def _endpoint_rows(endpoint: Endpoint, found: Summary, study: Study) -> list[Estimate]:
    blank = _blank(endpoint, study)
    arms = [replace(blank, ARM=arm, NOTE=_absent(found.absent[k])) for k, arm in enumerate(study.arm_ids)]
    if endpoint.summary != "rate":
        return _measured_rows(endpoint, found, arms)
    events, sizes = found.events, found.sizes
    if endpoint.pooled and len(arms) > 1:
        arms.append(replace(blank, ARM=ALL))
        events, sizes = (np.column_stack([counts, counts.sum(axis=1)]) for counts in (events, sizes))
    intervals = estimators.clopper_pearson(events[found.named], sizes[found.named])
    rows = [
        row
        for k, arm in enumerate(arms)
        for row in _rate_rows(arm, events[:, k], sizes[:, k], found.named, intervals.at(k))
    ]
    return rows + _comparisons(endpoint, found, study, blank)


def _absent(why: Counter[str]) -> str:
    """Why patients of the named replicate have no value, counted."""
    return "not evaluable: " + ", ".join(f"{n} {reason}" for reason, n in why.most_common()) if why else ""


def _rate_rows(arm: Estimate, events: Array, sizes: Array, named: int, interval: Interval) -> list[Estimate]:
    """Rate of one arm: the named replicate with its Clopper-Pearson interval, and over replicates."""
    arm = replace(arm, STAT="rate")
    one = replace(arm, N=int(sizes[named]), N_EVENT=int(events[named]))
    one = with_interval(one, interval, PERCENT, "Clopper-Pearson")
    return [one, over(arm, PERCENT * rates(events, sizes), sizes)]


def _comparisons(endpoint: Endpoint, found: Summary, study: Study, blank: Estimate) -> list[Estimate]:
    """Every other arm against the reference arm: difference, odds ratio, and power of the primary endpoint."""
    if study.analysis.reference_arm not in study.arm_ids:
        return []
    reference = study.arm_ids.index(study.analysis.reference_arm)
    events, sizes, named = found.events, found.sizes, found.named
    one = events[named], sizes[named], events[named, reference], sizes[named, reference]
    found_of = (estimators.rate_difference, estimators.odds_ratio)
    differences, odds = (None, None) if study.paired else (of(*one) for of in found_of)
    rows: list[Estimate] = []
    for k, arm in enumerate(study.arm_ids):
        if k == reference:
            continue
        pair = replace(blank, ARM=arm, COMPARATOR=study.analysis.reference_arm)
        four = (events[:, k], sizes[:, k], events[:, reference], sizes[:, reference])
        if differences is None or odds is None:
            rows += _paired_rows(pair, found.pairs[:, k], named)
        else:
            rows += _difference_rows(pair, four, named, differences.at(k), odds.at(k))
        if endpoint.code == study.analysis.primary:
            tested = _tested_pairs(found.pairs[:, k]) if study.paired else _tested(four)
            rows.append(_power_row(pair, tested, endpoint.benefit))
    return rows


Four = tuple[Array, Array, Array, Array]


def _difference_rows(pair: Estimate, four: Four, named: int, interval: Interval, ratio: Interval) -> list[Estimate]:
    """Difference and odds ratio; ``interval`` and ``ratio`` are those of the named replicate."""
    n = int(four[1][named] + four[3][named])
    difference = replace(pair, STAT="difference", UNIT=POINTS, N=n)
    odds = replace(pair, STAT="odds ratio", UNIT="", N=n, NOTE="crude, not adjusted")
    return [
        with_interval(difference, interval, PERCENT, "Miettinen-Nurminen"),
        over(difference, PERCENT * (rates(*four[:2]) - rates(*four[2:])), four[1] + four[3]),
        with_interval(odds, ratio, 1.0, "Woolf"),
    ]


def _paired_rows(pair: Estimate, pairs: Array, named: int) -> list[Estimate]:
    """The difference when the same patients are in both arms, of those with a value in both; ``pairs`` (R, 3)."""
    difference = replace(pair, STAT="difference", UNIT=POINTS, NOTE=PAIRED)
    first, second, n = pairs.T
    one = replace(difference, N=int(n[named]))
    every = over(difference, PERCENT * rates(first - second, n), n)
    return [
        with_interval(one, estimators.paired_rate_difference(*pairs[named]), PERCENT, "Tango"),
        replace(every, NOTE="; ".join(filter(None, (PAIRED, every.NOTE)))),
    ]


@dataclass(frozen=True)
class RepeatedTest:
    """A test in every replicate: the difference (R,), two-sided p (R,), subjects (R,) and the name of the test."""

    gain: Array
    p: Array
    n: Array
    name: str

    def won(self, benefit: str) -> Flags:
        """(R,) p < 0.05 and the arm is better; of an endpoint without a direction, the arms differ."""
        gain = self.gain * {"higher": 1, "lower": -1}.get(benefit, 0)
        return np.asarray((self.p < 0.05) & (gain >= 0))


def _tested(four: Four) -> RepeatedTest:
    gain = rates(*four[:2]) - rates(*four[2:])
    return RepeatedTest(gain, estimators.score_test(*four), four[1] + four[3], "Miettinen-Nurminen score test")


def _tested_pairs(pairs: Array) -> RepeatedTest:
    first, second, n = pairs.T
    p = estimators.paired_score_test(first, second, n)
    return RepeatedTest(rates(first - second, n), p, n, "McNemar test of pairs without correction for continuity")


WON = {"higher": "the arm is higher, which is better", "lower": "the arm is lower, which is better"}
EITHER = "the arms differ, in either direction: neither is called better"
"""What a win in a replicate is, by the benefit of the primary endpoint."""


def _power_row(pair: Estimate, tested: RepeatedTest, benefit: str) -> Estimate:
    """Share of the replicates that can be tested in which two-sided p < 0.05 and the arm is better than the reference
    arm (an endpoint without a direction: in which the arms differ).
    """
    row = replace(pair, STAT="power", N=round(float(tested.n.mean())))
    known = ~np.isnan(tested.p)
    row = share_of(row, tested.won(benefit), known)
    counted = f"{tested.name}, two-sided 0.05, no correction for several comparisons"
    return replace(row, NOTE="; ".join(filter(None, (counted, f"counted: {WON.get(benefit, EITHER)}", row.NOTE))))


def share_of(row: Estimate, yes: Flags, known: Flags) -> Estimate:
    """``row`` over replicates: the share of the ``known`` ones (R,) that say ``yes`` (R,).

    Exact limits; at 0 and 100 % they are the error.
    """
    won, r, of = int((yes & known).sum()), int(known.sum()), len(known)
    share = estimators.clopper_pearson(won, r)
    error = estimators.power_error(share.estimate, r) if 0 < won < r else np.nan
    row = with_interval(replace(row, UNIT="%", SCOPE=OVER, R=r), share, PERCENT, "Clopper-Pearson over replicates")
    left_out = f"{of - r} of {of} replicates have an arm without an evaluable subject and are not tested"
    return replace(row, MCSE=number(PERCENT * error), NOTE=left_out if r < of else "")


SHOWN = {
    "median": ("median", "minimum", "maximum"),
    "mean": ("mean", "SD", "minimum", "maximum"),
    "geomean": ("geometric mean", "geometric CV", "median", "minimum", "maximum"),
}


def _measured_rows(endpoint: Endpoint, found: Summary, arms: Sequence[Estimate]) -> list[Estimate]:
    """Location and spread of a measured endpoint in the named replicate; the location also over replicates."""
    rows = []
    for k, arm in enumerate(arms):
        values = found.values[k]
        for stat in SHOWN[endpoint.summary]:
            row = replace(arm, STAT=stat, UNIT="%" if stat == "geometric CV" else endpoint.unit)
            one = STATISTICS[stat](values) if len(values) else np.nan
            rows.append(replace(row, N=len(values), ESTIMATE=number(one)))
            if stat == LOCATION[endpoint.summary]:
                rows.append(over(row, found.location[:, k], found.sizes[:, k]))
    return rows


def over(row: Estimate, per_replicate: Array, sizes: Array) -> Estimate:
    """``row`` over replicates: mean, Monte Carlo error and range of a value per replicate (R,), NaN where there is
    none; ``sizes`` (R,) subjects.
    """
    found = estimators.over_replicates(per_replicate)
    notes = []
    if found.r < len(per_replicate):
        notes.append(f"{len(per_replicate) - found.r} replicates without an evaluable subject left out")
    if 1 < found.r < FEW_REPLICATES:
        notes.append("few replicates: the range is close to the smallest and the largest")
    return replace(
        row,
        SCOPE=OVER,
        N=round(float(sizes.mean())),
        ESTIMATE=number(found.mean),
        MCSE=number(found.mcse),
        RANGE_LOW=number(found.low),
        RANGE_HIGH=number(found.high),
        R=found.r,
        NOTE="; ".join(notes),
    )


def alone(row: Estimate, value: Array | float) -> Estimate:
    """``row`` with an estimate that has no interval."""
    return replace(row, ESTIMATE=number(value))


def with_interval(row: Estimate, interval: Interval, scale: float, method: str) -> Estimate:
    """``row`` of the named replicate: estimate and limits, times ``scale``; without limits no method either."""
    value, low, high = (number(scale * limit) for limit in interval)
    return replace(row, ESTIMATE=value, CI_LOW=low, CI_HIGH=high, CI_METHOD=method if low is not None else "")


def number(value: Array | float) -> float | None:
    """A finite number; None for NaN."""
    return None if np.isnan(value) else float(value)
