"""What a parameter set is refused for: one wrong number at a time in a set that passes."""

from dataclasses import replace

import pytest

from cohorts.citations import THIS_ENGINE, Citation, Source
from cohorts.gates import BEYOND_STRUCTURE, naked, problems
from cohorts.parameters import Correlation, CovariateEffect, Parameter, PatientClass, Range
from cohorts.sets import parameter_set

SET = parameter_set("hetrombopag_wang_2022")
CITED = Citation("x_2000", "X Y", "a title", "a journal", 2000, doi="10.1/1")
PRINTED = Source(CITED, "Table 1")


def with_parameter(name, **changes):
    return replace(SET, parameters=tuple(replace(p, **changes) if p.name == name else p for p in SET.parameters))


def test_the_set_itself_passes():
    assert problems(SET) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CL", 0.0, "CL: value: seen 0; allowed: more than 0"),
        ("CL", -2.0, "CL: value: seen -2; allowed: more than 0"),
        ("BLEED_RHO", 1.0, "BLEED_RHO: value: seen 1; a fraction must be below 1"),
        ("BLEED_C2", 50.0, "BLEED_C2, BLEED_C3, BLEED_C4: seen 50,"),
        ("R0", -1.0, "R0: value: seen -1"),
        ("EMAX_NONRESP", -1.0, "EMAX_NONRESP: value"),
    ],
)
def test_values_out_of_range(name, value, said):
    (found,) = problems(SET.with_values({name: value}))
    assert found.startswith(said)


@pytest.mark.parametrize(("name", "value"), [("R0", 0.0), ("BLEED_A", -1.0), ("BLEED_RHO", 0.999), ("CL", 1e-9)])
def test_values_at_the_edge_pass(name, value):
    assert problems(SET.with_values({name: value})) == []


def test_what_every_set_needs_in_its_unit():
    assert len(BEYOND_STRUCTURE) == 14
    without = replace(SET, parameters=tuple(p for p in SET.parameters if p.name != "RESCUE_TAU"))
    assert problems(without) == ["RESCUE_TAU: not given; every set needs it, in d"]
    without = replace(SET, parameters=tuple(p for p in SET.parameters if p.name != "FLUCT_SD"))
    assert problems(without) == ["FLUCT_SD: not given; every set needs it, in no unit"]
    without = replace(
        SET, parameters=tuple(p for p in SET.parameters if p.name != "EC50"), random_effects=(), correlations=()
    )
    assert [line for line in problems(without) if "uncertainty" in line] == [
        "uncertainty: EC50: no number of this set; allowed: one that it has, or none",
        "uncertainty: OMEGA_EC50: no number of this set; allowed: one that it has, or none",
    ]
    assert problems(with_parameter("EC50", rse_percent=20.0)) == [
        "EC50: rse_percent: seen 20; allowed: none, as uncertainty has its standard error"
    ]
    assert problems(with_parameter("RESCUE_TAU", unit="h")) == ["RESCUE_TAU: unit: seen 'h'; it is read in 'd'"]


def test_a_number_needs_its_origin():
    def told(**said):
        usual = {"name": "X", "value": 1.0, "unit": "1", "source": PRINTED, "status": "published", "reported_as": "1"}
        return list(naked(Parameter(**(usual | said))))

    assert told() == told(reported_as="", note="matched to a figure") == []
    assert told(status="assumed", reported_as="", note="a guess") == told(status="assumed", reported_as="1") == []
    assert told(reported_as="") == ["X: reported_as: say on which scale the published number was reported"]
    assert told(status="derived", reported_as="") == [
        "X: reported_as: say on which scale the derived number was reported"
    ]
    assert told(status="assumed", reported_as="") == ["X: note: say why it was assumed"]
    assert told(status="guessed") == ["X: status: seen 'guessed'; allowed: published, derived, calibrated, assumed"]
    assert told(source=Source(CITED, "")) == ["X: source: no locator; say where in X 2000 the number stands"]
    assert told(source=Source(THIS_ENGINE, "here")) == ["X: source: a published number needs a publication"]


def test_effects_and_correlations_need_their_origin():
    nowhere = Source(CITED, "")
    effect = replace(SET.random_effects[0], source=nowhere)
    said = problems(replace(SET, random_effects=(effect, *SET.random_effects[1:])))
    assert said == ["variance of CL: source: no locator; say where in X 2000 the number stands"]
    effect = replace(SET.random_effects[0], reported_as="")
    said = problems(replace(SET, random_effects=(effect, *SET.random_effects[1:])))
    assert said == ["variance of CL: reported_as: say on which scale it was reported"]
    said = problems(replace(SET, correlations=(Correlation("CL", "VC", 0.1, nowhere, "assumed"),)))
    assert said == ["correlation of CL and VC: source: no locator; say where in X 2000 the number stands"]
    said = problems(
        replace(SET, covariate_effects=(CovariateEffect("CL", "AGE", "power", 1.0, 1.0, nowhere, "assumed"),))
    )
    assert said == ["AGE on CL: source: no locator; say where in X 2000 the number stands"]


@pytest.mark.parametrize("value", [1.0, -1.0, 1.5])
def test_a_correlation_lies_between_minus_1_and_1(value):
    said = problems(replace(SET, correlations=(Correlation("CL", "VC", value, PRINTED, "assumed"),)))
    assert said[0] == f"correlation of CL and VC: seen {value:g}; allowed: between -1 and 1"
    assert said[1].startswith("covariance of the random effects: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"doi": ""}, "cannot be found"), ({"title": ""}, "cannot be found"), ({"year": 1950}, "year: seen 1950"),
        ({"year": 2100}, "year: seen 2100"), ({}, ""), ({"year": 1951}, ""), ({"year": 2099}, ""),
        ({"doi": "", "pmid": "1"}, ""), ({"doi": "", "pmcid": "1"}, ""), ({"doi": "", "registry": "1"}, ""),
        ({"doi": "", "note": "1"}, ""),
    ],
)  # fmt: skip
def test_a_citation_can_be_found(changes, said):
    found = problems(with_parameter("Q", source=Source(replace(CITED, **changes), "p. 1")))
    assert [line for line in found if said in line] == found and len(found) == bool(said)


def test_two_citations_with_one_id():
    twin = replace(CITED, title="another")
    chosen = with_parameter("Q", source=PRINTED)
    both = replace(chosen, parameters=tuple(
        replace(p, source=Source(twin, "p. 2")) if p.name == "VP" else p for p in chosen.parameters
    ))  # fmt: skip
    assert problems(both) == ["citation x_2000: two different citations have this id"]


MECHANISM = parameter_set("hetrombopag_itp_mei_2021")


@pytest.mark.parametrize(
    ("chosen", "values", "said"),
    [
        (SET, {"LAG": 3.28}, None),
        (SET, {"LAG": 3.29}, "LAG: value: seen 3.29; allowed: at most TSWITCH, 3.28"),
        (MECHANISM, {"FP": 0.5, "FM": 0.49}, None),
        (MECHANISM, {"FP": 0.5, "FM": 0.5}, "FP and FM: seen 1 together; allowed: at most 0.99"),
        (MECHANISM, {"FP": 0.49, "FM": 0.501}, "FP and FM: seen 0.991 together; allowed: at most 0.99"),
        (MECHANISM, {"ETA": 1.01}, "ETA: value: seen 1.01; allowed: at most 1"),
        (MECHANISM, {"DESTRUCTION": 0.0}, None),
    ],
)
def test_values_that_must_fit_each_other(chosen, values, said):
    assert problems(chosen.with_values(values)) == [said] * bool(said)


@pytest.mark.parametrize("value", [-0.99, -0.5, 0.0, 0.99])
def test_any_other_correlation_passes(value):
    one = Correlation("CL", "VC", value, PRINTED, "published", "correlation")
    assert problems(replace(SET, correlations=(one,))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dose_low_mg": 40.0, "dose_high_mg": 40.0}, None),
        ({"dose_low_mg": 1.0}, None),
        ({"dose_low_mg": 0.5}, None),
        ({"dose_low_mg": 0.0}, "dose_low_mg: seen 0; allowed: more than 0, at most dose_high_mg, 40"),
        ({"dose_low_mg": 41.0}, "dose_low_mg: seen 41; allowed: more than 0, at most dose_high_mg, 40"),
        ({"ranges": (Range("AGE", 18.0, 18.0, "y", PRINTED),)}, "ranges: AGE: seen 18 to 18; allowed: the lower end f"),
        ({"ranges": (Range("AGE", 18.0, 19.0, "y", PRINTED), Range("BMI", 18.0, 19.0, "any", PRINTED))}, None),
        ({"ranges": (Range("AGE", 18.0, 19.0, "d", PRINTED),)}, "ranges: AGE: unit: seen 'd'; it is in 'y'"),
        ({"ranges": (Range("SEX", 0.0, 1.0, "1", PRINTED),)}, "ranges: seen 'SEX'; allowed: AGE, HEIGHT, WEIGHT, BMI"),
    ],
    ids=str,
)
def test_a_domain_somebody_can_be_in(changes, said):
    found = problems(replace(SET, validity=replace(SET.validity, **changes)))
    assert len(found) == bool(said) and all(line.startswith(f"validity: {said}") for line in found)


def test_classes_share_a_fraction_and_take_values_in_the_same_unit():
    assert problems(replace(SET, classes=(PatientClass("a", "NONRESP", "EMAX", "EC50"), *SET.classes))) == [
        "class a: EC50 is in 'ng/mL', EMAX in '1'"
    ]
    assert "class a: share: KIN is in '10^9/L/h'; a fraction is needed" in problems(
        replace(SET, classes=(PatientClass("a", "KIN", "EMAX", "EMAX_NONRESP"),))
    )


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([("CL", "AGE", "power", 1.0, 40.0)], []),
        ([("CL", "AGE", "factor", 1.0, "old")], ["AGE on CL: form: seen 'factor'; allowed: power (AGE is a number)"]),
        ([("CL", "SEX", "factor", 2.0, "F")], []),
        ([("CL", "SEX", "factor", 2.0, "f")], ["SEX on CL: reference: seen 'f'; allowed: F, M; did you mean F?"]),
        ([("CL", "OWN", "factor", 2.0, "x")], []),
        ([("CL", "OWN", "factor", 2.0, "x"), ("VC", "OWN", "power", 2.0, 1.0)],
         [f"OWN on {p}: form: OWN is a number (power) in one effect, a category (factor) in another"
          for p in ("CL", "VC")]),
        ([("BASE", "AGE", "power", 2.0, 40.0)],
         ["AGE on BASE: changes nothing: the patient's own count takes the place of BASE"]),
        ([("EMAX_NONRESP", "AGE", "power", 2.0, 40.0)], ["AGE on EMAX_NONRESP: changes nothing: EMAX_NONRESP is 0"]),
    ],
    ids=str,
)  # fmt: skip
def test_effects_of_covariates(effects, said):
    made = tuple(CovariateEffect(*effect, PRINTED, "published") for effect in effects)
    assert problems(replace(SET, covariate_effects=made)) == said


def test_errors_of_what_changes_nothing():
    assert problems(with_parameter("BASE", rse_percent=10.0)) == [
        "BASE: rse_percent: changes nothing: the patient's own count takes the place of BASE"
    ]
    assert problems(with_parameter("EMAX_NONRESP", rse_percent=10.0)) == [
        "EMAX_NONRESP: rse_percent: changes nothing: EMAX_NONRESP is 0"
    ]
    assert problems(with_parameter("CL", rse_percent=10.0)) == []
