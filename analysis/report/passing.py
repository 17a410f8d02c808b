"""The way of the patients through the stages of a trial: a table of who entered each and how it ended, and a figure."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from analysis.figures import charts as figures
from analysis.figures.charts import Rungs
from analysis.report.grid import Cell, Column, Row, Table, counted_replicates, everybody, named_alone, texts
from analysis.report.keyed import number, numbers, said, shown
from analysis.report.people import arm_head
from analysis.report.pictures import Figure, LegendKey, chosen, everyone, not_drawn
from analysis.report.runfolder import RunFolder, plain
from analysis.statistics.estimates import ALL
from analysis.statistics.passages import ENTERED
from analysis.statistics.shares import rung_shares
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
        _row(
            run, f"STAGE:{stage.id}", category, f"{stage.name}: {category}" if category == ENTERED else f"  {category}"
        )
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


def stages_figure(run: RunFolder) -> Figure | None:
    """F 14.1.5: share of patients in each stage by day; None in a study without stages."""
    if not run.study.stages:
        return None
    table = pq.read_table(run.path / "stages.parquet", filters=[("IREP", "in", list(run.kept))])
    arm, number_, start, end = (plain(table[name]) for name in ("ARM", "STAGEN", "ASTDY", "AENDY"))
    names, last = tuple(stage.name for stage in run.study.stages), int(run.records.planned[-1])
    places = np.arange(1, len(names) + 1, dtype=float).tolist()
    drawn = []
    for k, style in chosen(run):
        on, n = arm == style.id, int((run.records.arm == k).sum())
        shares = rung_shares(start[on].astype(int), end[on].astype(int), number_[on].astype(float), places, n, last)
        drawn.append(Rungs(style.label, style.hue, ("", *names), np.vstack([np.zeros((1, last)), shares])))
    first = next((a.hue for a in run.arms if not a.placebo), 0)
    colours = figures.rung_colours(first, len(names) + 1)[1:]
    keys = tuple(LegendKey(colour, name) for colour, name in zip(colours, names, strict=True))
    notes = (
        "From below: the stages in their order, from pale to dark, in each arm's own colour; white: left the study, or "
        "all stages are over.",
        *not_drawn(run),
    )
    return Figure(
        "F 14.1.5", "Stages over time", everyone(run), tuple(figures.dose_levels(drawn, "stages")), notes, keys
    )
