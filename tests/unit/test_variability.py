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
    moved,
    occasion_factor,
    on_first_day,
    random_effects,
    typical_values,
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


def believed(chosen, name, n=600):
    return np.array([uncertain(chosen, Streams(2), r).value(name) for r in range(n)])


def test_a_standard_error_is_a_log_normal_spread():
    """30 %: SD of the logarithm sqrt(ln 1.09); a share of 0.2 with 30 %: 0.3 / 0.8 on its log odds."""
    parameters = tuple(replace(p, rse_percent=30.0 if p.name in ("KIN", "NONRESP") else None) for p in SET.parameters)
    chosen = replace(SET, parameters=parameters).with_values({"NONRESP": 0.2})
    z = np.log(believed(chosen, "KIN") / SET.value("KIN")) / np.sqrt(np.log(1.09))
    share = believed(chosen, "NONRESP")
    y = np.log(share / (1 - share) / 0.25) / (0.3 / 0.8)
    for one in (z, y):
        assert abs(one.mean()) < 4.5 / np.sqrt(600) and one.std() == pytest.approx(1, rel=4.5 / np.sqrt(1200))
    assert (believed(chosen, "CL", 3) == SET.value("CL")).all()


def test_numbers_of_one_calibration_move_together():
    none = tuple(replace(p, rse_percent=None) for p in SET.parameters)
    block = Uncertainty(("KIN", "EC50"), (20.0, 40.0), ((1.0, -0.8), (-0.8, 1.0)))
    chosen = replace(SET, parameters=none, uncertainty=(block,))
    kin, ec50 = (np.log(believed(chosen, name) / SET.value(name)) for name in ("KIN", "EC50"))
    assert np.corrcoef(kin, ec50)[0, 1] == pytest.approx(-0.8, abs=4.5 * 0.36 / np.sqrt(600))
    assert kin.std() == pytest.approx(np.sqrt(np.log(1.04)), rel=4.5 / np.sqrt(1200))
    with pytest.raises(ValueError, match="no parameter has a standard error"):
        uncertain(replace(chosen, uncertainty=()), Streams(2), 0)


def test_a_factor_multiplies_the_value_or_its_odds():
    values, factors = np.array([0.5, 0.2, 0.8]), np.array([3.0, 1.0, 0.25])
    assert moved(values, factors, "log").tolist() == pytest.approx([1.5, 0.2, 0.2])
    assert moved(values, factors, "logit").tolist() == pytest.approx([0.75, 0.2, 0.5]), "odds of 3, 1/4 and 1"


def test_correlations_are_refused_from_an_eigenvalue_of_1e_10_down():
    """Of two effects the smallest eigenvalue is one less the correlation."""
    pair = replace(SET, random_effects=SET.random_effects[:2], correlations=())
    for rest, good in ((1.05e-10, True), (0.95e-10, False)):
        one = replace(pair, correlations=(correlation("CL", "VC", 1.0 - rest),))
        if good:
            assert cholesky(one).shape == (2, 2)
        else:
            with pytest.raises(ValueError, match=r"smallest eigenvalue 9\.5e-11, more than 0 is needed"):
                cholesky(one)
    assert cholesky(replace(SET, random_effects=(), correlations=())).shape == (0, 0)


def test_a_category_that_is_named_and_one_that_is_not_the_reference():
    drug = np.array(["none", "ivig", "steroid"])
    named = CovariateEffect("CL", "DRUG", "factor", 0.6, "none", HERE, "assumed", category="ivig")
    assert covariate_factor(named, drug).tolist() == [1.0, 0.6, 1.0]
    assert covariate_factor(replace(named, category=""), drug).tolist() == [1.0, 0.6, 0.6]


def test_a_power_of_nothing_is_refused():
    power = CovariateEffect("CL", "DURATION", "power", 2.0, 50.0, HERE, "assumed")
    for values, seen in (([1.0, 0.0, -2.0], "0"), ([-2.0, 1.0], "-2"), ([float("nan")], "nan")):
        with pytest.raises(ValueError, match=f"DURATION on CL: a power needs numbers above 0; seen DURATION {seen}"):
            covariate_factor(power, np.array(values))
    assert covariate_factor(power, np.array([0.5])).tolist() == pytest.approx([1e-4])


def test_a_column_the_patients_do_not_have():
    asks = replace(SET, covariate_effects=(CovariateEffect("CL", "WEIGT", "power", 2.0, 50.0, HERE, "assumed"),))
    with pytest.raises(ValueError, match="WEIGT on CL: covariate: seen 'WEIGT'; the patients have AGE, WEIGHT; did"):
        typical_values(asks, 2, {"AGE": np.ones(2), "WEIGHT": np.ones(2)})
    assert typical_values(asks, 2, {}, ["VC"])["VC"].tolist() == [SET.value("VC")] * 2
    assert list(typical_values(asks, 2, {}, ["VC"])) == ["VC"]


def test_values_on_the_first_day_are_those_of_the_first_week():
    weekly = replace(SET, random_effects=(*SET.random_effects, effect("KIN", 0.04, "occasion")))
    some = Draws(Streams(5), np.zeros(5, dtype=np.int64), np.arange(5))
    values = {"KIN": np.full(5, 2.0), "CL": np.full(5, 7.0)}
    first = on_first_day(weekly, some, values)
    assert first["KIN"].tolist() == (2.0 * occasion_factor(some, weekly, 0, "KIN")).tolist()
    assert (first["KIN"] != occasion_factor(some, weekly, 1, "KIN") * 2.0).all()
    assert first["CL"].tolist() == [7.0] * 5 and list(first) == ["KIN", "CL"]
    assert occasion_factor(some, weekly, 0, "VP").tolist() == [1.0] * 5
