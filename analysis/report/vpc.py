"""The page of a visual predictive check: a panel per parameter and arm, and every bin in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.evidence.vpc import STATISTICS, Binned, inside
from analysis.figures.predicted import Predicted, check
from analysis.report.besides import put_page
from analysis.text import cells
from trial.study.study import Study

HEADS = ("Parameter", "Arm", "Bin", "Statistic", "n", "Observed", "Simulated median", "2.5 %", "97.5 %", "")
LINES = (
    "Lines: 5, 50 and 95 % of what was observed. Bands: 95 % interval of the same percentiles over replicates. Ring: "
    "outside its band. Below the limit of quantification counts as smaller than every value; there a percentile has no "
    "line.",
)
BELOW = (
    "BLQ: % of values below the limit of quantification. Bins of one patient go together, so that more than one in "
    "twenty outside need not say much.",
)


def write_page(rows: Sequence[Binned], study: Study, path: Path) -> None:
    """Write the page of these rows."""
    among, of = inside(rows)
    by = dict.fromkeys((row.parameter, row.arm) for row in rows)
    parts = [(one, [row for row in rows if (row.parameter, row.arm) == one]) for one in by]
    pooled = any(row.corrected for row in rows)
    kind = "prediction-corrected (Bergstrand 2011), arms together" if pooled else "not corrected"
    put_page(
        path, study, title="predictive check",
        how=f"{rows[0].replicates if rows else 0} simulated replicates, {kind}",
        lead=f"{among} of {of} observed percentiles lie within the 95 % interval of the simulated ones.",
        figure="Observed and simulated percentiles", notes=LINES, table="Every bin", below=BELOW,
        panels=[check(f"vpc{k}", f"{a}, {b}", _drawn(mine), _axes(mine)) for k, ((a, b), mine) in enumerate(parts)],
        heads=HEADS, words=(0, 1, 3), lines=[_line(row) for row in rows],
    )  # fmt: skip


def _axes(rows: Sequence[Binned]) -> tuple[str, str]:
    unit = next(row.unit for row in rows if row.statistic != "BLQ")
    return ("Day" if rows[0].along == "d" else "Hours after the dose"), f"{rows[0].parameter}, {unit}"


def _drawn(rows: Sequence[Binned]) -> list[Predicted]:
    """The percentiles, as they are drawn."""
    return [
        Predicted(STATISTICS.index(row.statistic), row.at, row.observed, row.sim_low, row.sim_high, bool(row.inside))
        for row in rows
        if row.statistic != "BLQ"
    ]


def _line(row: Binned) -> tuple[str, ...]:
    """A row of the table; what is below the limit is a word."""

    def text(value: float | None) -> str:
        return "below limit" if value is None else cells.significant(value)

    span = f"{cells.general(row.bin_low)} to {cells.general(row.bin_high)} {row.along}"
    return (row.parameter, row.arm, span, row.statistic, cells.whole(row.n), text(row.observed), text(row.simulated),
            text(row.sim_low), text(row.sim_high), "inside" if row.inside else "outside")  # fmt: skip
