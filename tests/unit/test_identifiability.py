"""Curvature, standard errors and profiles on quadratics whose Hessian is known."""

import numpy as np
import pytest

from analysis.evidence.calibration import Fitted, Measure, Point, objective
from analysis.evidence.identifiability import curvature, profile, rse_percent, verdict

HESSIAN = np.array([[25.0, 6.0, 0.0], [6.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
OPTIMUM = np.array([0.3, -0.4, 0.0])


def quadratic(z):
    """Twice a quadratic form: half of it has the curvature HESSIAN."""
    return 7.0 + (z - OPTIMUM) @ HESSIAN @ (z - OPTIMUM)


def test_curvature_of_a_quadratic_is_its_hessian():
    found = curvature(quadratic, OPTIMUM)
    assert found.hessian == pytest.approx(HESSIAN, abs=1e-9)
    assert found.eigenvalues == pytest.approx(np.linalg.eigvalsh(HESSIAN))
    inverse = np.linalg.inv(HESSIAN)
    assert found.covariance == pytest.approx(inverse, abs=1e-9)
    assert found.sd == pytest.approx(np.sqrt(np.diag(inverse)))
    assert found.correlation[0, 1] == pytest.approx(-6 / np.sqrt(25 * 4))
    assert found.lifted == 0


def test_steps_raise_the_distance_by_two_within_their_limits():
    """Along axis i the distance rises by H_ii h^2: h = sqrt(2 / H_ii), at most one prior SD."""
    assert curvature(quadratic, OPTIMUM).steps == pytest.approx([np.sqrt(2 / 25), np.sqrt(0.5), 1.0])


def test_roughness_below_the_rise_hardly_moves_the_standard_errors():
    """Noise of SD 0.05 on the distance; the curvature error is about 2 x 0.05 / h^2 / 2, below 5 % of H_ii / 2 each."""
    rough = np.random.default_rng(1)
    found = curvature(lambda z: quadratic(z) + 0.05 * rough.standard_normal(), OPTIMUM)
    assert found.sd[:2] == pytest.approx(np.sqrt(np.diag(np.linalg.inv(HESSIAN)))[:2], rel=0.2)


def test_less_curvature_than_a_prior_has_counts_as_the_prior():
    found = curvature(lambda z: 0.2 * z[0] ** 2 + 9 * z[1] ** 2, np.zeros(2))
    assert found.sd == pytest.approx([1.0, 1 / 3])
    assert found.lifted == 1
    assert found.eigenvalues == pytest.approx([0.2, 9.0])


def test_a_saddle_has_finite_standard_errors_and_says_so():
    found = curvature(lambda z: -(z[0] ** 2) + z[1] ** 2, np.zeros(2))
    assert np.isfinite(found.sd).all() and found.lifted == 1 and found.eigenvalues[0] == pytest.approx(-1.0)


def test_rse_is_the_cv_of_a_log_normal_and_the_delta_method_of_a_fraction():
    assert rse_percent(Fitted("x", 30, 0.5, ""), 40.0, 0.4) == pytest.approx(100 * np.sqrt(np.exp(0.2**2) - 1))
    assert rse_percent(Fitted("p", 0.1, 0.5, "", True), 0.2, 0.4) == pytest.approx(100 * 0.2 * 0.8)


def test_a_single_measured_target_gives_the_precision_of_the_product_of_two_normals():
    """Prior SD of the log 1, measurement SD of the log 0.5: posterior variance 1 / (1 + 4)."""
    fitted = [Fitted("a", 10.0, 1.0, "")]
    target = Measure("row", 10.0, 0.5, log=True)
    at = objective([target], fitted, lambda values: {"row": values["a"]})
    found = curvature(lambda z: at(z).distance, np.zeros(1))
    assert found.sd == pytest.approx([np.sqrt(1 / 5)])
    assert verdict(found.sd[0]) == "informed by the data" and verdict(0.9) == "prior"


def test_the_profile_of_a_quadratic_rises_by_1_and_4():
    """Two targets on log a + log b and log a - 2 log b: the distance is quadratic in the standardised logs."""
    fitted = [Fitted("a", 1.0, 1.0, ""), Fitted("b", 1.0, 1.0, "")]
    targets = [Measure("sum", 1.0, 0.3, log=True), Measure("skew", 1.0, 0.6, log=True)]
    at = objective(targets, fitted, lambda v: {"sum": v["a"] * v["b"], "skew": v["a"] / v["b"] ** 2})
    best: Point = at(np.zeros(2))
    found = curvature(lambda z: at(z).distance, np.zeros(2))
    held = profile(at, fitted, best, found, 0, evaluations=30)
    assert [h.rise for h in held] == pytest.approx([4, 1, 0, 1, 4], abs=1e-6)
    assert [np.log(h.value) for h in held] == pytest.approx([k * found.sd[0] for k in (-2, -1, 0, 1, 2)])


def test_the_others_are_fitted_again_when_the_ridge_bends():
    """Held off its optimum, b must follow a along log b = a^2: only a new fit finds that; the prior of b is wide."""
    fitted = [Fitted("a", 1.0, 1.0, ""), Fitted("b", 1.0, 1.0, "")]
    at = objective(
        [Measure("row", 1.0, 0.05, log=True)], fitted, lambda v: {"row": v["b"] / np.exp(np.log(v["a"]) ** 2)}
    )
    found = curvature(lambda z: at(z).distance, np.zeros(2))
    best = at(np.zeros(2))
    few, many = (profile(at, fitted, best, found, 0, evaluations=n) for n in (0, 60))
    assert few[0].rise > 20 * many[0].rise


FULL = np.array([[25.0, 6.0, 2.0], [6.0, 4.0, -1.0], [2.0, -1.0, 3.0]])


def test_every_pair_of_parameters_has_its_place_and_the_points_are_counted():
    """Three parameters: 4 x 3 + 3 x 2 + 1 points."""
    asked = []
    found = curvature(lambda z: asked.append(z) or 7.0 + (z - OPTIMUM) @ FULL @ (z - OPTIMUM), OPTIMUM)
    assert found.hessian == pytest.approx(FULL, abs=1e-9) and len(asked) == 19
    assert found.covariance == pytest.approx(np.linalg.inv(FULL), abs=1e-9)


def test_a_step_is_not_narrower_than_a_tenth_nor_wider_than_one():
    steep = curvature(lambda z: 1000 * z[0] ** 2 + 0.01 * z[1] ** 2 - z[2] ** 2, np.zeros(3))
    assert steep.steps == pytest.approx([0.1, 1.0, 1.0])
    assert steep.hessian == pytest.approx(np.diag([1000, 0.01, -1]), abs=1e-9)


def test_a_curvature_of_one_is_that_of_a_prior_and_not_lifted():
    assert curvature(lambda z: (1 - 1e-7) * z[0] ** 2 + z[1] ** 2, np.zeros(2)).lifted == 0
    assert curvature(lambda z: (1 - 1e-5) * z[0] ** 2 + z[1] ** 2, np.zeros(2)).lifted == 1


def test_seven_tenths_of_the_prior_sd_are_not_informed():
    assert verdict(0.6999) == "informed by the data" and verdict(0.7) == "prior"


def test_a_profile_holds_the_parameter_it_is_of_and_moves_the_others_along_the_ridge():
    """Of three parameters the second; without a new fit the points lie on the ridge, and with one around it."""
    fitted = [Fitted(name, 1.0, 1.0, "") for name in "abc"]
    asked = []

    def at(z):
        asked.append(z.copy())
        return Point(dict(zip("abc", np.exp(z), strict=True)), 3.0 + z @ FULL @ z, {})

    best, found = at(np.zeros(3)), curvature(lambda z: z @ FULL @ z, np.zeros(3))
    asked.clear()
    held = profile(at, fitted, best, found, 1, evaluations=0)
    ridge = found.covariance[:, 1] / found.sd[1]
    assert np.array(asked) == pytest.approx(np.outer([-2, -1, 1, 2], ridge))
    assert [np.log(h.value) for h in held] == pytest.approx([s * found.sd[1] for s in (-2, -1, 0, 1, 2)])
    assert [h.rise for h in held] == pytest.approx([4, 1, 0, 1, 4])
    asked.clear()
    profile(at, fitted, best, found, 1, evaluations=5)
    first = np.array(asked[:4])
    assert first[:, 1] == pytest.approx([-2 * ridge[1]] * 4), "held"
    assert first[1:] - first[:1] == pytest.approx(np.array([[0, 0, 0], [0.2, 0, 0], [0, 0, 0.2]]))
    assert len(asked) <= 4 * (5 + 1)
