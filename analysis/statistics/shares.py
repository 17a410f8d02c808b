"""Shares of patients by day, and quartiles by visit: what the figures draw over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trial.tables import on_days

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


def share_by_day(first_day: Array, days: Array) -> Array:
    """(D,) share of patients whose ``first_day`` (n,) (inf: never) is on or before each day."""
    if len(first_day) == 0:
        return np.full(len(days), np.nan)
    return np.searchsorted(np.sort(first_day), days, side="right") / len(first_day)


def rung_shares(start: Codes, end: Codes, level: Array, rungs: Sequence[float], n: int, last_day: int) -> Array:
    """(rungs, last_day) share of ``n`` patients on each dose level on each day; periods are [start, end) days.

    What is missing to 1 has left or ended treatment.
    """
    rung, on = np.nonzero(np.isclose(level, np.reshape(rungs, (-1, 1))))
    return on_days(rung, start[on], end[on], (len(rungs), last_day)) / max(n, 1)


def to_the_end(end: Codes, completed: Flags, last_seen: Array, last_day: int) -> Codes:
    """Ends of periods (all (k,) but ``last_day``), those of who completed and was treated to a last visit before the
    planned ``last_day`` moved to it: a visit early in its window is not leaving.
    """
    return np.where(completed & (end == last_seen), np.maximum(end, last_day), end)


def quartiles(values: Array) -> Array:
    """(3, V) first quartile, median and third quartile of each column of (n, V), NaN ignored; NaN where all are."""
    found = np.full((3, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if known.size:
            found[:, k] = np.quantile(known, [0.25, 0.5, 0.75])
    return found
