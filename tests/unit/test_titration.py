"""Dose rules on hand-made patients; expected moves read off the rule's text."""

import numpy as np
import pytest

from trial.titration import Action, DoseRule, decide, reason, start

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
    assert reason(RULE, Action(action[1]), step[1]) == "increase: count below 50"
    assert reason(RULE, Action(action[3]), step[3]) == "decrease: count 150 or more and below 250"


def test_interruption_ends_one_rung_lower_and_not_before_the_count_allows():
    state = start(RULE, 5, 1)
    state, _, _ = decide(RULE, state, np.array([400.0]), np.array([7]))
    state, action, _ = decide(RULE, state, np.array([100.0]), np.array([14]))
    assert action[0] == Action.KEEP and state.dose_mg(RULE.ladder_mg)[0] == 0
    state, action, _ = decide(RULE, state, np.array([99.0]), np.array([21]))
    assert action[0] == Action.RESTART and state.dose_mg(RULE.ladder_mg)[0] == 3.75


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
