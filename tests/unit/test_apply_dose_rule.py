"""Dose rules on hand-made patients; expected moves read off the rule's text."""

import re
from dataclasses import replace

import numpy as np
import pytest

from trial.engine.apply_dose_rule import Action, _restarted, decide, reason, start, unchanged
from trial.study.dose_rule import DoseRule, DoseStep

PLANNED = "planned days or more after the last change"
RULE = DoseRule.model_validate(
    {
        "ladder_mg": [2.5, 3.75, 5, 7.5],
        "steps": [
            {"at_least_1e9L": 250, "action": "interrupt"},
            {"at_least_1e9L": 150, "below_1e9L": 250, "action": "decrease", "min_days_since_change": 7},
            {"below_1e9L": 50, "action": "increase", "min_days_since_change": 14},
        ],
        "restart": {"below_1e9L": 100, "level": "lower"},
        "source": "test",
    }
)


def test_each_line_of_the_rule():
    """One patient per line: too early, increase, in target, decrease, interrupt, no count."""
    state = start(RULE, 5, 6)
    day = np.array([13, 14, 14, 14, 14, 14])
    new, action, step = decide(RULE, state, np.array([49.0, 49, 50, 150, 250, np.nan]), day)
    assert action.tolist() == [
        Action.KEEP,
        Action.INCREASE,
        Action.KEEP,
        Action.DECREASE,
        Action.INTERRUPT,
        Action.KEEP,
    ]
    assert new.dose_mg(RULE.ladder_mg).tolist() == [5, 7.5, 5, 3.75, 0, 5]
    assert new.changed_day.tolist() == [0, 14, 0, 14, 14, 0]
    assert reason(RULE, Action(action[1]), step[1]) == f"increase: count below 50, 14 {PLANNED}"
    assert reason(RULE, Action(action[3]), step[3]) == f"decrease: count 150 or more and below 250, 7 {PLANNED}"


def test_interruption_ends_one_rung_lower_and_not_before_the_count_allows():
    state = start(RULE, 5, 1)
    state, _, _ = decide(RULE, state, np.array([400.0]), np.array([7]))
    state, action, _ = decide(RULE, state, np.array([100.0]), np.array([14]))
    assert action[0] == Action.KEEP and state.dose_mg(RULE.ladder_mg)[0] == 0
    state, action, _ = decide(RULE, state, np.array([99.0]), np.array([21]))
    assert action[0] == Action.RESTART and state.dose_mg(RULE.ladder_mg)[0] == 3.75


def test_after_a_restart_the_days_to_the_next_change_count_from_it():
    """Restart on day 28: 14 days later, on day 42, the dose may go up, not on day 35; the same on the same rung."""
    expected = ["INTERRUPT", "KEEP", "KEEP", "RESTART", "KEEP", "INCREASE"]
    for level, doses in (("lower", [0, 0, 0, 3.75, 3.75, 5]), ("same", [0, 0, 0, 5, 5, 7.5])):
        rule = RULE.model_copy(update={"restart": RULE.restart.model_copy(update={"level": level})})
        made = moves(rule, 5, [300, 120, 110, 40, 40, 40])
        assert [action for _, action, _ in made] == expected and [dose for *_, dose in made] == doses


def test_after_an_interruption_and_a_decrease_too_the_days_count_from_the_change():
    """Down on day 14: not again on day 20 of a rule that asks for 7 days, but on day 21."""
    state = start(RULE, 7.5, 2)
    state, _, _ = decide(RULE, state, np.array([200.0, 200.0]), np.array([14, 14]))
    state, action, _ = decide(RULE, state, np.array([200.0, 200.0]), np.array([20, 21]))
    assert action.tolist() == [Action.KEEP, Action.DECREASE] and state.changed_day.tolist() == [14, 21]


def test_top_and_floor():
    top, action, _ = decide(RULE, start(RULE, 7.5, 1), np.array([10.0]), np.array([28]))
    assert action[0] == Action.KEEP and top.dose_mg(RULE.ladder_mg)[0] == 7.5
    floor, action, _ = decide(RULE, start(RULE, 2.5, 1), np.array([200.0]), np.array([28]))
    assert action[0] == Action.KEEP and floor.dose_mg(RULE.ladder_mg)[0] == 2.5
    strict = RULE.model_copy(update={"at_floor": "interrupt"})
    floor, action, _ = decide(strict, start(strict, 2.5, 1), np.array([200.0]), np.array([28]))
    assert action[0] == Action.INTERRUPT and floor.dose_mg(RULE.ladder_mg)[0] == 0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([40, 40], Action.INCREASE), ([40, 60, 40], Action.KEEP), ([40, np.nan, 40], Action.INCREASE)],
)
def test_confirmation_needs_consecutive_reported_counts(counts, expected):
    """A missed visit neither confirms nor breaks a streak."""
    rule = DoseRule.model_validate(
        {
            "ladder_mg": [1, 2],
            "steps": [{"below_1e9L": 50, "action": "increase", "confirm_visits": 2}],
            "source": "test",
        }
    )
    state = start(rule, 1, 1)
    for week, count in enumerate(counts, start=1):
        state, action, _ = decide(rule, state, np.array([float(count)]), np.array([7 * week]))
    assert action[0] == expected


STOPPING = DoseRule.model_validate(
    {
        "ladder_mg": [2.5, 5, 7.5],
        "steps": [
            {"below_1e9L": 50, "action": "stop", "rung": "highest", "min_days_since_change": 28, "confirm_visits": 2},
            {"below_1e9L": 50, "action": "increase", "min_days_since_change": 14},
        ],
        "source": "test",
    }
)


def moves(rule, start_mg, counts):
    """(day, action, dose) of each weekly count for one patient."""
    state, found = start(rule, start_mg, 1), []
    for week, count in enumerate(counts, start=1):
        state, action, _ = decide(rule, state, np.array([float(count)]), np.array([7 * week]))
        found.append((7 * week, Action(action[0]).name, state.dose_mg(rule.ladder_mg)[0]))
    return found


def test_a_stop_after_28_days_on_the_highest_rung_and_not_earlier():
    """Started there: days 7 to 21 are too early. From the rung below: the 28 days count from the increase on day 14."""
    assert moves(STOPPING, 7.5, [20] * 4) == [(7, "KEEP", 7.5), (14, "KEEP", 7.5), (21, "KEEP", 7.5), (28, "STOP", 0)]
    climbs = moves(STOPPING, 5, [20] * 6)
    assert [(day, action) for day, action, _ in climbs if action != "KEEP"] == [(14, "INCREASE"), (42, "STOP")]
    assert [dose for *_, dose in climbs] == [5, 7.5, 7.5, 7.5, 7.5, 0]


def test_a_stop_needs_two_counts_in_a_row_below_the_limit():
    """A missed visit neither confirms nor breaks: of the last two counts both must be low."""
    assert moves(STOPPING, 7.5, [20, 20, 50, 20, 20])[-2:] == [(28, "KEEP", 7.5), (35, "STOP", 0)]
    assert moves(STOPPING, 7.5, [20, 20, 20, np.nan, 20])[-2:] == [(28, "KEEP", 7.5), (35, "STOP", 0)]
    assert moves(STOPPING, 7.5, [20, 20, 20, 49.9])[-1] == (28, "STOP", 0)
    assert moves(STOPPING, 7.5, [20, 20, 20, 50])[-1] == (28, "KEEP", 7.5)


@pytest.mark.parametrize(("rung", "stopped"), [("any", [1, 1, 1]), ("highest", [0, 0, 1]), ("lowest", [1, 0, 0])])
def test_a_step_applies_on_its_rung_only(rung, stopped):
    """Three patients, one on each rung of the ladder."""
    rule = DoseRule.model_validate(
        {"ladder_mg": [1, 2, 3], "steps": [{"action": "stop", "rung": rung}], "source": "test"}
    )
    state = replace(start(rule, 1, 3), rung=np.array([0, 1, 2]))
    after, action, step = decide(rule, state, np.full(3, 20.0), np.full(3, 7))
    assert (action == Action.STOP).tolist() == (after.dose_mg(rule.ladder_mg) == 0).tolist() == stopped
    assert step.tolist() == [0 if yes else -1 for yes in stopped]


def test_nothing_follows_a_stop_however_high_or_low_the_count():
    """Beside one that is stopped, the same counts interrupt, restart and raise the dose of another patient."""
    steps = [{"at_least_1e9L": 250, "action": "interrupt"}, {"below_1e9L": 50, "action": "increase"}]
    rule = RULE.model_copy(
        update={"steps": (DoseStep(action="stop", below_1e9L=5), *map(DoseStep.model_validate, steps))}
    )
    stopped, going = ([first, 300, 99, 20, np.nan, 2, 60] for first in (4, 40))
    assert {(action, dose) for _, action, dose in moves(rule, 5, stopped)[1:]} == {("KEEP", 0)}
    assert [action for _, action, _ in moves(rule, 5, going)[:4]] == ["INCREASE", "INTERRUPT", "RESTART", "INCREASE"]


def test_a_stop_in_words():
    assert reason(STOPPING, Action.STOP, 0) == f"stop: count below 50 at 2 visits, on the highest level, 28 {PLANNED}"
    assert unchanged(STOPPING, -1, held=True, stopped=True) == "treatment was stopped for good"
    assert unchanged(STOPPING, 1, held=False, stopped=False) == "keep: count below 50, on the highest level"
    floor = DoseStep(action="decrease", at_least_1e9L=150, rung="lowest")
    at_floor = RULE.model_copy(update={"steps": (floor,)})
    assert reason(at_floor, Action.INTERRUPT, 0) == "interrupt: count 150 or more, on the lowest level"


def test_actions_are_coded_by_their_place():
    """The ledger reads the codes as places in a list of words, and puts one more behind them."""
    assert [int(action) for action in Action] == list(range(9))


def test_a_count_that_left_the_dose_as_it_was_in_words():
    """Of a rule that restarts, one that does not, and a patient who is not held."""
    never = RULE.model_copy(update={"restart": None})
    assert unchanged(RULE, -1, held=True, stopped=False) == "no restart: count not below 100"
    assert unchanged(RULE, -1, held=False, stopped=False) == "no step applied"
    assert unchanged(never, -1, held=True, stopped=False) == "no step applied"


def made(steps, ladder=(1, 2, 3, 4, 5), **more):
    return DoseRule.model_validate({"ladder_mg": list(ladder), "steps": steps, "source": "test", **more})


def test_a_step_moves_as_many_levels_as_it_says_and_no_further_than_the_ladder():
    """From 2 mg: two up at 20, which would be three from 4 mg; two down at 300, from the second level only one."""
    rule = made(
        [
            {"below_1e9L": 50, "action": "increase", "levels": 2},
            {"at_least_1e9L": 250, "action": "decrease", "levels": 2},
        ]
    )
    assert [dose for *_, dose in moves(rule, 2, [20, 20, 20, 100, 300, 300, 300])] == [4, 5, 5, 5, 3, 1, 1]
    assert [dose for *_, dose in moves(rule, 2, [300])] == [1]
    strict = rule.model_copy(update={"at_floor": "interrupt"})
    assert [action for _, action, _ in moves(strict, 2, [300, 300])] == ["DECREASE", "INTERRUPT"]


def test_a_move_goes_to_its_level_from_above_and_below_and_is_no_change_there():
    rule = made([{"at_least_1e9L": 100, "action": "move", "to_level": 3}])
    wanted = [(1, "INCREASE"), (5, "DECREASE"), (3, "KEEP")]
    for start_mg, action in wanted:
        assert moves(rule, start_mg, [100]) == [(7, action, 3)] and moves(rule, start_mg, [99])[0][2] == start_mg
    named = DoseRule.model_validate({
        "ladder": [1, {"dose_mg": 10, "days_of_week": [0, 3], "name": "twice"}, 10], "source": "test",
        "steps": [{"action": "move", "to_level": "twice"}],
    })  # fmt: skip
    state, action, step = decide(named, start(named, 10, 1), np.array([60.0]), np.array([7]))
    assert (state.rung[0], action[0]) == (1, Action.DECREASE)
    assert reason(named, Action(action[0]), step[0]) == "decrease: any count, to level twice"


def test_after_a_hold_a_restart_at_a_named_level():
    """Held from 5 mg at 400, back at 2 mg once below 100, not one level lower; the days count from there."""
    steps = [
        {"at_least_1e9L": 300, "action": "interrupt"},
        {"below_1e9L": 50, "action": "increase", "min_days_since_change": 14},
    ]
    rule = made(steps, restart={"below_1e9L": 100, "level": 2})
    assert [dose for *_, dose in moves(rule, 5, [400, 100, 99, 20, 20])] == [0, 0, 2, 2, 3]


def test_a_stop_for_lack_of_effect_looks_at_every_count_since_the_last_change():
    """28 days on the highest level: stopped when no count reached 50, kept when one did, however low it is now."""
    lack = {"action": "stop", "rung": "highest", "min_days_since_change": 28, "never_at_least_1e9L": 50}
    rule = made([lack, {"below_1e9L": 50, "action": "increase", "min_days_since_change": 7}], ladder=(4, 5))
    assert moves(rule, 5, [20, 20, 20, 49.9])[-1] == (28, "STOP", 0)
    assert {action for _, action, _ in moves(rule, 5, [20, 50, 20, 20, 20, 20])} == {"KEEP"}
    climbed = moves(rule, 4, [20, 20, 20, 20, 20])
    assert [action for _, action, _ in climbed] == ["INCREASE", "KEEP", "KEEP", "KEEP", "STOP"], "28 days from day 7"
    state, action, step = start(rule, 5, 1), None, None
    for week in range(1, 5):
        state, action, step = decide(rule, state, np.array([20.0]), np.array([7 * week]))
    assert reason(rule, Action(action[0]), step[0]) == (
        f"stop: any count, none since the last change at 50 or more, on the highest level, 28 {PLANNED}"
    )


def test_a_count_before_the_last_change_is_no_effect_of_the_level():
    """80 on 4 mg, then 20 and up: on 5 mg none of 50 or more, stopped 28 days later."""
    lack = {"action": "stop", "rung": "highest", "min_days_since_change": 28, "never_at_least_1e9L": 50}
    rule = made([lack, {"below_1e9L": 50, "action": "increase"}], ladder=(4, 5))
    assert [action for _, action, _ in moves(rule, 4, [80, 20, 20, 20, 20, 20])][-1] == "STOP"


TAPER = {"action": "taper", "min_days_since_change": 14, "from_day": 28}


def test_a_taper_goes_a_level_down_every_so_many_days_whatever_the_count_and_ends_the_drug():
    """From day 28 on: 3 mg until then, down on days 28, 42, stopped on day 56, with high and low counts alike."""
    rule = made([TAPER, {"below_1e9L": 50, "action": "increase", "min_days_since_change": 200}])
    for counts in ([20.0] * 10, [900.0] * 10, [20.0, 900.0] * 5):
        found = moves(rule, 3, counts)
        assert [(day, action, dose) for day, action, dose in found if action != "KEEP"] == [
            (28, "DECREASE", 2), (42, "DECREASE", 1), (56, "END", 0),
        ]  # fmt: skip


def test_a_taper_needs_no_count_but_a_patient_on_treatment():
    rule = made([TAPER])
    count, day = np.array([np.nan, np.nan]), np.array([28, 28])
    state, action, step = decide(rule, start(rule, 3, 2), count, day, there=np.array([True, False]))
    assert action.tolist() == [Action.DECREASE, Action.KEEP] and state.dose_mg(rule.ladder_mg).tolist() == [2, 3]
    assert reason(rule, Action.DECREASE, step[0]) == f"decrease: taper, 14 {PLANNED}"
    assert reason(rule, Action.END, 0) == f"end: taper, on the lowest level, 14 {PLANNED}"
    assert unchanged(rule, 0, held=False, stopped=False) == "keep: taper"


def test_while_a_taper_waits_no_later_line_acts_and_before_its_day_they_do():
    up = {"below_1e9L": 50, "action": "increase", "min_days_since_change": 7}
    assert [dose for *_, dose in moves(made([TAPER, up]), 1, [20] * 8)] == [2, 3, 4, 4, 3, 3, 2, 2]


def test_a_step_acts_on_its_days_only_first_and_last_included():
    rule = made([{"action": "increase", "from_day": 14, "until_day": 21}])
    assert [dose for *_, dose in moves(rule, 1, [60] * 5)] == [1, 2, 3, 3, 3]


@pytest.mark.parametrize(("step", "said"), [
    ({"action": "keep", "levels": 2}, "seen 2; keep moves no number of levels"),
    ({"action": "move"}, "a move needs it"), ({"action": "stop", "to_level": 2}, "seen '2'; only a move goes there"),
    ({"action": "move", "to_level": 7}, "seen '7', which is not a level of the ladder; allowed: 1, 2, 3, 4, 5"),
    ({"action": "keep", "from_day": 9, "until_day": 8}, "seen 8; the step applies from day 9 on"),
    ({"action": "taper"}, "a taper needs it: a level down every so many days"),
    (TAPER | {"below_1e9L": 50}, "a taper goes down whatever the count"),
    (TAPER | {"confirm_visits": 2}, "a taper goes down whatever the count"),
    ({"action": "stop", "at_least_1e9L": 60, "never_at_least_1e9L": 50}, "so it never applies"),
])  # fmt: skip
def test_what_a_step_cannot_say(step, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        made([step])


def test_a_restart_at_a_level_that_does_not_exist_is_refused():
    interrupt = [{"action": "interrupt", "at_least_1e9L": 300}]
    with pytest.raises(ValueError, match=r"seen 'lowre'.*did you mean lower"):
        made(interrupt, restart={"below_1e9L": 100, "level": "lowre"})


def test_a_restart_one_level_lower_ends_at_the_lowest():
    assert _restarted(RULE, np.array([0, 1, 2])).tolist() == [0, 0, 1]
