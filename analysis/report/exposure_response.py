"""The page of response by exposure: naive curves and quartiles beside the true curve, and the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.evidence.exposure_response import MODELS, AtExposure, replicates_of, without_curve
from analysis.figures.fitted import DosePoint, by_dose
from analysis.report.besides import put_page
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


def write_page(rows: Sequence[AtExposure], study: Study, path: Path, words: Mapping[str, str]) -> None:
    """Write the page of these rows; ``words``: what each exposure is."""
    panels: list[str] = []
    for by in dict.fromkeys(row.by for row in rows):
        for model in MODELS:
            mine = [row for row in rows if (row.by, row.kind) == (by, model)]
            if mine:
                seen = [_point(row) for row in rows if row.by == by and row.kind.startswith("quartile")]
                true = [DosePoint(row.exposure, row.true) for row in mine if row.true is not None]
                curve, along = [_point(row) for row in mine], f"{words[by][:1].upper()}{words[by][1:]}, {mine[0].unit}"
                name = f"exposure{len(panels)}"
                panels.append(by_dose(name, model, seen, curve, f"{mine[0].endpoint}, %", along, true))
    most = replicates_of(rows)
    put_page(
        path, study, title="response by exposure", how=f"mean of {most} replicates",
        lead="What the trial shows by exposure, and what the doses do.", figure="Naive and true curves", notes=LINES,
        table="At the exposure of every fixed level", heads=HEADS, words=(0, 1, 2), panels=panels,
        lines=[_line(row) for row in rows],
        below=("± Monte Carlo error, of the bias paired by replicate. Falls: replicates whose naive curve falls.",
               *without_curve(rows)),
    )  # fmt: skip


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
