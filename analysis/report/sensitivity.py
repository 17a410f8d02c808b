"""The chapter on assumptions: a tornado per arm and the table behind it, when a run has sensitivity.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from analysis.evidence import sensitivity
from analysis.evidence.sensitivity import Effect
from analysis.figures import charts as figures
from analysis.figures import palette
from analysis.figures.charts import Lever
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, heading, listed, texts
from analysis.report.number_origins import Text, joined, label, number, numbers, said, shown
from analysis.report.pictures import Figure, LegendKey, chosen, not_drawn
from analysis.report.runfolder import RunFolder
from analysis.text import cells

TITLE = "Sensitivity to assumptions"
DRAWN = 15
"""Assumed numbers in a tornado, at most; the table has all."""
SCOPE = (
    "Each assumed number of the parameter set alone (typical values and variances), at half and at one and a half "
    "times its value; correlations, covariate effects and the assumptions of the protocol are not tried."
)


def figure(run: RunFolder) -> Figure | None:
    """F 14.5.1: the tornado of each arm that something moves."""
    rows = sensitivity.read(run.path)
    if not rows:
        return None
    order = [name for name, size in sensitivity.strengths(rows).items() if size > 0]
    drawn = {
        arm: [_lever(name, pair) for name, pair in sensitivity.by_parameter(rows, arm).items() if name in order[:DRAWN]]
        for arm in (run.study.arm_ids[k] for k, _ in chosen(run))
    }
    reach = 1.05 * max((abs(c) + half for ls in drawn.values() for x in ls for c, half in (x.low, x.high)), default=1.0)
    panels = [
        figures.tornado(f"tornado{k}", _title(run, arm, rows), levers, arm_name(run, arm)[1] or 0, _axis(rows), reach)
        for k, (arm, levers) in enumerate(drawn.items())
        if any(change for lever in levers for change, _ in (lever.low, lever.high))
    ]
    still = [arm_name(run, arm)[0] for arm, levers in drawn.items() if not any(x.low[0] or x.high[0] for x in levers)]
    idle = [name for name, size in sensitivity.strengths(rows).items() if size == 0]
    notes = (
        _headline(run, rows),
        SCOPE,
        said(
            "{} replicates, the same patients and draws in each; thin lines: Monte Carlo 95 % interval.",
            shown(cells.whole, number(rows[0], "replicates")),
        ),
        *(f"No effect at all: {', '.join(idle)}.",) * bool(idle),
        *(said("Nothing changes the result of {}.", listed([label(name) for name in still])),) * bool(still),
        *("Only the strongest are drawn.",) * (len(order) > DRAWN),
        *not_drawn(run),
    )
    keys = (
        LegendKey(palette.tint(1, 0.4), "half the value (pale)"),
        LegendKey(palette.hue(1), "one and a half times the value (dark)"),
    )
    population = said("Change of the primary result, {}", label(_label(run)))
    return Figure("F 14.5.1", TITLE, population, tuple(panels), notes, keys)


def table(run: RunFolder) -> Table | None:
    """T 14.5.2: every effect, by assumed number and arm."""
    rows = sensitivity.read(run.path)
    if not rows:
        return None
    columns = (
        Column("arm", "Arm"),
        Column("base", "As assumed"),
        Column("low", "Change at half ± MC error"),
        Column("high", "Change at one and a half ± MC error"),
    )
    lines: list[Row] = []
    for name in sensitivity.strengths(rows):
        mine = [row for row in rows if row.parameter == name]
        lines.append(heading(_heading(mine), name))
        for arm in run.study.arm_ids:
            lines += _line(run, name, arm, [row for row in mine if row.arm == arm])
    notes = (f"{_axis(rows)}, paired by replicate; the strongest assumption first.", SCOPE)
    return Table("T 14.5.2", TITLE, said("Primary result: {}", label(_label(run))), columns, tuple(lines), notes)


def _headline(run: RunFolder, rows: Sequence[Effect]) -> Text:
    """Which assumption matters most, and by how much."""
    top = sensitivity.strongest(rows)
    if top is None or top.effect == 0:
        return sensitivity.headline(rows, _label(run))
    return said(
        sensitivity.HEADLINE,
        label(top.parameter),
        top.meaning,
        shown(cells.times, *numbers(top, "value", "assumed")),
        label(top.arm),
        label(_label(run)),
        shown(cells.change, *numbers(top, "effect", "mcse"), unit=top.unit),
        sensitivity.unit_word(top.unit),
        shown(cells.amount, number(top, "base"), unit=top.unit),
        sensitivity.caution(top),
    )


def _title(run: RunFolder, arm: str, rows: Sequence[Effect]) -> str:
    """Name of the arm, and below it the result with everything as assumed."""
    base = next(row.base for row in rows if row.arm == arm)
    return "\n".join(
        [*wrap(arm_name(run, arm)[0], 30), f"as assumed: {cells.amount(base, rows[0].unit)} {rows[0].unit}"]
    )


def _axis(rows: Sequence[Effect]) -> str:
    return f"Change, {'percentage points' if rows[0].unit == '%' else rows[0].unit}"


def _label(run: RunFolder) -> str:
    return run.labels.get(run.study.analysis.primary, run.study.analysis.primary).split(":")[0]


def _lever(name: str, pair: Sequence[Effect]) -> Lever:
    ends = [(row.effect, sensitivity.Z95 * (row.mcse or 0.0)) for row in pair]
    return Lever(name, ends[0], ends[-1])


def _heading(rows: Sequence[Effect]) -> Text:
    first = rows[0]
    unit = "" if first.parameter_unit == "1" else f" {first.parameter_unit}"
    tried = joined(" and ", [_tried(row) for row in {row.value: row for row in rows}.values()])
    assumed = shown(cells.general, number(first, "assumed"), figures=4)
    return said("{}, {}: {}{}; tried {}", first.parameter, first.meaning, assumed, unit, tried)


def _tried(row: Effect) -> Text:
    value = shown(cells.general, number(row, "value"), figures=4)
    return said("{} ({})", value, row.limited) if row.limited else value


def _line(run: RunFolder, name: str, arm: str, rows: Sequence[Effect]) -> list[Row]:
    if not rows:
        return []
    label, hue = arm_name(run, arm)
    low, high = (next((r for r in rows if (r.factor < 1) == below), None) for below in (True, False))
    base = shown(cells.amount, number(rows[0], "base"), unit=rows[0].unit)
    return [Row((Cell(label, "arm"), *texts(base, _change(low), _change(high))), f"{name}|{arm}", hue)]


def _change(row: Effect | None) -> Text:
    return NONE if row is None else shown(cells.change, *numbers(row, "effect", "mcse"), unit=row.unit)
