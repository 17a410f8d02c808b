"""Who leaves for a reason that depends on his course: stage, reported counts, adverse events. No randomness: the clocks
come from ``unit.drawn``.

All that a hazard depends on is known for the days until the next visit, so that each day of leaving is known before the
days are lived: who leaves is never there on a later day. Who is to come for a re-test leaves after it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.course import Course, Exits
from trial.engine.dosing import active, days_of, drug_day, in_force_mg
from trial.engine.draws import Unit
from trial.engine.leave_clocks import LeaveClocks
from trial.engine.passage import NEVER, Position, Seen, meets, pushed
from trial.study.leaving import Dropout

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
DAYS = 7.0
NO_COUNT = np.ones((1, 1))
"""The count for rates that do not depend on it."""


def nobody_leaves(unit: Unit) -> Exits | None:
    """Before day 0; None in a study without such a reason."""
    clocks, n = unit.drawn.leaving, unit.drawn.n
    if clocks is None:
        return None
    reasons = [item for _, item in _conditional(unit)]
    visits = max((item.when.visits for item in reasons if item.when and item.when.asks_count), default=0)
    events = len(clocks.events)
    return Exits(
        hazard=np.zeros((n, len(reasons))),
        recent=np.full((n, visits), np.nan),
        met=np.tile([item.when is None for item in reasons], (n, 1)),
        events=np.zeros((n, events)),
        onset=np.full((n, events), NEVER),
        on_drug=np.zeros(n, dtype=np.int64),
    )


def _clocks(unit: Unit) -> LeaveClocks:
    """The clocks of a study with such a reason."""
    assert unit.drawn.leaving is not None
    return unit.drawn.leaving


def _conditional(unit: Unit) -> list[tuple[int, Dropout]]:
    """The conditional reasons with their places in ``study.dropout``."""
    return [(k, item) for k, item in enumerate(unit.study.dropout) if item.conditional]


def hears(unit: Unit, course: Course, count: Array, visit: int, known: Ints) -> Course:
    """With what the ``count`` of a visit (NaN: none), reported on the day ``known`` (n,), makes of the conditions; who
    leaves at once for it leaves on that day.
    """
    said = course.exits
    if said is None:
        return course
    recent, day = pushed(said.recent, count), unit.drawn.visit_day[:, visit]
    dose = course.now.dose_mg if unit.clocked is None else in_force_mg(unit, course, day[:, None])[:, 0]
    dose = np.where(day < course.place.drug_ends(unit.study.plan), dose, 0.0)
    seen = Seen(dose, day - course.rescues.latest.max(axis=1))
    met, place = np.ones_like(said.met), course.place
    for j, (k, item) in enumerate(_conditional(unit)):
        if item.when is None:
            continue
        met[:, j] = meets(item.when, recent, seen)
        if item.at_once:
            asked = np.full(len(day), True) if not item.when.asks_count else ~np.isnan(count)
            now = asked & met[:, j] & _in_stage(unit, item, place) & (_factor(unit, item, known) > 0)
            place = _left(place, np.where(now, known, np.inf), known, k)
    said = replace(said, recent=recent, waiting=(*said.waiting, (known, met)))
    return replace(course, place=place, exits=said)


def leaves(unit: Unit, course: Course, first: Ints, last: Ints, came: Ints | None = None) -> Course:
    """With who leaves on the days from ``first`` to the day before ``last`` (n,), by hazards; not by the day ``came``
    (n,) of a re-test.
    """
    said = course.exits
    if said is None or not (first < last).any():
        return course
    day = days_of(np.stack([first, np.maximum(first, last)], axis=1))
    said = _events(unit, course, said, day)
    hazard, place = said.hazard.copy(), course.place
    times = np.full((len(first), said.hazard.shape[1]), np.inf)
    for j, (_, item) in enumerate(_conditional(unit)):
        rate = np.where(_runs(unit, course, said, day, j), _factor(unit, item, day), 0.0)
        rate *= _by_arm(unit, item)[:, None] / DAYS
        so_far = said.hazard[:, j, None] + np.cumsum(rate, axis=1)
        times[:, j] = _reached(so_far, rate, _clocks(unit).clock[:, j], day)
        hazard[:, j] = so_far[:, -1]
    best = times.argmin(axis=1)
    time = np.take_along_axis(times, best[:, None], axis=1)[:, 0]
    leave_day = np.where(np.isfinite(time), np.ceil(np.minimum(time, NEVER)), NEVER).astype(np.int64)
    after = leave_day if came is None else np.maximum(leave_day, came + 1)
    which = np.array([k for k, _ in _conditional(unit)])[best]
    place = _left(course.place, time, after, which)
    return replace(course, place=place, exits=_settled(replace(said, hazard=hazard), last))


def _events(unit: Unit, course: Course, said: Exits, day: Ints) -> Exits:
    """With the adverse events of those days, as ``trial.engine.adverse`` finds them afterwards."""
    if not said.events.shape[1]:
        return said
    drug = (in_force_mg(unit, course, day) > 0) & drug_day(unit, course, day) & active(unit, course, day)
    events, onset = said.events.copy(), said.onset.copy()
    for j, (_, clock, rates) in enumerate(_clocks(unit).events):
        rate = np.where(day >= 0, rates.daily(drug, NO_COUNT, day, said.on_drug), 0.0)
        so_far = np.cumsum(np.column_stack([events[:, j], rate]), axis=1)[:, 1:]
        reached = so_far >= clock[:, None]
        on = np.take_along_axis(day, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
        onset[:, j] = np.where(reached.any(axis=1) & (onset[:, j] == NEVER), on, onset[:, j])
        events[:, j] = so_far[:, -1]
    return replace(said, events=events, onset=onset, on_drug=said.on_drug + drug.sum(axis=1))


def _runs(unit: Unit, course: Course, said: Exits, day: Ints, j: int) -> Flags:
    """Whether the hazard of a conditional reason runs on each ``day`` (n, m), its own days apart."""
    item = _conditional(unit)[j][1]
    runs = (day >= 0) & _in_stage(unit, item, course.place)[:, None]
    met = np.broadcast_to(said.met[:, j, None], day.shape)
    for known, now in said.waiting:
        met = np.where(day >= known[:, None], now[:, j, None], met)
    runs &= met
    if after := item.after_adverse_event:
        codes = [code for code, *_ in _clocks(unit).events]
        since = [day - said.onset[:, codes.index(code), None] for code in after.codes]
        runs &= np.any([(s >= 0) & (s < (after.days or NEVER)) for s in since], axis=0)
    return runs


def _reached(so_far: Array, rate: Array, clock: Array, day: Ints) -> Array:
    """When (n,) the cumulative hazard ``so_far`` (n, m) at the end of each ``day`` comes to the ``clock`` (n,), in
    days; inf: not on them.
    """
    reached = (so_far >= clock[:, None]) & (rate > 0)
    at = np.arange(len(clock)), reached.argmax(axis=1)
    part = 1.0 - np.divide(so_far[at] - clock, rate[at], out=np.zeros(len(clock)), where=rate[at] > 0)
    return np.where(reached.any(axis=1), day[at] + np.clip(part, 1e-9, 1.0), np.inf)


def _settled(said: Exits, last: Ints) -> Exits:
    """With what was reported by the day ``last`` (n,) in force; what is not yet reported to all still waits."""
    met = said.met
    for known, now in said.waiting:
        met = np.where((known <= last)[:, None], now, met)
    late = [bool((known > last).any()) for known, _ in said.waiting]
    return replace(said, met=met, waiting=said.waiting[late.index(True) :] if any(late) else ())


def _in_stage(unit: Unit, item: Dropout, place: Position) -> Flags:
    """Who is in one of the stages of a reason, (n,)."""
    if not item.stages:
        return np.full(unit.drawn.n, True)
    return np.isin(place.stage, [k for k, stage in enumerate(unit.study.plan) if stage.id in item.stages])


def _factor(unit: Unit, item: Dropout, day: Ints) -> Array:
    """What the hazard of a reason is multiplied by on each day."""
    factors = item.factors(unit.study.visits.days[-1] + unit.study.visits.window_days + 1)
    return factors[np.clip(day, 0, len(factors) - 1)]


def _by_arm(unit: Unit, item: Dropout) -> Array:
    """The hazard per week (n,) of a reason."""
    return np.array([item.of_arm("hazard_per_week", arm) for arm in unit.study.arm_ids])[unit.drawn.arm]


def _left(place: Position, time: Array, day: Ints, reason: Ints | int) -> Position:
    """Who leaves at a ``time`` (n,) for a ``reason``, on ``day`` (n,), unless he has left sooner."""
    sooner = time < place.leave_time
    return replace(
        place,
        leave_time=np.where(sooner, day, place.leave_time),
        leave_day=np.where(sooner, day, place.leave_day),
        leave_reason=np.where(sooner, reason, place.leave_reason),
    )
