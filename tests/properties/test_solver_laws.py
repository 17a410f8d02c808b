"""Laws of the solver on tmdd_lifespan: a patient's values belong to the patient alone, and time can be cut anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trial.models import Days, structure
from trial.solver import Events, Status, solve
from trial.solver.structure import Array

TMDD = structure("tmdd_lifespan")
TYPICAL = np.array(
    [7.66, 30.0, 2.27, 142.0, 1.47, 0.0622, 3.28, 0.0661, 0.324, 0.693, 0.0237, 4.36, 1.43, 13.0, 150.0, 9.0, 30.0]
)  # fmt: skip
N, DAYS = 21, 3
METHODS = st.sampled_from(["taylor", "pair", "rosenbrock"])


def cohort(seed: int, dose_mg: float = 5.0) -> tuple[Array, Array, Events, Array]:
    """N patients with 50 % variability on everything, their state, three days of doses, and outputs."""
    rng = np.random.default_rng(seed)
    p = TYPICAL * np.exp(0.5 * rng.standard_normal((N, len(TYPICAL))))
    shape = (N, DAYS)
    dose = dose_mg * rng.choice([0.0, 1.0, 2.0], shape)
    loss = np.exp(0.3 * rng.standard_normal(shape))
    events = TMDD.daily_events(p, Days.of(24.0 * np.arange(DAYS), dose, loss_factor=loss))
    return p, TMDD.steady_state(p, np.ones((N, 2))), events, np.tile([0.0, 10.0, 24.0, 60.0, 72.0], (N, 1))


def take(events: Events, rows: object) -> Events:
    """The tables of some patients."""
    return Events(events.time_h[rows], events.amount[rows], events.inputs[rows])


def same(a: tuple[Array, ...], b: tuple[Array, ...]) -> bool:
    """Bitwise equal states, statuses and step counts."""
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), method=METHODS, data=st.data())
def test_a_patient_does_not_depend_on_order_number_or_neighbours(seed: int, method: str, data: st.DataObject) -> None:
    p, y, events, times = cohort(seed)
    everybody = solve(TMDD, p, y, events, times, method=method)
    rows = data.draw(st.lists(st.integers(0, N - 1), min_size=1, max_size=40))
    some = solve(TMDD, p[rows], y[rows], take(events, rows), times[rows], method=method)
    assert same(some, tuple(a[rows] for a in everybody))


@pytest.mark.parametrize(
    ("lanes", "method"), [(2, "taylor"), (4, "taylor"), (8, "taylor"), (16, "taylor"), (2, "rosenbrock")]
)
def test_the_number_of_lanes_changes_nothing(lanes: int, method: str) -> None:
    p, y, events, times = cohort(1)
    assert same(
        solve(TMDD, p, y, events, times, lanes=lanes, method=method), solve(TMDD, p, y, events, times, method=method)
    )


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    method=METHODS,
    failing=st.lists(st.integers(0, N - 1), min_size=1, max_size=5, unique=True),
)
def test_failing_neighbours_do_no_harm(seed: int, method: str, failing: list[int]) -> None:
    p, y, events, times = cohort(seed)
    well = solve(TMDD, p, y, events, times, method=method)
    y = y.copy()
    for i, row in enumerate(failing):
        y[row, 8] = (np.nan, np.inf, -5.0, 1e308)[i % 4]
        p[row, 13] = (13.0, 1e-300)[i % 2]
    ill = solve(TMDD, p, y, events, times, max_steps=5000, method=method)
    assert (ill[1][failing] != Status.OK).all()
    others = np.setdiff1d(np.arange(N), failing)
    assert same(tuple(a[others] for a in ill), tuple(a[others] for a in well))


def test_a_step_limit_stops_only_those_who_need_more() -> None:
    p, y, events, times = cohort(3)
    free = solve(TMDD, p, y, events, times)
    limit = int(np.median(free[2]))
    states, status, steps = solve(TMDD, p, y, events, times, max_steps=limit)
    stopped = free[2] > limit
    assert stopped.any() and (status[stopped] == Status.STEP_LIMIT).all() and (steps[stopped] == limit).all()
    assert np.isnan(states[stopped, -1]).all()
    assert np.array_equal(states[~stopped], free[0][~stopped])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), method=METHODS, extra=st.integers(1, 9))
def test_events_that_never_happen_change_nothing(seed: int, method: str, extra: int) -> None:
    p, y, events, times = cohort(seed)
    padded = Events(
        np.pad(events.time_h, ((0, 0), (0, extra)), constant_values=np.inf),
        np.pad(events.amount, ((0, 0), (0, extra)), constant_values=1e9),
        np.pad(events.inputs, ((0, 0), (0, extra), (0, 0)), constant_values=np.nan),
    )
    assert same(solve(TMDD, p, y, padded, times, method=method), solve(TMDD, p, y, events, times, method=method))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), method=METHODS, cut=st.one_of(st.sampled_from([24.0, 48.0]), st.floats(0.0, 72.0)))
def test_time_can_be_cut_anywhere(seed: int, method: str, cut: float) -> None:
    """Two calls, the second with the events from the last one before the cut on, agree with one to the tolerance."""
    p, y, events, _ = cohort(seed)
    whole = solve(TMDD, p, y, events, np.tile([0.0, 72.0], (N, 1)), method=method)[0]
    first = solve(TMDD, p, y, events, np.tile([0.0, cut], (N, 1)), method=method)[0][:, -1]
    past = events.time_h < cut
    later = Events(events.time_h, np.where(past, 0.0, events.amount), events.inputs)
    second = solve(TMDD, p, first, later, np.tile([cut, 72.0], (N, 1)), method=method)[0]
    np.testing.assert_allclose(second, whole, rtol=5e-6, atol=1e-8)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), hours=st.lists(st.floats(0.0, 72.0), max_size=6))
def test_more_outputs_change_nothing_else(seed: int, hours: list[float]) -> None:
    """They are read off the series of a step, which does not stop for them: bitwise."""
    p, y, events, _ = cohort(seed)
    plain = solve(TMDD, p, y, events, np.tile([0.0, 72.0], (N, 1)))
    watched = solve(TMDD, p, y, events, np.tile([0.0, *sorted(hours), 72.0], (N, 1)))
    assert same((plain[0][:, -1], *plain[1:]), (watched[0][:, -1], *watched[1:]))


def test_stored_outputs_are_those_of_the_states() -> None:
    p, y, events, times = cohort(6)
    states, _, _ = solve(TMDD, p, y, events, times)
    got, status, _ = solve(TMDD, p, y, events, times, outputs=True)
    assert (status == Status.OK).all()
    expected = np.stack(TMDD.outputs(np.moveaxis(states, 2, 0), p.T[:, :, None], ()), axis=2)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_outputs_at_the_start_of_a_day_change_nothing_else() -> None:
    """A day's start is an event, so a step ends there anyhow: bitwise."""
    p, y, events, _ = cohort(4)
    plain = solve(TMDD, p, y, events, np.tile([0.0, 72.0], (N, 1)))
    watched = solve(TMDD, p, y, events, np.tile([0.0, 24.0, 48.0, 72.0], (N, 1)))
    assert same((plain[0][:, -1], *plain[1:]), (watched[0][:, -1], *watched[1:]))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), method=METHODS)
def test_no_drug_no_change(seed: int, method: str) -> None:
    """Without doses every drug state stays 0 exactly, and the target and the precursors stay where they are."""
    p, y, events, times = cohort(seed, dose_mg=0.0)
    states, status, _ = solve(TMDD, p, y, events, times, method=method)
    assert (status == Status.OK).all()
    assert (states[:, :, :3] == 0.0).all()
    np.testing.assert_allclose(states[:, :, 3:8], np.repeat(y[:, None, 3:8], 4, axis=1), rtol=2e-6)


@settings(max_examples=10, deadline=None)
@given(dose_mg=st.floats(0.5, 40.0))
def test_a_dose_moves_every_state_downstream(dose_mg: float) -> None:
    """A difference of sign known from the mechanism: drug appears, precursors and platelets rise."""
    p = TYPICAL[None]
    y, times = TMDD.steady_state(p, np.ones((1, 2))), np.array([[0.0, 24.0, 240.0]])
    one = np.ones((1, 1))
    states = solve(TMDD, p, y, TMDD.daily_events(p, Days.of(0.0 * one, dose_mg * one)), times)[0][0]
    assert (states[0, :3] > 0.0).all()
    assert states[0, 3] != y[0, 3]
    assert (states[1, 4:] > y[0, 4:] * (1 + 1e-5)).all()
