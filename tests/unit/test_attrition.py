"""Closed forms of leaving when the hazard differs from day to day, and the trial that is drawn from them."""

from itertools import pairwise

import numpy as np
import pytest
from hand_made import STUDY, people
from scipy.integrate import solve_ivp

from cohorts.sets import parameter_set
from trial.engine.draws import draw_unit
from trial.study.attrition import completing, hazards, leaving
from trial.study.leaving import Dropout
from trial.study.study import Study

N = 4000
DAYS = 56


def reasons(*said):
    return [Dropout.model_validate({"reason": f"r{k}"} | item) for k, item in enumerate(said)]


def drawn(*said, n=N, arm=None):
    dropout = [{"reason": f"r{k}"} | item for k, item in enumerate(said)]
    study = Study.model_validate(STUDY | {"dropout": dropout, "visits": {"days": [28, DAYS]}, "treatment_days": DAYS})
    made = draw_unit(study, parameter_set("hetrombopag_wang_2022"), people(n), np.arange(n) % 2 if arm is None else arm)
    return study, made


def near(share, n=N):
    return pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n) + 1e-12)


def integrated(rates, windows):
    """Shares left by the end of competing hazards per week on days, by an ODE solver of its own."""

    def on(t):
        return np.array([h * sum(f for a, b, f in w if a <= t < b) / 7 for h, w in zip(rates, windows, strict=True)])

    edges = sorted({0, DAYS, *(int(x) for w in windows for a, b, _ in w for x in (a, min(b, DAYS)))})
    state = np.zeros(len(rates) + 1)
    state[-1] = 1
    for a, b in pairwise(edges):
        rate = on((a + b) / 2)
        step = solve_ivp(lambda _, y, r=rate: [*(r * y[-1]), -r.sum() * y[-1]], (a, b), state, rtol=1e-11, atol=1e-13)
        state = step.y[:, -1]
    return state[:-1], state[-1]


def test_a_window_is_days_inclusive_and_its_survival_that_of_its_weeks():
    """14 days at 0.2 per week: exp(-0.4) stay, and everybody else leaves in those days, the last one included."""
    study, made = drawn({"hazard_per_week": 0.2, "from_day": 14, "until_day": 27})
    assert completing(study.dropout, "DRUG", DAYS) == pytest.approx(np.exp(-0.4), rel=1e-14)
    gone = made.leave_reason == 0
    assert gone.mean() == near(1 - np.exp(-0.4))
    assert made.leave_day[gone].min() == 15 and made.leave_day[gone].max() == 28
    half = (made.leave_day <= 21).mean()
    assert half == near(1 - np.exp(-0.2))


def test_changes_make_a_hazard_constant_in_pieces():
    """0.3 per week for a week, none for two, 0.15 then: S = exp(-0.3), the same, exp(-0.3 - 0.15 t)."""
    said = {"hazard_per_week": 0.3, "changes": [{"from_day": 7, "factor": 0}, {"from_day": 21, "factor": 0.5}]}
    study, made = drawn(said)
    for day, hazard in ((7, 0.3), (21, 0.3), (35, 0.6), (56, 1.05)):
        assert (made.leave_day <= day).mean() == near(1 - np.exp(-hazard))
        assert completing(study.dropout, "SHAM", day) == pytest.approx(np.exp(-hazard), rel=1e-14)
    assert not ((made.leave_day > 7) & (made.leave_day <= 21)).any()


def test_a_window_that_is_the_whole_trial_changes_nobody():
    """The clock of a patient is that of the constant hazard; before a change nothing changes either."""
    always, whole, later = (
        drawn({"hazard_per_week": 0.1} | more)[1].leave_day
        for more in ({}, {"until_day": 3000}, {"changes": [{"from_day": 30, "factor": 3}]})
    )
    inside = always <= DAYS
    assert (whole[inside] == always[inside]).all() and not (whole[~inside] <= DAYS).any()
    early = always <= 30
    assert (later[early] == always[early]).all() and (later[~early] > 30).all()


@pytest.mark.parametrize("told", [0.0, 0.05])
def test_shares_on_days_of_their_own_are_the_shares_that_leave(told):
    said = [
        {"share_by_end": 0.2, "from_day": 7, "until_day": 20},
        {"share_by_end": 0.1, "changes": [{"from_day": 14, "factor": 0.25}]},
        {"hazard_per_week": told},
    ]
    rates = hazards(reasons(*said), "A", DAYS)
    windows = [[(7, 21, 1)], [(0, 14, 1), (14, DAYS, 0.25)], [(0, DAYS, 1)]]
    left, stay = integrated(rates, windows)
    assert left[:2] == pytest.approx([0.2, 0.1], rel=1e-7) and rates[2] == told
    assert completing(reasons(*said), "A", DAYS) == pytest.approx(stay, rel=1e-7)
    factors = np.array([item.factors(DAYS) for item in reasons(*said)])
    assert leaving(np.array(rates), factors) == pytest.approx(left, rel=1e-7)


def test_the_drawn_trial_loses_these_shares_by_arm():
    said = [
        {"share_by_end": {"DRUG": 0.3, "SHAM": 0.05}, "until_day": 20},
        {"share_by_end": 0.2, "from_day": 20},
        {"hazard_per_week": 0.02, "death": True},
    ]
    study, made = drawn(*said)
    assert study.deaths == ("r2",)
    for arm, wish in ((0, 0.3), (1, 0.05)):
        mine = made.arm == arm
        for reason, share in ((0, wish), (1, 0.2)):
            left = (made.leave_day[mine] <= DAYS) & (made.leave_reason[mine] == reason)
            assert left.mean() == near(share, N / 2)
        stays = completing(study.dropout, study.arm_ids[arm], DAYS)
        assert (made.leave_day[mine] > DAYS).mean() == near(stays, N / 2)


def test_random_shares_are_met_whatever_their_days():
    """Two hundred random sets of windows: every solved hazard brings its share."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        said, left = [], 0.9
        for _ in range(rng.integers(1, 4)):
            share = float(rng.uniform(0.01, left / 2))
            left -= share
            first = int(rng.integers(0, DAYS - 5))
            said.append({"share_by_end": share, "from_day": first, "until_day": first + int(rng.integers(3, DAYS))})
        found = reasons(*said)
        rates = np.array(hazards(found, "A", DAYS))
        factors = np.array([item.factors(DAYS) for item in found])
        assert leaving(rates, factors) == pytest.approx([item["share_by_end"] for item in said], rel=1e-8)


def test_a_conditional_reason_does_not_move_the_others():
    """Who leaves for a reason that only time tells is drawn as if there were no other."""
    one = drawn({"share_by_end": 0.2})[1]
    two = drawn({"share_by_end": 0.2}, {"hazard_per_week": 1.0, "when": {"below_1e9L": 30}})[1]
    assert (one.leave_day == two.leave_day).all() and one.leaving is None
    assert two.leaving is not None and two.leaving.clock.shape == (N, 1)
    assert two.leaving.clock.mean() == pytest.approx(1, abs=4.5 / np.sqrt(N))
    assert (np.ceil(two.leaving.time) == two.leave_day)[two.leave_reason == 0].all()
