"""Patients for the tests of the solver: a typical one of tmdd_lifespan, and a few far from it."""

from __future__ import annotations

import numpy as np

from trial.models import Days, structure
from trial.solver import Events
from trial.solver.structure import Array

TMDD = structure("tmdd_lifespan")
TYPICAL = {
    "CL": 7.66, "VC": 30.0, "Q": 2.27, "VP": 142.0, "LAG": 1.47, "KA1": 0.0622, "TSWITCH": 3.28, "KA2": 0.0661,
    "R0": 0.324, "KDEG_T": 0.693, "KSS": 0.0237, "KINT": 4.36, "KIN": 1.43, "BASE": 13.0, "MTT": 150.0,
    "EMAX": 9.0, "EC50": 30.0,
}  # fmt: skip
SPREAD = {"CL": 0.6, "VC": 0.5, "KA1": 0.4, "KA2": 0.4, "R0": 0.5, "KINT": 0.5, "KIN": 0.4, "BASE": 0.5, "EMAX": 0.7}


def parameters(n: int, seed: int = 1, **fixed: float) -> Array:
    """(n, P) log-normal about the typical values; the first patient is typical, ``fixed`` holds for all."""
    z = np.random.default_rng(seed).standard_normal((n, len(TMDD.parameters)))
    z[0] = 0.0
    spread = np.array([SPREAD.get(name, 0.0) for name in TMDD.parameters])
    p = np.array([TYPICAL[name] for name in TMDD.parameters]) * np.exp(spread * z)
    for name, value in fixed.items():
        p[:, TMDD.parameters.index(name)] = value
    return p


def steady(p: Array) -> Array:
    """The drug-free steady state."""
    return TMDD.steady_state(p, np.ones((len(p), len(TMDD.inputs))))


def daily(p: Array, days: int, dose_mg: float, *, first_day: int = 0, loss_factor: float | Array = 1.0) -> Events:
    """Once-daily doses."""
    shape = (len(p), days)
    day_h = np.broadcast_to(24.0 * (first_day + np.arange(days)), shape)
    return TMDD.daily_events(p, Days.of(day_h, np.full(shape, dose_mg), loss_factor=loss_factor))


def same_times(n: int, *hours: float) -> Array:
    """The same start and output times for everybody."""
    return np.tile(np.array(hours), (n, 1))
