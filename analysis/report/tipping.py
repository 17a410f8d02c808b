"""T 14.2.16 and its figure: where the conclusion turns as imputed counts get worse, of a run with tipping.parquet."""

from __future__ import annotations

from textwrap import wrap

from analysis.evidence import tipping
from analysis.evidence.tipping import Tipping, point_in_words
from analysis.figures.effects import worsening
from analysis.report.grid import Column, Row, Table, arm_name, heading, texts
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure, chosen
from analysis.report.runfolder import RunFolder
from analysis.text import cells
from trial.study.estimand import ESTIMATORS

TITLE = "Tipping point: the result as imputed counts get worse"
METHOD = (
    "Delta is taken from the natural log of every count imputed after a patient's last one, in every arm but the "
    "reference arm; the log of two halves it. Difference, limits and p by Rubin's rules, on the difference's own scale."
)
TURNED = "Turned: trials in favour at the first delta that are not in favour any more at this one, or were not before."


def table(run: RunFolder) -> Table | None:
    """Every arm and delta: the named replicate, and over replicates the power and how many have turned."""
    found = tipping.read(run.path)
    if not found:
        return None
    columns = (
        Column("delta", "Delta"),
        Column("factor", "Counts times"),
        Column("estimate", "Difference (95 % CI)"),
        Column("p", "p"),
        Column("power", "In favour, % of trials"),
        Column("turned", "Turned"),
    )
    lines: list[Row] = []
    for of_arm in tipping.by_arm(found):
        first = of_arm[0]
        arms = (label(arm_name(run, arm)[0]) for arm in (first.arm, first.versus))
        lines.append(heading(said("{} against {}", *arms), first.arm))
        lines += [_line(run, row) for row in of_arm]
    return Table("T 14.2.16", TITLE, "Differences in percentage points", columns, tuple(lines), _notes(run, found))


def _line(run: RunFolder, row: Tipping) -> Row:
    found = (
        label(f"{row.delta:g}"),
        shown(cells.significant, number(row, "times"), figures=2),
        shown(cells.with_limits, *numbers(row, "estimate", "low", "high"), decimals=1),
        shown(cells.p_value, number(row, "p")),
        shown(cells.share_limits, *numbers(row, "power", "power_low", "power_high")),
        said("{} of {}", *(shown(cells.whole, number(row, name)) for name in ("tipped", "in_favour"))),
    )
    return Row(tuple(texts(*found)), f"{row.arm}|{row.delta:g}", arm_name(run, row.arm)[1])


def _notes(run: RunFolder, found: list[Tipping]) -> tuple[Text, ...]:
    how = found[0].estimator
    points = [
        label(f"{arm_name(run, of_arm[0].arm)[0]}, in the named replicate: {point_in_words(of_arm)}.")
        for of_arm in tipping.by_arm(found)
    ]
    counted = said("{} trials with a result.", shown(cells.whole, number(found[0], "replicates")))
    which = label(f"{found[0].variable}; {how.replace('_', ' ')}: {ESTIMATORS[how]}.")
    return (*points, which, METHOD, TURNED, counted)


def figure(run: RunFolder) -> Figure | None:
    """F 14.2.16: difference with its limits over delta in the named replicate, arm by arm."""
    of = {rows[0].arm: rows for rows in tipping.by_arm(tipping.read(run.path))}
    if not of:
        return None
    panels = [
        worsening(
            f"tipping{k}",
            "\n".join(wrap(arm.label, 30)),
            [(row.delta, row.estimate, row.low, row.high, bool(row.won)) for row in of[arm.id]],
            arm.hue,
        )
        for k, arm in chosen(run)
        if arm.id in of
    ]
    notes = ("Filled: a difference in favour; open: none. Bars: 95 % limits.", METHOD)
    return Figure("F 14.2.16", TITLE, "Differences in percentage points", tuple(panels), notes)
