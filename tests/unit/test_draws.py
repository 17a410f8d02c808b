"""What is drawn for a unit: moments, independence and laws; tolerances of 4.5 Monte Carlo errors."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hand_made import STUDY, people, unit
from scipy.stats import beta

from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams
from trial.engine.draws import Unit, _habit, draw_unit, most_rescues
from trial.engine.weeks import Occasions
from trial.models import TMDD_LIFESPAN
from trial.study.study import Study

N = 4000
SET = parameter_set("hetrombopag_wang_2022")
FIELDS_BY_VISIT = ("count_z", "bleeding_e")
NEVER = np.iinfo(np.int64).max


def drawn(study=None, n=N, chosen=SET, arm=None, **parameters):
    said = Study.model_validate(STUDY | {"visits": {"days": [28, 56]}, "treatment_days": 56} | (study or {}))
    arm = np.arange(n) % 2 if arm is None else np.asarray(arm)
    return draw_unit(said, chosen, people(n, **parameters), arm)


def correlation(a, b):
    return abs(np.corrcoef(a, b)[0, 1])


def test_shapes():
    d = drawn({"pk_sampling": {"visit_day": 28}}, n=3)
    assert d.n == 3 and d.arm.tolist() == [0, 1, 0]
    assert d.visit_day.shape == d.missed.shape == d.count_z.shape == d.bleeding_e.shape == (3, 3)
    assert d.taken.shape == d.early_meal.shape == d.bioavailability.shape == d.log_loss.shape == (3, 56)
    assert d.conc_z.shape == (3, 11) and drawn(n=3).conc_z.shape == (3, 0)
    assert d.adherence.tolist() == [1, 1, 1] and d.taken.all()
    assert d.meal_share.tolist() == [0, 0, 0] and not d.early_meal.any() and (d.log_loss == 0).all()


def test_standard_normal_and_independent_from_visit_to_visit():
    """Assay error and bleeding of a visit say nothing about those of another, nor about each other."""
    d = drawn({"pk_sampling": {"visit_day": 28}})
    columns = [*d.count_z.T, *d.bleeding_e.T, d.bleeding_u, *d.conc_z.T]
    for k, one in enumerate(columns):
        assert abs(one.mean()) < 4.5 / np.sqrt(N) and abs(one.std() - 1) < 4.5 / np.sqrt(2 * N)
        assert all(correlation(one, other) < 4.5 / np.sqrt(N) for other in columns[:k])


def test_adding_a_visit_changes_no_other_draw():
    few, many = drawn({"visits": {"days": [28, 56]}}), drawn({"visits": {"days": [14, 28, 56]}})
    for name in FIELDS_BY_VISIT:
        assert (getattr(few, name) == getattr(many, name)[:, [0, 2, 3]]).all()
    assert (few.rescue_clock == many.rescue_clock).all() and (few.log_loss == many.log_loss).all()


@pytest.mark.parametrize(("mean", "sd"), [(0.88, 0.1), (0.5, 0.25), (0.3, 0.05)])
def test_adherence_is_beta_with_this_mean_and_sd(mean, sd):
    """Mean, SD and a quantile of the Beta law; the days taken have the patient's own probability."""
    d = drawn({"adherence": {"mean": mean, "sd": sd}})
    size = mean * (1 - mean) / sd**2 - 1
    law = beta(mean * size, (1 - mean) * size)
    assert d.adherence.mean() == pytest.approx(mean, abs=4.5 * sd / np.sqrt(N))
    kurtosis = float(law.stats("k"))
    assert d.adherence.std() == pytest.approx(sd, rel=4.5 * np.sqrt((kurtosis + 2) / (4 * N)))
    assert (d.adherence < law.ppf(0.2)).mean() == pytest.approx(0.2, abs=4.5 * np.sqrt(0.16 / N))
    off = d.taken.mean(axis=1) - d.adherence
    assert off.mean() == pytest.approx(0, abs=4.5 * 0.5 / np.sqrt(56 * N))
    per_day = np.sqrt((d.adherence * (1 - d.adherence)).mean() / 56)
    assert off.std() == pytest.approx(per_day, rel=0.1)


def test_days_are_taken_independently_and_one_probability_is_for_all():
    d = drawn({"adherence": {"mean": 0.7}})
    assert (d.adherence == 0.7).all()
    assert correlation(d.taken[:, 3], d.taken[:, 4]) < 4.5 / np.sqrt(N)
    assert d.taken[:, 3].mean() == pytest.approx(0.7, abs=4.5 * np.sqrt(0.21 / N))


def test_meals_are_a_habit_of_their_own():
    both = drawn(
        {"adherence": {"mean": 0.7, "sd": 0.1}, "meals": {"share_mean": 0.2, "share_sd": 0.1, "after_dose_h": 1}}
    )
    assert both.meal_share.mean() == pytest.approx(0.2, abs=4.5 * 0.1 / np.sqrt(N))
    assert both.early_meal.mean() == pytest.approx(0.2, abs=4.5 * 0.1 / np.sqrt(N))
    assert correlation(both.meal_share, both.adherence) < 4.5 / np.sqrt(N)
    assert correlation(both.early_meal[:, 5], both.taken[:, 5]) < 4.5 / np.sqrt(N)


def test_each_week_is_an_occasion():
    """The same bioavailability on the seven days of a week, another one in the next, of the variance of the set."""
    (effect,) = SET.effects("occasion")
    log_f = np.log(drawn({"visits": {"days": [28, 56, 59]}}).bioavailability)
    assert log_f.shape == (N, 59)
    weeks = [log_f[:, 7 * w : 7 * w + 7] for w in range(9)]
    assert all((week == week[:, :1]).all() for week in weeks)
    for k, week in enumerate(weeks):
        assert week[:, 0].std() == pytest.approx(np.sqrt(effect.variance), rel=4.5 / np.sqrt(2 * N))
        assert all(correlation(week[:, 0], other[:, 0]) < 4.5 / np.sqrt(N) for other in weeks[:k])
    without = drawn(chosen=replace(SET, random_effects=SET.effects("patient")), n=2)
    assert (without.bioavailability == 1).all()


def test_rescue_clocks_are_sums_of_independent_unit_exponentials():
    """The k-th clock has mean k and variance k; the waits between them have mean 1 and do not know each other."""
    clock = drawn().rescue_clock
    waits = np.diff(clock, axis=1, prepend=0.0)
    assert (waits > 0).all()
    for k in range(4):
        assert clock[:, k].mean() == pytest.approx(k + 1, abs=4.5 * np.sqrt((k + 1) / N))
        assert waits[:, k].std() == pytest.approx(1, abs=4.5 * np.sqrt(2 / N))
        assert (waits[:, k] > np.log(10)).mean() == pytest.approx(0.1, abs=4.5 * np.sqrt(0.09 / N))
        assert all(correlation(waits[:, k], waits[:, j]) < 4.5 / np.sqrt(N) for j in range(k))


@pytest.mark.parametrize("width", [0, 1, 3])
def test_visits_are_uniform_in_their_window_and_baseline_is_day_0(width):
    d = drawn({"visits": {"days": [28, 56], "window_days": width}})
    assert (d.visit_day[:, 0] == 0).all() and d.taken.shape[1] == 56 + width
    for k, planned in ((1, 28), (2, 56)):
        days, seen = np.unique(d.visit_day[:, k] - planned, return_counts=True)
        assert days.tolist() == list(range(-width, width + 1))
        share = 1 / (2 * width + 1)
        np.testing.assert_allclose(seen / N, share, atol=4.5 * np.sqrt(share * (1 - share) / N) + 1e-12)
        u = people(N).draws.uniform("visit:window", planned)
        assert (d.visit_day[:, k] == planned - width + np.floor(u * (2 * width + 1))).all(), "a late u, a late day"
    if width:
        assert correlation(d.visit_day[:, 1], d.visit_day[:, 2]) < 4.5 / np.sqrt(N)


def test_visits_are_missed_independently_and_never_at_baseline():
    d = drawn({"visits": {"days": [28, 56], "missed_probability": 0.2}})
    assert not d.missed[:, 0].any()
    np.testing.assert_allclose(d.missed[:, 1:].mean(axis=0), 0.2, atol=4.5 * np.sqrt(0.16 / N))
    assert correlation(d.missed[:, 1], d.missed[:, 2]) < 4.5 / np.sqrt(N)
    assert not drawn(n=50).missed.any()


def test_leaving_is_exponential_and_the_first_reason_counts():
    """Hazards 0.01 and 0.03 per week: 1 - exp(-0.04 t) left by week t, three of four for the second reason."""
    reasons = [{"reason": "adverse event", "hazard_per_week": 0.01}, {"reason": "wish", "hazard_per_week": 0.03}]
    d = drawn({"dropout": reasons})
    for weeks in (10, 25, 60):
        share = 1 - np.exp(-0.04 * weeks)
        assert (d.leave_day <= 7 * weeks).mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N))
    assert d.leave_day.min() >= 1
    assert (d.leave_reason == 1).mean() == pytest.approx(0.75, abs=4.5 * np.sqrt(0.1875 / N))
    assert set(d.leave_reason) == {0, 1}


def test_two_reasons_on_one_day_are_compared_before_they_are_rounded():
    """Equal hazards of 3 a week: each reason is first in half of the patients, though a fifth of the days are ties."""
    d = drawn(
        {"dropout": [{"reason": "adverse event", "hazard_per_week": 3}, {"reason": "wish", "hazard_per_week": 3}]}
    )
    assert (d.leave_reason == 0).mean() == pytest.approx(0.5, abs=4.5 * np.sqrt(0.25 / N))


def test_there_are_clocks_for_every_rescue_that_can_be():
    """A year of weekly visits, 28 days apart: 14 fit into 367 days; 7 days apart: every visit; the first four stay."""
    year = {"visits": {"days": list(range(7, 365, 7)), "window_days": 3}, "analysis": {"assessment_day": 56}}
    monthly, weekly = (drawn(year | {"rescue": {"min_days_between": days}}, n=3).rescue_clock for days in (28, 7))
    assert monthly.shape == (3, 14) and weekly.shape == (3, 52) and (weekly[:, :14] == monthly).all()
    assert (drawn(n=3).rescue_clock == monthly[:, :4]).all()


def test_leaving_by_arm_and_never_without_a_hazard():
    d = drawn({"dropout": [{"reason": "wish", "hazard_per_week": {"DRUG": 0.05, "SHAM": 0.0}}]})
    assert (d.leave_day[1::2] == NEVER).all() and (d.leave_reason[1::2] == -1).all()
    share = 1 - np.exp(-0.5)
    assert (d.leave_day[::2] <= 70).mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / (N / 2)))
    assert (d.leave_reason[::2] == 0).all()
    assert (drawn(n=5).leave_day == NEVER).all()


def test_the_loss_fluctuates_with_the_patients_own_sd_and_time():
    log_loss = drawn(FLUCT_SD=0.4, FLUCT_TAU=20.0).log_loss
    np.testing.assert_allclose(log_loss.std(axis=0), 0.4, rtol=4.5 / np.sqrt(2 * N))
    assert np.corrcoef(log_loss[:, 0], log_loss[:, 20])[0, 1] == pytest.approx(np.exp(-1), abs=4.5 / np.sqrt(N))


def test_present_is_neither_missed_nor_left():
    """Leaving on the day of a visit comes before the visit."""
    d = replace(
        drawn(n=3), missed=np.array([[0, 1, 0]] * 3, dtype=bool), leave_day=np.array([56, 57, 28]),
        visit_day=np.array([[0, 28, 56]] * 3),
    )  # fmt: skip
    assert d.present.tolist() == [[True, False, False], [True, False, True], [True, False, False]]


def test_parameters_in_the_order_of_the_structure_and_1_for_who_is_not_sound():
    u = unit(parameters={"CL": np.array([7.0, np.inf]), "VC": np.array([30.0, 31.0]), "CONC_CV": np.array([0.1, 0.2])})
    assert u.sound.tolist() == [True, False]
    assert u.p[0, :2].tolist() == [7.0, 30.0] and (u.p[1] == 1).all()
    assert u.p.shape == (2, len(TMDD_LIFESPAN.parameters))


def test_who_is_not_sound_has_1_also_for_what_differs_from_week_to_week():
    """CL doubled in the second week: 14 for who is sound, 1 on every day for who is not."""
    weeks = Occasions(np.array([[1.0, 2.0]] * 2), "log")
    u = unit(parameters={"CL": np.array([7.0, np.inf])}, occasions={"CL": weeks})
    assert [u.p_on(np.full(2, day))[:, 0].tolist() for day in (0, 7)] == [[7.0, 1.0], [14.0, 1.0]]


def test_one_visit_is_enough():
    d = drawn({"visits": {"days": [56]}}, n=2)
    assert d.visit_day.tolist() == [[0, 56]] * 2 and d.missed.tolist() == [[False, False]] * 2


def test_a_hazard_of_0_divides_nothing():
    with np.errstate(divide="raise", invalid="raise"):
        d = drawn({"dropout": [{"reason": "wish", "hazard_per_week": {"DRUG": 1.5, "SHAM": 0.0}}]}, n=40)
    assert (d.leave_day[1::2] == NEVER).all() and (d.leave_day[::2] < 70).any()


@pytest.mark.parametrize(
    ("between", "most"), [(0, 10), (1, 10), (7, 10), (8, 9), (10, 8), (14, 6), (23, 4), (24, 4), (70, 4)]
)
def test_as_many_rescues_as_a_patient_can_have(between, most):
    """Ten visits from day 7 to day 70; one rescue a visit, so many days apart, the first on any day; at least four."""
    assert most_rescues(Study.model_validate(STUDY | {"rescue": {"min_days_between": between}})) == most


def test_a_visit_may_be_late_by_its_window():
    visits = {"days": [20 * k for k in range(1, 11)], "window_days": 9}
    said = STUDY | {"treatment_days": 200, "visits": visits, "analysis": {"assessment_day": 60}}
    assert [
        most_rescues(Study.model_validate(said | {"rescue": {"min_days_between": between}}))
        for between in (23, 26, 29, 30)
    ] == [10, 9, 8, 7], "200 and 9 days: 9.08, 8.03, 7.2 and 6.97 intervals"


def test_the_typical_patient_does_what_is_more_likely_than_not():
    """Every uniform is 1/2, and a thing is done below its probability: at 1/2 it is not done."""
    typical = Draws(Streams(5, median=True), np.zeros(2, dtype=np.int64), np.arange(2))
    for mean, done in ((0.0, False), (0.5, False), (0.51, True), (1.0, True)):
        probability, days = _habit(typical, "adherence", mean, 0.0, 3)
        assert probability.tolist() == [mean] * 2 and days.tolist() == [[done] * 3] * 2
    probability, _ = _habit(typical, "adherence", 0.8, 0.1, 3)
    assert probability == pytest.approx(beta.median(0.8 * 15, 0.2 * 15), rel=1e-9), "0.8 x 0.2 / 0.01 - 1 is 15"


def test_a_parameter_on_a_day_has_the_shape_of_the_day():
    made = unit()
    name, n = made.structure.parameters[0], made.drawn.n
    assert made.on(name, np.zeros(n, dtype=np.int64)).shape == (n,)
    assert made.on(name, np.zeros((n, 4), dtype=np.int64)).shape == (n, 1)


def test_the_days_of_each_change_stand_side_by_side(monkeypatch):
    """Response is lost on days 3 and 4 of two patients, covariates change on two more days of each."""
    monkeypatch.setattr("trial.engine.draws.days_of_change", lambda _: np.array([[3], [4]]))
    pieces = SimpleNamespace(begins=lambda read: np.array([[7, 8], [9, 10]]) + len(read))
    changes = SimpleNamespace(parameters={"CL": "a", "NONE": "b"}, pieces=pieces)
    ours = SimpleNamespace(drawn=SimpleNamespace(log_ec50=1, n=2), changes=changes, structure=SimpleNamespace())
    ours.structure.parameters = ("CL",)
    assert Unit.cuts.func(ours).tolist() == [[3, 8, 9], [4, 10, 11]]
    none = SimpleNamespace(drawn=SimpleNamespace(log_ec50=None, n=2), changes=None)
    assert Unit.cuts.func(none).shape == (2, 0)
