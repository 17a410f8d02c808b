"""The way of the patients through the stages of a trial: who entered each, and how it ended for them."""

from __future__ import annotations

from analysis.report.grid import Cell, Column, Row, Table, counted_replicates, everybody, named_alone, texts
from analysis.report.keyed import number, numbers, said, shown
from analysis.report.people import arm_head
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL
from analysis.statistics.passages import ENTERED
from analysis.text import cells


def stages_table(run: RunFolder) -> Table | None:
    """T 14.1.5: who entered each stage, and how it ended for them; None in a study without stages."""
    if not run.study.stages:
        return None
    heads = [*((arm.id, arm.id, arm.label) for arm in run.arms), ("all", ALL, "All arms")]
    columns = [Column("what", "")]
    columns += [
        Column(name, arm_head(run, arm, title), said("{}, n (%)", named_alone(run))) for name, arm, title in heads
    ]
    columns.append(Column("mean", "Share of all, %", said("{}, mean", counted_replicates(run))))
    rows = [
        _row(run, f"STAGE:{stage.id}", category, f"{stage.name}: " if category == ENTERED else "  ")
        for stage in run.study.stages
        for category in _categories(run, f"STAGE:{stage.id}")
    ]
    notes = ("Entered: share of all randomised; how a stage ended: share of those who entered it.",)
    return Table("T 14.1.5", "Stages of the trial", everybody(run), tuple(columns), tuple(rows), notes)


def _categories(run: RunFolder, code: str) -> list[str]:
    return list(dict.fromkeys(e.CATEGORY for e in run.estimates if code == e.PARAMCD))


def _row(run: RunFolder, code: str, category: str, before: str) -> Row:
    found = [run.one(code, arm, "count", category=category) for arm in (*run.study.arm_ids, ALL)]
    over = run.over(code, ALL, "share", category=category)
    counts = [shown(cells.count, *numbers(e, "N_EVENT", "N")) for e in found if e]
    share = [shown(cells.rounded, number(over, "ESTIMATE"), decimals=1)] if over else []
    return Row((Cell(f"{before}{category}", "label"), *texts(*counts, *share)), f"{code} {category}")
