"""From endpoints per patient to the long table: one row per number that may be displayed.

Three kinds of uncertainty, never mixed: the interval of one named replicate (as if it were the trial), the mean over
replicates with its Monte Carlo error, and the range of replicates (2.5 to 97.5 %).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from analysis import estimators
from analysis.endpoint import Endpoint, Evaluated, Settings
from analysis.endpoints import chosen
from analysis.estimators import Interval
from analysis.records import Array, Codes, Records
from trial.tables import TEXT, field

ALL = "ALL"
PERCENT = 100.0
POINTS = "percentage points"
NAMED, OVER = "replicate", "replicates"
FEW_REPLICATES = 40

ESTIMATES_SCHEMA = pa.schema(
    [
        field("STUDYID", TEXT, "Study identifier"),
        field("PARAMCD", TEXT, "Endpoint"),
        field("PARAM", TEXT, "Label of the endpoint"),
        field("ARM", TEXT, "Arm; ALL: all arms together"),
        field("COMPARATOR", TEXT, "Arm compared with"),
        field("POPULATION", TEXT, "Analysis set"),
        field("STAT", TEXT, "Statistic"),
        field("UNIT", TEXT, "Unit of the estimate"),
        field("SCOPE", TEXT, "replicate: the named one; replicates: all"),
        field("N", pa.int64(), "Evaluable subjects (mean per replicate)"),
        field("N_EVENT", pa.int64(), "Subjects with a yes, named replicate"),
        field("ESTIMATE", pa.float64(), "Estimate", "see UNIT"),
        field("CI_LOW", pa.float64(), "95 % confidence limit, lower", "see UNIT"),
        field("CI_HIGH", pa.float64(), "95 % confidence limit, upper", "see UNIT"),
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
    """One row of the estimates table; the fields are its columns, None is null."""

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


class Groups(NamedTuple):
    """Patients in groups: ``cell`` (n,) = replicate position * arms + arm, for ``r`` replicates and ``a`` arms."""

    cell: Codes
    r: int
    a: int
    named: int


def groups(records: Records, named_replicate: int | None = None) -> Groups:
    """Replicate and arm of every patient. Raises ValueError when the named replicate was not simulated."""
    replicates, position = np.unique(records.replicate, return_inverse=True)
    named = np.flatnonzero(replicates == named_replicate) if named_replicate is not None else np.array([0])
    if not named.size:
        raise ValueError(f"named_replicate {named_replicate} is not among the {len(replicates)} replicates")
    a = len(records.arm_ids)
    return Groups(position.ravel() * a + records.arm, len(replicates), a, int(named[0]))


def events_and_sizes(result: Evaluated, by: Groups) -> tuple[Array, Array]:
    """Subjects with a yes and evaluable subjects, (R, A) each."""
    cells = by.r * by.a
    sizes = np.bincount(by.cell[result.evaluable], minlength=cells).astype(np.float64)
    events = np.bincount(by.cell, weights=np.nan_to_num(result.value), minlength=cells).astype(np.float64)
    return events.reshape(by.r, by.a), sizes.reshape(by.r, by.a)


def rates(events: Array, sizes: Array) -> Array:
    """Proportions, NaN where nobody is evaluable."""
    return np.divide(events, sizes, out=np.full(events.shape, np.nan), where=sizes > 0)


def estimate(records: Records, evaluated: Mapping[str, Evaluated], settings: Settings) -> list[Estimate]:
    """Every row of the estimates table, endpoint after endpoint."""
    by, known = groups(records, settings.named_replicate), chosen(settings)
    rows: list[Estimate] = []
    for code, result in evaluated.items():
        rows += _endpoint_rows(known[code], result, records, by, settings)
    return rows


def to_table(rows: Sequence[Estimate]) -> pa.Table:
    """The estimates table; numbers that do not exist are null."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=ESTIMATES_SCHEMA)


def _endpoint_rows(
    endpoint: Endpoint, result: Evaluated, records: Records, by: Groups, settings: Settings
) -> list[Estimate]:
    blank = Estimate(
        STUDYID=settings.study_id,
        PARAMCD=endpoint.code,
        PARAM=endpoint.label,
        ARM="",
        COMPARATOR=None,
        POPULATION="PKS" if endpoint.needs_profile else "FAS",
        STAT="",
        UNIT=endpoint.unit,
        SCOPE=NAMED,
    )
    arms = [replace(blank, ARM=arm, NOTE=_absent(result, by, k)) for k, arm in enumerate(records.arm_ids)]
    if endpoint.summary != "rate":
        return _measured_rows(endpoint, result, by, arms)
    events, sizes = events_and_sizes(result, by)
    rows = [row for k, arm in enumerate(arms) for row in _rate_rows(arm, events[:, k], sizes[:, k], by)]
    if endpoint.pooled and by.a > 1:
        rows += _rate_rows(replace(blank, ARM=ALL), events.sum(axis=1), sizes.sum(axis=1), by)
    return rows + _comparisons(endpoint, records, by, settings, blank, events, sizes)


def _absent(result: Evaluated, by: Groups, arm: int) -> str:
    """Why patients of the named replicate have no value, counted."""
    why = result.reason[(by.cell == by.named * by.a + arm) & ~result.evaluable]
    counted = Counter(why.tolist()).most_common()
    return "not evaluable: " + ", ".join(f"{n} {reason}" for reason, n in counted) if counted else ""


def _rate_rows(arm: Estimate, events: Array, sizes: Array, by: Groups) -> list[Estimate]:
    """Rate of one arm: the named replicate with its Clopper-Pearson interval, and over replicates."""
    x, n = events[by.named], sizes[by.named]
    arm = replace(arm, STAT="rate")
    one = replace(arm, N=int(n), N_EVENT=int(x))
    one = _with_interval(one, estimators.clopper_pearson(x, n), PERCENT, "Clopper-Pearson")
    return [one, _over(arm, PERCENT * rates(events, sizes), sizes)]


def _comparisons(
    endpoint: Endpoint, records: Records, by: Groups, settings: Settings, blank: Estimate, events: Array, sizes: Array
) -> list[Estimate]:
    """Every other arm against the reference arm: difference, odds ratio, and power of the primary endpoint."""
    if settings.reference_arm not in records.arm_ids:
        return []
    reference = records.arm_ids.index(settings.reference_arm)
    rows: list[Estimate] = []
    for k, arm in enumerate(records.arm_ids):
        if k == reference:
            continue
        pair = replace(blank, ARM=arm, COMPARATOR=settings.reference_arm)
        four = (events[:, k], sizes[:, k], events[:, reference], sizes[:, reference])
        rows += _difference_rows(pair, four, by)
        if endpoint.code == settings.primary:
            rows.append(_power_row(pair, four, endpoint.benefit))
    return rows


Four = tuple[Array, Array, Array, Array]


def _difference_rows(pair: Estimate, four: Four, by: Groups) -> list[Estimate]:
    one = tuple(values[by.named] for values in four)
    n = int(one[1] + one[3])
    difference = replace(pair, STAT="difference", UNIT=POINTS, N=n)
    odds = replace(pair, STAT="odds ratio", UNIT="", N=n, NOTE="crude, not adjusted")
    return [
        _with_interval(difference, estimators.rate_difference(*one), PERCENT, "Miettinen-Nurminen"),
        _over(difference, PERCENT * (rates(*four[:2]) - rates(*four[2:])), four[1] + four[3]),
        _with_interval(odds, estimators.odds_ratio(*one), 1.0, "Woolf"),
    ]


def _power_row(pair: Estimate, four: Four, benefit: str) -> Estimate:
    """Share of replicates in which the arm is better than the reference arm with two-sided p < 0.05."""
    gain = (rates(*four[:2]) - rates(*four[2:])) * {"higher": 1, "lower": -1}.get(benefit, 0)
    tested = estimators.score_test(*four)
    won = (tested < 0.05) & (gain >= 0)
    power, r = won.mean(), len(won)
    return replace(
        pair,
        STAT="power",
        UNIT="%",
        SCOPE=OVER,
        N=round(float((four[1] + four[3]).mean())),
        ESTIMATE=PERCENT * float(power),
        MCSE=PERCENT * float(estimators.power_error(power, r)),
        R=r,
        NOTE="Miettinen-Nurminen score test, two-sided 0.05, no correction for several comparisons",
    )


STATISTICS: dict[str, Callable[[Array], float]] = {
    "geometric mean": estimators.geometric_mean,
    "geometric CV": estimators.geometric_cv,
    "median": lambda values: float(np.median(values)),
    "minimum": lambda values: float(values.min()),
    "maximum": lambda values: float(values.max()),
}
SHOWN = {"median": ("median", "minimum", "maximum"), "geomean": tuple(STATISTICS)}
LOCATION = ("geometric mean", "median")


def _measured_rows(endpoint: Endpoint, result: Evaluated, by: Groups, arms: Sequence[Estimate]) -> list[Estimate]:
    """Location and spread of a measured endpoint in the named replicate; the location also over replicates."""
    values = _by_group(result, by)
    rows = []
    for k, arm in enumerate(arms):
        column = [values[r * by.a + k] for r in range(by.r)]
        sizes = np.array([len(v) for v in column], dtype=float)
        for stat in SHOWN[endpoint.summary]:
            unit = "%" if stat == "geometric CV" else endpoint.unit
            row = replace(arm, STAT=stat, UNIT=unit)
            each = np.array([STATISTICS[stat](v) if len(v) else np.nan for v in column])
            rows.append(replace(row, N=len(column[by.named]), ESTIMATE=_number(each[by.named])))
            if stat in LOCATION:
                rows.append(_over(row, each, sizes))
    return rows


def _by_group(result: Evaluated, by: Groups) -> list[Array]:
    """Evaluable values of every replicate and arm, in the order of the cells."""
    index, value = by.cell[result.evaluable], result.value[result.evaluable]
    order = np.argsort(index, kind="stable")
    cuts = np.searchsorted(index[order], np.arange(1, by.r * by.a))
    return np.split(value[order], cuts)


def _over(row: Estimate, per_replicate: Array, sizes: Array) -> Estimate:
    """The row over replicates: mean, Monte Carlo error and range."""
    over = estimators.over_replicates(per_replicate)
    notes = []
    if over.r < len(per_replicate):
        notes.append(f"{len(per_replicate) - int(over.r)} replicates without an evaluable subject left out")
    if 1 < over.r < FEW_REPLICATES:
        notes.append("few replicates: the range is close to the smallest and the largest")
    return replace(
        row,
        SCOPE=OVER,
        N=round(float(sizes.mean())),
        ESTIMATE=_number(over.mean),
        MCSE=_number(over.mcse),
        RANGE_LOW=_number(over.low),
        RANGE_HIGH=_number(over.high),
        R=int(over.r),
        NOTE="; ".join(notes),
    )


def _with_interval(row: Estimate, interval: Interval, scale: float, method: str) -> Estimate:
    value, low, high = (_number(scale * limit) for limit in interval)
    return replace(row, ESTIMATE=value, CI_LOW=low, CI_HIGH=high, CI_METHOD=method if low is not None else "")


def _number(value: Array | float) -> float | None:
    number = float(value)
    return None if np.isnan(number) else number
