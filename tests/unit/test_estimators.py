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


STRATA = {"large": ([25, 23], [339, 370], [28, 40], [335, 364]), "small": ([4, 3], [10, 10], [2, 0], [20, 10])}


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
    interval = estimators.stratified_rate_difference(*STRATA[strata], weights=weights)  # type: ignore[arg-type]
    decimals = 6 if strata == "large" else 4
    assert np.round(np.array(interval), decimals).tolist() == list(expected)


def test_one_stratum_is_the_plain_interval_and_an_empty_group_is_refused() -> None:
    for weights in ("MH", "MN"):
        one = estimators.stratified_rate_difference([7], [25], [2], [25], weights=weights)  # type: ignore[arg-type]
        assert np.array(one) == pytest.approx(np.array(estimators.rate_difference(7, 25, 2, 25)))
    with pytest.raises(ValueError, match="pool strata"):
        estimators.stratified_rate_difference([1, 0], [4, 0], [1, 1], [4, 4])


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
    values = np.array([[0.1, np.nan], [0.2, np.nan], [0.3, 0.5], [np.nan, np.nan]])
    found = estimators.over_replicates(values)
    assert found.r.tolist() == [3, 1]
    assert found.mean == pytest.approx([0.2, 0.5])
    assert found.mcse == pytest.approx([0.1 / np.sqrt(3), np.nan], nan_ok=True)
    assert (found.low[0], found.high[0]) == pytest.approx((0.105, 0.295))
    assert np.isnan(found.low[1])
    assert np.isnan(estimators.over_replicates(np.array([np.nan, np.nan])).mean)


def test_monte_carlo_error_is_the_sd_of_replicate_means() -> None:
    """R = 400 replicates of a rate, 500 times: the SD of the 500 means is the mean error (its own error is 3.2 %)."""
    rates = np.random.default_rng(1).binomial(85, 0.3, (400, 500)) / 85
    found = estimators.over_replicates(rates)
    assert found.mcse.mean() == pytest.approx(found.mean.std(), rel=4 * 0.032)


def test_error_of_a_power_is_binomial() -> None:
    assert estimators.power_error(0.8, 400) == pytest.approx(0.02)


def test_geometric_statistics_of_a_lognormal_sample() -> None:
    """Values exp(-s), 1, exp(s): geometric mean 1, variance of the logarithm s2, CV sqrt(exp(s2) - 1)."""
    values = np.exp([-0.5, 0.0, 0.5])
    assert estimators.geometric_mean(values) == pytest.approx(1)
    assert estimators.geometric_cv(values) == pytest.approx(100 * np.sqrt(np.exp(0.25) - 1))
    assert np.isnan(estimators.geometric_mean(np.array([0.0, 1.0])))
    assert np.isnan(estimators.geometric_cv(np.array([1.0])))
