"""The way of the patients through the stages of a trial: who entered each, and how it ended for them."""

from __future__ import annotations

from dataclasses import replace

from analysis.report.grid import Table, everybody
from analysis.report.people import counted_columns, counted_row
from analysis.report.runfolder import RunFolder
from analysis.statistics.passages import ENTERED


def stages_table(run: RunFolder) -> Table | None:
    """T 14.1.5: who entered each stage, and how it ended for them; None in a study without stages."""
    if not run.study.stages:
        return None
    rows = []
    for stage in run.study.stages:
        code = f"STAGE:{stage.id}"
        for category in dict.fromkeys(e.CATEGORY for e in run.estimates if code == e.PARAMCD):
            before = f"{stage.name}: " if category == ENTERED else "  "
            row = counted_row(run, code, f"{before}{category}", category)
            rows.append(replace(row, key=f"{code} {category}"))
    notes = ("Entered: share of all randomised; how a stage ended: share of those who entered it.",)
    columns = counted_columns(run, "Share of all, %")
    return Table("T 14.1.5", "Stages of the trial", everybody(run), columns, tuple(rows), notes)
