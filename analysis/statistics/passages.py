"""How patients passed through the stages of a trial, as estimates: who entered each, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.statistics.estimates import Estimate
from analysis.statistics.participants import DIED, arms_of, count_and_share, row_of, with_all
from analysis.statistics.summaries import decoded, whole_replicates
from trial.study.study import Study
from trial.tables import STAGE_ENDS

ENTERED, COMPLETED, LEFT, WENT_ON = "entered", "completed", "left", "went on to"
AFTER = "STAGES"


def estimate_passages(folder: Path, study: Study) -> list[Estimate]:
    """Rows of every stage: a count, and its share of those who entered the stage (of ENTERED: of all randomised).

    ENTERED, LEFT and DIED (of who has left in it) and each reason, COMPLETED and each way of it, WENT_ON and each stage
    that followed; and who has left after all of them (AFTER). None in a study without stages.
    """
    if not study.stages:
        return []
    found, size = _counted(folder, study)
    rows = []
    blank = row_of(study, "stages", AFTER, "After the last stage", "", "count", "subjects")
    gone = _gone(folder, study) - sum(n for (_, why), n in found.items() if why == LEFT)
    after = count_and_share(replace(blank, CATEGORY=LEFT), gone, size, study) if gone.any() else []
    for k, stage in enumerate(study.stages):
        mine = {why: counts for (number, why), counts in found.items() if number == k + 1}
        entered = mine.pop(ENTERED, np.zeros_like(size))
        blank = row_of(study, "stages", f"STAGE:{stage.id}", f"Stage {stage.name}", "", "count", "subjects")
        rows += count_and_share(replace(blank, CATEGORY=ENTERED), entered, size, study)
        for why in _in_order(study, mine):
            rows += count_and_share(replace(blank, CATEGORY=why), mine[why], entered, study)
    return rows + after


def _in_order(study: Study, found: Mapping[str, Array]) -> list[str]:
    """The ways in which a stage ended: leaving, its reasons, death and its causes; completing, then where to."""
    alive = [reason for reason in study.reasons_to_leave if reason not in study.deaths]
    onward = [went_on(stage.name) for stage in study.stages]
    order = [LEFT, *alive, DIED, *study.deaths, COMPLETED, *STAGE_ENDS, *onward]
    return [why for why in dict.fromkeys(order) if why in found]


def went_on(name: str) -> str:
    """The category of those who went on to a stage."""
    return f"{WENT_ON} {name}"


def _gone(folder: Path, study: Study) -> Array:
    """Patients (R, A + 1) who have left the study at all."""
    gone = np.zeros((study.replicates, len(study.arms)))
    for table in whole_replicates(folder / "patients.parquet", ["IREP", "ARM", "DCSREAS"]):
        left = decoded(table["DCSREAS"]) != ""
        np.add.at(gone, (table["IREP"].to_numpy()[left], arms_of(table, study)[left]), 1)
    return with_all(gone)


def _counted(folder: Path, study: Study) -> tuple[Mapping[tuple[int, str], Array], Array]:
    """Patients (R, A + 1; the last of all arms) by stage and what became of them, ENTERED for all; and how many there
    are.
    """
    names, found = ["", *(stage.name for stage in study.stages)], dict[tuple[int, str], Array]()
    for table in whole_replicates(folder / "stages.parquet", ["IREP", "SUBJID", "ARM", "STAGEN", "ENDREAS"]):
        table = table.sort_by([("IREP", "ascending"), ("SUBJID", "ascending"), ("STAGEN", "ascending")])
        replicate, subject, number = (table[name].to_numpy() for name in ("IREP", "SUBJID", "STAGEN"))
        arm, why = arms_of(table, study), decoded(table["ENDREAS"])
        same = (replicate[1:] == replicate[:-1]) & (subject[1:] == subject[:-1])
        after = np.append(np.where(same, number[1:], 0), 0)
        done, dead = np.isin(why, STAGE_ENDS), np.isin(why, study.deaths)
        for stage in np.unique(number).tolist():
            here = number == stage
            became = {ENTERED: here, COMPLETED: here & done, LEFT: here & ~done}
            became |= {DIED: here & dead} if study.deaths else {}
            became |= {reason: here & (why == reason) for reason in np.unique(why[here]).tolist()}
            became |= {went_on(names[k]): here & (after == k) for k in np.unique(after[here]).tolist() if k}
            for what, mine in became.items():
                counts = found.setdefault((stage, what), np.zeros((study.replicates, len(study.arms))))
                np.add.at(counts, (replicate[mine], arm[mine]), 1)
    together = {key: with_all(counts) for key, counts in found.items()}
    return together, together[1, ENTERED]
