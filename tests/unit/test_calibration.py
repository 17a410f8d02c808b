"""The calibration on a toy simulator whose answer is known."""

import numpy as np
import pytest
from scipy.stats import binom

from analysis.calibration import Fitted, Target, calibrate, deviance


def test_deviance_is_twice_the_log_likelihood_ratio():
    """Against the binomial log likelihood of scipy."""
    target, rate = Target("row", 99, 168), 0.5
    expected = 2 * (binom.logpmf(99, 168, 99 / 168) - binom.logpmf(99, 168, rate))
    assert deviance(target, rate) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("events", "rate"), [(0, 0.0), (10, 1.0), (3, 0.0), (3, 1.0)])
def test_deviance_is_finite_at_the_edges(events, rate):
    assert np.isfinite(deviance(Target("row", events, 10), rate)) and deviance(Target("row", events, 10), rate) >= 0


def test_it_finds_the_truth_of_a_toy_model_with_weak_priors():
    """rate_i = x_i / (x_i + a) b: two parameters, three exact targets generated with a = 2, b = 0.8."""
    doses = {"one": 1.0, "three": 3.0, "nine": 9.0}
    n = 10**6

    def simulate(values):
        return {name: values["b"] * x / (x + values["a"]) for name, x in doses.items()}

    truth = simulate({"a": 2.0, "b": 0.8})
    targets = [Target(name, round(n * rate), n) for name, rate in truth.items()]
    fitted = [Fitted("a", 1.0, 1.0, "weak"), Fitted("b", 0.6, 0.2, "weak")]
    best = calibrate(targets, fitted, simulate, scan=16, evaluations=200)[0]
    assert best.values["a"] == pytest.approx(2.0, rel=0.02)
    assert best.values["b"] == pytest.approx(0.8, rel=0.01)


def test_the_prior_holds_what_the_targets_do_not_move():
    best = calibrate(
        [Target("row", 5, 10)], [Fitted("free", 3.0, 0.2, "prior")], lambda _: {"row": 0.5}, scan=8, evaluations=50
    )[0]
    assert best.values["free"] == pytest.approx(3.0, rel=0.01)
