"""Records of a parameter set, units, variances, and the step from typical to individual values."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source, merge
from cohorts.parameters import (
    Correlation,
    CovariateEffect,
    Parameter,
    RandomEffect,
    Uncertainty,
    cv_to_variance,
    unknown_name,
    variance_to_cv,
)
from cohorts.sets import calibrated, parameter_set, rows
from cohorts.streams import Draws, Streams
from cohorts.units import convert
from cohorts.variability import (
    cholesky,
    covariance,
    covariate_factor,
    individual_parameters,
    occasion_factor,
    uncertain,
)

SET = parameter_set("hetrombopag_wang_2022")
HERE = Source(THIS_ENGINE, "test")


def draws(n: int, replicate: int = 0) -> Draws:
    return Draws(Streams(1), np.full(n, replicate), np.arange(n))


def test_cv_to_variance_is_that_of_a_log_normal():
    assert cv_to_variance(63.5) == pytest.approx(math.log(1 + 0.635**2), rel=1e-15)
    assert cv_to_variance(100.0) == pytest.approx(math.log(2.0), rel=1e-15)
    assert variance_to_cv(cv_to_variance(87.1)) == pytest.approx(87.1)
    assert variance_to_cv(0.66**2) == pytest.approx(74.0, abs=0.2)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [(1.5, "d", "h", 36.0), (2.0, "ug/mL", "ng/mL", 2000.0), (0.3, "1/wk", "1/d", 0.3 / 7), (5.0, "mg", "ug", 5000.0)],
)
def test_conversion(value, unit, to, expected):
    assert convert(value, unit, to) == pytest.approx(expected)


def test_conversion_refuses_nonsense():
    with pytest.raises(ValueError, match="no conversion"):
        convert(1.0, "mg", "kg")
    with pytest.raises(ValueError, match="'furlong' is not known"):
        convert(1.0, "furlong", "m")


def test_a_parameter_needs_a_known_unit_and_a_finite_value():
    with pytest.raises(ValueError, match="unit 'l/h' is not known"):
        Parameter("CL", 1.0, "l/h", HERE, "assumed")
    with pytest.raises(ValueError, match="CL: value: seen inf; allowed: a finite number"):
        Parameter("CL", math.inf, "L/h", HERE, "assumed")


def test_unknown_names_get_the_nearest_spelling():
    with pytest.raises(KeyError, match="did you mean KDEG_T"):
        SET.value("KDEGT")
    with pytest.raises(KeyError, match="did you mean hetrombopag_wang_2022"):
        parameter_set("hetrombopag_wang_2020")
    with pytest.raises(KeyError, match="OMEGA_EC50"):
        SET.with_values({"OMEGA_EC5": 1.0})
    several = unknown_name("letter", "AX", ["AB", "AC", "AD", "AE"])
    assert "did you mean AE or AD or AC? Known: AB, AC, AD, AE" in str(several)


def test_with_values_changes_what_it_names_and_nothing_else():
    other = SET.with_values({"EC50": 20.0, "OMEGA_EC50": 0.8})
    assert (other.value("EC50"), other.variances["OMEGA_EC50"]) == (20.0, 0.8)
    assert [p for p in other.parameters if p.name != "EC50"] == [p for p in SET.parameters if p.name != "EC50"]
    assert other.effects("occasion") == SET.effects("occasion")
    assert SET.with_values({}) == SET
    with pytest.raises(ValueError, match="0 or more"):
        SET.with_values({"OMEGA_EC50": -0.1})
    with pytest.raises(ValueError, match="EC50: value: seen nan; allowed: a finite number"):
        SET.with_values({"EC50": math.nan})


def test_repeated_and_dangling_names_are_refused():
    with pytest.raises(ValueError, match="listed more than once: CL"):
        replace(SET, parameters=(*SET.parameters, SET.parameter("CL")))
    with pytest.raises(ValueError, match="both need a patient-level random effect"):
        replace(SET, correlations=(Correlation("CL", "Q", 0.1, HERE, "assumed"),))
    with pytest.raises(KeyError, match="no parameter"):
        replace(SET, random_effects=(RandomEffect("CLX", 0.1, "", HERE, "assumed"),))


def test_covariance_holds_variances_and_correlations():
    omega = covariance(SET)
    order = [e.parameter for e in SET.effects("patient")]
    assert np.diag(omega) == pytest.approx([e.variance for e in SET.effects("patient")])
    i, j = order.index("CL"), order.index("VC")
    assert omega[i, j] == omega[j, i] == pytest.approx(0.55 * math.sqrt(omega[i, i] * omega[j, j]))
    lower = cholesky(SET)
    assert lower @ lower.T == pytest.approx(omega, abs=1e-14)


def test_impossible_correlations_are_refused_by_name():
    three = [
        Correlation(a, b, v, HERE, "assumed")
        for a, b, v in (("CL", "VC", 0.9), ("VC", "MTT", 0.9), ("CL", "MTT", -0.9))
    ]
    with pytest.raises(ValueError, match=r"CL-MTT -0.9\) are not positive definite"):
        cholesky(replace(SET, correlations=tuple(three)))


def test_covariate_factors():
    power = SET.covariate_effects[0]
    assert covariate_factor(power, np.array([62.0, 124.0])) == pytest.approx([1.0, 2.0**0.75])
    factor = CovariateEffect("CL", "SEX", "factor", 0.622, "M", HERE, "assumed")
    assert covariate_factor(factor, np.array(["M", "F"])).tolist() == [1.0, 0.622]


def test_individual_values_are_theta_times_weight_times_eta():
    n, weight = 50, np.full(50, 80.0)
    values, responder = individual_parameters(SET, draws(n), {"WEIGHT": weight, "BASE": np.full(n, 9.0)})
    assert set(values) == {p.name for p in SET.parameters}
    assert values["CL"] == pytest.approx(
        7.66 * (80 / 62) ** 0.75 * np.exp(cholesky(SET)[0, 0] * draws(n).normal("eta:CL"))
    )
    assert (values["Q"] == 2.27).all() and (values["BASE"] == 9.0).all()
    assert np.array_equal(values["EMAX"] == 0.0, ~responder)


def test_a_random_effect_more_leaves_the_others_alone():
    more = replace(SET, random_effects=(*SET.random_effects, RandomEffect("KIN", 0.1, "", HERE, "assumed")))
    weight = {"WEIGHT": np.full(20, 62.0)}
    before, after = individual_parameters(SET, draws(20), weight)[0], individual_parameters(more, draws(20), weight)[0]
    assert all(np.array_equal(before[name], after[name]) for name in before if name != "KIN")
    assert (before["KIN"] != after["KIN"]).all()


def test_occasion_factor_belongs_to_the_week():
    first, again, second = (occasion_factor(draws(30), SET, week) for week in (0, 0, 1))
    assert np.array_equal(first, again) and (first != second).all()
    without = replace(SET, random_effects=SET.effects("patient"))
    assert (occasion_factor(draws(3), without, 0) == 1.0).all()


def test_parameter_uncertainty_moves_values_once_per_replicate():
    one, again, two = (uncertain(SET, Streams(1), r) for r in (0, 0, 1))
    assert one == again and one.value("CL") != two.value("CL") != SET.value("CL")
    assert one.value("Q") == SET.value("Q")
    certain = replace(SET, parameters=tuple(replace(p, rse_percent=None) for p in SET.parameters), uncertainty=())
    with pytest.raises(ValueError, match="no parameter has a standard error"):
        uncertain(certain, Streams(1), 0)
    with pytest.raises(ValueError, match="no parameter has a standard error"):
        uncertain(replace(certain, uncertainty=(Uncertainty((), (), ()),)), Streams(1), 0)


def test_an_uncertain_share_stays_a_share():
    unsure = tuple(replace(p, rse_percent=90.0) if p.name == "NONRESP" else p for p in SET.parameters)
    shares = [uncertain(replace(SET, parameters=unsure), Streams(1), r).value("NONRESP") for r in range(300)]
    assert 0 < min(shares) < 0.11 < max(shares) < 1


RECORD = {
    "values": {"EC50": 12.5, "OMEGA_MTT": 0.04, "NONRESP": 0.2},
    "targets": ["row_1"],
    "note": "fit",
    "uncertainty": {
        "names": ["EC50", "OMEGA_MTT", "NONRESP"],
        "rse_percent": {"EC50": 30.0, "OMEGA_MTT": 45.0, "NONRESP": 20.0},
        "correlation": [[1.0, 0.7, 0.0], [0.7, 1.0, -0.3], [0.0, -0.3, 1.0]],
    },
}


def test_calibrated_values_move_together():
    """Log-normal with the record's standard errors and correlations (log odds of a share); 1,000 replicates."""
    fitted, n = calibrated(SET, RECORD), 1000
    drawn = [uncertain(fitted, Streams(3), r) for r in range(n)]
    share = np.array([d.value("NONRESP") for d in drawn])
    scale = [np.sqrt(cv_to_variance(30.0)), np.sqrt(cv_to_variance(45.0)), 0.2 / 0.8]
    start = [np.log(12.5), np.log(0.04), np.log(0.2 / 0.8)]
    logs = [np.log([d.value("EC50") for d in drawn]), np.log([d.variances["OMEGA_MTT"] for d in drawn])]
    z = (np.array([*logs, np.log(share / (1 - share))]) - np.array(start)[:, None]) / np.array(scale)[:, None]
    assert np.abs(z.mean(axis=1)).max() < 4 / np.sqrt(n)
    assert np.abs(z.std(axis=1) - 1).max() < 4 / np.sqrt(2 * n)
    off = np.abs(np.corrcoef(z) - np.array(RECORD["uncertainty"]["correlation"]))
    assert off.max() < 4 / np.sqrt(n)
    assert drawn[0].value("CL") == uncertain(SET, Streams(3), 0).value("CL") != SET.value("CL")


def test_a_value_given_anew_is_no_longer_uncertain_and_the_others_stay_so():
    again = calibrated(calibrated(SET, RECORD), {"values": {"EC50": 9.0}, "targets": [], "note": "mine"})
    assert "EC50" not in again.rse_percent and {"OMEGA_MTT", "NONRESP"} < set(again.rse_percent)
    assert uncertain(again, Streams(3), 0).value("EC50") == 9.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["EC50", "OMEGA_MTT"]}, "2 standard errors and 2 x 2 are needed"),
        ({"correlation": [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}, "not positive definite"),
        ({"rse_percent": {"EC50": 30.0}}, "uncertainty: missing rse_percent.OMEGA_MTT, rse_percent.NONRESP"),
    ],
)
def test_an_uncertainty_that_makes_no_sense_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        calibrated(SET, RECORD | {"uncertainty": RECORD["uncertainty"] | change})


def test_calibrated_values_carry_status_and_targets():
    new = calibrated(
        SET, {"values": {"EC50": 12.5, "OMEGA_MTT": 0.04}, "targets": ["row_1"], "note": "fit", "rse_percent": {}}
    )
    assert (new.value("EC50"), new.parameter("EC50").status, new.parameter("EC50").targets) == (
        12.5,
        "calibrated",
        ("row_1",),
    )
    assert next(e for e in new.random_effects if e.parameter == "MTT").variance == 0.04
    assert new.parameter("CL") == SET.parameter("CL")
    with pytest.raises(KeyError, match="did you mean EC50"):
        calibrated(SET, {"values": {"EC5O": 1.0}, "targets": [], "note": ""})


def test_rows_show_every_number_as_text():
    table = rows(SET)
    assert len({row["name"] for row in table}) == len(table)
    assert all(isinstance(text, str) for row in table for text in row.values())
    cl = next(row for row in table if row["name"] == "CL")
    assert (cl["value"], cl["unit"], cl["iiv"], cl["status"]) == ("7.66", "L/h", "63.5 %", "published")
    assert next(row for row in table if row["name"] == "OCCASION_F")["value"] == "0.4356"
    errors = {row["name"]: row["rse"] for row in rows(calibrated(SET, RECORD))}
    assert (errors["EC50"], errors["OMEGA_MTT"], errors["Q"]) == ("30 %", "45 %", "")


def test_merge_keeps_the_order_of_first_use():
    assert merge([SET.parameter(name).source for name in ("CL", "Q", "VC")]) == SET.citations[:2]
