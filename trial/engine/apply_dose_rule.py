"""The one function that applies a dose rule to what the laboratory reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trial.study.dose_rule import DoseRule, DoseStep


class Action(IntEnum):
    """What was done to a patient's dose at a visit. STOP is for good by a line that stops, END after a taper."""

    KEEP = 0
    START = 1
    INCREASE = 2
    DECREASE = 3
    INTERRUPT = 4
    RESTART = 5
    STOP = 6
    STAGE = 7
    END = 8


@dataclass(frozen=True)
class DoseState:
    """Where each patient stands on the ladder; all arrays over patients.

    ``rung`` index into the ladder; ``held`` no dose for now; ``stopped`` no dose ever again; ``changed_day`` day of
    the start or last change, as the rule counts days; ``best`` the highest count reported since then (10^9/L, -inf
    without one); ``streak`` (n, steps) consecutive reported counts inside each step's range.
    """

    rung: NDArray[np.int64]
    held: NDArray[np.bool_]
    stopped: NDArray[np.bool_]
    changed_day: NDArray[np.int64]
    best: NDArray[np.float64]
    streak: NDArray[np.int64]

    def dose_mg(self, ladder_mg: Sequence[float]) -> NDArray[np.float64]:
        """Dose of the level prescribed, 0 while held and once stopped (mg)."""
        return np.where(self.held | self.stopped, 0.0, np.asarray(ladder_mg)[self.rung])

    def with_rows(self, rows: NDArray[np.bool_], other: DoseState, take: NDArray[np.int64]) -> DoseState:
        """This state with those ``rows`` as the patients ``take`` of ``other`` have them."""
        changed = {}
        for name, values in vars(self).items():
            changed[name] = values.copy()
            changed[name][rows] = getattr(other, name)[take]
        return DoseState(**changed)


def start(rule: DoseRule, start_dose_mg: ArrayLike, n: int) -> DoseState:
    """``n`` patients on the rung that has ``start_dose_mg``, one dose of the ladder for all or (n,), from day 0."""
    return DoseState(
        rung=np.full(n, starting(rule, start_dose_mg)),
        held=np.zeros(n, dtype=bool),
        stopped=np.zeros(n, dtype=bool),
        changed_day=np.zeros(n, dtype=np.int64),
        best=np.full(n, -np.inf),
        streak=np.zeros((n, len(rule.steps)), dtype=np.int64),
    )


def starting(rule: DoseRule, start_dose_mg: ArrayLike) -> NDArray[np.int64]:
    """The rung that has each start dose; 0 where none has."""
    doses, place = np.unique(np.asarray(start_dose_mg, dtype=float), return_inverse=True)
    rungs = np.array([rule.rung_at(dose) or 0 for dose in doses.tolist()], dtype=np.int64)
    return rungs[place].reshape(np.shape(start_dose_mg))


def decide(
    rule: DoseRule,
    state: DoseState,
    count: NDArray[np.float64],
    day: NDArray[np.int64],
    there: NDArray[np.bool_] | None = None,
) -> tuple[DoseState, NDArray[np.int8], NDArray[np.int16]]:
    """Apply the rule to the reported counts (10^9/L, NaN where none) at a visit on ``day``, as the rule counts days.

    Returns the new state, the Action and the index of the step that applied (-1: none or the restart) per patient.
    A patient without a count keeps everything, but for a taper, which asks for none of whoever is ``there`` to be
    treated (None: nobody without a count). While held only the restart is considered, once stopped nothing.
    """
    seen = ~np.isnan(count)
    state = replace(state, streak=_streaks(rule, state.streak, count, seen), best=np.fmax(state.best, count))
    step = _first_step(rule, state, day, seen, seen if there is None else there)
    rung, waits = state.rung, day - state.changed_day < _of(rule, "min_days_since_change", 0)[step]
    kind = np.array([*(s.action for s in rule.steps), "keep"])[step]
    target = np.where(waits, rung, _target(rule, rung, step))
    move = np.where(target > rung, Action.INCREASE, np.where(target < rung, Action.DECREASE, Action.KEEP))
    move[kind == "interrupt"], move[kind == "stop"] = Action.INTERRUPT, Action.STOP
    if rule.at_floor == "interrupt":
        move[(kind == "decrease") & (rung == 0)] = Action.INTERRUPT
    move[(kind == "taper") & (rung == 0) & ~waits] = Action.END
    if rule.restart is not None:
        back = state.held & seen & (count < rule.restart.below_1e9L)
        move[back] = Action.RESTART
        target[back] = _restarted(rule, rung)[back]
    return _moved(state, move, target, day), move.astype(np.int8), step.astype(np.int16)


def _of(rule: DoseRule, name: str, none: float) -> NDArray:
    """What each step says for ``name``, and ``none`` for -1, no step."""
    return np.array([*(getattr(step, name) for step in rule.steps), none])


def _streaks(
    rule: DoseRule, streak: NDArray[np.int64], count: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.int64]:
    low, high = (np.array([getattr(s, name) for s in rule.steps]) for name in ("at_least_1e9L", "below_1e9L"))
    inside = (count[:, None] >= low) & (count[:, None] < high)
    return np.where(seen[:, None], (streak + 1) * inside, streak)


def _first_step(
    rule: DoseRule, state: DoseState, day: NDArray[np.int64], seen: NDArray[np.bool_], there: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The first step that applies to each patient, -1 where none does: by counts, but for a taper, days and rung."""
    since, applies = day - state.changed_day, np.empty((len(day), len(rule.steps)), dtype=bool)
    for k, step in enumerate(rule.steps):
        on = (state.streak[:, k] >= step.confirm_visits) & seen & (since >= step.min_days_since_change)
        if step.action == "taper":
            on = there.copy()
        if step.rung != "any":
            on &= state.rung == (rule.top if step.rung == "highest" else 0)
        if step.never_at_least_1e9L is not None:
            on &= state.best < step.never_at_least_1e9L
        if step.from_day or step.until_day is not None:
            on &= (day >= step.from_day) & (day <= (np.inf if step.until_day is None else step.until_day))
        applies[:, k] = on & ~state.held & ~state.stopped
    return np.where(applies.any(axis=1), applies.argmax(axis=1), -1)


def _target(rule: DoseRule, rung: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rung to which each patient's step leads, the present one where it leads nowhere."""
    named = [rule.rung_of(s.to_level) if s.to_level is not None else None for s in rule.steps]
    place = np.array([*(-1 if k is None else k for k in named), -1])[step]
    shifted = np.clip(rung + _of(rule, "shift", 0)[step], 0, rule.top)
    return np.where(place >= 0, place, shifted)


def _restarted(rule: DoseRule, rung: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rung on which each patient who is held would restart."""
    level = rule.restart.level if rule.restart else "same"
    if level in ("same", "lower"):
        return np.maximum(rung - (level == "lower"), 0)
    return np.full(len(rung), rule.rung_of(level))


def _moved(state: DoseState, move: NDArray[np.integer], target: NDArray[np.int64], day: NDArray[np.int64]) -> DoseState:
    changed = move != Action.KEEP
    return replace(
        state,
        rung=target,
        held=np.where(move == Action.INTERRUPT, True, np.where(move == Action.RESTART, False, state.held)),
        stopped=state.stopped | (move == Action.STOP) | (move == Action.END),
        changed_day=np.where(changed, day, state.changed_day),
        best=np.where(changed, -np.inf, state.best),
    )


def reason(rule: DoseRule | None, action: Action, step: int) -> str:
    """The reason of a change in words, for the dose ledger."""
    if action is Action.START or rule is None:
        return "start of treatment"
    if action is Action.RESTART and rule.restart is not None and step < len(rule.steps):
        return f"restart: count below {rule.restart.below_1e9L:g}"
    if rule.alt is not None and step >= len(rule.steps):
        return f"{action.name.lower()}: {rule.alt.lines[step - len(rule.steps)]}"
    taken = rule.steps[step]
    low, high = taken.at_least_1e9L, taken.below_1e9L
    limits = [f"{low:g} or more"] * (low > 0) + [f"below {high:g}"] * bool(np.isfinite(high))
    counts = f"count {' and '.join(limits)}" if limits else "any count"
    count = "taper" if taken.action == "taper" else counts
    times = f" at {taken.confirm_visits} visits" if taken.confirm_visits > 1 else ""
    never = taken.never_at_least_1e9L
    lack = f", none since the last change at {never:g} or more" if never is not None else ""
    rung = _rung_that_mattered(taken, action)
    level = f", on the {rung} level" if rung != "any" else ""
    least = taken.min_days_since_change
    since = f", {least} {rule.day_count} days or more after the last change" if least and action != Action.KEEP else ""
    goes = f", to level {taken.to_level}" if taken.to_level is not None and action != Action.KEEP else ""
    return f"{action.name.lower()}: {count}{times}{lack}{level}{since}{goes}"


def _rung_that_mattered(taken: DoseStep, action: Action) -> str:
    """The rung a step asks for; else the end of the ladder that made another action of it."""
    ends = {"decrease": (Action.KEEP, Action.INTERRUPT), "taper": (Action.END,)}
    if taken.rung == "any" and action in ends.get(taken.action, ()):
        return "lowest"
    if taken.rung == "any" and taken.action == "increase" and action is Action.KEEP:
        return "highest"
    return taken.rung


def unchanged(rule: DoseRule, step: int, held: bool, stopped: bool) -> str:
    """Why a reported count left the dose as it was, in words: the step that kept it, or that none applied."""
    if stopped:
        return "treatment was stopped for good"
    if step >= len(rule.steps) and rule.alt is not None:
        return f"held by ALT, which does not yet allow it: {rule.alt.lines[2]}"
    if held and rule.restart is not None:
        return f"no restart: count not below {rule.restart.below_1e9L:g}"
    return reason(rule, Action.KEEP, step) if step >= 0 else "no step applied"
