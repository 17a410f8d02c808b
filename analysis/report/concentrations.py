"""T 14.4.1 and F 14.4.3: concentrations by nominal time. Every number is a row of estimates.parquet."""

from __future__ import annotations

from analysis.figures.fitted import DosePoint, by_dose
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, heading, replicate_name, texts
from analysis.report.number_origins import Number, Text, label, number, said, shown
from analysis.report.pictures import Figure, chosen
from analysis.report.runfolder import RunFolder
from analysis.statistics.concentrations import KIND
from analysis.statistics.estimates import Estimate
from analysis.text import cells

POPULATION = "Patients with a sample, active arms"


def parts(run: RunFolder) -> tuple[Table | None, Figure | None]:
    """Table and figure; nothing where concentrations are not asked for."""
    rows = [e for e in run.estimates if e.PARCAT1 == KIND]
    return (table(run, rows), figure(run, rows)) if rows else (None, None)


def table(run: RunFolder, found: list[Estimate]) -> Table:
    """T 14.4.1: concentrations by arm and nominal time."""
    columns = (
        Column("time", "Hours after the dose"),
        Column("n", "n"),
        Column("quantified", "n quantifiable"),
        Column("mean", "Mean"),
        Column("sd", "SD"),
        Column("cv", "CV, %"),
        Column("geometric", "Geometric mean (CV %)"),
        Column("median", "Median (min, max)"),
    )
    rows: list[Row] = []
    for arm in dict.fromkeys(e.ARM for e in found):
        name, hue = arm_name(run, arm)
        rows.append(heading(name, arm))
        rows += [_line(run, arm, time, hue) for time in dict.fromkeys(e.CATEGORY for e in found if arm == e.ARM)]
    notes: tuple[Text, ...] = (
        said("Of {}, ng/mL.", replicate_name(run)),
        "Below the limit of quantification: zero before the first quantifiable sample, missing after it, missing in "
        "geometric summaries. A mean stands where two thirds of the samples or more are quantifiable.",
    )
    return Table("T 14.4.1", "Concentrations", POPULATION, columns, tuple(rows), notes)


def _line(run: RunFolder, arm: str, time: str, hue: int | None) -> Row:
    def pick(*stats: str) -> list[Estimate]:
        found = [run.one("CONC", arm, stat, category=time) for stat in stats]
        return [e for e in found if e is not None and e.ESTIMATE is not None]

    def one(stat: str) -> Text:
        found = pick(stat)
        return shown(cells.significant, number(found[0], "ESTIMATE")) if found else NONE

    counts = [shown(cells.whole, number(e, "ESTIMATE")) for e in pick("n", "n quantifiable")]
    geometric, ranks = pick("geometric mean", "geometric CV"), pick("median", "minimum", "maximum")
    values = (
        *counts, one("mean"), one("SD"), one("CV"),
        shown(cells.geometric, *_values(geometric)) if len(geometric) == 2 else NONE,
        shown(cells.significant_range, *_values(ranks)) if len(ranks) == 3 else NONE,
    )  # fmt: skip
    return Row((Cell(label(time), "label"), *texts(*values)), f"{arm}|{time}", hue)


def _values(found: list[Estimate]) -> list[Number]:
    return [number(e, "ESTIMATE") for e in found]


def figure(run: RunFolder, found: list[Estimate]) -> Figure:
    """F 14.4.3: median and quartiles by time, on a linear and a log axis."""
    panels = []
    for k, arm in chosen(run):
        mine = [e.CATEGORY for e in found if arm.id == e.ARM and e.STAT == "median" and e.ESTIMATE is not None]
        points = [_point(run, arm.id, time) for time in mine]
        for log in (False, True) if points else ():
            shown_ = [p for p in points if not log or (p.low or 0) > 0]
            name = f"conc{'log' if log else ''}{k}"
            panels.append(by_dose(name, arm.label, [], shown_, "Concentration, ng/mL", "Hours after the dose", log=log))
    notes = (said("Median and quartiles of {}; numbers: T 14.4.1.", replicate_name(run)),)
    return Figure("F 14.4.3", "Concentration over time", POPULATION, tuple(panels), notes)


def _point(run: RunFolder, arm: str, time: str) -> DosePoint:
    middle, low, high = (run.one("CONC", arm, stat, category=time) for stat in ("median", "Q1", "Q3"))
    ends = (e.ESTIMATE if e else None for e in (low, high))
    return DosePoint(float(time), (middle and middle.ESTIMATE) or 0.0, *ends)
