"""What lint finds in rules that were made wrong on purpose, and nothing in those that are right."""

import numpy as np
import pytest

from trial.app import linting
from trial.app.linting import (
    PILOT,
    earliest,
    findings,
    hidden,
    off_target,
    pilot,
    uncovered,
    undone,
    unreached,
)
from trial.cli import main
from trial.study.dose_rule import DoseRule, DoseStep, Restart
from trial.study.load import load_study

SMOKE = load_study("configs/smoke.yaml")
UP = DoseStep(action="increase", below_1e9L=50, min_days_since_change=14)
DOWN = DoseStep(action="decrease", at_least_1e9L=150, min_days_since_change=7)
WEEKS = tuple(range(7, 71, 7))


def rule(*steps: DoseStep, ladder: tuple[float, ...] = (25, 50, 75), restart: Restart | None = None) -> DoseRule:
    return DoseRule(ladder_mg=ladder, steps=steps, restart=restart, source="made for a test")


def test_levels_are_reached_a_step_after_the_wait_on_the_days_of_visits():
    """14 days a step from day 0: days 14 and 28; down after 7: day 7."""
    assert earliest(rule(UP, DOWN), 0, WEEKS) == [0, 14, 28]
    assert earliest(rule(UP, DOWN), 1, WEEKS) == [7, 0, 14]
    assert earliest(rule(UP, DOWN), 0, (10, 30, 50)) == [0, 30, 50]
    assert earliest(rule(UP, DOWN), 0, (10, 30)) == [0, 30, np.inf]


def test_confirmation_waits_for_so_many_visits_and_a_level_without_a_step_is_never_reached():
    assert earliest(rule(DoseStep(action="increase", below_1e9L=50, confirm_visits=3)), 0, WEEKS) == [0, 21, 28]
    assert earliest(rule(UP), 1, WEEKS) == [None, 0, 14]
    assert earliest(rule(UP.model_copy(update={"rung": "lowest"})), 0, WEEKS) == [0, 14, None]


def test_a_restart_one_level_lower_is_a_way_down_a_visit_after_the_interruption():
    stop = DoseStep(action="interrupt", at_least_1e9L=250)
    lower = rule(stop, restart=Restart(below_1e9L=100, level="lower"))
    assert earliest(lower, 2, WEEKS) == [28, 14, 0]
    assert earliest(rule(stop, restart=Restart(below_1e9L=100, level="same")), 2, WEEKS) == [None, None, 0]


def test_a_level_that_comes_after_the_end_and_one_without_a_way_are_named():
    slow = rule(UP.model_copy(update={"min_days_since_change": 40}), ladder=(2.5, 5, 7.5))
    arms = [arm.model_copy(update={"start_dose_mg": 2.5}) for arm in SMOKE.arms[:1]]
    study = SMOKE.model_copy(update={"treatment_days": 70})
    late = study.visits.model_copy(update={"days": (42, 56, 84)})
    told = [*unreached(slow, arms, study.model_copy(update={"visits": late}))]
    assert told == ["no arm can reach 7.5 mg before treatment ends: day 84 at the earliest"]
    never = [*unreached(rule(DOWN, ladder=(2.5, 5, 7.5)), arms, study)]
    assert never == [f"no arm can ever reach {dose:g} mg: no step leads there" for dose in (5, 7.5)]


def test_a_decrease_that_halves_the_dose_at_90_is_undone_by_an_increase_below_50():
    """From 50 to 25 mg a count of 90 falls to 45; from 75 to 50 mg to 60, which is not below 50."""
    close = DoseStep(action="decrease", at_least_1e9L=90)
    up, down = undone(rule(UP, close))
    assert "from 50 to 25 mg a count of 90 that follows the dose falls below 50" in down and "75" not in down
    assert "from 25 to 50 mg a count of 50 that follows the dose rises to 90 or more" in up and "75" not in up
    assert not [*undone(rule(UP, DOWN))], "150 falls to 75 at most"


def test_a_line_that_is_hidden_in_part_by_one_that_asks_nothing_is_named_with_the_counts():
    keep, down = DoseStep(action="keep", at_least_1e9L=100), DoseStep(action="decrease", at_least_1e9L=80)
    (told,) = hidden(rule(keep, down))
    assert told.startswith("steps.1 (decrease") and "at counts of 100 or more" in told and "steps.0 (keep" in told
    waits = keep.model_copy(update={"min_days_since_change": 7})
    assert not [*hidden(rule(waits, down))] and not [*hidden(rule(UP, DOWN))]


@pytest.mark.parametrize(
    ("highest", "lowest", "words"),
    [
        (30.0, 20.0, ["the highest level: below 50, where the rule would go on to increase"]),
        (200.0, 190.0, ["the lowest level: above 150, where the rule would go on to decrease"]),
        (46.0, 154.0, []),
        (90.0, 60.0, []),
    ],
)
def test_a_typical_man_whom_the_ladder_leaves_off_the_target_is_named(monkeypatch, highest, lowest, words):
    class Course(dict):
        def __init__(self, count):
            super().__init__(PLT=[type("Cell", (), {"as_py": lambda self: count})()])

    monkeypatch.setattr(linting, "course_table", lambda _, dose, *a, **k: Course(highest if dose == 75 else lowest))
    told = [*off_target(rule(UP, DOWN), list(SMOKE.arms), SMOKE)]
    assert len(told) == len(words) and all(word in line for word, line in zip(words, told, strict=True))
    placebo = [arm for arm in SMOKE.arms if arm.placebo]
    assert placebo and not [*off_target(rule(UP, DOWN), placebo, SMOKE)]


def test_the_pilot_counts_the_lines_that_patients_came_to():
    """A line for counts nobody has is never taken; one for every count is taken at visits with a report and a dose."""
    (name,) = {arm.dose_rule for arm in SMOKE.arms}
    never = DoseStep(action="decrease", at_least_1e9L=9000)
    always = DoseStep(action="keep")
    odd = SMOKE.dose_rules[name].model_copy(update={"steps": (never, always)})
    study = SMOKE.model_copy(update={"dose_rules": {name: odd}})
    counted = pilot(study)[0][name]
    visits = len(study.visits.days)
    assert counted[0] == 0 and 0.7 * PILOT * visits < counted[1] <= PILOT * visits


def test_the_command_says_what_it_found_and_the_published_rules_have_nothing(capsys):
    assert main(["lint", "configs/published/hetrombopag_itp_phase3.yaml"]) == 0
    assert "dose rules: titration; nothing found" in capsys.readouterr().out
    assert main(["lint", "configs/smoke.yaml", "--set", "dose_rules.titration.steps.1.at_least_1e9L=60"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "titration: steps.1 (decrease from 60" in out and "is undone by steps.3" in out


def test_a_rule_without_an_arm_is_named_and_a_study_without_rules_has_nothing():
    fixed = tuple(arm.model_copy(update={"dose_rule": None}) for arm in SMOKE.arms)
    (told,) = findings(SMOKE.model_copy(update={"arms": fixed}))
    assert told == "titration: no arm has this rule"
    assert not [*findings(SMOKE.model_copy(update={"arms": fixed, "dose_rules": {}}))]


WEEKLY = DoseRule.model_validate({
    "ladder": [{"dose_mg": 20, "days_of_week": [0], "name": "weekly"}, {"dose_mg": 20, "days_of_week": [0, 2, 4]}, 20],
    "steps": [{"action": "move", "to_level": "weekly", "at_least_1e9L": 400}, {"action": "increase", "below_1e9L": 50}],
    "source": "made for a test",
})  # fmt: skip


def test_levels_with_days_moves_and_several_levels_at_once_are_ways():
    """From 20 mg daily to once a week on day 7, from there up: days 14 and 21, or at once by two levels."""
    assert earliest(WEEKLY, 2, WEEKS) == [7, 14, 0]
    two = UP.model_copy(update={"levels": 2})
    assert earliest(rule(two), 0, WEEKS) == [0, None, 14] and earliest(rule(two), 1, WEEKS) == [None, 0, 14]
    taper = DoseStep(action="taper", min_days_since_change=7, from_day=21)
    assert earliest(rule(taper), 2, WEEKS) == [28, 21, 0]


def test_a_line_limited_to_days_that_are_over_leads_nowhere():
    early = UP.model_copy(update={"until_day": 13})
    assert earliest(rule(early), 0, WEEKS) == [0, np.inf, np.inf]


def test_counts_that_no_line_covers_are_named_with_their_levels():
    low = DoseStep(action="stop", rung="lowest", at_least_1e9L=150)
    assert [*uncovered(rule(UP, low))] == [
        "no line covers counts of 50 to below 150 on 25 mg", "no line covers counts of 50 or more on 50 mg; 75 mg",
    ]  # fmt: skip
    assert [*uncovered(rule(UP, DOWN))] == ["no line covers counts of 50 to below 150 on every level"]
    keep = DoseStep(action="keep", at_least_1e9L=50, below_1e9L=150)
    assert not [*uncovered(rule(UP, keep, DOWN))]
    sometimes = keep.model_copy(update={"from_day": 20})
    assert [*uncovered(rule(UP, sometimes, DOWN))] == ["no line covers counts of 50 to below 150 on every level"]


def test_levels_with_days_are_compared_by_what_they_give_a_week():
    """From 60 to 140 mg a week 50 rises to 117, beyond 100; from 20 to 60 mg to 150."""
    down = DoseStep(action="decrease", at_least_1e9L=100)
    (up, fall) = undone(WEEKLY.model_copy(update={"steps": (WEEKLY.steps[1], down)}))
    assert "20 mg three times a week (days 0, 2, 4 of the level's week) to 20 mg" in up and "rises to 100 or more" in up
    assert "falls below 50" in fall


def test_the_lines_of_a_rule_of_a_later_stage_are_counted(tmp_path):
    study = load_study("configs/hetrombopag_itp_phase3_stages.yaml")
    fired, _ = pilot(study)
    used = {name for name in study.rules_in_use if name not in {arm.dose_rule for arm in study.arms}}
    assert used and all(fired[name].any() for name in used)


def test_a_change_for_nobody_is_named():
    """Nobody weighs 300 kg."""
    said = (
        "population.changes=[{covariate: WEIGHT, add: 1, if: {WEIGHT: {at_least: 300}}}, {covariate: WEIGHT, add: 1}]"
    )
    study = load_study("configs/smoke.yaml", [said, "dose_rules={}", "arms.0.dose_rule=null", "arms.1.dose_rule=null",
                       "arms.2.dose_rule=null"])  # fmt: skip
    found = list(findings(study))
    assert found == [
        "population.changes.0 (WEIGHT: 1 more from day 0 on, in 100 % of patients with WEIGHT 300 or more): changes "
        "nothing in 200 patients of a pilot"
    ]


def test_a_reason_whose_hazard_runs_for_nobody_is_named():
    """Nobody has three counts above 15,000 in a row; low counts there are; three of 1 in a row nobody has."""
    high, low = {"at_least_1e9L": 15000, "visits": 3}, {"below_1e9L": 30}
    dropout = [
        {"reason": "a", "hazard_per_week": 1e-6, "when": high},
        {"reason": "b", "hazard_per_week": 1e-6, "when": low},
        {"reason": "c", "at_once": True, "when": {"below_1e9L": 1.1, "visits": 3}},
    ]
    study = type(SMOKE).model_validate(SMOKE.model_dump() | {"dropout": dropout, "dose_rules": {}} | {
        "arms": [arm.model_dump() | {"dose_rule": None} for arm in SMOKE.arms]})  # fmt: skip
    assert [*findings(study)] == [
        f"dropout.0 (a): its hazard ran for nobody of {PILOT} patients of a pilot",
        f"dropout.2 (c): nobody left for it of {PILOT} patients of a pilot",
    ]
