"""Stages: who passes from one part of the trial to the next at a visit, and what he gets there.

No randomness. ``stage_of`` is the only function of the engine that knows what a stage is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.study.stages import LEAVES, Condition, Stage

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Position:
    """Where every patient stands in the plan; arrays over patients.

    stage: index into the plan, its length once all is over; entered: planned day of the visit at which he came in.
    leave_day, leave_reason, leave_time (days, exact of who leaves as drawn): as drawn, unless he has left for a reason
    that depends on his course, or did not enter a stage and left for that: the index then goes on behind the reasons of
    dropout, over the stages that not everybody enters. recent (n, K): last reported counts of this stage, latest first.
    """

    stage: Ints
    entered: Ints
    leave_day: Ints
    leave_reason: Ints
    leave_time: Array
    recent: Array

    def drug_ends(self, plan: tuple[Stage, ...]) -> Ints:
        """First day (n,) without study drug as planned: the day after the last stage; NEVER while another follows, as
        the visit decides.
        """
        return np.where(self.stage == len(plan) - 1, self.entered + plan[-1].days, NEVER)


@dataclass(frozen=True)
class Seen:
    """What the conditions of a stage are asked of, (n,) each: dose prescribed (mg), days since the last rescue."""

    dose_mg: Array
    since_rescue: Ints


def first_place(unit: Unit) -> Position:
    """Everybody in the first stage from day 0."""
    drawn, zero = unit.drawn, np.zeros(unit.drawn.n, dtype=np.int64)
    asked = [c for stage in unit.study.plan for c in (stage.enters, stage.until) if c is not None and c.asks_count]
    recent = np.full((drawn.n, max((c.visits for c in asked), default=0)), np.nan)
    time = drawn.leave_day.astype(np.float64) if drawn.leaving is None else drawn.leaving.time
    return Position(zero, zero, drawn.leave_day, drawn.leave_reason, time, recent)


def stage_of(unit: Unit, place: Position, seen: Seen, count: Array, visit: int, known: Ints) -> tuple[Position, Flags]:
    """Where everybody stands from this visit on, and who has changed stage at it, (n,).

    ``count`` (n,) as reported on the day ``known`` (n,), NaN without. Who has left, changes nothing; a visit that was
    missed still ends a stage. Who is refused leaves on the day ``known``.
    """
    plan, planned = unit.study.plan, unit.study.visits.days[visit - 1]
    if len(plan) == 1 and plan[0].until is None:
        return place, np.zeros(len(count), dtype=bool)
    place = replace(place, recent=pushed(place.recent, count))
    here = unit.drawn.visit_day[:, visit] < place.leave_day
    target, over = place.stage.copy(), np.zeros(len(count), dtype=bool)
    for k, stage in enumerate(plan):
        ends = (planned - place.entered >= stage.days) & (k + 1 < len(plan))
        if stage.until is not None:
            ends |= meets(stage.until, place.recent, seen)
        over |= here & (place.stage == k) & ends
    target[over] += 1
    leaves, gates = np.full(len(count), -1), [(k, s, s.enters) for k, s in enumerate(plan) if s.enters]
    for gate, (k, stage, asked) in enumerate(gates):
        refused = over & (target == k) & (leaves < 0) & ~meets(asked, place.recent, seen)
        if stage.otherwise == LEAVES:
            leaves[refused] = gate
        else:
            target[refused] = [s.id for s in plan].index(stage.otherwise)
    gone, moved = leaves >= 0, over & (leaves < 0)
    after = Position(
        stage=np.where(moved, target, place.stage),
        entered=np.where(moved, planned, place.entered),
        leave_day=np.where(gone, np.minimum(known, place.leave_day), place.leave_day),
        leave_reason=np.where(gone & (known < place.leave_day), len(unit.study.dropout) + leaves, place.leave_reason),
        leave_time=np.where(gone, np.minimum(known, place.leave_time), place.leave_time),
        recent=np.where(over[:, None], np.nan, place.recent),
    )
    return after, moved


def pushed(recent: Array, count: Array) -> Array:
    """The last counts with this one before them, where there is one."""
    after = np.concatenate([count[:, None], recent], axis=1)[:, : recent.shape[1]]
    return np.where(np.isnan(count)[:, None], recent, after)


def meets(asked: Condition, recent: Array, seen: Seen) -> Flags:
    """Who meets a condition, (n,)."""
    last = recent[:, : asked.visits] if asked.asks_count else recent[:, :0]
    met = ((last >= asked.at_least_1e9L) & (last < asked.below_1e9L)).all(axis=1)
    if asked.drug != "any":
        met &= (seen.dose_mg > 0) == (asked.drug == "on")
    return met & (seen.since_rescue >= asked.no_rescue_days)
