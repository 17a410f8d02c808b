"""What the dose ledger says of the days of each period: when the dose is due, how often it was, and how often taken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.course import Decisions
from trial.engine.draws import Unit
from trial.engine.prescribed import days_apart, planned_mg

Ints = NDArray[np.integer]
Periods = tuple[Ints, Ints, Ints]
"""Patient, first day and the day after the last one."""
NO_DOSE = "no dose"


def intake(
    unit: Unit,
    decisions: Sequence[Decisions],
    due: NDArray[np.bool_],
    taken: NDArray[np.bool_],
    periods: Periods,
    level: NDArray[np.float64],
) -> dict[str, object]:
    """The columns NTAKEN, NDUE and EXINTVL of the ``periods`` of the ledger, which have a ``level`` (mg, 0: no dose).

    ``due`` (n, D): the days of the study drug; of a level with days of its own only those are. ``taken`` (n, D): the
    days on which what is due is taken.
    """
    apart, due = days_apart(unit.study), on_days_of_levels(unit, decisions, due)
    who, first, _ = periods
    interval = decisions[-1].after.interval[who]
    for before, made in reversed(list(pairwise(decisions))):
        interval = np.where(first < made.day[who], before.after.interval[who], interval)
    words = pa.array([NO_DOSE, "daily", *(level.interval for level in apart)], pa.string())
    said = np.where(level > 0, 1 + interval, 0).astype(np.int32)
    return {
        "NTAKEN": np.where(level > 0, _within(taken & due, periods), 0),
        "NDUE": np.where(level > 0, _within(due, periods), 0),
        "EXINTVL": pa.DictionaryArray.from_arrays(pa.array(said), words),
    }


def on_days_of_levels(unit: Unit, decisions: Sequence[Decisions], due: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ``due`` days (n, D), of a level that is not taken daily only its own."""
    apart = days_apart(unit.study)
    if not apart:
        return due
    return due & (planned_mg([(made.day, made.after) for made in decisions], due.shape[1], apart) > 0)


def _within(days: NDArray[np.bool_], periods: Periods) -> Ints:
    """How many of the ``days`` (n, D) of its patient lie in each period."""
    who, first, after = periods
    so_far = np.concatenate([np.zeros((len(days), 1), int), np.cumsum(days, axis=1)], axis=1)
    final = so_far.shape[1] - 1
    return so_far[who, np.minimum(after, final)] - so_far[who, np.minimum(first, final)]
