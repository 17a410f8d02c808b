"""T 14.2.17 and F 14.2.17: the response by dose, MCP-Mod. Every number is a row of estimates.parquet."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.figures.fitted import DosePoint, by_dose
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    replicate_name,
    simulated_over,
    texts,
)
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure
from analysis.report.runfolder import RunFolder
from analysis.statistics.dose_finding import KIND
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells
from trial.study.dose_response import BIAS, DoseResponse


def parts(run: RunFolder) -> tuple[Table | None, Figure | None]:
    """Table and figure; nothing where the response by dose is not asked for."""
    asked = run.study.analysis.dose_response
    return (table(run, asked), figure(run, asked)) if asked else (None, None)


def _endpoint(run: RunFolder, asked: DoseResponse) -> str:
    return asked.endpoint or run.study.analysis.primary


def _pick(run: RunFolder, asked: DoseResponse, stat: str, category: str = "", over: bool = False) -> Estimate | None:
    pick = run.over if over else run.one
    return pick(_endpoint(run, asked), ALL, stat, category=category)


def table(run: RunFolder, asked: DoseResponse) -> Table:
    """T 14.2.17: test and model of every candidate shape, and the target dose."""
    over, one = simulated_over(run), named_alone(run)
    columns = (
        Column("shape", "Candidate shape"),
        Column("signal", "Signal, %", over),
        Column("chosen", "Chosen, %", over),
        Column("t", "t", one),
        Column("p", "Adjusted p", one),
        Column("gaic", "gAIC", one),
    )
    rows = [_shape(run, asked, shape.name) for shape in asked.shapes]
    signal = _pick(run, asked, "signal", over=True)
    rows.append(Row((Cell("Any of them", "label"), Cell(mean_over(signal)), *texts(*[NONE] * 4)), "any"))
    if asked.target:
        rows += [heading(_target(run, asked), "target")]
    return Table(
        "T 14.2.17", f"Response by dose: {_endpoint(run, asked)}", full_set(run), columns, tuple(rows),
        tuple(_notes(run, asked)),
    )  # fmt: skip


def _shape(run: RunFolder, asked: DoseResponse, name: str) -> Row:
    often = (mean_over(_pick(run, asked, stat, name, over=True)) for stat in ("signal", "chosen model"))
    found = [_pick(run, asked, stat, name) for stat in ("t", "adjusted p", "gAIC")]
    forms = (lambda e: shown(cells.rounded, number(e, "ESTIMATE"), decimals=3),
             lambda e: shown(cells.p_value, number(e, "ESTIMATE")),
             lambda e: shown(cells.rounded, number(e, "ESTIMATE"), decimals=2))  # fmt: skip
    cells_ = [NONE if e is None or e.ESTIMATE is None else form(e) for form, e in zip(forms, found, strict=True)]
    mark = " *" if _pick(run, asked, "chosen model", name) else ""
    return Row((Cell(said("{}{}", label(name), mark), "label"), *texts(*often, *cells_)), name)


def _target(run: RunFolder, asked: DoseResponse) -> Text:
    """The target dose in a line."""
    one, over = (_pick(run, asked, "target dose", over=many) for many in (False, True))
    found = _pick(run, asked, "target dose found", over=True)
    target = shown(cells.general, run.config("analysis", "dose_response", "target"))
    rate = next(e.UNIT for e in run.estimates if e.PARCAT1 == KIND and e.STAT == "at dose") == "%"
    alone: Text = "none"
    if one is not None and one.ESTIMATE is not None:
        limits = "" if one.CI_LOW is None else shown(cells.interval, *numbers(one, "CI_LOW", "CI_HIGH"), decimals=2)
        alone = said("{} mg {}", shown(cells.rounded, number(one, "ESTIMATE"), decimals=2), limits)
    many: Text = "none"
    if over is not None and over.ESTIMATE is not None:
        limits = (
            ""
            if over.RANGE_LOW is None
            else shown(cells.interval, *numbers(over, "RANGE_LOW", "RANGE_HIGH"), decimals=2)
        )
        many = said("mean {} mg {}", mean_over(over, 2), limits)
    return said(
        "Dose with an effect of {}{} over no drug: {} in {}; over replicates {}, found in {} %",
        target, " points" if rate else "", alone, replicate_name(run), many, mean_over(found),
    )  # fmt: skip


def _notes(run: RunFolder, asked: DoseResponse) -> Iterator[Text]:
    level = shown(cells.general, run.config("analysis", "dose_response", "level"))
    yield said(
        "{}. Signal: adjusted p, one-sided, below {}, from the joint law of all "
        "contrasts. * chosen: of the shapes with a signal, that with {}. gAIC: weighted sum of squares and twice the "
        "number of parameters.",
        label("MCP-Mod (Bretz 2005; Pinheiro 2014)"),
        level,
        "the least gAIC" if asked.select == "aic" else "the largest t",
    )
    if asked.target:
        yield "Limits of the target dose: 95 %, delta method on the log of dose, the choice of the model left out."
        yield from range_note(run)
    chosen = [_pick(run, asked, "chosen model", shape.name) for shape in asked.shapes]
    yield from (said("In {}: {}.", replicate_name(run), label(e.NOTE)) for e in chosen if e is not None and e.NOTE)
    if asked.titrated == "start_dose":
        yield f"Bias: {BIAS}."


def figure(run: RunFolder, asked: DoseResponse) -> Figure | None:
    """F 14.2.17: what was seen at every dose, and the chosen model with its band."""
    rows = [e for e in run.estimates if e.PARCAT1 == KIND]
    seen = [_point(e) for e in rows if e.STAT == "at dose" and e.ESTIMATE is not None]
    if not seen:
        return None
    one, over = (
        [_point(e) for e in rows if e.STAT == "curve" and scope == e.SCOPE] for scope in ("replicate", "replicates")
    )
    first = rows[0]
    panels = (
        by_dose("doseresponse0", "Named replicate", seen, one, f"{_endpoint(run, asked)}, {first.UNIT}"),
        by_dose("doseresponse1", "Chosen models over replicates", [], over, f"{_endpoint(run, asked)}, {first.UNIT}"),
    )
    notes: tuple[Text, ...] = (
        said(
            "Left: {}, points with 95 % limits, the chosen model with its 95 % band; no curve: no signal. Right: mean "
            "and 2.5 to 97.5 % range of the models of replicates with a signal. Numbers: T 14.2.17.",
            replicate_name(run),
        ),
        *(f"Bias: {BIAS}.",) * (asked.titrated == "start_dose"),
    )
    return Figure("F 14.2.17", "Response by dose", full_set(run), panels, notes)


def _point(e: Estimate) -> DosePoint:
    low, high = (e.CI_LOW, e.CI_HIGH) if e.SCOPE == "replicate" else (e.RANGE_LOW, e.RANGE_HIGH)
    return DosePoint(float(e.CATEGORY), e.ESTIMATE or 0.0, low, high)
