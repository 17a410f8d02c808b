"""The door on small systems with known answers: events, outputs, statuses, refusals, elementary functions."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trial.models import State, Structure
from trial.solver import Events, Status, reads_in_passing, solve
from trial.solver.structure import Array


def toy(rhs: Callable[..., Sequence[Any]], states: int, parameters: int = 1, inputs: int = 1) -> Structure:
    """A structure of which only the equations matter."""
    return Structure(
        id="toy",
        title="toy",
        states=tuple(State(f"Y{i}", "1", "") for i in range(states)),
        parameters=tuple(f"P{i}" for i in range(parameters)),
        inputs=tuple(f"U{i}" for i in range(inputs)),
        dose_state=0,
        output_names=(),
        rhs=rhs,
        outputs=lambda y, p, u: [],
        steady_state=lambda p, u: np.zeros((len(p), states)),
        daily_events=lambda *_: table([]),
    )


def table(*patients: list[tuple[float, float, float]]) -> Events:
    """Events of patients with one input, from rows of (time, amount, input)."""
    rows = np.array(patients, dtype=float).reshape(len(patients), -1, 3)
    return Events(rows[:, :, 0], rows[:, :, 1], rows[:, :, 2:])


DECAY = toy(lambda y, p, u: [-p[0] * y[0] + u[0]], 1)
"""y' = -k y + u: an infusion at rate u, boluses into y."""
GROWTH = toy(lambda y, p, u: [p[0] * y[0] * y[0] + u[0]], 1)
"""y' = p y^2: from 1 infinite at t = 1 / p."""


def decay(k: float, start: float, times: list[float], events: list[tuple[float, float, float]], **options: Any) -> Any:
    """One patient of DECAY."""
    return solve(DECAY, np.array([[k]]), np.array([[start]]), table(events), np.array([times]), **options)


def test_decay_and_infusion_have_their_closed_form() -> None:
    states, status, steps = decay(0.5, 2.0, [0.0, 1.0, 4.0, 6.0], [(0, 0, 0), (4, 0, 3)])
    at_4 = 2.0 * np.exp(-2.0)
    expected = [2.0 * np.exp(-0.5), at_4, at_4 * np.exp(-1.0) + 6.0 * (1 - np.exp(-1.0))]
    np.testing.assert_allclose(states[0, :, 0], expected, rtol=1e-6)
    assert status.tolist() == [Status.OK]
    assert steps.dtype == np.int64 and steps[0] > 0


def test_inputs_in_any_order_have_their_closed_form() -> None:
    """y' = -k y + u0 + 2 u1, whose inputs change every 2 h and come back: towards (u0 + 2 u1) / k by exp(-2 k)."""
    two = toy(lambda y, p, u: [u[0] + 2.0 * u[1] - p[0] * y[0]], 1, inputs=2)
    k, inputs = 0.3, [(1.0, 0.0), (1.0, 3.0), (2.0, 0.0), (1.0, 3.0), (1.0, 0.0), (2.0, 3.0), (2.0, 0.0)]
    starts = 2.0 * np.arange(len(inputs))
    events = Events(starts[None], np.zeros((1, len(inputs))), np.array([inputs]))
    expected, level = [], 5.0
    for first, second in inputs:
        rest = (first + 2.0 * second) / k
        level = rest + (level - rest) * np.exp(-2.0 * k)
        expected.append(level)
    times = np.append(starts, starts[-1] + 2.0)[None]
    states, status, _ = solve(two, np.array([[k]]), np.array([[5.0]]), events, times)
    assert status.tolist() == [Status.OK]
    np.testing.assert_allclose(states[0, :, 0], expected, rtol=1e-12)


def test_output_is_read_before_an_event_of_the_same_time() -> None:
    states, _, _ = decay(0.0, 1.0, [0.0, 5.0, 5.0, 6.0], [(0, 0, 0), (5, 10, 0)])
    assert states[0, :, 0].tolist() == [1.0, 1.0, 11.0]


def test_output_at_the_start_is_read_before_the_events_there() -> None:
    states, _, _ = decay(0.0, 1.0, [0.0, 0.0, 1.0], [(0, 10, 0)])
    assert states[0, :, 0].tolist() == [1.0, 11.0]


def test_events_before_the_start_act_at_the_start() -> None:
    states, _, _ = decay(0.0, 1.0, [10.0, 11.0], [(2, 10, 7), (5, 20, 0)])
    assert states[0, 0, 0] == 31.0


def test_events_of_equal_time_act_in_order() -> None:
    states, _, _ = decay(0.0, 0.0, [0.0, 3.0], [(0, 0, 0), (1, 4, 100), (1, 5, 2)])
    np.testing.assert_allclose(states[0, 0, 0], 9.0 + 2 * 2.0, rtol=1e-14)


def test_event_at_the_last_output_is_left_to_the_next_call() -> None:
    states, _, _ = decay(0.0, 1.0, [0.0, 5.0], [(0, 0, 0), (5, 10, 0)])
    assert states[0, 0, 0] == 1.0


def test_intervals_of_no_length() -> None:
    states, status, steps = decay(1.0, 3.0, [4.0, 4.0, 4.0], [(4, 10, 0)])
    assert states[0, :, 0].tolist() == [3.0, 3.0]
    assert (status[0], steps[0]) == (Status.OK, 0)


def test_no_outputs_and_no_patients() -> None:
    assert decay(1.0, 3.0, [4.0], [(0, 0, 0)])[0].shape == (1, 0, 1)
    empty = Events(np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1, 1)))
    states, status, _ = solve(DECAY, np.zeros((0, 1)), np.zeros((0, 1)), empty, np.zeros((0, 3)))
    assert states.shape == (0, 2, 1) and status.shape == (0,)


def test_every_status_is_reached_and_neighbours_do_not_notice() -> None:
    p = np.array([[0.1], [1.0], [0.1], [0.1], [0.1]])
    y = np.array([[1.0], [1.0], [1.0], [np.nan], [1.0]])
    events = table(*([(0, 0, 0), (1, amount, 0)] for amount in (0, 0, -5, 0, 0)))
    times = np.tile([0.0, 0.5, 2.0, 3.0], (5, 1))
    states, status, _ = solve(GROWTH, p, y, events, times)
    assert status.tolist() == [Status.OK, Status.NON_FINITE, Status.NEGATIVE, Status.NON_FINITE, Status.OK]
    alone = solve(GROWTH, p[:1], y[:1], table([(0, 0, 0), (1, 0, 0)]), times[:1])[0]
    assert np.array_equal(states[0], alone[0]) and np.array_equal(states[4], alone[0])
    assert np.isfinite(states[1, 0]).all() and np.isnan(states[1, 1:]).all()
    assert np.isfinite(states[2, 0]).all() and np.isnan(states[2, 1:]).all()
    assert np.isnan(states[3]).all()


def test_a_trial_that_is_not_a_number_is_tried_again_shorter() -> None:
    """y' = u sqrt(y) (1 - y): the step that suits u = 1e-9 leads to the root of a negative number at u = 1e4."""
    structure = toy(lambda y, p, u: [u[0] * y[0] ** 0.5 * (1.0 - y[0])], 1)
    events, times = table([(0, 0, 1e-9), (10, 0, 1e4)]), np.array([[0.0, 10.0, 20.0]])
    states, status, _ = solve(structure, np.ones((1, 1)), np.array([[3.0]]), events, times)
    assert status[0] == Status.OK
    np.testing.assert_allclose(states[0, :, 0], [3.0, 1.0], rtol=1e-6)


def test_an_equation_that_is_never_a_number_is_told_from_a_stiff_one() -> None:
    structure = toy(lambda y, p, u: [(y[0] - 10.0) ** 0.5], 1)
    _, status, steps = solve(structure, np.ones((1, 1)), np.ones((1, 1)), table([(0, 0, 0)]), np.array([[0.0, 10.0]]))
    assert status[0] == Status.NON_FINITE and steps[0] < 100


def test_step_limit() -> None:
    times, events = [0.0, 1.0, 1000.0], [(0.0, 0.0, 1.0)]
    states, status, steps = decay(50.0, 1.0, times, events, max_steps=200, method="pair")
    assert (status[0], steps[0]) == (Status.STEP_LIMIT, 200)
    assert np.isfinite(states[0, 0, 0]) and np.isnan(states[0, 1, 0])


def test_small_negative_values_are_numerical_noise() -> None:
    """The allowance is 10 rtol of the largest size in the call plus 1000 atol."""
    assert decay(0.0, 1.0, [0.0, 2.0], [(0, 0, 0), (1, -1 - 0.9e-5, 0)])[1][0] == Status.OK
    assert decay(0.0, 1.0, [0.0, 2.0], [(0, 0, 0), (1, -1 - 1.2e-5, 0)])[1][0] == Status.NEGATIVE


def test_events_too_near_for_a_step_do_not_shrink_later_steps() -> None:
    """Pinpricks that change nothing cost about one step each."""
    plain = decay(0.1, 1.0, [0.0, 100.0], [(0, 0, 0)])[2][0]
    pricks = [(0.0, 0.0, 0.0)] + [(50.0 + 1e-9 * i, 0.0, 0.0) for i in range(20)]
    assert decay(0.1, 1.0, [0.0, 100.0], pricks)[2][0] <= plain + 25


X = np.concatenate([np.linspace(-700, 700, 41), [-745.0, -1e-3, 0.0, 1e-300, 1e-9, 1.0, np.pi, 709.7]])
POSITIVE = np.concatenate([np.logspace(-300, 300, 61), [5e-324, 0.7071, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, np.sqrt(2)]])


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.exp, X),
        (np.log, POSITIVE),
        (np.sqrt, POSITIVE),
        (lambda a: a**0.3, POSITIVE[POSITIVE > 1e-300]),
        (lambda a: a**-1.7, np.logspace(-100, 100, 21)),
        (lambda a: 1.5**a, X[abs(X) < 600]),
        (lambda a: a**-3, np.logspace(-50, 50, 11)),
    ],
)
def test_elementary_functions_agree_with_the_c_library(function: Callable[[Any], Any], x: Array) -> None:
    """A constant derivative for one hour from 0 is its value; both as a hoisted term and inside the step."""
    structure = toy(lambda y, p, u: [function(p[0]), function(y[2]), 0.0 * y[2]], 3)
    start = np.stack([0 * x, 0 * x, x], axis=1)
    events = table(*[[(0, 0, 0)]] * len(x))
    times = np.tile([0.0, 1.0], (len(x), 1))
    # The door calls a negative result a failure, so only the size is checked where the logarithm is below zero.
    states, status, _ = solve(structure, x[:, None], start, events, times, atol=1e6)
    fine = status == Status.OK
    assert fine.sum() > len(x) // 2 - 4
    expected = function(x)[fine]
    np.testing.assert_allclose(states[fine, 0, 0], expected, rtol=2e-13, atol=1e-320)
    np.testing.assert_allclose(states[fine, 0, 1], expected, rtol=2e-13, atol=1e-320)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "shape of parameters": ({"parameters": np.ones((2, 2))}, r"parameters of toy: shape \(2, 2\), expected \(2, 1\)"),
    "shape of state": ({"state": np.ones(2)}, "state of toy"),
    "rows of times": ({"times": np.ones((3, 2))}, "times of toy"),
    "shape of inputs": ({"events": Events(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 1, 2)))}, "events.inputs"),
    "nan parameter": ({"parameters": np.array([[1.0], [np.nan]])}, "row 1: parameter P0 is nan"),
    "late first event": (
        {"events": table([(0, 0, 0)], [(1, 0, 0)])},
        "row 1: the first event must not be after the start",
    ),
    "no event": ({"events": Events(np.zeros((2, 0)), np.zeros((2, 0)), np.zeros((2, 0, 1)))}, "needs an event"),
    "disordered events": ({"events": table(*[[(0, 0, 0), (3, 0, 0), (2, 0, 0)]] * 2)}, "event times must not decrease"),
    "disordered times": ({"times": np.array([[0.0, 2, 1], [0, 1, 2]])}, "row 0: times must not decrease"),
    "infinite time": ({"times": np.array([[0.0, 1, np.inf], [0, 1, 2]])}, "row 0: times must be finite"),
    "rtol": ({"rtol": 0.0}, "rtol 0.0"),
    "max_steps": ({"max_steps": 0}, "max_steps 0"),
    "lanes": ({"lanes": 3}, "lanes 3: expected one of"),
}


def test_one_step_a_day_is_allowed_and_may_be_enough():
    """The codes of what became of each are those that the compiled code writes."""
    found = solve(DECAY, np.ones((1, 1)), np.ones((1, 1)), table([(0, 0, 0)]), np.array([[0.0, 1.0]]), max_steps=1)
    assert found[1].tolist() == [Status.OK]
    assert [status.value for status in Status] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", BAD)
def test_senseless_arguments_are_refused(name: str) -> None:
    good: dict[str, Any] = {
        "parameters": np.ones((2, 1)),
        "state": np.ones((2, 1)),
        "events": table([(0, 0, 0)], [(0, 0, 0)]),
        "times": np.array([[0.0, 1.0]] * 2),
    }
    changes, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        solve(DECAY, **{**good, **changes})


@pytest.mark.parametrize("name", ["radau", ""])
def test_a_method_that_there_is_not(name: str) -> None:
    with pytest.raises(ValueError, match=f"method '{name}': expected one of exact, taylor, pair, rosenbrock"):
        decay(1.0, 1.0, [0.0, 1.0], [(0, 0, 0)], method=name)


def test_arguments_are_not_changed_and_threads_share_a_kernel() -> None:
    p, y = np.linspace(0.1, 1.0, 64)[:, None], np.ones((64, 1))
    events, times = table(*[[(0.0, 1.0, 0.5)]] * 64), np.tile([0.0, 10.0], (64, 1))
    before = y.copy()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: solve(DECAY, p, y, events, times)[0], range(8)))
    assert all(np.array_equal(results[0], r) for r in results)
    assert np.array_equal(y, before)


@pytest.mark.parametrize("x", [1e-6, 0.49, 0.51, 0.999, 1.01, 1.99, 2.01, 5.0, 7.99])
def test_an_exact_map_is_exact_to_the_last_digits_at_every_length(x: float) -> None:
    """exp(-x) over one interval, however often it is halved."""
    states, status, steps = decay(1.0, 1.0, [0.0, x], [(0.0, 0.0, 0.0)])
    assert status[0] == Status.OK and steps[0] == 1
    assert states[0, 0, 0] == pytest.approx(np.exp(-np.rint(x * 2.0**36) / 2.0**36), rel=1e-14)


@pytest.mark.parametrize("method", ["exact", "taylor", "pair"])
def test_the_last_states_are_there_beside_outputs(method: str) -> None:
    """An output of twice the state, read at 1, 3 and 6 h, and the state at 6 h, after an infusion from 4 h on."""
    twice = replace(DECAY, output_names=("TWICE",), outputs=lambda y, p, u: [2.0 * y[0]])
    start, events = np.array([[2.0], [0.5]]), table(*[[(0.0, 0.0, 0.0), (4.0, 1.0, 3.0)]] * 2)
    times, ends = np.array([[0.0, 1, 3, 6]] * 2), np.full((2, 1), np.nan)
    rate = np.array([[0.5], [1.5]])
    read, status, _ = solve(twice, rate, start, events, times, outputs=True, ends=ends, method=method)
    assert (status == Status.OK).all() and read[:, -1, 0] == pytest.approx(2 * ends[:, 0], rel=1e-15)
    left = 1 + start[:, 0] * np.exp(-4 * rate[:, 0])
    assert ends[:, 0] == pytest.approx(3 / rate[:, 0] + (left - 3 / rate[:, 0]) * np.exp(-2 * rate[:, 0]), rel=1e-6)
    assert start.tolist() == [[2.0], [0.5]], "the given state stays"


def test_only_the_series_reads_outputs_in_passing() -> None:
    assert reads_in_passing(GROWTH) and not reads_in_passing(DECAY)
