"""Two proportions within strata, against printed values, statsmodels, and second derivations.

``large``: data of the vignette of the R package sasLM; ``small``: like the example of lrstat. UCBAdmissions and
Rabbits: data and printed values of R's mantelhaen.test. The single tables: see test_estimators.py.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.statistics import estimators, proportions
from analysis.statistics.boschloo import boschloo_p

STRATA = {"large": ([25, 23], [339, 370], [28, 40], [335, 364]), "small": ([4, 3], [10, 10], [2, 0], [20, 10])}
UCB = (
    [512, 353, 120, 138, 53, 22],
    [825, 560, 325, 417, 191, 373],
    [89, 17, 202, 131, 94, 24],
    [108, 25, 593, 375, 393, 341],
)
"""Admitted of all applicants, men and women, six departments."""
RABBITS = ([0, 3, 6, 5, 2], [6, 6, 6, 6, 2], [0, 0, 2, 6, 5], [5, 6, 6, 6, 5])
"""Cured of the rabbits treated at once and after 1.5 hours, five doses of penicillin."""
ONE_ALONE = ([4, 3, 1], [10, 10, 1], [2, 0, 0], [20, 10, 0])
"""A stratum of one subject."""
DIFFERENCES = (
    lambda *cells: proportions.stratified_rate_difference(*cells, weights="MH"),
    lambda *cells: proportions.stratified_rate_difference(*cells, weights="MN"),
    proportions.sato_difference,
    proportions.newcombe_difference,
)


@pytest.mark.parametrize(
    ("strata", "weights", "expected"),
    [
        ("large", "MN", (-0.029585, -0.058943, -0.000853)),
        ("large", "MH", (-0.029589, -0.058947, -0.000856)),
        ("small", "MN", (0.3000, 0.0869, 0.5294)),
        ("small", "MH", (0.3000, 0.0825, 0.5321)),
    ],
)
def test_stratified_difference_reference_values(
    strata: str, weights: str, expected: tuple[float, float, float]
) -> None:
    interval = proportions.stratified_rate_difference(*STRATA[strata], weights=weights)  # type: ignore[arg-type]
    decimals = 6 if strata == "large" else 4
    assert np.round(np.array(interval), decimals).tolist() == list(expected)


def test_satos_limits_are_the_reference_values() -> None:
    interval = proportions.sato_difference(*STRATA["large"])
    assert np.round(np.array(interval), 5).tolist() == [-0.02959, -0.05832, -0.00086]


@pytest.mark.parametrize("strata", STRATA)
def test_stratified_limits_by_search(strata: str) -> None:
    """Second derivation: rates of greatest likelihood by search, limits as roots of the score, by Brent's method."""
    a, m, b, n = (np.array(v, float) for v in STRATA[strata])
    w = m * n / (m + n) / (m * n / (m + n)).sum()

    def score(d: float) -> float:
        variance = 0.0
        for x, k, y, of, weight in zip(a, m, b, n, w, strict=True):

            def loss(q: float, x=x, k=k, y=y, of=of) -> float:
                return -(stats.binom.logpmf(x, k, q + d) + stats.binom.logpmf(y, of, q))

            low, high = max(0.0, -d), min(1.0, 1 - d)
            q = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
            # a minimum at the edge: the search comes only near it
            q = min((low, high, q), key=loss)
            p = q + d
            variance += weight**2 * (p * (1 - p) / k + q * (1 - q) / of) * (k + of) / (k + of - 1)
        return float(((w * (a / m - b / n)).sum() - d) / np.sqrt(variance))

    found = proportions.stratified_rate_difference(a, m, b, n)
    z = stats.norm.isf(0.025)
    limits = [brentq(lambda d, s=side: score(d) - s * z, lo, hi, xtol=1e-12)
              for side, lo, hi in ((1, -0.5, found.estimate - 1e-6), (-1, found.estimate + 1e-6, 0.9))]  # fmt: skip
    assert limits == pytest.approx([float(found.low), float(found.high)], abs=1e-6)


@pytest.mark.parametrize(("m", "n", "q", "d"), [(3, 4, 0.3, 0.2), (5, 2, 0.1, 0.0), (1, 6, 0.5, -0.35)])
def test_satos_variance_is_unbiased(m: int, n: int, q: float, d: float) -> None:
    """Second derivation: what Sato estimates has as its mean the variance of the weighted difference, exactly.

    Of one stratum it is (d P + Q) / w^2 with the estimated difference d, here put right to the true one. The mean is
    over all tables of two binomials.
    """
    w, mean = m * n / (m + n), 0.0
    for x, y in product(range(m + 1), range(n + 1)):
        interval = proportions.sato_difference([x], [m], [y], [n])
        variance = ((interval.high - interval.low) / 2 / estimators.Z95) ** 2 * w**2
        p = (m**2 * y - n**2 * x + m * n * (n - m) / 2) / (m + n) ** 2
        at_truth = variance + (d - (x / m - y / n)) * p
        mean += stats.binom.pmf(x, m, q + d) * stats.binom.pmf(y, n, q) * at_truth
    assert mean == pytest.approx(w**2 * ((q + d) * (1 - q - d) / m + q * (1 - q) / n), rel=1e-9)


@pytest.mark.parametrize(
    ("cells", "low", "high"), [((5, 56, 0, 29), -0.0381, 0.1926), ((56, 70, 48, 80), 0.0524, 0.3339)]
)
def test_newcombe_reference_values(cells: tuple[int, int, int, int], low: float, high: float) -> None:
    """Printed to four digits; statsmodels' method 10 to the last."""
    interval = proportions.newcombe_difference(*([v] for v in cells))
    assert np.round(np.array(interval)[1:], 4).tolist() == [low, high]
    theirs = confint_proportions_2indep(*cells, method="newcomb", compare="diff")
    assert np.array(interval)[1:] == pytest.approx(theirs, rel=1e-10)


def test_stratified_newcombe_by_roots() -> None:
    """Second derivation: Wilson's limits as roots of (x/n - p)^2 = z^2 p(1 - p)/n, put together as Yan and Su say."""
    a, m, b, n = (np.array(v, float) for v in STRATA["small"])
    a, b = a + 1, b + 1
    w = m * n / (m + n) / (m * n / (m + n)).sum()
    limits = []
    for x, of in ((a, m), (b, n)):
        v = x / of * (1 - x / of) / of
        z = stats.norm.isf(0.025) * np.sqrt((w**2 * v).sum()) / (w * np.sqrt(v)).sum()
        roots = [sorted(np.roots([1 + z**2 / k, -2 * r - z**2 / k, r**2])) for r, k in zip(x / of, of, strict=True)]
        limits.append((np.array(roots) * w[:, None]).sum(axis=0))
    (l1, u1), (l2, u2) = limits
    d, k1, k2, z = (w * (a / m - b / n)).sum(), (w**2 / m).sum(), (w**2 / n).sum(), stats.norm.isf(0.025)
    low = d - z * np.sqrt(k1 * l1 * (1 - l1) + k2 * u2 * (1 - u2))
    high = d + z * np.sqrt(k1 * u1 * (1 - u1) + k2 * l2 * (1 - l2))
    assert np.array(proportions.newcombe_difference(a, m, b, n)) == pytest.approx([d, low, high], abs=1e-12)


@pytest.mark.parametrize(
    ("data", "correction", "statistic", "p"),
    [
        (UCB, True, 1.4269, 0.2323),
        (UCB, False, 1.5246, 0.2169),
        (RABBITS, True, 3.9286, 0.04747),
        (RABBITS, False, 5.6571, None),
        (ONE_ALONE, False, 6.9033, None),
    ],
)
def test_cmh_reference_values(data, correction: bool, statistic: float, p: float | None) -> None:
    found = proportions.cmh_test(*data, correction=correction)
    assert round(float(found.statistic), 4) == statistic
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-12)
    assert p is None or float(f"{found.p:.4g}") == p


def tables(a, m, b, n):
    return StratifiedTable([np.array([[x, k - x], [y, of - y]], float) for x, k, y, of in zip(a, m, b, n, strict=True)])


def drawn(seed: int, strata: int = 3, draws: int = 20):
    """Random strata in which every group has two subjects or more."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(2, 30, (2, draws, strata))
    return rng.binomial(m, 0.5), m, rng.binomial(n, 0.3), n


def test_cmh_and_odds_ratio_are_those_of_statsmodels() -> None:
    """One table at a time; ours all at once."""
    cells = drawn(1)
    ours, ratio = proportions.cmh_test(*cells), proportions.common_odds_ratio(*cells)
    for k, one in enumerate(zip(*cells, strict=True)):
        theirs = tables(*one)
        assert ours.statistic[k] == pytest.approx(theirs.test_null_odds().statistic, rel=1e-10)
        pair = theirs.oddsratio_pooled, *theirs.oddsratio_pooled_confint()
        assert [float(part[k]) for part in ratio] == pytest.approx(pair, rel=1e-9)


@pytest.mark.parametrize(
    ("data", "expected"), [(UCB, (0.9046968, 0.7719074, 1.0603298)), (RABBITS, (7, 1.0267, 47.7251))]
)
def test_common_odds_ratio_reference_values(data, expected) -> None:
    found = np.array(proportions.common_odds_ratio(*data))
    assert np.round(found, 7 if data is UCB else 4).tolist() == list(expected)


def test_one_stratum_is_the_plain_interval_and_test() -> None:
    cells = ([[7]], [[25]], [[2]], [[25]])
    plain = np.array(estimators.rate_difference(7, 25, 2, 25))
    for weights in ("MH", "MN"):
        one = proportions.stratified_rate_difference(*cells, weights=weights)  # type: ignore[arg-type]
        assert np.array(one)[:, 0] == pytest.approx(plain)
    assert proportions.cmh_test(*cells).p[0] == pytest.approx(estimators.score_test(7, 25, 2, 25), rel=1e-12)
    wide, narrow = (proportions.stratified_rate_difference(*cells, level=level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("estimate", [*DIFFERENCES, proportions.cmh_test, proportions.common_odds_ratio])
def test_a_stratum_with_an_empty_group_has_no_weight(estimate) -> None:
    """Not even beside a group of many; strata stand on the last axis; nothing is divided by zero on the way."""
    full = ([4, 3], [10, 10], [2, 1], [20, 10])
    with np.errstate(all="raise"):
        more = [[*v, *w] for v, w in zip(full, ([3, 0, 0], [5, 0, 0], [0, 2, 0], [0, 9, 0]), strict=True)]
        alone, beside = estimate(*full), estimate(*more)
        nothing = estimate(*(v[2:] for v in more))
        together = estimate(*([[*v, 0], w] for v, w in zip(full, ([5, 5, 9],) * 4, strict=True)))
    assert np.array(beside) == pytest.approx(np.array(alone), rel=1e-12)
    assert np.isnan(np.array(nothing)).all()
    assert [float(part[0]) for part in together] == pytest.approx([float(part) for part in alone], abs=1e-11)


@pytest.mark.parametrize("estimate", DIFFERENCES)
@pytest.mark.parametrize("share", [0, 1])
def test_nobody_and_everybody_have_limits(estimate, share: int) -> None:
    with np.errstate(all="raise"):
        found = estimate([share * 10, share * 30], [10, 30], [share * 20, share * 30], [20, 30])
    assert found.estimate == 0 and found.low <= 0 <= found.high


@pytest.mark.parametrize("share", [0, 1])
def test_weights_where_nobody_or_everybody_has_the_event_are_those_of_mantel_and_haenszel(share: int) -> None:
    """Nothing varies, so nothing is divided by: n1 n2 / (n1 + n2) of 10, 20 and of 30, 30 is 20/3 and 15."""
    first, second = np.array([10.0, 30.0]), np.array([20.0, 30.0])
    with np.errstate(all="raise"):
        strata = proportions._strata(share * first, first, share * second, second)
        weights = proportions._mn_weights(strata)
    assert weights == pytest.approx(np.array([20 / 3, 15]) / (20 / 3 + 15), rel=1e-14)
    assert proportions.cmh_test(share * first, first, share * second, second).p == 1


def test_logistic_is_that_of_single_subjects() -> None:
    """Against statsmodels' Logit on one row per subject, and against the plain table in one stratum."""
    a, m, b, n = STRATA["small"]
    assert_logistic(a, m, b, n)
    assert_logistic([1, 5], [9, 20], [0, 9], [8, 21])  # a stratum with one event tells something too
    one = proportions.logistic_odds_ratio([20], [50], [10], [50])
    assert np.array(one) == pytest.approx(np.array(estimators.odds_ratio(20, 50, 10, 50)), rel=1e-9)


def assert_logistic(a, m, b, n) -> None:
    from statsmodels.discrete.discrete_model import Logit

    counts = [(0, *stratum) for stratum in zip(b, n, (0, 1), strict=True)]
    counts += [(1, *stratum) for stratum in zip(a, m, (0, 1), strict=True)]
    rows = [(g, k, int(j < x)) for g, x, of, k in counts for j in range(of)]
    group, stratum, outcome = np.array(rows).T
    fit = Logit(outcome, np.column_stack([group, stratum == 0, stratum == 1])).fit(disp=0)
    found = proportions.logistic_odds_ratio(a, m, b, n)
    wanted = np.exp([fit.params[0], *fit.conf_int()[0]])
    assert np.array(found) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    "cells",
    [([3, 10], [10, 10], [0, 4], [9, 8]), ([0, 2], [8, 9], [3, 7], [7, 7]), ([5], [5], [4], [4]), ([0], [0], [1], [4])],
)
def test_logistic_says_nothing_where_the_likelihood_has_no_maximum(cells) -> None:
    assert np.isnan(np.array(proportions.logistic_odds_ratio(*cells))).all()


def test_fishers_tea_and_each_table_once() -> None:
    """Agresti, Categorical Data Analysis: 3 of 4 against 1 of 4, two-sided 0.4857."""
    assert round(float(proportions.exact_test("fisher", 3, 4, 1, 4)), 4) == 0.4857
    many = proportions.exact_test("fisher", [[3, 0], [3, 2]], [[4, 0], [4, 4]], [[1, 1], [1, 2]], 4)
    assert many[0, 0] == many[1, 0] and np.isnan(many[0, 1]) and many[1, 1] == 1


def test_boschloo_by_search() -> None:
    """The largest share, over the common rate, of tables whose one-sided Fisher p is no larger; doubled."""
    x, m, y, n = 5, 6, 1, 7
    every = [(i, j) for i in range(m + 1) for j in range(n + 1)]
    fisher = {(i, j): stats.hypergeom.sf(i - 1, m + n, i + j, m) for i, j in every}
    extreme = [(i, j) for i, j in every if fisher[i, j] <= fisher[x, y] * (1 + 1e-9)]
    rate = np.linspace(0.001, 0.999, 999)
    share = sum(stats.binom.pmf(i, m, rate) * stats.binom.pmf(j, n, rate) for i, j in extreme)
    assert proportions.exact_test("boschloo", x, m, y, n) == pytest.approx(2 * share.max(), rel=1e-4)
    assert proportions.exact_test("boschloo", 0, 6, 0, 5) == 1


def test_a_table_is_tested_once_and_the_two_tests_are_not_mistaken(monkeypatch):
    """A later call asks for what is new alone; the p of Fisher's test is no p of Boschloo's."""
    asked = []

    def counted(*table):
        asked.append(table)
        return 0.25

    monkeypatch.setattr(proportions, "boschloo_p", counted)
    assert proportions.exact_test("fisher", 7, 97, 2, 98) != 0.25
    assert (proportions.exact_test("boschloo", [7, 7], 97, [2, 2], 98) == 0.25).all()
    proportions.exact_test("boschloo", [7, 2], [97, 98], [2, 7], [98, 97])
    assert asked == [(7, 97, 2, 98), (2, 98, 7, 97)]
    proportions._exact_p.cache_clear()


@pytest.mark.parametrize(
    "table",
    [
        (7, 9, 2, 8), (10, 24, 2, 12), (0, 4, 25, 26), (12, 49, 49, 57), (5, 15, 28, 29), (1, 1, 0, 1),
    ],
)  # fmt: skip
def test_boschloo_is_that_of_scipy(table) -> None:
    """Either way round; the common rate is searched there too."""
    x1, n1, x2, n2 = table
    theirs = stats.boschloo_exact([[x1, x2], [n1 - x1, n2 - x2]]).pvalue
    assert boschloo_p(x1, n1, x2, n2) == pytest.approx(theirs, rel=1e-7)
    assert boschloo_p(x2, n2, x1, n1) == pytest.approx(theirs, rel=1e-7)


def test_smallest_expected_count() -> None:
    theirs = stats.contingency.expected_freq([[4, 6], [2, 18]]).min()
    assert proportions.smallest_expected([4, 0], [10, 0], [2, 1], [20, 4])[0] == theirs
    assert np.isnan(proportions.smallest_expected(0, 0, 1, 4))


def test_small_strata_join_the_smallest_others() -> None:
    """By hand: arms of (3, 20), (4, 4), (9, 9), (30, 30), below 5. The smallest small one is (4, 4), its smallest other
    (9, 9): (13, 13). Then (3, 20) with that: (16, 33). Left: (16, 33) and (30, 30).
    """
    sizes = np.array([[[3, 4, 9, 30], [20, 4, 9, 30]], [[6, 0, 5, 7], [5, 0, 9, 8]], [[2, 1, 1, 0], [0, 1, 2, 0]]])
    events = np.array([[[1, 2, 4, 8], [1, 2, 4, 8]], [[1, 0, 2, 3], [1, 0, 2, 3]], [[1, 0, 1, 0], [0, 1, 1, 0]]])
    yes, of = proportions.pooled_strata(events, sizes, 5)
    assert of[0].tolist() == [[0, 0, 16, 30], [0, 0, 33, 30]] and yes[0].tolist() == [[0, 0, 7, 8], [0, 0, 7, 8]]
    assert of[1].tolist() == sizes[1].tolist() and yes[1].tolist() == events[1].tolist()
    assert of[2].sum(axis=1).tolist() == [4, 3] and (of[2].sum(axis=0) > 0).sum() == 1
    assert np.array_equal(proportions.pooled_strata(events, sizes, 0)[1], sizes)
    assert proportions.pooled_strata(events[0, :, :1], sizes[0, :, :1], 99)[1].tolist() == [[3], [20]]


def test_incidence_reference_value() -> None:
    """7 events in 52.3 patient-years: 13.38 (5.38, 27.58) per 100."""
    found = estimators.poisson_rate(7, 52.3)
    assert np.round(100 * np.array(found), 2).tolist() == [13.38, 5.38, 27.58]


def penalised(beta, x, n, group, stratum):
    """Firth's log likelihood by hand: binomial, and half the log determinant of the information."""
    design = np.column_stack([group, stratum])
    p = expit(design @ beta)
    information = design.T @ (design * (n * p * (1 - p))[:, None])
    return float((x * np.log(p) + (n - x) * np.log(1 - p)).sum() + 0.5 * np.linalg.slogdet(information)[1])


def test_firth_adds_a_half_to_each_cell_of_one_stratum():
    """Firth (1993): 10 of 10 against 3 of 12, where the likelihood has no maximum; no events against some."""
    for (a, m), (b, n) in (((10, 10), (3, 12)), ((0, 9), (4, 11)), ((5, 20), (7, 30))):
        by_hand = (a + 0.5) * (n - b + 0.5) / ((m - a + 0.5) * (b + 0.5))
        found = proportions.firth_odds_ratio([a], [m], [b], [n])
        assert float(found.estimate) == pytest.approx(by_hand, rel=1e-7) and found.low < by_hand < found.high


def test_firth_within_strata_is_the_maximum_of_the_penalised_likelihood_and_its_profile():
    """Three strata with empty cells against a maximisation of the likelihood written down; at a limit, chi-square."""
    x1, n1, x2, n2 = np.array([[4, 6, 5], [4, 9, 8], [1, 2, 0], [5, 8, 7]], dtype=float)
    found = proportions.firth_odds_ratio(x1, n1, x2, n2)
    x, n = np.concatenate([x1, x2]), np.concatenate([n1, n2])
    told = (x, n, np.repeat([1.0, 0.0], 3), np.tile(np.eye(3), (2, 1)))
    best = minimize(lambda beta: -penalised(beta, *told), np.zeros(4), tol=1e-10)
    assert np.log(found.estimate) == pytest.approx(best.x[0], abs=1e-4)
    for limit in (np.log(found.low), np.log(found.high)):
        held = minimize(
            lambda rest, at: -penalised(np.concatenate([[at], rest]), *told), best.x[1:], (limit,), tol=1e-10
        )
        assert 2 * (held.fun - best.fun) == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-3)


def test_firth_has_nothing_to_say_of_a_group_that_is_not_there():
    assert np.isnan(proportions.firth_odds_ratio([0], [0], [3], [9]).estimate)
    assert np.isnan(proportions.firth_odds_ratio([0], [5], [0], [9]).estimate), "one outcome"


def test_subgroups_without_an_event_do_not_differ_and_nothing_is_divided_by_0() -> None:
    none, ten = np.zeros((2, 1)), np.full((2, 1), 10.0)
    with np.errstate(divide="raise", invalid="raise"):
        found = proportions.homogeneity_test(none, ten, none, ten)
    assert (found.q, found.df, found.p, found.common) == (0, 1, 1, 0)
