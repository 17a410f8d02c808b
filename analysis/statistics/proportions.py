"""Two proportions within strata: common difference, test and odds ratio, for all replicates at once.

Counts are (..., S), the strata on the last axis: ``x1`` of ``n1`` in the first group, ``x2`` of ``n2`` in the second. A
stratum in which a group is empty says nothing and has no weight; where all are so, results are NaN. statsmodels is the
check in the tests: it takes one table at a time, its test is NaN when a stratum has one subject, and it has no common
difference.

Sources: Miettinen & Nurminen, Stat Med 1985;4:213-226. Sato, Greenland & Robins, Biometrics 1989;45:1323-1324. Yan &
Su, Stat Biopharm Res 2010;2:329-335 (within one stratum Newcombe, Stat Med 1998;17:873-890, method 10). Test: Mantel &
Haenszel, J Natl Cancer Inst 1959;22:719-748. Odds ratio: Robins, Breslow & Greenland, Biometrics 1986;42:311-323.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri

from analysis.endpoints.records import Array, Flags
from analysis.statistics.boschloo import boschloo_p
from analysis.statistics.estimators import BISECTIONS, Interval, counted, inverted, score_ratio, score_variance
from cohorts import elementary

WEIGHT_ROUNDS = 50
TABLES = 100_000
"""Fourfold tables whose exact p is remembered."""
Weights = Literal["MH", "MN"]
Exact = Literal["fisher", "boschloo"]


class Strata(NamedTuple):
    """Counts (..., S) of two groups; an empty group of a stratum has size 1 and no event, where ``told`` is False."""

    x1: Array
    n1: Array
    x2: Array
    n2: Array
    told: Flags

    @property
    def weights(self) -> Array:
        """n1 n2 / (n1 + n2) of Mantel and Haenszel, with sum 1; 0 where a stratum is not told."""
        w = np.where(self.told, self.n1 * self.n2 / (self.n1 + self.n2), 0.0)
        total = w.sum(-1, keepdims=True)
        return np.divide(w, total, out=np.zeros_like(w), where=total > 0)

    def known(self, value: Array) -> Array:
        """``value`` (...), NaN where no stratum is told."""
        return np.where(self.told.any(-1), value, np.nan)


def _strata(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Strata:
    a, m, b, n = counted(x1, n1, x2, n2)
    told = (m > 0) & (n > 0)
    a, b, m, n = *(np.where(told, v, 0.0) for v in (a, b)), *(np.where(told, v, 1.0) for v in (m, n))
    return Strata(a, m, b, n, told)


def stratified_rate_difference(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, weights: Weights = "MH", level: float = 0.95
) -> Interval:
    """Common difference with the stratified Miettinen-Nurminen score interval.

    ``weights``: "MH" n1*n2/N, or "MN" the iterated weights of Miettinen & Nurminen.
    """
    s = _strata(x1, n1, x2, n2)
    a, m, b, n = s[:4]
    w = s.weights if weights == "MH" else _mn_weights(s)
    estimate = (w * (a / m - b / n)).sum(-1)

    def z(difference: Array) -> Array:
        variance = score_variance(a, m, b, n, difference[..., None], bias=True)
        return score_ratio(estimate - difference, (w**2 * variance).sum(-1))

    return Interval(*map(s.known, inverted(z, estimate, level)))


def score_against(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, difference: float) -> Array:
    """Z (...) of the common difference against a ``difference`` that is not 0, by the score of the limits above, with
    the weights of Mantel and Haenszel; against 0 it is that of Cochran, Mantel and Haenszel.
    """
    s = _strata(x1, n1, x2, n2)
    excess = (s.weights * (s.x1 / s.n1 - s.x2 / s.n2)).sum(-1) - difference
    variance = score_variance(*s[:4], np.full(s.x1.shape, difference), bias=True)
    return s.known(score_ratio(excess, (s.weights**2 * variance).sum(-1)))


def _mn_weights(s: Strata) -> Array:
    """Weights 1 / (R1(1-R1)/n1 + R2(1-R2)/n2), R the mean observed rates under these weights, to convergence."""
    w = s.weights
    for _ in range(WEIGHT_ROUNDS):
        r1, r2 = ((w * rate).sum(-1, keepdims=True) for rate in (s.x1 / s.n1, s.x2 / s.n2))
        spread = r1 * (1 - r1) / s.n1 + r2 * (1 - r2) / s.n2
        fresh = np.divide(s.told, spread, out=w.copy(), where=spread > 0)
        total = fresh.sum(-1, keepdims=True)
        fresh = np.divide(fresh, total, out=np.zeros_like(fresh), where=total > 0)
        if np.allclose(fresh, w, rtol=1e-12, atol=0):
            break
        w = fresh
    return w


def common_difference(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Array:
    """Common difference of Mantel and Haenszel, without limits."""
    s = _strata(x1, n1, x2, n2)
    return s.known((s.weights * (s.x1 / s.n1 - s.x2 / s.n2)).sum(-1))


class Homogeneity(NamedTuple):
    """Cochran's Q of G differences, its degrees of freedom, p, and the common difference that they are held against."""

    q: Array
    df: Array
    p: Array
    common: Array


def homogeneity_test(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Homogeneity:
    """Whether G subgroups have one difference; counts (..., G, S), in each subgroup within strata.

    Q is the sum of the squared scores (d - common)^2 / V(common), V the variance of Miettinen and Nurminen under the
    common difference, at which the sum of (d - common) / V(common) is 0; chi-square with G - 1 degrees of freedom. The
    limits of each subgroup invert the same score. A subgroup in which no stratum is told is left out; NaN below two.
    Sources: Miettinen & Nurminen, Stat Med 1985;4:213-226; Cochran, Biometrics 1954;10:101-129.
    """
    s = _strata(x1, n1, x2, n2)
    w, told = s.weights, s.told.any(-1)
    d = (w * (s.x1 / s.n1 - s.x2 / s.n2)).sum(-1)

    def variance(common: Array) -> Array:
        return (w**2 * score_variance(*s[:4], common[..., None, None], bias=True)).sum(-1)

    low = np.where(told, d, np.inf).min(-1)
    low, high = np.where(np.isinf(low), 0.0, low), np.where(told, d, -np.inf).max(-1)
    high = np.where(np.isinf(high), 0.0, high)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        spread, excess = variance(middle), d - middle[..., None]
        pull = np.divide(excess, spread, out=np.zeros_like(excess), where=told & (spread > 0)).sum(-1)
        low, high = np.where(pull > 0, middle, low), np.where(pull > 0, high, middle)
    common = (low + high) / 2
    score = score_ratio(d - common[..., None], variance(common))
    q, df = (np.where(told, score, 0.0) ** 2).sum(-1), told.sum(-1) - 1
    several = df > 0
    p = np.where(several, chdtrc(np.maximum(df, 1), q), np.nan)
    return Homogeneity(np.where(several, q, np.nan), df, p, np.where(several, common, np.nan))


def sato_difference(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Common difference of Mantel and Haenszel with Sato's interval, which holds for many small strata too."""
    s = _strata(x1, n1, x2, n2)
    a, m, b, n = s[:4]
    total = m + n
    estimate = (s.weights * (a / m - b / n)).sum(-1)
    p = (m**2 * b - n**2 * a + m * n * (n - m) / 2) / total**2
    q = (a * (n - b) + b * (m - a)) / (2 * total)
    weight, p, q = (np.where(s.told, v, 0.0).sum(-1) for v in (m * n / total, p, q))
    variance = np.maximum(estimate * p + q, 0.0)
    error = np.divide(np.sqrt(variance), weight, out=np.zeros_like(variance), where=weight > 0)
    half = -ndtri((1 - level) / 2) * error
    return Interval(*map(s.known, (estimate, estimate - half, estimate + half)))


def newcombe_difference(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Common difference of Mantel and Haenszel with the stratified Newcombe interval of Yan and Su."""
    s = _strata(x1, n1, x2, n2)
    w, critical = s.weights, -float(ndtri((1 - level) / 2))
    (low1, high1, part1), (low2, high2, part2) = (_wilson(x, n, w, critical) for x, n in (s[:2], s[2:4]))
    estimate = (w * (s.x1 / s.n1 - s.x2 / s.n2)).sum(-1)
    below = critical * np.sqrt(part1 * low1 * (1 - low1) + part2 * high2 * (1 - high2))
    above = critical * np.sqrt(part1 * high1 * (1 - high1) + part2 * low2 * (1 - low2))
    return Interval(*map(s.known, (estimate, estimate - below, estimate + above)))


def _wilson(x: Array, n: Array, w: Array, critical: float) -> tuple[Array, Array, Array]:
    """Stratified Wilson limits of one group, and the sum of w^2 / n. The quantile within the strata is such that the
    widths add up to that of the weighted rate; where nothing varies, as if all rates were the same.
    """
    rate = x / n
    variance = rate * (1 - rate) / n
    variance = np.where((w**2 * variance).sum(-1, keepdims=True) > 0, variance, 1 / n)
    widths = (w * np.sqrt(variance)).sum(-1, keepdims=True)
    joint = np.sqrt((w**2 * variance).sum(-1, keepdims=True))
    z = critical * np.divide(joint, widths, out=np.ones_like(widths), where=widths > 0)
    half = z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    low, high = ((w * (rate + z**2 / (2 * n) + side * half) / (1 + z**2 / n)).sum(-1) for side in (-1, 1))
    return *(np.clip(limit, 0.0, 1.0) for limit in (low, high)), (w**2 / n).sum(-1)


class Chi2(NamedTuple):
    """A chi-square statistic with one degree of freedom, and its p."""

    statistic: Array
    p: Array


def cmh_test(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, correction: bool = False) -> Chi2:
    """Cochran-Mantel-Haenszel test, two-sided; ``correction``: for continuity. p is 1 when all have the same outcome.

    A stratum of one subject says nothing, and so is left out.
    """
    s = _strata(x1, n1, x2, n2)
    size, events = s.n1 + s.n2, s.x1 + s.x2
    spread = s.n1 * s.n2 * events * (size - events) / (size**2 * np.maximum(size - 1, 1))
    excess, variance = (np.where(s.told, v, 0.0).sum(-1) for v in (s.x1 - s.n1 * events / size, spread))
    distance = np.abs(excess)
    if correction:
        distance = np.where(distance >= 0.5, distance - 0.5, distance)
    z = np.divide(distance, np.sqrt(variance), out=np.zeros_like(distance), where=variance > 0)
    return Chi2(s.known(z**2), s.known(2 * ndtr(-z)))


def common_odds_ratio(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Odds ratio of Mantel and Haenszel with the interval of Robins, Breslow and Greenland; NaN: not estimable."""
    s = _strata(x1, n1, x2, n2)
    a, m, b, n = s[:4]
    total = m + n
    r, q = (np.where(s.told, v / total, 0.0) for v in (a * (n - b), b * (m - a)))
    agree = (a + n - b) / total
    above, below = r.sum(-1), q.sum(-1)
    ok = (above > 0) & (below > 0)
    above, below = np.where(ok, above, 1.0), np.where(ok, below, 1.0)
    variance = (
        (agree * r).sum(-1) / (2 * above**2)
        + (agree * q + (1 - agree) * r).sum(-1) / (2 * above * below)
        + ((1 - agree) * q).sum(-1) / (2 * below**2)
    )
    log, half = elementary.log(above / below), -ndtri((1 - level) / 2) * np.sqrt(variance)
    return Interval(*(np.where(ok, elementary.exp(value), np.nan) for value in (log, log - half, log + half)))


def logistic_odds_ratio(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Odds ratio of logistic regression on group and stratum, with Wald limits; counts (S,), one replicate.

    NaN where the likelihood has no maximum: one group does better as far as it can in every stratum that tells.
    """
    s = _strata(x1, n1, x2, n2)
    mixed = s.told & (s.x1 + s.x2 > 0) & (s.x1 + s.x2 < s.n1 + s.n2)
    a, m, b, n = (v[mixed] for v in s[:4])
    nothing = np.full((), np.nan)
    if not len(a) or _separated(a, m, b, n):
        return Interval(nothing, nothing, nothing)
    from statsmodels.genmod import families  # seconds to import, and few studies ask for it
    from statsmodels.genmod.generalized_linear_model import GLM

    k = len(a)
    group, stratum = np.repeat([1.0, 0.0], k)[:, None], np.tile(np.eye(k), (2, 1))
    outcome = np.column_stack([np.concatenate([a, b]), np.concatenate([m - a, n - b])])
    with warnings.catch_warnings():  # a single stratum leaves no residual, which is no separation
        warnings.simplefilter("ignore")
        fit = GLM(outcome, np.hstack([group, stratum]), family=families.Binomial()).fit(tol=1e-12, maxiter=100)
    log, half = float(fit.params[0]), -float(ndtri((1 - level) / 2)) * float(fit.bse[0])
    return Interval(*(np.asarray(elementary.exp(np.asarray(value))) for value in (log, log - half, log + half)))


def firth_odds_ratio(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95) -> Interval:
    """Odds ratio of Firth's penalised logistic regression (1993) on group and stratum, with limits of the profile of
    its likelihood (Heinze and Schemper 2002); counts (S,), one replicate. NaN where no stratum has both groups, and
    where everybody has the same outcome.

    In one stratum it is the odds ratio with 1/2 added to each cell. Needs firthmodels.
    """
    from firthmodels import FirthLogisticRegression

    s = _strata(x1, n1, x2, n2)
    a, m, b, n = (v[s.told] for v in s[:4])
    k = len(a)
    if not k:
        return Interval(*(np.full((), np.nan),) * 3)
    group, stratum = np.repeat([1.0, 1.0, 0.0, 0.0], k)[:, None], np.tile(np.eye(k)[:, 1:], (4, 1))
    weight = np.concatenate([a, m - a, b, n - b])
    there = weight > 0
    design, outcome = np.hstack([group, stratum])[there], np.repeat([1, 0, 1, 0], k)[there]
    if len(np.unique(outcome)) < 2:
        return Interval(*(np.full((), np.nan),) * 3)
    fit = FirthLogisticRegression(max_iter=200, gtol=1e-8, xtol=1e-8).fit(design, outcome, sample_weight=weight[there])
    low, high = fit.conf_int(alpha=1 - level, method="pl", features=[0], max_iter=200, tol=1e-8)[0]
    return Interval(*(np.asarray(elementary.exp(np.asarray(value))) for value in (fit.coef_[0], low, high)))


def _separated(a: Array, m: Array, b: Array, n: Array) -> bool:
    """Whether the first group does as much better as it can in every stratum, or as much worse."""
    better, worse = (a == m) | (b == 0), (a == 0) | (b == n)
    return bool(better.all() or worse.all())


def exact_test(kind: Exact, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Array:
    """Two-sided exact p of two groups without strata (...): Fisher's, or Boschloo's; NaN where a group is empty.

    Equal tables are tested once, in later calls too.
    """
    a, m, b, n = counted(x1, n1, x2, n2)
    cells = np.stack([a, m - a, b, n - b], axis=-1).reshape(-1, 4)
    different, which = np.unique(cells, axis=0, return_inverse=True)
    p = [_exact_p(kind, *table) for table in different.astype(int).tolist()]
    return np.array(p)[which.ravel()].reshape(a.shape)


@lru_cache(maxsize=TABLES)
def _exact_p(kind: Exact, yes1: int, no1: int, yes2: int, no2: int) -> float:
    """Two-sided exact p of one fourfold table; NaN where a group is empty."""
    if min(yes1 + no1, yes2 + no2) <= 0:
        return float("nan")
    if kind == "boschloo":
        return boschloo_p(yes1, yes1 + no1, yes2, yes2 + no2)
    from scipy.stats import fisher_exact  # seconds to import, and few studies ask for it

    return float(fisher_exact([[yes1, yes2], [no1, no2]]).pvalue)


def smallest_expected(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Array:
    """Smallest expected count of a fourfold table (...); NaN where a group is empty."""
    a, m, b, n = counted(x1, n1, x2, n2)
    ok = (m > 0) & (n > 0)
    least = np.minimum(a + b, m + n - a - b) * np.minimum(m, n)
    return np.divide(least, m + n, out=np.full(least.shape, np.nan), where=ok)


def pooled_strata(events: Array, sizes: Array, below: float) -> tuple[Array, Array]:
    """Events and subjects (..., A, S) of A arms with small strata pooled; a stratum that is gone has nobody.

    While a stratum has fewer than ``below`` subjects in an arm and is not alone, the smallest such joins the smallest
    of the others. Sizes are of all arms together, and of equal ones the first is taken.
    """
    shape = sizes.shape
    events, sizes = (np.array(v, dtype=np.float64).reshape(-1, *shape[-2:]) for v in (events, sizes))
    for _ in range(shape[-1] - 1):
        total, least = sizes.sum(axis=1), sizes.min(axis=1)
        there = total > 0
        small = there & (least < below) & (there.sum(axis=1, keepdims=True) > 1)
        row = np.flatnonzero(small.any(axis=1))
        if not row.size:
            break
        first = np.where(small, total, np.inf)[row].argmin(axis=1)
        others = np.where(there, total, np.inf)[row]
        others[np.arange(len(row)), first] = np.inf
        second = others.argmin(axis=1)
        for counts in (events, sizes):
            counts[row, :, second] += counts[row, :, first]
            counts[row, :, first] = 0.0
    return events.reshape(shape), sizes.reshape(shape)
