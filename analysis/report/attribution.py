"""The chapter on what moves the result: a waterfall per arm and its table, of a run with attribution.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import isnan
from textwrap import wrap

from analysis.evidence import attribution
from analysis.evidence.attribution import Contribution
from analysis.evidence.sensitivity import Z95, unit_word
from analysis.figures import charts as figures
from analysis.figures import palette
from analysis.figures.charts import Bar
from analysis.report.grid import Cell, Column, Row, Table, arm_name, heading, texts
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure, LegendKey, chosen, not_drawn
from analysis.report.runfolder import RunFolder
from analysis.text import cells

TITLE = "What moves the result"
METHOD = (
    "The trial was simulated with every set of its departures from the ideal trial, the same patients and draws in "
    "each. Share: the mean change over all orders in which they come in (Shapley value); the shares of an arm add up."
)
IDEAL = (
    "Ideal trial: every dose taken fasting, every visit on its day, true counts known at once, no rescue, nobody "
    "leaves, everybody on the start level; only what this trial departs in is tried."
)


def figure(run: RunFolder) -> Figure | None:
    """F 14.5.3: from the ideal trial to the one as planned, arm by arm."""
    rows = attribution.read(run.path)
    if not rows:
        return None
    by_arm = attribution.by_arm(rows)
    drawn = [(k, arm, by_arm[arm.id, ""]) for k, arm in chosen(run)]
    ways = [_way(mine) for _, _, mine in drawn if not isnan(mine[0].planned)]
    most = 1.05 * max((point + half for way in ways for point, half in way), default=1.0) or 1.0
    panels = [
        figures.waterfall(
            f"waterfall{k}",
            "\n".join(wrap(arm.label, 30)),
            (mine[0].ideal, mine[0].planned),
            [Bar(row.departure, row.share, _half(row)) for row in mine],
            arm.hue,
            f"{_label(run)}, {mine[0].unit}",
            most,
        )
        for k, arm, mine in drawn
    ]
    notes = (
        _headline(rows),
        METHOD,
        IDEAL,
        said(
            "{} replicates; thin lines: Monte Carlo 95 % interval of a share.",
            shown(cells.whole, number(rows[0], "replicates")),
        ),
        *not_drawn(run),
    )
    keys = (LegendKey(palette.tint(1, 0.4), "ideal trial (pale)"), LegendKey(palette.hue(1), "as planned (dark)"))
    return Figure("F 14.5.3", TITLE, said("Primary result, {}", label(_label(run))), tuple(panels), notes, keys)


def table(run: RunFolder) -> Table | None:
    """T 14.5.4: every departure by arm, and by arm against the reference."""
    rows = attribution.read(run.path)
    if not rows:
        return None
    columns = (
        Column("departure", "Departure"),
        Column("alone", "Alone, in the ideal trial"),
        Column("last", "Last, after all others"),
        Column("share", "Share"),
    )
    lines: list[Row] = []
    for (arm, versus), mine in attribution.by_arm(rows).items():
        name, hue = arm_name(run, arm)
        whom = said("{} against {}", label(name), label(arm_name(run, versus)[0])) if versus else label(name)
        ends = (shown(cells.amount, number(mine[0], end), unit=mine[0].unit) for end in ("ideal", "planned"))
        lines.append(heading(said("{}: {} in the ideal trial, {} as planned", whom, *ends), f"{arm}|{versus}"))
        lines += [_line(row, hue) for row in mine]
    unit = "Percentage points" if rows[0].unit == "%" else rows[0].unit
    notes = (f"{unit}, ± Monte Carlo error, paired by replicate; the strongest first. What each is: F 14.5.3.",)
    return Table("T 14.5.4", TITLE, said("Primary result: {}", label(_label(run))), columns, tuple(lines), notes)


def _way(rows: Sequence[Contribution]) -> list[tuple[float, float]]:
    """Where a waterfall stands after each step, and half the Monte Carlo interval there."""
    ends = accumulate((row.share for row in rows), initial=rows[0].ideal)
    return list(zip(ends, (0.0, *map(_half, rows)), strict=True))


def _half(row: Contribution) -> float:
    return Z95 * (row.share_mcse or 0.0)


def _line(row: Contribution, hue: int | None) -> Row:
    changes = (
        shown(cells.change, *numbers(row, value, f"{value}_mcse"), unit=row.unit)
        for value in ("alone", "last", "share")
    )
    return Row((Cell(row.label, "text"), *texts(*changes)), f"{row.departure}|{row.arm}|{row.versus}", hue)


def _headline(rows: Sequence[Contribution]) -> Text:
    """What moves the primary result most, and by how much."""
    top = attribution.strongest(rows)
    if top is None:
        return attribution.headline(rows)
    return said(
        attribution.HEADLINE,
        top.label[0].lower() + top.label[1:],
        label(attribution.whom(top)),
        shown(cells.change, *numbers(top, "share", "share_mcse"), unit=top.unit),
        unit_word(top.unit),
        *(shown(cells.amount, number(top, end), unit=top.unit) for end in ("ideal", "planned")),
        attribution.caution(top),
    )


def _label(run: RunFolder) -> str:
    return run.labels.get(run.study.analysis.primary, run.study.analysis.primary).split(":")[0]
