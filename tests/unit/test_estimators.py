"""Estimators against published and independently computed values.

ratesci: tests/testthat/test3.R of that R package. Mei: Mei 2021 Table 2 (PMC7905908). Newcombe: Newcombe 1998, Stat Med
17:873-890, as reproduced by an independent program. Pairs, by Tango's interval: Fagerland et al., Stat Med 2014, table
II (1, 1, 7, 12); tests of the R package contingencytables (59, 6, 16, 80); R package PropCIs, scoreci.mp(25, 28, 618)
at 90 %; z^2 / (n + z^2) in closed form without a discordant pair.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from statsmodels.stats.contingency_tables import StratifiedTable, Table2x2, mcnemar

from analysis.statistics import estimators


@pytest.mark.parametrize(
    ("events", "n", "low", "high"), [(22, 168, 8.4, 19.2), (17, 171, 5.9, 15.4), (32, 85, 27.4, 48.8)]
)
def test_clopper_pearson_gives_the_printed_rescue_intervals_of_mei(
    events: int, n: int, low: float, high: float
) -> None:
    interval = estimators.clopper_pearson(events, n)
    assert 100 * interval.low == pytest.approx(low, abs=0.05)
    assert 100 * interval.high == pytest.approx(high, abs=0.05)


def test_clopper_pearson_at_the_edges_is_the_closed_form() -> None:
    interval = estimators.clopper_pearson([0, 12, 0], [12, 12, 0])
    assert interval.low[:2] == pytest.approx([0, 0.025 ** (1 / 12)])
    assert interval.high[:2] == pytest.approx([1 - 0.025 ** (1 / 12), 1])
    assert np.isnan([value[2] for value in interval]).all()


@pytest.mark.parametrize(
    ("cells", "bias", "low", "high", "decimals"),
    [
        ((5, 56, 0, 29), True, -0.0326, 0.1933, 4),
        ((5, 56, 0, 29), False, -0.0313, 0.1926, 4),
        ((7, 25, 2, 25), False, -0.014, 0.412, 3),
        ((56, 70, 48, 80), True, 0.0528, 0.3382, 4),
        ((56, 70, 48, 80), False, 0.0533, 0.3377, 4),
        ((99, 168, 5, 85), True, 0.431, 0.613, 3),
        ((110, 171, 5, 85), True, 0.487, 0.664, 3),
    ],
    ids=["ratesci MN", "ratesci Mee", "Gart-Nam 1990 Mee", "Newcombe MN", "Newcombe Mee", "Mei 2.5 mg", "Mei 5 mg"],
)
def test_miettinen_nurminen_and_mee_reference_values(
    cells: tuple[int, int, int, int], bias: bool, low: float, high: float, decimals: int
) -> None:
    interval = estimators.rate_difference(*cells, bias=bias)
    assert round(float(interval.low), decimals) == low
    assert round(float(interval.high), decimals) == high


def test_zero_and_full_cells_have_limits() -> None:
    interval = estimators.rate_difference([0, 10, 0, 10], [10, 10, 10, 10], [0, 0, 10, 10], [10, 10, 10, 10])
    assert np.isfinite(np.array(interval)).all()
    assert interval.low[0] == pytest.approx(-interval.high[0])
    assert interval.high[1] == pytest.approx(1)
    assert interval.low[2] == pytest.approx(-1)


def test_the_score_test_is_pearsons_with_the_factor_of_miettinen_and_nurminen() -> None:
    chi2 = stats.chi2_contingency([[99, 69], [5, 80]], correction=False).statistic
    assert estimators.score_test(99, 168, 5, 85) == pytest.approx(stats.chi2.sf(chi2 * 252 / 253, 1))
    assert estimators.score_test([0, 5], [10, 5], [0, 5], [10, 5]).tolist() == [1, 1]
    assert np.isnan(estimators.score_test(0, 0, 1, 5))


@pytest.mark.parametrize(
    ("pairs", "level", "low", "high", "decimals"),
    [
        ((1, 7, 21), 0.95, -0.517, -0.026, 3),
        ((6, 16, 161), 0.95, -0.1240, -0.0054, 4),
        ((28, 25, 618), 0.90, -0.0148, 0.0247, 4),
        ((0, 0, 10), 0.95, -0.2775, 0.2775, 4),
    ],
)
def test_tango_reference_values(
    pairs: tuple[int, int, int], level: float, low: float, high: float, decimals: int
) -> None:
    interval = estimators.paired_rate_difference(*pairs, level=level)
    assert interval.estimate == pytest.approx((pairs[0] - pairs[1]) / pairs[2])
    assert round(float(interval.low), decimals) == low
    assert round(float(interval.high), decimals) == high


def test_the_limits_of_tango_are_where_the_likelihood_says() -> None:
    """At each limit the score with the rates of greatest likelihood, found by search, is the normal quantile."""
    b, c, n = 9, 4, 60
    interval = estimators.paired_rate_difference(b, c, n)
    for limit, z in ((float(interval.low), 1.959964), (float(interval.high), -1.959964)):

        def loss(q: float, d: float = limit) -> float:
            return -(b * np.log(q + d) + c * np.log(q) + (n - b - c) * np.log(1 - 2 * q - d))

        bounds = (max(0.0, -limit) + 1e-9, (1 - limit) / 2 - 1e-9)
        q = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        score = (b - c - n * limit) / np.sqrt(n * (2 * q + limit * (1 - limit)))
        assert score == pytest.approx(z, abs=1e-4)


def test_the_test_of_pairs_is_mcnemars_and_agrees_with_the_interval() -> None:
    b, c = (values.ravel() for values in np.meshgrid(np.arange(15), np.arange(15)))
    p, interval = estimators.paired_score_test(b, c, 40), estimators.paired_rate_difference(b, c, 40)
    some = b + c > 0
    theirs = [
        mcnemar([[5, x], [y, 5]], exact=False, correction=False).pvalue for x, y in zip(b[some], c[some], strict=True)
    ]
    np.testing.assert_allclose(p[some], theirs, rtol=1e-10)
    assert p[~some].tolist() == [1.0]
    assert np.array_equal(p < 0.05, (interval.low > 0) | (interval.high < 0))


def test_pairs_at_the_edges() -> None:
    interval = estimators.paired_rate_difference([5, 0, 3], [0, 5, 3], [5, 5, 0])
    one = (1 - 1.959964**2 / 5) / (1 + 1.959964**2 / 5)  # (1 - d) / (1 + d) = z^2 / n, by hand
    np.testing.assert_allclose(interval.low[:2], [one, -1], atol=1e-6)
    np.testing.assert_allclose(interval.high[:2], [1, -one], atol=1e-6)
    assert np.isnan([interval.estimate[2], interval.low[2], interval.high[2]]).all()
    assert np.isnan(estimators.paired_score_test(0, 0, 0))


def test_crude_odds_ratio_is_that_of_statsmodels_and_not_the_adjusted_one_of_the_paper() -> None:
    table = Table2x2([[99, 69], [5, 80]])
    found = estimators.odds_ratio(99, 168, 5, 85)
    assert found.estimate == pytest.approx(22.96, abs=0.005)
    assert np.array(found) == pytest.approx([table.oddsratio, *table.oddsratio_confint()])
    assert np.isnan(np.array(estimators.odds_ratio(0, 10, 3, 10))).all()


def test_mantel_haenszel_of_statsmodels_on_ucb_admissions_as_in_r() -> None:
    """R's mantelhaen.test example: M2 1.5246 without correction, odds ratio 0.9046968."""
    admitted = [
        (512, 89, 313, 19),
        (353, 17, 207, 8),
        (120, 202, 205, 391),
        (138, 131, 279, 244),
        (53, 94, 138, 299),
        (22, 24, 351, 317),
    ]
    table = StratifiedTable([np.array([[a, c], [b, d]]) for a, b, c, d in admitted])
    assert table.test_null_odds(correction=False).statistic == pytest.approx(1.5246, abs=5e-5)
    assert table.oddsratio_pooled == pytest.approx(0.9046968, abs=5e-7)


def test_over_replicates_by_hand() -> None:
    found = estimators.over_replicates(np.array([0.1, 0.2, 0.3, np.nan]))
    assert found == pytest.approx((0.2, 0.1 / np.sqrt(3), 0.105, 0.295, 3))


def test_monte_carlo_error_is_the_sd_of_replicate_means() -> None:
    """R = 400 replicates of a rate, 500 times: the SD of the 500 means is the mean error (its own error is 3.2 %)."""
    rates = np.random.default_rng(1).binomial(85, 0.3, (400, 500)) / 85
    mean, mcse, *_ = np.array([estimators.over_replicates(column) for column in rates.T]).T
    assert mcse.mean() == pytest.approx(mean.std(), rel=4 * 0.032)


def test_error_of_a_power_is_binomial() -> None:
    assert estimators.power_error(0.8, 400) == pytest.approx(0.02)


def test_geometric_statistics_of_a_lognormal_sample() -> None:
    """Values exp(-s), 1, exp(s): geometric mean 1, variance of the logarithm s2, CV sqrt(exp(s2) - 1)."""
    values = np.exp([-0.5, 0.0, 0.5])
    assert estimators.geometric_mean(values) == pytest.approx(1)
    assert estimators.geometric_cv(values) == pytest.approx(100 * np.sqrt(np.exp(0.25) - 1))
    assert np.isnan(estimators.geometric_mean(np.array([0.0, 1.0])))
    assert np.isnan(estimators.geometric_cv(np.array([1.0])))


X, N = np.array([0, 0, 5, 3, 0, 2]), np.array([0, 5, 5, 5, 4, 2])
Y, M = np.array([0, 4, 0, 2, 0, 1]), np.array([4, 4, 4, 4, 0, 1])
"""Empty groups, nobody, everybody, one."""


@pytest.mark.parametrize(
    "estimate",
    [
        lambda x, n, y, m: estimators.clopper_pearson(x, n),
        lambda x, n, y, m: estimators.poisson_rate(x, n),
        estimators.rate_difference,
        lambda *cells: estimators.rate_difference(*cells, bias=False),
        lambda *cells: (estimators.score_test(*cells),),
        lambda x, n, y, m: estimators.paired_rate_difference(x // 2, y // 2, n),
        lambda x, n, y, m: (estimators.paired_score_test(x // 2, y // 2, n),),
        estimators.odds_ratio,
    ],
)
def test_groups_are_estimated_each_by_itself_and_nothing_is_divided_by_zero(estimate) -> None:
    """Also where a group is empty: a warning on the way would reach the user."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        together = estimate(*(v.reshape(2, 3) for v in (X, N, Y, M)))
        alone = [estimate(*cells) for cells in zip(X, N, Y, M, strict=True)]
    for k, part in enumerate(together):
        np.testing.assert_allclose(np.ravel(part), [np.ravel(found[k])[0] for found in alone], rtol=1e-12, atol=1e-12)


def test_garwood_by_chi_square() -> None:
    """Limits are half the chi-square quantiles of 2x and 2x + 2 degrees of freedom, over the exposure."""
    events, years = np.array([0, 1, 12]), np.array([10.0, 4.0, 81.3])
    for level in (0.95, 0.9):
        found, tail = estimators.poisson_rate(events, years, level), (1 - level) / 2
        np.testing.assert_allclose(found.estimate, events / years)
        np.testing.assert_allclose(found.low[1:], stats.chi2.ppf(tail, 2 * events[1:]) / 2 / years[1:], rtol=1e-9)
        np.testing.assert_allclose(found.high, stats.chi2.isf(tail, 2 * events + 2) / 2 / years, rtol=1e-9)
        assert found.low[0] == 0
    assert np.isnan(np.array(estimators.poisson_rate(3, 0))).all()


def test_another_level_than_95_per_cent() -> None:
    wide, narrow = (estimators.odds_ratio(20, 50, 10, 50, level) for level in (0.99, 0.5))
    table = Table2x2([[20, 30], [10, 40]])
    assert np.array(wide)[1:] == pytest.approx(table.oddsratio_confint(alpha=0.01))
    assert np.array(narrow)[1:] == pytest.approx(table.oddsratio_confint(alpha=0.5))
    exact = stats.binomtest(7, 25).proportion_ci(0.8, method="exact")
    assert np.array(estimators.clopper_pearson(7, 25, 0.8))[1:] == pytest.approx([exact.low, exact.high])
    one, other = (
        estimators.rate_difference(7, 25, 2, 25, level=0.99),
        estimators.rate_difference(7, 25, 2, 25, level=0.5),
    )
    assert one.low < other.low < other.estimate < other.high < one.high


def test_over_replicates_leaves_out_what_is_missing_and_says_nothing_of_nothing() -> None:
    """0, 6, 12, 18 have deviations 9, 3, 3, 9 and so a variance of 60; 2.5 % of three steps of 6 are 0.45."""
    with np.errstate(divide="raise", invalid="raise"):
        whole, gap, nobody = (
            estimators.over_replicates(np.array(values))
            for values in ([18.0, 0, 12, 6], [18, np.nan, 0, 12, 6, np.nan], [np.nan, np.nan])
        )
    assert whole == gap == pytest.approx((9, np.sqrt(60 / 4), 0.45, 17.55, 4))
    assert nobody.r == 0 and np.isnan(nobody[:4]).all()


def test_geometric_statistics_of_little() -> None:
    with np.errstate(divide="raise", invalid="raise"):
        assert np.isnan(estimators.geometric_mean(np.array([]))) and np.isnan(estimators.geometric_cv(np.array([])))
        assert np.isnan(estimators.geometric_cv(np.array([0.0, 1.0, 2.0])))
        assert np.isnan(estimators.geometric_mean(np.array([-1.0, 1.0])))
    assert estimators.geometric_mean(np.array([4.0])) == pytest.approx(4)
    assert estimators.geometric_mean(np.array([0.5, 2.0])) == pytest.approx(1)
    two = np.log(4) ** 2 / 2
    assert estimators.geometric_cv(np.array([0.5, 2.0])) == pytest.approx(100 * np.sqrt(np.exp(two) - 1))


def test_one_replicate_has_a_mean_and_nothing_else() -> None:
    found = estimators.over_replicates(np.array([3.0, np.nan]))
    assert (found.mean, found.r) == (3.0, 1) and np.isnan([found.mcse, found.low, found.high]).all()


@pytest.mark.parametrize("q", [0.0, 0.025, 0.3, 0.5, 0.975, 1.0])
@pytest.mark.parametrize("r", [1, 2, 3, 10])
def test_quantiles_are_numpys(q: float, r: int) -> None:
    values = np.random.default_rng(3).normal(size=r)
    assert estimators._quantile(np.sort(values), q) == np.quantile(values, q)
