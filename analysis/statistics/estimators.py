"""Pure statistics on arrays. Everything broadcasts, so that all replicates are done at once; proportions, not percent.

The difference of proportions is our own: statsmodels' score interval is wrong (statsmodels issue 10269) and stops at
zero cells. Method: Miettinen & Nurminen, Stat Med 1985;4:213-226, with its N/(N-1) factor; within strata in
``proportions``. For pairs statsmodels has none: the score interval of Tango, Stat Med 1998;17:891-908.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, gammainccinv, gammaincinv, ndtr, ndtri

from analysis.endpoints.records import Array
from cohorts import elementary

Z95 = float(ndtri(0.975))
"""Half the width of a normal 95 % interval, in standard errors."""
BISECTIONS = 40
"""Limits within 2e-12."""


class Interval(NamedTuple):
    """An estimate with its confidence limits."""

    estimate: Array
    low: Array
    high: Array

    def at(self, *place: int) -> Interval:
        """That of one entry of the arrays."""
        return Interval(self.estimate[place], self.low[place], self.high[place])


def clopper_pearson(events: ArrayLike, n: ArrayLike, level: float = 0.95) -> Interval:
    """Exact interval of a proportion, quantiles of beta laws; NaN where n is 0."""
    x, size = np.broadcast_arrays(np.asarray(events, float), np.asarray(n, float))
    ok, tail = size > 0, (1 - level) / 2
    safe = np.where(ok, size, 1.0)
    low = np.where(x > 0, betaincinv(np.maximum(x, 1.0), safe - x + 1, tail), 0.0)
    high = np.where(x < safe, betaincinv(x + 1, np.maximum(safe - x, 1.0), 1 - tail), 1.0)
    return Interval(*(np.where(ok, value, np.nan) for value in (x / safe, low, high)))


def poisson_rate(events: ArrayLike, exposure: ArrayLike, level: float = 0.95) -> Interval:
    """Events per unit of exposure with the exact Poisson interval (Garwood); NaN where the exposure is 0."""
    x, time = np.broadcast_arrays(np.asarray(events, float), np.asarray(exposure, float))
    ok = time > 0
    safe, tail = np.where(ok, time, 1.0), (1 - level) / 2
    low = np.where(x > 0, gammaincinv(np.maximum(x, 1.0), tail), 0.0)
    high = gammainccinv(x + 1, tail)
    return Interval(*(np.where(ok, value / safe, np.nan) for value in (x, low, high)))


def constrained_rates(x1: Array, n1: Array, x2: Array, n2: Array, difference: Array) -> tuple[Array, Array]:
    """Maximum likelihood rates (p1, p2) under p1 - p2 = difference: the closed form of Miettinen & Nurminen."""
    n, x = n1 + n2, x1 + x2
    l2 = (n1 + 2 * n2) * difference - n - x
    l1 = (n2 * difference - n - 2 * x2) * difference + x
    l0 = x2 * difference * (1 - difference)
    q = (l2 / (3 * n)) ** 3 - l1 * l2 / (6 * n**2) + l0 / (2 * n)
    p = np.copysign(np.sqrt(np.maximum((l2 / (3 * n)) ** 2 - l1 / (3 * n), 0.0)), q)
    cosine = np.divide(q, p**3, out=np.zeros_like(q), where=p != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3
    p2 = 2 * p * np.cos(angle) - l2 / (3 * n)
    p2 = np.clip(p2, np.maximum(0.0, -difference), np.minimum(1.0, 1.0 - difference))
    return np.clip(p2 + difference, 0.0, 1.0), p2


def score_variance(x1: Array, n1: Array, x2: Array, n2: Array, difference: Array, bias: bool) -> Array:
    """Variance of the observed difference when the true one is ``difference``."""
    p1, p2 = constrained_rates(x1, n1, x2, n2, difference)
    n = n1 + n2
    return (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n / (n - 1) if bias else 1.0)


def score_ratio(excess: Array, variance: Array) -> Array:
    """Score statistic; 0 when nothing is left to explain, infinite when the variance is 0 and something is."""
    tiny = np.abs(excess) < 1e-14
    z = np.divide(excess, np.sqrt(np.maximum(variance, 0.0)), out=np.full(np.shape(excess), np.inf), where=variance > 0)
    return np.where(tiny, 0.0, np.where(variance > 0, z, np.copysign(np.inf, excess)))


def counted(*values: ArrayLike) -> tuple[Array, ...]:
    """Counts as arrays of one shape."""
    return tuple(np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values)))


def inverted(z: Callable[[Array], Array], estimate: Array, level: float) -> Interval:
    """Both roots of z(difference) = -+ the critical value, for a decreasing z, by bisection on either side.

    ``z`` takes differences (2, ...), the lower limit first.
    """
    critical = -ndtri((1 - level) / 2)
    target = np.reshape([critical, -critical], (2, *[1] * estimate.ndim))
    low, high = np.stack([np.full_like(estimate, -1.0), estimate]), np.stack([estimate, np.full_like(estimate, 1.0)])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = z(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return Interval(estimate, *(low + high) / 2)


def rate_difference(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95, bias: bool = True
) -> Interval:
    """Difference of two proportions with its Miettinen-Nurminen interval; ``bias=False`` gives Mee's (no N/(N-1)).

    NaN where a group is empty.
    """
    a, m, b, n = counted(x1, n1, x2, n2)
    empty = (m <= 0) | (n <= 0)
    m, n = np.where(empty, 2.0, m), np.where(empty, 2.0, n)
    estimate = a / m - b / n

    def z(difference: Array) -> Array:
        return score_ratio(estimate - difference, score_variance(a, m, b, n, difference, bias))

    return Interval(*(np.where(empty, np.nan, value) for value in inverted(z, estimate, level)))


def score_test(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Array:
    """Two-sided p of no difference: the Miettinen-Nurminen score at 0, so that p < 0.05 agrees with the interval."""
    a, m, b, n = counted(x1, n1, x2, n2)
    total = m + n
    pooled = np.divide(a + b, total, out=np.zeros_like(total), where=total > 0)
    ok = (m > 0) & (n > 0)
    spread = pooled * (1 - pooled) * total / np.where(ok, total - 1, 1.0)
    safe_m, safe_n = np.where(ok, m, 1.0), np.where(ok, n, 1.0)
    p = 2 * ndtr(-np.abs(score_ratio(a / safe_m - b / safe_n, spread * (1 / safe_m + 1 / safe_n))))
    return np.where(ok, p, np.nan)


def _paired_variance(b: Array, c: Array, n: Array, difference: Array) -> Array:
    """Variance of the observed difference of pairs when the true one is ``difference``: Tango's constrained rates."""
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    q = (np.sqrt(np.maximum(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    return np.maximum(2 * q + difference * (1 - difference), 0.0) / n


def paired_rate_difference(b: ArrayLike, c: ArrayLike, n: ArrayLike, level: float = 0.95) -> Interval:
    """Difference of two proportions in the same ``n`` subjects, (b - c) / n, with Tango's score interval.

    ``b``: yes under the first condition only; ``c``: under the second only. NaN where there is no pair.
    """
    first, second, pairs = counted(b, c, n)
    empty = pairs <= 0
    pairs = np.where(empty, 2.0, pairs)
    estimate = (first - second) / pairs

    def z(difference: Array) -> Array:
        return score_ratio(estimate - difference, _paired_variance(first, second, pairs, difference))

    return Interval(*(np.where(empty, np.nan, value) for value in inverted(z, estimate, level)))


def paired_score_test(b: ArrayLike, c: ArrayLike, n: ArrayLike) -> Array:
    """Two-sided p of no difference in pairs, McNemar without correction: p < 0.05 agrees with Tango's interval."""
    first, second, pairs = counted(b, c, n)
    p = 2 * ndtr(-np.abs(score_ratio(first - second, first + second)))
    return np.where(pairs > 0, p, np.nan)


def odds_ratio(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Crude odds ratio with the interval of its logarithm (Woolf); NaN with a zero cell: not estimable."""
    a, m, b, n = counted(x1, n1, x2, n2)
    cells = (a, m - a, b, n - b)
    ok = np.all([c > 0 for c in cells], axis=0)
    w, x, y, z = (np.where(ok, c, 1.0) for c in cells)
    log = elementary.log(w * z / (x * y))
    half = -ndtri((1 - level) / 2) * np.sqrt(1 / w + 1 / x + 1 / y + 1 / z)
    return Interval(*(np.where(ok, elementary.exp(value), np.nan) for value in (log, log - half, log + half)))


class OverReplicates(NamedTuple):
    """A number over R replicates: mean, Monte Carlo error of the mean, 2.5 and 97.5 % of replicates, R with a value."""

    mean: float
    mcse: float
    low: float
    high: float
    r: int


def over_replicates(values: Array) -> OverReplicates:
    """Summary of values (R,), NaN for replicates without one, which are left out; error and range need two values."""
    missing, nothing = np.isnan(values), float("nan")
    r = len(values) - int(np.count_nonzero(missing))
    if r == 0:
        return OverReplicates(nothing, nothing, nothing, nothing, 0)
    mean = float(np.where(missing, 0.0, values).sum()) / r
    if r == 1:
        return OverReplicates(mean, nothing, nothing, nothing, 1)
    deviation = np.where(missing, 0.0, values - mean)
    sd = math.sqrt(float((deviation**2).sum()) / (r - 1))
    ranked = np.sort(values)[:r]
    return OverReplicates(mean, sd / math.sqrt(r), _quantile(ranked, 0.025), _quantile(ranked, 0.975), r)


def _quantile(ranked: Array, q: float) -> float:
    """Quantile of ranked values, as numpy's, but for many short ones."""
    place = q * (len(ranked) - 1)
    below = math.floor(place)
    a, b = float(ranked[below]), float(ranked[min(below + 1, len(ranked) - 1)])
    part = place - below
    return b - (b - a) * (1 - part) if part >= 0.5 else a + (b - a) * part


def power_error(power: ArrayLike, replicates: int) -> Array:
    """Monte Carlo error of a power, sqrt(p(1-p)/R): every replicate is one yes or no, so here the binomial is right."""
    p = np.asarray(power, dtype=float)
    return np.sqrt(p * (1 - p) / replicates)


def geometric_mean(values: Array) -> float:
    """Geometric mean of positive values; NaN when there is none or one is not positive."""
    return float(elementary.exp(elementary.log(values).mean())) if values.size and (values > 0).all() else float("nan")


def geometric_cv(values: Array) -> float:
    """Geometric coefficient of variation in percent, 100*sqrt(exp(s2 of ln) - 1); NaN below two positive values."""
    if values.size < 2 or not (values > 0).all():
        return float("nan")
    return float(100 * np.sqrt(elementary.exp(elementary.log(values).var(ddof=1)) - 1.0))
