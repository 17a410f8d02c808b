"""Thrombopoietin, its receptor, three signalling arms and the platelet line, with disease, chemotherapy and meals.

Oral drug with target-mediated disposition; endogenous TPO cleared by the receptor (c-Mpl) on platelets and
megakaryocytes; drug and TPO act on the receptor together, without competing (they bind at different places); JAK-STAT
drives proliferation of progenitors, MAPK (ERK) maturation of megakaryocytes, PI3K/AKT survival and platelet release.

    D1'   = -(KD_NOW + KBIND_NOW) D1                        ug     drug in the upper gut; a meal binds what is there
    D2'   = KD_NOW D1 - KA D2                               ug     drug at the site of absorption
    Ctot' = (KA D2 - (CL + Q) C + Q Cp) / VC - KINT RC      ng/mL
    Cp'   = Q (C - Cp) / VP                                 ng/mL
    Rtot' = KDEG_T (R0 - Rtot + RC) - KINT RC               ng/mL  (as in tmdd_lifespan; R0 = 0: linear disposition)
    T'    = KTPO (TPO0 (FHEP HEP + (1 - FHEP) REN) - (FP PLT / P0 + FM M + 1 - FP - FM) T)     pM
    theta = thetaT + thetaD - thetaT thetaD                        occupancy of the receptor
            thetaT = T / (KAPPA TPO0 + T), thetaD = ETA E / (EC50^2 + E), E = (HILL - 1) C^2 + (2 - HILL) EC50 C
    x_i   : x_i (1 + G_i x_i) = ACT_i theta / (A50_i + theta)  arm i at the plateau of its feedback: JS, ERK, AKT
    Xi'   = (x_i / x_i(healthy, no drug) - Xi) / TAUX              what has been transcribed; 1 in health
    S'    = RS S (1 - S) - KS KILL/24 S                            stem cells, 1 in health
    PR'   = (GPROD S JS^W_JS - PR) / TPR - KP KILL/24 PR           progenitors; KILL is 1 on the day of a full dose
    M1'   = 4/MMT (PR - M1) - KM KILL/24 M1                        megakaryocytes, four stages, 1 in health
    M2'   = 4/MMT (M1 - M2);  M3' = 4/MMT (M2 ERK^W_ERK - M3);  M4' = 4/MMT (M3 - M4);  M = mean
    P1'   = P0/LS M4 AKT^W_AKT - (5/LS + KAB LOSS (1 - SAT)) P1    10^9/L, platelets by age
    Pk'   = 5/LS P(k-1) - (5/LS + KAB LOSS (1 - SAT)) Pk, k = 2..5;  PLT = sum
            SAT = PLT / (PSAT + PLT)                               saturation of the destruction; 0 without PSAT

A dose enters D1 as dose (dose / F_REF)^F_EXP, F_REF in mg: relative bioavailability that grows with the dose where
F_EXP is above 0; it is 0 (proportional) where a set does not give it.
HILL is the exponent of the drug at its half effect, EC50, and 2 (assumed) where a set does not give it: E is then C^2.
Between 1 and 2 it is a sum of the two, which has a series at C = 0 where C^HILL has none: the slope of the odds of
thetaD in ln C goes from 1 far below EC50, over HILL at it, to 2 far above, and at HILL 1 it is 1 everywhere.

PSAT is the count at which the immune destruction takes half of the most it can: its loss is KAB PLT / (1 + PLT / PSAT),
KAB being its constant at low counts. The loss still rises with the count: there is no second balance, and that one is
stable. Where a set does not give it, it is so large that SAT is 0.

C is drug not bound to the target (total plasma as far as proteins are concerned) and RC the complex, at quasi-steady
state with constant KSS. ERK multiplies the mass of cells between two stages (ploidy), AKT the platelets that leave
per cell. Signalling settles within hours and platelets within days, so an arm is taken at its plateau (an algebraic
term) and only the lag TAUX remains. Platelets do not identify the arms' weights W_i, A50_i and G_i: they are priors.
KAB (immune destruction) or GPROD (low production) is not given but follows from the patient's count without drug: see
``trial.models.tpo_balance``. Of a production that is low because of chemotherapy before day 0, the share RECOVERS comes
back by itself: S begins below 1, AHEAD hours on its way (``trial.models.recovery``). A meal multiplies KD by MEAL_KD
and adds MEAL_BIND to the loss from D1 to the next dose.
Sources: the forms follow Shimizu 2021 (TPO and drug together, ages of platelets), Gibiansky 2008 (binding) and a
reduction of Bachmann 2011 (feedback); occupancies combine as of independent sites. Numbers are in the parameter sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from trial.models.recovery import kept_low, on_the_way
from trial.models.tmdd_lifespan import binding
from trial.models.tpo_balance import N_AGES, N_STAGES, steady_cells
from trial.models.tpo_balance import individual as balanced
from trial.solver.events import Events
from trial.solver.structure import Array, Days, Limit, State, Structure, Values

_CELLS = "relative to health"
STATES = (
    State("D1", "ug", "drug in the upper gut, open to binding by food and cations"),
    State("D2", "ug", "drug at the site of absorption"),
    State("CTOT", "ng/mL", "total drug in the central compartment"),
    State("CP", "ng/mL", "drug in the peripheral compartment"),
    State("RTOT", "ng/mL", "total target, as drug equivalents"),
    State("TPO", "pM", "endogenous thrombopoietin in serum"),
    State("JS", "1", f"JAK-STAT signal after transcription, {_CELLS}"),
    State("ERK", "1", f"MAPK signal after transcription, {_CELLS}"),
    State("AKT", "1", f"PI3K/AKT signal after transcription, {_CELLS}"),
    State("S", "1", f"stem and early progenitor cells, {_CELLS}"),
    State("PR", "1", f"megakaryocyte progenitors, {_CELLS}"),
    *(State(f"M{k}", "1", f"megakaryocytes, stage {k}, {_CELLS}") for k in range(1, N_STAGES + 1)),
    *(State(f"P{k}", "10^9/L", f"platelets in blood, age class {k} of {N_AGES}") for k in range(1, N_AGES + 1)),
)
PARAMETERS = (
    "CL", "VC", "Q", "VP", "LAG", "KD", "KA", "MEAL_KD", "MEAL_BIND", "R0", "KDEG_T", "KSS", "KINT",
    "F_EXP", "F_REF",
    "TPO0", "KTPO", "FHEP", "HEP", "REN", "FP", "FM", "KAPPA", "EC50", "ETA", "HILL",
    "A50_JS", "A50_ERK", "A50_AKT", "G_JS", "G_ERK", "G_AKT", "ACT_JS", "ACT_ERK", "ACT_AKT",
    "W_JS", "W_ERK", "W_AKT", "TAUX", "RS", "TPR", "MMT", "LS", "P0", "KS", "KP", "KM", "BASE", "GPROD", "KAB",
    "RECOVERS", "AHEAD", "PSAT",
)  # fmt: skip
NEVER = 1e99
"""A count (10^9/L) so large that a destruction that saturates there is proportional to the count, to the bit."""
OPTIONAL = (
    ("HILL", 2.0), ("F_EXP", 0.0), ("F_REF", 1.0), ("RECOVERS", 0.0), ("AHEAD", 0.0), ("PSAT", NEVER),
)  # fmt: skip
INPUTS = ("KD_NOW", "KBIND_NOW", "LOSS_FACTOR", "KILL")
DERIVED = (
    State(
        "KAB", "1/h", "immune destruction of platelets (at low counts where it saturates), from the count without drug"
    ),
    State("GPROD", "1", "production of progenitors relative to health; given, or from the count without drug"),
)
TRANSFUSED = tuple((f"P{k}", 1.0 / N_AGES) for k in range(1, N_AGES + 1))
"""Platelets of healthy donors are of all ages alike: nothing takes them but age."""
HOURS_PER_DAY = 24.0
LAST_ENTRY_H = 23.0
LIMITS = (
    Limit(
        f"LAG: at most {LAST_ENTRY_H:g} h, so that a dose enters before the next", lambda p: p["LAG"] <= LAST_ENTRY_H
    ),
    Limit("ETA: at most 1, an occupancy", lambda p: p["ETA"] <= 1.0),
    Limit("HILL: 1 to 2, the exponent of the drug", lambda p: (p["HILL"] >= 1.0) & (p["HILL"] <= 2.0)),
    Limit("FP and FM: together at most 1, shares of one clearance", lambda p: p["FP"] + p["FM"] <= 1.0),
    Limit("RECOVERS: below 1, a share of what chemotherapy took", lambda p: p["RECOVERS"] < 1.0),
    Limit(
        "RECOVERS and DESTRUCTION: one of them 0; what recovers is production",
        lambda p: p["RECOVERS"] * p["DESTRUCTION"] == 0.0,
    ),
    Limit(
        "AHEAD: at most TPR + MMT, so that no platelet of day 0 is of regrown cells",
        lambda p: p["AHEAD"] <= p["TPR"] + p["MMT"],
    ),
    Limit("DESTRUCTION: 0 or 1", lambda p: (p["DESTRUCTION"] == 0.0) | (p["DESTRUCTION"] == 1.0)),
)


def arm(theta: Any, theta_0: Any, a50: Any, gain: Any, activity: Any) -> Any:
    """Plateau of one signalling arm relative to its value in health without drug, from x (1 + G x) = theta/(A50+theta).

    ``activity`` 1: intact; below 1: knocked down.
    """
    root = (1.0 + 4.0 * gain * activity * theta / (a50 + theta)) ** 0.5
    root_0 = (1.0 + 4.0 * gain * theta_0 / (a50 + theta_0)) ** 0.5
    return (root - 1.0) / (root_0 - 1.0)


def occupied(free: Any, ec50: Any, eta: Any, hill: Any) -> Any:
    """Occupancy of the receptor by the drug at a free concentration; see E above."""
    effect = (hill - 1.0) * (free * free) + (2.0 - hill) * ec50 * free
    return eta * effect / (ec50 * ec50 + effect)


def saturation(psat: Any, platelets: Any) -> Any:
    """SAT, see above: the share of its constant that the immune destruction has lost at a count."""
    return platelets / (psat + platelets)


def individual(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """A patient's parameters, {name: (n,)}: KAB and GPROD as in ``tpo_balance``, GPROD without what recovers, and those
    that are not given.
    """
    left_out = {name: np.full(np.shape(parameters["BASE"]), value) for name, value in OPTIONAL}
    found = balanced(left_out | dict(parameters))
    return found | {"GPROD": kept_low(found["GPROD"], found["RECOVERS"])} if found["RECOVERS"].any() else found


def rhs(y: Values, p: Values, u: Values) -> list[Any]:
    """Time derivatives per hour; see the equations above."""
    d1, d2, c_total, c_peripheral, r_total, tpo, js, erk, akt, s, pr, m1, m2, m3, m4, *ages = y
    q = dict(zip(PARAMETERS, p, strict=True))
    kd, kbind, loss, kill = u
    free, complex_ = binding(c_total, r_total, q["KSS"])
    absorbed = q["KA"] * d2
    theta_d = occupied(free, q["EC50"], q["ETA"], q["HILL"])
    theta_t = tpo / (q["KAPPA"] * q["TPO0"] + tpo)
    theta, theta_0 = theta_t + theta_d - theta_t * theta_d, 1.0 / (1.0 + q["KAPPA"])
    signals = [
        (arm(theta, theta_0, q[f"A50_{i}"], q[f"G_{i}"], q[f"ACT_{i}"]) - x) / q["TAUX"]
        for i, x in (("JS", js), ("ERK", erk), ("AKT", akt))
    ]
    made = q["TPO0"] * (q["FHEP"] * q["HEP"] + (1.0 - q["FHEP"]) * q["REN"])
    platelets, internalised = sum(ages), q["KINT"] * complex_
    cells = q["FP"] / q["P0"] * platelets + q["FM"] / N_STAGES * (m1 + m2 + m3 + m4)
    kill_per_h = kill / HOURS_PER_DAY
    step, ageing = N_STAGES / q["MMT"], N_AGES / q["LS"]
    removal = ageing + q["KAB"] * loss
    spared = q["KAB"] * loss * saturation(q["PSAT"], platelets)
    born = q["P0"] / q["LS"] * (m4 * akt ** q["W_AKT"])
    return [
        -(kd + kbind) * d1,
        kd * d1 - absorbed,
        (absorbed - (q["CL"] + q["Q"]) * free + q["Q"] * c_peripheral) / q["VC"] - internalised,
        q["Q"] / q["VP"] * (free - c_peripheral),
        q["KDEG_T"] * (q["R0"] - r_total + complex_) - internalised,
        q["KTPO"] * (made - (cells + (1.0 - q["FP"] - q["FM"])) * tpo),
        *signals,
        q["RS"] * (s * (1.0 - s)) - q["KS"] * kill_per_h * s,
        (q["GPROD"] * (s * js ** q["W_JS"]) - pr) / q["TPR"] - q["KP"] * kill_per_h * pr,
        step * (pr - m1) - q["KM"] * kill_per_h * m1,
        step * (m1 - m2),
        step * (m2 * erk ** q["W_ERK"] - m3),
        step * (m3 - m4),
        born - removal * ages[0] + spared * ages[0],
        *(ageing * before - removal * now + spared * now for before, now in pairwise(ages)),
    ]


def outputs(y: Values, p: Values, u: Values) -> list[Any]:
    """CONC: drug in plasma not bound to the target (ng/mL); PLT: platelets (10^9/L); TPO: thrombopoietin (pM)."""
    free, _ = binding(y[2], y[4], p[PARAMETERS.index("KSS")])
    return [free, sum(y[-N_AGES:]), y[5]]


def steady_state(p: Array, u: Array) -> Array:
    """Drug-free start (n, 20): the steady state, with platelets alone divided by a loss factor other than 1; where
    production recovers by itself, that of the count on day 0, with the early cells on their way.
    """
    q = dict(zip(PARAMETERS, p.T, strict=True))
    zero, loss = np.zeros(len(p)), u[:, INPUTS.index("LOSS_FACTOR")]
    cells = on_the_way(q, loss) if q["RECOVERS"].any() else steady_cells(q, loss)
    return np.stack([zero, zero, zero, zero, q["R0"], *cells], axis=1)


def daily_events(p: Array, days: Days) -> Events:
    """Three events a day: the day begins; the dose enters at LAG; a meal begins, whichever of the two comes first.

    What does not happen falls on the start of the next day and changes nothing.
    """
    q = dict(zip(PARAMETERS, (column[:, None] for column in p.T), strict=True))
    dosed = days.dose_mg > 0
    enter_h = np.where(dosed, np.minimum(q["LAG"], LAST_ENTRY_H), 24.0)
    meal_h = np.minimum(days.meal_h, 24.0)
    n, d = dosed.shape
    hour, amount, inputs = np.zeros((n, d, 3)), np.zeros((n, d, 3)), np.zeros((n, d, 3, len(INPUTS)))
    np.minimum(enter_h, meal_h, out=hour[:, :, 1])
    np.maximum(enter_h, meal_h, out=hour[:, :, 2])
    available = np.where(dosed, days.dose_mg / q["F_REF"], 1.0) ** q["F_EXP"] * days.bioavailability
    fasting, dose_ug = enter_h <= meal_h, 1000.0 * days.dose_mg * available
    amount[:, :, 1] = np.where(fasting, dose_ug, 0.0)
    amount[:, :, 2] = np.where(fasting, 0.0, dose_ug)
    inputs[:, :, :, 0] = q["KD"][:, :, None]
    for event in range(3):
        who, day = np.nonzero((hour[:, :, event] >= meal_h) & (meal_h < 24.0))
        inputs[:, :, event, 2], inputs[:, :, event, 3] = days.loss_factor, days.kill
        inputs[who, day, event, 0] *= q["MEAL_KD"][who, 0]
        inputs[who, day, event, 1] = q["MEAL_BIND"][who, 0]
        hour[:, :, event] += days.start_h
    return Events(hour.reshape(n, 3 * d), amount.reshape(n, 3 * d), inputs.reshape(n, 3 * d, len(INPUTS)))


TPO_MECHANISM = Structure(
    id="tpo_mechanism",
    title="Thrombopoietin, c-Mpl with three signalling arms, megakaryocytes and platelet ages; oral drug with "
    "target-mediated disposition",
    states=STATES,
    parameters=PARAMETERS,
    inputs=INPUTS,
    dose_state=0,
    output_names=("CONC", "PLT", "TPO"),
    rhs=rhs,
    outputs=outputs,
    steady_state=steady_state,
    daily_events=daily_events,
    derived=DERIVED,
    individual=individual,
    reads=("GPROD", "DESTRUCTION"),
    takes=("kill", "meal"),
    transfused=TRANSFUSED,
    drug=(*PARAMETERS[: PARAMETERS.index("TPO0")], "EC50", "ETA", "HILL"),
    optional=OPTIONAL,
    restless=("RECOVERS", "AHEAD"),
    limits=LIMITS,
)
