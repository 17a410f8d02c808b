"""The chapter on assumptions: a tornado per arm and the table behind it, when a run has sensitivity.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from analysis.evidence import sensitivity
from analysis.evidence.sensitivity import Effect
from analysis.figures import charts as figures
from analysis.figures.charts import Lever
from analysis.report.conduct import listed
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, heading, texts
from analysis.report.pictures import Figure, LegendKey
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
        for arm in run.study.arm_ids
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
        sensitivity.headline(rows, _label(run)),
        SCOPE,
        f"{rows[0].replicates} replicates, the same patients and draws in each; thin lines: Monte Carlo 95 % interval.",
        *(f"No effect at all: {', '.join(idle)}.",) * bool(idle),
        *(f"Nothing changes the result of {listed(still)}.",) * bool(still),
        *(f"The {DRAWN} strongest of {len(order)} are drawn.",) * (len(order) > DRAWN),
    )
    keys = (
        LegendKey(figures.tint(1, 0.4), "half the value (pale)"),
        LegendKey(figures.hue(1), "one and a half times the value (dark)"),
    )
    return Figure("F 14.5.1", TITLE, f"Change of the primary result, {_label(run)}", tuple(panels), notes, keys)


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
    return Table("T 14.5.2", TITLE, f"Primary result: {_label(run)}", columns, tuple(lines), notes)


def _title(run: RunFolder, arm: str, rows: Sequence[Effect]) -> str:
    """Name of the arm, and below it the result with everything as assumed."""
    base = next(row.base for row in rows if row.arm == arm)
    return "\n".join(
        [*wrap(arm_name(run, arm)[0], 30), f"as assumed: {sensitivity.amount(base, rows[0].unit)} {rows[0].unit}"]
    )


def _axis(rows: Sequence[Effect]) -> str:
    return f"Change, {'percentage points' if rows[0].unit == '%' else rows[0].unit}"


def _label(run: RunFolder) -> str:
    found = (e.PARAM for e in run.of_endpoints if run.study.analysis.primary == e.PARAMCD)
    return next(found, run.study.analysis.primary).split(":")[0]


def _lever(name: str, pair: Sequence[Effect]) -> Lever:
    ends = [(row.effect, sensitivity.Z95 * (row.mcse or 0.0)) for row in pair]
    return Lever(name, ends[0], ends[-1])


def _heading(rows: Sequence[Effect]) -> str:
    first = rows[0]
    unit = "" if first.parameter_unit == "1" else f" {first.parameter_unit}"
    tried = " and ".join(dict.fromkeys(f"{r.value:.4g}{f' ({r.limited})' if r.limited else ''}" for r in rows))
    return f"{first.parameter}, {first.meaning}: {first.assumed:.4g}{unit}; tried {tried}"


def _line(run: RunFolder, name: str, arm: str, rows: Sequence[Effect]) -> list[Row]:
    if not rows:
        return []
    label, hue = arm_name(run, arm)
    low, high = (next((r for r in rows if (r.factor < 1) == below), None) for below in (True, False))
    base = sensitivity.amount(rows[0].base, rows[0].unit)
    return [Row((Cell(label, "arm"), *texts(base, _change(low), _change(high))), f"{name}|{arm}", hue)]


def _change(row: Effect | None) -> str:
    if row is None:
        return NONE
    if row.effect != row.effect:
        return cells.NOT_ESTIMABLE
    error = "" if row.mcse is None else f" ± {sensitivity.amount(row.mcse, row.unit)}"
    return f"{sensitivity.signed(row.effect, row.unit)}{error}"
