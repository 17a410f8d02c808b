"""Error against cost on tmdd_lifespan, as the table of docs/solver.md: ``python tests/reference/tolerances.py``.

Ten weeks of 5 mg once daily in weekly calls, loss factor 20 % from day to day, weekly concentration and platelets. The
error is the largest relative one over patients and weeks against the Taylor method at rtol 1e-12, whose own distance
from scipy (one patient, four weeks, rtol 1e-11) is printed first. Concentrations below a thousandth of the patient's
largest count as that. Seconds are the least processor time of five runs.
"""

from __future__ import annotations

import time

import numpy as np
from slow_solver import slow_solve
from solver_cases import TMDD, daily, parameters, same_times, steady

from trial.solver import Events, Status, solve
from trial.solver.structure import Array

N, WEEKS = 160, 10
RTOL_TRUTH = 1e-12


def case(n: int) -> tuple[Array, Events]:
    """Patients and their events."""
    loss_factor = np.exp(0.2 * np.random.default_rng(3).standard_normal((n, 7 * WEEKS)))
    p = parameters(n)
    return p, daily(p, 7 * WEEKS, 5.0, loss_factor=loss_factor)


def weekly(p: Array, events: Events, method: str, rtol: float) -> Array:
    """States (n, WEEKS, S), one call a week."""
    state, rows = steady(p), []
    for week in range(WEEKS):
        part = slice(21 * week, 21 * (week + 1))
        these = Events(events.time_h[:, part], events.amount[:, part], events.inputs[:, part])
        times = same_times(len(p), 168.0 * week, 168.0 * (week + 1))
        states, status, _ = solve(TMDD, p, state, these, times, rtol=rtol, atol=1e-3 * rtol, method=method)
        assert (status == Status.OK).all()
        state = states[:, 0]
        rows.append(state)
    return np.stack(rows, axis=1)


def errors(p: Array, got: Array, truth: Array) -> tuple[float, float]:
    """Largest relative errors of CONC and PLT."""
    worst = []
    a, b = (TMDD.outputs(np.moveaxis(s, 2, 0), p.T[:, :, None], ()) for s in (got, truth))
    for x, y in zip(a, b, strict=True):
        worst.append(float((np.abs(x - y) / np.maximum(y, 1e-3 * y.max(axis=1, keepdims=True))).max()))
    return worst[0], worst[1]


def main() -> None:
    """Print the table."""
    p, events = case(N)
    truth = weekly(p, events, "taylor", RTOL_TRUTH)
    first = Events(events.time_h[:1], events.amount[:1], events.inputs[:1])
    scipy = slow_solve(TMDD, p[:1], steady(p[:1]), first, same_times(1, 0.0, *(168.0 * (w + 1) for w in range(4))))
    print("truth against scipy: CONC {:.0e}, PLT {:.0e}\n".format(*errors(p[:1], truth[:1, :4], scipy)))
    print("| rtol | method | CONC | PLT | patients/s |\n|---|---|---:|---:|---:|")
    for rtol in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10):
        for method in ("taylor", "pair", "rosenbrock"):
            seconds = []
            for _ in range(5):
                begin = time.thread_time()
                got = weekly(p, events, method, rtol)
                seconds.append(time.thread_time() - begin)
            print("| {:.0e} | {} | {:.0e} | {:.0e} | {:,.0f} |".format(
                rtol, method, *errors(p, got, truth), N / min(seconds)), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
