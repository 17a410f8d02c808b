"""How wide an assumed number is: a prior from how far the number was carried, the same scale for every set.

SD of the logarithm, of a share of its log odds: 0.2 where no border was crossed (measured or matched in these people,
on this drug), 0.4 for one border, 0.7 for two or more, and for a number of which nothing was read. Borders: species,
indication, drug, population, assay, and "unidentified": matched together with others that the data do not separate.
Committed before any prediction was scored with it, and not changed after. A number that is ``fixed`` has no width, for
a reason. Correlations and covariate effects have none either: they are not moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cohorts.parameters import ParameterSet
from cohorts.variants import assumed

Border = Literal["species", "indication", "drug", "population", "assay", "unidentified", "unread"]
SCALE = (0.2, 0.4, 0.7)
"""No border, one, two or more."""
UNREAD: Border = "unread"
FURTHEST = "not in the table of widths: taken as of a number of which nothing was read"


@dataclass(frozen=True)
class Width:
    """How far numbers were carried: ``names`` (as in ``with_values``) of the sets whose id starts with one of ``sets``
    (none: of all), which ``borders`` were crossed, and why. ``fixed``: not moved at all. ``most``: held to so many
    times the value, where the people of a trial leave no more room.
    """

    names: tuple[str, ...]
    borders: tuple[Border, ...]
    reason: str
    sets: tuple[str, ...] = ()
    fixed: bool = False
    most: float = float("inf")

    @property
    def log_sd(self) -> float:
        """SD of the logarithm, of a share of its log odds; 0 of what is fixed."""
        if self.fixed:
            return 0.0
        return SCALE[2] if UNREAD in self.borders else SCALE[min(len(self.borders), 2)]


HETROMBOPAG = ("hetrombopag",)
ELTROMBOPAG = ("eltrombopag",)
AVATROMBOPAG = ("avatrombopag",)
HEALTHY = ("hetrombopag_healthy", "eltrombopag_healthy")
CIT = ("hetrombopag_cit", "eltrombopag_cit")
OF_MEN = ("hetrombopag_healthy", "hetrombopag_wang")
ABSORPTION = ("Q", "VP", "LAG", "KD", "KA", "KA1", "TSWITCH", "KA2")
TARGET = ("R0", "KDEG_T", "KSS", "KINT")
ARMS = ("JS", "ERK", "AKT")
MATCHED = "matched with others to what is printed of healthy men"


def _fixed(names: tuple[str, ...], reason: str, sets: tuple[str, ...] = ()) -> Width:
    return Width(names, (), reason, sets, fixed=True)


WIDTHS: tuple[Width, ...] = (
    _fixed(("DESTRUCTION",), "a switch"),
    _fixed(("HEP", "REN", "GPROD", *(f"ACT_{arm}" for arm in ARMS)), "1 by definition: relative to health"),
    _fixed(("TPO0",), "only ratios to it enter"),
    _fixed(("ETA",), "at its limit: a full agonist in cells"),
    _fixed(("ETA_NONRESP", "EMAX_NONRESP"), "0 by definition of a non-responder"),
    _fixed(("F_REF",), "only says at which dose clearance holds"),
    _fixed(("BASE",), "the patient's own count takes its place"),
    _fixed(("NONRESP",), "practically nobody; a class of ITP", (*HEALTHY, *CIT)),
    _fixed(("FLUCT_SD",), "no immune destruction that could swing", (*HEALTHY, *CIT)),
    _fixed(TARGET, "so small that it does nothing: linear disposition", (*ELTROMBOPAG, *AVATROMBOPAG)),
    _fixed(("Q", "VP"), "so small that it does nothing: one compartment", AVATROMBOPAG),
    _fixed(("EMAX",), "so high that the effect is linear; EC50 has the width", ("eltrombopag_itp_hayes",)),
    Width((*ABSORPTION, *TARGET), ("unidentified",), MATCHED, OF_MEN),
    Width((*ABSORPTION, *TARGET), ("population", "unidentified"), f"{MATCHED}, taken for patients", HETROMBOPAG),
    Width(("LAG", "KA1", "TSWITCH", "KA2", "OMEGA_CL", "OMEGA_VC"), ("indication",), "Farrell 2014: liver disease and "
          "health", ELTROMBOPAG),
    Width(("KD", "KA", "MEAL_KD"), ("unidentified",), "matched together to the printed Tmax or meal", ELTROMBOPAG),
    Width(("LAG", "KD", "KA"), ("unidentified",), "matched together to the printed Tmax", AVATROMBOPAG),
    Width(("CL",), ("indication",), "of a man with ITP, taken for cancer", CIT),
    Width(("CONC_CV",), ("indication",), "Farrell 2014: liver disease and health", ELTROMBOPAG),
    Width(("CONC_CV",), ("drug", "indication"), "eltrombopag in liver disease and health"),
    Width(("EC50",), ("indication",), "of ITP, taken for chemotherapy", CIT),
    Width(("OMEGA_EC50",), ("drug", "indication"), "of eltrombopag in liver disease", ("hetrombopag_healthy",)),
    Width(("OMEGA_EC50",), ("indication",), "between healthy people, liver disease and ITP"),
    Width(("OMEGA_MMT", "OMEGA_MTT", "OMEGA_KS", "OMEGA_KP"), ("drug",), "the range of models of the class"),
    Width(("KIN",), (), "the same in health and ITP (Hayes 2011)", ELTROMBOPAG),
    Width(("KIN",), ("drug",), "of eltrombopag"),
    Width(("NONRESP",), ("drug",), "of eltrombopag in China"),
    Width(("LOWPROD",), ("population",), "Louwes 1999; that its cause is this one is assumed"),
    Width(("GPROD_LOW",), ("unread",), "chosen by the TPO that it gives"),
    Width(("KAPPA",), ("population",), "as calibrated on the phase III trial of hetrombopag in ITP"),
    Width(("MMT",), ("population",), "as calibrated on the phase III trial of hetrombopag in ITP"),
    Width(("LS", "TPR", "KTPO", "P0"), (), "measured in people, with a range"),
    Width(("FHEP", "FP", "FM"), ("unread",), "shares by consent, chosen with the TPO of ITP and aplasia in view"),
    Width((*(f"A50_{arm}" for arm in ARMS), *(f"W_{arm}" for arm in ARMS)), ("unread",), "not seen in platelets"),
    Width(tuple(f"G_{arm}" for arm in ARMS), ("species", "assay"), "EpoR in cells of mice (Bachmann 2011)"),
    Width(("TAUX", "RS"), ("unread",), "a choice"),
    Width(("FLUCT_SD",), ("population",), "as calibrated on the phase III trial of hetrombopag in ITP, or a choice "
          "near it; swings must leave room for differences between patients", most=1.9),
    Width(("FLUCT_TAU",), ("unread",), "a choice"),
    Width(("REM_RATE", "REM_MEAN", "REM_DROP"), ("unread",), "rare; how rare, long and deep was not read"),
    Width(("ASSAY_CV",), (), "healthy people, the same", HEALTHY, most=2.4),
    Width(("ASSAY_CV",), ("population",), "healthy people, taken for patients", most=3.0),
    Width(("RESCUE_H0", "RESCUE_SCALE", "RESCUE_DROP"), ("unread",), "a choice",
          (*HEALTHY, *CIT, "eltrombopag_itp_hayes")),
    Width(("RESCUE_H0", "RESCUE_SCALE", "RESCUE_DROP"), ("population",), "as calibrated on the phase III trial of "
          "hetrombopag in ITP"),
    Width(("RESCUE_TAU",), ("unread",), "immunoglobulin acts for 2 to 4 weeks; nothing was read of the decay"),
    Width(("BLEED_B", "BLEED_RHO"), ("unread",), "a choice"),
)  # fmt: skip
"""The first that fits a set and a name holds."""


def width_of(root: str, name: str) -> Width | None:
    """The width of an assumed number of a set that is, or changes, the set ``root`` of the catalogue; None where the
    table does not have it. Of a set that changes none ("") only what is fixed by definition is known.
    """
    known = (w for w in WIDTHS if root or (w.fixed and not w.sets))
    return next((w for w in known if name in w.names and (not w.sets or root.startswith(w.sets))), None)


def widths(parameter_set: ParameterSet) -> dict[str, Width]:
    """The width of every assumed typical value and variance of a set; what the table does not have is of the furthest
    rung: a number of one's own.
    """
    names = [number.name for number in assumed(parameter_set)]
    root = parameter_set.root or ("" if parameter_set.home else parameter_set.id)
    return {name: width_of(root, name) or Width((name,), (UNREAD,), FURTHEST) for name in names}
