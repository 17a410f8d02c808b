"""Eltrombopag in Chinese patients with chronic ITP: the set of the international trial with East Asian clearance.

The half-effect is not fitted to Chinese patients on eltrombopag: their trial and the published dose simulation are
predictions. The share of non-responders comes from that simulation paper; cells and swings from the Chinese trial of
hetrombopag.
"""

from dataclasses import replace

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, Range
from cohorts.sets.eltrombopag_itp_bussel_2007 import ELTROMBOPAG_ITP_BUSSEL_2007
from cohorts.shared.eltrombopag_pk import GIBIANSKY
from cohorts.shared.taken_over import as_assumed
from cohorts.shared.thrombopoiesis import ITP

_CL = Parameter(
    "CL",
    0.67 * 0.668,
    "L/h",
    GIBIANSKY,
    "derived",
    "CL/F 0.668 L/h, East Asian -33 %",
    note="of a man of 70 kg without steroid",
)
_NONRESP = next(p for p in ITP if p.name == "NONRESP")
_OWN = {p.name: p for p in (_CL, replace(_NONRESP, status="published"))}

ELTROMBOPAG_ITP_YANG_2016 = replace(
    ELTROMBOPAG_ITP_BUSSEL_2007,
    id="eltrombopag_itp_yang_2016",
    title="Eltrombopag in Chinese chronic ITP: the mechanism with East Asian clearance, no effect fitted to it",
    parameters=tuple(_OWN.get(p.name, as_assumed(p)) for p in ELTROMBOPAG_ITP_BUSSEL_2007.parameters),
    random_effects=tuple(as_assumed(e) for e in ELTROMBOPAG_ITP_BUSSEL_2007.random_effects),
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
