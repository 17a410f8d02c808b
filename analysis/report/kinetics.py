"""The table of exposure: pharmacokinetic parameters per arm, rows of estimates.parquet to three figures."""

from __future__ import annotations

from analysis.endpoints.exposure import TMAX
from analysis.evidence.scorecard import JUDGED, Published
from analysis.report.design import days_sampled
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
from analysis.report.number_origins import Number, Text, number, numbers, said, shown
from analysis.report.rates import EXPOSURE
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import Estimate
from analysis.text import cells

TIME = TMAX.code


def exposure(run: RunFolder) -> Table | None:
    """T 14.4.2: pharmacokinetic parameters per arm."""
    found = codes(run, ["geometric mean", "median"], EXPOSURE)
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
    beside = [_beside(run, code, arm) for code in found for arm in run.study.arm_ids]
    held, printed = any(beside), published_head(run)
    columns += (Column("published", "Geometric mean", printed), Column("limits", "95 % CI", printed)) * held
    columns += verdicts(run, beside)
    rows = [row for code in found for row in _exposure_rows(run, code)]
    if not rows:
        return None
    rows = [Row(row.cells[: len(columns)], row.key, row.hue, row.heading) for row in rows]
    notes = (
        _when(run),
        *("Tmax: the median in place of the geometric mean.",) * (TIME in found),
        *range_note(run),
        *("Published limits: as printed, 95 %; t: a tolerance set in advance, not published.",) * held,
        *remarks(run, found),
    )
    return Table("T 14.4.2", "Exposure", "Patients on active drug with a complete profile", columns, tuple(rows), notes)


def _when(run: RunFolder) -> Text:
    titrated = "; doses differ between patients because they are titrated" * any(arm.rule for arm in run.arms)
    if run.study.treatment_days == 1 or run.study.pk_sampling is None:
        return f"After the single dose{titrated}."
    begin, own = run.study.days_before(run.study.analysed_stage), run.study.analysed.pk_sampling
    found = next((day for day in days_sampled(run) if own and day.value == begin + own.visit_day), days_sampled(run)[0])
    day = shown(cells.whole, found)
    return said("One dosing interval from the dose of day {}{}.", day, titrated)


def _exposure_rows(run: RunFolder, code: str) -> list[Row]:
    first = next(e for e in run.of_endpoints if code == e.PARAMCD)
    stat = "median" if code == TIME else "geometric mean"
    rows: list[Row] = []
    for arm in run.study.arm_ids:
        n = run.one(code, arm, stat)
        if n is None or not n.N:
            continue
        over = run.over(code, arm, stat)
        name, hue = arm_name(run, arm)
        mean, limits, *named = _times(run, over, arm) if code == TIME else _levels(run, over, code, arm)
        printed = _beside(run, code, arm)
        values = (mean, limits, shown(cells.whole, number(n, "N")), *named, *_printed(printed))
        rows.append(Row((Cell(name, "arm"), *texts(*values), judged(run, printed)), f"{code}|{arm}", hue))
    return [heading(f"{first.PARAM}, {first.UNIT} [{code}]", code), *rows] if rows else []


def _levels(run: RunFolder, over: Estimate | None, code: str, arm: str) -> tuple[Text, ...]:
    """Over replicates the geometric mean and its range; of the named one geometric mean, and median with range."""
    return (
        NONE if over is None else shown(cells.significant_error, *numbers(over, "ESTIMATE", "MCSE")),
        NONE if over is None else shown(cells.significant_interval, *numbers(over, "RANGE_LOW", "RANGE_HIGH")),
        shown(cells.geometric, *_found(run, code, arm, "geometric mean", "geometric CV")),
        shown(cells.significant_range, *_found(run, code, arm, "median", "minimum", "maximum")),
    )


def _beside(run: RunFolder, code: str, arm: str) -> Published | None:
    return run.published.get((code, "median" if code == TIME else "geomean", arm))


def _times(run: RunFolder, over: Estimate | None, arm: str) -> tuple[Text, ...]:
    """The same of Tmax: the median, to two decimals; a time has no geometric mean."""
    mean, limits = (
        NONE if over is None else shown(form, *numbers(over, *names), decimals=2)
        for form, names in (
            (cells.estimate_error, ("ESTIMATE", "MCSE")),
            (cells.interval, ("RANGE_LOW", "RANGE_HIGH")),
        )
    )
    found = _found(run, TIME, arm, "median", "minimum", "maximum")
    return mean, limits, NONE, shown(cells.rounded_range, *found, decimals=2)


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
