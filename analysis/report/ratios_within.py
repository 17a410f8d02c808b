"""T 14.4.5: a crossover of two periods, ratios of geometric means within patients. Rows of estimates.parquet."""

from __future__ import annotations

from analysis.report.grid import (
    Cell,
    Column,
    Row,
    Table,
    mean_over,
    named_alone,
    range_note,
    simulated_over,
    texts,
    with_error,
)
from analysis.report.number_origins import label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells


def table(run: RunFolder) -> Table | None:
    """A line for each endpoint; nothing where no crossover is asked for."""
    asked = run.study.analysis.crossover
    if asked is None:
        return None
    over, one = simulated_over(run), named_alone(run)
    columns = (
        Column("endpoint", "Endpoint"), Column("mean", with_error(run, "Ratio"), over), Column("range", "Range", over),
        Column("shown", "Within limits, %", over), Column("n", "n", one), Column("ratio", "Ratio (90 % CI)", one),
        Column("cv", "CV within, %", one), Column("period", "Period ratio", one),
    )  # fmt: skip
    rows = [_row(run, code, asked.reference, asked.test) for code in asked.endpoints]
    limits = (shown(cells.general, run.config("analysis", "crossover", "limits", k)) for k in (0, 1))
    notes = (
        said("{} divided by {}, of the patients with both.", label(asked.test), label(asked.reference)),
        said("Model of logarithms with period, sequence and patient; mean over replicates: geometric. Within limits: "
             "trials whose 90 % interval lies within {} to {}.", *limits),
        "Period ratio: second over first. What is left of the first dose is part of the second period.",
        *range_note(run),
    )  # fmt: skip
    return Table("T 14.4.5", "Crossover: ratios within patients", "Patients on active drug in both periods", columns,
                 tuple(rows), notes)  # fmt: skip


def _row(run: RunFolder, code: str, reference: str, test: str) -> Row:
    def of(stat: str, over: bool = False) -> Estimate:
        found = (run.over if over else run.one)(code, ALL, stat, reference, test)
        assert found is not None
        return found

    ratio, mean = of("geometric mean ratio"), of("geometric mean ratio", over=True)
    found = (
        shown(cells.significant_error, *numbers(mean, "ESTIMATE", "MCSE")),
        shown(cells.significant_interval, *numbers(mean, "RANGE_LOW", "RANGE_HIGH")),
        mean_over(of("equivalence", over=True)),
        shown(cells.whole, number(ratio, "N")),
        shown(cells.significant_range, *numbers(ratio, "ESTIMATE", "CI_LOW", "CI_HIGH")),
        shown(cells.rounded, number(of("within-subject CV"), "ESTIMATE"), decimals=1),
        shown(cells.significant, number(of("period ratio"), "ESTIMATE")),
    )
    return Row((Cell(said("{} [{}]", label(ratio.PARAM), label(code)), "label"), *texts(*found)), f"{code}|{test}")
