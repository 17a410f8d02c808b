"""Response by exposure: naive curves and quartiles beside the true curve, and the numbers; the page of the command,
and T 14.4.4 and F 14.4.4 of a run that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.evidence.exposure_response import MODELS, WORDS, AtExposure, read, replicates_of, without_curve
from analysis.figures.fitted import DosePoint, by_dose
from analysis.report.besides import put_page
from analysis.report.grid import NONE, Cell, Column, Row, Table, full_set, heading, texts
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure
from analysis.report.runfolder import RunFolder
from analysis.text import cells
from trial.study.study import Study

HEADS = ("By", "Curve", "Fixed level", "Exposure", "Naive, %", "Range, %", "True, %", "Bias, points", "Falls, %")
BIAS = (
    "Titration bias: where a dose rule follows the counts, exposure is an outcome. Who responds is kept low or is "
    "titrated down, who does not is titrated up: response falls with achieved exposure though it rises with the dose."
)
LINES = (
    "Dots: response in the quartiles of exposure, with the 2.5 to 97.5 % range of replicates. Line and band: the "
    "naive curve through the patients, mean and range. Dashed, squares: the true curve, the same patients and draws "
    "all on one fixed level, at the mean exposure of that level.",
    BIAS,
)


def write_page(rows: Sequence[AtExposure], study: Study, path: Path) -> None:
    """Write the page of these rows."""
    most = replicates_of(rows)
    put_page(
        path, study, title="response by exposure", how=f"mean of {most} replicates",
        lead="What the trial shows by exposure, and what the doses do.", figure="Naive and true curves", notes=LINES,
        table="At the exposure of every fixed level", heads=HEADS, words=(0, 1, 2), panels=drawn(rows),
        lines=[_line(row) for row in rows],
        below=("± Monte Carlo error, of the bias paired by replicate. Falls: replicates whose naive curve falls.",
               *without_curve(rows)),
    )  # fmt: skip


def drawn(rows: Sequence[AtExposure]) -> list[str]:
    """A panel for every exposure and model."""
    panels: list[str] = []
    for by in dict.fromkeys(row.by for row in rows):
        for model in MODELS:
            mine = [row for row in rows if (row.by, row.kind) == (by, model)]
            if mine:
                seen = [_point(row) for row in rows if row.by == by and row.kind.startswith("quartile")]
                true = [DosePoint(row.exposure, row.true) for row in mine if row.true is not None]
                curve, along = [_point(row) for row in mine], f"{_named(by)}, {mine[0].unit}"
                name = f"exposure{len(panels)}"
                panels.append(by_dose(name, model, seen, curve, f"{mine[0].endpoint}, %", along, true))
    return panels


SHOWN = {"quartile": "as seen in its quartiles", "logistic": "logistic curve", "emax": "Emax curve"}
"""Kinds of rows, in the order of the table."""
TITLE = "Response by exposure: what the trial shows, and what the doses do"


def parts(run: RunFolder) -> tuple[Table | None, Figure | None]:
    """Table and figure; nothing where they are not asked for."""
    rows = read(run.path) if run.study.analysis.exposure_response else []
    return (table(run, rows), figure(run, rows)) if rows else (None, None)


def table(run: RunFolder, rows: Sequence[AtExposure]) -> Table:
    """T 14.4.4: every curve at the exposure of every fixed level, and the quartiles of exposure."""
    columns = (
        Column("level", "Fixed level, or quartile"),
        Column("exposure", "Exposure"),
        Column("naive", "Naive, % ± MC error"),
        Column("range", "2.5 to 97.5 %"),
        Column("true", "True, % ± MC error"),
        Column("bias", "Bias ± MC error, points"),
        Column("falls", "Falls, %"),
    )
    lines: list[Row] = []
    for by in dict.fromkeys(row.by for row in rows):
        for kind, what in SHOWN.items():
            mine = [row for row in rows if row.by == by and row.kind.startswith(kind)]
            if mine:
                lines.append(heading(label(f"{_named(by)}, {mine[0].unit}: {what}"), f"{by}|{kind}"))
            lines += map(_row, mine)
    return Table("T 14.4.4", TITLE, full_set(run), columns, tuple(lines), tuple(_notes(run, rows)))


def _named(by: str) -> str:
    """What an exposure is, at the head of a line."""
    return f"{WORDS[by][:1].upper()}{WORDS[by][1:]}"


def _row(row: AtExposure) -> Row:
    naive = shown(cells.estimate_error, *numbers(row, "naive", "naive_mcse"), decimals=1)
    found: list[Text] = [NONE] * 3
    if row.true is not None:
        found = [
            shown(cells.estimate_error, *numbers(row, "true", "true_mcse"), decimals=1),
            shown(cells.change, *numbers(row, "bias", "bias_mcse"), unit="%"),
            shown(cells.rounded, number(row, "falls"), decimals=0),
        ]
    reach = shown(cells.interval, *numbers(row, "naive_low", "naive_high"), decimals=1)
    name = Cell(label(row.level or row.kind), "label")
    exposure = shown(cells.significant, number(row, "exposure"))
    return Row((name, *texts(exposure, naive, reach, *found)), f"{row.by}|{row.kind}|{row.level}")


def _notes(run: RunFolder, rows: Sequence[AtExposure]) -> Iterator[Text]:
    yield said(
        "{}, yes or no; {} replicates. Naive: curve through the patients of the trial, each at "
        "what he reached. True: the same patients and draws, all on one fixed level, simulated beside the trial.",
        label(rows[0].endpoint),
        shown(cells.whole, number(rows[0], "replicates")),
    )
    yield "Bias: naive less true, paired by replicate. Falls: replicates whose naive curve falls."
    if any(arm.dose_rule for arm in run.study.arms):
        yield BIAS
    yield from (label(f"{one}.") for one in without_curve(rows))


def figure(run: RunFolder, rows: Sequence[AtExposure]) -> Figure:
    """F 14.4.4: the naive curve through what is seen, and the true curve."""
    titrated = any(arm.dose_rule for arm in run.study.arms)
    notes = ("Numbers: T 14.4.4.", LINES[0], *(BIAS,) * titrated)
    return Figure("F 14.4.4", TITLE, full_set(run), tuple(drawn(rows)), notes)


def _point(row: AtExposure) -> DosePoint:
    return DosePoint(row.exposure, row.naive, row.naive_low, row.naive_high)


def _line(row: AtExposure) -> tuple[str, ...]:
    true = "" if row.true is None else cells.estimate_error(row.true, row.true_mcse, 1)
    bias = "" if row.bias is None else cells.estimate_error(row.bias, row.bias_mcse, 1)
    return (
        row.by, row.kind, row.level,
        f"{cells.significant(row.exposure)} {row.unit}", cells.estimate_error(row.naive, row.naive_mcse, 1),
        cells.interval(row.naive_low, row.naive_high, 1), true, bias,
        "" if row.true is None else cells.rounded(row.falls, 0),
    )  # fmt: skip
