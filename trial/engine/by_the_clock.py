"""Doses at their own hours: the events of a schedule of the user's own, whose doses may come at any time of a day, and
more than once.

The structure says what one dose does, as it does for a dose at the start of a day (``daily_events``); here the days
without a dose and the doses are laid over each other. An input that a dose moves keeps what it was moved to until the
structure moves it back, the next dose comes, or 24 h have passed; the others are those of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trial.models import Days, Structure
from trial.solver import Events

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
BACK_H = 72.0
"""So long before a span doses are looked at: what one of them does later than this does not exist."""
LASTS_H = 24.0
"""So long after a dose an input stays moved."""


@dataclass(frozen=True, eq=False)
class Clocked:
    """The doses of a plan: hours since the start (n, K), in order, inf where there is none, and mg (n, K)."""

    hour: Array
    mg: Array

    def between(self, begin_h: Array, end_h: Array) -> Clocked:
        """Those from ``BACK_H`` before ``begin_h`` (n,) to ``end_h`` (n,), without it; inf where others have one."""
        inside = (self.hour >= begin_h[:, None] - BACK_H) & (self.hour < end_h[:, None])
        some = np.flatnonzero(inside.any(axis=0))
        few = slice(some[0], some[-1] + 1) if len(some) else slice(0, 0)
        there = inside[:, few]
        return Clocked(np.where(there, self.hour[:, few], np.inf), np.where(there, self.mg[:, few], 0.0))

    @property
    def day(self) -> Ints:
        """The day (n, K) on which each falls, 0 where there is none."""
        return (np.where(np.isfinite(self.hour), self.hour, 0.0) // 24.0).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Moves:
    """Events of doses, (n, K) each but ``moved`` (n, K, U): the inputs that a dose moves, NaN for those of the day;
    None where no dose moves any.

    holds: whether the event says what is moved from then on; else it adds its amount alone.
    """

    time_h: Array
    amount: Array
    moved: Array | None
    holds: NDArray[np.bool_]


def moves_of(structure: Structure, p: Array, taken: Clocked, days: Days) -> Moves:
    """What the doses ``taken`` (n, K) do, each with the parameters of its day, ``p`` (n, K, P), and what ``days``
    (n, K), which begin with them, say beside.
    """
    n, many = taken.hour.shape
    who, which = np.nonzero(taken.mg > 0)
    start, mg, taken_up, loss, kill, meal_h = (
        x[who, which][:, None]
        for x in (taken.hour, taken.mg, days.bioavailability, days.loss_factor, days.kill, days.meal_h)
    )
    own = p[who, which]
    made = structure.daily_events(own, Days.of(start, mg, taken_up, loss, kill, meal_h))
    bare = structure.daily_events(own, Days.of(start, 0.0, taken_up, loss, kill))
    moved = np.where(made.inputs == bare.inputs[:, :1], np.nan, made.inputs)
    each, into = made.time_h.shape[1] + 1, None
    time_h, amount = np.full((n, many, each), np.inf), np.zeros((n, many, each))
    time_h[who, which] = np.concatenate([made.time_h, start + LASTS_H], axis=1)
    amount[who, which, :-1] = made.amount
    if np.isnan(moved).all():  # what adds nothing does nothing
        adds = (amount != 0).any(axis=(0, 1))
        time_h, amount, each = time_h[:, :, adds], amount[:, :, adds], int(adds.sum())
    else:
        into = np.full((n, many, each, moved.shape[2]), np.nan)
        into[who, which, :-1] = moved
        into = into.reshape(n, many * each, moved.shape[2])
    follows = _next(np.where(taken.mg > 0, taken.hour, np.inf))[:, :, None]
    holds = np.isfinite(time_h) & (time_h < follows)
    flat = (n, many * each)
    return Moves(time_h.reshape(flat), amount.reshape(flat), into, holds.reshape(flat))


def _next(hour: Array) -> Array:
    """The first later hour of the same row, (n, K); inf where there is none. Hours are in order but for gaps of inf."""
    found, after = np.full_like(hour, np.inf), np.full(len(hour), np.inf)
    for k in range(hour.shape[1] - 1, -1, -1):
        later = np.isfinite(hour[:, k])
        same = k + 1 < hour.shape[1] and hour[:, k] == after
        found[:, k] = np.where(same, found[:, min(k + 1, hour.shape[1] - 1)], after)
        after = np.where(later, hour[:, k], after)
    return found


def laid_over(days: Events, doses: Moves, begin_h: Array, end_h: Array) -> Events:
    """The events of days without a dose with those of doses over them, from ``begin_h`` to before ``end_h`` (n,).

    What an event of a dose does not change is left out.
    """
    time_h = np.concatenate([days.time_h, doses.time_h], axis=1)
    order = np.argsort(time_h, axis=1, kind="stable")
    of_day = order < days.time_h.shape[1]

    def sort(of_days: NDArray, of_doses: NDArray) -> NDArray:
        both = np.concatenate([of_days, of_doses], axis=1)
        return _at(both, order)

    time_h = _at(time_h, order)
    amount = sort(np.zeros_like(days.amount), doses.amount)
    now = _at(days.inputs, np.maximum(of_day.cumsum(axis=1) - 1, 0))
    if doses.moved is not None:
        latest = _latest(sort(np.zeros(days.time_h.shape, bool), doses.holds))
        for u in np.flatnonzero(~np.isnan(doses.moved).all(axis=(0, 1))):
            moved = sort(np.full(days.time_h.shape, np.nan), doses.moved[:, :, u])
            moved = np.where(latest >= 0, _at(moved, np.maximum(latest, 0)), np.nan)
            now[:, :, u] = np.where(np.isnan(moved), now[:, :, u], moved)
    same = np.zeros(time_h.shape, dtype=bool)
    same[:, 1:] = (now[:, 1:] == now[:, :-1]).all(axis=2) & (time_h[:, :-1] >= begin_h[:, None])
    kept = (time_h >= begin_h[:, None]) & (time_h < end_h[:, None]) & (of_day | (amount != 0) | ~same)
    first = np.argsort(~kept, axis=1, kind="stable")[:, : int(kept.sum(axis=1).max(initial=1)) or 1]
    there = _at(kept, first)
    return Events(
        np.where(there, _at(time_h, first), np.inf),
        np.where(there, _at(amount, first), 0.0),
        _at(now, first),
    )


def of_rows(events: Events, who: Ints) -> Events:
    """The events of the patients ``who``."""
    return Events(events.time_h[who], events.amount[who], events.inputs[who])


def in_place_of(events: Events, who: Ints, theirs: Events) -> Events:
    """The events with ``theirs`` for the patients ``who``."""
    n, many = len(events.time_h), max(events.time_h.shape[1], theirs.time_h.shape[1])
    made = Events(np.full((n, many), np.inf), np.zeros((n, many)), np.zeros((n, many, events.inputs.shape[2])))
    for name, values in vars(made).items():
        before, after = getattr(events, name), getattr(theirs, name)
        values[:, : before.shape[1]] = before
        values[who, after.shape[1] :] = np.inf if name == "time_h" else 0.0
        values[who, : after.shape[1]] = after
    return made


def _at(values: NDArray, place: Ints) -> NDArray:
    """Of each row of ``values`` (n, E, ...) those at the places (n, K)."""
    n, many = values.shape[:2]
    return values.reshape(n * many, *values.shape[2:]).take(place + many * np.arange(n)[:, None], axis=0)


def _latest(holds: NDArray[np.bool_]) -> Ints:
    """Of each event (n, E) the place of the latest that ``holds`` (n, E), itself included; -1 before the first."""
    return np.maximum.accumulate(np.where(holds, np.arange(holds.shape[1]), -1), axis=1)
