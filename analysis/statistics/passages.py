"""How patients passed through the stages of a trial, as estimates: who entered each, and how it ended for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.statistics.estimates import Estimate
from analysis.statistics.participants import arms_of, count_and_share, row_of, with_all
from analysis.statistics.summaries import decoded, whole_replicates
from trial.study.study import Study

ENTERED = "entered"


def estimate_passages(folder: Path, study: Study) -> list[Estimate]:
    """Rows of every stage: a count, and its share of those who entered the stage (of ENTERED: of all randomised).

    None in a study without stages.
    """
    if not study.stages:
        return []
    found, size = _counted(folder, study)
    rows = []
    for k, stage in enumerate(study.stages):
        mine = {why: counts for (number, why), counts in found.items() if number == k + 1}
        entered = mine.pop(ENTERED, np.zeros_like(size))
        blank = row_of(study, "stages", f"STAGE:{stage.id}", f"Stage {stage.name}", "", "count", "subjects")
        rows += count_and_share(replace(blank, CATEGORY=ENTERED), entered, size, study)
        for why, counts in mine.items():
            rows += count_and_share(replace(blank, CATEGORY=why), counts, entered, study)
    return rows


def _counted(folder: Path, study: Study) -> tuple[Mapping[tuple[int, str], Array], Array]:
    """Patients (R, A + 1; the last of all arms) by stage and how it ended, ENTERED for all; and how many there are."""
    found: dict[tuple[int, str], Array] = {}
    for table in whole_replicates(folder / "stages.parquet", ["IREP", "ARM", "STAGEN", "ENDREAS"]):
        place = table["IREP"].to_numpy(), arms_of(table, study)
        number, why = table["STAGEN"].to_numpy(), decoded(table["ENDREAS"])
        for stage in np.unique(number).tolist():
            for reason in (ENTERED, *np.unique(why[number == stage]).tolist()):
                mine = (number == stage) & (True if reason == ENTERED else why == reason)
                counts = found.setdefault((stage, reason), np.zeros((study.replicates, len(study.arms))))
                np.add.at(counts, tuple(axis[mine] for axis in place), 1)
    together = {key: with_all(counts) for key, counts in found.items()}
    return together, together[1, ENTERED]
