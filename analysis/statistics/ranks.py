"""Two groups of measured values by their ranks: the shift between them with its limits, and the test within strata.

statsmodels and scipy have the plain rank test, which is the check in the tests, but neither shift nor strata.

Sources: Hodges & Lehmann, Ann Math Stat 1963;34:598-611. Limits by order statistics of the differences: Moses, in
Walker & Lev, Statistical inference, 1953; Lehmann, Nonparametrics, 1975, 2.5. Within strata: van Elteren, Bull Inst
Int Stat 1960;37:351-361; ties by the variance of mid-ranks (Lehmann, 1975, 3.3).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.endpoints.records import Array, Codes
from analysis.statistics.estimators import Interval

EXACT_BELOW = 50
"""Groups below this size without ties have exact limits, as in R's wilcox.test."""


class Shift(NamedTuple):
    """Median of all differences, with limits, and whether those are exact."""

    interval: Interval
    exact: bool


def hodges_lehmann(first: Array, second: Array, level: float = 0.95) -> Shift:
    """Shift of ``first`` (m,) from ``second`` (n,); NaN where a group is empty.

    Limits are the differences of the ranks at which the rank sum test of size 1 - ``level`` rejects: of its exact law
    when both groups are below EXACT_BELOW and no two values are equal, else of the normal one.
    """
    if not len(first) or not len(second):
        return Shift(Interval(*(np.asarray(np.nan),) * 3), False)
    gaps = np.sort(np.subtract.outer(first, second).ravel())
    both = np.concatenate([first, second])
    exact = max(len(first), len(second)) < EXACT_BELOW and len(np.unique(both)) == len(both)
    tail = (1 - level) / 2
    below = _exact_rank(len(first), len(second), tail) if exact else _normal_rank(len(first), len(second), tail)
    low, high = gaps[below - 1], gaps[len(gaps) - below]
    if exact and rank_sum_law(len(first), len(second))[0] > tail:
        low = high = np.nan  # so few that no limits have that level
    return Shift(Interval(*map(np.asarray, (np.median(gaps), low, high))), exact)


def _normal_rank(m: int, n: int, tail: float) -> int:
    """Rank of the lower limit among the m n differences, from 1."""
    spread = np.sqrt(m * n * (m + n + 1) / 12)
    return max(1, int(np.floor(m * n / 2 + float(ndtri(tail)) * spread)))


def _exact_rank(m: int, n: int, tail: float) -> int:
    """Rank of the lower limit, from 1: the smallest u with P(U <= u) >= tail, 1 for the widest."""
    return max(1, int(np.searchsorted(np.cumsum(rank_sum_law(m, n)), tail * (1 - 1e-12))))


@lru_cache(maxsize=64)
def rank_sum_law(m: int, n: int) -> Array:
    """Probabilities (m n + 1,) of how many of the m n pairs the first of two equal groups wins, without ties.

    The largest of all values is of the first group, and wins n times, or of the second, and wins nothing.
    """
    law = [np.ones(1) for _ in range(n + 1)]
    for i in range(1, m + 1):
        row = [np.ones(1)]
        for j in range(1, n + 1):
            new = np.zeros(i * j + 1)
            new[j:] += law[j] * i / (i + j)
            new[: i * (j - 1) + 1] += row[j - 1] * j / (i + j)
            row.append(new)
        law = row
    return law[n]


def van_elteren(value: Array, first: Array, stratum: Codes) -> float:
    """Two-sided p of the rank sum test within strata: ``value`` (n,), ``first`` (n,) of the first group or not,
    ``stratum`` (n,). Weights 1 / (N + 1); mid-ranks for ties, no correction for continuity.

    A stratum in which a group is empty says nothing; NaN where all are so, 1 where all values are the same.
    """
    from scipy.stats import rankdata  # a second to import, and a run without such a test does not need it

    excess = variance = 0.0
    told = False
    for code in np.unique(stratum):
        here = stratum == code
        ranks, mine = rankdata(value[here]), np.asarray(first[here], dtype=bool)
        m, size = int(mine.sum()), len(mine)
        if not 0 < m < size:
            continue
        told = True
        excess += float(ranks[mine].sum() - m * (size + 1) / 2) / (size + 1)
        variance += m * (size - m) * float(ranks.var(ddof=1)) / size / (size + 1) ** 2
    if not told:
        return float("nan")
    return float(2 * ndtr(-abs(excess) / np.sqrt(variance))) if variance > 0 else 1.0
