"""Days without a dose that come in runs: a chain of two states beside chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.streams import Draws
from trial.study.habits import Holidays

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
STREAM = "adherence:holiday"


def on_holiday(draws: Draws, adherence: Array, holidays: Holidays, days: int) -> Flags:
    """(n, days) whether each patient is on a holiday, from the long-run share on day 0.

    The share of days is ``share_of_missed`` of those missed, h; a holiday ends with probability 1 / L each day, and one
    begins with h / ((1 - h) L), for which L is at least h / (1 - h). Stream "adherence:holiday" by day.
    """
    share = holidays.share_of_missed * (1.0 - adherence)
    odds = np.divide(share, 1.0 - share, out=np.full(len(share), np.inf), where=share < 1)
    length = np.maximum(holidays.mean_days, odds)
    ends = 1.0 / length
    begins = np.divide(odds, length, out=np.ones(len(share)), where=np.isfinite(length))
    found = np.empty((len(share), days), dtype=bool)
    now = draws.uniform(STREAM, 0) < share
    for day in range(days):
        if day:
            u = draws.uniform(STREAM, day)
            now = np.where(now, u >= ends, u < begins)
        found[:, day] = now
    return found


def by_chance(adherence: Array, holidays: Holidays) -> Array:
    """Probability (n,) of taking the dose of a day that is no holiday, so that ``adherence`` is that of all days."""
    share = holidays.share_of_missed * (1.0 - adherence)
    return np.divide(adherence, 1.0 - share, out=np.zeros(len(share)), where=share < 1)
