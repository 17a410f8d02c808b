"""The posterior of a calibration: against closed forms, and honest on toys whose truth is known."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import kstest

from analysis.evidence import posterior
from analysis.evidence.calibration import Fitted, Measure, Target
from analysis.evidence.posterior import (
    Aims,
    _kernel,
    aims_of,
    emulate,
    log_posterior,
    posterior_of,
    scaled,
)
from cohorts.streams import mersenne_state

RNG = np.random.default_rng(20261201)
TWO = [Fitted("A", 1.0, 0.5, "toy"), Fitted("B", 1.0, 0.5, "toy")]
SMALL = {"points": 40, "waves": 2, "extra": 0.0, "draws": 2000}
SLOPES = np.array([[1.0, 0.5], [0.0, 1.0], [1.0, -1.0]])


def walked(aims, simulate, **options):
    return posterior_of(aims, simulate, TWO, mersenne_state(1), **(SMALL | options))


@pytest.mark.slow
def test_a_linear_normal_model_has_its_closed_form():
    """y = A z + e: precision I + A' S^-1 A, mean of it times A' S^-1 y (normal prior and likelihood)."""
    covariance = 0.3**2 * (np.eye(3) + 0.5 * (1 - np.eye(3)))
    observed = np.array([1.0, -0.5, 0.8])
    aims = Aims(("a", "b", "c"), observed, covariance)
    found = walked(aims, lambda z: z @ SLOPES.T)
    precision = np.eye(2) + SLOPES.T @ np.linalg.solve(covariance, SLOPES)
    wanted = np.linalg.inv(precision)
    mean = wanted @ SLOPES.T @ np.linalg.solve(covariance, observed)
    error = np.sqrt(np.diag(wanted) / min(found.effective, 2000))
    assert (abs(found.draws.mean(axis=0) - mean) < 4.5 * error).all()
    assert np.cov(found.draws.T) == pytest.approx(wanted, rel=0.15, abs=0.1 * wanted[0, 0])
    assert found.error.max() < 1e-3 and len(found.emulator.points) == 80 and 0.2 < found.accepted < 0.9


def test_the_same_state_gives_the_same_draws(monkeypatch):
    monkeypatch.setattr(posterior, "BLOCK_STEPS", 30)
    monkeypatch.setattr(posterior, "MOST_BLOCKS", 1)
    aims = Aims(("a", "b", "c"), np.ones(3), np.eye(3))
    one, two = (walked(aims, lambda z: np.sin(z @ SLOPES.T), points=16, draws=100).draws for _ in range(2))
    assert np.array_equal(one, two)


def test_the_density_is_prior_times_likelihood_by_hand():
    """Two independent targets with SD 2 and 1: sums of squares; variances of chance and interpolation add up."""
    aims = Aims(("a", "b"), np.array([1.0, 2.0]), np.diag([4.0, 1.0]))
    z = np.array([[0.0, 0.0], [1.0, -1.0]])
    assert log_posterior(aims, lambda z: z, np.zeros(2), 0.0, z) == pytest.approx([-0.5 * (1 / 4 + 4), -0.5 * 9 - 1.0])
    assert log_posterior(aims, lambda z: z, np.array([3.0, 0.0]), 3.0, z[:1]) == pytest.approx([-0.5 * (1 / 25 + 1)])


def test_targets_are_on_their_scales():
    rate, log = Target("r", 3, 12), Measure("m", 10.0, 0.2, True)
    assert scaled(rate, np.array([0.0, 0.25, 1.0])) == pytest.approx([0, np.pi / 3, np.pi])
    assert np.isnan(scaled(log, np.array([0.0, np.nan]))).all() and scaled(log, np.array([np.e])) == pytest.approx([1])
    assert scaled(Measure("p", 1.0, 0.2, False), np.array([0.3])) == [0.3]
    aims = aims_of([rate, log], np.array([[0.2, 9.0], [0.3, 11.0], [0.25, 10.0]]))
    assert aims.observed == pytest.approx([2 * np.arcsin(np.sqrt(3.375 / 12.75)), np.log(10)])
    assert aims.sd == pytest.approx([1 / np.sqrt(12.5), 0.2])
    assert aims.covariance[0, 1] == pytest.approx(0.98 * 0.2 / np.sqrt(12.5), rel=0.01), "they rise together"


def test_what_does_not_vary_stands_alone():
    targets = [Target("r", 0, 12), Target("s", 3, 12), Measure("m", 10.0, 0.2, True)]
    aims = aims_of(targets, np.array([[0.0, 0.2, 9.0], [0.0, 0.3, np.nan], [0.0, 0.25, 10.0]]))
    assert aims.covariance == pytest.approx(np.diag(aims.sd**2))


def test_one_endpoint_told_twice_counts_nearly_once():
    """The same rate as two targets: with their correlation the spread is that of one, without it by root 2 less."""
    z, p = np.linspace(-2, 2, 4001)[:, None], lambda z: 2 * np.arcsin(np.sqrt(expit(z)))
    targets, sample = [Target("a", 60, 100), Target("b", 60, 100)], RNG.binomial(100, 0.6, 400) / 100

    def spread(aims):
        n = len(aims.observed)
        weight = np.exp(log_posterior(aims, lambda z: np.repeat(p(z), n, axis=1), np.zeros(n), 0.0, z))
        weight /= weight.sum()
        return np.sqrt((weight * (z[:, 0] - (weight * z[:, 0]).sum()) ** 2).sum())

    once = spread(aims_of(targets[:1], sample[:, None]))
    twice = spread(aims_of(targets, np.stack([sample, sample], axis=1)))
    apart = spread(aims_of(targets, np.stack([sample, RNG.permutation(sample)], axis=1)))
    assert twice == pytest.approx(once, rel=0.01) and apart == pytest.approx(once / np.sqrt(2), rel=0.06)


def test_a_target_that_most_points_cannot_give_is_named():
    z = RNG.normal(size=(20, 2))
    results = np.column_stack([z[:, 0], np.where(np.arange(20) < 5, z[:, 1], np.nan)])
    with pytest.raises(ValueError, match="late: 25 % of the points give a result"):
        emulate(z, results, ["early", "late"])
    few = emulate(z, np.column_stack([z[:, 0], np.where(np.arange(20) < 15, z[:, 1], np.nan)]), ["early", "late"])
    assert np.isnan(few.left_out[15:, 1]).all() and np.isfinite(few.left_out[:15, 1]).all()


def test_points_left_out_are_predicted_as_by_a_process_without_them():
    """The closed form of leaving one out against doing it, lengths, noise and line kept; and the mean by sklearn."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    z = RNG.normal(size=(25, 2))
    y = np.sin(z[:, :1]) + 0.3 * z[:, 1:] ** 2
    found = emulate(z, y, ["y"])
    rest = y[:, 0] - np.column_stack([np.ones(25), z]) @ found.lines[:, 0]
    kernel = _kernel(z, rest / rest.std())
    for k in (0, 7):
        keep = np.arange(25) != k
        alone = GaussianProcessRegressor(kernel, optimizer=None).fit(z[keep], rest[keep] / rest.std())
        mean, sd = alone.predict(z[[k]], return_std=True)
        assert found.left_out[k, 0] == pytest.approx(rest[k] - rest.std() * mean[0], rel=1e-3, abs=1e-6)
        assert found.surprise[k, 0] == pytest.approx((rest[k] / rest.std() - mean[0]) / sd[0], rel=1e-3, abs=1e-3)
    whole = GaussianProcessRegressor(kernel, optimizer=None).fit(z, rest / rest.std())
    new = RNG.normal(size=(5, 2))
    line = np.column_stack([np.ones(5), new]) @ found.lines[:, 0]
    assert found(new)[:, 0] == pytest.approx(line + rest.std() * whole.predict(new), abs=1e-4)


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform(monkeypatch):
    """Simulation-based calibration (Talts 2018): truths from the prior, data from the truth, their ranks among the
    draws; six rates of 60 patients each whose log odds are linear in two parameters.
    """
    monkeypatch.setattr(posterior, "BLOCK_STEPS", 150)
    monkeypatch.setattr(posterior, "MOST_BLOCKS", 2)
    doses, n, ranks = np.linspace(-1, 2, 6), 60, []
    rates = lambda z: expit(-0.5 + z[:, :1] + z[:, 1:] * doses)  # noqa: E731
    for k in range(24):
        truth = RNG.normal(size=(1, 2))
        events = RNG.binomial(n, rates(truth)[0])
        targets = [Target(str(d), x, n) for d, x in zip(doses, events, strict=True)]
        aims = aims_of(targets, np.full((1, 6), 0.5))
        found = posterior_of(
            aims, lambda z: 2 * np.arcsin(np.sqrt(rates(z))), TWO, mersenne_state(k),
            points=32, waves=1, extra=0.0, draws=200,
        )  # fmt: skip
        ranks.append((found.draws < truth).mean(axis=0))
    for each in np.array(ranks).T:
        assert kstest(each, "uniform").pvalue > 0.001
    inside = (np.abs(np.array(ranks) - 0.5) < 0.45).mean()
    assert abs(inside - 0.9) < 4 * np.sqrt(0.09 / 48)
