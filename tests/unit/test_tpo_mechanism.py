"""The equations of tpo_mechanism at one state with round numbers, worked out by hand from the module's text."""

import numpy as np
import pytest
from scipy.optimize import brentq

from trial.models import TPO_MECHANISM as MODEL
from trial.models import Days
from trial.models.tpo_balance import individual

VALUES = {
    "CL": 3, "VC": 10, "Q": 1, "VP": 20, "LAG": 2, "KD": 0.25, "KA": 0.5, "MEAL_KD": 0.4, "MEAL_BIND": 3, "R0": 4,
    "KDEG_T": 0.5, "KSS": 2, "KINT": 0.25, "TPO0": 2, "KTPO": 0.5, "FHEP": 0.75, "HEP": 1.2, "REN": 0.8, "FP": 0.5,
    "FM": 0.25, "KAPPA": 1, "EC50": 2, "ETA": 0.5, "A50_JS": 0.375, "A50_ERK": 0.625, "A50_AKT": 1.875, "G_JS": 1,
    "G_ERK": 4, "G_AKT": 6, "ACT_JS": 1.2, "ACT_ERK": 1, "ACT_AKT": 0.5, "W_JS": 2, "W_ERK": 2, "W_AKT": 3, "TAUX": 4,
    "RS": 0.1, "TPR": 10, "MMT": 80, "LS": 200, "P0": 200, "KS": 0.48, "KP": 0.24, "KM": 0.96, "BASE": 40,
    "GPROD": 1.5, "KAB": 0.05, "HILL": 2, "F_EXP": 0, "F_REF": 1,
    "RECOVERS": 0, "AHEAD": 0, "PSAT": 150,
}  # fmt: skip
STATE = {
    "D1": 8, "D2": 6, "CTOT": 3.5, "CP": 1, "RTOT": 3, "TPO": 2, "JS": 2, "ERK": 3, "AKT": 2, "S": 0.5, "PR": 2,
    "M1": 1, "M2": 2, "M3": 3, "M4": 2, "P1": 10, "P2": 20, "P3": 30, "P4": 20, "P5": 20,
}  # fmt: skip
"""Free drug 2 and complex 1.5: 3.5 in all, and 3 x 2 / (2 + 2) = 1.5."""
INPUTS = {"KD_NOW": 0.25, "KBIND_NOW": 0.125, "LOSS_FACTOR": 1.5, "KILL": 0.5}
BY_HAND = {
    "D1": -3.0,  # -(0.25 + 0.125) 8
    "D2": -1.0,  # 0.25 x 8 - 0.5 x 6
    "CTOT": -0.775,  # (3 - 4 x 2 + 1) / 10 - 0.25 x 1.5
    "CP": 0.05,  # (2 - 1) / 20
    "RTOT": 0.875,  # 0.5 (4 - 3 + 1.5) - 0.375
    "TPO": 0.1,  # 0.5 (2 (0.75 x 1.2 + 0.25 x 0.8) - (0.5 x 100/200 + 0.25 x 2 + 0.25) 2)
    "S": 0.02,  # 0.1 x 0.5 x 0.5 - 0.48 x 0.5/24 x 0.5
    "PR": 0.09,  # (1.5 x 0.5 x 4 - 2) / 10 - 0.24 x 0.5/24 x 2
    "M1": 0.03,  # 4/80 (2 - 1) - 0.96 x 0.5/24 x 1
    "M2": -0.05,
    "M3": 0.75,  # 4/80 (2 x 9 - 3)
    "M4": 0.05,
    "P1": 15.3,  # 200/200 x 2 x 8 - (5/200 + 0.05 x 1.5 x (1 - 100/250)) 10
    "P2": -1.15,  # 0.025 x 10 - 0.07 x 20
    "P3": -1.6,
    "P4": -0.65,
    "P5": -0.9,
}
PLATEAU = {"JS": 1 / 2, "ERK": 1 / 4, "AKT": 1 / 12}
"""Occupancies 1/2 by TPO and 1/4 by drug make 5/8. x (1 + x) = 1.2 x 5/8; x (1 + 4x) = 1/2; x (1 + 6x) = 0.5 x 1/4."""


def derivative(state=None, inputs=None, values=None):
    y, u, p = (
        [dict(said, **(changed or {}))[name] for name in names]
        for said, changed, names in (
            (STATE, state, [s.name for s in MODEL.states]),
            (INPUTS, inputs, MODEL.inputs),
            (VALUES, values, MODEL.parameters),
        )
    )
    return dict(zip([s.name for s in MODEL.states], MODEL.rhs(y, p, u), strict=True))


def in_health(name):
    """The arm in health: theta = 1/2, intact."""
    bound = 0.5 / (VALUES[f"A50_{name}"] + 0.5)
    return brentq(lambda x: x * (1 + VALUES[f"G_{name}"] * x) - bound, 0, 1, xtol=1e-14)


@pytest.mark.parametrize("name", BY_HAND)
def test_each_derivative_by_hand(name):
    assert derivative()[name] == pytest.approx(BY_HAND[name], rel=1e-12)


@pytest.mark.parametrize("name", PLATEAU)
def test_each_arm_lags_behind_its_plateau(name):
    """Drug and TPO bind at different places: what both would hold is counted once."""
    assert derivative()[name] == pytest.approx((PLATEAU[name] / in_health(name) - STATE[name]) / 4, rel=1e-10)


def test_without_drug_only_tpo_holds_the_receptor():
    """In health, at T = TPO0 and all signals 1, no arm moves; with twice that level all rise."""
    quiet = {"CTOT": 0.0, "JS": 1, "ERK": 1, "AKT": 1}
    intact = {f"ACT_{name}": 1 for name in PLATEAU}
    assert [derivative(quiet, values=intact)[name] for name in PLATEAU] == pytest.approx([0, 0, 0], abs=1e-12)
    assert min(derivative(quiet | {"TPO": 4}, values=intact)[name] for name in PLATEAU) > 0


@pytest.mark.parametrize(("killed", "state"), [("KS", "S"), ("KP", "PR"), ("KM", "M1")])
def test_chemotherapy_kills_what_it_says_and_nothing_else(killed, state):
    """A full dose takes K x cells / 24 per hour."""
    none = {"KS": 0, "KP": 0, "KM": 0}
    before, after = derivative(inputs={"KILL": 0}), derivative(inputs={"KILL": 1}, values=none | {killed: 2.4})
    for name in STATE:
        assert after[name] - before[name] == pytest.approx(-0.1 * STATE[name] if name == state else 0.0, abs=1e-12)


def test_outputs_are_free_drug_all_platelets_and_tpo():
    p = [VALUES[name] for name in MODEL.parameters]
    assert MODEL.outputs(list(STATE.values()), p, [None] * 4) == pytest.approx([2, 100, 2])
    assert MODEL.output_names == ("CONC", "PLT", "TPO")


def person(**values):
    """A patient's parameters by name, KAB and GPROD from his own count."""
    return individual(
        {n: np.array([float(v)]) for n, v in (VALUES | {"DESTRUCTION": 1.0, "GPROD": 1.0} | values).items()}
    )


def vector(q):
    return np.stack([q[name] for name in MODEL.parameters], axis=1)


MILD = {"W_JS": 0.5, "W_ERK": 0.5, "W_AKT": 0.5}


@pytest.mark.parametrize(
    "kind", [{"BASE": 20}, {"BASE": 60, "GPROD": 0.8}, {"BASE": 30, "DESTRUCTION": 0}, {"BASE": 260} | MILD]
)
def test_the_start_is_a_steady_state_with_the_patients_own_count(kind):
    """Every derivative is 0 without drug, and the ages of the platelets sum to the count without drug."""
    q = person(**kind)
    start = MODEL.steady_state(vector(q), np.array([[0.25, 0.0, 1.0, 0.0]]))[0]
    slopes = MODEL.rhs(start, vector(q)[0], [0.25, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(slopes, 0.0, atol=1e-9)
    assert start[-5:].sum() == pytest.approx(kind["BASE"], rel=1e-9) and (start[:4] == 0).all()
    destroyed = kind.get("DESTRUCTION", 1) and kind["BASE"] < 260
    assert (q["KAB"][0] > 0) == bool(destroyed) and (q["GPROD"][0] == kind.get("GPROD", 1)) == bool(destroyed)


@pytest.mark.parametrize("kind", [{"BASE": 20}, {"BASE": 60, "GPROD": 0.8}, {"BASE": 30, "DESTRUCTION": 0}])
def test_only_platelets_start_at_the_loss_of_day_0(kind):
    """The screening count is BASE / loss factor whatever the structure; every other state as in health's balance."""
    p = vector(person(**kind))
    usual, more = (MODEL.steady_state(p, np.array([[0.25, 0.0, loss, 0.0]]))[0] for loss in (1.0, 1.7))
    assert (usual[:-5] == more[:-5]).all()
    assert more[-5:].sum() == pytest.approx(kind["BASE"] / 1.7, rel=1e-9)
    np.testing.assert_allclose(more[-5:] / usual[-5:], 1 / 1.7, rtol=1e-12)


def day(dose_mg=5.0, **said):
    """(time, amount, KD, binding) of the three events of day 2 of one patient."""
    p = np.array([[VALUES[name] for name in MODEL.parameters]])
    events = MODEL.daily_events(p, Days.of([[48.0]], dose_mg, **said))
    assert (events.inputs[0, :, 2] == said.get("loss_factor", 1)).all()
    assert (events.inputs[0, :, 3] == said.get("kill", 0)).all()
    return [
        (t, a, *u) for t, a, u in zip(events.time_h[0], events.amount[0], events.inputs[0, :, :2].tolist(), strict=True)
    ]


def test_the_dose_enters_after_the_lag():
    """5 mg of which 0.8 is taken up: 4000 ug two hours into the day; no meal, so the third event is the next day's."""
    assert day(bioavailability=0.8, kill=0.7, loss_factor=1.3) == [
        (48, 0, 0.25, 0), (50, 4000, 0.25, 0), (72, 0, 0.25, 0),
    ]  # fmt: skip


def test_a_meal_before_and_after_the_dose_enters():
    """From the meal on KD is 0.4 of itself and 3 per hour are bound; both at one hour happen together."""
    fed = (pytest.approx(0.1), 3)
    assert day(meal_h=1.0) == [(48, 0, 0.25, 0), (49, 0, *fed), (50, 5000, *fed)]
    assert day(meal_h=5.0) == [(48, 0, 0.25, 0), (50, 5000, 0.25, 0), (53, 0, *fed)]
    assert day(meal_h=2.0) == [(48, 0, 0.25, 0), (50, 5000, *fed), (50, 0, *fed)]
    assert day(meal_h=0.0) == [(48, 0, *fed), (48, 0, *fed), (50, 5000, *fed)]


def test_nothing_happens_on_a_day_without_dose_and_a_meal_a_day_later_is_none():
    assert day(dose_mg=0.0) == [(48, 0, 0.25, 0), (72, 0, 0.25, 0), (72, 0, 0.25, 0)]
    assert day(meal_h=24.0) == day() == [(48, 0, 0.25, 0), (50, 5000, 0.25, 0), (72, 0, 0.25, 0)]


def test_platelets_that_are_given_are_of_every_age_alike():
    names = [f"P{k}" for k in range(1, 6)]
    assert [name for name, _ in MODEL.transfused] == names
    assert [share for _, share in MODEL.transfused] == pytest.approx([0.2] * 5)


def test_the_smallest_dose_is_one_and_an_absurd_lag_ends_within_the_day():
    assert day(dose_mg=0.25) == [(48, 0, 0.25, 0), (50, 250, 0.25, 0), (72, 0, 0.25, 0)]
    p = np.array([[(VALUES | {"LAG": 30})[name] for name in MODEL.parameters]], dtype=float)
    assert MODEL.daily_events(p, Days.of([[48.0]], 5.0)).time_h[0].tolist() == [48, 71, 72]
