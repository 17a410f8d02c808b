"""MCP-Mod against the printed example of R's DoseFinding, closed forms, and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.dose_response import (
    DoseMeans,
    Mcp,
    best_contrast,
    contrast_tests,
    directions,
    dose_means,
    emax,
    exponential,
    largest_p,
    linear,
    log_linear,
    logistic,
    mcp,
    quadratic,
)

IBS = Path(__file__).parents[1] / "qc" / "statistics" / "IBScovars.csv"
SHAPES = {"linear": linear(), "emax": emax(0.2), "quadratic": quadratic(-0.17)}


@pytest.fixture(scope="module")
def ibs() -> Mcp:
    """README of DoseFinding: MCTtest of the irritable bowel data, covariate gender."""
    lines = [line.replace('"', "").split(",") for line in IBS.read_text().splitlines()[1:]]
    gender, response, dose = np.array(lines, float).T
    return mcp(dose_means(response, dose, gender), SHAPES)


def test_the_printed_t_contrasts_and_correlations(ibs: Mcp) -> None:
    assert np.round(ibs.t, 3).tolist() == [2.640, 3.208, 3.083]
    assert np.round(ibs.contrasts[0], 3).tolist() == [-0.616, -0.338, 0.002, 0.315, 0.638]
    assert np.round(ibs.contrasts[1], 3).tolist() == [-0.889, 0.135, 0.226, 0.252, 0.276]
    linear_emax, linear_quadratic, emax_quadratic = ibs.correlation[[0, 0, 1], [1, 2, 2]]
    assert np.round([linear_emax, linear_quadratic, emax_quadratic], 3).tolist() == [0.768, 0.843, 0.948]


def test_adjusted_p_are_those_of_eight_million_draws(ibs: Mcp) -> None:
    """DoseFinding prints 0.00848, 0.00128, 0.00228, with an error of its integral of up to 1e-3. Eight million draws of
    three correlated t (numpy 2.4, seed 11): 0.008468 +- 0.000032, 0.001531 +- 0.000014, 0.002285 +- 0.000017.
    """
    drawn, error = np.array([0.008468, 0.001531, 0.002285]), np.array([3.2e-5, 1.4e-5, 1.7e-5])
    assert (np.abs(ibs.adjusted - drawn) < 4 * error).all()
    assert ibs.adjusted == pytest.approx([0.00848, 0.00128, 0.00228], abs=2.5e-4)


def test_one_shape_is_a_t_test_and_two_equal_ones_are_one() -> None:
    """Two doses, equal groups: the t test of scipy, one-sided, with or without a copy of the same shape."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, 1, 12), rng.normal(0.8, 1, 12)
    means = dose_means(np.concatenate([a, b]), np.repeat([0, 5], 12))
    theirs = stats.ttest_ind(b, a, alternative="greater")
    one, two = mcp(means, {"linear": linear()}), mcp(means, {"linear": linear(), "again": linear()})
    assert one.t[0] == pytest.approx(theirs.statistic) and one.adjusted[0] == pytest.approx(theirs.pvalue)
    assert two.adjusted == pytest.approx([theirs.pvalue] * 2, abs=2e-4)
    assert means.df == 22


def test_no_contrast_does_better_than_the_best() -> None:
    """Second derivation: no random contrast has a larger t for the shape; with equal variances it is the shape."""
    doses, rng = np.array([0.0, 1, 2, 4]), np.random.default_rng(5)
    root = rng.normal(size=(4, 4))
    covariance = root @ root.T + np.eye(4)
    for shape in (linear(), emax(0.7, 2.0), quadratic(-0.15), exponential(2.0), log_linear(1.0), logistic(1.5, 0.4)):
        best = best_contrast(shape, doses, covariance)
        assert best.sum() == pytest.approx(0, abs=1e-12) and (best**2).sum() == pytest.approx(1)
        others = rng.normal(size=(5000, 4))
        others -= others.mean(axis=1, keepdims=True)
        t = (others @ shape(doses)) / np.sqrt(np.einsum("ij,jk,ik->i", others, covariance, others))
        assert best @ shape(doses) / np.sqrt(best @ covariance @ best) >= t.max() - 1e-9
        plain = shape(doses) - shape(doses).mean()
        assert best_contrast(shape, doses, np.eye(4)) == pytest.approx(plain / np.sqrt((plain**2).sum()))


def test_more_shapes_than_doses() -> None:
    """Four shapes of three doses have a singular correlation: against 200,000 draws of means and variance."""
    means = DoseMeans(np.array([0.0, 1, 4]), np.array([0, 0.5, 0.9]), np.eye(3) / 9, df=22)
    shapes = {"a": linear(), "b": emax(0.5), "c": quadratic(-0.2), "d": exponential(2.0)}
    found, rng = mcp(means, shapes), np.random.default_rng(9)
    noise = rng.normal(size=(200_000, 3)) @ found.contrasts.T / np.sqrt(rng.chisquare(22, (200_000, 1)) / 22)
    for t, p in zip(found.t, found.adjusted, strict=True):
        share = (noise.max(axis=1) >= t).mean()
        assert p == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200_000))


DRAWN = {(3, 1.8): 0.054828, (3, 2.4): 0.013540, (4, 1.8): 0.055338, (4, 2.4): 0.013688, (6, 1.8): 0.054185}
"""Doses and t: share of 20 million draws of three correlated normal t (numpy 2.4, seed 0) whose largest is above it."""


@pytest.mark.parametrize(("doses", "t"), DRAWN)
def test_p_of_the_largest_of_three(doses: int, t: float) -> None:
    """Four errors of 20 million draws; scipy's cubature of these singular laws misses two of them by 13 and 9."""
    at, share = np.arange(float(doses)), DRAWN[doses, t]
    shapes = {"linear": linear(), "emax": emax(1.5), "bent": emax(3.0, 3.0)}
    means = DoseMeans(at, at, np.diag(np.linspace(1, 2, doses)))
    p = largest_p(t, contrast_tests(means, shapes)[2], np.inf)
    assert p == pytest.approx(share, abs=4 * np.sqrt(share / 2e7))


def test_p_in_closed_forms() -> None:
    """Alike: one test. Independent: 1 - Phi(t)^M. Two dimensions at 60 degrees, t 0: 1 - 1/3. Below 0 too."""
    for df, law in ((np.inf, stats.norm), (7.0, stats.t(7))):
        assert largest_p(1.7, np.ones((3, 3)), df) == pytest.approx(law.sf(1.7), rel=1e-10)
        assert largest_p(-0.8, np.ones((2, 2)), df) == pytest.approx(law.sf(-0.8), rel=1e-10)
    for m, within in ((2, 1e-6), (3, 1e-4), (4, 1e-4)):
        for t in (-0.5, 0.0, 1.5, 2.3):
            assert largest_p(t, np.eye(m), np.inf) == pytest.approx(1 - stats.norm.cdf(t) ** m, abs=within)
    assert largest_p(0.0, np.array([[1, 0.5], [0.5, 1]]), 9.0) == pytest.approx(2 / 3, abs=1e-3)


@pytest.mark.parametrize("r", [1, 2, 3, 5])
def test_directions_are_even(r: int) -> None:
    """Length 1, no mean, second moments 1 / r."""
    found = directions(r, 4_096)
    np.testing.assert_allclose((found**2).sum(axis=1), 1)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=2e-3)
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(r) / r, atol=2e-3)


def test_shapes_at_a_dose_by_hand() -> None:
    two = np.array([2.0])
    shapes = (emax(0.5), emax(0.5, 2.0), quadratic(-0.2), exponential(2.0), log_linear(1.0), logistic(2.0, 0.3))
    wanted = (0.8, 4 / 4.25, 1.2, np.e - 1, np.log(3), 0.5)
    assert [float(shape(two)[0]) for shape in shapes] == pytest.approx(wanted)


def test_means_of_any_model_are_judged_by_the_normal_law() -> None:
    """Without degrees of freedom: against 200,000 draws of correlated normal t."""
    covariance = np.diag([0.04, 0.05, 0.05, 0.06])
    found = mcp(DoseMeans(np.array([0.0, 1, 2, 4]), np.array([0, 0.2, 0.4, 0.5]), covariance), SHAPES)
    draws = np.random.default_rng(6).multivariate_normal(np.zeros(3), found.correlation, 200_000).max(axis=1)
    for t, p in zip(found.t, found.adjusted, strict=True):
        share = (draws >= t).mean()
        assert p == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 200_000))


def test_least_squares_means_are_adjusted() -> None:
    """Against statsmodels, and by hand where nothing is to be adjusted: means and s^2 / n."""
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(7)
    dose, age = np.repeat([0.0, 2.0, 5.0], [6, 5, 7]), rng.normal(50, 9, 18)
    response = dose * 0.3 + age * 0.05 + rng.normal(0, 1, 18)
    found = dose_means(response, dose, age)
    theirs = OLS(response, np.column_stack([dose == 0, dose == 2, dose == 5, age - age.mean()]).astype(float)).fit()
    assert found.mean == pytest.approx(theirs.params[:3]) and found.df == theirs.df_resid
    assert found.covariance == pytest.approx(theirs.cov_params()[:3, :3])
    plain = dose_means(response, dose)
    groups = [response[dose == d] for d in (0, 2, 5)]
    pooled = sum(((g - g.mean()) ** 2).sum() for g in groups) / 15
    assert plain.mean == pytest.approx([g.mean() for g in groups])
    assert np.diag(plain.covariance) == pytest.approx([pooled / len(g) for g in groups])
