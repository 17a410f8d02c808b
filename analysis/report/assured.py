"""Assurance on the page of a design: power over what is not known beside the power at the point, and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.designs.assurance import QUANTILES, Assured
from analysis.figures.palette import hue
from analysis.figures.powers import PowerCurve, powers
from analysis.report.grid import NONE, Cell, Column, Row, Table, heading
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure, LegendKey
from analysis.text import cells

IN_WORDS = {
    "point": "Power at the point",
    "assurance": "Assurance (mean power)",
    "power_sd": "SD of power",
    "quantile": "Power, quantile",
    "chance": "Chance that",
    "share": "Share of the variance of power:",
    "alone": "Share of it alone:",
    "verdict_chance": "Share of the variance of a verdict that patients drawn by chance make",
    "after_success": "Power of the same trial again after a success",
    "after_failure": "Power of the same trial again after a failure",
    "given": "Assurance of the next trial, given",
    "given_draws": "Draws that count then, given",
    "given_structure": "Weight of the structure then, given",
}
NAMES = ("power at the point", "assurance", "middle 90 % of the draws")


def in_words(row: Assured) -> str:
    """The measure of a row and what it is about."""
    about = row.about.replace("power >=", "power is at least") if row.measure == "chance" else row.about
    return f"{IN_WORDS[row.measure]} {about}".strip()


def value_of(row: Assured) -> Text:
    """A measure in its form."""
    if row.unit == "draws":
        return shown(cells.estimate_error, *numbers(row, "value", "error"), decimals=1)
    return shown(cells.share_error, *numbers(row, "value", "error", "low", "high"), decimals=1)


def assurance_parts(rows: Sequence[Assured]) -> Iterator[Table | Figure]:
    """F 2 and T 3; nothing where no assurance was asked for."""
    if rows:
        yield _figure(rows)
        yield _table(rows)


def _figure(rows: Sequence[Assured]) -> Figure:
    """F 2: power at the point, assurance and the middle of the draws against the number of patients."""
    panels = []
    for k, scenario in enumerate(dict.fromkeys(row.scenario for row in rows)):
        mine = [row for row in rows if row.scenario == scenario]
        panels.append(powers(f"assurance{k}", scenario, list(_curves(mine)), None))
    keys = tuple(LegendKey(hue(k), name) for k, name in enumerate(NAMES))
    notes = ("Bands of power and assurance: 95 % limits of their Monte Carlo error. Third line: the median draw, its "
             "band from 5 to 95 % of the draws.",)  # fmt: skip
    return Figure("F 2", "Assurance", "Power over what is not known", tuple(panels), notes, keys)


def _curves(rows: Sequence[Assured]) -> Iterator[PowerCurve]:
    for k, measure in enumerate(("point", "assurance")):
        here = sorted((r for r in rows if r.measure == measure and not r.about), key=lambda row: row.patients)
        yield PowerCurve(NAMES[k], k, [r.patients for r in here], [(r.value, r.low, r.high) for r in here])
    at = {(r.patients, r.about): r.value for r in rows if r.measure == "quantile"}
    sizes = sorted({r.patients for r in rows})
    low, middle, high = (f"{q:g}" for q in (QUANTILES[0], 0.5, QUANTILES[-1]))
    yield PowerCurve(NAMES[2], 2, sizes, [(at[n, middle], at[n, low], at[n, high]) for n in sizes])


def _table(rows: Sequence[Assured]) -> Table:
    """T 3: every measure, a column for each size."""
    sizes = sorted({row.patients for row in rows})
    first = {size: next(row for row in rows if row.patients == size) for size in sizes}
    heads = [said("{} patients", shown(cells.whole, number(first[size], "patients"))) for size in sizes]
    columns = (Column("measure", "Measure"), *(Column(f"n{n}", text) for n, text in zip(sizes, heads, strict=True)))
    lines: list[Row] = []
    for scenario in dict.fromkeys(row.scenario for row in rows):
        mine = [row for row in rows if row.scenario == scenario]
        lines.append(heading(f"Scenario: {scenario}", scenario))
        for measure, about in dict.fromkeys((r.measure, r.about) for r in mine):
            found = {r.patients: r for r in mine if (r.measure, r.about) == (measure, about)}
            values = [Cell(value_of(found[n])) if n in found else Cell(NONE) for n in sizes]
            name = Cell(label(in_words(next(iter(found.values())))), "label")
            lines.append(Row((name, *values), f"{scenario}|{measure}|{about}"))
    notes = (
        said("{} draws of what is not known; in %, ± Monte Carlo error (bootstrap over the draws).",
             shown(cells.whole, number(rows[0], "draws"))),
        "Shares add up to 100 %: what sources do together is divided evenly among them (Shapley). Alone: what would go "
        "from the variance, were that source alone known. The chance of small pools is in none of them.",
        "A verdict is whether a trial rejects: the rest of its variance is what is not known. A result that is given "
        "weighs every draw by its chance there; few draws that count make a poor answer.",
    )  # fmt: skip
    return Table("T 3", "Assurance", "Power over what is not known", columns, tuple(lines), notes)
