"""Hetrombopag in ITP: thrombopoietin (TPO), its receptor, three signalling arms, megakaryocytes, platelet ages.

One patient at a time, time in hours, ug/L = ng/mL. States (6 to 14 are 1 in health, P in 10^9/L), in order:

    0 D1, 1 D2 (ug)  2 CTOT, 3 CP, 4 RTOT (ng/mL)  5 TPO (pM)  6 JS, 7 ERK, 8 AKT  9 S  10 PR  11-14 M1-4  15-19 P1-5

Readings (where the description leaves a choice)
    Dose        Taken at 24 k h, it enters D1 whole at 24 k + LAG, joining what earlier doses left. None if dose_mg = 0.
    Meal        Starts at 24 k + meal_h, dose or none on that day; from then on D1 is emptied at KD MEAL_KD and
                bound at MEAL_BIND, until the next dose is taken (start of that day, not its entry). So a meal
                within LAG acts on the dose that enters after it, and a day without a dose does not end a meal.
    KILL        1/24 of the log loss per hour throughout that day, so a full dose multiplies by exp(-KS), exp(-KP),
                exp(-KM) beside turnover. It ends with the day, also on the last one; the loss factor goes on.
    Health      The arms refer to TPO0, no drug, ACT = 1: a knocked-down arm is compared with an intact one.
    Loss factor It multiplies KAB only, not ageing. The start takes TPO, signals and marrow from the balance at
                factor 1 and the platelets alone from the factor of day 0; such a start then moves.
    Balance     With DESTRUCTION 1 the given GPROD (that of the class) stays and KAB >= 0 is found; if the count is
                above that without destruction, or with DESTRUCTION 0, KAB = 0 and GPROD is found.
    Spleen      P0 is divided by 0.67 (the spleen holds 33 %; printed 1.49254) unless SPLENFL is "N".
    Patient     Weight scales CL and VC only; a covariate not given has no effect (62 kg, spleen in place). Classes are
                applied after covariates and random effects, before KAB and GPROD are derived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

THETA: dict[str, float] = {
    "CL": 7.66,
    "VC": 30.0,
    "Q": 3.096,
    "VP": 162.4,  # L/h, L, L/h, L
    "KDEG_T": 0.693,
    "R0": 0.3567,
    "KSS": 0.0203,
    "KINT": 2.471,  # 1/h, ng/mL, ng/mL, 1/h
    "LAG": 0.05,
    "KD": 0.3488,
    "KA": 0.0925,
    "MEAL_KD": 0.5,
    "MEAL_BIND": 2.973,  # h, 1/h, 1/h, 1 (times KD), 1/h
    "EC50": 19.941,
    "ETA": 1.0,
    "TPO0": 1.4,
    "KTPO": 0.08333333333333333,  # ng/mL, 1 (occupancy by drug), pM, 1/h
    "FHEP": 0.9,
    "HEP": 1.0,
    "REN": 1.0,  # fraction, 1, 1 (production of TPO by liver and kidney)
    "FP": 0.5,
    "FM": 0.49,
    "KAPPA": 42.096,  # fraction, fraction, 1
    "A50_JS": 3.0,
    "A50_ERK": 3.0,
    "A50_AKT": 3.0,
    "G_JS": 1.0,
    "G_ERK": 1.0,
    "G_AKT": 1.0,  # 1, half effect; feedback
    "ACT_JS": 1.0,
    "ACT_ERK": 1.0,
    "ACT_AKT": 1.0,
    "W_JS": 0.5,
    "W_ERK": 0.2,
    "W_AKT": 0.3,  # 1, activity; exponent
    "TAUX": 12.0,
    "TPR": 60.0,
    "MMT": 156.0,
    "LS": 211.0,
    "RS": 0.0062499999999999995,  # h, mean times; 1/h
    "P0": 230.0,
    "BASE": 13.0,  # 10^9/L, counts without disease, and with it without drug
    "KS": 1.58,
    "KP": 4.0,
    "KM": 0.6,
    "GPROD": 1.0,
    "DESTRUCTION": 1.0,  # 1, log loss by a full dose; see Balance
    "LOWPROD": 0.42,
    "GPROD_LOW": 0.4,
    "NONRESP": 0.081974,
    "ETA_NONRESP": 0.0,  # fraction of patients, 1, the same
    "FLUCT_SD": 0.38921,
    "FLUCT_TAU": 24.49,
    "REM_RATE": 0.32751,
    "REM_MEAN": 180.0,
    "REM_DROP": 2.0,  # 1/y, d, 1: remission (not used)
    "ASSAY_CV": 0.08,
    "CONC_CV": 0.154,  # 1, d, 1, 1 (not used, nor the rest)
    "RESCUE_H0": 0.2804,
    "RESCUE_SCALE": 9.0858,
    "RESCUE_DROP": 2.1843,
    "RESCUE_TAU": 14.0,  # 1/wk, 10^9/L, 1, d
    "BLEED_A": 0.197,
    "BLEED_B": 0.5,
    "BLEED_RHO": 0.8,
    "BLEED_C2": 1.64,
    "BLEED_C3": 3.07,
    "BLEED_C4": 3.32,  # 1
}
OMEGA2: dict[str, float] = {  # variances of the log between patients
    "CL": 0.33877315889668336,
    "VC": 0.46749047391470916,  # CV 63.5 %, 77.2 %
    "KDEG_T": 0.5645413516907702,
    "EC50": 0.52215,
    "MMT": 0.08617769624105233,  # CV 87.1 %, 96.3 %, 30 %
}
CORRELATION: dict[tuple[str, str], float] = {("CL", "VC"): 0.55}
WEIGHT_EXPONENT, WEIGHT_REFERENCE = {"CL": 0.75, "VC": 1.0}, 62.0  # (weight / 62 kg) ** exponent
SPLENFL_ON_P0 = 1.0 / 0.67
ARMS, AGES = ("JS", "ERK", "AKT"), 5


@dataclass(frozen=True)
class Day:
    """One day: dose (mg, at its start), bioavailability, platelet loss, chemotherapy, h to a meal (inf: none)."""

    dose_mg: float
    bioavailability: float = 1.0
    loss_factor: float = 1.0
    kill: float = 0.0
    meal_h: float = math.inf


def individual(covariates: dict[str, Any], eta: dict[str, float], classes: set[str]) -> dict[str, float]:
    """One patient's parameters: typical x covariate effects x exp(eta), classes, then KAB and GPROD from BASE.

    covariates: WEIGHT (kg), SPLENFL ("N": spleen in place), BASE (own count); classes: nonresponder, low_production.
    """
    unknown = (set(eta) - set(OMEGA2)) | (set(classes) - {"nonresponder", "low_production"})
    if unknown:
        raise ValueError(f"not in this set: {sorted(unknown)}")
    p = {name: value * math.exp(eta.get(name, 0.0)) for name, value in THETA.items()}
    for name, exponent in WEIGHT_EXPONENT.items():
        p[name] *= (float(covariates.get("WEIGHT", WEIGHT_REFERENCE)) / WEIGHT_REFERENCE) ** exponent
    if covariates.get("SPLENFL", "N") != "N":
        p["P0"] *= SPLENFL_ON_P0
    p["BASE"] = float(covariates.get("BASE", p["BASE"]))
    if "nonresponder" in classes:
        p["ETA"] = p["ETA_NONRESP"]
    if "low_production" in classes:
        p["GPROD"] = p["GPROD_LOW"]
    p["HILL"] = THETA.get("HILL", 2.0)
    p["RECOVERS"], p["AHEAD"] = 0.0, 0.0  # of no set: nothing recovers by itself
    p["PSAT"] = 1e99  # of no set: destruction never saturates
    p["F_EXP"], p["F_REF"] = THETA.get("F_EXP", 0.0), THETA.get("F_REF", 1.0)
    p["KAB"], p["GPROD"] = disease(p)
    return p


def signals(p: dict[str, float], tpo: float, c_free: float = 0.0) -> list[float]:
    """Plateaus of JS, ERK, AKT relative to health. From x (1 + G x) = a: x = 2 a / (1 + sqrt(1 + 4 G a))."""
    by_tpo = tpo / (p["KAPPA"] * p["TPO0"] + tpo)
    scaled = c_free / p["EC50"]
    odds = (2.0 - p["HILL"]) * scaled + (p["HILL"] - 1.0) * scaled**2
    by_drug = p["ETA"] * odds / (1.0 + odds)
    theta = by_tpo + by_drug - by_tpo * by_drug
    healthy = 1.0 / (p["KAPPA"] + 1.0)

    def plateau(occupancy: float, activity: float, arm: str) -> float:
        a = activity * occupancy / (p["A50_" + arm] + occupancy)
        return 2.0 * a / (1.0 + math.sqrt(1.0 + 4.0 * p["G_" + arm] * a))

    return [plateau(theta, p["ACT_" + arm], arm) / plateau(healthy, 1.0, arm) for arm in ARMS]


def tpo_level(p: dict[str, float], cells: Callable[[list[float]], tuple[float, float]]) -> float:
    """TPO (pM) at which clearance equals production; ``cells`` gives (platelets, mean megakaryocytes) at signals."""
    made = p["FHEP"] * p["HEP"] + (1.0 - p["FHEP"]) * p["REN"]

    def surplus(ratio: float) -> float:
        platelets, mega = cells(signals(p, ratio * p["TPO0"]))
        return (p["FP"] * platelets / p["P0"] + p["FM"] * mega + 1.0 - p["FP"] - p["FM"]) * ratio - made

    high = 1.0
    while surplus(high) < 0.0:
        high *= 2.0
    return p["TPO0"] * brentq(surplus, 1e-12, high, xtol=1e-15, rtol=8.9e-16)


def marrow(p: dict[str, float], x: list[float]) -> tuple[float, float, float]:
    """First (M1 = M2 = PR) and last (M3 = M4) stages without drug or kill at signals x; platelets born (10^9/L/h)."""
    first = p["GPROD"] * x[0] ** p["W_JS"]
    last = first * x[1] ** p["W_ERK"]
    return first, last, p["P0"] / p["LS"] * last * x[2] ** p["W_AKT"]


def ages(p: dict[str, float], born: float, destruction: float) -> list[float]:
    """Platelets in the five age classes at a steady birth (10^9/L/h) and destruction (1/h)."""
    survive = (AGES / p["LS"]) / (AGES / p["LS"] + destruction)  # share that leaves a class by ageing
    return [born * p["LS"] / AGES * survive**k for k in range(1, AGES + 1)]


def disease(p: dict[str, float]) -> tuple[float, float]:
    """KAB (1/h) and GPROD that make BASE the steady count without drug.

    Five classes hold BASE = born LS/5 (r + r^2 + ... + r^5), r = (5/LS) / (5/LS + KAB), at most born LS (r = 1).
    """
    if p["DESTRUCTION"] > 0.5:
        tpo = tpo_level(p, lambda x: (p["BASE"], sum(marrow(p, x)[:2]) / 2.0))
        target = p["BASE"] * AGES / (p["LS"] * marrow(p, signals(p, tpo))[2])
        if target <= AGES:
            r = brentq(lambda r: sum(r**k for k in range(1, 6)) - target, 0.0, 1.0 + 1e-12, xtol=1e-17, rtol=8.9e-16)
            return max(AGES / p["LS"] * (1.0 / r - 1.0), 0.0), p["GPROD"]

    def last_stage(x: list[float]) -> float:  # BASE = P0 M4 AKT^W_AKT if nothing is destroyed
        return p["BASE"] / (p["P0"] * x[2] ** p["W_AKT"])

    tpo = tpo_level(p, lambda x: (p["BASE"], last_stage(x) * (1.0 + x[1] ** -p["W_ERK"]) / 2.0))
    x = signals(p, tpo)
    return 0.0, last_stage(x) / (x[1] ** p["W_ERK"] * x[0] ** p["W_JS"])


def steady_state(p: dict[str, float], loss_factor: float = 1.0) -> np.ndarray:
    """Drug-free start: the balance at loss factor 1, with platelets alone divided by the given factor."""

    def cells(x: list[float]) -> tuple[float, float]:
        first, last, born = marrow(p, x)
        return sum(ages(p, born, p["KAB"])), (first + last) / 2.0

    tpo = tpo_level(p, cells)
    first, last, born = marrow(p, x := signals(p, tpo))
    platelets = [number / loss_factor for number in ages(p, born, p["KAB"])]
    return np.array([0.0, 0.0, 0.0, 0.0, p["R0"], tpo, *x, 1.0, first, first, first, last, last, *platelets])


def binding(c_total: float, r_total: float, kss: float) -> tuple[float, float]:
    """Free drug C and complex RC (ng/mL): C + RC = c_total, RC = r_total C / (kss + C); without cancellation."""
    b = c_total - r_total - kss
    root = math.sqrt(b * b + 4.0 * kss * c_total)
    free = 0.5 * (b + root) if b >= 0.0 else 2.0 * kss * c_total / (root - b)
    return free, r_total * free / (kss + free)


def rhs(y: Sequence[float], p: dict[str, float], u: dict[str, float]) -> list[float]:
    """Derivatives per hour; u holds KD_NOW, KBIND_NOW (1/h), LOSS_FACTOR and KILL."""
    d1, d2, c_total, c_per, r_total, tpo, js, erk, akt, s, pr, m1, m2, m3, m4, *platelets = y
    free, bound = binding(c_total, r_total, p["KSS"])
    x = signals(p, tpo, free)
    kill, kmat, kage = u["KILL"] / 24.0, 4.0 / p["MMT"], AGES / p["LS"]
    made = p["TPO0"] * (p["FHEP"] * p["HEP"] + (1.0 - p["FHEP"]) * p["REN"])
    cleared = p["FP"] * sum(platelets) / p["P0"] + p["FM"] * (m1 + m2 + m3 + m4) / 4.0 + 1.0 - p["FP"] - p["FM"]
    entering = [p["P0"] / p["LS"] * m4 * akt ** p["W_AKT"], *(kage * n for n in platelets[:-1])]
    return [
        -(u["KD_NOW"] + u["KBIND_NOW"]) * d1,
        u["KD_NOW"] * d1 - p["KA"] * d2,
        (p["KA"] * d2 - (p["CL"] + p["Q"]) * free + p["Q"] * c_per) / p["VC"] - p["KINT"] * bound,
        p["Q"] * (free - c_per) / p["VP"],
        p["KDEG_T"] * (p["R0"] - r_total + bound) - p["KINT"] * bound,
        p["KTPO"] * (made - cleared * tpo),
        (x[0] - js) / p["TAUX"],
        (x[1] - erk) / p["TAUX"],
        (x[2] - akt) / p["TAUX"],
        p["RS"] * s * (1.0 - s) - p["KS"] * kill * s,
        (p["GPROD"] * s * js ** p["W_JS"] - pr) / p["TPR"] - p["KP"] * kill * pr,
        kmat * (pr - m1) - p["KM"] * kill * m1,
        kmat * (m1 - m2),
        kmat * (m2 * erk ** p["W_ERK"] - m3),
        kmat * (m3 - m4),
        *(new - (kage + p["KAB"] * u["LOSS_FACTOR"]) * n for new, n in zip(entering, platelets, strict=True)),
    ]


def events(p: dict[str, float], days: Sequence[Day]) -> list[tuple[float, dict[str, float]]]:
    """(h, new inputs, or D1: ug added), in order of time; at the same time a day begins before a meal or an entry."""
    changes: list[tuple[float, dict[str, float]]] = []
    for k, day in enumerate(days):
        start = 24.0 * k
        changes.append((start, {"LOSS_FACTOR": day.loss_factor, "KILL": day.kill}))
        if day.dose_mg > 0.0:
            changes.append((start, {"KD_NOW": p["KD"], "KBIND_NOW": 0.0}))
            available = (day.dose_mg / p["F_REF"]) ** p["F_EXP"] * day.bioavailability
            changes.append((start + p["LAG"], {"D1": 1000.0 * day.dose_mg * available}))
        if math.isfinite(day.meal_h):
            changes.append((start + day.meal_h, {"KD_NOW": p["KD"] * p["MEAL_KD"], "KBIND_NOW": p["MEAL_BIND"]}))
    changes.append((24.0 * len(days), {"KILL": 0.0}))
    return sorted(changes, key=lambda change: change[0])


def simulate(
    p: dict[str, float], days: Sequence[Day], times_h: Sequence[float], rtol: float = 1e-10, method: str = "LSODA"
) -> dict[str, np.ndarray]:
    """CONC (not bound to the target, ng/mL), PLT (10^9/L), TPO (pM) at times_h (h since the first day begins).

    Integrated from event to event; every output time is an end point too. On an event: the value before it.
    """
    times = np.asarray(times_h, dtype=float)
    if not (np.isfinite(times) & (times >= 0.0)).all():
        raise ValueError("times_h must be finite and not negative")
    changes = events(p, days)
    wanted = set(times.tolist())
    last = max(wanted, default=0.0)
    dose = max(1.0, *(1000.0 * day.dose_mg * day.bioavailability for day in days))
    y = steady_state(p, days[0].loss_factor)
    scale = [dose, dose, dose / p["VC"], dose / p["VC"], max(p["R0"], p["KSS"]), *y[5:15], *[p["BASE"]] * AGES]
    u = {"KD_NOW": p["KD"], "KBIND_NOW": 0.0, "LOSS_FACTOR": days[0].loss_factor, "KILL": 0.0}
    at, done = 0.0, 0
    found: dict[float, tuple[float, float, float]] = {}
    for stop in sorted(wanted | {change[0] for change in changes if change[0] < last}):
        if stop > at:
            solution = solve_ivp(
                lambda _, state: rhs(state.tolist(), p, u),
                (0.0, stop - at),
                y,
                method=method,
                rtol=rtol,
                atol=1e-14 * np.array(scale),
            )
            if not solution.success:
                raise RuntimeError(solution.message)
            y, at = solution.y[:, -1].copy(), stop
        if stop in wanted:
            found[stop] = (binding(y[2], y[4], p["KSS"])[0], float(y[15:].sum()), float(y[5]))
        while done < len(changes) and changes[done][0] <= stop:
            change = dict(changes[done][1])
            y[0] += change.pop("D1", 0.0)
            u.update(change)
            done += 1
    values = np.array([found[time] for time in times.tolist()]).reshape(-1, 3)
    return {"CONC": values[:, 0], "PLT": values[:, 1], "TPO": values[:, 2]}
