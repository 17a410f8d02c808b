"""T 14.2.10: the true value of each estimand beside what estimators find, of a run with estimands.parquet."""

from __future__ import annotations

from analysis.evidence import estimands
from analysis.evidence.estimands import Judged
from analysis.report.grid import VERDICT, Cell, Column, Row, Table, arm_name, heading, texts
from analysis.report.number_origins import Text, joined, label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.text import cells
from trial.study.estimand import ESTIMATORS, IMPUTED, IMPUTING, deaths_in_words

TITLE = "Estimands: the truth, and what the analyses find"
TRUTH = (
    "True difference: everybody simulated under every arm, counts known at every visit, intercurrent events as the "
    "estimand says; what is hypothetical did not happen. Bias: mean estimate minus that."
)
VERDICTS = (
    "PASS: the whole 95 % Monte Carlo interval of bias, coverage and type I error keeps its limit; FAIL: of one of "
    "them no part does; RISK: more replicates would tell; NE: no trial gave a result."
)
UNITS = "Differences in percentage points of yes or no, {}"
SHARES = (("coverage", "coverage_low", "coverage_high"), ("type1", "type1_low", "type1_high"))


def table(run: RunFolder) -> Table | None:
    """Every estimand and arm with its truth, and a line for every estimator."""
    rows = estimands.read(run.path)
    if not rows:
        return None
    columns = (
        Column("estimator", "Estimator"),
        Column("mean", "Mean estimate"),
        Column("bias", "Bias ± MC error"),
        Column("coverage", "Coverage, %"),
        Column("type1", "Type I error, %"),
        Column("verdict", "Verdict"),
    )
    lines: list[Row] = []
    for first, group in estimands.by_truth(rows):
        lines.append(heading(_truth(run, first), f"{first.estimand}|{first.arm}"))
        lines += [_line(run, row) for row in group]
    units = [f"{row.unit} of {row.variable}" for row in rows if row.unit != "points"]
    unit = UNITS.format(", ".join(dict.fromkeys(units))) if units else "Differences in percentage points"
    return Table("T 14.2.10", TITLE, unit, columns, tuple(lines), _notes(run, rows))


def _truth(run: RunFolder, row: Judged) -> Text:
    arms = (label(arm_name(run, arm)[0]) for arm in (row.arm, row.versus))
    truth = shown(cells.change, *numbers(row, "truth", "truth_mcse"), unit=estimands.shown_unit(row))
    return said("{}, {} against {}: {}", label(row.label), *arms, truth)


def _line(run: RunFolder, row: Judged) -> Row:
    kind, unit = VERDICT.get(row.verdict, ""), estimands.shown_unit(row)
    found = (
        shown(cells.change, *numbers(row, "mean"), error=None, unit=unit),
        shown(cells.change, *numbers(row, "bias", "bias_mcse"), unit=unit),
        *(shown(cells.share_limits, *numbers(row, *names)) for names in SHARES),
    )
    verdict = Cell(row.verdict, kind)
    key = f"{row.estimand}|{row.arm}|{row.estimator}"
    return Row((Cell(row.estimator.replace("_", " "), "text"), *texts(*found), verdict), key, arm_name(run, row.arm)[1])


def _notes(run: RunFolder, rows: list[Judged]) -> tuple[Text, ...]:
    plan, first = run.study.analysis, rows[0]
    limits = (run.config("analysis", "verdict", name) for name in ("bias_points", "coverage", "type1_error"))
    points, coverage, type1 = limits
    used = dict.fromkeys(row.estimator for row in rows)
    return (
        *(label(f"{one.name}: {one.in_words(plan.primary, plan.assessment_day)}.") for one in plan.estimands),
        *(label(f"{one}.") for one in deaths_in_words(plan.estimands, run.study.deaths)),
        *([IMPUTED + "."] * bool(set(used) & set(IMPUTING))),
        joined("; ", [f"{name.replace('_', ' ')}: {ESTIMATORS[name]}" for name in used]),
        TRUTH,
        said(
            "{} trials, and {} without a difference; limits: bias {} points, coverage {}, type I error {} in favour.",
            shown(cells.whole, number(first, "replicates")),
            shown(cells.whole, number(first, "null_replicates")),
            shown(cells.general, points),
            shown(cells.general, coverage),
            shown(cells.general, type1),
        ),
        VERDICTS,
    )
