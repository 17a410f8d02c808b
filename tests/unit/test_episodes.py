"""Remission and loss of response: shares and lengths from closed forms, what they move, and what they leave alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hand_made import people, unit
from test_draws import SET, drawn

from cohorts.episodes import episodes, in_words, of_one_day
from cohorts.gates import problems
from cohorts.parameters import RandomEffect
from cohorts.sets import PARAMETER_SETS, parameter_set
from cohorts.shared.moving_disease import LOST_RESPONSE, REFRACTORY, REMISSION
from trial.engine.simulate import simulate_unit
from trial.models import TMDD_LIFESPAN, Days
from trial.models.behaviour import structure_problems
from trial.solver import solve

N = 3000
A, B = 2.0 / 365.25, 1.0 / 40.0
"""Twice a year, 40 days long."""
MOVING = {"REM_RATE": 2.0, "REM_MEAN": 40.0, "REM_DROP": 1.5, "LOR_RATE": 3.0, "LOR_MEAN": 20.0, "LOR_RISE": 0.7}


@pytest.fixture(scope="module")
def state():
    return episodes(people(N).draws, "remission", 400, np.full((N, 1), 2.0), np.full((N, 1), 40.0))


@pytest.mark.parametrize("day", [1, 10, 40, 120, 399])
def test_the_share_in_an_episode_is_that_of_a_two_state_process(state, day):
    share = A / (A + B) * (1 - np.exp(-(A + B) * day))
    assert state[:, day].mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N))
    assert not state[:, 0].any()


def test_the_mean_length_of_an_episode(state):
    """Days in a row of those that begin by day 100 and are watched for 300 more: geometric with mean 1 / P(leave)."""
    leave = B / (A + B) * (1 - np.exp(-(A + B)))
    begins = state[:, 1:101] & ~state[:, :100]
    who, day = np.nonzero(begins)
    lengths = [np.argmin(np.append(state[w, d + 1 : d + 301], False)) for w, d in zip(who, day, strict=True)]
    assert np.mean(lengths) == pytest.approx(1 / leave, abs=4.5 / leave / np.sqrt(len(lengths)))
    assert len(lengths) > 500


def test_two_days_are_two_steps_of_one():
    """Chapman and Kolmogorov, from the closed form of two days with A and B doubled."""
    enters, stays = of_one_day(2.0, 40.0)
    two = A / (A + B) * (1 - np.exp(-2 * (A + B)))
    assert enters * stays + (1 - enters) * enters == pytest.approx(two, rel=1e-12)
    assert enters == pytest.approx(A, rel=0.02) and 1 - stays == pytest.approx(B, rel=0.02)


def test_a_higher_rate_or_mean_takes_no_day_away():
    draws = people(300).draws
    few, often, long = (
        episodes(draws, "x", 200, np.array([[r]]), np.array([[m]])) for r, m in ((1, 9), (3, 9), (1, 30))
    )
    assert (often | ~few).all() and (long | ~few).all() and often.sum() > few.sum() and long.sum() > few.sum()


def test_remission_lowers_the_log_loss_and_nothing_else():
    """The same swings less REM_DROP in the same episodes; no other draw moves, nor do visits or arms move them."""
    plain, moving = drawn(n=400, FLUCT_SD=0.4), drawn(n=400, FLUCT_SD=0.4, **MOVING)
    inside = episodes(people(400).draws, "remission", 56, np.array([[2.0]]), np.array([[40.0]]))
    np.testing.assert_array_equal(moving.log_loss, np.where(inside, plain.log_loss - 1.5, plain.log_loss))
    assert (moving.count_z == plain.count_z).all() and (moving.rescue_clock == plain.rescue_clock).all()
    other = drawn({"visits": {"days": [14, 28, 56]}}, n=400, arm=np.zeros(400, int), FLUCT_SD=0.4, **MOVING)
    assert (other.log_loss == moving.log_loss).all() and (other.log_ec50 == moving.log_ec50).all()
    assert plain.log_ec50 is None and set(np.unique(moving.log_ec50)) == {0.0, 0.7}


def test_remission_and_loss_of_response_are_independent():
    d = drawn(**MOVING)
    both = np.corrcoef(d.log_loss[:, 50] < 0, d.log_ec50[:, 50] > 0)[0, 1]
    assert abs(both) < 4.5 / np.sqrt(d.n)


def test_ec50_rises_on_the_day_and_falls_again():
    """Against two solves a piece by hand: 15 until day 9, three times as much until day 23, 15 again."""
    rise = np.zeros((1, 70))
    rise[0, 9:23] = np.log(3.0)
    u = unit(arm=(0,), log_ec50=rise, study={"dose_rules": {}, "arms": [FIXED, FIXED | {"id": "TWO"}]})
    seen = [visit.true_count[0] for visit in simulate_unit(u).visits]
    state = TMDD_LIFESPAN.steady_state(u.p, np.array([[0.0, 1.0]]))
    found = {}
    for first, last in ((0, 7), (7, 9), (9, 14), (14, 21), (21, 23), (23, 28)):
        p = u.p.copy()
        p[0, TMDD_LIFESPAN.parameters.index("EC50")] = 45.0 if 9 <= first < 23 else 15.0
        day = np.arange(first, last)[None, :]
        events = TMDD_LIFESPAN.daily_events(p, Days.of(24.0 * day, 5.0))
        states, _, _ = solve(TMDD_LIFESPAN, p, state, events, np.array([[24.0 * first, 24.0 * last]]))
        state = states[:, 0]
        found[last] = state[0, -1]
    np.testing.assert_allclose(seen[:4], [found[day] for day in (7, 14, 21, 28)], rtol=1e-5)
    never = [visit.true_count[0] for visit in simulate_unit(replace(u, drawn=replace(u.drawn, log_ec50=None))).visits]
    assert never[0] == pytest.approx(seen[0], rel=1e-9) and never[2] > 1.05 * seen[2]


FIXED = {"id": "DRUG", "ratio": 1, "start_dose_mg": 5}


def moved(*parameters, base=SET):
    return replace(base, parameters=(*base.parameters, *parameters))


def test_remission_is_on_in_itp_alone_and_the_other_laws_may_be_in_every_set():
    """Of the sets of the mechanism; the empirical ones were calibrated without."""
    has = {chosen.id: [line.partition(":")[0] for line in in_words(chosen)] for chosen in PARAMETER_SETS}
    itp = {chosen.id for chosen in PARAMETER_SETS if chosen.structure == "tpo_mechanism" and "_itp_" in chosen.id}
    assert {name for name, said in has.items() if said} == itp and all(has[name] == ["remission"] for name in itp)
    full = moved(*REMISSION, *LOST_RESPONSE)
    assert not problems(full) and not structure_problems(full)
    assert list(in_words(full)) == [
        "remission: 0.2 a year, 180 days long on average, platelet loss times 0.135 meanwhile",
        "loss of response: 0.2 a year, 90 days long on average, EC50 times 4.48 meanwhile",
    ]


def test_a_part_of_a_law_and_another_unit_are_refused():
    assert problems(moved(*REMISSION[:2])) == [
        "REM_DROP: not given; remission (REM_RATE, REM_MEAN) needs it, in no unit"
    ]
    hours = replace(LOST_RESPONSE[1], unit="h")
    assert problems(moved(LOST_RESPONSE[0], hours, LOST_RESPONSE[2])) == ["LOR_MEAN: unit: seen 'h'; it is read in 'd'"]
    none = moved(replace(REMISSION[0], value=0.0), *REMISSION[1:])
    assert problems(none) == ["REM_RATE: value: seen 0; allowed: more than 0"]


def test_a_set_of_ones_own_switches_a_law_on(tmp_path):
    rows = [{"name": p.name, "value": p.value, "unit": p.unit} for p in REMISSION]
    mine = {"id": "mine", "extends": SET.id, "note": "a test", "values": {}, "targets": [], "parameters": rows}
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    assert parameter_set(str(tmp_path / "mine.json")).value("REM_MEAN") == 180.0


def test_a_share_becomes_refractory_with_the_days_on_drug():
    """EC50 after 10 and 14 days on drug of who takes every and every second dose, by hand; the others never."""
    rise = np.array([0.1, 0.1, 0.0])
    taken = np.ones((3, 70), bool)
    taken[1, 1::2] = False
    study = {"dose_rules": {}, "arms": [FIXED, FIXED | {"id": "TWO"}]}
    u = unit(arm=(0, 0, 0), hardening=rise, taken=taken, study=study)
    p = u.p_on(np.zeros(3, dtype=int), np.array([10, 14, 14]))
    np.testing.assert_allclose(p[:, TMDD_LIFESPAN.parameters.index("EC50")], 15 * np.exp([1.0, 1.4, 0.0]), rtol=1e-12)
    counts = np.array([visit.true_count for visit in simulate_unit(u).visits])
    same = np.array([v.true_count for v in simulate_unit(unit(arm=(0, 0, 0), taken=taken, study=study)).visits])
    np.testing.assert_allclose(counts[:, 2], same[:, 2], rtol=1e-6)
    assert counts[0, 0] == pytest.approx(same[0, 0], rel=1e-9)
    assert (counts[2:, :2] < same[2:, :2]).all() and counts[-1, 0] < 0.5 * same[-1, 0]


def test_refractory_by_weeks_is_a_solve_a_week():
    """Four weeks by hand, EC50 of each by the days on drug before it."""
    u = unit(arm=(0,), hardening=np.array([0.05]), study={"dose_rules": {}, "arms": [FIXED, FIXED | {"id": "TWO"}],
             "visits": {"days": [28, 56, 70]}})  # fmt: skip
    state = TMDD_LIFESPAN.steady_state(u.p, np.array([[0.0, 1.0]]))
    for week in range(4):
        p = u.p.copy()
        p[0, TMDD_LIFESPAN.parameters.index("EC50")] = 15.0 * np.exp(0.05 * 7 * week)
        day = np.arange(7 * week, 7 * week + 7)[None, :]
        events = TMDD_LIFESPAN.daily_events(p, Days.of(24.0 * day, 5.0))
        times = np.array([[168.0 * week, 168.0 * (week + 1)]])
        state = solve(TMDD_LIFESPAN, p, state, events, times)[0][:, 0]
    assert simulate_unit(u).visits[0].true_count[0] == pytest.approx(state[0, -1], rel=1e-5)


def test_who_becomes_refractory_is_a_share_drawn_once():
    d = drawn(REFR_SHARE=0.3, REFR_RISE=2.0)
    assert (d.hardening > 0).mean() == pytest.approx(0.3, abs=4.5 * np.sqrt(0.21 / d.n))
    assert set(np.unique(d.hardening)) == {0.0, 2.0 / 365.25} and drawn(n=3).hardening is None
    full = moved(*REFRACTORY)
    assert not problems(full) and not structure_problems(full)
    assert list(in_words(full)) == ["refractoriness: in 10 % of patients EC50 times 2.72 after a year of days on drug"]
    weekly = RandomEffect("REFR_RISE", 0.1, "test", SET.parameters[0].source, "assumed", "occasion")
    assert "read once" in problems(replace(full, random_effects=(*full.random_effects, weekly)))[0]
