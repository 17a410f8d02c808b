"""What the structures disagree about: both sets, the stacked prediction and the difference, of structures.parquet."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence import stacking
from analysis.evidence.stacking import DIFFERENCE, STACKED, StructureRow
from analysis.report.grid import Cell, Column, Row, Table, arm_name, full_set, heading, texts
from analysis.report.number_origins import Text, numbers, shown
from analysis.report.runfolder import RunFolder
from analysis.text import cells

TITLE = "Two structures"
FEW_TRIALS = 5
"""Under so many trials the Bayesian bootstrap of them says little, and the table says it."""


def table(run: RunFolder) -> Table | None:
    """T 14.5.6: every endpoint and arm; the interval of the difference is between structures, not between trials."""
    rows = stacking.read(run.path)
    if not rows:
        return None
    names = list(dict.fromkeys(row.which for row in rows if row.which not in (STACKED, DIFFERENCE)))
    columns = (
        Column("arm", "Arm"),
        *(Column(name, name) for name in names),
        Column("stacked", "Stacked"),
        Column("difference", "Second minus first"),
    )
    lines: list[Row] = []
    for code in dict.fromkeys(row.endpoint for row in rows):
        mine = [row for row in rows if row.endpoint == code]
        lines.append(heading(f"{mine[0].label} [{code}], {mine[0].unit}", code))
        for arm in dict.fromkeys(row.arm for row in mine):
            by = {row.which: row for row in mine if row.arm == arm}
            name, hue = arm_name(run, arm)
            shown_ = texts(*(_cell(by[which]) for which in (*names, STACKED, DIFFERENCE)))
            lines.append(Row((Cell(name, "arm"), *shown_), f"{code}|{arm}", hue))
    notes = (
        "Mean and 2.5 to 97.5 % of replicates. Stacked: mixture of the replicates of both sets by their weights.",
        "Second minus first: replicate by replicate, the same draws; what one structure alone does not show.",
        _weighed(rows, names),
    )
    return Table("T 14.5.6", TITLE, full_set(run), columns, tuple(lines), notes)


def _weighed(rows: Sequence[StructureRow], names: Sequence[str]) -> str:
    """The weights, and how little or much is behind them."""
    weights = {row.which: row.weight for row in rows if row.weight is not None}
    told = ", ".join(f"{name} {weights[name]:.3f}" for name in names)
    n, trials = rows[0].weighed_rows, rows[0].weighed_trials
    if not n:
        return f"Weights: {told}; equal, no predicted row is behind them."
    many = f"{n} predicted row{'s' * (n > 1)} of {trials} trial{'s' * (trials > 1)}"
    few = "; so few trials say little" if trials < FEW_TRIALS else ""
    return f"Weights: {told}; pseudo-BMA+ on {many}{few}."


def _cell(row: StructureRow) -> Text:
    return shown(cells.with_interval, *numbers(row, "estimate", "low", "high"), decimals=1)
