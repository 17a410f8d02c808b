"""The planned comparison of a measured endpoint in many trials at once: covariance and ranks, by sums.

Patients of T trials are (T, n), NaN where nobody has a value. Statistics are those of ``least_squares`` and ``ranks``,
which take one trial and are the check in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr

from analysis.endpoints.records import Array, Codes, Flags

LEAST_P = 1e-300
RANK = 1e-10
"""Directions of the normal equations below this share of the largest tell nothing."""
ESTIMABLE = 1e-16
"""Squared length of a contrast outside what is told, up to which the contrast is told."""
EXACT_FIT = 1e-12
"""Share of the sum of squares below which nothing is left to judge a difference by."""


@dataclass(frozen=True, eq=False)
class Differences:
    """Of every arm (T, A) from the reference arm: adjusted difference and its error; ``df`` (T,) of the t law. NaN
    where they are not told.
    """

    estimate: Array
    error: Array
    df: Array

    def z(self, arm: int, shift: float = 0.0) -> Array:
        """Z (T,) with the tail of t, of the difference from ``shift``."""
        t = (self.estimate[:, arm] - shift) / self.error[:, arm]
        tail = stdtr(np.where(np.isnan(t), 1.0, self.df), -np.abs(t))
        return np.asarray(-np.sign(t) * ndtri(np.maximum(tail, LEAST_P)))


def adjusted_differences(
    value: Array, arm: Codes, reference: int, arms: int, baseline: Array, stratum: Codes
) -> Differences:
    """Analysis of covariance of T trials, all arms in one model, adjusted for baseline and stratum."""
    trials, strata = len(value), int(stratum.max(initial=0)) + 1
    ok = ~np.isnan(value)
    y, x = _centred(value, ok), _scaled(_centred(baseline, ok))
    cell = ((np.arange(trials)[:, None] * arms + arm) * strata + stratum)[ok]
    n, sum_y, sum_x = (
        np.bincount(cell, each, trials * arms * strata).astype(np.float64).reshape(trials, arms, strata)
        for each in (np.ones(len(cell)), y[ok], x[ok])
    )
    gram = _normal(n, sum_x, np.einsum("tn,tn->t", x, x))
    right = np.hstack([sum_y.sum(axis=2), sum_y.sum(axis=1), np.einsum("tn,tn->t", x, y)[:, None]])
    size, direction = np.linalg.eigh(gram)
    told = size > RANK * size.max(axis=1, keepdims=True)
    inverse = np.divide(1.0, size, out=np.zeros_like(size), where=told)
    along = np.einsum("tk,tkd->td", right, direction)
    whole = np.einsum("tn,tn->t", y, y)
    left = whole - (along**2 * inverse).sum(axis=1)
    df = ok.sum(axis=1) - told.sum(axis=1)
    contrast = direction[:, :arms] - direction[:, [reference]]
    both = (n.sum(axis=2) > 0) & (n.sum(axis=2) > 0)[:, [reference]]
    known = both & (np.where(told[:, None], 0.0, contrast**2).sum(axis=2) < ESTIMABLE)
    known &= ((df > 0) & (left > EXACT_FIT * whole))[:, None]
    estimate = np.einsum("tad,td->ta", contrast, inverse * along)
    variance = np.einsum("tad,td->ta", contrast**2, inverse) * (left / np.maximum(df, 1))[:, None]
    error = np.sqrt(np.where(known, variance, np.nan))
    error[:, reference] = np.nan
    return Differences(np.where(known, estimate, np.nan), error, df.astype(np.float64))


def _centred(value: Array, ok: Flags) -> Array:
    """Deviations (T, n) from the mean of those who are ``ok``; 0 of the others."""
    n = np.maximum(ok.sum(axis=1, keepdims=True), 1)
    mean = np.where(ok, value, 0.0).sum(axis=1, keepdims=True) / n
    return np.where(ok, value - mean, 0.0)


def _scaled(x: Array) -> Array:
    """Columns (T, n) of about the size of an arm's: their root mean square is 1, or they are nothing."""
    spread = np.sqrt((x**2).mean(axis=1, keepdims=True))
    return np.divide(x, spread, out=np.zeros_like(x), where=spread > 0)


def _normal(n: Array, sum_x: Array, square: Array) -> Array:
    """Normal equations (T, K, K) of arms, strata and one covariate, from sizes and sums (T, A, S)."""
    trials, arms, strata = n.shape
    gram = np.zeros((trials, arms + strata + 1, arms + strata + 1))
    a, s = np.arange(arms), arms + np.arange(strata)
    gram[:, a, a], gram[:, s, s] = n.sum(axis=2), n.sum(axis=1)
    gram[:, :arms, arms:-1] = n
    gram[:, arms:-1, :arms] = n.swapaxes(1, 2)
    gram[:, :arms, -1] = gram[:, -1, :arms] = sum_x.sum(axis=2)
    gram[:, arms:-1, -1] = gram[:, -1, arms:-1] = sum_x.sum(axis=1)
    gram[:, -1, -1] = square
    return gram


def rank_sums(value: Array, first: Flags, stratum: Codes) -> tuple[Array, Flags]:
    """Z (T,) of van Elteren's test, positive where the ``first`` group (T, n) is higher, NaN where no stratum has both
    groups; and where all values within the strata are the same, whose Z is 0.
    """
    trials, strata = len(value), int(stratum.max(initial=0)) + 1
    ok = ~np.isnan(value)
    group = (np.arange(trials)[:, None] * strata + stratum)[ok]
    rank = _mid_ranks(value[ok], group)
    cells = trials * strata
    size, m, of_first, squares = (
        np.bincount(group, weight, cells).astype(np.float64)
        for weight in (None, first[ok], rank * first[ok], rank * rank)
    )
    both = (m > 0) & (m < size)
    n, middle = np.where(both, size, 2.0), (size + 1) / 2
    spread = np.maximum(squares - size * middle**2, 0.0) / (n - 1)
    excess = np.where(both, (of_first - m * middle) / (n + 1), 0.0)
    variance = np.where(both, m * (size - m) * spread / n / (n + 1) ** 2, 0.0)
    excess, variance = (each.reshape(trials, strata).sum(axis=1) for each in (excess, variance))
    z = np.divide(excess, np.sqrt(variance), out=np.zeros(trials), where=variance > 0)
    told = both.reshape(trials, strata).any(axis=1)
    return np.where(told, z, np.nan), told & (variance <= 0)


def _mid_ranks(value: Array, group: Codes) -> Array:
    """Ranks (N,) within groups from 1, ties sharing the middle one."""
    order = np.lexsort((value, group))
    v, g = value[order], group[order]
    place = np.arange(len(v))
    new_group = np.append(True, g[1:] != g[:-1])[: len(v)]
    new_value = new_group | np.append(True, v[1:] != v[:-1])[: len(v)]
    start = np.maximum.accumulate(np.where(new_group, place, 0))
    run = np.cumsum(new_value) - 1
    first = np.flatnonzero(new_value)
    last = np.append(first[1:], len(v)) - 1
    rank = np.empty(len(v))
    rank[order] = (first + last)[run] / 2 - start + 1
    return rank


def shifts(value: Array, first: Flags) -> Array:
    """Shift (T,) of Hodges and Lehmann of the ``first`` group (T, n) from the others; NaN where one is empty."""
    found = np.full(len(value), np.nan)
    for k, (v, mine) in enumerate(zip(value, first, strict=True)):
        ok = ~np.isnan(v)
        one, other = v[ok & mine], v[ok & ~mine]
        if len(one) and len(other):
            found[k] = np.median(np.subtract.outer(one, other))
    return found
