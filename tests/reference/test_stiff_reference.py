"""The Rosenbrock method against scipy's LSODA on tmdd_full at KON 1e3 and 1e6, where no explicit one gets through."""

import numpy as np
import pytest
from slow_solver import slow_solve
from solver_cases import parameters, same_times

from trial.models import TMDD_LIFESPAN, Days, structure
from trial.solver import Events, Status, solve
from trial.solver.structure import Array

FULL = structure("tmdd_full")
KON = np.array([1e3, 1e6])
DAYS = 2


@pytest.fixture(scope="module")
def case() -> tuple[Array, Array, Events, Array, Array]:
    """Two patients with much target, their start, two days of 5 mg, an output on the first, and the slow answer."""
    q = dict(zip(TMDD_LIFESPAN.parameters, parameters(2, KINT=1.0, R0=5.0, KSS=2.0, EC50=3.0).T, strict=True))
    q |= {"KON": KON, "KDISS": q["KSS"] - q["KINT"] / KON}
    p = np.stack([q[name] for name in FULL.parameters], axis=1)
    loss = np.array([[1.0, 1.3]])
    events = FULL.daily_events(p, Days.of(np.tile(24.0 * np.arange(DAYS), (2, 1)), 5.0, loss_factor=loss))
    start = FULL.steady_state(p, events.inputs[:, 0])
    times = same_times(2, 0.0, 12.0)
    return p, start, events, times, slow_solve(FULL, p, start, events, times)


@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9])
def test_error_follows_the_tolerance_however_stiff(case: tuple, rtol: float) -> None:
    p, start, events, times, expected = case
    states, status, steps = solve(FULL, p, start, events, times, rtol=rtol, atol=1e-3 * rtol)
    assert (status == Status.OK).all() and (steps < 2000).all()
    np.testing.assert_allclose(states, expected, rtol=5.0 * rtol, atol=5e-3 * rtol)


@pytest.mark.slow
def test_the_slow_answer_is_that_of_another_method(case: tuple) -> None:
    p, start, events, times, expected = case
    radau = slow_solve(FULL, p, start, events, times, method="Radau")
    np.testing.assert_allclose(radau, expected, rtol=1e-9, atol=1e-11)


def test_cut_at_a_day_and_beside_others_to_the_bit(case: tuple) -> None:
    p, start, events, times, _ = case
    whole = solve(FULL, p, start, events, same_times(2, 0.0, 24.0, 48.0))[0]
    days = [Events(*(x[:, k : k + 3] for x in vars(events).values())) for k in (0, 3)]
    first = solve(FULL, p, start, days[0], same_times(2, 0.0, 24.0))[0]
    second = solve(FULL, p, first[:, -1], days[1], same_times(2, 24.0, 48.0), lanes=1)[0]
    assert np.array_equal(np.concatenate([first, second], axis=1), whole)
    alone = solve(FULL, p[1:], start[1:], Events(*(x[1:] for x in vars(events).values())), times[1:], lanes=8)[0]
    assert np.array_equal(alone[0], solve(FULL, p, start, events, times)[0][1])
