"""Target-mediated disposition with binding as a reaction, not at quasi-steady state; the rest as ``tmdd_lifespan``.

The full model of Mager and Jusko (2001, J Pharmacokinet Pharmacodyn 28, 507-532), of which Gibiansky (2008, J
Pharmacokinet Pharmacodyn 35, 573-591) derives the quasi-steady state that ``tmdd_lifespan`` assumes: free drug, free
target and complex are states of their own.

    depot' = -KA depot                                               ug
    C'     = (KA depot - (CL + Q) C + Q Cp) / VC - bound             ng/mL
    Cp'    = Q (C - Cp) / VP                                         ng/mL
    R'     = KDEG_T (R0 - R) - bound                                 ng/mL (drug equivalents)
    RC'    = bound - KINT RC                                         ng/mL (drug equivalents)
    bound  = KON C R - KOFF RC, KOFF = KON KDISS                     ng/mL/h

T1 to T4, PLT, absorption, events and the start are those of ``tmdd_lifespan``; KDISS stands in the place of KSS.
Binding is fast: where KON (C + R + KDISS) is far above every other rate, C R / RC stays at KDISS + KINT / KON. With
that for KSS the quasi-steady state is the limit, and the difference falls as 1 / KON. The equations are stiff: the
structure names the Rosenbrock method.

No published parameter set uses this structure: Wang 2022 prints neither KON nor KDISS. It is there to see what the
quasi-steady state costs, and for drugs whose binding is known (docs/solver.md has a set of one's own for it).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trial.models import tmdd_lifespan
from trial.models.tmdd_lifespan import N_TRANSIT
from trial.solver.events import Events
from trial.solver.structure import Array, Days, State, Structure, Values

STATES = (
    State("DEPOT", "ug", "drug at the site of absorption"),
    State("C", "ng/mL", "free drug in the central compartment"),
    State("CP", "ng/mL", "drug in the peripheral compartment"),
    State("R", "ng/mL", "free target, as drug equivalents"),
    State("RC", "ng/mL", "complex of drug and target, as drug equivalents"),
    *tmdd_lifespan.STATES[4:],
)
COMPLEX = 4
PARAMETERS = (*("KDISS" if name == "KSS" else name for name in tmdd_lifespan.PARAMETERS), "KON")


def rhs(y: Values, p: Values, u: Values) -> list[Any]:
    """Time derivatives per hour; see the equations above."""
    depot, free, peripheral, target, complex_, t1, t2, t3, t4, plt = y
    cl, vc, q, vp, _lag, _ka1, _tswitch, _ka2, r0, kdeg_t, kdiss, kint, kin, base, mtt, emax, ec50, kon = p
    ka, loss_factor = u
    absorbed, ktr = ka * depot, N_TRANSIT / mtt
    bound = kon * free * target - kon * kdiss * complex_
    return [
        -absorbed,
        (absorbed - (cl + q) * free + q * peripheral) / vc - bound,
        q / vp * (free - peripheral),
        kdeg_t * (r0 - target) - bound,
        bound - kint * complex_,
        kin * (1.0 + emax * free / (ec50 + free)) - ktr * t1,
        ktr * (t1 - t2),
        ktr * (t2 - t3),
        ktr * (t3 - t4),
        ktr * t4 - kin / base * loss_factor * plt,
    ]


def outputs(y: Values, p: Values, u: Values) -> list[Any]:
    """CONC: free drug in plasma (ng/mL); PLT: platelets (10^9/L)."""
    return [y[1], y[9]]


def steady_state(p: Array, u: Array) -> Array:
    """Drug-free steady state at the given loss factor, without complex; (n, 10)."""
    return np.insert(tmdd_lifespan.steady_state(p[:, :-1], u), COMPLEX, 0.0, axis=1)


def daily_events(p: Array, days: Days) -> Events:
    """Those of ``tmdd_lifespan``, which do not read how the drug binds."""
    return tmdd_lifespan.daily_events(p[:, :-1], days)


TMDD_FULL = Structure(
    id="tmdd_full",
    title="Target-mediated disposition with binding in full, dual sequential absorption, four transit compartments and "
    "a platelet pool",
    states=STATES,
    parameters=PARAMETERS,
    inputs=tmdd_lifespan.INPUTS,
    dose_state=0,
    output_names=("CONC", "PLT"),
    rhs=rhs,
    outputs=outputs,
    steady_state=steady_state,
    daily_events=daily_events,
    drug=(*PARAMETERS[: PARAMETERS.index("KIN")], "EMAX", "EC50"),
    method="rosenbrock",
    transfused=tmdd_lifespan.TMDD_LIFESPAN.transfused,
    limits=tmdd_lifespan.LIMITS,
)
