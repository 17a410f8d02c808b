"""M3, which is stiff: the Rosenbrock method beside the explicit ones; ``python tests/benchmarks/stiff.py`` alone, which
also prints error against steps as in docs/solver.md, of M3 and of tmdd_full at KON 1000.

Processor time on one core, in turn; every method at the loosest power of ten of rtol that keeps the error below
ALLOWED. The reference is the Taylor method at 1e-12, within 3e-11 of scipy's LSODA at 1e-11.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from cases import Case, Verdict, alternated, worst_error
from peers import by_scipy
from workload import DAYS, DOSE_MG, M3, TYPICAL, doses, population

from trial.models import Days, structure
from trial.solver import Events, solve
from trial.solver.structure import Array, Structure

RTOL = {"rosenbrock": 1e-4, "taylor": 1e-5, "pair": 1e-5}
"""At 1e-3 and 1e-4 the errors are above."""
ALLOWED = 1e-5
WEEKLY = 168.0 * np.arange(9)
FULL = {
    "CL": 7.66, "VC": 30.0, "Q": 2.27, "VP": 142.0, "LAG": 1.47, "KA1": 0.0622, "TSWITCH": 3.28, "KA2": 0.0661,
    "R0": 0.324, "KDEG_T": 0.693, "KDISS": 0.0237 - 4.36e-3, "KINT": 4.36, "KIN": 1.43, "BASE": 13.0, "MTT": 150.0,
    "EMAX": 9.0, "EC50": 30.0, "KON": 1000.0,
}  # fmt: skip


def solved(model: Structure, p: Array, events: Events, method: str, rtol: float) -> tuple[Array, float]:
    """Weekly states of eight weeks, and steps a day."""
    start, times = model.steady_state(p, events.inputs[:, 0]), np.tile(WEEKLY, (len(p), 1))
    states, status, steps = solve(
        model, p, start, events, times, method=method, rtol=rtol, atol=1e-3 * rtol, max_steps=10**7
    )
    assert (status == 0).all()
    return states, float(steps.mean()) / DAYS


def states_of(p: Array, method: str, rtol: float) -> Array:
    """Weekly states of M3."""
    return solved(M3, p, doses(p), method, rtol)[0]


def full_binding(n: int) -> tuple[Array, Events]:
    """Patients of tmdd_full at KON 1000, variability as in M3, 5 mg a day."""
    kin, model = population(n), structure("tmdd_full")
    known = {name: kin[:, list(TYPICAL).index(name)] for name in ("CL", "VC")}
    q = {name: known.get(name, np.full(n, value)) for name, value in FULL.items()}
    p = np.stack([q[name] for name in model.parameters], axis=1)
    return p, model.daily_events(p, Days.of(np.tile(24.0 * np.arange(DAYS), (n, 1)), DOSE_MG))


def error_table() -> Iterator[str]:
    """Steps a day and the worst error by rtol, of M3 and tmdd_full; the truth of tmdd_full is its own at 1e-12."""
    p, full = population(64), structure("tmdd_full")
    q, events = full_binding(64)
    truth, full_truth = states_of(p, "taylor", 1e-12), solved(full, q, events, "rosenbrock", 1e-12)[0]
    yield "| rtol | M3: steps a day | error | tmdd_full: steps a day | error |\n|---|---:|---:|---:|---:|"
    for k in range(3, 10):
        rtol = 10.0**-k
        states, steps = solved(M3, p, doses(p), "rosenbrock", rtol)
        others, more = solved(full, q, events, "rosenbrock", rtol)
        errors = worst_error(M3, states, truth, p), worst_error(full, others, full_truth, q)
        yield f"| {rtol:.0e} | {steps:.1f} | {errors[0]:.0e} | {more:.1f} | {errors[1]:.0e} |"


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
    for line in error_table():
        print(line)
