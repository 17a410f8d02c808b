"""Records of a parameter set at the edge of what they allow; what is said of near words and of percentages."""

import math

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import (
    CovariateEffect,
    Parameter,
    RandomEffect,
    RecordError,
    Uncertainty,
    is_number,
    near,
    one_of,
    require,
)  # fmt: skip

HERE = Source(THIS_ENGINE, "test")


def variance(value, **more):
    return RandomEffect("CL", value, "", HERE, "assumed", **more)


def covariate(form="power", value=0.75, reference=70.0, **more):
    return CovariateEffect("CL", "WEIGHT", form, value, reference, HERE, "assumed", **more)


def test_numbers_a_float_can_hold():
    assert all(map(is_number, (0, -1.5, np.float32(2), np.int64(3), 10**300)))
    assert not any(map(is_number, (True, "1", None, math.nan, math.inf, 10**400, [1])))


def test_near_words():
    assert near("sexx", ["SEX", "AGE"]) == "; did you mean SEX?" and near("q", ["SEX"]) == "" == near("", ["SEX"])
    assert near("CLEAR", ["CL", "VC"]) == "; did you mean CL?", "one begins with the other"
    assert near("abcd", ["abxy"]) == "; did you mean abxy?", "half of the letters"
    assert near("abcde", ["abxyz"]) == ""


def test_what_is_said_is_at_most_forty_characters_of_what_was_seen():
    require(True, "x", 1, "y")
    with pytest.raises(RecordError, match=f"^x: seen {'9' * 40}; allowed: y$"):
        require(False, "x", "9" * 50, "y")
    one_of("x", "a", ["a", "b"])
    with pytest.raises(RecordError, match=r"^x: seen 'c'; allowed: a, b$"):
        one_of("x", "c", ["a", "b"])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, None),
        (10.0, None),
        (10.5, r"seen 10.5; allowed: a finite number, 0 or more, at most 10 \(a CV of 10.5 % is 0.011\)$"),
        (1000.0, r"at most 10 \(a CV of 1000 % is 4.62\)$"),
        (1000.5, r"seen 1000.5; allowed: a finite number, 0 or more, at most 10$"),
        (-0.1, r"seen -0.1; allowed: a finite number, 0 or more, at most 10$"),
        (math.nan, r"seen nan; allowed: a finite number, 0 or more, at most 10$"),
        ("0.1", r"seen 0.1; allowed: a finite number, 0 or more, at most 10$"),
    ],
)
def test_variances(value, said):
    if said is None:
        assert variance(value).variance == value
    else:
        with pytest.raises(RecordError, match=said):
            variance(value)


def test_names_of_variances():
    assert (variance(0.1).name, variance(0.1, level="occasion").name) == ("OMEGA_CL", "OCCASION_CL")
    for wrong in ({"level": "visit"}, {"scale": "sqrt"}):
        with pytest.raises(RecordError, match="variance of CL: "):
            variance(0.1, **wrong)


@pytest.mark.parametrize(("rse", "good"), [(None, 1), (0.1, 1), (0.0, 0), (-1.0, 0), (math.nan, 0), ("5", 0)])
def test_standard_errors(rse, good):
    def made():
        return Parameter("CL", 1.0, "L/h", HERE, "assumed", rse_percent=rse)

    if good:
        assert made().rse_percent == rse
    else:
        with pytest.raises(RecordError, match="CL: rse_percent: seen"):
            made()


def test_fractions_lie_between_0_and_1_unless_they_are_coefficients_of_variation():
    def made(name, unit):
        return Parameter(name, 0.1, unit, HERE, "assumed")

    assert made("FP", "fraction").bounded and not made("FP", "1").bounded
    assert not made("ASSAY_CV", "fraction").bounded and not made("CONC_CV", "fraction").bounded


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ({}, 1), ({"value": -0.5}, 1), ({"value": 0.0}, 1), ({"value": math.inf}, 0), ({"reference": 0.0}, 0),
        ({"reference": -1.0}, 0), ({"reference": "M"}, 0), ({"reference": True}, 0), ({"category": "F"}, 0),
        ({"form": "factor"}, 0), ({"form": "factor", "reference": "M"}, 1), ({"form": "factor", "reference": ""}, 0),
        ({"form": "factor", "reference": "M", "value": 0.0}, 0),
        ({"form": "factor", "reference": "M", "value": 0.1}, 1),
        ({"form": "factor", "reference": "M", "category": "F"}, 1), ({"form": "linear"}, 0), ({"scale": "x"}, 0),
        ({"form": "factor", "reference": "M", "category": "M"}, 0), ({"scale": "logit"}, 1),
        ({"form": "factor", "reference": "M", "category": 5}, 0),
    ],
    ids=str,
)  # fmt: skip
def test_effects_of_covariates(said, good):
    if good:
        covariate(**said)
    else:
        with pytest.raises(RecordError, match="WEIGHT on CL: "):
            covariate(**said)


def test_uncertainty_of_several_numbers():
    both = Uncertainty(("A", "B", "C"), (10.0, 20.0, 30.0), ((1, 0.2, 0.3), (0.2, 1, 0.4), (0.3, 0.4, 1)))
    assert both.without(["B"]) == Uncertainty(("A", "C"), (10.0, 30.0), ((1, 0.3), (0.3, 1)))
    assert both.without(["B", "A", "C"]) == Uncertainty((), (), ()), "nothing left is no error"
    for wrong, said in (
        ((("A",), (0.0,), ((1,),)), r"rse_percent\.A: seen 0\.0; allowed: more than 0"),
        ((("A",), (1.0, 2.0), ((1,),)), "1 standard errors and 1 x 1 are needed"),
        ((("A", "B"), (1.0, 2.0), ((1, 0), (0,))), "2 standard errors and 2 x 2"),
        ((("A", "B"), (1.0, 2.0), ((1, 0.5), (0.4, 1))), "not positive definite"),
        ((("A", "B"), (1.0, 2.0), ((1, 1), (1, 1))), "not positive definite"),
    ):
        with pytest.raises(ValueError, match=said):
            Uncertainty(*wrong)
    with pytest.raises(ValueError, match=r"uncertainty: missing correlation, rse_percent\.A; needed: names, rse_perc"):
        Uncertainty.of({"names": ["A"], "rse_percent": {}})
    made = Uncertainty.of({"names": ["A"], "rse_percent": {"A": 5}, "correlation": [[1]]})
    assert made == Uncertainty(("A",), (5.0,), ((1.0,),))
