"""Three standard workloads: once-daily oral doses of 5 mg for 56 days, log-normal variability, weekly or hourly output.

M1: linear, 9 states (two depots, two compartments, four transit compartments, platelets; linear effect).
M2: 10 states, target-mediated disposition at quasi-steady state with target turnover, and the feedback
(BASE / PLT)^0.17 on production.
M3: 11 states, stiff: M2 with binding as a reaction (KON C reaches 1e3/h) instead of its quasi-steady state, same KSS.
Units: h, mg, L, ng/mL, 10^9/L.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from trial.solver import Events
from trial.solver.structure import Array, State, Structure

DAYS, DOSE_MG = 56, 5.0
TYPICAL = {"CL": 7.66, "VC": 30.0, "Q": 2.0, "VP": 40.0, "KA": 0.5, "KIN": 1.0, "KOUT": 0.02, "SLOPE": 0.03}
SPREAD = {"CL": 0.3, "VC": 0.3, "KA": 0.3, "KIN": 0.3, "KOUT": 0.2, "SLOPE": 0.4}
R0, KDEG, KINT, KSS, GAMMA = 10.0, 0.693, 0.2, 2.0, 0.17
KON = 20.0


def population(n: int) -> Array:
    """(n, 8) parameters; the first rows do not depend on n."""
    z = np.random.default_rng(20261122).standard_normal((n, len(SPREAD)))
    p = np.tile(list(TYPICAL.values()), (n, 1))
    for k, (name, sd) in enumerate(SPREAD.items()):
        p[:, list(TYPICAL).index(name)] *= np.exp(sd * z[:, k])
    return p


def absorption(y: Sequence[Any], ka: Any) -> list[Any]:
    """Two depots in a row."""
    return [-ka * y[0], ka * (y[0] - y[1])]


def chain(first: Any, y: Sequence[Any], kout: Any) -> list[Any]:
    """Production, then every compartment into the next."""
    return [first - kout * y[0], *(kout * (a - b) for a, b in pairwise(y))]


def rhs_m1(y: Sequence[Any], p: Sequence[Any], u: Sequence[Any]) -> list[Any]:
    """Linear; amounts in mg."""
    cl, vc, q, vp, ka, kin, kout, slope = p
    c = y[2] / vc
    central = ka * y[1] - (cl + q) * c + q / vp * y[3]
    return [
        *absorption(y, ka), central, q * c - q / vp * y[3],
        *chain(kin * (1.0 + 1000.0 * slope * c), y[4:], kout),
    ]  # fmt: skip


def free_m2(y: Sequence[Any]) -> Any:
    """Free concentration, in the form that does not cancel in washout."""
    b = y[2] - y[4] - KSS
    return 2.0 * KSS * y[2] / ((b * b + 4.0 * KSS * y[2]) ** 0.5 - b)


def rhs_m2(y: Sequence[Any], p: Sequence[Any], u: Sequence[Any]) -> list[Any]:
    """Target-mediated disposition; total drug and target in ng/mL."""
    cl, vc, q, vp, ka, kin, kout, slope = p
    c = free_m2(y)
    rc = y[4] * c / (KSS + c)
    return [
        *absorption(y, ka),
        (1000.0 * ka * y[1] - (cl + q) * c + q * y[3]) / vc - KINT * rc,
        q / vp * (c - y[3]),
        R0 * KDEG - KDEG * y[4] - (KINT - KDEG) * rc,
        *chain(kin * (1.0 + slope * c) * (kin / kout / y[9]) ** GAMMA, y[5:], kout),
    ]


def rhs_m3(y: Sequence[Any], p: Sequence[Any], u: Sequence[Any]) -> list[Any]:
    """Binding as a reaction; free drug, free target and complex in ng/mL."""
    cl, vc, q, vp, ka, kin, kout, slope = p
    c = y[2]
    bound = KON * c * y[4] - (KON * KSS - KINT) * y[5]
    return [
        *absorption(y, ka),
        (1000.0 * ka * y[1] - (cl + q) * c + q * y[3]) / vc - bound,
        q / vp * (c - y[3]),
        R0 * KDEG - KDEG * y[4] - bound,
        bound - KINT * y[5],
        *chain(kin * (1.0 + slope * c) * (kin / kout / y[10]) ** GAMMA, y[6:], kout),
    ]


def start_m1(p: Array, u: Array) -> Array:
    """No drug, platelets and precursors at KIN / KOUT."""
    base = p[:, 5] / p[:, 6]
    return np.stack([*[0.0 * base] * 4, *[base] * 5], axis=1)


def start_m2(p: Array, u: Array) -> Array:
    """As M1, with all target free."""
    base = p[:, 5] / p[:, 6]
    return np.stack([*[0.0 * base] * 4, R0 + 0.0 * base, *[base] * 5], axis=1)


def start_m3(p: Array, u: Array) -> Array:
    """As M2; no complex."""
    base = p[:, 5] / p[:, 6]
    return np.stack([*[0.0 * base] * 4, R0 + 0.0 * base, 0.0 * base, *[base] * 5], axis=1)


def doses(p: Array, *_: Array) -> Events:
    """5 mg into the first depot at the start of every day."""
    n = len(p)
    return Events(np.tile(24.0 * np.arange(DAYS), (n, 1)), np.full((n, DAYS), DOSE_MG), np.empty((n, DAYS, 0)))


def _structure(name: str, rhs: Any, outputs: Any, start: Any, n_states: int) -> Structure:
    states = tuple(State(f"Y{i}", "1", "state") for i in range(n_states))
    return Structure(name, name, states, tuple(TYPICAL), (), 0, ("CONC", "PLT"), rhs, outputs, start, doses)


M1 = _structure("M1", rhs_m1, lambda y, p, u: [1000.0 * y[2] / p[1], y[8]], start_m1, 9)
M2 = _structure("M2", rhs_m2, lambda y, p, u: [free_m2(y), y[9]], start_m2, 10)
M3 = replace(
    _structure("M3", rhs_m3, lambda y, p, u: [y[2], y[10]], start_m3, 11),
    method="rosenbrock",
)
