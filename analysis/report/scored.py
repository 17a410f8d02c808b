"""The scorecard as a table: every published row beside its simulation."""

from __future__ import annotations

from analysis.evidence.scorecard import FEWEST, Published, Score
from analysis.report.grid import INSIDE, NONE, Cell, Column, Row, Table, arm_name, full_set, heading, with_error
from analysis.report.keyed import Text, label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL
from analysis.text import cells


def scorecard(run: RunFolder) -> Table | None:
    """T 14.2.15: every published row beside its simulation."""
    if not run.scores:
        return None
    columns = (
        Column("arm", "Arm"),
        Column("timepoint", "When"),
        Column("simulated", with_error(run, "Simulated")),
        Column("published", "Published"),
        Column("limits", "Published limits"),
        Column("interval", "Kind"),
        Column("inside", "Mean inside?"),
        Column("seen", "Calibrated on"),
    )
    notes: tuple[Text, ...] = (
        "Which rows are judged was fixed before calibration. cp95: Clopper-Pearson computed here; printed95: as "
        "printed; tolerance: set in advance, not published; range: over patients, not an interval.",
        "Calibrated on: yes means the model was fitted to this number, so that agreement is no prediction.",
    )
    counted = any(row.counted for row in run.published.values())
    unjudged = (
        f"No verdict with fewer than {FEWEST} replicates, or when the design differs from the published one (see "
        "warnings)."
        if counted
        else "No row is judged: none of them is counted.",
    )
    notes = (*notes, *unjudged * (not any(s.inside for s in run.scores)), *_remarks(run))
    rows: list[Row] = []
    for code in dict.fromkeys(s.endpoint for s in run.scores):
        rows.append(heading(f"{run.labels.get(code, 'Not in this study')} [{code}]", code))
        rows += [_score_row(run, s) for s in run.scores if s.endpoint == code]
    return Table("T 14.2.15", "Scorecard: simulated beside published", full_set(run), columns, tuple(rows), notes)


def _remarks(run: RunFolder) -> tuple[Text, ...]:
    """Why the published rows that are not judged are not, a line per remark."""
    alike: dict[str, list[Published]] = {}
    for row in run.published.values():
        if row.note and not row.counted and not row.endpoint.startswith("BASE:"):
            alike.setdefault(row.note, []).append(row)
    named = [(", ".join(dict.fromkeys(row.endpoint for row in rows)), rows[0]) for rows in alike.values()]
    return tuple(said("{}: {}.", label(codes), shown(cells.as_is, number(row, "note"))) for codes, row in named)


def _score_row(run: RunFolder, s: Score) -> Row:
    name, hue = arm_name(run, s.arm) if s.arm in (*run.study.arm_ids, ALL) else (s.arm, None)
    decimals = cells.decimals(s.simulated, s.published, s.ci_high)
    form = {"decimals": decimals, "unit": s.unit}
    simulated: Text = shown(cells.estimate_error, *numbers(s, "simulated", "mcse"), **form)
    limits: Text = shown(cells.interval, *numbers(s, "ci_low", "ci_high"), decimals=decimals)
    inside = Cell(INSIDE[s.inside], INSIDE[s.inside]) if s.inside in INSIDE else Cell(NONE)
    return Row(
        (
            Cell(name, "arm"), Cell(s.timepoint, "short"), Cell(NONE if s.simulated is None else simulated),
            Cell(shown(cells.quantity, number(s, "published"), **form)), Cell(NONE if s.ci_low is None else limits),
            Cell(s.interval, "short"), inside, Cell(s.seen, "short"),
        ),
        s.row_id,
        hue,
    )  # fmt: skip
