"""Eltrombopag in Chinese patients with chronic ITP: the drug of the international trial, the people of the Chinese one.

Nothing is fitted to Chinese patients on eltrombopag: their trial and the published dose simulation are predictions.
Of the drug, clearance and slope are East Asian as published, the slope as a potency (effect(C) is that of others at
0.66 C), and exposure is proportional to dose (healthy Japanese). Of the people, the largest drive and what moves by
itself come from the Chinese trial of hetrombopag, the share of non-responders from the paper of the dose simulation.
"""

from dataclasses import replace

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, Range
from cohorts.sets.eltrombopag_itp_bussel_2007 import ELTROMBOPAG_ITP_BUSSEL_2007
from cohorts.shared.eltrombopag_pk import FARRELL, GIBIANSKY, proportional
from cohorts.shared.taken_over import as_assumed, taken_over
from cohorts.shared.thrombopoiesis import ITP, TPO

_CL = Parameter(
    "CL",
    0.67 * 0.668,
    "L/h",
    GIBIANSKY,
    "derived",
    "CL/F 0.668 L/h, East Asian -33 %",
    note="of a man of 70 kg without steroid",
)
SLOPE = 0.66
_EC50 = Parameter(
    "EC50",
    ELTROMBOPAG_ITP_BUSSEL_2007.value("EC50") / SLOPE,
    "ng/mL",
    FARRELL,
    "derived",
    "slope of East Asians x 0.660",
    note=f"of {ELTROMBOPAG_ITP_BUSSEL_2007.id} over the slope; the slope is of liver disease and health",
)
_KAPPA = taken_over(p for p in TPO if p.name == "KAPPA")
_NONRESP = next(p for p in ITP if p.name == "NONRESP")
_OWN = {p.name: p for p in (_CL, _EC50, *_KAPPA, replace(_NONRESP, status="published"))}

ELTROMBOPAG_ITP_YANG_2016 = replace(
    ELTROMBOPAG_ITP_BUSSEL_2007,
    id="eltrombopag_itp_yang_2016",
    title="Eltrombopag in Chinese chronic ITP: East Asian clearance and slope as published, no effect fitted",
    parameters=tuple(_OWN.get(p.name, as_assumed(p)) for p in proportional(ELTROMBOPAG_ITP_BUSSEL_2007)),
    random_effects=tuple(as_assumed(e) for e in ELTROMBOPAG_ITP_BUSSEL_2007.random_effects),
    uncertainty=tuple(
        kept
        for together in ELTROMBOPAG_ITP_BUSSEL_2007.uncertainty
        if (kept := together.without(set(_OWN) - {"EC50"})).names
    ),
    validity=replace(
        ELTROMBOPAG_ITP_BUSSEL_2007.validity,
        population="Chinese adults with chronic ITP",
        ranges=(
            Range("AGE", 18.0, 75.0, "y", Source(cite.YANG_2016, "abstract")),
            Range("WEIGHT", 39.0, 115.0, "kg", Source(cite.YANG_2016, "abstract")),
            Range("BLPLAT", 1.0, 30.0, "10^9/L", Source(cite.YANG_2016, "abstract")),
        ),
    ),
)
