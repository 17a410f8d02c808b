"""How the published rows of a finished run stand: seen by which calibration, read off the set that it used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from analysis.evidence.coverage import Replicates, RowStanding, standing
from analysis.evidence.results import ENDPOINTS_FILE, PUBLISHED_FILE
from analysis.evidence.roles import Role
from analysis.evidence.scorecard import Published, Score, read_published
from analysis.statistics.estimates import ALL
from analysis.statistics.summaries import Summary, of_file
from cohorts.calibration import calibration_file, read_calibration
from cohorts.own import is_file_name
from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from trial.study.study import Study

NOTHING = Replicates(np.empty(0))


def standings(folder: Path, study: Study, scores: Sequence[Score], roles: Mapping[str, Role]) -> list[RowStanding]:
    """One for each published row of the run in ``folder``."""
    chosen = parameter_set(study.parameter_set)
    found = of_file(folder / ENDPOINTS_FILE, study.analysed)
    rows = read_published(folder / PUBLISHED_FILE)
    return [
        standing(study.id, row, score, roles.get(row.row_id), seen_by(chosen, row.row_id), of_row(found, row, study))
        for row, score in zip(rows, scores, strict=True)
    ]


def seen_by(chosen: ParameterSet, row_id: str) -> str:
    """What of a set was fitted on a row or matched to it: its calibration with the date, or the numbers; "" nothing."""
    if not is_file_name(chosen.id) and calibration_file(chosen.id).exists():
        record = read_calibration(chosen.id)
        if row_id in record["targets"]:
            return f"calibration {record.get('id', chosen.id)} of {record.get('date', 'no date')}"
    numbers = [p.name for p in chosen.parameters if row_id in p.targets]
    numbers += [e.name for e in chosen.random_effects if row_id in e.targets]
    return f"matched: {', '.join(numbers)} of {chosen.id}" if numbers else ""


def of_row(found: Mapping[str, Summary], row: Published, study: Study) -> Replicates:
    """The result of the row's endpoint and arm in every replicate; nothing where the run does not have it."""
    summary = found.get(row.endpoint)
    if summary is None or row.arm not in (*study.arm_ids, ALL):
        return NOTHING
    arms = list(range(len(study.arm_ids))) if row.arm == ALL else [study.arm_ids.index(row.arm)]
    if row.statistic == "rate":
        sizes = summary.sizes[:, arms].sum(axis=1).astype(float)
        events = summary.events[:, arms].sum(axis=1)
        return Replicates(100 * np.divide(events, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0), sizes)
    return Replicates(summary.location[:, arms[0]]) if len(arms) == 1 else NOTHING
