"""A schedule of the user's own as the plan of a unit: whose plan each patient follows, his doses and his visits.

Recorded doses are what was taken: a config that says no more of adherence has every one of them taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cohorts.brought import ids_of
from cohorts.sampler import Cohort
from trial.engine.by_the_clock import Clocked
from trial.engine.draws import Unit
from trial.study.own_schedule import is_shared
from trial.study.study import Study
from trial.study.timetable import HOURS, Timetable
from trial.study.timetable_rows import read_timetable

Ints = NDArray[np.int64]


def arms_of(study: Study, cohort: Cohort, person: Ints) -> Ints | None:
    """The arm (n,) of each patient, where the schedule says it; None where patients are randomised.

    ``person`` (n,): number of each within his replicate, from 0.
    """
    if study.schedule is None:
        return None
    table = read_timetable(study.schedule)
    if is_shared(study, table):
        return None
    of_person = [study.arm_ids.index(arm) if arm else 0 for arm in table.arms]
    return np.array(of_person, dtype=np.int64)[_persons(study, table, cohort, person)]


def _persons(study: Study, table: Timetable, cohort: Cohort, person: Ints) -> Ints:
    """Whose plan (n,) each patient follows where the schedule has ids: of patients of a file by their id, of sampled
    ones by their number.
    """
    if study.population.file is None:
        return person
    ids, place = ids_of(study.population.file) or [], {who: k for k, who in enumerate(table.persons)}
    return np.array([place[ids[k]] for k in cohort.draws.candidate.tolist()], dtype=np.int64)


def with_plan(unit: Unit, cohort: Cohort, person: Ints) -> Unit:
    """The unit with the doses and visits of its study's schedule; as it is without one.

    A visit that a patient's own plan does not have is missed. The doses of an arm of placebo are sham ones.
    """
    study, drawn = unit.study, unit.drawn
    if study.schedule is None:
        return unit
    table = read_timetable(study.schedule)
    if not is_shared(study, table):
        plan = _persons(study, table, cohort, person)
    elif table.arms[0]:
        plan = np.array([table.arms.index(arm) for arm in study.arm_ids], dtype=np.int64)[drawn.arm]
    else:
        plan = np.zeros(drawn.n, dtype=np.int64)
    hours, absent = _visits(table, plan)
    day = np.floor(hours / HOURS).astype(np.int64)
    drawn = replace(drawn, visit_day=day, visit_h=hours - HOURS * day, missed=drawn.missed | absent)
    doses = Clocked(*(part[plan] for part in table.doses))
    return replace(unit, drawn=drawn, clocked=doses, plan_mg=table.daily_mg(drawn.taken.shape[1])[plan])


def _visits(table: Timetable, plan: Ints) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """When each visit takes place, (n, V+1), and which of them a plan does not have: those at the start of their
    planned day, but between the counts before and after them, which need not be on theirs.
    """
    measured = table.measured_h[plan]
    after = np.maximum.accumulate(np.where(np.isnan(measured), 0.0, measured), axis=1)
    until = np.minimum.accumulate(np.where(np.isnan(measured), np.inf, measured)[:, ::-1], axis=1)[:, ::-1]
    hours = np.where(np.isnan(measured), np.clip(HOURS * np.array(table.visits), after, until), measured)
    first = np.zeros((len(plan), 1))
    return np.hstack([first, hours]), np.hstack([first > 0, np.isnan(measured)])
