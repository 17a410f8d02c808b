"""T 14.2.5 and those below it: time to first response, to rescue and to loss of response, from estimates.parquet."""

from __future__ import annotations

from collections.abc import Callable

from analysis.endpoints import COUNT_TIMES
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
    mean_over,
    range_note,
    range_over,
    replicate_name,
    texts,
    threshold,
    with_error,
)
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells

MEDIAN = (
    "Actual days; who completed is watched to the last day of the study. Median of Kaplan-Meier: first day by which "
    "more than half had the event, or the middle of the days on which it was exactly half; limits log-log. NR: not "
    "reached; NE: not estimable."
)
Line = Callable[[RunFolder, str, str], tuple[Text, ...]]
"""The cells of one arm under the code of a time to event."""


def table(run: RunFolder) -> Table | None:
    """T 14.2.5: of the named replicate, what the paper of one trial would print; None without anybody watched."""
    found = _watched(run)
    if not found:
        return None
    tested = _is_tested(run)
    against = _against(run) if tested else ""
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        Column("events", "Events (%)"),
        Column("censored", "Censored"),
        Column("median", "Median (95 % CI), days"),
        *(Column("hr", "Hazard ratio (95 % CI)", against), Column("p", "Log-rank p", against)) * tested,
    )
    rows = _rows(run, found, _compared if tested else _alone)
    notes = (*_definitions(run, found), MEDIAN, *_tests(run, tested), *_failed(run))
    return Table("T 14.2.5", "Time to event", _population(run), columns, rows, notes)


def replicates(run: RunFolder) -> Table | None:
    """T 14.2.5.2: events and hazard ratios over replicates; None without anybody watched and with one replicate."""
    found = _watched(run)
    if not found or run.n_replicates == 1:
        return None
    tested = _is_tested(run)
    events, against = "Events", _against(run) if tested else ""
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Share") + ", %", events),
        Column("range", "Range", events),
        *(Column("hr", with_error(run, "Hazard ratio"), against), Column("hr_range", "Range", against)) * tested,
    )
    notes = (*("Hazard ratio: geometric mean.",) * tested, *range_note(run), "Definitions: T 14.2.5.")
    population = said("{}; mean of {} replicates", full_set(run), shown(cells.whole, run.replicates))
    rows = _rows(run, found, _over_compared if tested else _over)
    return Table("T 14.2.5.2", "Time to event: over replicates", population, columns, rows, notes)


def _population(run: RunFolder) -> Text:
    return said("{}; {} alone", full_set(run), replicate_name(run))


def _is_tested(run: RunFolder) -> bool:
    """Whether arms are compared with a reference arm."""
    return not run.study.paired and run.study.analysis.reference_arm in run.study.arm_ids


def shares(run: RunFolder) -> Table | None:
    """T 14.2.5.1: the share with the event by weeks 1, 2, 4 and 8, of the named replicate; None without such a week."""
    found = _watched(run)
    weeks = list(dict.fromkeys(e.CATEGORY for e in run.estimates if e.STAT == "share by week"))
    if not found or not weeks:
        return None
    group = "Share with the event (95 % CI), %"
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        *(Column(f"week{week}", label(f"Week {week}"), group) for week in weeks),
    )

    def line(run: RunFolder, code: str, arm: str) -> tuple[Text, ...]:
        n = run.one(code, arm, "event rate")
        by_week = (run.one(code, arm, "share by week", category=week) for week in weeks)
        return (shown(cells.whole, number(n, "N")) if n else NONE, *map(_with_limits, by_week))

    late = said(", the last day of its visit window: day 7 × week + {}{}", window(run), _twice(found))
    notes = (
        said(
            "Kaplan-Meier, limits log-log. By the end of the week{}. Definitions: T 14.2.5.", late if _late(run) else ""
        ),
        *_failed(run),
    )
    return Table("T 14.2.5.1", "Time to event: by week", _population(run), columns, _rows(run, found, line), notes)


def _twice(found: list[TimeTo]) -> str:
    """Which times count two visit windows."""
    both = [kind.code for kind in found if kind.windows == 2]
    return f"; for {' and '.join(both)}, which begins at a visit too, two windows" if both else ""


def _watched(run: RunFolder) -> list[TimeTo]:
    """The times to event for which somebody of the named replicate is watched."""
    rates = [run.one(kind.code, arm, "event rate") for kind in COUNT_TIMES for arm in run.study.arm_ids]
    codes = {rate.PARAMCD for rate in rates if rate and rate.N}
    return [kind for kind in COUNT_TIMES if kind.code in codes]


def _against(run: RunFolder) -> Text:
    return said("Against {}", label(arm_name(run, str(run.study.analysis.reference_arm))[0]))


def _rows(run: RunFolder, found: list[TimeTo], line: Line) -> tuple[Row, ...]:
    """A heading per time to event, and under it a line per arm."""
    rows: list[Row] = []
    for kind in found:
        rows.append(heading(f"{kind.label} [{kind.code}]", kind.code))
        for arm in run.study.arm_ids:
            name, hue = arm_name(run, arm)
            rows.append(Row((Cell(name, "arm"), *texts(*line(run, kind.code, arm))), f"{kind.code}|{arm}", hue))
    return tuple(rows)


def _alone(run: RunFolder, code: str, arm: str) -> tuple[Text, ...]:
    """Cells of one arm: n, events, censored, median day."""
    rate, median = run.one(code, arm, "event rate"), run.one(code, arm, "median time")
    if rate is None or median is None:
        return (NONE,) * 4
    return (
        shown(cells.whole, number(rate, "N")),
        shown(cells.count, *numbers(rate, "N_EVENT", "N")),
        shown(cells.censored, *numbers(rate, "N_EVENT", "N")),
        shown(cells.median_time, *numbers(median, "ESTIMATE", "CI_LOW", "CI_HIGH", "NOTE")),
    )


def _compared(run: RunFolder, code: str, arm: str) -> tuple[Text, ...]:
    """The same with hazard ratio and p against the reference arm."""
    reference = run.study.analysis.reference_arm
    ratio, p = run.one(code, arm, "hazard ratio", reference), run.one(code, arm, "log-rank p", reference)
    limits = numbers(ratio, "ESTIMATE", "CI_LOW", "CI_HIGH") if ratio else ()
    tests = (
        shown(cells.ratio_interval, *limits) if ratio else NONE,
        shown(cells.p_value, number(p, "ESTIMATE")) if p else NONE,
    )
    return (*_alone(run, code, arm), *tests)


def _over(run: RunFolder, code: str, arm: str) -> tuple[Text, ...]:
    """Cells of one arm over replicates: share with the event, and its range."""
    rate = run.over(code, arm, "event rate")
    return mean_over(rate), range_over(rate)


def _over_compared(run: RunFolder, code: str, arm: str) -> tuple[Text, ...]:
    """The same with the hazard ratio against the reference arm."""
    ratio = run.over(code, arm, "hazard ratio", run.study.analysis.reference_arm)
    if ratio is None:
        return (*_over(run, code, arm), NONE, NONE)
    limits = NONE if ratio.RANGE_LOW is None else shown(cells.ratio_range, *numbers(ratio, "RANGE_LOW", "RANGE_HIGH"))
    return (*_over(run, code, arm), shown(cells.ratio_error, *numbers(ratio, "ESTIMATE", "MCSE")), limits)


def _with_limits(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.with_limits, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)


def window(run: RunFolder) -> Text:
    """Days by which a visit may be late."""
    return shown(cells.whole, run.config("visits", "window_days"))


def _late(run: RunFolder) -> bool:
    return run.study.visits.window_days > 0


def _definitions(run: RunFolder, found: list[TimeTo]) -> tuple[Text, ...]:
    definitions = (label(f"{kind.code}: {kind.estimand} Source: {kind.source}.") for kind in found)
    limit = said("Threshold: {} × 10⁹/L.", threshold(run))
    return (*definitions, *(limit,) * any(kind is not TTRESC for kind in found))


def _failed(run: RunFolder) -> tuple[Text, ...]:
    """How many solves of the named replicate failed."""
    failed = run.one("DISP", ALL, "count", category="solve failed")
    if failed is None or not failed.ESTIMATE:
        return ()
    n = shown(cells.plural, number(failed, "ESTIMATE"), one=courses(run)[:-1])
    return (said("{} whose solve failed left out.", n),)


def _tests(run: RunFolder, tested: bool) -> tuple[str, ...]:
    if run.study.paired:
        return ("No test between arms: the same patients are under every arm, and these are tests of separate groups.",)
    strata = bool(run.study.randomisation.strata)
    within = "stratified by the strata of the randomisation" if strata else "not stratified"
    test = (
        f"Cox model (Efron's ties) and log-rank test, two-sided, {within}, no correction for several comparisons. A "
        "ratio above 1: the event comes sooner. NE: one of the arms has no event while the other is watched."
    )
    return (test,) * tested
