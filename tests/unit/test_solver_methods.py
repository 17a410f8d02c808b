"""Each method against closed forms and the slow solver, and what every method must keep: lanes apart, cuts, outputs."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_solver_door import DECAY, table, toy

from trial.models import structure
from trial.solver import REASON, Events, Status, method_of, solve
from trial.solver.exact import linear_block
from trial.solver.kernel import system_of
from trial.solver.structure import Array, Structure
from trial.solver.taylor import DAMPED_ORDER, DAMPING, ORDER, STABLE

METHODS = ("exact", "taylor", "pair", "rosenbrock")
ORAL = replace(
    toy(lambda y, p, u: [-p[0] * y[0], p[0] * y[0] - p[1] * y[1]], 2, parameters=2),
    output_names=("CONC",),
    outputs=lambda y, p, u: [0.1 * y[1]],
)
"""One compartment with first-order absorption; p = (ka, ke)."""
CHAIN = toy(lambda y, p, u: [-p[0] * y[0], *(p[0] * (y[i - 1] - y[i]) for i in range(1, 6))], 6)
FEEDBACK = toy(lambda y, p, u: [u[0] - p[0] * y[0], (1.0 / y[1]) ** 0.3 * np.exp(-0.1 * y[0]) - 0.2 * y[1]], 2)
SWITCH = toy(lambda y, p, u: [-p[0] * y[0], np.maximum(y[0] - 1.0, 0.0) - np.minimum(0.5 * y[1], 0.3)], 2)


def test_the_graph_chooses_the_method() -> None:
    chosen = [method_of(s) for s in (ORAL, CHAIN, DECAY, FEEDBACK, structure("tmdd_lifespan"), SWITCH)]
    assert chosen == ["exact", "exact", "exact", "taylor", "taylor", "pair"]
    assert method_of(replace(FEEDBACK, method="pair")) == "pair"


@pytest.mark.parametrize("method", METHODS)
def test_doses_superpose(method: str) -> None:
    """Bateman 1910, one term per dose."""
    ka, ke, hours = 0.7, 0.11, np.array([0.0, 3.0, 24.0, 30.0, 50.0, 96.0])
    events = table([(24.0 * d, 100.0, 0.0) for d in range(4)])
    got, status, _ = solve(ORAL, np.array([[ka, ke]]), np.zeros((1, 2)), events, hours[None], method=method)
    since = np.maximum(hours[1:, None] - 24.0 * np.arange(4), 0.0)
    expected = (100.0 * ka / (ka - ke) * (np.exp(-ke * since) - np.exp(-ka * since))).sum(axis=1)
    assert status[0] == Status.OK
    np.testing.assert_allclose(got[0, :, 1], expected, rtol=1e-10 if method == "exact" else 1e-6, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_transit_chain_is_a_gamma_response(method: str) -> None:
    k, hours = 0.3, np.array([0.0, 1.0, 5.0, 40.0])
    start = np.array([[10.0, 0, 0, 0, 0, 0]])
    got, _, _ = solve(CHAIN, np.array([[k]]), start, table([(0, 0, 0)]), hours[None], method=method)
    for i in range(6):
        expected = 10.0 * (k * hours[1:]) ** i / math.factorial(i) * np.exp(-k * hours[1:])
        np.testing.assert_allclose(got[0, :, i], expected, rtol=1e-10 if method == "exact" else 1e-6, atol=1e-8)


def slow(model: Structure, p: Array, y: Array, u: float, end: float) -> Array:
    """One patient without events by scipy."""
    solution = solve_ivp(
        lambda _, x: [float(d) for d in model.rhs(x, p, [u])], (0.0, end), y, rtol=1e-10, atol=1e-13, max_step=0.05
    )
    return solution.y[:, -1]


@pytest.mark.parametrize(
    ("model", "method"),
    [(FEEDBACK, "taylor"), (FEEDBACK, "pair"), (FEEDBACK, "rosenbrock"), (SWITCH, "pair"), (SWITCH, "rosenbrock")],
)
def test_smooth_and_switching_structures_against_scipy(model: Structure, method: str) -> None:
    p, y = np.array([[0.2], [0.5], [1.1]]), np.array([[4.0, 1.0], [3.0, 2.0], [0.5, 3.0]])
    times = np.tile([0.0, 6.0], (3, 1))
    got, status, _ = solve(model, p, y, table(*[[(0, 0, 0.7)]] * 3), times, method=method)
    assert (status == Status.OK).all()
    expected = np.stack([slow(model, p[i], y[i], 0.7, 6.0) for i in range(3)])
    np.testing.assert_allclose(got[:, 0], expected, rtol=1e-5 if model is SWITCH else 1e-6)


def oral_cohort(n: int) -> tuple[Array, Array, Events, Array]:
    """Patients of ORAL with doses of their own."""
    rng = np.random.default_rng(5)
    p, y = np.exp(0.5 * rng.standard_normal((n, 2))) * [0.7, 0.1], rng.uniform(0.0, 5.0, (n, 2))
    time = np.concatenate([np.zeros((n, 1)), np.sort(rng.uniform(0.0, 48.0, (n, 5)), axis=1)], axis=1)
    events = Events(time, rng.uniform(0.0, 9.0, time.shape), np.zeros((*time.shape, 1)))
    return p, y, events, np.tile([0.0, 7.0, 24.0, 48.0], (n, 1))


@pytest.mark.parametrize("method", METHODS)
def test_neighbours_lanes_and_failures_leave_a_patient_alone(method: str) -> None:
    p, y, events, times = oral_cohort(19)
    everybody = solve(ORAL, p, y, events, times, method=method)
    assert (everybody[1] == Status.OK).all()
    rows = np.array([7, 3, 3, 18])
    some = Events(events.time_h[rows], events.amount[rows], events.inputs[rows])
    for lanes in (4, 8, 16):
        alone = solve(ORAL, p[rows], y[rows], some, times[rows], method=method, lanes=lanes)
        assert all(np.array_equal(a, b[rows]) for a, b in zip(alone, everybody, strict=True))
    ill = y.copy()
    ill[0], ill[9] = np.nan, -50.0
    values, status, _ = solve(ORAL, p, ill, events, times, method=method)
    assert status[[0, 9]].tolist() == [Status.NON_FINITE, Status.NEGATIVE] and np.isnan(values[[0, 9]]).all()
    others = np.setdiff1d(np.arange(19), [0, 9])
    assert np.array_equal(values[others], everybody[0][others])


@pytest.mark.parametrize("method", METHODS)
def test_a_cut_at_an_event_changes_no_bit(method: str) -> None:
    n = 6
    p, y = oral_cohort(n)[:2]
    day = np.tile(24.0 * np.arange(4), (n, 1))
    events = Events(day, np.full((n, 4), 8.0), np.zeros((n, 4, 1)))
    whole = solve(ORAL, p, y, events, np.tile([0.0, 96.0], (n, 1)), method=method)[0][:, -1]
    state = y
    for begin, end in ((0, 2), (2, 3), (3, 4)):
        part = Events(day[:, begin:end], events.amount[:, begin:end], events.inputs[:, begin:end])
        state = solve(ORAL, p, state, part, np.tile([24.0 * begin, 24.0 * end], (n, 1)), method=method)[0][:, -1]
    assert np.array_equal(state, whole)


def test_outputs_inside_a_taylor_step_change_no_bit_and_fit_the_slow_answer() -> None:
    p, y, events, times = oral_cohort(11)
    plain = solve(ORAL, p, y, events, times, method="taylor")
    hours = np.sort(np.unique(np.concatenate([np.arange(0.0, 48.5, 0.5), times[0]])))
    dense = solve(ORAL, p, y, events, np.tile([0.0, *hours], (11, 1)), method="taylor")
    assert np.array_equal(dense[0][:, np.searchsorted(hours, times[0, 1:])], plain[0])
    assert np.array_equal(dense[2], plain[2])
    exact = solve(ORAL, p, y, events, np.tile([0.0, *hours], (11, 1)), method="exact")
    np.testing.assert_allclose(dense[0], exact[0], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_outputs_are_those_of_the_states(method: str) -> None:
    p, y, events, times = oral_cohort(9)
    states = solve(ORAL, p, y, events, times, method=method)[0]
    got, status, _ = solve(ORAL, p, y, events, times, method=method, outputs=True)
    assert got.shape == (9, 3, 1) and (status == Status.OK).all()
    np.testing.assert_allclose(got[:, :, 0], 0.1 * states[:, :, 1], rtol=1e-15)


def test_threads_at_once_give_the_bits_of_one() -> None:
    """Every call has its own memory."""
    p, y, events, times = oral_cohort(64)
    alone = {method: solve(ORAL, p, y, events, times, method=method)[0] for method in METHODS}
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda m: (m, solve(ORAL, p, y, events, times, method=m)[0]), METHODS * 8))
    assert all(np.array_equal(values, alone[method]) for method, values in results)


HANGING = toy(lambda y, p, u: [-p[0] * (y[0] - y[1]), -p[1] * y[1]], 2, 2)
"""A fast state that hangs on a slow one; p = (fast rate, slow rate)."""
PULLED = toy(lambda y, p, u: [-p[0] * (y[0] - y[1] * y[1]), 1.0 - y[1]], 2)


def hanging(rates: Array, hours: Array) -> Array:
    """The fast state from 2, the slow one from 1."""
    fast, slow_rate = rates
    slow_state = np.exp(-slow_rate * hours)
    follows = fast / (fast - slow_rate)
    return np.stack([follows * slow_state + (2.0 - follows) * np.exp(-fast * hours), slow_state], axis=1)


@pytest.mark.parametrize("fast", [2.0, 30.0, 400.0])
def test_a_fast_decay_lets_damped_steps_be_twice_as_long(fast: float) -> None:
    """The plain series grows from h rate = 5.07 on, where the polynomial of order 10 leaves the unit circle."""
    rates, hours = np.array([fast, 0.05]), np.array([0.0, 0.01, 0.3, 4.0, 20.0, 48.0])
    got, status, steps = solve(
        HANGING, rates[None], np.array([[2.0, 1.0]]), table([(0, 0, 0)]), hours[None], method="taylor"
    )
    assert status[0] == Status.OK
    np.testing.assert_allclose(got[0], hanging(rates, hours[1:]), rtol=1e-6)
    assert steps[0] < 20 + 48.0 * fast / 9.5


def test_damped_terms_keep_every_decay_small_and_the_order() -> None:
    """|1 + z + ... + w_10 z^10 / 10!| for real z: the last two factors, and no other, are not 1."""
    z = np.linspace(-9.9, -0.3, 5000)
    factors = [1.0] * (DAMPED_ORDER + 1) + list(DAMPING)
    assert len(factors) == ORDER + 1 and STABLE < 9.9
    size = np.abs(sum(w * z**k / math.factorial(k) for k, w in enumerate(factors)))
    assert size.max() < 0.8001
    plain = np.abs(sum(z**k / math.factorial(k) for k in range(ORDER + 1)))
    assert plain[z < -5.1].min() > 1.0 > plain[z > -5.0].max()


@pytest.mark.parametrize("method", ["taylor", "pair", "rosenbrock"])
def test_the_error_of_a_stiff_solve_falls_with_the_tolerance(method: str) -> None:
    p, y, times = np.array([[30.0]]), np.array([[0.5, 3.0]]), np.array([[0.0, 0.02, 0.7, 5.0, 20.0]])
    truth = solve(PULLED, p, y, table([(0, 0, 0)]), times, rtol=1e-13, atol=1e-16, method="pair")[0]
    for rtol in (1e-4, 1e-6, 1e-8):
        got = solve(PULLED, p, y, table([(0, 0, 0)]), times, rtol=rtol, atol=1e-3 * rtol, method=method)[0]
        np.testing.assert_allclose(got, truth, rtol=2.0 * rtol)


@pytest.mark.parametrize("method", ["taylor", "rosenbrock"])
def test_stiff_neighbours_leave_a_patient_alone(method: str) -> None:
    p = np.exp(np.random.default_rng(8).uniform(0.0, 5.0, (21, 1)))
    y, times = np.tile([0.5, 3.0], (21, 1)), np.tile([0.0, 1.0, 20.0], (21, 1))
    everybody = solve(PULLED, p, y, table(*[[(0, 0, 0)]] * 21), times, method=method)
    rows = np.array([20, 3, 3, 11, 7])
    for lanes in (1, 4, 8, 16):
        some = solve(PULLED, p[rows], y[rows], table(*[[(0, 0, 0)]] * 5), times[rows], lanes=lanes, method=method)
        assert all(np.array_equal(a, b[rows]) for a, b in zip(some, everybody, strict=True))


def test_the_linear_block_is_what_only_linear_equations_move() -> None:
    found = [
        linear_block(system_of(s).derivatives)
        for s in (structure("tpo_mechanism"), structure("tmdd_lifespan"), SWITCH, FEEDBACK)
    ]
    assert [sorted(block) for block in found] == [[0, 1], [0], [0], [0]]
    assert not linear_block(system_of(CHAIN).derivatives), "all of it: exact maps are for that"


def test_a_stiff_patient_ends_with_a_reason_that_says_so() -> None:
    """A rate of 1e7 per hour against one of 0.01: no explicit step gets through."""
    p, times = np.array([[1e7], [0.3]]), np.tile([0.0, 24.0], (2, 1))
    for method in ("taylor", "pair"):
        _, status, steps = solve(
            FEEDBACK, p, np.ones((2, 2)), table(*[[(0, 0, 0.7)]] * 2), times, method=method, max_steps=500
        )
        assert status.tolist() == [Status.STEP_LIMIT, Status.OK] and steps[0] == 500
    assert "stiff" in REASON[Status.STEP_LIMIT]


def test_the_method_for_stiff_equations_gets_through() -> None:
    """The same patient: y0 is 0.07 e^(-7) within a microsecond, and y1 follows."""
    args = np.array([[1e7]]), np.ones((1, 2)), table([(0, 0, 0.7)]), np.array([[0.0, 24.0]])
    got, status, steps = solve(FEEDBACK, *args, method="rosenbrock")
    assert status[0] == Status.OK and steps[0] < 200
    without = toy(lambda y, p, u: [(1.0 / y[0]) ** 0.3 * np.exp(-0.1 * u[0] / p[0]) - 0.2 * y[0]], 1)
    slow_part, _, _ = solve(without, args[0], np.ones((1, 1)), *args[2:], rtol=1e-10, method="taylor")
    assert got[0, 0] == pytest.approx([0.7 / 1e7, slow_part[0, 0, 0]], rel=1e-6)
