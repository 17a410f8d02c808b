"""The calibration on toy simulators whose answer is known, and its misfits against closed forms."""

import inspect

import numpy as np
import pytest
from scipy.stats import binom, norm

from analysis.evidence.calibration import (
    NOTHING,
    Fitted,
    Measure,
    Target,
    calibrate,
    deviance,
    distance,
    misfit,
    residuals,
)


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


@pytest.mark.parametrize(("rate", "kept_at"), [(0.0, 0.5 / 11), (0.01, 0.5 / 11), (1.0, 1 - 0.5 / 11), (0.5, 0.5)])
def test_a_simulated_rate_is_kept_half_an_event_of_one_more_patient_off_the_edges(rate, kept_at):
    expected = 2 * (binom.logpmf(3, 10, 0.3) - binom.logpmf(3, 10, kept_at))
    assert deviance(Target("row", 3, 10), rate) == pytest.approx(expected, rel=1e-12)
    assert misfit(Target("row", 3, 10), rate) == deviance(Target("row", 3, 10), rate)


def test_the_distance_is_misfits_and_squared_prior_distances():
    """Two standard errors off and one and a half prior SDs off: 4 + 2.25; a second target misfits by 1."""
    targets = [Measure("a", 5.0, 1.0, log=False), Measure("b", 1.0, 1.0, log=True)]
    fitted = [Fitted("x", 2.0, 0.5, "")]
    x = 2.0 * np.exp(0.5 * 1.5)
    assert distance(targets, fitted, {"x": x}, {"a": 7.0, "b": np.e}) == pytest.approx(4 + 1 + 2.25)


def points_of(scan, starts, evaluations, k=1):
    told = []
    fitted = [Fitted(f"x{i}", 1.0, 1.0, "") for i in range(k)]
    row = Measure("row", 20.0, 0.1, log=True)
    calibrate([row], fitted, lambda v: {"row": v["x0"]}, scan=scan, starts=starts, evaluations=evaluations,
              tell=told.append)  # fmt: skip
    return [[np.log(point.values[f.name]) for f in fitted] for point in told]


def test_the_scan_begins_with_the_prior_medians_and_goes_over_its_middle_nine_tenths():
    """The first points of the Sobol sequence are 0, 1/2, 3/4 and 1/4: normal quantiles of 0.05 + 0.9 of them."""
    quantiles = norm.ppf([0.05, 0.5, 0.725, 0.275])
    assert np.ravel(points_of(4, 1, 0)) == pytest.approx([0.0, *quantiles])


def test_the_search_goes_down_from_the_best_points_with_a_simplex_of_half_a_prior_sd():
    """The row is highest at the largest x: 0.725 first, then 0.5 (twice, as it is the median too)."""
    first, second = norm.ppf(0.725), 0.0
    found = points_of(4, 2, 3, k=2)
    assert len(found) <= 5 + 2 * 3
    begins = [at for at in found[5:] if at[1] in (found[3][1], found[0][1])]
    assert found[5] == pytest.approx(found[3]) and found[6] == pytest.approx([found[3][0] + 0.5, found[3][1]])
    assert found[7] == pytest.approx([found[3][0], found[3][1] + 0.5]) and begins
    assert found[3][0] == pytest.approx(first) and found[0][0] == pytest.approx(second)


def linear():
    """Five medians on the log scale, straight in three log parameters; the ridge solution in closed form."""
    slopes = np.array([[1.0, 0.5, 0.0], [0.2, -0.7, 0.3], [0.0, 0.4, 0.9], [0.8, 0.0, -0.5], [-0.3, 0.6, 0.1]])
    wanted, sd = np.array([0.4, -0.2, 0.9, 0.1, 0.3]), np.array([0.1, 0.3, 0.2, 0.5, 0.1])
    weighted = slopes / sd[:, None]
    solution = np.linalg.solve(weighted.T @ weighted + np.eye(3), weighted.T @ (wanted / sd))
    pairs = enumerate(zip(wanted, sd, strict=True))
    targets = [Measure(f"t{k}", float(np.exp(w)), float(s), True) for k, (w, s) in pairs]
    fitted = [Fitted(name, 2.0, 0.5, "") for name in "abc"]

    def simulate(values):
        z = np.array([f.z(values[f.name]) for f in fitted])
        return {f"t{k}": float(np.exp(x)) for k, x in enumerate(slopes @ z)}

    return targets, fitted, simulate, solution


def test_least_squares_of_straight_results_is_the_ridge_solution_after_one_step():
    """(A'A + 1) z = A'b, A and b over the errors of the targets."""
    targets, fitted, simulate, solution = linear()
    points = calibrate(targets, fitted, simulate, scan=0, starts=1, evaluations=40, method="least squares")
    assert [f.z(points[0].values[f.name]) for f in fitted] == pytest.approx(solution, abs=1e-4)
    assert len(points) <= 41, "evaluations of the search, and the medians of the priors"


def test_the_squares_of_the_residuals_are_the_distance_and_their_sign_says_what_is_too_high():
    targets, fitted, simulate, _ = linear()
    values = {"a": 2.5, "b": 1.0, "c": 2.0}
    found = residuals(targets, fitted, values, simulate(values))
    assert np.sum(found**2) == pytest.approx(distance(targets, fitted, values, simulate(values)), rel=1e-12)
    assert list(np.sign(found[5:])) == [1, -1, 0]
    assert residuals([Target("row", 5, 10)], [], {}, {"row": 0.6})[0] > 0
    assert residuals([Target("row", 5, 10)], [], {}, {"row": 0.4})[0] < 0


@pytest.mark.parametrize("evaluations", [0, 3])
def test_least_squares_needs_a_point_more_than_there_are_parameters(evaluations):
    targets, fitted, simulate, _ = linear()
    points = calibrate(targets, fitted, simulate, scan=0, evaluations=evaluations, method="least squares")
    assert len(points) == 1


def test_least_squares_stays_within_four_prior_sds_and_looks_inwards_there():
    """A target far away pulls to the limit; a slope is then taken from inside."""
    asked = []

    def simulate(values):
        asked.append(values["a"])
        return {"t": values["a"]}

    calibrate([Measure("t", 1e6, 0.1, True)], [Fitted("a", 1.0, 1.0, "")], simulate, scan=0, starts=1, evaluations=60,
              method="least squares")  # fmt: skip
    assert np.exp(3.5) < max(asked) <= np.exp(4.0) * (1 + 1e-9)


def test_the_usual_search():
    """128 points of the prior and its median, three starts of at most 250 points each."""
    usual = {name: p.default for name, p in inspect.signature(calibrate).parameters.items()}
    assert (usual["scan"], usual["starts"], usual["evaluations"]) == (128, 3, 250)


def test_limits_at_or_below_zero_are_not_put_on_a_logarithm():
    assert not Measure.of("x", 1.0, 0.0, 2.0, log=True).log and not Measure.of("x", 0.0, 0.1, 2.0, log=True).log
    assert Measure.of("x", 0.5, 0.1, 2.0, log=True).log and not Measure.of("x", 0.5, 0.1, 2.0, log=False).log
