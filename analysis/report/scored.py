"""The published rows that no table of results shows: of endpoints or arms that the run does not have, or one of two."""

from __future__ import annotations

from analysis.evidence.scorecard import STAT, Published, Score
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, full_set, heading
from analysis.report.number_origins import Text, number, numbers, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL
from analysis.text import cells


def elsewhere(run: RunFolder) -> Table | None:
    """T 14.2.15: published rows that stand beside nothing; None when every one has its place."""
    placed = {row.row_id for row in run.published.values() if _is_shown(run, row)}
    rest = [s for s in run.scores if s.row_id not in placed]
    if not rest:
        return None
    columns = (
        Column("arm", "Arm"),
        Column("timepoint", "When"),
        Column("simulated", "Simulated"),
        Column("published", "Published"),
        Column("limits", "Limits"),
        Column("interval", "Kind of limits"),
        Column("why", "Judged?"),
    )
    rows: list[Row] = []
    for code in dict.fromkeys(s.endpoint for s in rest):
        rows.append(heading(f"{run.labels.get(code, 'Not in this study')} [{code}]", code))
        rows += [_row(run, s) for s in rest if s.endpoint == code]
    notes = (
        "cp95: Clopper-Pearson computed here; printed95: as printed; tolerance: set in advance, not published; range: "
        "over patients, not an interval.",
    )
    return Table("T 14.2.15", "Other published results", full_set(run), columns, tuple(rows), notes)


def _is_shown(run: RunFolder, row: Published) -> bool:
    """Whether a table has a simulated value that this row stands beside."""
    stat = STAT[row.statistic]
    over, one = run.over(row.endpoint, row.arm, stat), run.one(row.endpoint, row.arm, stat)
    return over is not None and (row.statistic != "geomean" or bool(one and one.N))


def _row(run: RunFolder, s: Score) -> Row:
    name, hue = arm_name(run, s.arm) if s.arm in (*run.study.arm_ids, ALL) else (s.arm, None)
    decimals = cells.decimals(s.simulated, s.published, s.ci_high)
    form = {"decimals": decimals, "unit": s.unit}
    simulated: Text = shown(cells.estimate_error, *numbers(s, "simulated", "mcse"), **form)
    limits: Text = shown(cells.interval, *numbers(s, "ci_low", "ci_high"), decimals=decimals)
    verdict = {"yes": "inside", "no": "outside"}.get(s.inside, s.unjudged or NONE)
    return Row(
        (
            Cell(name, "arm"), Cell(s.timepoint, "label"), Cell(NONE if s.simulated is None else simulated),
            Cell(shown(cells.quantity, number(s, "published"), **form)), Cell(NONE if s.ci_low is None else limits),
            Cell(s.interval, "short"), Cell(verdict, verdict if s.inside else "label"),
        ),
        s.row_id,
        hue,
    )  # fmt: skip
