"""T 14.2.5 and what its figure draws: time to first response, to rescue and to loss of response."""

from __future__ import annotations

import numpy as np

from analysis import cells
from analysis.estimators import Interval
from analysis.records import Flags
from analysis.report_records import (
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
from analysis.runfolder import RunFolder
from analysis.time_to_event import (
    TIMES,
    Times,
    TimeTo,
    hazard_ratio,
    kaplan_meier,
    log_rank,
)

WEEKS = (1, 2, 4, 8)
NOT_REACHED = "NR"


def kinds(run: RunFolder) -> list[TimeTo]:
    """The times to event that the study has, by its endpoints."""
    return [kind for kind in TIMES if any(e.PARAMCD.startswith(kind.beside) for e in run.estimates)]


def table(run: RunFolder) -> Table | None:
    """T 14.2.5: of the named replicate, what the paper of one trial would print; None without anybody watched."""
    found = [(kind, kind.times(run.records, run.settings)) for kind in kinds(run)]
    found = [(kind, times) for kind, times in found if times.of(run.named).day.size]
    if not found:
        return None
    tested = not run.settings.paired and run.settings.reference_arm in run.settings.arm_ids
    weeks = [week for week in WEEKS if 7 * week <= run.records.planned[-1]]
    against = f"Against {arm_name(run, str(run.settings.reference_arm))[0]}" if tested else ""
    shares = [Column(f"week{week}", f"Week {week}", "Share with the event (95 % CI), %") for week in weeks]
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        Column("events", "Events (%)"),
        Column("censored", "Censored"),
        Column("median", "Median (95 % CI), days"),
        *shares,
        *(Column("hr", "Hazard ratio (95 % CI)", against), Column("p", "Log-rank p", against)) * tested,
    )
    rows = [row for kind, times in found for row in _rows(run, kind, times, weeks, tested)]
    population = f"{full_set(run)}; {replicate_name(run)} alone"
    return Table("T 14.2.5", "Time to event", population, columns, tuple(rows), _notes(run, found, tested))


def _rows(run: RunFolder, kind: TimeTo, times: Times, weeks: list[int], tested: bool) -> list[Row]:
    rows = [heading(f"{kind.label}, days [{kind.code}]", kind.code)]
    reference = run.settings.reference_arm
    for k, arm in enumerate(run.settings.arm_ids):
        mine = run.named & (run.records.arm == k)
        against = kind.compared and tested and arm != reference
        values = (
            _described(run, times.of(mine), weeks) + (_compared(run, times, k) if against else (NONE, NONE)) * tested
        )
        name, hue = arm_name(run, arm)
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{kind.code}|{arm}", hue))
    return rows


def _described(run: RunFolder, times: Times, weeks: list[int]) -> tuple[str, ...]:
    """Cells of one arm: n, events, censored, median and the shares by the end of the visit windows of the weeks."""
    n, events, curve = len(times.day), int(times.event.sum()), kaplan_meier(times)
    shares = curve.by(7.0 * np.array(weeks) + window(run))
    by_week = (_interval(Interval(*(100 * part[j] for part in shares))) for j in range(len(weeks)))
    median = NOT_REACHED if n and np.isnan(curve.median.estimate) else cells.rounded(float(curve.median.estimate), 1)
    limits = "" if np.isnan(curve.median.low) else f" {_limits(curve.median)}"
    return str(n), cells.count(events, n), str(n - events), median + limits, *by_week


def _compared(run: RunFolder, times: Times, arm: int) -> tuple[str, str]:
    """Hazard ratio and p of an arm against the reference arm, within the strata of the randomisation."""
    reference = run.settings.arm_ids.index(str(run.settings.reference_arm))
    pair: Flags = run.named & np.isin(run.records.arm, (arm, reference)) & ~np.isnan(times.day)
    treated, strata = (run.records.arm == arm)[pair], run.column("patients", "STRATUM")[pair]
    strata = strata if stratified(run) else np.full(len(strata), "")
    ratio = hazard_ratio(times.of(pair), treated, strata)
    decimals = 3 if ratio.estimate < 0.1 else 2
    said = cells.with_interval(*(float(part) for part in ratio), decimals)
    return said, cells.p_value(log_rank(times.of(pair), treated, strata))


def _interval(found: Interval) -> str:
    estimate = cells.rounded(float(found.estimate), 1)
    return estimate if np.isnan(found.low) else f"{estimate} {_limits(found)}"


def _limits(found: Interval) -> str:
    return cells.interval(float(found.low), float(found.high), 1)


def window(run: RunFolder) -> int:
    """Days by which a visit may be late."""
    return int(run.config["visits"].get("window_days", 0))


def stratified(run: RunFolder) -> bool:
    """Whether the randomisation has strata."""
    return bool((run.config.get("randomisation") or {}).get("strata"))


def _notes(run: RunFolder, found: list[tuple[TimeTo, Times]], tested: bool) -> tuple[str, ...]:
    late = f", the last day of its visit window: day 7 × week + {window(run)}" if window(run) else ""
    failed = int((run.named & (run.records.unsolved != "")).sum())
    who = plural(failed, courses(run)[:-1], courses(run))
    return (
        *(f"{kind.code}: {kind.estimand}" for kind, _ in found),
        "Actual days from baseline. Kaplan-Meier; median: first day by which half had the event; limits log-log. "
        f"Share by the end of the week{late}. NR: not reached; NE: not estimable.",
        *_tests(run) * tested,
        *("No test between arms: the same patients are under every arm, and these tests are for independent groups.",)
        * run.settings.paired,
        *(f"{who} whose solve failed left out.",) * bool(failed),
    )


def _tests(run: RunFolder) -> tuple[str, ...]:
    within = "stratified by the strata of the randomisation" if stratified(run) else "not stratified"
    return (
        f"Cox model (Efron's ties) and log-rank test, two-sided, {within}, no correction for several comparisons. A "
        "ratio above 1: the event comes sooner. NE: one of the arms has no event while the other is watched.",
    )
