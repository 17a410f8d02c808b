"""A slow, obviously correct solver: scipy, one patient at a time, restarted at every event, from ``structure.rhs``."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from trial.models import Structure
from trial.solver import Events
from trial.solver.structure import Array


def advance(structure: Structure, p: Array, u: Array, y: Array, start: float, end: float, method: str) -> Array:
    """The state at ``end``."""
    if end <= start:
        return y
    solution = solve_ivp(
        lambda _, x: np.array(structure.rhs(x, p, u)), (start, end), y, method=method, rtol=1e-11, atol=1e-14
    )
    assert solution.success, solution.message
    return solution.y[:, -1]


def slow_patient(
    structure: Structure, p: Array, y: Array, events: tuple[Array, Array, Array], times: Array, method: str
) -> Array:
    """States (T, S) of one patient; outputs at an event's time come first."""
    moments = [(t, 0, i) for i, t in enumerate(times[1:])]
    moments += [(t, 1, i) for i, t in enumerate(events[0]) if np.isfinite(t)]
    now, u, rows = times[0], np.full(len(structure.inputs), np.nan), np.empty((len(times) - 1, len(y)))
    for t, kind, i in sorted(moments):
        y = advance(structure, p, u, y, now, min(t, times[-1]), method)
        now = max(now, min(t, times[-1]))
        if kind == 0:
            rows[i] = y
        else:
            y = y.copy()
            y[structure.dose_state] += events[1][i]
            u = events[2][i]
    return rows


def slow_solve(
    structure: Structure, parameters: Array, state: Array, events: Events, times: Array, method: str = "LSODA"
) -> Array:
    """States (n, T, S), as ``trial.solver.solve`` for patients that do not fail."""
    return np.stack(
        [
            slow_patient(structure, p, y, (events.time_h[i], events.amount[i], events.inputs[i]), times[i], method)
            for i, (p, y) in enumerate(zip(parameters, state, strict=True))
        ]
    )
