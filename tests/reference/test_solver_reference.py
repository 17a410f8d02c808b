"""The solver against scipy on tmdd_lifespan, and the tolerance against the error it buys."""

import numpy as np
import pytest
from slow_solver import slow_solve
from solver_cases import TMDD, daily, parameters, same_times, steady

from trial.solver import Status, solve
from trial.solver.structure import Array

N = 6
METHODS = ("taylor", "pair", "rosenbrock")


@pytest.fixture(scope="module")
def case() -> tuple[Array, ...]:
    """Patients, three days of 40 mg with a fluctuating loss factor, output times, and the slow answer."""
    p = parameters(N)
    loss_factor = np.exp(0.3 * np.random.default_rng(2).standard_normal((N, 3)))
    events = daily(p, 3, 40.0, loss_factor=loss_factor)
    times = same_times(N, 0.0, 4.0, 24.0, 25.47, 47.9, 72.0)
    return p, events, times, slow_solve(TMDD, p, steady(p), events, times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rtol", "allowed"), [(1e-4, 1e-3), (1e-6, 1e-5), (1e-8, 1e-7), (1e-10, 1e-9)])
def test_error_follows_the_tolerance(case: tuple, rtol: float, allowed: float, method: str) -> None:
    p, events, times, expected = case
    states, status, _ = solve(TMDD, p, steady(p), events, times, rtol=rtol, atol=1e-3 * rtol, method=method)
    assert (status == Status.OK).all()
    np.testing.assert_allclose(states, expected, rtol=allowed, atol=allowed * 1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_reported_quantities_at_the_default_tolerance(case: tuple, method: str) -> None:
    """Concentration and platelets within 1e-6: what the design promises."""
    p, events, times, expected = case
    states, _, _ = solve(TMDD, p, steady(p), events, times, method=method)
    got, want = (np.array(TMDD.outputs(np.moveaxis(s, 2, 0), p.T[:, :, None], ())) for s in (states, expected))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def test_the_two_slow_methods_agree() -> None:
    """The reference itself: an explicit and an implicit scipy method."""
    p = parameters(1)
    events, times = daily(p, 1, 5.0), same_times(1, 0.0, 12.0, 24.0)
    explicit, implicit = (slow_solve(TMDD, p, steady(p), events, times, method=m) for m in ("DOP853", "LSODA"))
    np.testing.assert_allclose(explicit, implicit, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_washout_to_nothing_stays_accurate_and_positive(method: str) -> None:
    """One dose of 40 mg and 60 days: concentrations fall by many orders of magnitude through the target's domain."""
    p = parameters(3)
    events, times = daily(p, 1, 40.0), same_times(3, 0.0, 168.0, 720.0, 1440.0)
    states, status, _ = solve(TMDD, p, steady(p), events, times, method=method)
    assert (status == Status.OK).all()
    np.testing.assert_allclose(states, slow_solve(TMDD, p, steady(p), events, times), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_a_solve_may_be_cut_at_any_day_without_changing_a_bit(method: str) -> None:
    """Every day start is an event, and no step remembers one before an event."""
    p = parameters(9)
    n, days = len(p), 10
    times = same_times(n, *(24.0 * d for d in range(days + 1)))
    whole, status, _ = solve(TMDD, p, steady(p), daily(p, days, 5.0), times, method=method)
    assert (status == Status.OK).all()
    for cuts in ((3,), (1, 2, 7)):
        state, begin = steady(p), 0
        for end in (*cuts, days):
            events = daily(p, end - begin, 5.0, first_day=begin)
            states, _, _ = solve(TMDD, p, state, events, same_times(n, 24.0 * begin, 24.0 * end), method=method)
            state, begin = states[:, -1], end
            assert np.array_equal(state, whole[:, end - 1])
