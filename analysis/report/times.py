"""T 14.2.5 and what its figure draws: time to first response, to rescue and to loss of response."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.endpoints.records import Flags
from analysis.endpoints.time_to_event import TIMES, TTRESC, Times, TimeTo, hazard_ratio, kaplan_meier, log_rank
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    courses,
    full_set,
    heading,
    plural,
    replicate_name,
    texts,
)
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimators import Interval
from analysis.text import cells

WEEKS = (1, 2, 4, 8)
MEDIAN = (
    "Actual days; who completed is watched to the last day of the study. Median of Kaplan-Meier: first day by which "
    "half had the event; limits log-log. NR: not reached; NE: not estimable."
)
NOT_REACHED = "NR"


def kinds(run: RunFolder) -> list[TimeTo]:
    """The times to event that the study has: to rescue where it is allowed, the others with an endpoint of response."""
    rescues = run.study.rescue.allowed
    responds = any(e.PARAMCD.startswith("RESP") for e in run.estimates)
    return [kind for kind in TIMES if (rescues if kind is TTRESC else responds)]


def table(run: RunFolder) -> Table | None:
    """T 14.2.5: of the named replicate, what the paper of one trial would print; None without anybody watched."""
    found = _watched(run)
    if not found:
        return None
    tested = not run.study.paired and run.study.analysis.reference_arm in run.study.arm_ids
    against = f"Against {arm_name(run, str(run.study.analysis.reference_arm))[0]}" if tested else ""
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        Column("events", "Events (%)"),
        Column("censored", "Censored"),
        Column("median", "Median (95 % CI), days"),
        *(Column("hr", "Hazard ratio (95 % CI)", against), Column("p", "Log-rank p", against)) * tested,
    )

    def line(kind: TimeTo, times: Times, arm: int) -> tuple[str, ...]:
        is_compared = kind.compared and tested and run.study.arm_ids[arm] != run.study.analysis.reference_arm
        compared = _compared(run, times, arm) if is_compared else (NONE, NONE)
        return (*_described(_of_arm(run, times, arm)), *compared * tested)

    notes = (*_definitions(run, found), MEDIAN, *_tests(run, tested), *_failed(run))
    return Table("T 14.2.5", "Time to event", _population(run), columns, _rows(run, found, line), notes)


def shares(run: RunFolder) -> Table | None:
    """T 14.2.5.1: the share with the event by weeks 1, 2, 4 and 8, of the named replicate; None without such a week."""
    found = _watched(run)
    weeks = [week for week in WEEKS if 7 * week <= run.records.planned[-1]]
    if not found or not weeks:
        return None
    group = "Share with the event (95 % CI), %"
    columns = (Column("arm", "Arm"), Column("n", "n"), *(Column(f"week{w}", f"Week {w}", group) for w in weeks))

    def line(kind: TimeTo, times: Times, arm: int) -> tuple[str, ...]:
        mine = _of_arm(run, times, arm)
        return (str(len(mine.day)), *_shares(run, mine, weeks))

    late = f", the last day of its visit window: day 7 × week + {window(run)}" if window(run) else ""
    notes = (f"Kaplan-Meier, limits log-log. By the end of the week{late}. Definitions: T 14.2.5.", *_failed(run))
    return Table("T 14.2.5.1", "Time to event: by week", _population(run), columns, _rows(run, found, line), notes)


def _watched(run: RunFolder) -> list[tuple[TimeTo, Times]]:
    """The times to event for which somebody of the named replicate is watched."""
    found = [(kind, kind.times(run.records, run.study)) for kind in kinds(run)]
    return [(kind, times) for kind, times in found if times.of(run.named).day.size]


def _population(run: RunFolder) -> str:
    return f"{full_set(run)}; {replicate_name(run)} alone"


def _of_arm(run: RunFolder, times: Times, arm: int) -> Times:
    """Times of an arm of the named replicate."""
    return times.of(run.named & (run.records.arm == arm))


Line = Callable[[TimeTo, Times, int], tuple[str, ...]]


def _rows(run: RunFolder, found: list[tuple[TimeTo, Times]], line: Line) -> tuple[Row, ...]:
    """A heading per time to event, and under it a line per arm."""
    rows: list[Row] = []
    for kind, times in found:
        rows.append(heading(f"{kind.label} [{kind.code}]", kind.code))
        for k, arm in enumerate(run.study.arm_ids):
            name, hue = arm_name(run, arm)
            rows.append(Row((Cell(name, "arm"), *texts(*line(kind, times, k))), f"{kind.code}|{arm}", hue))
    return tuple(rows)


def _described(times: Times) -> tuple[str, ...]:
    """Cells of one arm: n, events, censored, median day."""
    n, events, median = len(times.day), int(times.event.sum()), kaplan_meier(times).median
    said = NOT_REACHED if n and np.isnan(median.estimate) else cells.rounded(float(median.estimate), 1)
    return str(n), cells.count(events, n), str(n - events), said + _limits(median)


def _shares(run: RunFolder, times: Times, weeks: list[int]) -> list[str]:
    """Cells of one arm: the share with the event by the end of the visit window of each week, %."""
    found = kaplan_meier(times).by(7.0 * np.array(weeks) + window(run))
    by_week = [Interval(*(100 * part[j] for part in found)) for j in range(len(weeks))]
    return [cells.rounded(float(one.estimate), 1) + _limits(one) for one in by_week]


def _compared(run: RunFolder, times: Times, arm: int) -> tuple[str, str]:
    """Hazard ratio and p of an arm against the reference arm, within the strata of the randomisation."""
    reference = run.study.arm_ids.index(str(run.study.analysis.reference_arm))
    pair: Flags = run.named & np.isin(run.records.arm, (arm, reference)) & ~np.isnan(times.day)
    treated, strata = (run.records.arm == arm)[pair], run.column("patients", "STRATUM")[pair]
    strata = strata if stratified(run) else np.full(len(strata), "")
    ratio = hazard_ratio(times.of(pair), treated, strata)
    decimals = 3 if ratio.estimate < 0.1 else 2
    said = cells.with_interval(float(ratio.estimate), float(ratio.low), float(ratio.high), decimals)
    return said, cells.p_value(log_rank(times.of(pair), treated, strata))


def _limits(found: Interval) -> str:
    """Limits after an estimate; nothing where there are none."""
    return "" if np.isnan(found.low) else f" {cells.interval(float(found.low), float(found.high), 1)}"


def window(run: RunFolder) -> int:
    """Days by which a visit may be late."""
    return run.study.visits.window_days


def stratified(run: RunFolder) -> bool:
    """Whether the randomisation has strata."""
    return bool(run.study.randomisation.strata)


def _definitions(run: RunFolder, found: list[tuple[TimeTo, Times]]) -> tuple[str, ...]:
    said = (f"{kind.code}: {kind.estimand} Source: {kind.source}." for kind, _ in found)
    threshold = f"Threshold: {run.study.analysis.response_threshold_1e9L:g} x 10^9/L."
    return (*said, *(threshold,) * any(kind is not TTRESC for kind, _ in found))


def _failed(run: RunFolder) -> tuple[str, ...]:
    failed = int((run.named & (run.records.unsolved != "")).sum())
    return (f"{plural(failed, courses(run)[:-1])} whose solve failed left out.",) if failed else ()


def _tests(run: RunFolder, tested: bool) -> tuple[str, ...]:
    if run.study.paired:
        return ("No test between arms: the same patients are under every arm, and these are tests of separate groups.",)
    within = "stratified by the strata of the randomisation" if stratified(run) else "not stratified"
    said = (
        f"Cox model (Efron's ties) and log-rank test, two-sided, {within}, no correction for several comparisons. A "
        "ratio above 1: the event comes sooner. NE: one of the arms has no event while the other is watched."
    )
    return (said,) * tested
