"""Cycles of chemotherapy: when each begins, what it waits for, and how much of a full dose it is. No randomness."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.passage import NEVER
from trial.study.cycle_plan import Chemotherapy, DoseReduction, NextCycle

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Cycles:
    """The cycles of everybody, (n, C) each but ``lowest``: first day of each, and the day on which it was due to begin
    (NEVER: not known yet); share of the planned doses; lowest (n,): lowest count reported since the last one began.
    """

    day: Ints
    due: Ints
    share: Array
    lowest: Array

    @property
    def first_day(self) -> Ints:
        """(n,) first day of cycle 1, NEVER: none, or it still waits for platelets."""
        return self.day[:, 0] if self.day.shape[1] else np.full(len(self.day), NEVER)


def first_cycles(unit: Unit) -> Cycles:
    """What is known on day 0: nothing of a cycle that waits for platelets."""
    plan, n = unit.study.chemotherapy, unit.drawn.n
    none = np.full((n, plan.cycles if plan else 0), NEVER)
    cycles = Cycles(none, none, np.ones(none.shape), np.full(n, np.inf))
    if plan is None or plan.start:
        return cycles
    return _begun(plan, cycles, np.ones(n, dtype=bool), 0, np.full(n, plan.first_day))


def next_cycles(unit: Unit, before: Cycles, count: Array, visit: int, known: Ints) -> Cycles:
    """After a visit whose ``count`` (NaN: none) is reported on the day ``known``.

    Cycle 1 of those who have waited begins that day where it is high enough, not before ``first_day``, and at no visit
    planned after the latest day; so does the next cycle of everybody, where those wait.
    """
    plan = unit.study.chemotherapy
    if plan is None:
        return before
    found = before
    if plan.start and unit.study.visits.days[visit - 1] <= plan.start.latest_day:
        ready = (before.first_day == NEVER) & (count >= plan.start.at_least_1e9L)
        found = _begun(plan, found, ready, 0, np.maximum(known, plan.first_day))
    if plan.next_cycle is None:
        return found
    lowest = np.fmin(before.lowest, count)
    found = replace(found, lowest=np.where(before.first_day < NEVER, lowest, np.inf))
    begun = (before.day < NEVER).sum(axis=1)
    for k in range(1, plan.cycles):
        found = _if_ready(plan, plan.next_cycle, found, begun == k, k, count, known)
    return found


def _if_ready(
    plan: Chemotherapy, asked: NextCycle, now: Cycles, waits: Flags, k: int, count: Array, known: Ints
) -> Cycles:
    """Cycle ``k`` of who ``waits`` for it begins where the count is high enough, not too early and not too late."""
    late = known - now.due[:, k]
    ready = waits & (count >= asked.at_least_1e9L) & (late >= -asked.early_days) & (late <= asked.latest_days)
    if not ready.any():
        return now
    share = now.share.copy()
    if asked.reduction:
        share[ready & _lowered(asked.reduction, late, now.lowest), k:] *= asked.reduction.factor
    after = _begun(plan, replace(now, share=share), ready, k, np.maximum(known, now.due[:, k]))
    return replace(after, lowest=np.where(ready, np.inf, after.lowest))


def _lowered(asked: DoseReduction, late: Ints, lowest: Array) -> Flags:
    """Whose doses fall, (n,): so many days ``late``, or after a ``lowest`` count below the limit."""
    delayed = late >= asked.delayed_days if asked.delayed_days is not None else np.zeros(len(late), dtype=bool)
    return delayed | (lowest < asked.below_1e9L) if asked.below_1e9L is not None else delayed


def _begun(plan: Chemotherapy, now: Cycles, who: Flags, k: int, first: Ints) -> Cycles:
    """Cycle ``k`` of ``who`` begins on the day ``first``; the later ones too, on schedule, unless they wait."""
    day, due = now.day.copy(), now.due.copy()
    on_schedule = first[:, None] + plan.cycle_days * np.arange(plan.cycles - k)
    last = plan.cycles if plan.next_cycle is None else k + 1
    day[who, k:last] = on_schedule[who, : last - k]
    due[who, k : last + 1] = on_schedule[who, : last + 1 - k]
    due[who, k] = np.where(now.due[:, k] < NEVER, now.due[:, k], first)[who]
    return Cycles(day, due, now.share, now.lowest)


def intensities(unit: Unit, cycles: Cycles, day: Ints) -> Array:
    """Intensity of the chemotherapy given on each day (n, k), 0 on the others."""
    plan, factor = unit.study.chemotherapy, unit.drawn.cycle_factor
    found = np.zeros(day.shape)
    if plan is None:
        return found
    intensity = np.zeros(plan.cycle_days)
    for dose in plan.doses:
        intensity[dose.day] = dose.intensity
    if plan.next_cycle is None and factor is None:
        cycle, within = np.divmod(day - cycles.first_day[:, None], plan.cycle_days)
        return np.where((cycle >= 0) & (cycle < plan.cycles), intensity[within], 0.0)
    for k in range(plan.cycles):
        since = day - cycles.day[:, k, None]
        inside = (since >= 0) & (since < plan.cycle_days)
        share = cycles.share[:, k, None] * (1.0 if factor is None else factor[:, k, None])
        found = np.where(inside, intensity[np.where(inside, since, 0)] * share, found)
    return found


def drug_days(plan: Chemotherapy, cycles: Cycles, day: Ints) -> Flags:
    """Whether the study drug is taken on each day (n, k) by the cycles: days before one count from that on which it was
    due, the others from its first. While cycle 1 waits for platelets, every day is one.
    """
    since = day - cycles.first_day[:, None]
    waiting = (since < 0) & (plan.start is not None)
    if plan.next_cycle is None:
        return np.asarray(waiting | np.isin(since, plan.days_of_drug))
    before = [d for d in plan.drug_days if d < 0]
    after = [d for d in plan.drug_days if d >= 0]
    taken = waiting.copy()
    for k in range(plan.cycles):
        taken |= np.isin(day - cycles.due[:, k, None], before) | np.isin(day - cycles.day[:, k, None], after)
    return taken
