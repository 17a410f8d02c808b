"""Sampling a cohort: what is in it, the flow of screening, and what may not change a patient."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cohorts.noise import bleeding_grade
from cohorts.populations import population
from cohorts.sampler import PATIENT_COLUMNS, Cohort, concatenate, sample_cohorts
from cohorts.screening import exclusions, first_reason, flow, outside_domain, report
from cohorts.sets import parameter_set
from cohorts.streams import Streams

SET = parameter_set("hetrombopag_wang_2022")
POPULATION = population("chronic_itp_mei_2021")


def criteria(**changed) -> SimpleNamespace:
    usual = dict(
        platelets_at_least_1e9L=0.0,
        platelets_below_1e9L=30.0,
        itp_duration_at_least_y=0.5,
        age_at_least_y=18.0,
        age_at_most_y=120.0,
    )
    return SimpleNamespace(**(usual | changed))


def sample(n: int, replicate: int = 0, seed: int = 1, chosen=SET, screening=None, **more) -> Cohort:
    screening = screening or criteria()
    return sample_cohorts(
        chosen, POPULATION, n=n, replicates=(replicate,), streams=Streams(seed), screening=screening, **more
    )


def same(a: Cohort, b: Cohort, n: int) -> bool:
    tables = a.patients.head(n).reset_index(drop=True).equals(b.patients.head(n).reset_index(drop=True))
    return tables and all(np.array_equal(a.parameters[k][:n], b.parameters[k][:n]) for k in a.parameters)


def test_columns_and_parameters():
    cohort = sample(40)
    assert tuple(cohort.patients.columns) == PATIENT_COLUMNS
    assert set(cohort.parameters) == {p.name for p in SET.parameters}
    assert all(len(values) == 40 for values in (*cohort.parameters.values(), cohort.trueplat0, cohort.draws.candidate))
    assert cohort.patients["BMI"].to_numpy() == pytest.approx(
        (cohort.patients["WEIGHT"] / (cohort.patients["HEIGHT"] / 100) ** 2).to_numpy()
    )
    non_responder = (cohort.patients["RESPCLS"] == "non-responder").to_numpy()
    assert np.array_equal(non_responder, cohort.parameters["EMAX"] == 0)


def test_growing_a_cohort_keeps_the_first_patients():
    """Also across the border of a block of 1,024 candidates."""
    small, large = sample(30), sample(1500)
    assert same(small, large, 30)
    assert large.draws.candidate.max() >= 1024


def test_candidates_are_screened_from_the_first_on():
    assert (
        sample(300).draws.candidate[0] == 0 and sample(300).screened["screened"] == 1 + sample(300).draws.candidate[-1]
    )


def test_replicates_do_not_depend_on_each_other():
    streams = Streams(1)
    third = [
        sample_cohorts(SET, POPULATION, n=25, replicates=(r,), streams=streams, screening=criteria()) for r in (0, 1, 2)
    ][2]
    assert same(third, sample(25, replicate=2), 25)
    assert not same(third, sample(25, replicate=0), 25)


def test_drug_parameters_do_not_choose_patients():
    other = sample(50, chosen=SET.with_values({"EC50": 3.0, "OMEGA_EC50": 0.2, "RESCUE_H0": 0.9}))
    assert sample(50).patients.equals(other.patients)


def test_the_flow_adds_up():
    screened = sample(200).screened
    first, *reasons, last = screened
    assert (first, last, screened["randomised"]) == ("screened", "randomised", 200)
    assert screened["screened"] == sum(screened[r] for r in reasons) + 200
    assert reasons == ["age below 18 y", "ITP for less than 0.5 y", "platelets of 30 x 10^9/L or more"]


def test_everybody_enrolled_meets_the_criteria():
    strict = criteria(platelets_below_1e9L=10.0, itp_duration_at_least_y=3.0, age_at_least_y=30.0, age_at_most_y=60.0)
    cohort = sample(100, screening=strict)
    assert cohort.patients["AGE"].between(30, 60).all()
    assert (cohort.patients["ITPDUR"] >= 3).all() and (cohort.patients["BLPLAT"] < 10).all()
    assert "age above 60 y" in cohort.screened


def test_reasons_are_asked_in_order():
    candidates = {
        "AGE": np.array([17, 40, 40, 40]),
        "ITPDUR": np.array([0.1, 0.1, 2, 2]),
        "BLPLAT": np.array([40, 40, 30, 29]),
    }
    excluded = exclusions(criteria(), candidates)
    code = first_reason(excluded)
    assert code.tolist() == [0, 1, 2, -1]
    assert list(flow(list(excluded), code).values()) == [4, 1, 1, 1, 1]
    low = exclusions(criteria(platelets_at_least_1e9L=0.5), candidates)
    assert "platelets below 0.5 x 10^9/L" in low and not any("platelets below" in reason for reason in excluded)


def test_hopeless_screening_stops_with_the_reasons():
    with pytest.raises(
        ValueError, match=r"only 0 of 20480 candidates are eligible, 5 wanted; at least 2% must be.*: 0"
    ):
        sample(5, screening=criteria(age_at_least_y=100.0))
    with pytest.raises(ValueError, match="at least 1 patient"):
        sample(0)


def test_no_room_for_differences_between_patients():
    with pytest.raises(ValueError, match=r"FLUCT_SD 1\.2 and ASSAY_CV 0\.08 leave no room"):
        sample(5, chosen=SET.with_values({"FLUCT_SD": 1.2}))


def test_baseline_count_is_the_true_count_measured():
    """BLPLAT is TRUEPLAT0 with the assay error of day 0; TRUEPLAT0 is BASE moved by the fluctuation of day 0."""
    cohort = sample(60)
    draws, p = cohort.draws, cohort.parameters
    assert cohort.trueplat0 == pytest.approx(p["BASE"] * np.exp(-p["FLUCT_SD"] * draws.normal("fluctuation", 0)))
    error = np.exp(np.sqrt(np.log(1 + 0.08**2)) * draws.normal("residual:platelets", 0))
    assert cohort.patients["BLPLAT"].to_numpy() == pytest.approx(
        np.maximum(np.floor(cohort.trueplat0 * error + 0.5), 1)
    )
    assert report([0.2, 1.49, 29.49, 29.5]).tolist() == [1, 1, 29, 30]


@pytest.mark.parametrize(("limit", "whole"), [(10.0, True), (0.0, False), (2.5, False)])
def test_the_baseline_count_comes_from_the_laboratory_of_the_visits(limit, whole):
    """The same patients as with the usual laboratory as far as nobody changes sides at the limit of 30."""
    laboratory = SimpleNamespace(lower_limit_1e9L=limit, whole_numbers=whole)
    cohort = sample(60, screening=criteria(platelets_below_1e9L=1000), laboratory=laboratory)
    error = np.exp(np.sqrt(np.log(1 + 0.08**2)) * cohort.draws.normal("residual:platelets", 0))
    measured = cohort.trueplat0 * error
    expected = np.maximum(np.floor(measured + 0.5) if whole else measured, limit)
    assert cohort.patients["BLPLAT"].to_numpy() == pytest.approx(expected) and (measured < 10).any()
    usual = sample(60, screening=criteria(platelets_below_1e9L=1000))
    assert (usual.trueplat0 == cohort.trueplat0).all()


def test_baseline_bleeding_uses_the_streams_of_the_visits():
    cohort = sample(60)
    u, e = cohort.draws.normal("bleeding:propensity"), cohort.draws.normal("bleeding:visit", 0)
    assert np.array_equal(cohort.patients["BLBLEED"], bleeding_grade(cohort.trueplat0, u, e, cohort.parameters))


def test_bleeding_grades_at_hand():
    p = {
        k: np.full(5, v)
        for k, v in dict(BLEED_A=0.5, BLEED_B=0.5, BLEED_RHO=0.64, BLEED_C2=1, BLEED_C3=2, BLEED_C4=3).items()
    }
    u = np.array([-1.0, 0.0, 1.25, 2.5, 3.75])
    assert bleeding_grade(np.full(5, 13.0), u, np.zeros(5), p).tolist() == [0, 1, 2, 3, 4]
    assert bleeding_grade(np.full(5, 13.0 * np.e), u, np.zeros(5), p).tolist() == [0, 0, 1, 2, 3]


def test_concatenation_keeps_every_patient():
    parts = [sample(20, replicate=r) for r in range(3)]
    joined = concatenate(parts)
    assert len(joined.patients) == 60 and joined.draws.replicate.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert joined.screened["screened"] == sum(part.screened["screened"] for part in parts)
    assert np.array_equal(joined.parameters["CL"][20:40], parts[1].parameters["CL"])
    assert np.array_equal(joined.draws.normal("x", 4)[40:], parts[2].draws.normal("x", 4))


def test_outside_the_domain_is_flagged_with_the_reason():
    narrow = replace(
        SET.validity, ranges=tuple(replace(r, low=40.0) if r.covariate == "AGE" else r for r in SET.validity.ranges)
    )
    candidates = {
        "AGE": np.array([39.0, 40.0, 76.0]),
        "WEIGHT": np.array([38.0, 39.0, 60.0]),
        "BLPLAT": np.array([1.0, 30.0, 5.0]),
    }
    assert outside_domain(narrow, candidates).tolist() == ["AGE below 40 y; WEIGHT below 39 kg", "", "AGE above 75 y"]


def test_parameter_uncertainty_is_off_by_default_and_per_replicate():
    plain, unsure, other = sample(20), sample(20, parameter_uncertainty=True), sample(20, 1, parameter_uncertainty=True)
    ratio = unsure.parameters["CL"] / plain.parameters["CL"]
    assert ratio == pytest.approx(ratio[0]) and ratio[0] != 1.0
    assert other.parameters["CL"] / sample(20, 1).parameters["CL"] != pytest.approx(ratio[0])
