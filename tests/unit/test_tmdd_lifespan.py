"""The equations of tmdd_lifespan at one state with round numbers, worked out by hand from the module's text."""

import numpy as np
import pytest

from trial.models import TMDD_LIFESPAN as MODEL
from trial.models import TPO_MECHANISM, Days
from trial.models.tmdd_lifespan import binding

VALUES = {
    "CL": 3, "VC": 10, "Q": 1, "VP": 20, "LAG": 2, "KA1": 0.5, "TSWITCH": 6, "KA2": 0.75, "R0": 4, "KDEG_T": 0.5,
    "KSS": 2, "KINT": 0.25, "KIN": 1.5, "BASE": 30, "MTT": 80, "EMAX": 8, "EC50": 6,
}  # fmt: skip
P = np.array([[VALUES[name] for name in MODEL.parameters]], dtype=float)
STATE = [8, 3.5, 1, 3, 40, 60, 50, 90, 20]
"""Free drug 2 and complex 1.5: 3.5 in all, and 3 x 2 / (2 + 2) = 1.5."""
BY_HAND = [
    -4.0,  # -0.5 x 8
    -0.675,  # (4 - 4 x 2 + 1) / 10 - 0.25 x 1.5
    0.05,  # (2 - 1) / 20
    0.875,  # 0.5 (4 - 3 + 1.5) - 0.375
    2.5,  # 1.5 (1 + 8 x 2/8) - 4/80 x 40
    -1.0,  # 0.05 (40 - 60)
    0.5,
    -2.0,
    3.0,  # 0.05 x 90 - 1.5/30 x 1.5 x 20
]


def test_each_derivative_by_hand():
    np.testing.assert_allclose(MODEL.rhs(STATE, P[0], [0.5, 1.5]), BY_HAND, rtol=1e-12)


def test_free_drug_and_complex_fulfil_the_law_of_binding():
    """Free and bound are all; complex = target x free / (KSS + free)."""
    for c, r in ((3.5, 3.0), (0.01, 5.0), (100.0, 0.5), (0.0, 2.0), (7.0, 0.0)):
        free, bound = binding(c, r, 2.0)
        assert free + bound == pytest.approx(c, abs=1e-12) and bound == pytest.approx(r * free / (2 + free), abs=1e-12)


def test_outputs_are_free_drug_and_platelets():
    assert MODEL.outputs(STATE, P[0], [None, None]) == pytest.approx([2, 20])


def test_the_start_is_a_steady_state_at_the_loss_of_day_0():
    """BASE over the loss factor; every derivative 0."""
    for loss in (1.0, 2.0):
        start = MODEL.steady_state(P, np.array([[0.75, loss]]))[0]
        assert start[-1] == pytest.approx(30 / loss) and start[3] == 4 and (start[:3] == 0).all()
        np.testing.assert_allclose(MODEL.rhs(start, P[0], [0.75, loss]), 0.0, atol=1e-12)


def day(dose_mg=5.0, values=None, **said):
    """(time, amount, rate of absorption) of the three events of day 2 of one patient."""
    p = np.array([[(VALUES | (values or {}))[name] for name in MODEL.parameters]], dtype=float)
    events = MODEL.daily_events(p, Days.of([[48.0]], dose_mg, **said))
    assert (events.inputs[0, :, 1] == said.get("loss_factor", 1)).all()
    return list(zip(events.time_h[0].tolist(), events.amount[0].tolist(), events.inputs[0, :, 0].tolist(), strict=True))


def test_a_dose_enters_after_the_lag_and_its_rate_switches():
    """5 mg of which 0.8 is taken up: 4000 ug at KA1 two hours into the day, KA2 from the sixth."""
    assert day(bioavailability=0.8, loss_factor=1.3) == [(48, 0, 0.75), (50, 4000, 0.5), (54, 0, 0.75)]


def test_nothing_happens_on_a_day_without_dose():
    assert day(dose_mg=0.0) == [(48, 0, 0.75), (72, 0, 0.75), (72, 0, 0.75)]


def test_a_switch_before_the_lag_falls_on_it():
    assert [event[0] for event in day(values={"TSWITCH": 1})] == [48, 50, 50]


def test_the_smallest_dose_is_one():
    """A quarter of a milligram enters like any other."""
    assert day(dose_mg=0.25) == [(48, 0, 0.75), (50, 250, 0.5), (54, 0, 0.75)]


def test_an_absurd_lag_still_ends_within_the_day():
    """A dose enters by hour 23 and its rate switches by 23.5, before the next day begins."""
    assert [event[0] for event in day(values={"LAG": 30, "TSWITCH": 40})] == [48, 71, 71.5]


def test_a_transfused_platelet_joins_the_counted_ones_whole():
    assert MODEL.transfused == (("PLT", 1.0),)
    assert sum(share for _, share in TPO_MECHANISM.transfused) == pytest.approx(1.0)
