"""The way of the patients through the stages of a trial: who entered each, and what became of them."""

from __future__ import annotations

from dataclasses import replace

from analysis.report.grid import Table, everybody
from analysis.report.people import counted_columns, counted_row, stage_lines
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL
from analysis.statistics.passages import AFTER, LEFT


def stages_table(run: RunFolder) -> Table | None:
    """T 14.1.5: who entered each stage, left it and why, completed it, went on; None in a study without stages."""
    if not run.study.stages:
        return None
    rows = []
    for k, stage in enumerate(run.study.stages):
        code = f"STAGE:{stage.id}"
        for line, category in stage_lines(run, k):
            rows.append(replace(counted_row(run, code, line, category), key=f"{code} {category}"))
    if run.one(AFTER, ALL, "count", category=LEFT):
        rows.append(counted_row(run, AFTER, "After the last stage: left", LEFT))
    notes = (
        "Entered: share of all randomised; what became of them: share of those who entered the stage. Who completed a "
        "stage was there when it ended.",
    )
    columns = counted_columns(run, "Share of all, %")
    return Table("T 14.1.5", "Stages of the trial", everybody(run), columns, tuple(rows), notes)
