"""T 14.2.5: time to first response, to rescue and to loss of response, as the paper of one trial would print them."""

from __future__ import annotations

from collections.abc import Callable

from analysis.endpoints import chosen_times
from analysis.endpoints.time_to_event import TTRESC, TimeTo
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
from analysis.statistics.estimates import Estimate
from analysis.statistics.event_times import weeks_of
from analysis.text import cells

MEDIAN = (
    "Actual days; who completed is watched to the last day of the study. Median of Kaplan-Meier, the middle where the "
    "curve runs at a half; limits log-log. NR: not reached; NE: not estimable."
)
NOT_REACHED = "NR"


def kinds(run: RunFolder) -> list[TimeTo]:
    """The times to event for which somebody of the named replicate is watched, adverse events left out."""
    found = [kind for kind in chosen_times(run.study).values() if not kind.proxy]
    return [k for k in found if any((run.one(k.code, arm, "event rate") or _NOBODY).N for arm in run.study.arm_ids)]


_NOBODY = Estimate("", "", "", "", None, "", "", "", "", N=0)


def table(run: RunFolder) -> Table | None:
    """T 14.2.5: events, medians and hazard ratios of the named replicate; None without anybody watched."""
    found = kinds(run)
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

    def line(kind: TimeTo, arm: str) -> tuple[str, ...]:
        return (*_described(run, kind.code, arm), *_compared(run, kind.code, arm) * tested)

    notes = (*_definitions(run, found), MEDIAN, *_tests(run, tested), *_failed(run))
    return Table("T 14.2.5", "Time to event", _population(run), columns, _rows(run, found, line), notes)


def shares(run: RunFolder) -> Table | None:
    """T 14.2.5.1: the share with the event by weeks 1, 2, 4 and 8, of the named replicate; None without such a week."""
    found, weeks = kinds(run), weeks_of(run.study)
    if not found or not weeks:
        return None
    group = "Share with the event (95 % CI), %"
    columns = (Column("arm", "Arm"), Column("n", "n"), *(Column(f"week{w}", f"Week {w}", group) for w in weeks))

    def line(kind: TimeTo, arm: str) -> tuple[str, ...]:
        by_week = [run.one(kind.code, arm, "share by week", category=str(week)) for week in weeks]
        watched = run.one(kind.code, arm, "event rate")
        return (str(watched.N if watched else 0), *(_with_limits(one, 1) for one in by_week))

    late = f", the last day of its visit window: day 7 × week + {window(run)}" if window(run) else ""
    notes = (f"Kaplan-Meier, limits log-log. By the end of the week{late}. Definitions: T 14.2.5.", *_failed(run))
    return Table("T 14.2.5.1", "Time to event: by week", _population(run), columns, _rows(run, found, line), notes)


def _population(run: RunFolder) -> str:
    return f"{full_set(run)}; {replicate_name(run)} alone"


Line = Callable[[TimeTo, str], tuple[str, ...]]


def _rows(run: RunFolder, found: list[TimeTo], line: Line) -> tuple[Row, ...]:
    """A heading per time to event, and under it a line per arm."""
    rows: list[Row] = []
    for kind in found:
        rows.append(heading(f"{kind.label} [{kind.code}]", kind.code))
        for arm in run.study.arm_ids:
            name, hue = arm_name(run, arm)
            rows.append(Row((Cell(name, "arm"), *texts(*line(kind, arm))), f"{kind.code}|{arm}", hue))
    return tuple(rows)


def _described(run: RunFolder, code: str, arm: str) -> tuple[str, ...]:
    """Cells of one arm: n, events, censored, median day."""
    share, median = run.one(code, arm, "event rate"), run.one(code, arm, "median time")
    n, events = (share.N or 0, share.N_EVENT or 0) if share else (0, 0)
    reached = NOT_REACHED + _limits(median, 1) if median and median.NOTE == "not reached" else _with_limits(median, 1)
    return str(n), cells.count(events, n), str(n - events), reached


def _compared(run: RunFolder, code: str, arm: str) -> tuple[str, str]:
    """Hazard ratio and p of an arm against the reference arm."""
    reference = run.study.analysis.reference_arm
    ratio, p = (run.one(code, arm, stat, reference) for stat in ("hazard ratio", "log-rank p"))
    if ratio is None or p is None:
        return NONE, NONE
    decimals = 3 if ratio.ESTIMATE is not None and ratio.ESTIMATE < 0.1 else 2
    return cells.with_interval(ratio.ESTIMATE, ratio.CI_LOW, ratio.CI_HIGH, decimals), cells.p_value(p.ESTIMATE)


def _with_limits(one: Estimate | None, decimals: int) -> str:
    return cells.rounded(one.ESTIMATE if one else None, decimals) + _limits(one, decimals)


def _limits(one: Estimate | None, decimals: int) -> str:
    """Limits after an estimate; nothing where there are none."""
    return "" if one is None or one.CI_LOW is None else f" {cells.interval(one.CI_LOW, one.CI_HIGH, decimals)}"


def window(run: RunFolder) -> int:
    """Days by which a visit may be late."""
    return run.study.visits.window_days


def stratified(run: RunFolder) -> bool:
    """Whether the randomisation has strata."""
    return bool(run.study.randomisation.strata)


def _definitions(run: RunFolder, found: list[TimeTo]) -> tuple[str, ...]:
    said = (f"{kind.code}: {kind.estimand} Source: {kind.source}." for kind in found)
    threshold = f"Threshold: {run.study.analysis.response_threshold_1e9L:g} x 10^9/L."
    return (*said, *(threshold,) * any(kind is not TTRESC for kind in found))


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
