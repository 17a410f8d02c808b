"""From typical to individual values: moments of every kind of effect, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect, Uncertainty
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams
from cohorts.variability import (
    cholesky,
    covariance,
    covariate_factor,
    individual_parameters,
    occasion_factor,
    random_effects,
    uncertain,
)  # fmt: skip

HERE = Source(THIS_ENGINE, "test")
N = 20_000
DRAWS = Draws(Streams(5), np.zeros(N, dtype=np.int64), np.arange(N))
BASE = parameter_set("hetrombopag_wang_2022")


def effect(name, variance, level="patient"):
    return RandomEffect(name, variance, "", HERE, "assumed", level)


def correlation(a, b, value):
    return Correlation(a, b, value, HERE, "assumed")


SET = replace(
    BASE,
    random_effects=(effect("CL", 0.25), effect("VC", 0.16), effect("Q", 0.09), effect("F", 0.36, "occasion")),
    correlations=(correlation("CL", "VC", 0.6), correlation("VC", "Q", -0.5)),
    covariate_effects=(), classes=(), uncertainty=(),
)  # fmt: skip


def test_effects_have_the_covariance_that_is_said():
    """Variances 0.25, 0.16, 0.09; covariances 0.6 x 0.5 x 0.4, -0.5 x 0.4 x 0.3 and none."""
    omega = np.array([[0.25, 0.12, 0.0], [0.12, 0.16, -0.06], [0.0, -0.06, 0.09]])
    np.testing.assert_allclose(covariance(SET), omega, atol=1e-15)
    np.testing.assert_allclose(cholesky(SET) @ cholesky(SET).T, omega, atol=1e-15)
    eta = np.stack(list(random_effects(SET, DRAWS).values()))
    assert np.abs(eta.mean(axis=1) / np.sqrt(np.diag(omega))).max() < 4.5 / np.sqrt(N)
    scale = np.sqrt(np.outer(np.diag(omega), np.diag(omega)))
    np.testing.assert_allclose(np.cov(eta) / scale, omega / scale, atol=4.5 * np.sqrt(2 / N))


def test_correlations_that_leave_nothing_are_refused():
    """A correlation of 1 has an eigenvalue of 0; one of 0.999999 still goes."""
    one = replace(SET, correlations=(correlation("CL", "VC", 1.0),))
    with pytest.raises(ValueError, match="smallest eigenvalue"):
        cholesky(one)
    assert np.isfinite(cholesky(replace(SET, correlations=(correlation("CL", "VC", 0.999999),)))).all()


def test_individual_values_by_hand():
    """Typical value x (weight/62)^0.75 x 0.5 for men x exp(eta); the patient's own count; a class of non-responders."""
    effects = (
        CovariateEffect("CL", "WEIGHT", "power", 0.75, 62.0, HERE, "assumed"),
        CovariateEffect("CL", "SEX", "factor", 0.5, "F", HERE, "assumed"),
    )
    mixed = (
        PatientClass("nonresponder", "NONRESP", "EMAX", "EMAX_NONRESP"),
        PatientClass("slow", "NONRESP", "KA2", "KA1"),
    )
    chosen = replace(SET, covariate_effects=effects, classes=mixed)
    sex, weight = np.where(np.arange(N) % 2, "M", "F"), np.full(N, 80.0)
    values, responder = individual_parameters(chosen, DRAWS, {"WEIGHT": weight, "SEX": sex, "BASE": np.arange(N)})
    eta = random_effects(SET, DRAWS)["CL"]
    np.testing.assert_allclose(values["CL"], 7.66 * (80 / 62) ** 0.75 * np.where(sex == "M", 0.5, 1) * np.exp(eta))
    assert (values["BASE"] == np.arange(N)).all() and (values["KIN"] == SET.value("KIN")).all()
    share = SET.value("NONRESP")
    assert (values["EMAX"] == 0).mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N))
    assert ((values["EMAX"] == 0) == ~responder).all() and (values["KA2"][~responder] == SET.value("KA2")).any()
    assert (values["KA2"] == SET.value("KA1")).mean() == pytest.approx(
        share, abs=4.5 * np.sqrt(share * (1 - share) / N)
    )


def test_without_classes_everybody_responds_and_keeps_the_typical_count():
    values, responder = individual_parameters(SET, DRAWS, {})
    assert responder.all() and (values["BASE"] == SET.value("BASE")).all()


def test_factors_of_a_covariate():
    power = CovariateEffect("CL", "WEIGHT", "power", 2.0, 50.0, HERE, "assumed")
    assert covariate_factor(power, np.array([50, 100, 25])).tolist() == [1, 4, 0.25]
    factor = CovariateEffect("CL", "SEX", "factor", 0.6, "M", HERE, "assumed")
    assert covariate_factor(factor, np.array(["F", "M"])).tolist() == [0.6, 1.0]


def test_an_occasion_is_log_normal_with_median_1():
    log_f = np.log(occasion_factor(DRAWS, SET, 3))
    assert log_f.std() == pytest.approx(0.6, rel=4.5 / np.sqrt(2 * N)) and abs(log_f.mean()) < 4.5 * 0.6 / np.sqrt(N)
    other = replace(SET, random_effects=(effect("CL", 0.3), effect("KA1", 0.3, "occasion")), correlations=())
    assert (occasion_factor(DRAWS, other, 3) == 1).all()


def moved(chosen, name, n=600):
    return np.array([uncertain(chosen, Streams(2), r).value(name) for r in range(n)])


def test_a_standard_error_is_a_log_normal_spread():
    """30 %: SD of the logarithm sqrt(ln 1.09); a share of 0.2 with 30 %: 0.3 / 0.8 on its log odds."""
    parameters = tuple(replace(p, rse_percent=30.0 if p.name in ("KIN", "NONRESP") else None) for p in SET.parameters)
    chosen = replace(SET, parameters=parameters).with_values({"NONRESP": 0.2})
    z = np.log(moved(chosen, "KIN") / SET.value("KIN")) / np.sqrt(np.log(1.09))
    share = moved(chosen, "NONRESP")
    y = np.log(share / (1 - share) / 0.25) / (0.3 / 0.8)
    for one in (z, y):
        assert abs(one.mean()) < 4.5 / np.sqrt(600) and one.std() == pytest.approx(1, rel=4.5 / np.sqrt(1200))
    assert (moved(chosen, "CL", 3) == SET.value("CL")).all()


def test_numbers_of_one_calibration_move_together():
    none = tuple(replace(p, rse_percent=None) for p in SET.parameters)
    block = Uncertainty(("KIN", "EC50"), (20.0, 40.0), ((1.0, -0.8), (-0.8, 1.0)))
    chosen = replace(SET, parameters=none, uncertainty=(block,))
    kin, ec50 = (np.log(moved(chosen, name) / SET.value(name)) for name in ("KIN", "EC50"))
    assert np.corrcoef(kin, ec50)[0, 1] == pytest.approx(-0.8, abs=4.5 * 0.36 / np.sqrt(600))
    assert kin.std() == pytest.approx(np.sqrt(np.log(1.04)), rel=4.5 / np.sqrt(1200))
    with pytest.raises(ValueError, match="no parameter has a standard error"):
        uncertain(replace(chosen, uncertainty=()), Streams(2), 0)
