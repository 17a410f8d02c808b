"""The table of exposure: pharmacokinetic parameters per arm, rows of estimates.parquet to three figures."""

from __future__ import annotations

from analysis.evidence.scorecard import JUDGED, Published
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    codes,
    heading,
    judged,
    named_alone,
    published_head,
    range_note,
    remarks,
    simulated_over,
    texts,
    verdicts,
    with_error,
)
from analysis.report.keyed import Number, Text, number, numbers, said, shown
from analysis.report.rates import EXPOSURE
from analysis.report.runfolder import RunFolder
from analysis.text import cells


def exposure(run: RunFolder) -> Table | None:
    """T 14.4.2: pharmacokinetic parameters per arm."""
    found = codes(run, ["geometric mean"], EXPOSURE)
    if not found:
        return None
    over, one = simulated_over(run), named_alone(run)
    columns: tuple[Column, ...] = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Geometric mean"), over),
        Column("range", "Range", over),
        Column("n", "n", one),
        Column("named", "Geometric mean (geometric CV %)", one),
        Column("median", "Median (min, max)", one),
    )
    beside = [run.published.get((code, "geomean", arm)) for code in found for arm in run.study.arm_ids]
    held, printed = any(beside), published_head(run)
    columns += (Column("published", "Geometric mean", printed), Column("limits", "95 % CI", printed)) * held
    columns += verdicts(run, beside)
    rows = [row for code in found for row in _exposure_rows(run, code)]
    if not rows:
        return None
    rows = [Row(row.cells[: len(columns)], row.key, row.hue, row.heading) for row in rows]
    notes = (
        _when(run),
        *range_note(run),
        *("Published limits: as printed, 95 %; t: a tolerance set in advance, not published.",) * held,
        *remarks(run, found),
    )
    return Table("T 14.4.2", "Exposure", "Patients on active drug with a complete profile", columns, tuple(rows), notes)


def _when(run: RunFolder) -> Text:
    titrated = "; doses differ between patients because they are titrated" * any(arm.rule for arm in run.arms)
    if run.study.treatment_days == 1 or run.study.pk_sampling is None:
        return f"After the single dose{titrated}."
    day = shown(cells.whole, run.config("pk_sampling", "visit_day"))
    return said("One dosing interval from the dose of day {}{}.", day, titrated)


def _exposure_rows(run: RunFolder, code: str) -> list[Row]:
    first = next(e for e in run.of_endpoints if code == e.PARAMCD)
    rows: list[Row] = []
    for arm in run.study.arm_ids:
        n = run.one(code, arm, "geometric mean")
        if n is None or not n.N:
            continue
        over = run.over(code, arm, "geometric mean")
        name, hue = arm_name(run, arm)
        printed = run.published.get((code, "geomean", arm))
        values = (
            NONE if over is None else shown(cells.significant_error, *numbers(over, "ESTIMATE", "MCSE")),
            NONE if over is None else shown(cells.significant_interval, *numbers(over, "RANGE_LOW", "RANGE_HIGH")),
            shown(cells.whole, number(n, "N")),
            shown(cells.geometric, *_found(run, code, arm, "geometric mean", "geometric CV")),
            shown(cells.significant_range, *_found(run, code, arm, "median", "minimum", "maximum")),
            *_printed(printed),
        )
        rows.append(Row((Cell(name, "arm"), *texts(*values), judged(run, printed)), f"{code}|{arm}", hue))
    return [heading(f"{first.PARAM}, {first.UNIT} [{code}]", code), *rows] if rows else []


def _found(run: RunFolder, code: str, arm: str, *stats: str) -> list[Number]:
    """Statistics of the named replicate; every row of exposure has all of them."""
    rows = [run.one(code, arm, stat) for stat in stats]
    return [number(row, "ESTIMATE") for row in rows if row is not None]


def _printed(p: Published | None) -> tuple[Text, Text]:
    """A published geometric mean and its limits, with the figures of the simulated ones."""
    if p is None:
        return NONE, NONE
    mark = {"mark": " t"} if p.interval == "tolerance" else {}
    limits = shown(cells.significant_interval, *numbers(p, "ci_low", "ci_high"), **mark)
    return shown(cells.significant, number(p, "published")), limits if p.interval in JUDGED else NONE
