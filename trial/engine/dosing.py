"""The days between two visits: what is prescribed and taken on each, chemotherapy and meals, and how fast platelets
are lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cohorts import elementary
from trial.engine.by_the_clock import BACK_H, Clocked, in_place_of, laid_over, moves_of, of_rows
from trial.engine.course import Course
from trial.engine.cycles import drug_days, intensities
from trial.engine.draws import Drawn, Unit
from trial.engine.prescribed import days_apart
from trial.engine.rescue import log_drop
from trial.models import Days
from trial.solver import Events
from trial.study.dose_level import DoseLevel

Array = NDArray[np.float64]


def day_of(after_h: ArrayLike) -> NDArray[np.int64]:
    """The day, from that of the dose, of a time after it (h); the end of a day still belongs to it: 24 h is day 0."""
    return np.maximum(np.ceil(np.asarray(after_h) / 24.0) - 1, 0).astype(np.int64)


def days_between(drawn: Drawn, visit: int) -> NDArray[np.int64]:
    """(n, longest) days from visit ``visit - 1`` to the day before ``visit``; days that do not exist are -1."""
    return days_of(drawn.visit_day[:, visit - 1 : visit + 1])


def days_of(span: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, longest) days from the first to the day before the second of ``span`` (n, 2); -1 where there is none."""
    first, last = span[:, :1], span[:, 1:]
    day = first + np.arange((last - first).max())
    return np.where(day < last, day, -1)


def spans_of(unit: Unit, days: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The time between two days (n, 2) in pieces in which no parameter of the equations changes: one, or the weeks, cut
    where a parameter of a patient follows a covariate, or response is lost or regained.

    A patient who is not in a week has a piece of no length; where nobody has a day, there is no piece.
    """
    if not (days[:, 1] > days[:, 0]).any():
        return []
    pieces = [days]
    if unit.weekly or unit.hardens:
        weeks = range(int(days.min()) // 7, (int(days.max()) - 1) // 7 + 1)
        pieces = [np.clip(days, 7 * week, 7 * week + 7) for week in weeks]
        pieces = [piece for piece in pieces if (piece[:, 1] > piece[:, 0]).any()]
    return [part for piece in pieces for part in cut_at(piece, unit.cuts)] if unit.cuts.size else pieces


def cut_at(span: NDArray[np.int64], days: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """A span (n, 2) of days cut on those of ``days`` (n, k) that are within it; pieces of no length for the others."""
    inside = (span[:, :1] < days) & (days < span[:, 1:])
    if not inside.any():
        return [span]
    within = np.sort(np.where(inside, days, span[:, 1:]), axis=1)[:, : inside.sum(axis=1).max()]
    edges = np.concatenate([span[:, :1], within, span[:, 1:]], axis=1)
    return [edges[:, k : k + 2] for k in range(edges.shape[1] - 1)]


def joined(late: Events, fresh: Events) -> Events:
    """Events of earlier days that are still to come with those of the days that begin; the earlier first."""
    if not late.time_h.shape[1]:
        return fresh
    time_h, amount, inputs = (
        np.concatenate([getattr(part, name) for part in (late, fresh)], axis=1)
        for name in ("time_h", "amount", "inputs")
    )
    order = np.argsort(time_h, axis=1, kind="stable")
    take = np.take_along_axis
    return Events(take(time_h, order, 1), take(amount, order, 1), take(inputs, order[:, :, None], 1))


def later(events: Events, end_h: Array) -> Events:
    """The events at or after ``end_h`` (n,), which a solve to that time leaves out; without those that do nothing.

    At ``end_h`` itself only what adds drug: the day that begins then sets the inputs.
    """
    end = end_h[:, None]
    kept = np.isfinite(events.time_h) & ((events.time_h > end) | ((events.time_h == end) & (events.amount != 0)))
    width, take = int(kept.sum(axis=1).max(initial=0)), np.take_along_axis
    if not width:
        return Events(events.time_h[:, :0], events.amount[:, :0], events.inputs[:, :0])
    order = np.argsort(~kept, axis=1, kind="stable")[:, :width]
    there = take(kept, order, 1)
    time_h = np.where(there, take(events.time_h, order, 1), np.inf)
    amount = np.where(there, take(events.amount, order, 1), 0.0)
    return Events(time_h, amount, take(events.inputs, order[:, :, None], 1))


def dose_mg(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """Active drug taken on each day (mg): prescribed, a day of the drug, taken, still in the study, not placebo."""
    prescribed = _prescribed_mg(unit, course, day)
    return np.where(_is_given(unit, course, day), prescribed, 0.0)


def _is_given(unit: Unit, course: Course, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether what is prescribed on each day is taken, and is active drug."""
    given = drug_day(unit, course, day) & active(unit, course, day) & _in_study(course, day)
    return given & takes(unit, course, day)


def takes(unit: Unit, course: Course, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the patient takes what is prescribed on each day, (n, k): not missed, and not given up."""
    taken = _of_day(unit.drawn.taken, day)
    return taken if unit.study.adherence.gives_up is None else taken & (day < course.patience.gone_day[:, None])


def _prescribed_mg(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """The dose of each day (mg), active or sham, on the days of the level that is in force; or that of the plan."""
    if unit.plan_mg is not None:
        return _of_day(unit.plan_mg, day)
    return level_mg(course, day, days_apart(unit.study))


def in_force_mg(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """The dose (n, k) that the ledger has on each day (mg): that of the level in force, or of a schedule's day."""
    if unit.clocked is not None and unit.plan_mg is not None:
        return _of_day(unit.plan_mg, day)
    return level_mg(course, day)


def level_mg(course: Course, day: NDArray[np.int64], apart: Sequence[DoseLevel] = ()) -> Array:
    """The dose (n, k) of the level that is in force on each day (mg); 0 between the days of those ``apart``."""
    prescribed = course.now.on(day, apart)
    for one in reversed(course.earlier):
        prescribed = np.where(day < one.until_day[:, None], one.level.on(day, apart), prescribed)
    return prescribed


def drug_day(unit: Unit, course: Course, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the study drug, or its placebo, is to be taken on each day.

    With drug days around chemotherapy only on those; while cycle 1 still waits for platelets, on every one.
    """
    treated = (day >= 0) & (day < course.place.drug_ends(unit.study.plan)[:, None])
    chemotherapy = unit.study.chemotherapy
    if chemotherapy is None or not chemotherapy.drug_days:
        return treated
    return treated & drug_days(chemotherapy, course.cycles, day)


def active(unit: Unit, course: Course, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether what is taken on each day is active drug, (n, k): never on placebo, in some arms until chemotherapy."""
    return is_active(unit, _treatment(course, day), course.cycles.first_day[:, None], day)


def is_active(
    unit: Unit, treatment: NDArray[np.int64], chemo_day: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether what is taken under a treatment on a day is active drug, with the first day of chemotherapy; all of one
    shape.
    """
    drug = unit.of_treatment(lambda given: not given.arm.placebo, bool)[treatment]
    ends = unit.of_treatment(lambda given: given.arm.until_chemotherapy, bool)
    if not ends.any():
        return np.broadcast_to(drug, day.shape)
    return np.asarray(drug & ~(ends[treatment] & (day >= chemo_day)))


def _treatment(course: Course, day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Treatment on each day, (n, k), or (n, 1) where it is the same on all."""
    found = course.treatment[:, None]
    if all(one.treatment is course.treatment for one in course.earlier):
        return found
    for one in reversed(course.earlier):
        found = np.where(day < one.until_day[:, None], one.treatment[:, None], found)
    return found


def kill(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """Intensity of the chemotherapy given on each day, 0 on the others; it ends when the patient leaves."""
    return np.where(_in_study(course, day), intensities(unit, course.cycles, day), 0.0)


def meal_h(unit: Unit, course: Course, day: NDArray[np.int64], dose_mg: Array) -> Array:
    """Hours from each dose to a meal that binds drug: of the treatment, or the patient's habit that day; inf: none."""
    told = unit.of_treatment(lambda given: given.arm.meal_after_dose_h, float)
    if unit.study.meals is None and np.isnan(told).all():
        return np.full(day.shape, np.inf)
    planned = np.where(np.isnan(told), np.inf, told)[_treatment(course, day)]
    habit_h = unit.study.meals.after_dose_h if unit.study.meals else np.inf
    habit = np.where(_of_day(unit.drawn.early_meal, day), habit_h, np.inf)
    meal = np.minimum(planned, habit)
    said = unit.study.adherence.time_of_day
    if said is not None and said.meals_stay and unit.drawn.late_h is not None:
        meal = np.maximum(meal - _of_day(unit.drawn.late_h, day), 0.0)
    return np.where(dose_mg > 0, meal, np.inf)


def loss_factor(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """Daily multiplier of platelet loss: within-patient fluctuation, and rescue therapy, which lowers loss for
    weeks.
    """
    factor = _of_day(unit.swings, day)
    who, drop = log_drop(unit, course.rescues, day)
    if not len(who):
        return factor
    with np.errstate(over="ignore"):  # the solver says NON_FINITE where a wild draw gives infinity
        factor[who] = elementary.exp(_of_day(unit.drawn.log_loss, day[who], who) - drop)
    return factor


def untreated_day(unit: Unit, course: Course) -> Events:
    """Day 0 without dose, chemotherapy or meal: what the drug-free steady state is made of."""
    day = np.zeros((unit.drawn.n, 1), dtype=np.int64)
    days = Days.of(np.zeros(day.shape), 0.0, loss_factor=loss_factor(unit, course, day))
    return unit.structure.daily_events(unit.p_on(day[:, 0]), days)


def daily_events(unit: Unit, course: Course, day: NDArray[np.int64]) -> Events:
    """The event table of those days (of one week, where parameters of the equations differ from week to week)."""
    if unit.clocked is not None:
        return _by_the_clock(unit, course, day, unit.clocked)
    if unit.drawn.dose_h is not None:
        return _by_the_clock(unit, course, day, _by_habit(unit, course, day))
    dose = dose_mg(unit, course, day)
    days = Days.of(
        np.where(day >= 0, 24.0 * day, np.inf),
        dose,
        _of_day(unit.drawn.bioavailability, day),
        loss_factor(unit, course, day),
        kill(unit, course, day),
        meal_h(unit, course, day, dose),
    )
    return unit.structure.daily_events(unit.p_on(day[:, 0]), days)


def _by_habit(unit: Unit, course: Course, day: NDArray[np.int64]) -> Clocked:
    """What is prescribed on days (n, k) and on those before whose effect may not be over, at the hours of the habit."""
    back = np.arange(-int(BACK_H // 24.0), 0) + np.maximum(day[:, :1], 0)
    days = np.concatenate([back, day], axis=1)
    hour = 24.0 * days + _of_day(unit.drawn.dose_h, days) if unit.drawn.dose_h is not None else 24.0 * days
    return Clocked(np.where(days >= 0, hour, np.inf), _prescribed_mg(unit, course, days))


def _by_the_clock(unit: Unit, course: Course, day: NDArray[np.int64], plan: Clocked) -> Events:
    """As ``daily_events``, of doses at their own hours; what they do in these days, whenever they were taken."""
    begin_h, end_h = np.maximum(24.0 * day[:, 0], 0.0), 24.0 * (day.max(axis=1) + 1.0)
    start_h = np.where(day >= 0, 24.0 * day, np.inf)
    bare = Days.of(start_h, 0.0, loss_factor=loss_factor(unit, course, day), kill=kill(unit, course, day))
    events = unit.structure.daily_events(unit.p_on(day[:, 0]), bare)
    taken = plan.between(begin_h, end_h)
    given = np.where(_is_given(unit, course, taken.day), taken.mg, 0.0)
    who, when = np.flatnonzero((given > 0).any(axis=1)), taken.day
    if not len(who):
        return events
    said = (
        _of_day(unit.drawn.bioavailability, when),
        loss_factor(unit, course, when),
        kill(unit, course, when),
        meal_h(unit, course, when, given),
    )
    taken = Clocked(taken.hour[who], given[who])
    doses = Days.of(taken.hour, taken.mg, *(each[who] for each in said))
    moves = moves_of(unit.structure, _p_on(unit, when[who], who), taken, doses)
    return in_place_of(events, who, laid_over(of_rows(events, who), moves, begin_h[who], end_h[who]))


def _p_on(unit: Unit, day: NDArray[np.int64], who: NDArray[np.int64]) -> Array:
    """Parameters of the structure on days (m, k) of the patients ``who`` (m,), (m, k, P)."""
    p = np.broadcast_to(unit.p[who, None], (*day.shape, unit.p.shape[1]))
    if unit.followed:
        p = p.copy()
    for name in unit.followed:
        value = np.where(unit.sound[who, None], unit.on(name, day, who), 1.0)
        p[:, :, unit.structure.parameters.index(name)] = value
    return p


def _in_study(course: Course, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the day exists and the patient has not left."""
    return (day >= 0) & (day < course.place.leave_day[:, None])


def _of_day(table: NDArray, day: NDArray[np.int64], who: NDArray[np.int64] | None = None) -> NDArray:
    """Entries of a (n, D) table at (n, k) days, or at those of the patients ``who``; the last day stands in for days
    beyond the table.
    """
    n, days = table.shape
    row = np.arange(n) if who is None else who
    return table.ravel().take(np.clip(day, 0, days - 1) + days * row[:, None])
