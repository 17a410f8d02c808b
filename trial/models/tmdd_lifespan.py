"""Target-mediated disposition with dual sequential absorption, and a lifespan chain of platelet production.

The published model of hetrombopag (Wang 2022) is a "modified TMDD with dual sequential first-order absorption" and
a five-compartment lifespan model (4 transit + 1 platelet); its equations are not printed in what we could read.
Assumed here: quasi-steady-state binding with target turnover (Gibiansky 2008), a peripheral compartment, and a
saturable effect of free drug on production (the form used for romiplostim in ITP, Petrov 2024). At C << EC50 the
effect is linear in C (as in Hayes 2011).

    depot'  = -KA depot                                              ug
    Ctot'   = (KA depot - (CL + Q) C + Q Cp) / VC - KINT RC          ng/mL
    Cp'     = Q (C - Cp) / VP                                        ng/mL
    Rtot'   = KDEG_T (R0 - (Rtot - RC)) - KINT RC                    ng/mL (drug equivalents)
    T1'     = KIN (1 + EMAX C / (EC50 + C)) - KTR T1, KTR = 4 / MTT  10^9/L
    Ti'     = KTR (T(i-1) - Ti), i = 2..4
    PLT'    = KTR T4 - KOUT factor PLT, KOUT = KIN / BASE            10^9/L

C is free drug, RC the complex, from the binding quadratic. After a dose: nothing until LAG, then KA1 until TSWITCH
(both from the time of the dose), then KA2. What is left of earlier doses shares the depot, hence the rate of the
latest dose, as in the usual NONMEM code by time after dose; LAG delays the entry of the new dose only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trial.solver.events import Events
from trial.solver.structure import Array, Days, Limit, State, Structure, Values

STATES = (
    State("DEPOT", "ug", "drug at the site of absorption"),
    State("CTOT", "ng/mL", "total drug in the central compartment"),
    State("CP", "ng/mL", "drug in the peripheral compartment"),
    State("RTOT", "ng/mL", "total target, as drug equivalents"),
    State("T1", "10^9/L", "platelet precursors, transit 1"),
    State("T2", "10^9/L", "platelet precursors, transit 2"),
    State("T3", "10^9/L", "platelet precursors, transit 3"),
    State("T4", "10^9/L", "platelet precursors, transit 4"),
    State("PLT", "10^9/L", "platelets in blood"),
)
PARAMETERS = (
    "CL", "VC", "Q", "VP", "LAG", "KA1", "TSWITCH", "KA2", "R0", "KDEG_T", "KSS", "KINT",
    "KIN", "BASE", "MTT", "EMAX", "EC50",
)  # fmt: skip
INPUTS = ("KA", "LOSS_FACTOR")
LAST_ENTRY_H, LAST_SWITCH_H = 23.0, 23.5
LIMITS = (
    Limit(
        f"LAG: at most {LAST_ENTRY_H:g} h, so that a dose enters before the next", lambda p: p["LAG"] <= LAST_ENTRY_H
    ),
    Limit(f"TSWITCH: at most {LAST_SWITCH_H:g} h", lambda p: p["TSWITCH"] <= LAST_SWITCH_H),
)
N_TRANSIT = 4


def binding(c_total: Any, r_total: Any, kss: Any) -> tuple[Any, Any]:
    """Free drug and complex (ng/mL) at quasi-steady state, in the forms that do not cancel in washout."""
    b = c_total - r_total - kss
    s = (b * b + 4.0 * kss * c_total) ** 0.5
    free = 2.0 * kss * c_total / (s - b)
    return free, 2.0 * c_total * r_total / (s + c_total + r_total + kss)


def rhs(y: Values, p: Values, u: Values) -> list[Any]:
    """Time derivatives per hour; see the equations above."""
    depot, c_total, c_peripheral, r_total, t1, t2, t3, t4, plt = y
    cl, vc, q, vp, _lag, _ka1, _tswitch, _ka2, r0, kdeg_t, kss, kint, kin, base, mtt, emax, ec50 = p
    ka, loss_factor = u
    free, complex_ = binding(c_total, r_total, kss)
    ktr = N_TRANSIT / mtt
    absorbed = ka * depot
    return [
        -absorbed,
        (absorbed - (cl + q) * free + q * c_peripheral) / vc - kint * complex_,
        q / vp * (free - c_peripheral),
        kdeg_t * (r0 - r_total + complex_) - kint * complex_,
        kin * (1.0 + emax * free / (ec50 + free)) - ktr * t1,
        ktr * (t1 - t2),
        ktr * (t2 - t3),
        ktr * (t3 - t4),
        ktr * t4 - kin / base * loss_factor * plt,
    ]


def outputs(y: Values, p: Values, u: Values) -> list[Any]:
    """CONC: free drug in plasma (ng/mL); PLT: platelets (10^9/L)."""
    free, _ = binding(y[1], y[3], p[PARAMETERS.index("KSS")])
    return [free, y[8]]


def steady_state(p: Array, u: Array) -> Array:
    """Drug-free steady state at the given loss factor; (n, 9)."""
    par = dict(zip(PARAMETERS, p.T, strict=True))
    chain = par["KIN"] * par["MTT"] / N_TRANSIT
    zero = np.zeros_like(chain)
    platelets = par["BASE"] / u[:, INPUTS.index("LOSS_FACTOR")]
    return np.stack([zero, zero, zero, par["R0"], chain, chain, chain, chain, platelets], axis=1)


def daily_events(p: Array, days: Days) -> Events:
    """Three events a day: the day begins (new loss factor), the dose enters at LAG with KA1, KA2 from TSWITCH.

    On a day without a dose the last two fall on the start of the next day and change nothing.
    """
    par = dict(zip(PARAMETERS, p.T, strict=True))
    column = {name: par[name][:, None] for name in ("LAG", "TSWITCH", "KA1", "KA2")}
    dosed = days.dose_mg > 0
    enter_h = np.where(dosed, np.minimum(column["LAG"], LAST_ENTRY_H), 24.0)
    switch_h = np.where(dosed, np.clip(column["TSWITCH"], enter_h, LAST_SWITCH_H), 24.0)
    n, d = dosed.shape
    time_h, amount, inputs = np.empty((n, d, 3)), np.zeros((n, d, 3)), np.empty((n, d, 3, len(INPUTS)))
    time_h[:, :, 0] = days.start_h
    np.add(days.start_h, enter_h, out=time_h[:, :, 1])
    np.add(days.start_h, switch_h, out=time_h[:, :, 2])
    amount[:, :, 1] = 1000.0 * days.dose_mg * days.bioavailability
    inputs[:, :, :, 0] = column["KA2"][:, :, None]
    inputs[:, :, 1, 0] = np.where(dosed, column["KA1"], column["KA2"])
    for event in range(3):
        inputs[:, :, event, 1] = days.loss_factor
    return Events(time_h.reshape(n, 3 * d), amount.reshape(n, 3 * d), inputs.reshape(n, 3 * d, len(INPUTS)))


TMDD_LIFESPAN = Structure(
    id="tmdd_lifespan",
    title="Target-mediated disposition, dual sequential absorption, four transit compartments and a platelet pool",
    states=STATES,
    parameters=PARAMETERS,
    inputs=INPUTS,
    dose_state=0,
    output_names=("CONC", "PLT"),
    rhs=rhs,
    outputs=outputs,
    steady_state=steady_state,
    daily_events=daily_events,
    transfused=(("PLT", 1.0),),
    drug=(*PARAMETERS[: PARAMETERS.index("KIN")], "EMAX", "EC50"),
    limits=LIMITS,
)
