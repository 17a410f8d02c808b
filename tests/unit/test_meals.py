"""Meals that bind drug: of a food study's arm, and of patients' habits."""

from pathlib import Path

import numpy as np
import pytest
from hand_made import taking, unit
from scipy.stats import beta, kstest

import trial.jobs.work
from cohorts.sets import parameter_set
from trial.engine.dosing import days_between, dose_mg, meal_h
from trial.engine.draws import draw_unit
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import start_course
from trial.jobs.work import enrolment, simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study

PHASE_3 = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
TMDD = "hetrombopag_wang_2022"
INF = np.inf
FOOD_ARMS = [
    {"id": "FASTED", "start_dose_mg": 5},
    {"id": "WITH_FOOD", "start_dose_mg": 5, "meal_after_dose_h": 0},
    {"id": "AFTER_2_H", "start_dose_mg": 5, "meal_after_dose_h": 2},
]
FOOD_STUDY = {"arms": FOOD_ARMS, "randomisation": {"block_size": 3}}


def told(u):
    """Hours to the meal on the days of the first interval."""
    day = days_between(u.drawn, 1)
    course = start_course(u)[0]
    return meal_h(u, course, day, dose_mg(u, course, day)).tolist()


def test_the_meal_of_an_arm_follows_every_dose_taken_and_no_other_arm_has_one():
    taken = np.ones((3, 70), bool)
    taken[1, 2] = False
    u = unit(arm=(0, 1, 2), study=FOOD_STUDY | {"treatment_days": 5}, taken=taken)
    assert told(u) == [[INF] * 7, [0, 0, INF, 0, 0, INF, INF], [2] * 5 + [INF] * 2]


def test_habits_add_a_meal_on_the_patients_days_and_the_earlier_meal_counts():
    early = np.zeros((3, 70), bool)
    early[:, [1, 3]] = True
    u = unit(arm=(0, 1, 2), study=FOOD_STUDY | {"meals": {"share_mean": 0.5, "after_dose_h": 1}}, early_meal=early)
    assert told(u) == [[INF, 1, INF, 1, INF, INF, INF], [0] * 7, [2, 1, 2, 1, 2, 2, 2]]


def test_the_structure_is_told_the_meals_and_less_drug_means_fewer_platelets():
    """Made-up structure: a meal 2 h after the dose leaves 2/24 of it, one with the dose nothing: the count stays."""
    seen = []
    result = simulate_unit(unit(arm=(0, 1, 2), study=FOOD_STUDY, structure=taking(seen)))
    assert seen[1].meal_h.tolist() == [[INF] * 7, [0.0] * 7, [2.0] * 7]
    fasted, with_food, after_2_h = result.visits[-1].count
    assert with_food == pytest.approx(13.0, rel=1e-5)
    assert fasted > after_2_h > with_food + 0.1


def planned(patients=2000, **changes):
    data = (
        load_study(PHASE_3).model_dump()
        | {"patients": patients, "replicates": 1, "pk_sampling": None, "parameter_set": TMDD}
        | changes
    )
    study, chosen = Study.model_validate(data), parameter_set("hetrombopag_wang_2022")
    who = enrolment(study, 0, chosen)
    return draw_unit(study, chosen, who.cohort, who.arm)


def test_shares_are_beta_over_patients_and_each_day_keeps_the_patients_share():
    """Mean 0.3, SD 0.1: the Beta law with a = 6, b = 14 (KS); days within 4 SD of their Monte Carlo error."""
    plan = planned(meals={"share_mean": 0.3, "share_sd": 0.1, "after_dose_h": 1})
    assert kstest(plan.meal_share, beta(6, 14).cdf).pvalue > 1e-4
    n, days = plan.early_meal.shape
    error = plan.early_meal.mean(axis=1) - plan.meal_share
    of_chance = np.sqrt(plan.meal_share * (1 - plan.meal_share) / days)
    assert abs(error.mean()) < 4 * np.sqrt((of_chance**2).mean() / n)
    assert (error / of_chance).std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * n))


def test_the_same_share_for_everybody_without_a_spread():
    plan = planned(meals={"share_mean": 0.25, "after_dose_h": 1})
    assert (plan.meal_share == 0.25).all()
    cells = plan.early_meal.size
    assert plan.early_meal.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / cells))


def test_meals_change_no_other_draw():
    without, with_meals = planned(100), planned(100, meals={"share_mean": 0.3, "share_sd": 0.1, "after_dose_h": 1})
    assert not without.early_meal.any() and (without.meal_share == 0).all()
    for name in ("taken", "adherence", "bioavailability", "log_loss", "count_z", "leave_day", "rescue_clock"):
        assert np.array_equal(getattr(without, name), getattr(with_meals, name)), name
    # early meals and missed doses are drawn apart: their correlation is within 4 SD of none
    both = np.corrcoef(with_meals.early_meal.ravel(), with_meals.taken.ravel())[0, 1]
    assert abs(both) < 4 / np.sqrt(with_meals.taken.size)


def test_a_study_with_meals_has_the_share_in_its_patients_table_and_another_has_not(monkeypatch):
    monkeypatch.setattr(trial.jobs.work, "structure_of", lambda _: taking([]))
    data = load_study(PHASE_3).model_dump() | {
        "patients": 20,
        "replicates": 1,
        "pk_sampling": None,
        "parameter_set": TMDD,
    }
    without = simulate_replicates(Study.model_validate(data), range(1))["patients"]
    with_meals = Study.model_validate(data | {"meals": {"share_mean": 0.3, "share_sd": 0.1, "after_dose_h": 1}})
    table = simulate_replicates(with_meals, range(1))["patients"]
    assert [name for name in table.column_names if name not in without.column_names] == ["MEALSH"]
    who = enrolment(with_meals, 0)
    share = draw_unit(with_meals, parameter_set("hetrombopag_wang_2022"), who.cohort, who.arm).meal_share
    assert table["MEALSH"].to_pylist() == share.tolist() and 0.1 < np.mean(share) < 0.5
