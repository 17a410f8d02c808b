"""Cumulative incidence of one of several events that exclude each other, on counts of patients by day.

Aalen & Johansen, Scand J Stat 1978;5:141-150; variance by the delta method (Marubini & Valsecchi, Analysing survival
data from clinical trials, 1995, 10.12), which is Greenwood's where there is one kind of event; limits on the log-log
scale. All replicates at once; statsmodels' CumIncidenceRight and R's cmprsk are the checks in the tests.
"""

from __future__ import annotations

import numpy as np

from analysis.endpoints.records import Array
from analysis.statistics.estimators import Z95, Interval
from analysis.statistics.survival import SAME
from cohorts import elementary


def cumulative_incidence(events: Array, at_risk: Array) -> Interval:
    """Share with each event by each day (..., C, D), with limits; ``events`` (..., C, D) by kind, ``at_risk`` (..., D).

    NaN where nobody is watched; no limits while nobody, or once everybody, had the event.
    """
    n = at_risk[..., None, :]
    some = n > 0
    safe = np.where(some, n, 1.0)
    every = events.sum(axis=-2, keepdims=True)
    after = np.cumprod(1 - every / safe, axis=-1)
    before = np.concatenate([np.ones_like(after[..., :1]), after[..., :-1]], axis=-1)
    share = np.cumsum(before * events / safe, axis=-1)
    variance = _variance(share, before, events, every, safe)
    watched = some.any(axis=-1, keepdims=True)
    return Interval(*(np.where(watched, part, np.nan) for part in (share, *_limits(share, variance))))


def _variance(share: Array, before: Array, events: Array, every: Array, n: Array) -> Array:
    """The three sums of the formula, each a running sum: (F(t) - F(t_j))^2 is written out."""
    left = n * (n - every)
    spread = np.divide(every, left, out=np.zeros_like(left), where=left > 0) + np.zeros_like(share)
    own = before**2 * (n - events) * events / n**3
    mixed = before * events / n**2
    none, one, two = (np.cumsum(spread * share**k, axis=-1) for k in (0, 1, 2))
    first = share**2 * none - 2 * share * one + two
    third = share * np.cumsum(mixed, axis=-1) - np.cumsum(mixed * share, axis=-1)
    return np.asarray(np.maximum(first + np.cumsum(own, axis=-1) - 2 * third, 0.0))


def _limits(share: Array, variance: Array) -> tuple[Array, Array]:
    inside = (share > SAME) & (share < 1 - SAME)
    safe = np.where(inside, share, 0.5)
    log = elementary.log(safe)
    width = Z95 * np.sqrt(variance) / (safe * np.abs(log))
    low, high = (np.where(inside, elementary.exp(log * elementary.exp(side * width)), np.nan) for side in (1, -1))
    return low, high
