"""M3, which is stiff: the Rosenbrock method beside the explicit ones; ``python tests/benchmarks/stiff.py`` alone.

Processor time on one core, in turn; every method at the loosest power of ten of rtol that keeps the error below
ALLOWED. The reference is the Taylor method at 1e-12, within 3e-11 of scipy's LSODA at 1e-11.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from cases import Case, Verdict, alternated, worst_error
from peers import by_scipy, start_of
from workload import M3, population

from trial.solver import solve
from trial.solver.structure import Array

RTOL = {"rosenbrock": 1e-4, "taylor": 1e-5, "pair": 1e-5}
"""At 1e-3 and 1e-4 the errors are above."""
ALLOWED = 1e-5
WEEKLY = 168.0 * np.arange(9)


def states_of(p: Array, method: str, rtol: float) -> Array:
    """Weekly states."""
    times = np.tile(WEEKLY, (len(p), 1))
    states, status, _ = solve(
        M3, p, start_of(M3, p), M3.daily_events(p), times, method=method, rtol=rtol, atol=1e-3 * rtol, max_steps=10**7
    )
    assert (status == 0).all()
    return states


def stiff(quick: bool) -> Iterator[Case | Verdict]:
    """Ours by every method, and scipy's LSODA for one patient."""
    few, many = population(64), population(64 if quick else 256)
    truth = states_of(few, "taylor", 1e-12)
    runs = [lambda m=m, rtol=rtol: states_of(many, m, rtol) for m, rtol in RTOL.items()]
    *seconds, scipy = alternated(
        *runs, lambda: by_scipy(M3, few[:1], "LSODA", 1e-6, 1e-9), rounds=1 if quick else 3, clock=time.thread_time
    )
    errors = [worst_error(M3, states_of(few, m, rtol), truth, few) for m, rtol in RTOL.items()]
    rates = dict(zip(RTOL, (len(many) / s for s in seconds), strict=True))
    for (method, rate), error in zip(rates.items(), errors, strict=True):
        name = "M3 weekly" if method == M3.method else f"M3 weekly, {method}"
        yield Case(name, "virtual-trial", 1, rate, error, None, rate * scipy)
    ratio = rates.pop(str(M3.method)) / max(rates.values())
    yield Verdict("M3 weekly: 4 x the best explicit method", f"{ratio:.1f} x", ratio >= 4)
    yield Verdict(f"M3 weekly: errors below {ALLOWED:g}", f"{max(errors):.1e}", max(errors) < ALLOWED)


if __name__ == "__main__":
    for item in stiff(quick=False):
        print(item)
