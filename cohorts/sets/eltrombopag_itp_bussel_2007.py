"""Eltrombopag in chronic ITP outside East Asia: the mechanism; half-effect and its spread calibrated on TRA100773A."""

from cohorts import references as cite
from cohorts.calibration import calibrated, read_calibration
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.eltrombopag_pk import (
    CORRELATIONS,
    COVARIATE_EFFECTS,
    DISPOSITION,
    GIBIANSKY,
    LABEL,
    PK_EFFECTS,
    validity,
)
from cohorts.shared.moving_disease import REMISSION
from cohorts.shared.taken_over import taken_over
from cohorts.shared.within_patient import BLEEDING, CHOICE, WITHIN

BUSSEL = Source(cite.BUSSEL_2007, "abstract")
KINETIC = ("uslabel_auctau_eltrom-30", "uslabel_auctau_eltrom-50", "uslabel_auctau_eltrom-75")
_PK = (
    Parameter("CL", 0.668, "L/h", GIBIANSKY, "published", "CL/F 0.668 L/h",
              note="of a man of 70 kg without steroid, taken for 50 mg"),
    Parameter("F_EXP", 0.40, "1", LABEL, "derived", "AUC 47, 108, 168 ug h/mL at 30, 50, 75 mg", targets=KINETIC,
              note="slope of ln(AUC / dose) on ln dose; Gibiansky 2011 agrees: CL/F 68 %, Vc/F 55 % higher at 20 mg or "
              "less, as F falling with exponent 0.42 from 50 to 15 mg; East Asian exposures are proportional"),
    Parameter("F_REF", 50.0, "mg", CHOICE, "assumed", note="the dose for which CL/F is taken"),
)  # fmt: skip
# Starting values; the fitted ones stand in eltrombopag_itp_bussel_2007.calibration.json.
_DRUG = (
    Parameter("BASE", 16.0, "10^9/L", BUSSEL, "derived", "median count 16 on placebo, day 43",
              note="typical patient only; in a cohort every patient has a true count, drawn by the population"),
    Parameter("EC50", 4500.0, "ng/mL", CHOICE, "assumed", note="no prior value; mean concentration at 50 mg"),
    cells.ETA,
)  # fmt: skip
_ITP = tuple(p for p in cells.ITP if p.name != "NONRESP")
_NONRESP = Parameter(
    "NONRESP",
    0.19,
    "fraction",
    Source(cite.HAYES_2011, "abstract"),
    "published",
    "19 % non-responders",
    note="these patients have ETA = ETA_NONRESP",
)

ELTROMBOPAG_ITP_BUSSEL_2007 = calibrated(
    ParameterSet(
        id="eltrombopag_itp_bussel_2007",
        title="Eltrombopag in chronic ITP outside East Asia: the mechanism, calibrated on TRA100773A",
        drug="eltrombopag",
        structure="tpo_mechanism",
        parameters=(
            *_PK,
            *DISPOSITION,
            *_DRUG,
            *taken_over((*cells.TPO, *cells.ARMS, *cells.CELLS)),
            *_ITP,
            _NONRESP,
            *taken_over((*WITHIN, *REMISSION)),
            *BLEEDING,
        ),
        random_effects=(
            *PK_EFFECTS,
            RandomEffect(
                "EC50",
                0.8,
                "log-scale variance",
                CHOICE,
                "assumed",
                note="class: variance of the slope 0.29 in liver disease to 1.2 in ITP",
            ),
            RandomEffect("MMT", cv_to_variance(30.0), "CV 30 %", CHOICE, "assumed", note="class 20 to 56 %"),
        ),
        correlations=CORRELATIONS,
        covariate_effects=(*COVARIATE_EFFECTS, cells.SPLENECTOMY),
        validity=validity(
            "adults with chronic ITP",
            (
                Range("AGE", 18.0, 90.0, "y", BUSSEL),
                Range("WEIGHT", 43.0, 122.0, "kg", Source(cite.GIBIANSKY_2011, "abstract")),
                Range("BLPLAT", 1.0, 30.0, "10^9/L", BUSSEL),
            ),
        ),
        classes=cells.ITP_CLASSES,
    ),
    read_calibration("eltrombopag_itp_bussel_2007"),
)
