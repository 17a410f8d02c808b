"""What the protocol does with what it sees at a visit: rescue, start of chemotherapy, then the dose rules.

No randomness: draws come from ``unit.drawn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from trial.engine.draws import Unit
from trial.engine.prescribed import Prescribed, days_apart, intervals_of
from trial.engine.titration import Action, DoseState, decide, start
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.study import Study

Array = NDArray[np.float64]
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Course:
    """Where every patient of a unit stands; arrays over patients.

    ladders: one DoseState per dose rule, for the patients of all its arms, and members: their places in the unit, in
    the order of ``_deciding``. now: prescribed from ``effective_day`` on, before: until then. rescue_day:
    day of the latest rescue (NEVER: none), which may be days ahead, and rescue_before_day that of the one before it;
    rescues: how many; hazard: cumulative hazard of rescue up to ``counted_day``, the day of the last count. chemo_day:
    first day of cycle 1 of chemotherapy (NEVER: none, or it still waits for platelets).
    """

    ladders: tuple[DoseState, ...]
    members: tuple[NDArray[np.int64], ...]
    now: Prescribed
    before: Prescribed
    effective_day: NDArray[np.int64]
    rescue_day: NDArray[np.int64]
    rescue_before_day: NDArray[np.int64]
    rescues: NDArray[np.int64]
    hazard: Array
    counted_day: NDArray[np.int64]
    chemo_day: NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """What was decided at one visit; arrays over patients (Action, index of the step, what is prescribed after)."""

    day: NDArray[np.int64]
    count: Array
    action: NDArray[np.int8]
    step: NDArray[np.int16]
    after: Prescribed
    rescued: NDArray[np.bool_]

    @property
    def dose_mg(self) -> Array:
        """Dose of the level after the visit, on its days (mg)."""
        return self.after.dose_mg


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
    hazard = np.zeros(drawn.n)
    begins = _on_levels(unit.study, ladders, members, Prescribed.daily(dose), np.full(drawn.n, True), zero)
    course = Course(tuple(ladders), tuple(members), begins, begins, zero, never, never, zero, hazard, zero, chemo_day)
    begin = Decisions(
        day=zero,
        count=np.full(drawn.n, np.nan),
        action=np.full(drawn.n, Action.START, dtype=np.int8),
        step=np.full(drawn.n, -1, dtype=np.int16),
        after=begins,
        rescued=np.zeros(drawn.n, dtype=bool),
    )
    return course, begin


def apply_rules(unit: Unit, course: Course, count: Array, visit: int) -> tuple[Course, Decisions]:
    """Rescue, start of chemotherapy, then the dose rules, each for all of its arms at once, on the reported counts of
    ``visit`` (NaN: no count).

    A rule counts planned days, so that a visit early in its window is not too early for it, or, where it says so,
    the actual days on which changes take effect.
    """
    study, drawn = unit.study, unit.drawn
    planned = np.full(drawn.n, study.visits.days[visit - 1])
    day = drawn.visit_day[:, visit]
    course, rescued = _rescue(unit, course, count, visit)
    course = _start_chemotherapy(unit, course, count, visit)
    on_treatment = np.where(day < study.treatment_days, count, np.nan)
    effective = day + study.laboratory.turnaround_days
    there = (day < study.treatment_days) & (effective < drawn.leave_day)
    ladders = []
    action, step = np.zeros(drawn.n, dtype=np.int8), np.empty(drawn.n, dtype=np.int16)
    for rule, mine, ladder in zip(_deciding(study).values(), course.members, course.ladders, strict=True):
        today = planned if rule.day_count == "planned" else effective
        after, action[mine], step[mine] = decide(rule, ladder, on_treatment[mine], today[mine], there[mine])
        ladders.append(after)
    now = _on_levels(study, ladders, course.members, course.now, action != Action.KEEP, effective)
    course = replace(course, ladders=tuple(ladders), now=now, before=course.now, effective_day=effective)
    return course, Decisions(effective, count, action, step, now, rescued)


def _on_levels(
    study: Study,
    ladders: Sequence[DoseState],
    members: Sequence[NDArray[np.int64]],
    before: Prescribed,
    changed: NDArray[np.bool_],
    day: NDArray[np.int64],
) -> Prescribed:
    """The levels on which the ladders stand, from ``day`` where they ``changed``; fixed doses as ``before``."""
    apart, dose, interval = days_apart(study), before.dose_mg.copy(), before.interval.copy()
    for (name, rule), mine, ladder in zip(_deciding(study).items(), members, ladders, strict=True):
        if name:
            dose[mine] = ladder.dose_mg([level.dose_mg for level in rule.levels])
            interval[mine] = intervals_of(rule.levels, apart)[ladder.rung]
    return Prescribed(dose, interval, np.where(changed, day, before.since_day))


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


def _rescue(unit: Unit, course: Course, count: Array, visit: int) -> tuple[Course, NDArray[np.bool_]]:
    """Rescue is decided on a visit's count when the cumulative hazard, H0 exp(-count/SCALE) per week, has crossed the
    patient's clock, and given on the day on which that count is reported; not to who has left by then, nor after the
    last visit.

    While no other rescue may be given the hazard stands still.
    """
    study, drawn = unit.study, unit.drawn
    day, before, clocks = drawn.visit_day[:, visit], study.rescue.min_days_between, drawn.rescue_clock
    given = day + study.laboratory.turnaround_days
    since = np.where(course.rescues > 0, np.maximum(course.counted_day, course.rescue_day + before), course.counted_day)
    free = (course.rescues == 0) | (given - course.rescue_day >= before)
    rate = unit.on("RESCUE_H0", day) * elementary.exp(-count / unit.on("RESCUE_SCALE", day))
    at_risk = free & ~np.isnan(count) & study.rescue.allowed
    hazard = course.hazard + np.where(at_risk, rate * np.maximum(day - since, 0) / 7.0, 0.0)
    episode = np.minimum(course.rescues, clocks.shape[1] - 1)
    clock = np.take_along_axis(clocks, episode[:, None], axis=1)[:, 0]
    there = (given < drawn.leave_day) & (given <= drawn.visit_day[:, -1])
    rescued = at_risk & there & (hazard >= clock) & (course.rescues < clocks.shape[1])
    course = replace(
        course,
        hazard=hazard,
        rescues=course.rescues + rescued,
        rescue_day=np.where(rescued, given, course.rescue_day),
        rescue_before_day=np.where(rescued, course.rescue_day, course.rescue_before_day),
        counted_day=np.where(np.isnan(count), course.counted_day, day),
    )
    return course, rescued
