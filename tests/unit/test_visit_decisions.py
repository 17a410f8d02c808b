"""Rescue and the order of things at a visit, on visits four weeks apart with constant hazards; expected by hand."""

import numpy as np
import pytest
from hand_made import FOUR_WEEKLY, unit

from trial.engine.apply_dose_rule import Action
from trial.engine.visit_decisions import apply_rules, rules_of, start_course
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study

STEADY = {"RESCUE_H0": 0.125, "RESCUE_SCALE": 1e300}
"""A hazard of 1/8 per week whatever the count, so that four weeks are exactly 1/2."""
NAN = np.nan


def courses(counts, study=None, parameters=STEADY, **drawn):
    """Course and Decisions after each visit of patients with these counts (n, visits), everybody on placebo."""
    counts = np.array(counts, dtype=float)
    u = unit(arm=(1,) * len(counts), parameters=parameters, study=FOUR_WEEKLY | (study or {}), **drawn)
    course, begin = start_course(u)
    found = [(course, begin)]
    for visit, count in enumerate(counts.T, start=1):
        course, made = apply_rules(u, course, count, visit)
        found.append((course, made))
    return found


def rescues(found, patient=0):
    """Days on which a patient was rescued, of visits every 28 days."""
    return [28 * visit for visit, (_, made) in enumerate(found) if made.rescued[patient]]


def test_the_hazard_is_per_week_and_goes_on_over_a_missed_visit():
    """Four weeks add 1/2; a missed visit adds nothing and the next one adds eight weeks."""
    found = courses([[20, NAN, 20], [20, 20, 20]])
    assert [course.rescues.hazard.tolist() for course, _ in found] == [[0, 0], [0.5, 0.5], [0.5, 1], [1.5, 1.5]]
    assert [course.rescues.counted_day.tolist() for course, _ in found] == [[0, 0], [28, 28], [28, 56], [84, 84]]


def test_a_missed_visit_gives_no_rescue_and_the_next_one_does():
    """The clock at 1.25 would be crossed on day 70: at the visit of day 84, or the one after if that is missed."""
    clock = np.array([[1.25, 9, 9, 9]] * 2)
    found = courses([[20, NAN, 20, 20], [20, 20, NAN, 20]], rescue_clock=clock)
    assert rescues(found, 0) == [84] and rescues(found, 1) == [112]
    assert found[-1][0].rescues.decided_day.tolist() == [84, 112] and found[-1][0].rescues.decided.tolist() == [1, 1]


def test_the_hazard_falls_with_the_count():
    """H0 exp(-count/SCALE): 0.1 exp(-1) per week at a count of 8, a tenth of H0 at 8 ln 10."""
    found = courses([[8.0], [8 * np.log(10)], [0.0]], parameters={"RESCUE_H0": 0.1, "RESCUE_SCALE": 8.0})
    np.testing.assert_allclose(found[1][0].rescues.hazard, [0.4 * np.exp(-1), 0.04, 0.4], rtol=1e-12)


@pytest.mark.parametrize(("days_between", "expected"), [(28, [28, 56]), (29, [28, 84]), (57, [28, 112])])
def test_the_shortest_time_between_two_rescues_is_enough(days_between, expected):
    """Both clocks are passed on day 28: the second rescue is given as soon as one may be, on that very day."""
    study = {"rescue": {"min_days_between": days_between}}
    found = courses([[20] * 4], study, rescue_clock=np.array([[0.4, 0.5, 9, 9]]))
    assert rescues(found) == expected
    assert found[-1][0].rescues.decided[0] == 2 and found[-1][0].rescues.decided_day[0] == expected[-1]


@pytest.mark.parametrize(("days_between", "hazard"), [(0, 2), (14, 1.75), (28, 1.5), (35, 1.375), (84, 0.5)])
def test_the_hazard_stands_still_while_no_other_rescue_may_be_given(days_between, hazard):
    """1/8 a week from day 28, when the only rescue is given, less the protected days, to day 112: by hand."""
    study = {"rescue": {"min_days_between": days_between}}
    found = courses([[20] * 4], study, rescue_clock=np.array([[0.5, 9, 9, 9]]))
    assert rescues(found) == [28] and found[-1][0].rescues.hazard[0] == hazard


def test_protected_days_between_two_visits_do_not_count():
    """Rescue on day 28, 30 days without: the visit of day 84 after a missed one adds the 26 days from day 58 on."""
    found = courses([[20, NAN, 20, 20]], {"rescue": {"min_days_between": 30}}, rescue_clock=np.array([[0.5, 9, 9, 9]]))
    assert found[3][0].rescues.hazard[0] == 0.5 + 0.125 * 26 / 7


def test_two_rescues_have_two_clocks_and_to_reach_one_is_enough():
    """1/2 per interval, none in the four weeks after a rescue: clocks at 0.5 and 1.5 are reached exactly."""
    found = courses([[20] * 4], rescue_clock=np.array([[0.5, 1.5, 9, 9]]))
    assert rescues(found) == [28, 112]


def test_rescue_is_given_when_the_count_is_reported_to_who_is_still_there():
    """Three days after the visits of days 28 and 112; not to the second, who leaves on day 31; nor after the end."""
    study = {"laboratory": {"turnaround_days": 3}, "rescue": {"min_days_between": 84}}
    found = courses(
        [[20] * 4] * 2, study, rescue_clock=np.array([[0.4, 0.45, 9, 9]] * 2), leave_day=np.array([999, 31])
    )
    assert [made.rescued.tolist() for _, made in found[1:]] == [[True, False], [False] * 2, [False] * 2, [False] * 2]
    assert found[-1][0].rescues.decided_day[0] == 31 and found[-1][0].rescues.decided.tolist() == [1, 0]


def test_there_is_a_clock_for_every_rescue_the_protocol_allows():
    """Every visit of 16: the fifth and later ones too, on a clock that is passed at every visit."""
    weekly = {"visits": {"days": list(range(7, 113, 7))}, "rescue": {"min_days_between": 7}, "treatment_days": 112}
    found = courses([[20] * 16], weekly, parameters=STEADY, rescue_clock=np.zeros((1, 16)))
    assert found[-1][0].rescues.decided[0] == 16


def test_no_rescue_where_none_is_allowed():
    found = courses([[1] * 4], {"rescue": {"allowed": False}}, rescue_clock=np.zeros((1, 4)))
    assert rescues(found) == [] and found[-1][0].rescues.hazard[0] == 0


def test_rescue_is_given_on_the_actual_day_and_counts_actual_weeks():
    """The visit of day 28 takes place on day 35, five weeks after the start."""
    found = courses(
        [[20, 20]], {"visits": {"days": [28, 56], "window_days": 7}, "analysis": {"assessment_day": 56}},
        visit_day=np.array([[0, 35, 56]]), rescue_clock=np.array([[0.6, 9, 9, 9]]),
    )  # fmt: skip
    assert found[1][0].rescues.decided_day.tolist() == [35] and found[1][0].rescues.hazard[0] == 0.625
    assert found[2][0].rescues.hazard[0] == 0.625  # 21 days after the rescue nobody is at risk
    assert found[2][0].rescues.decided_day.tolist() == [35]


def test_the_dose_rule_counts_planned_days_and_acts_on_reported_ones():
    """Increase 14 days after the last change: the visit of day 14 takes place on day 13, its result comes on day 15."""
    u = unit(
        arm=(0, 1),
        visit_day=np.array([[0, 7, 13, *range(21, 71, 7)]] * 2),
        study={"laboratory": {"turnaround_days": 2}},
    )
    course, begin = start_course(u)
    assert begin.action.tolist() == [Action.START] * 2 and begin.dose_mg.tolist() == [5, 5]
    course, made = apply_rules(u, course, np.array([20.0, 20.0]), 1)
    assert made.action.tolist() == [Action.KEEP] * 2
    course, made = apply_rules(u, course, np.array([20.0, 60.0]), 2)
    assert made.action.tolist() == [Action.INCREASE, Action.KEEP] and made.step.tolist() == [0, -1]
    assert made.day.tolist() == course.earlier[-1].until_day.tolist() == [15, 15]
    assert course.now.dose_mg.tolist() == [7.5, 5] and course.earlier[-1].level.dose_mg.tolist() == [5, 5]


@pytest.mark.parametrize(("counted", "up"), [("planned", True), ("actual", False)])
def test_a_rule_counts_planned_or_actual_days(counted, up):
    """Visits on days 9 and 12, planned for 7 and 14: 7 planned days and 3 actual ones after the first increase."""
    rule = {"ladder_mg": [2.5, 5, 7.5], "source": "test", "day_count": counted,
            "steps": [{"below_1e9L": 50, "action": "increase", "min_days_since_change": 7}]}  # fmt: skip
    arms = [{"id": "DRUG", "start_dose_mg": 2.5, "dose_rule": "ladder"}]
    study = {"dose_rules": {"ladder": rule}, "arms": arms, "randomisation": {"block_size": 1}}
    u = unit(arm=(0,), study=study, visit_day=np.array([[0, 9, 12, *range(21, 71, 7)]]))
    course, _ = start_course(u)
    for visit, expected in ((1, 5), (2, 7.5 if up else 5), (3, 7.5)):
        course, made = apply_rules(u, course, np.array([20.0]), visit)
        assert made.dose_mg.tolist() == [expected]


def test_no_dose_is_changed_from_the_end_of_treatment_on():
    """Treatment of 56 days: a count on day 56 changes nothing, one on day 28 does."""
    u = unit(arm=(0, 0), study=FOUR_WEEKLY | {"treatment_days": 56})
    course, _ = start_course(u)
    course, made = apply_rules(u, course, np.array([20.0, NAN]), 1)
    assert made.action.tolist() == [Action.INCREASE, Action.KEEP]
    course, made = apply_rules(u, course, np.array([20.0, 20.0]), 2)
    assert made.action.tolist() == [Action.KEEP] * 2 and course.now.dose_mg.tolist() == [7.5, 5]


def test_an_arm_without_a_rule_keeps_its_dose_and_one_of_0_mg_has_none():
    arms = [{"id": "FIXED", "start_dose_mg": 5}, {"id": "NONE", "start_dose_mg": 0}]
    u = unit(arm=(0, 1), study={"arms": arms, "dose_rules": {}})
    assert [rule.ladder_mg for rule in rules_of(u)] == [(5.0,), (1.0,)]
    course, begin = start_course(u)
    assert begin.dose_mg.tolist() == [5, 0]
    for visit, count in enumerate((20.0, 300.0), start=1):
        course, made = apply_rules(u, course, np.full(2, count), visit)
        assert made.action.tolist() == [Action.KEEP] * 2 and course.now.dose_mg.tolist() == [5, 0]


def test_arms_with_one_rule_are_decided_together_and_each_as_alone():
    """Arms of two rules and two fixed doses, mixed; each patient's ladder and doses are those of an arm of his own."""
    rules = {"up": [2.5, 5, 7.5], "steep": [2.5, 7.5]}
    step = [{"below_1e9L": 50, "action": "increase", "min_days_since_change": 7}]
    arms = [
        {"id": "A", "start_dose_mg": 2.5, "dose_rule": "up"},
        {"id": "B", "start_dose_mg": 2.5, "dose_rule": "steep"},
        {"id": "C", "start_dose_mg": 5, "dose_rule": "up"},
        {"id": "D", "start_dose_mg": 6},
        {"id": "E", "start_dose_mg": 0},
    ]
    said = {name: {"ladder_mg": ladder, "steps": step, "source": "test"} for name, ladder in rules.items()}
    u = unit(arm=(4, 2, 1, 0, 3, 2), study={"arms": arms, "dose_rules": said, "randomisation": {"block_size": 5}})
    course, begin = start_course(u)
    assert begin.dose_mg.tolist() == [0, 5, 2.5, 2.5, 6, 5]
    assert [mine.tolist() for mine in course.members] == [[1, 3, 5], [2], [0, 4]]
    assert [ladder.rung.tolist() for ladder in course.ladders] == [[1, 0, 1], [0], [0, 0]]
    course, made = apply_rules(u, course, np.array([20.0, 20, 20, 20, 20, 60]), 1)
    assert made.dose_mg.tolist() == course.now.dose_mg.tolist() == [0, 7.5, 7.5, 5, 6, 5]
    assert made.step.tolist() == [0, 0, 0, 0, 0, -1]
    up, keep = Action.INCREASE, Action.KEEP
    assert made.action.tolist() == [keep, up, up, up, keep, keep]


def test_everybody_starts_free_of_rescue_and_hazard():
    course, begin = start_course(unit(arm=(0, 0, 1)))
    so_far = course.rescues
    assert so_far.decided.tolist() == so_far.hazard.tolist() == so_far.counted_day.tolist() == [0, 0, 0]
    assert so_far.given == () and (so_far.latest < 0).all() and (course.cycles.first_day > 10_000).all()
    assert course.earlier == () and begin.day.tolist() == [0, 0, 0] and not begin.rescued.any()
    assert [ladder.rung.tolist() for ladder in course.ladders] == [[1, 1, 1]]
    assert np.isnan(begin.count).all() and begin.step.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(("counted", "least"), [("planned", 5), ("actual", 7)])
def test_the_ledger_of_a_titrated_trial_keeps_the_days_that_its_rule_counts(counted, least):
    """Windows of 1 day: 7 planned days may be 5 in the ledger, which says so; 7 actual ones are 7."""
    config = "tests/faults/engine/17_min_days.yaml"
    study = load_study(config, [f"dose_rules.r.day_count={counted}"], replicates=1)
    doses = simulate_replicates(study, range(1))["doses"].to_pandas()
    gap = doses.groupby("SUBJID").ASTDY.diff()
    lowered = doses.ACTION == "decrease"
    assert lowered.sum() > 20 and gap[lowered].min() >= least and ((gap[lowered] < 7).any() == (least < 7))
    assert doses.REASON[lowered].str.contains(f"7 {counted} days or more after the last change", regex=False).all()
