"""The door: arrays in, arrays out, one status per patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trial.solver.events import Events
from trial.solver.kernel import STEPPERS, kernel, method_of, native_lanes

if TYPE_CHECKING:
    from trial.solver.structure import Array, Structure

LANES = native_lanes()
LANE_CHOICES = (1, 2, 4, 8, 16, 32)
MAX_STEPS = 100_000


def solve(
    structure: Structure,
    parameters: Array,
    state: Array,
    events: Events,
    times: Array,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int = MAX_STEPS,
    lanes: int = LANES,
    outputs: bool = False,
    method: str | None = None,
    ends: Array | None = None,
) -> tuple[Array, NDArray[np.int8], NDArray[np.int64]]:
    """States of n patients at their output times.

    parameters (n, P), state (n, S) at times[:, 0], events (n, E ...), times (n, T + 1) in h, non-decreasing. Events
    at or before the start act at the start; an output at an event's time is read before the event acts; an event at
    the time of the last output is left to the next call. rtol, atol: tolerated error of a step per state, atol + rtol
    |y|. max_steps: attempted steps per patient in this call. lanes: patients side by side, one of LANE_CHOICES; it
    changes the speed, not the values. outputs: return the structure's outputs instead of its states. method: "exact",
    "taylor", "pair" or "rosenbrock" instead of ``method_of(structure)``, to compare them.

    ends: (n, S), becomes the states at the last output, which ``outputs`` leaves out; those of a failed patient mean
    nothing.

    Returns states (n, T, S) or outputs (n, T, O), status (n,) (see Status) and attempted steps (n,). The values of a
    failed patient are nan from the first output it did not reach; a patient whose initial state is not finite comes
    back NON_FINITE, so that a failure lasts from call to call. Raises ValueError for arguments that make no sense.
    """
    p, t = (np.ascontiguousarray(a, dtype=np.float64) for a in (parameters, times))
    y = np.array(state, dtype=np.float64, order="C")  # the kernel leaves the last states there
    e_time, e_amount, e_inputs = (
        np.ascontiguousarray(a, dtype=np.float64) for a in (events.time_h, events.amount, events.inputs)
    )
    check_shapes(structure, p, y, t, e_time, e_amount, e_inputs)
    check_values(structure, p, t, e_time, rtol, atol, max_steps)
    if lanes not in LANE_CHOICES:
        raise ValueError(f"lanes {lanes}: expected one of {LANE_CHOICES}")
    if method is not None and method not in STEPPERS:
        raise ValueError(f"method {method!r}: expected one of {', '.join(STEPPERS)}")
    n, n_outputs = len(p), t.shape[1] - 1
    width = len(structure.output_names) if outputs else len(structure.states)
    out = np.empty((n, n_outputs, width))
    status, steps = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.int64)
    arrays = (p, y, e_time, e_amount, e_inputs, t, out, status, steps)
    run = kernel(structure, lanes, method or method_of(structure), outputs)
    run(n, e_time.shape[1], n_outputs, max_steps, rtol, atol, *(a.ctypes.data for a in arrays))
    if ends is not None:
        ends[:] = y
    return out, status, steps


def reads_in_passing(structure: Structure) -> bool:
    """Whether outputs of the structure are read inside steps, so that more of them change neither steps nor states."""
    return not STEPPERS[method_of(structure)].kind.outputs_are_stops


def check_shapes(
    structure: Structure, p: Array, y: Array, t: Array, e_time: Array, e_amount: Array, e_inputs: Array
) -> None:
    """ValueError unless all arrays agree with the structure and with each other."""
    n = y.shape[0] if y.ndim else 0
    n_events = e_time.shape[1] if e_time.ndim == 2 else 0
    expected = {
        "state": (y, (n, len(structure.states))),
        "parameters": (p, (n, len(structure.parameters))),
        "times": (t, (n, t.shape[1] if t.ndim == 2 and t.shape[1] else 1)),
        "events.time_h": (e_time, (n, n_events)),
        "events.amount": (e_amount, (n, n_events)),
        "events.inputs": (e_inputs, (n, n_events, len(structure.inputs))),
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ValueError(f"{name} of {structure.id}: shape {array.shape}, expected {shape}")


def check_values(
    structure: Structure, p: Array, t: Array, e_time: Array, rtol: float, atol: float, max_steps: int
) -> None:
    """ValueError for numbers no solver can work with; says which patient (row) and what was seen."""
    if not (0 < rtol < 1 and 0 < atol < np.inf and max_steps > 0):
        raise ValueError(
            f"rtol {rtol}, atol {atol}, max_steps {max_steps}: expected 0 < rtol < 1, 0 < atol, 0 < max_steps"
        )
    if not np.isfinite(p).all():
        row, column = np.argwhere(~np.isfinite(p))[0]
        raise ValueError(
            f"row {row}: parameter {structure.parameters[column]} is {p[row, column]}, expected a finite number"
        )
    require(np.isfinite(t), "times must be finite", t)
    require(t[:, 1:] >= t[:, :-1], "times must not decrease", t)
    require(e_time[:, 1:] >= e_time[:, :-1], "event times must not decrease", e_time)
    if len(t) and e_time.shape[1] == 0:
        raise ValueError("every patient needs an event at or before the start: it sets the first inputs")
    late = "the first event must not be after the start: it sets the first inputs"
    require(e_time[:, :1] <= t[:, :1], late, e_time)


def require(good: NDArray[np.bool_], message: str, seen: Array) -> None:
    """ValueError naming the first row that is not good throughout."""
    if not good.all():
        row = int(np.argwhere(~good)[0, 0])
        raise ValueError(f"row {row}: {message}; seen {seen[row].tolist()}")
