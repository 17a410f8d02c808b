"""Assumed numbers at half and one and a half times their value; what limits them, by hand."""

from dataclasses import replace

import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import Parameter, RandomEffect
from cohorts.sets import parameter_set
from cohorts.variants import Assumed, assumed, nothing_to_halve, variants

HERE = Source(THIS_ENGINE, "test")
BASE = parameter_set("hetrombopag_wang_2022")


def made(effects=(), **values):
    """A set of assumed numbers; a name that ends in _SHARE is a fraction, named without it."""
    parameters = tuple(
        Parameter(name.removesuffix("_SHARE"), value, "fraction" if name.endswith("_SHARE") else "1", HERE, "assumed")
        for name, value in values.items()
    )
    return replace(
        BASE, parameters=parameters, random_effects=tuple(effects), correlations=(), covariate_effects=(), classes=()
    )


def tried(chosen):
    return {(v.assumed.name, v.factor): (pytest.approx(v.value), v.limited) for v in variants(chosen)}


def test_half_and_one_and_a_half():
    found = variants(made(CL=8.0))
    assert [(v.factor, v.value, v.limited, v.parameter_set.value("CL")) for v in found] == [
        (0.5, 4.0, "", 4.0), (1.5, 12.0, "", 12.0),
    ]  # fmt: skip


def test_only_assumed_numbers_and_none_of_0():
    effects = (
        RandomEffect("CL", 0.2, "", HERE, "assumed"), RandomEffect("F", 0.4, "", HERE, "assumed", "occasion"),
        RandomEffect("R0", 0.3, "", HERE, "published"),
    )  # fmt: skip
    chosen = made(effects, CL=8.0, R0=0.0)
    chosen = replace(chosen, parameters=(*chosen.parameters, Parameter("VC", 3.0, "L", HERE, "published")))
    assert [(a.name, a.value, a.meaning) for a in assumed(chosen)] == [
        ("CL", 8.0, "typical value"), ("R0", 0.0, "typical value"), ("OMEGA_CL", 0.2, "variance between patients"),
        ("OCCASION_F", 0.4, "variance between occasions"),
    ]  # fmt: skip
    assert nothing_to_halve(chosen) == ("R0",)
    assert [v.assumed.name for v in variants(chosen)] == [
        "CL",
        "CL",
        "OMEGA_CL",
        "OMEGA_CL",
        "OCCASION_F",
        "OCCASION_F",
    ]


def test_a_variance_of_either_level_is_replaced_alone():
    effects = (
        RandomEffect("F", 0.4, "", HERE, "assumed", "occasion"), RandomEffect("F", 0.2, "", HERE, "assumed"),
        RandomEffect("CL", 0.7, "", HERE, "assumed", "occasion"),
    )  # fmt: skip
    chosen = made(effects, CL=8.0, F=1.0)
    assert [e.variance for e in chosen.with_values({"OCCASION_F": 0.6}).random_effects] == [0.6, 0.2, 0.7]
    assert [e.variance for e in chosen.with_values({"OMEGA_F": 0.6}).random_effects] == [0.4, 0.6, 0.7]
    assert chosen.with_values({"CL": 3.0}).value("CL") == 3.0


def test_a_fraction_stays_below_1():
    assert tried(made(NONRESP_SHARE=0.7)) == {
        ("NONRESP", 0.5): (0.35, ""), ("NONRESP", 1.5): (0.99, "a fraction, at most 0.99"),
    }  # fmt: skip
    assert tried(made(NONRESP_SHARE=0.66))["NONRESP", 1.5] == (0.99, "")


def test_the_lag_and_the_switch_keep_their_order():
    assert tried(made(LAG=3.0, TSWITCH=4.0)) == {
        ("LAG", 0.5): (1.5, ""), ("LAG", 1.5): (4.0, "not after TSWITCH"),
        ("TSWITCH", 0.5): (3.0, "not before LAG"), ("TSWITCH", 1.5): (6.0, ""),
    }  # fmt: skip
    assert tried(made(LAG=2.0, TSWITCH=3.0))["LAG", 1.5] == (3.0, "")
    assert tried(made(LAG=3.0)) == {("LAG", 0.5): (1.5, ""), ("LAG", 1.5): (4.5, "")}
    assert tried(made(TSWITCH=3.0))["TSWITCH", 0.5] == (1.5, "")


def test_an_occupancy_is_at_most_1():
    assert tried(made(ETA=0.9)) == {("ETA", 0.5): (0.45, ""), ("ETA", 1.5): (1.0, "at most 1")}
    assert tried(made(ETA=2 / 3))["ETA", 1.5] == (1.0, "")


def test_shares_of_one_whole_leave_a_rest():
    assert tried(made(FP_SHARE=0.5, FM_SHARE=0.4)) == {
        ("FP", 0.5): (0.25, ""), ("FP", 1.5): (0.59, "with FM at most 0.99"),
        ("FM", 0.5): (0.2, ""), ("FM", 1.5): (0.49, "with FP at most 0.99"),
    }  # fmt: skip
    assert tried(made(FP_SHARE=0.5))["FP", 1.5] == (0.75, "")


def test_what_kind_of_number_it_is():
    assert Assumed("OMEGA_X", 1.0, "1").meaning == "variance between patients"
