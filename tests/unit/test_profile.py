"""Concentration profiles from the first dose and over several days."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made import PARAMETERS, unit
from tiny_trial import STUDY, Patient, records

from analysis import endpoints
from analysis.endpoints import catalogue, nca
from analysis.endpoints.records import Profile
from trial.engine.simulate import simulate_unit
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study

PHASE_3 = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"

FIXED = [{"id": "DRUG", "start_dose_mg": 5}, {"id": "SHAM", "start_dose_mg": 5, "placebo": True}]
LONG = [0, 1, 4, 12, 24, 36, 48, 72]


def profile(visit_day, times_h, **changes):
    """True concentrations (2, T) in a study with visits on days 1, 2, 3 and 7 and a fixed dose a day."""
    plan = changes.pop("plan", {})
    study = {"arms": FIXED, "visits": {"days": [1, 2, 3, 7]}, "analysis": {"assessment_day": 7}, "dose_rules": {}}
    u = unit(study=study | {"pk_sampling": {"visit_day": visit_day, "times_h": times_h}} | changes, **plan)
    return simulate_unit(u).true_concentration


def test_a_profile_from_the_first_dose_starts_without_drug_and_follows_it():
    drug, sham = profile(0, LONG)
    assert ((drug > 0) == (np.array(LONG) > PARAMETERS["LAG"])).all() and np.isnan(sham).all()


def test_the_days_of_a_long_profile_are_those_of_the_trial():
    """A day later in the profile of day 0 is the start of the profile of day 1, a solve that begins there."""
    later = np.array([0.0, 1, 4, 12, 24])
    whole = profile(0, [*LONG[:5], *(24 + later[1:])])[0]
    np.testing.assert_allclose(whole[4:], profile(1, later.tolist())[0], rtol=1e-5)


def test_a_single_dose_is_followed_while_it_is_eliminated():
    single, daily = (profile(0, LONG, treatment_days=days)[0] for days in (1, 70))
    np.testing.assert_array_equal(single[:5], daily[:5])
    assert (np.diff(single[4:]) < 0).all() and (single[5:] < daily[5:]).all()


def test_a_patient_who_leaves_has_no_samples_after_that_day():
    leave = {"leave_day": np.array([2, 2]), "leave_reason": np.array([0, 0])}
    drug = profile(0, LONG, plan=leave)[0]
    assert np.isnan(drug).tolist() == [hour > 48 for hour in LONG]


def test_every_sample_has_a_value_or_a_reason():
    """A patient who leaves on day d has the samples of days before d; the others are "discontinued"."""
    data = load_study(PHASE_3).model_dump() | {"patients": 200, "replicates": 1}
    data |= {"pk_sampling": {"visit_day": 0, "times_h": LONG}, "dropout": [{"reason": "x", "hazard_per_week": 0.7}]}
    tables = simulate_replicates(Study.model_validate(data), range(1))
    who = {r["SUBJID"]: (r["ARM"], r["EOSDY"]) for r in tables["patients"].to_pylist()}
    reasons = {"": 0, "discontinued": 0, "no active dose": 0}
    for row in tables["observations"].to_pylist():
        if row["PARAMCD"] != "CONC":
            continue
        arm, last = who[row["SUBJID"]]
        gone = row["ATPT"] > 24 * last
        assert (row["AVAL"] is None) == (row["AVALREAS"] != "") and (row["AVISITN"], row["ADY"] or 0) == (0, 0)
        assert not gone or row["AVALREAS"] == "discontinued"
        assert gone or row["AVALREAS"] in ("", "no active dose")
        assert arm != "Placebo" or row["AVALREAS"] != ""
        reasons[row["AVALREAS"]] += 1
    assert min(reasons.values()) > 50


def test_a_long_profile_changes_no_count():
    u = {"arms": FIXED, "dose_rules": {}}
    long, none = (
        simulate_unit(unit(study=u | more)) for more in ({"pk_sampling": {"visit_day": 0, "times_h": LONG}}, {})
    )
    assert all((a.count == b.count).all() for a, b in zip(long.visits, none.visits, strict=True))


def test_endpoints_of_a_long_profile_are_those_of_the_first_24_hours():
    made = records(Patient([20.0], profile=(4.0, 10.0, 5.0)))
    times, values = np.array([0.0, 8, 24, 30, 48]), np.array([[4.0, 10, 5, 30, 2]])
    dose = made.profile.dose_mg
    long = replace(made, profile=Profile(times, values, np.full(values.shape, ""), dose, dose))
    expected = {"CMAX": 10, "CTROUGH": 5, "AUCTAU": 8 * 7 + 16 * 5 / np.log(2)}
    for code, value in expected.items():
        assert endpoints.evaluate(catalogue(56)[code], long, STUDY).value == pytest.approx([value]), code
    assert nca.auc(times, values)[0] > 200
