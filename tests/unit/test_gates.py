"""What a parameter set is refused for: one wrong number at a time in a set that passes."""

from dataclasses import replace

import pytest

from cohorts.citations import THIS_ENGINE, Citation, Source
from cohorts.gates import BEYOND_STRUCTURE, naked, problems
from cohorts.parameters import Correlation, CovariateEffect, Parameter
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
