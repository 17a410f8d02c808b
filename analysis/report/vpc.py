"""The page of a visual predictive check: a panel per parameter and arm, and every bin in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from analysis.evidence.vpc import STATISTICS, Binned, inside
from analysis.figures.predicted import Predicted, check
from analysis.text import cells
from trial.jobs.provenance import STATEMENT, put
from trial.study.study import Study


def write_page(rows: Sequence[Binned], study: Study, path: Path) -> None:
    """Write the page of these rows."""
    environment = Environment(
        loader=PackageLoader("analysis.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    among, of = inside(rows)
    by = dict.fromkeys((row.parameter, row.arm) for row in rows)
    parts = [(one, [row for row in rows if (row.parameter, row.arm) == one]) for one in by]
    page = environment.get_template("vpc.html").render(
        study=study,
        statement=STATEMENT,
        corrected=any(row.corrected for row in rows),
        inside=(among, of),
        replicates=max((row.replicates for row in rows), default=0),
        panels=[
            check(f"vpc{k}", f"{one[0]}, {one[1]}", _drawn(mine), _axes(mine)) for k, (one, mine) in enumerate(parts)
        ],
        lines=[_line(row) for row in rows],
    )
    put(path, page)


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
