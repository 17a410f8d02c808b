"""The calibration on toy simulators whose answer is known, and its misfits against closed forms."""

import numpy as np
import pytest
from scipy.stats import binom

from analysis.evidence.calibration import NOTHING, Fitted, Measure, Target, calibrate, deviance, misfit


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


@pytest.mark.parametrize(
    ("measure", "simulated", "expected"),
    [
        (Measure.of("gm", 100.0, 80.0, 125.0, log=True), 80.0, 1.959964**2),
        (Measure.of("gm", 100.0, 80.0, 125.0, log=True), 125.0, 1.959964**2),
        (Measure.of("gm", 100.0, 80.0, 125.0, log=True), 100.0, 0.0),
        (Measure.of("mean", 5.0, 3.0, 7.0, log=False), 7.0, 1.959964**2),
        (Measure.of("mean", 5.0, 4.0, 6.0, log=False), 7.0, (2 * 1.959964) ** 2),
        (Measure.of("change", 5.0, -1.0, 11.0, log=True), 11.0, 1.959964**2),
    ],
)
def test_a_measure_at_its_limit_misfits_by_1_96_squared(measure, simulated, expected):
    assert misfit(measure, simulated) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_target_that_could_not_be_simulated_is_as_bad_as_can_be():
    measure = Measure.of("median", 20.0, 15.0, 25.0, log=True)
    assert misfit(measure, float("nan")) == misfit(measure, 0.0) == misfit(Target("r", 1, 2), float("nan")) == NOTHING


@pytest.mark.parametrize(
    ("fitted", "value"),
    [(Fitted("x", 30.0, 1.0, ""), 30 * np.e), (Fitted("x", 0.5, 1.0, "", True), 1 / (1 + np.exp(-1)))],
)
def test_one_prior_sd_on_the_log_and_on_the_log_odds(fitted, value):
    assert fitted.value(1.0) == pytest.approx(value)
    assert fitted.z(value) == pytest.approx(1.0)


def test_every_point_is_told_and_the_best_comes_first():
    told = []
    points = calibrate(
        [Target("row", 5, 10)],
        [Fitted("a", 1.0, 1.0, "")],
        lambda v: {"row": 1 / (1 + v["a"])},
        scan=4,
        starts=1,
        evaluations=0,
        tell=told.append,
    )
    assert len(told) == len(points) == 5
    assert points[0].distance == min(p.distance for p in told) == pytest.approx(0.0)
