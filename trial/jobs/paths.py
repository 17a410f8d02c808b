"""The way of every patient through the stages of a trial: one row per stage in which he was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.rows import Ints, Keys, coded, last_visit, leaves, table
from trial.study.stages import Stage
from trial.tables import STAGE_ENDS, STAGES

PLANNED, UNTIL, LAST, LEFT = range(4)


def paths(unit: Unit, result: UnitResult, keys: Keys) -> pa.Table:
    """STAGES of a unit: from the visit at which a stage begins to that at which the next one does, the end of the last
    one, the last visit, or the day of leaving. Once all stages are over there is no row.
    """
    plan, place, n = unit.study.plan, result.course.place, unit.drawn.n
    stage = np.stack([made.stage for made in result.decisions], axis=1)
    begins = np.concatenate([np.ones((n, 1), dtype=bool), stage[:, 1:] != stage[:, :-1]], axis=1)
    who, visit = np.nonzero(begins)
    day, number = unit.drawn.visit_day[who, visit], stage[who, visit]
    over, end_of_study = place.drug_ends(plan), np.minimum(place.leave_day, last_visit(unit))
    followed = np.append(who[1:] == who[:-1], False)
    end = np.where(followed, np.append(day[1:], 0), np.minimum(end_of_study, over)[who])
    planned = np.array((0, *unit.study.visits.days))[visit]
    lasted = np.append(planned[1:], 0) - planned
    ends = np.where(followed, np.where(lasted >= _days(plan, number), PLANNED, UNTIL), LAST)
    gone = ~followed & leaves(unit, result)[who]
    ends = np.where(gone, LEFT + place.leave_reason[who], ends)
    ends = np.where(~followed & (over <= end_of_study)[who], PLANNED, ends)
    real = number < len(plan)
    return table(
        STAGES,
        **keys.rows(who[real]),
        ARM=coded(unit.drawn.arm[who[real]], unit.study.arm_ids),
        STAGEN=number[real] + 1,
        STAGE=coded(number[real], [s.id for s in plan]),
        ASTDY=day[real],
        AENDY=end[real],
        ENDREAS=coded(ends[real], [*STAGE_ENDS, *unit.study.reasons_to_leave]),
    )


def _days(plan: Sequence[Stage], number: Ints) -> NDArray[np.int64]:
    """How long each stage lasts as planned; 0 once all are over."""
    return np.array([*(stage.days for stage in plan), 0])[number]
