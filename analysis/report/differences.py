"""Tables of differences between arms: every number is a row of estimates.parquet, rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    codes,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    range_over,
    simulated_over,
    texts,
    with_error,
)
from analysis.report.number_origins import Text, numbers, shown
from analysis.report.rates import PROXIES
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import Estimate
from analysis.text import cells


def differences(run: RunFolder) -> Table | None:
    """T 14.2.2: difference and odds ratio of every arm against the reference arm, efficacy."""
    return _differences(run, "T 14.2.2", "Differences", [code for code in run.labels if code not in PROXIES])


def proxy_differences(run: RunFolder) -> Table | None:
    """T 14.3.5: the same for the tolerability proxies."""
    return _differences(run, "T 14.3.5", "Tolerability proxies: differences", PROXIES)


def _differences(run: RunFolder, number: str, title: str, among: Sequence[str]) -> Table | None:
    found = codes(run, ["difference"], among)
    if not found:
        return None
    reference = run.study.analysis.reference_arm or ""
    powered = any(e.STAT == "power" and e.PARAMCD in found for e in run.of_endpoints)
    rows = tuple(row for code in found for row in _difference_rows(run, code, reference, powered))
    over, one, paired = simulated_over(run), named_alone(run), run.study.paired
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Difference") + ", points", over),
        Column("range", "Range", over),
        *(Column("power", "Share with p < 0.05, %", over),) * powered,
        Column("named", "Difference (95 % CI), points", one),
        *(Column("odds", "Odds ratio (95 % CI)", one),) * (not paired),
    )
    notes: tuple[str, ...] = (
        "Difference in percentage points, of patients with a value under both arms; interval of pairs by Tango."
        if paired
        else "Difference in percentage points, interval by Miettinen-Nurminen; odds ratio crude, interval by "
        "Woolf; NE: not estimable, a cell of the table is empty.",
    )
    share = (f"{_won(run)} {TESTS[paired]}, two-sided, no correction for several comparisons; {ERRORS}",)
    return Table(
        number,
        f"{title} from {arm_name(run, reference)[0]}",
        full_set(run),
        columns,
        rows,
        notes + share * powered + range_note(run),
    )


TESTS = ("Miettinen-Nurminen score test", "McNemar test of pairs without correction for continuity")
"""Of separate groups; of pairs."""
ERRORS = (
    "primary endpoint only. Its Monte Carlo error is sqrt(p(1-p)/R); where all or none of the replicates count, exact "
    "95 % limits stand instead. Replicates with an arm without an evaluable subject cannot be tested: then how many "
    "could is said; NE: none."
)


def _won(run: RunFolder) -> str:
    """What is counted as a win, as the row of the first arm says it."""
    notes = [e.NOTE for e in run.of_endpoints if e.STAT == "power"]
    counted = next((part for note in notes for part in note.split("; ") if part.startswith("counted: ")), "")
    return f"Share with p < 0.05: replicates in which {counted.removeprefix('counted: ')};"


def replicates_won(run: RunFolder, e: Estimate | None) -> Text:
    """Power with its error, or what stands for it."""
    if e is None:
        return NONE
    return shown(cells.power, *numbers(e, "ESTIMATE", "MCSE", "CI_LOW", "CI_HIGH", "R"), run.replicates)


def _difference_rows(run: RunFolder, code: str, reference: str, powered: bool) -> list[Row]:
    rows = [heading(f"{run.labels[code]} [{code}]", code)]
    for arm in run.study.arm_ids:
        pick = partial(run.one, code, arm, comparator=reference)
        one, odds = pick("difference"), pick("odds ratio")
        if one is None:
            continue
        over = run.over(code, arm, "difference", reference)
        power = run.over(code, arm, "power", reference)
        name, hue = arm_name(run, arm)
        values = (mean_over(over), range_over(over), *(replicates_won(run, power),) * powered, _limits(one))
        values += (_odds(odds),) * (not run.study.paired)
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue))
    return rows


def _limits(e: Estimate) -> Text:
    return shown(cells.with_interval, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)


def _odds(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.ratio_interval, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"))
