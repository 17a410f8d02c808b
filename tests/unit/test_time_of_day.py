"""The hour of the day at which doses are taken: the same course so much later, its law, and what it moves."""

import numpy as np
import pytest
from hand_made import STUDY, people, unit

from trial.app.echo import in_words
from trial.engine.dose_hours import hours_of_doses
from trial.engine.simulate import simulate_unit
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study

VISIT_DAY = np.tile(np.array([0, *STUDY["visits"]["days"]]), (2000, 1))


def hourly(hour):
    """The concentration of every hour of a patient on 5 mg whose doses are so many hours after that of the visits."""
    study = {"output": "dense", "visits": {"days": [14, 56, 70]}, "dose_rules": {},
             "arms": [{"id": "DRUG", "start_dose_mg": 5}, {"id": "TWO", "start_dose_mg": 5}]}  # fmt: skip
    more = {} if hour is None else {"dose_h": np.full((1, 70), hour), "late_h": np.zeros((1, 70))}
    result = simulate_unit(unit(arm=(0,), study=study, **more))
    return np.concatenate([piece.conc[0] for piece in result.hourly]), result


def test_a_dose_so_much_later_is_the_same_course_so_much_later():
    """The drug does not know the hour: its course moves by 9 h, over the visits; at hour 0 it is the one without."""
    plain, _ = hourly(None)
    none, _ = hourly(0.0)
    late, _ = hourly(9.0)
    np.testing.assert_allclose(none, plain, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(late[9:], plain[:-9], rtol=2e-4, atol=1e-6)
    assert (late[:10] == 0).all() and abs(late[14 * 24] / plain[14 * 24] - 1) > 0.05


def hours(typical=False, **said):
    study = Study.model_validate(STUDY | {"adherence": {"time_of_day": said}})
    return hours_of_doses(study, people(2000).draws, 70, VISIT_DAY)["dose_h"]


def test_the_law_of_the_hours():
    """Normal: between people on a day, from day to day in each, and its drift; kept between 0 and 23 h."""
    found = hours(usual_h=12, between_sd_h=2, within_sd_h=1.5, drift_h_per_28_days=0.5)
    z = 4.5 / np.sqrt(2000)
    assert found[:, 0].mean() == pytest.approx(12, abs=2.5 * z)
    assert found[:, 0].std() == pytest.approx(2.5, rel=z)
    assert found.std(axis=1, ddof=1).mean() == pytest.approx(np.hypot(1.5, 0.5 / 28 * np.sqrt(70 * 71 / 12)), rel=0.02)
    assert (found[:, 56] - found[:, 0]).mean() == pytest.approx(1.0, abs=1.5 * np.sqrt(2) * z)
    wide = hours(usual_h=1, between_sd_h=12)
    assert wide.min() == 0 and wide.max() == 23


def test_on_the_day_of_a_profile_the_dose_is_taken_at_the_visit():
    sampled = {"pk_sampling": {"visit_day": 14, "times_h": [0, 4, 24], "lloq_ng_mL": 0.1}}
    study = Study.model_validate(STUDY | sampled | {"adherence": {"time_of_day": {"usual_h": 12}}})
    found = hours_of_doses(study, people(2000).draws, 70, VISIT_DAY)["dose_h"]
    assert (found[:, 14] == 0).all() and (np.delete(found, 14, axis=1) == 12).all()


def test_in_a_trial_it_moves_counts_and_meals_but_no_draw():
    small = ["patients=20", "replicates=1", "published=null", "parameter_set=hetrombopag_itp_mei_2021",
             "meals={share_mean: 0.5, after_dose_h: 1}"]  # fmt: skip
    clock = "adherence.time_of_day={usual_h: 8, within_sd_h: 3, between_sd_h: 2%s}"
    studies = [
        load_study("configs/smoke.yaml", [*small, *more]) for more in ([], [clock % ""], [clock % ", meals_stay: true"])
    ]
    plain, late, stay = (simulate_replicates(study, range(1)) for study in studies)
    assert late["parameters"].equals(plain["parameters"]) and late["solves"]["STATUS"].equals(plain["solves"]["STATUS"])
    assert not late["observations"].equals(plain["observations"])
    assert not stay["observations"].equals(late["observations"])
    said = next(line for line in in_words(studies[2]) if line.startswith("adherence"))
    assert "at 8 h after the hour of the visits (SD 2 h between patients, 3 h between days, while meals keep" in said


@pytest.mark.parametrize("name", ["usual_h", "between_sd_h", "within_sd_h", "drift_h_per_28_days"])
def test_each_of_them_alone_moves_the_hour(name):
    assert Study.model_validate(STUDY | {"adherence": {"time_of_day": {"usual_h": 0} | {name: 1}}})


@pytest.mark.parametrize(
    ("said", "more", "words"),
    [
        ({"usual_h": 0}, {}, "every dose is at the hour of the visits"),
        ({"usual_h": 8, "meals_stay": True}, {}, "hour of nobody's dose changes"),
        ({"usual_h": 8, "meals_stay": True, "within_sd_h": 1}, {}, "the study has no meals"),
        ({"usual_h": 8}, {"visits": {"days": [7, 9, 56, 70]}}, "visits may be 2 days apart"),
        ({"usual_h": 8}, {"visits": {"days": [7, 14, 56, 70], "window_days": 3}}, "visits may be 1 days apart"),
    ],
)
def test_what_has_no_effect_or_cannot_be_is_refused(said, more, words):
    with pytest.raises(ValueError, match=words):
        Study.model_validate(STUDY | {"adherence": {"time_of_day": said}} | more)
