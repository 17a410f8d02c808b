"""The page of a design: power curves, operating characteristics with their errors, criteria and their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Template

from analysis.designs.assurance import Assured
from analysis.designs.measures import AS_SIMULATED, Operating
from analysis.designs.verdicts import Criterion, Kept, judge, smallest
from analysis.figures.palette import hue
from analysis.figures.powers import PowerCurve, powers
from analysis.report.assured import assurance_parts
from analysis.report.grid import NONE, VERDICT, Cell, Column, Row, Table, heading
from analysis.report.number_origins import Text, attributes, content, label, number, numbers, said, shown
from analysis.report.page import slug
from analysis.report.pictures import Figure, LegendKey
from analysis.report.table_html import body, origins, starts, style
from analysis.report.templating import template
from analysis.text import cells
from trial.jobs.provenance import STATEMENT, put

DESIGN_PAGE = "design.html"
IN_WORDS = {
    "power": "Power: at least one hypothesis rejected",
    "power_all": "All hypotheses rejected",
    "power_of": "Rejected",
    "type1": "Type I error",
    "assurance": "Assurance: mean power over what is not known (F 2)",
    "untested": "A hypothesis could not be tested",
    "expected_n": "Mean number of patients",
    "maximal_n": "Most patients that the design can take",
    "largest_seen": "Most patients of the trials that were drawn",
    "looked_at": "Patients with a known endpoint at look",
    "bound": "Rejected from Z on, at look",
    "bound_p": "The same as a one-sided p, at look",
    "bound_futility": "Futile below Z, at look",
    "stop_efficacy": "Stops with a rejection at look",
    "stop_futility": "Stops for futility at look",
    "duration": "Months to the last endpoint",
    "overrun": "Patients beyond those analysed at an early stop",
    "bias_naive": "Bias of the difference as seen",
    "bias_adjusted": "Bias of the median unbiased difference",
    "estimate_above": "Median unbiased estimate above the truth",
    "coverage_adjusted": "Coverage of the {} % limits in the order of the stages",
    "coverage_repeated": "Coverage of the {} % repeated confidence limits",
}
POINTS = ("bias_naive", "bias_adjusted")


@dataclass(frozen=True)
class DesignPage:
    """What the page says beside its rows."""

    id: str
    title: str
    study: str
    level: float
    criteria: tuple[Criterion, ...]
    made: str
    facts: tuple[tuple[str, str], ...] = ()


def write_page(folder: Path, rows: Sequence[Operating], page: DesignPage, assured: Sequence[Assured] = ()) -> Path:
    """Write design.html into ``folder``; its path."""
    kept = judge(rows, page.criteria)
    parts: list[Table | Figure] = [_figure(rows, page), _table(rows, page)]
    if kept:
        parts.append(_criteria(kept))
    parts += assurance_parts(assured)
    text = _template().render(
        page=page, statement=STATEMENT, lead=_lead(rows, kept), parts=parts, footer=f"{STATEMENT} {page.made}"
    )
    put(folder / DESIGN_PAGE, text)
    return folder / DESIGN_PAGE


@cache
def _template() -> Template:
    return template(
        "design.html",
        slug=slug,
        attributes=attributes,
        content=content,
        style=style,
        starts=starts,
        origins=origins,
        body=body,
    )


def _lead(rows: Sequence[Operating], kept: Sequence[Kept]) -> Text:
    """The smallest size that passes, or the power of the largest."""
    least = smallest(kept)
    if least is not None:
        row = next(one.row for one in kept if one.row.patients == least)
        return said(
            "Smallest size that passes every criterion: {} patients.", shown(cells.whole, number(row, "patients"))
        )
    if kept:
        return "None of the sizes that were tried passes every criterion."
    row = sorted((row for row in rows if row.measure == "power"), key=lambda row: row.patients)[-1]
    patients = shown(cells.whole, number(row, "patients"))
    return said("Power of {} patients: {} %.", patients, _value(row))


def _value(row: Operating) -> Text:
    """A measure in its form."""
    if row.unit == "share":
        decimals = 2 if row.measure in ("type1", *POINTS) else 1
        return shown(cells.share_error, *numbers(row, "value", "error", "low", "high"), decimals=decimals)
    if row.measure in ("maximal_n", "largest_seen", "looked_at"):
        return shown(cells.whole, number(row, "value"))
    if row.unit == "Z":
        return shown(cells.rounded, number(row, "value"), decimals=4)
    if row.unit == "p":
        return shown(cells.p_value, number(row, "value"))
    return shown(cells.estimate_error, *numbers(row, "value", "error"), decimals=1)


def _figure(rows: Sequence[Operating], page: DesignPage) -> Figure:
    """F 1: power and rejections of each hypothesis."""
    names = list(dict.fromkeys(row.about for row in rows if row.measure == "power_of"))
    wanted = next((c.limit for c in page.criteria if c.measure == "power"), None)
    panels = []
    for k, scenario in enumerate(dict.fromkeys(row.scenario for row in rows)):
        mine = [row for row in rows if row.scenario == scenario and row.truth == AS_SIMULATED]
        curves = [_curve([row for row in mine if row.measure == "power"], "at least one", 0)]
        for h, name in enumerate(names):
            here = [row for row in mine if row.measure == "power_of" and row.about == name]
            curves.append(_curve(here, name, h + 1))
        panels.append(powers(f"power{k}", scenario, curves, wanted))
    keys = tuple(LegendKey(hue(h), name) for h, name in enumerate(["at least one hypothesis", *names]))
    notes = ("Bands: 95 % limits, of the pool and of the drawing. Dashed line: the power that is wanted.",)
    return Figure("F 1", "Power", "Trials drawn from the pool", tuple(panels), notes, keys)


def _curve(rows: Sequence[Operating], name: str, k: int) -> PowerCurve:
    ranked = sorted(rows, key=lambda row: row.patients)
    return PowerCurve(name, k, [row.patients for row in ranked], [(row.value, row.low, row.high) for row in ranked])


def _table(rows: Sequence[Operating], page: DesignPage) -> Table:
    """T 1: every measure, a column for each size."""
    sizes = sorted({row.patients for row in rows})
    first = {size: next(row for row in rows if row.patients == size) for size in sizes}
    heads = [said("{} patients", shown(cells.whole, number(first[size], "patients"))) for size in sizes]
    columns = (Column("measure", "Measure"), *(Column(f"n{n}", text) for n, text in zip(sizes, heads, strict=True)))
    lines: list[Row] = []
    for scenario in dict.fromkeys(row.scenario for row in rows):
        mine = [row for row in rows if row.scenario == scenario]
        lines.append(heading(f"Scenario: {scenario}", scenario))
        for measure, about, truth in dict.fromkeys((r.measure, r.about, r.truth) for r in mine):
            found = {r.patients: r for r in mine if (r.measure, r.about, r.truth) == (measure, about, truth)}
            values = [Cell(_value(found[n])) if n in found else Cell(NONE) for n in sizes]
            name = Cell(label(_words(measure, about, truth, page.level)), "label")
            lines.append(Row((name, *values), f"{scenario}|{measure}|{about}|{truth}"))
    most = sorted(rows, key=lambda row: row.trials)[-1]
    notes = (
        said("{} trials of each size. Shares and biases in %, ± error of the pool and of the drawing; limits in "
             "brackets where a share is nothing or all.", shown(cells.whole, number(most, "trials"))),
        "Power is over all trials; those with a hypothesis that cannot be tested (nobody in an arm, one outcome alone) "
        "count as not rejected.",
        "Type I error: at least one true hypothesis is rejected; in its pool every patient of the arm has the outcome "
        "that he has in the reference arm.",
    )  # fmt: skip
    return Table("T 1", "Operating characteristics", "Trials drawn from the pool", columns, tuple(lines), notes)


def _words(measure: str, about: str, truth: str, level: float) -> str:
    """Of a measure; its limits have 1 - 2 ``level``."""
    text = f"{IN_WORDS[measure].format(f'{100 * (1 - 2 * level):g}')} {about}".strip()
    return text if truth == AS_SIMULATED else f"{text}, {truth}"


def _criteria(kept: Sequence[Kept]) -> Table:
    """T 2: every criterion at every size."""
    columns = (
        Column("criterion", "Criterion"), Column("scenario", "Scenario"), Column("patients", "Patients"),
        Column("value", "Value"), Column("verdict", "Verdict"),
    )  # fmt: skip
    lines = [
        Row(
            (
                Cell(label(str(one.criterion)), "label"), Cell(label(one.row.scenario), "label"),
                Cell(shown(cells.whole, number(one.row, "patients"))), Cell(one.why or _value(one.row)),
                Cell(one.verdict, VERDICT[one.verdict]),
            ),
            f"{one.criterion}|{one.row.scenario}|{one.row.patients}",
        )
        for one in kept
    ]  # fmt: skip
    notes = (
        "PASS: the whole 95 % interval keeps the limit; FAIL: none of it; RISK: more patients in the pool would tell.",
    )
    return Table("T 2", "Criteria", "Worst of the null hypotheses", columns, tuple(lines), notes)
