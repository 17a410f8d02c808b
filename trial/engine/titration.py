"""The one function that applies a dose rule to what the laboratory reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trial.study.dose_rule import DoseRule, DoseStep


class Action(IntEnum):
    """What was done to a patient's dose at a visit."""

    KEEP = 0
    START = 1
    INCREASE = 2
    DECREASE = 3
    INTERRUPT = 4
    RESTART = 5
    STOP = 6
    STAGE = 7


@dataclass(frozen=True)
class DoseState:
    """Where each patient stands on the ladder; all arrays over patients.

    ``rung`` index into the ladder; ``held`` no dose for now; ``stopped`` no dose ever again; ``changed_day`` day of
    the start or last change, as the rule counts days; ``streak`` (n, steps) consecutive reported counts inside each
    step's range.
    """

    rung: NDArray[np.int64]
    held: NDArray[np.bool_]
    stopped: NDArray[np.bool_]
    changed_day: NDArray[np.int64]
    streak: NDArray[np.int64]

    def dose_mg(self, ladder_mg: Sequence[float]) -> NDArray[np.float64]:
        """Prescribed dose level, 0 while held and once stopped (mg)."""
        return np.where(self.held | self.stopped, 0.0, np.asarray(ladder_mg)[self.rung])

    def with_rows(self, rows: NDArray[np.bool_], other: DoseState, take: NDArray[np.int64]) -> DoseState:
        """This state with those ``rows`` as the patients ``take`` of ``other`` have them."""
        changed = {}
        for name, values in vars(self).items():
            changed[name] = values.copy()
            changed[name][rows] = getattr(other, name)[take]
        return DoseState(**changed)


def start(rule: DoseRule, start_dose_mg: ArrayLike, n: int) -> DoseState:
    """``n`` patients on the rung of ``start_dose_mg``, one dose of the ladder for all or (n,), from day 0."""
    return DoseState(
        rung=np.full(n, np.searchsorted(rule.ladder_mg, start_dose_mg)),
        held=np.zeros(n, dtype=bool),
        stopped=np.zeros(n, dtype=bool),
        changed_day=np.zeros(n, dtype=np.int64),
        streak=np.zeros((n, len(rule.steps)), dtype=np.int64),
    )


def decide(
    rule: DoseRule, state: DoseState, count: NDArray[np.float64], day: NDArray[np.int64]
) -> tuple[DoseState, NDArray[np.int8], NDArray[np.int16]]:
    """Apply the rule to the reported counts (10^9/L, NaN where none) at a visit on ``day``, as the rule counts days.

    Returns the new state, the Action and the index of the step that applied (-1: none or the restart) per patient.
    A patient without a count keeps everything. While held only the restart is considered, once stopped nothing.
    """
    seen = ~np.isnan(count)
    streak = _streaks(rule, state.streak, count, seen)
    step = _first_step(rule, streak, day - state.changed_day, state.rung)
    step[~seen | state.held | state.stopped] = -1
    move = np.array([_MOVES[s.action] for s in rule.steps] + [Action.KEEP], dtype=np.int8)[step]
    at_floor = (move == Action.DECREASE) & (state.rung == 0)
    move[at_floor] = Action.KEEP if rule.at_floor == "keep" else Action.INTERRUPT
    move[(move == Action.INCREASE) & (state.rung == len(rule.ladder_mg) - 1)] = Action.KEEP
    if rule.restart is not None:
        move[state.held & seen & (count < rule.restart.below_1e9L)] = Action.RESTART
    return replace(_moved(rule, state, move, day), streak=streak), move, step.astype(np.int16)


_MOVES = {
    "increase": Action.INCREASE,
    "decrease": Action.DECREASE,
    "keep": Action.KEEP,
    "interrupt": Action.INTERRUPT,
    "stop": Action.STOP,
}


def _streaks(
    rule: DoseRule, streak: NDArray[np.int64], count: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.int64]:
    low, high = (np.array([getattr(s, name) for s in rule.steps]) for name in ("at_least_1e9L", "below_1e9L"))
    inside = (count[:, None] >= low) & (count[:, None] < high)
    return np.where(seen[:, None], (streak + 1) * inside, streak)


def _first_step(
    rule: DoseRule, streak: NDArray[np.int64], days_since_change: NDArray[np.int64], rung: NDArray[np.int64]
) -> NDArray[np.int64]:
    visits, days = (
        np.array([getattr(s, name) for s in rule.steps]) for name in ("confirm_visits", "min_days_since_change")
    )
    applies = (streak >= visits) & (days_since_change[:, None] >= days)
    for k, step in enumerate(rule.steps):
        if step.rung != "any":
            applies[:, k] &= rung == (len(rule.ladder_mg) - 1 if step.rung == "highest" else 0)
    return np.where(applies.any(axis=1), applies.argmax(axis=1), -1)


def _moved(rule: DoseRule, state: DoseState, move: NDArray[np.int8], day: NDArray[np.int64]) -> DoseState:
    shift = (move == Action.INCREASE).astype(np.int64) - (move == Action.DECREASE)
    if rule.restart is not None and rule.restart.level == "lower":
        shift = shift - (move == Action.RESTART)
    return replace(
        state,
        rung=np.clip(state.rung + shift, 0, len(rule.ladder_mg) - 1),
        held=np.where(move == Action.INTERRUPT, True, np.where(move == Action.RESTART, False, state.held)),
        stopped=state.stopped | (move == Action.STOP),
        changed_day=np.where(move == Action.KEEP, state.changed_day, day),
    )


def reason(rule: DoseRule | None, action: Action, step: int) -> str:
    """The reason of a change in words, for the dose ledger."""
    if action is Action.START or rule is None:
        return "start of treatment"
    if action is Action.RESTART and rule.restart is not None:
        return f"restart: count below {rule.restart.below_1e9L:g}"
    taken = rule.steps[step]
    low, high = taken.at_least_1e9L, taken.below_1e9L
    limits = [f"{low:g} or more"] * (low > 0) + [f"below {high:g}"] * bool(np.isfinite(high))
    times = f" at {taken.confirm_visits} visits" if taken.confirm_visits > 1 else ""
    rung = _rung_that_mattered(taken, action)
    level = f", on the {rung} level" if rung != "any" else ""
    least = taken.min_days_since_change
    since = f", {least} {rule.day_count} days or more after the last change" if least and action != Action.KEEP else ""
    return f"{action.name.lower()}: count {' and '.join(limits)}{times}{level}{since}"


def _rung_that_mattered(taken: DoseStep, action: Action) -> str:
    """The rung a step asks for; else the end of the ladder that made another action of it."""
    if taken.rung == "any" and taken.action == "decrease" and action in (Action.KEEP, Action.INTERRUPT):
        return "lowest"
    if taken.rung == "any" and taken.action == "increase" and action is Action.KEEP:
        return "highest"
    return taken.rung


def unchanged(rule: DoseRule, step: int, held: bool, stopped: bool) -> str:
    """Why a reported count left the dose as it was, in words: the step that kept it, or that none applied."""
    if stopped:
        return "treatment was stopped for good"
    if held and rule.restart is not None:
        return f"no restart: count not below {rule.restart.below_1e9L:g}"
    return reason(rule, Action.KEEP, step) if step >= 0 else "no step applied"
