"""How patients passed through the stages of a trial, as estimates: who entered each, and how it ended for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.statistics.estimates import ALL, NAMED, PERCENT, Estimate, alone, over, rates
from analysis.statistics.participants import arms_of, with_all
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
        code, label = f"STAGE:{stage.id}", f"Stage {stage.name}"
        rows += _rows(study, code, label, ENTERED, entered, size)
        for why, counts in mine.items():
            rows += _rows(study, code, label, why, counts, entered)
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


def _rows(study: Study, code: str, label: str, category: str, counts: Array, of: Array) -> list[Estimate]:
    named, rows = study.analysis.named_replicate, []
    for k, arm in enumerate((*study.arm_ids, ALL)):
        row = Estimate(
            STUDYID=study.id, PARAMCD=code, PARAM=label, PARCAT1="stages", ARM=arm, COMPARATOR=None, POPULATION="FAS",
            STAT="count", UNIT="subjects", SCOPE=NAMED, CATEGORY=category, N=int(of[named, k]),
            N_EVENT=int(counts[named, k]),
        )  # fmt: skip
        share = PERCENT * rates(counts[:, k], of[:, k])
        rows += [alone(row, counts[named, k]), over(row, counts[:, k], of[:, k])]
        percent = replace(row, STAT="share", UNIT="%")
        rows += [alone(percent, share[named]), over(percent, share, of[:, k])]
    return rows
