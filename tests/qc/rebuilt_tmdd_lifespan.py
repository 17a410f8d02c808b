"""Hetrombopag: target-mediated disposition, dual sequential absorption, lifespan chain of platelet production.

One patient at a time, time in hours. States, in order:

    0 DEPOT  ug        drug at the site of absorption
    1 CTOT   ng/mL     total drug (free and bound to the target) in the central compartment
    2 CP     ng/mL     drug in the peripheral compartment
    3 RTOT   ng/mL     total target, as drug equivalents
    4-7 T1..T4  10^9/L precursors in transit
    8 PLT    10^9/L    platelets in blood

Units: 1 mg = 1000 ug and ug/L = ng/mL, so an amount in ug over a volume in L is a concentration in ng/mL.

Readings (where the description leaves a choice)
    Absorption  One rate constant KA for all that is in the depot. A dose taken at 24 k h enters whole at 24 k + LAG;
                KA is KA1 from then to 24 k + TSWITCH and KA2 from then to the entry of the next dose. What is left
                of earlier doses goes on with KA2 while the new one waits for LAG, and shares KA1 afterwards.
    Missed dose A day with dose_mg = 0 changes the loss factor only: KA stays KA2. A dose with bioavailability 0 is
                a dose: nothing enters, the rates change.
    Loss factor Constant within a day. It multiplies platelet loss only; at the start production is normal and
                PLT = BASE / factor. After the last day its factor goes on, without doses.
    LAG, TSWITCH  0 <= LAG <= TSWITCH <= 24 is required.
    Weight      Scales CL and VC only, not Q and VP. A covariate that is not given has no effect (62 kg).
    Classes     Applied after covariates and random effects, so a nonresponder has EMAX exactly EMAX_NONRESP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

THETA: dict[str, float] = {
    "CL": 7.66,  # L/h, apparent clearance
    "VC": 30.0,  # L, central volume
    "KDEG_T": 0.693,  # 1/h, degradation of free target
    "Q": 2.27,  # L/h, to and from the periphery
    "VP": 142.0,  # L, peripheral volume
    "LAG": 1.47,  # h, from the dose to its entry into the depot
    "KA1": 0.0622,  # 1/h, absorption from LAG to TSWITCH
    "TSWITCH": 3.28,  # h after the dose
    "KA2": 0.0661,  # 1/h, absorption from TSWITCH on
    "R0": 0.324,  # ng/mL, target without drug
    "KSS": 0.0237,  # ng/mL, quasi-steady-state constant
    "KINT": 4.36,  # 1/h, internalisation of the complex
    "KIN": 1.43,  # 10^9/L/h, production of platelets
    "BASE": 13.0,  # 10^9/L, count without drug
    "MTT": 157.71,  # h, through the four transits
    "EMAX": 18.146,  # 1, largest relative increase of production
    "EC50": 37.755,  # ng/mL, free drug of half effect
    "NONRESP": 0.11,  # fraction of patients in the class nonresponder
    "EMAX_NONRESP": 0.0,  # 1, their EMAX
    "FLUCT_SD": 0.47654,  # 1, SD of the log loss factor over time (not used here)
    "FLUCT_TAU": 10.0,  # d, its correlation time (not used here)
    "ASSAY_CV": 0.08,  # fraction, platelet assay (not used here)
    "CONC_CV": 0.154,  # fraction, concentration assay (not used here)
    "RESCUE_H0": 0.30227,  # 1/wk (not used here, nor the rest)
    "RESCUE_SCALE": 8.8128,  # 10^9/L
    "RESCUE_DROP": 1.5038,  # 1
    "RESCUE_TAU": 14.0,  # d
    "BLEED_A": 0.197,  # 1
    "BLEED_B": 0.5,  # 1
    "BLEED_RHO": 0.8,  # fraction
    "BLEED_C2": 1.64,  # 1
    "BLEED_C3": 3.07,  # 1
    "BLEED_C4": 3.32,  # 1
}
OMEGA2: dict[str, float] = {  # variances of the log between patients
    "CL": 0.33877315889668336,  # CV 63.5 %
    "VC": 0.46749047391470916,  # CV 77.2 %
    "KDEG_T": 0.5645413516907702,  # CV 87.1 %
    "EC50": 0.43991,  # CV 74.3 %
    "MTT": 0.08617769624105233,  # CV 30 %
}
CORRELATION: dict[tuple[str, str], float] = {("CL", "VC"): 0.55}
OCCASION_VARIANCE_F = 0.4356  # log scale, relative bioavailability between weeks (not used here)
WEIGHT_REFERENCE = 62.0  # kg
WEIGHT_EXPONENT: dict[str, float] = {"CL": 0.75, "VC": 1.0}
N_STATES = 9


@dataclass(frozen=True)
class Day:
    """One day: a dose (mg) taken at its start, relative bioavailability, multiplier of platelet loss."""

    dose_mg: float
    bioavailability: float = 1.0
    loss_factor: float = 1.0


def individual(covariates: dict[str, Any], eta: dict[str, float], classes: set[str]) -> dict[str, float]:
    """One patient's parameters: typical value x covariate effects x exp(eta), the classes last.

    covariates: WEIGHT (kg), BASE (the patient's own true count without drug, 10^9/L). classes: "nonresponder".
    """
    unknown = (set(eta) - set(OMEGA2)) | (set(classes) - {"nonresponder"})
    if unknown:
        raise ValueError(f"not in this set: {sorted(unknown)}")
    p = {name: value * math.exp(eta.get(name, 0.0)) for name, value in THETA.items()}
    relative_weight = float(covariates.get("WEIGHT", WEIGHT_REFERENCE)) / WEIGHT_REFERENCE
    for name, exponent in WEIGHT_EXPONENT.items():
        p[name] *= relative_weight**exponent
    p["BASE"] = float(covariates.get("BASE", p["BASE"]))
    if "nonresponder" in classes:
        p["EMAX"] = p["EMAX_NONRESP"]
    return p


def steady_state(p: dict[str, float], loss_factor: float = 1.0) -> np.ndarray:
    """Drug-free steady state: free target R0, transits at KIN / KTR, platelets where loss equals KIN."""
    y = np.zeros(N_STATES)
    y[3] = p["R0"]
    y[4:8] = p["KIN"] * p["MTT"] / 4.0
    y[8] = p["BASE"] / loss_factor
    return y


def binding(c_total: float, r_total: float, kss: float) -> tuple[float, float]:
    """Free drug C and complex RC (ng/mL): C + RC = c_total and RC = r_total C / (kss + C).

    C solves C^2 - b C - kss c_total = 0 with b = c_total - r_total - kss; the form without cancellation is taken.
    """
    b = c_total - r_total - kss
    root = math.sqrt(b * b + 4.0 * kss * c_total)
    free = 0.5 * (b + root) if b >= 0.0 else 2.0 * kss * c_total / (root - b)
    return free, r_total * free / (kss + free)


def rhs(y: Sequence[float], p: dict[str, float], ka: float, loss_factor: float) -> list[float]:
    """Derivatives per hour at absorption rate ka (1/h) and the day's loss factor."""
    depot, c_total, c_peripheral, r_total, t1, t2, t3, t4, platelets = y
    free, bound = binding(c_total, r_total, p["KSS"])
    ktr = 4.0 / p["MTT"]
    kout = p["KIN"] / p["BASE"]
    stimulus = 1.0 + p["EMAX"] * free / (p["EC50"] + free)
    return [
        -ka * depot,
        (ka * depot - (p["CL"] + p["Q"]) * free + p["Q"] * c_peripheral) / p["VC"] - p["KINT"] * bound,
        p["Q"] * (free - c_peripheral) / p["VP"],
        p["KDEG_T"] * (p["R0"] - (r_total - bound)) - p["KINT"] * bound,
        p["KIN"] * stimulus - ktr * t1,
        ktr * (t1 - t2),
        ktr * (t2 - t3),
        ktr * (t3 - t4),
        ktr * t4 - kout * loss_factor * platelets,
    ]


def events(p: dict[str, float], days: Sequence[Day]) -> list[tuple[float, str, float]]:
    """What changes and when, in order: (h, "LOSS_FACTOR" or "KA" or "DEPOT", new value or amount added in ug)."""
    if not 0.0 <= p["LAG"] <= p["TSWITCH"] <= 24.0:
        raise ValueError("0 <= LAG <= TSWITCH <= 24 is required")
    changes: list[tuple[float, str, float]] = []
    for k, day in enumerate(days):
        start = 24.0 * k
        changes.append((start, "LOSS_FACTOR", day.loss_factor))
        if day.dose_mg > 0.0:
            changes.append((start + p["LAG"], "DEPOT", 1000.0 * day.dose_mg * day.bioavailability))
            changes.append((start + p["LAG"], "KA", p["KA1"]))
            changes.append((start + p["TSWITCH"], "KA", p["KA2"]))
    return sorted(changes, key=lambda change: change[0])  # stable: KA2 wins if TSWITCH falls on LAG


def scales(p: dict[str, float], days: Sequence[Day]) -> np.ndarray:
    """Size of every state, for the absolute tolerance."""
    dose = 1000.0 * max(max(day.dose_mg * day.bioavailability for day in days), 1e-3)
    cells = [p["KIN"] * p["MTT"] / 4.0] * 4 + [p["BASE"]]
    return np.array([dose, dose / p["VC"], dose / p["VC"], max(p["R0"], p["KSS"]), *cells])


def simulate(
    p: dict[str, float], days: Sequence[Day], times_h: Sequence[float], rtol: float = 1e-10, method: str = "LSODA"
) -> dict[str, np.ndarray]:
    """CONC (free drug in plasma, ng/mL) and PLT (10^9/L) at times_h (h since the first day begins).

    Integrated from event to event; every output time is an end point too, so nothing is interpolated. An output
    that falls on an event is the value before it.
    """
    times = np.asarray(times_h, dtype=float)
    if not (np.isfinite(times) & (times >= 0.0)).all():
        raise ValueError("times_h must be finite and not negative")
    changes = events(p, days)
    wanted = set(times.tolist())
    last = max(wanted, default=0.0)
    stops = sorted(wanted | {change[0] for change in changes if change[0] < last})
    atol = 1e-14 * scales(p, days)
    y = steady_state(p, days[0].loss_factor)
    now = {"KA": p["KA2"], "LOSS_FACTOR": days[0].loss_factor}  # KA of an empty depot is immaterial
    at = 0.0
    done = 0
    found: dict[float, tuple[float, float]] = {}
    for stop in stops:
        if stop > at:
            ka, loss_factor = now["KA"], now["LOSS_FACTOR"]
            solution = solve_ivp(
                lambda _, state, ka=ka, loss=loss_factor: rhs(state.tolist(), p, ka, loss),
                (0.0, stop - at),
                y,
                method=method,
                rtol=rtol,
                atol=atol,
            )
            if not solution.success:
                raise RuntimeError(solution.message)
            y = solution.y[:, -1].copy()
            at = stop
        if stop in wanted:
            found[stop] = (binding(y[1], y[3], p["KSS"])[0], float(y[8]))
        while done < len(changes) and changes[done][0] <= stop:
            _, what, value = changes[done]
            if what == "DEPOT":
                y[0] += value
            else:
                now[what] = value
            done += 1
    values = np.array([found[time] for time in times.tolist()]).reshape(-1, 2)
    return {"CONC": values[:, 0], "PLT": values[:, 1]}
