"""The main loop on hand-made patients."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made import unit

from trial.engine.apply_dose_rule import Action
from trial.engine.course import Earlier
from trial.engine.dosing import days_between, dose_mg, loss_factor
from trial.engine.prescribed import Prescribed
from trial.engine.rescue import Dosage
from trial.engine.simulate import _none_for_the_idle, simulate_unit
from trial.engine.visit_decisions import start_course
from trial.jobs.work import simulate_replicates
from trial.solver import Events, solve
from trial.study.load import load_study


def counts(result):
    return np.stack([v.count for v in result.visits], axis=1)


def test_placebo_stays_at_baseline_and_drug_raises_platelets():
    """Without drug the steady state is kept to solver tolerance; with drug production can at most be 1 + EMAX fold."""
    drug, sham = counts(simulate_unit(unit()))
    np.testing.assert_allclose(sham, 13.0, rtol=1e-5)
    assert (np.diff(drug[:3]) > 0).all() and 50 < drug[-1] < 13 * 10


def test_sham_titration_moves_the_rung_and_gives_no_drug():
    u = unit()
    result = simulate_unit(u)
    sham_moves = [(d.day[1], d.dose_mg[1]) for d in result.decisions if d.action[1] != Action.KEEP]
    assert sham_moves == [(0, 5.0), (14, 7.5)]
    course, _ = start_course(u)
    given = dose_mg(u, course, days_between(u.drawn, 1))
    assert given.tolist() == [[5.0] * 7, [0.0] * 7]


def test_an_interval_holds_exactly_the_days_between_two_actual_visits():
    u = unit(
        visit_day=np.array([[0, 5, 16], [0, 9, 12]]),
        study={"visits": {"days": [7, 14], "window_days": 2}, "analysis": {"assessment_day": 14}},
    )
    assert days_between(u.drawn, 1).tolist() == [[0, 1, 2, 3, 4, -1, -1, -1, -1], list(range(9))]
    assert days_between(u.drawn, 2)[1].tolist() == [9, 10, 11, *([-1] * 8)]


def test_missed_doses_end_of_treatment_and_leaving_stop_the_drug():
    taken = np.ones((2, 70), bool)
    taken[0, 3] = False
    u = unit(arm=(0, 0), taken=taken, leave_day=np.array([10**9, 5]), study={"treatment_days": 6})
    course, _ = start_course(u)
    assert dose_mg(u, course, days_between(u.drawn, 1)).tolist() == [[5, 5, 5, 0, 5, 5, 0], [5, 5, 5, 5, 5, 0, 0]]


def test_a_decision_takes_effect_after_the_laboratory_has_reported():
    u = unit(study={"laboratory": {"turnaround_days": 2, "whole_numbers": False, "lower_limit_1e9L": 0}})
    course, _ = start_course(u)
    course = replace(
        course,
        now=Prescribed.daily(np.array([7.5, 7.5])),
        earlier=(Earlier(np.array([16, 16]), course.treatment, Prescribed.daily(np.array([5.0, 5.0]))),),
    )
    assert dose_mg(u, course, days_between(u.drawn, 3))[0].tolist() == [5, 5, 7.5, 7.5, 7.5, 7.5, 7.5]


def test_rescue_fires_when_the_hazard_crosses_the_clock_and_lowers_loss_for_weeks():
    """Hazard H0 exp(-13/SCALE) = 0.1 per week at a count of 13: the clock at 0.25 is crossed at the third visit."""
    h0 = 0.1 * np.exp(13 / 8)
    u = unit(arm=(1, 1), parameters={"RESCUE_H0": h0}, rescue_clock=np.array([[0.25, 9, 9, 9], [9.0, 9, 9, 9]]))
    result = simulate_unit(u)
    assert [int(d.day[0]) for d in result.decisions if d.rescued[0]] == [21]
    assert not any(d.rescued[1] for d in result.decisions)
    rescued, control = counts(result)
    assert rescued[2] == control[2]
    count = 13.0  # closed form: production constant, loss constant within each of the seven days after rescue
    for day in range(7):
        rate = 1.43 / 13 * np.exp(-1.8 * np.exp(-day / 14))
        count = 1.43 / rate + (count - 1.43 / rate) * np.exp(-24 * rate)
    np.testing.assert_allclose(rescued[3], count, rtol=1e-5)
    assert rescued[3] > rescued[4] > rescued[5] > control[5]


def rescued(course, *days):
    """The course with rescues of the first patient on these days."""
    given = tuple(Dosage(0, np.array([0]), np.array([day]), np.array([13.0])) for day in days)
    return replace(course, rescues=replace(course.rescues, given=given))


def test_loss_factor_is_the_fluctuation_and_the_rescue():
    u = unit(log_loss=np.full((2, 70), 0.3))
    course, _ = start_course(u)
    course = rescued(course, 2)
    factor = loss_factor(u, course, days_between(u.drawn, 1))
    np.testing.assert_allclose(factor[1], np.exp(0.3))
    np.testing.assert_allclose(factor[0], np.exp(0.3 - np.array([0, 0, *(1.8 * np.exp(-np.arange(5) / 14))])))


def test_the_last_day_stands_in_for_days_beyond_the_table():
    u = unit(log_loss=np.tile(np.arange(70) / 100.0, (2, 1)))
    course, _ = start_course(u)
    factor = loss_factor(u, course, np.array([[69, 70, 75]] * 2))
    np.testing.assert_allclose(factor, np.exp(0.69))


def test_missed_and_left_visits_have_no_count_and_no_decision():
    missed = np.zeros((2, 11), bool)
    missed[0, 2] = True
    result = simulate_unit(unit(arm=(1, 1), missed=missed, leave_day=np.array([10**9, 30])))
    assert np.isnan(counts(result)[0]).tolist() == [False, True] + [False] * 8
    assert np.isnan(counts(result)[1]).tolist() == [False] * 4 + [True] * 6
    assert [int(d.day[0]) for d in result.decisions if d.action[0] == Action.INCREASE] == [21]


def noisy(n=50):
    """``n`` patients, half on drug, every draw of every visit another number."""
    rng = np.random.default_rng(5)
    z = dict(count_z=(n, 11), bleeding_e=(n, 11), bleeding_u=(n,), conc_z=(n, 11))
    return unit(
        arm=np.arange(n) % 2,
        parameters={"ASSAY_CV": 0.2, "CONC_CV": 0.3, "BLEED_RHO": 0.36},
        study={"pk_sampling": {"visit_day": 28}},
        **{name: rng.standard_normal(shape) for name, shape in z.items()},
    )


def test_every_visit_has_an_assay_error_of_its_own():
    """ln(reported/true) is sqrt(ln(1 + CV^2)) times the number drawn for that visit: not for baseline, not another."""
    u = noisy()
    result = simulate_unit(u)
    error = np.stack([np.log(v.count / v.true_count) for v in result.visits], axis=1)
    np.testing.assert_allclose(error, np.sqrt(np.log(1.04)) * u.drawn.count_z[:, 1:], atol=1e-9)


def test_every_visit_has_a_bleeding_draw_of_its_own():
    """latent = 0.25 - 0.5 ln(count/13) + 0.6 u + 0.8 e of the visit, on the true count; cuts 0, 1, 2, 3."""
    u = noisy()
    visits = simulate_unit(u).visits
    for visit, seen in enumerate(visits, start=1):
        latent = (
            0.25 - 0.5 * np.log(seen.true_count / 13) + 0.6 * u.drawn.bleeding_u + 0.8 * u.drawn.bleeding_e[:, visit]
        )
        assert (seen.bleeding == np.digitize(latent, [0, 1, 2, 3], right=True)).all(), visit
    assert len({tuple(v.bleeding) for v in visits}) == 10


def test_a_concentration_is_reported_with_its_error():
    u = noisy()
    result = simulate_unit(u)
    on_drug = u.drawn.arm == 0
    error = np.log(result.concentration / result.true_concentration)[on_drug]
    np.testing.assert_allclose(error, np.sqrt(np.log(1.09)) * u.drawn.conc_z[on_drug], atol=1e-9)
    assert np.isnan(result.concentration[~on_drug]).all()


def test_the_dose_rule_sees_the_reported_count_and_rescue_too():
    """A true count of 13 that is reported as 52: no increase on day 14, when the rule asks for less than 50."""
    z = np.zeros((2, 11))
    z[0, 2] = np.log(4.0) / np.sqrt(np.log(1.04))
    result = simulate_unit(unit(arm=(1, 1), parameters={"ASSAY_CV": 0.2}, count_z=z))
    assert [[int(d.day[k]) for d in result.decisions if d.action[k] == Action.INCREASE] for k in (0, 1)] == [[21], [14]]


def test_pk_sampling_changes_nothing_else():
    """The profile is a solve of its own: the counts are bitwise the same with and without it."""
    with_pk = simulate_unit(unit(study={"pk_sampling": {"visit_day": 28}}))
    without = simulate_unit(unit())
    assert (counts(with_pk) == counts(without)).all()
    assert np.isnan(with_pk.concentration[1]).all() and (with_pk.concentration[0] > 0).all()
    # the profile starts before the dose: the trough of the day before continues into the first sample
    assert with_pk.concentration[0].argmax() not in (0, 10)


def test_a_failed_patient_has_a_status_and_takes_nobody_along():
    bad = unit(arm=(0, 0), parameters={"KINT": np.array([4.36, 1e7])})
    good = unit(arm=(0, 0))
    hurt, whole = simulate_unit(bad), simulate_unit(good)
    assert hurt.status[0] == 0 and hurt.status[1] != 0
    assert (counts(hurt)[0] == counts(whole)[0]).all()
    assert np.isnan(counts(hurt)[1]).all()


def test_steps_are_counted_and_limited_by_the_days_of_each_solve(monkeypatch):
    """Visits after 7 and 10 days with a limit of 50 steps a day: 350 and 150; a profile of one day has 50."""
    asked, taken = [], []

    def spy(*given, **options):
        found = solve(*given, **options)
        asked.append(options["max_steps"])
        taken.append(found[2])
        return found

    monkeypatch.setattr("trial.engine.simulate.solve", spy)
    few = {"visits": {"days": [7, 10]}, "analysis": {"assessment_day": 10}, "solver": {"max_steps_per_day": 50}}
    result = simulate_unit(unit(study=few))
    assert asked == [350, 150] and (result.steps == taken[0] + taken[1]).all() and (result.steps > 0).all()
    asked.clear()
    simulate_unit(unit(study=few | {"pk_sampling": {"visit_day": 0}}))
    assert asked == [50, 350, 150]


def test_a_rescue_fades_until_the_next_one_is_given():
    """Given on day 0 and, decided on day 28, again on day 31: exp(-1.8 exp(-days / 14)) of the one that was last."""
    u = unit(arm=(1,), parameters={"RESCUE_DROP": 1.8, "RESCUE_TAU": 14.0})
    course, _ = start_course(u)
    course = rescued(course, 0, 31)
    found = loss_factor(u, course, np.array([[28, 30, 31, 35]]))
    np.testing.assert_allclose(found[0], np.exp(-1.8 * np.exp(-np.array([28, 30, 0, 4]) / 14)), rtol=1e-14)


@pytest.mark.parametrize("chosen", ["hetrombopag_itp_mei_2021", "hetrombopag_cit_qin_2024", "hetrombopag_wang_2022"])
def test_the_true_screening_count_is_the_count_at_hour_0(chosen):
    """Of every structure, with immune destruction and without any: what is measured at baseline is where it starts."""
    settings = ["patients=10", "output=dense", "published=null", "pk_sampling=null", "visits.days=[7, 56]"]
    study = load_study("configs/smoke.yaml", [*settings, f"parameter_set={chosen}"], replicates=1)
    found = {name: table.to_pandas() for name, table in simulate_replicates(study, range(1)).items()}
    seen = found["observations"].query("PARAMCD == 'PLAT' and AVISITN == 0").TRUEVAL.to_numpy()
    start = found["courses"].query("AHOUR == 0").PLT.to_numpy()
    np.testing.assert_allclose(start, seen, rtol=1e-9)
    assert (seen / found["parameters"].BASE - 1).abs().max() > 1e-3, "the day of screening is not like every other"


def test_who_has_no_day_in_the_span_has_one_event_at_its_start():
    """Three patients: days 2 to 4, none from day 3 on, none from day 0 on."""
    hours = np.array([[48.0, 72.0, 96.0], [48.0, 72.0, 96.0], [0.0, 24.0, 48.0]])
    events = Events(hours, np.ones((3, 3)), np.ones((3, 3, 1)))
    found = _none_for_the_idle(events, np.array([[2, 4], [3, 3], [0, 0]]))
    assert found.time_h.tolist() == [[48, 72, 96], [72, np.inf, np.inf], [0, np.inf, np.inf]]
    assert found.amount is events.amount and found.inputs is events.inputs
    assert _none_for_the_idle(events, np.array([[2, 4]] * 3)) is events
