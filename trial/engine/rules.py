"""What the protocol does with what it sees at a visit: rescue, start of chemotherapy, then the dose rules.

No randomness: draws come from ``unit.drawn``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.rescue import NEVER, Given, Rescues, no_rescue, rescue
from trial.engine.titration import Action, DoseState, decide, start
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.study import Study

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """Where every patient of a unit stands; arrays over patients.

    ladders: one DoseState per dose rule, for the patients of all its arms, and members: their places in the unit, in
    the order of ``_deciding``. dose_mg: prescribed from ``effective_day`` on, dose_before_mg until then. rescues: every
    rescue so far. chemo_day: first day of cycle 1 of chemotherapy (NEVER: none, or it still waits for platelets).
    """

    ladders: tuple[DoseState, ...]
    members: tuple[NDArray[np.int64], ...]
    dose_mg: Array
    dose_before_mg: Array
    effective_day: NDArray[np.int64]
    rescues: Rescues
    chemo_day: NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """What was decided at one visit; arrays over patients (Action, index of the step, dose after), and the rescue."""

    day: NDArray[np.int64]
    count: Array
    action: NDArray[np.int8]
    step: NDArray[np.int16]
    dose_mg: Array
    given: tuple[Given, ...] = ()

    @property
    def rescued(self) -> NDArray[np.bool_]:
        """(n,) who was given any agent."""
        return np.isin(np.arange(len(self.day)), [i for given in self.given for i in given.who.tolist()])


def rules_of(study: Study) -> tuple[DoseRule, ...]:
    """The dose rule of each arm; an arm without one keeps its single dose."""
    return tuple(
        study.dose_rules[arm.dose_rule] if arm.dose_rule else _fixed(arm.start_dose_mg or 1.0) for arm in study.arms
    )


def _fixed(dose_mg: float) -> DoseRule:
    return DoseRule(ladder_mg=(dose_mg,), steps=(DoseStep(action="keep"),), source="fixed dose")


def _deciding(study: Study) -> dict[str | None, DoseRule]:
    """The rules that are applied, each once however many arms have it; None: that of arms without one."""
    names = dict.fromkeys(arm.dose_rule for arm in study.arms)
    return {name: study.dose_rules[name] if name else _fixed(1.0) for name in names}


def start_course(unit: Unit) -> tuple[Course, Decisions]:
    """Everybody on the start dose of the arm from day 0."""
    drawn, arms, chemo = unit.drawn, unit.study.arms, unit.study.chemotherapy
    zero, never = np.zeros(drawn.n, dtype=np.int64), np.full(drawn.n, NEVER)
    dose = np.array([arm.start_dose_mg for arm in arms], dtype=float)[drawn.arm]
    ladders, members = [], []
    for name, rule in _deciding(unit.study).items():
        mine = np.flatnonzero(np.array([arm.dose_rule == name for arm in arms])[drawn.arm])
        ladders.append(start(rule, dose[mine] if name else 1.0, len(mine)))
        members.append(mine)
    chemo_day = never if chemo is None or chemo.start else np.full(drawn.n, chemo.first_day)
    course = Course(tuple(ladders), tuple(members), dose, dose, zero, no_rescue(unit), chemo_day)
    begin = Decisions(
        day=zero,
        count=np.full(drawn.n, np.nan),
        action=np.full(drawn.n, Action.START, dtype=np.int8),
        step=np.full(drawn.n, -1, dtype=np.int16),
        dose_mg=dose,
    )
    return course, begin


def apply_rules(
    unit: Unit, course: Course, count: Array, visit: int, bleeding: Array | None = None
) -> tuple[Course, Decisions]:
    """Rescue, start of chemotherapy, then the dose rules, each for all of its arms at once, on the reported counts of
    ``visit`` (NaN: no count) and the grade of ``bleeding`` seen at it (None: nobody's).

    A rule counts planned days, so that a visit early in its window is not too early for it, or, where it says so,
    the actual days on which changes take effect.
    """
    study, drawn = unit.study, unit.drawn
    planned = np.full(drawn.n, study.visits.days[visit - 1])
    day = drawn.visit_day[:, visit]
    rescues, given = rescue(unit, course.rescues, count, bleeding, visit)
    course = _start_chemotherapy(unit, course, count, visit)
    on_treatment = np.where(day < study.treatment_days, count, np.nan)
    effective = day + study.laboratory.turnaround_days
    ladders, dose = [], course.dose_mg.copy()
    action, step = np.zeros(drawn.n, dtype=np.int8), np.empty(drawn.n, dtype=np.int16)
    for (name, rule), mine, ladder in zip(_deciding(study).items(), course.members, course.ladders, strict=True):
        today = planned if rule.day_count == "planned" else effective
        after, action[mine], step[mine] = decide(rule, ladder, on_treatment[mine], today[mine])
        ladders.append(after)
        if name:
            dose[mine] = after.dose_mg(rule.ladder_mg)
    course = replace(
        course,
        rescues=rescues,
        ladders=tuple(ladders),
        dose_mg=dose,
        dose_before_mg=course.dose_mg,
        effective_day=effective,
    )
    return course, Decisions(effective, count, action, step, dose, given)


def _start_chemotherapy(unit: Unit, course: Course, count: Array, visit: int) -> Course:
    """Cycle 1 of those who have waited for platelets begins on the day on which a count is reported to be high enough,
    not before ``first_day``. A visit planned after the latest day starts nobody.
    """
    study, chemo = unit.study, unit.study.chemotherapy
    if chemo is None or chemo.start is None or study.visits.days[visit - 1] > chemo.start.latest_day:
        return course
    reached = (course.chemo_day == NEVER) & (count >= chemo.start.at_least_1e9L)
    reported = unit.drawn.visit_day[:, visit] + study.laboratory.turnaround_days
    return replace(course, chemo_day=np.where(reached, np.maximum(reported, chemo.first_day), course.chemo_day))
