"""The same workloads by other programs: scipy's LSODA (Python right-hand side) and, where it installs, heyoka.

References: M1 by the matrix exponential of a day, M2 by scipy's DOP853 at 1e-12, both restarted at every dose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from workload import DAYS, DOSE_MG, M1

from trial.solver.structure import Array, Structure

NO_INPUTS: list[float] = []


def start_of(structure: Structure, p: Array) -> Array:
    """Drug-free steady state."""
    return structure.steady_state(p, np.empty((len(p), 0)))


def by_scipy(structure: Structure, p: Array, method: str, rtol: float, atol: float) -> Array:
    """Weekly states (n, 8, S), restarted at every dose."""
    out = np.empty((len(p), DAYS // 7, len(structure.states)))
    for i, y in enumerate(start_of(structure, p)):
        for day in range(DAYS):
            y = y + DOSE_MG * (np.arange(len(y)) == structure.dose_state)
            y = solve_ivp(
                lambda _, x, q=p[i]: structure.rhs(x, q, NO_INPUTS), (0.0, 24.0), y, method=method, rtol=rtol, atol=atol
            ).y[:, -1]
            if day % 7 == 6:
                out[i, day // 7] = y
    return out


def reference(structure: Structure, p: Array) -> Array:
    """Weekly states as exactly as double precision allows."""
    return by_exponential(p) if structure is M1 else by_scipy(structure, p, "DOP853", 1e-12, 1e-13)


def by_exponential(p: Array) -> Array:
    """M1: one matrix exponential of a day per patient; the last column carries the constant production."""
    out = np.empty((len(p), DAYS // 7, len(M1.states)))
    for i, y in enumerate(start_of(M1, p)):
        n = len(y)
        constant = np.array(M1.rhs(np.zeros(n), p[i], NO_INPUTS))
        columns = [np.array(M1.rhs(e, p[i], NO_INPUTS)) - constant for e in np.eye(n)]
        a = np.zeros((n + 1, n + 1))
        a[:n, :n], a[:n, n] = np.stack(columns, axis=1), constant
        day_map, x = expm(24.0 * a), np.append(y, 1.0)
        for day in range(DAYS):
            x[M1.dose_state] += DOSE_MG
            x = day_map @ x
            if day % 7 == 6:
                out[i, day // 7] = x[:n]
    return out


class Heyoka:
    """A compiled batch integrator. Raises ImportError where heyoka is not installed."""

    def __init__(self, structure: Structure, tolerance: float) -> None:
        import heyoka as hy

        self.structure, self.batch = structure, int(hy.recommended_simd_size())
        names = [f"y{i}" for i in range(len(structure.states))]
        variables = hy.make_vars(*names)
        parameters = [hy.par[i] for i in range(len(structure.parameters))]
        right = structure.rhs(variables, parameters, NO_INPUTS)
        shape = (len(names), self.batch)
        self.integrator: Any = hy.taylor_adaptive_batch(
            list(zip(variables, right, strict=True)),
            np.ones(shape),
            pars=np.ones((len(parameters), self.batch)),
            tol=tolerance,
        )

    def solve(self, p: Array) -> Array:
        """Weekly states (n, 8, S); n a multiple of the batch."""
        out = np.empty((len(p), DAYS // 7, len(self.structure.states)))
        ta, begin = self.integrator, start_of(self.structure, p)
        for first in range(0, len(p), self.batch):
            few = slice(first, first + self.batch)
            ta.set_time(0.0)
            ta.pars[:], ta.state[:] = p[few].T, begin[few].T
            for day in range(DAYS):
                ta.state[self.structure.dose_state] += DOSE_MG
                ta.propagate_until([24.0 * (day + 1)] * self.batch)
                if day % 7 == 6:
                    out[few, day // 7] = ta.state.T
        return out
