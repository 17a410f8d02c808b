"""What patients are told to take from a day on: a level of a ladder on its days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trial.study.dose_level import DoseLevel
from trial.study.study import Study

Array = NDArray[np.float64]


def days_apart(study: Study) -> tuple[DoseLevel, ...]:
    """The levels of a study that are not taken daily, each once; a level's ``interval`` is its place here, from 1."""
    levels = (level for rule in study.dose_rules.values() for level in rule.ladder if not level.daily)
    return tuple(dict.fromkeys(level.model_copy(update={"name": None, "status": None}) for level in levels))


def intervals_of(levels: Sequence[DoseLevel], apart: Sequence[DoseLevel]) -> NDArray[np.int64]:
    """The interval of each level of a ladder: 0 daily, else its place among those that are ``apart``, from 1."""
    plain = [level.model_copy(update={"name": None, "status": None}) for level in levels]
    return np.array([0 if level.daily else 1 + apart.index(level) for level in plain], dtype=np.int64)


@dataclass(frozen=True)
class Prescribed:
    """A level per patient (n,): its dose on its days (mg, 0: none), its interval and the day on which it begins."""

    dose_mg: Array
    interval: NDArray[np.int64]
    since_day: NDArray[np.int64]

    @classmethod
    def daily(cls, dose_mg: Array) -> Prescribed:
        """Each dose on every day from day 0."""
        zero = np.zeros(len(dose_mg), dtype=np.int64)
        return cls(dose_mg, zero, zero)

    def on(self, day: NDArray[np.int64], apart: Sequence[DoseLevel]) -> Array:
        """The dose (n, k) of each day (mg), 0 between the days of a level; ``apart`` as in ``days_apart``."""
        dose = np.broadcast_to(self.dose_mg[:, None], day.shape)
        who = np.flatnonzero((self.interval > 0) & (self.dose_mg > 0)) if apart else np.empty(0, dtype=np.int64)
        if not len(who):
            return dose
        cycles = [level.cycle_mg for level in apart]
        length = np.array([len(cycle) for cycle in cycles])
        table = np.array([np.resize(cycle, length.max()) for cycle in cycles])
        place = self.interval[who, None] - 1
        found = dose.copy()
        found[who] = table[place, (day[who] - self.since_day[who, None]) % length[place]]
        return found


def planned_mg(steps: Sequence[tuple[NDArray[np.int64], Prescribed]], days: int, apart: Sequence[DoseLevel]) -> Array:
    """The dose (n, D) of each day (mg) under ``steps`` in the order of decision, each with its first day (n,).

    Until then what was decided before it holds, also where a later one is known sooner.
    """
    day = np.tile(np.arange(days), (len(steps[0][0]), 1))
    planned = np.array(steps[-1][1].on(day, apart))
    for (_, before), (first, _) in reversed(list(pairwise(steps))):
        planned = np.where(day < first[:, None], before.on(day, apart), planned)
    return planned
