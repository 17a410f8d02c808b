"""Boschloo's exact test of two groups: Fisher's p as a statistic, its chance at the worst common rate.

scipy's ``boschloo_exact`` takes a tenth of a second for groups of 100; here what depends on the sizes alone is kept,
and the worst rate is searched on a grid and then between its points. scipy is the check in the tests. Source: Boschloo,
Stat Neerl 1970;24:1-9; two-sided: twice the smaller of both sides.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from analysis.endpoints.records import Array

GRID = 256
"""Rates from which the worst one is searched."""
BEST, BETWEEN, ROUNDS = 2, 17, 3
"""The best so many of them are searched between their neighbours, at so many points, so many times."""
TIE = 1e-9
"""Fisher's p so near, as a share, are equal."""
PAIRS = 64
"""Pairs of sizes whose tables are kept."""


class Tables(NamedTuple):
    """One-sided p of Fisher's test (n1 + 1, n2 + 1) of all tables with the first group as low or lower; chance of each
    number of events of the first group (n1 + 1, G), and of so many or more in the second (n2 + 2, G), at the rates of
    the grid.
    """

    lower: Array
    first: Array
    or_more: Array


def boschloo_p(x1: int, n1: int, x2: int, n2: int) -> float:
    """Two-sided p of ``x1`` of ``n1`` against ``x2`` of ``n2``, both groups not empty."""
    return min(2 * min(_side(x1, n1, x2, n2), _side(n1 - x1, n1, n2 - x2, n2)), 1.0)


def _side(x1: int, n1: int, x2: int, n2: int) -> float:
    """One-sided p of a first group that is lower: the largest chance, at any common rate, of tables as extreme.

    Of these there are, for each number of events of the first group, those with so many or more of the second.
    """
    tables = _tables(n1, n2)
    least = (tables.lower > tables.lower[x1, x2] * (1 + TIE)).sum(axis=1)
    seen = (tables.first * tables.or_more[least]).sum(axis=0)
    best = float(seen.max())
    for k in np.argsort(seen)[-BEST:].tolist():
        middle, step = (k + 0.5) / GRID, 1 / GRID
        for _ in range(ROUNDS):
            rate = np.clip(np.linspace(middle - step, middle + step, BETWEEN), 0.0, 1.0)
            near = (_binomial(n1, rate) * _or_more(n2, rate)[least]).sum(axis=0)
            middle, step = float(rate[near.argmax()]), 2 * step / (BETWEEN - 1)
            best = max(best, float(near.max()))
    return best


@lru_cache(maxsize=PAIRS)
def _tables(n1: int, n2: int) -> Tables:
    rate = (np.arange(GRID) + 0.5) / GRID
    total: NDArray[np.int64] = np.add.outer(np.arange(n1 + 1), np.arange(n2 + 1))
    chance = np.exp(_choices(n1)[:, None] + _choices(n2) - _choices(n1 + n2)[total])
    slant = np.zeros((n1 + 1, n1 + n2 + 1))  # by total, so that tables of one total stand in a column
    row = np.arange(n1 + 1)[:, None]
    slant[row, total] = chance
    return Tables(slant.cumsum(axis=0)[row, total], _binomial(n1, rate), _or_more(n2, rate))


def _choices(n: int) -> Array:
    """Log of n over k (n + 1,)."""
    k = np.arange(n + 1)
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _binomial(n: int, rate: Array) -> Array:
    """Chance (n + 1, G) of each number of events."""
    k = np.arange(n + 1)[:, None]
    return np.exp(_choices(n)[:, None] + xlogy(k, rate) + xlog1py(n - k, -rate))


def _or_more(n: int, rate: Array) -> Array:
    """Chance (n + 2, G) of 0 to n + 1 events or more."""
    return np.concatenate([_binomial(n, rate)[::-1].cumsum(axis=0)[::-1], np.zeros((1, len(rate)))])
