"""Eltrombopag in Chinese chronic ITP with the empirical structure: the second opinion beside the mechanism.

Kinetics of Gibiansky 2011 with East Asian clearance; platelets as in Hayes 2011 (production and lifespan, an effect
linear in concentration up to 75 mg). The slope and its spread are those that reproduce the published dose simulation in
Chinese patients (Clin Ther 2015): 0.0547 per mg, log SD 1.08, at the exposure of a typical patient. Of this set that
simulation is therefore no prediction.
"""

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, PatientClass, RandomEffect, cv_to_variance
from cohorts.sets.eltrombopag_itp_yang_2016 import ELTROMBOPAG_ITP_YANG_2016
from cohorts.shared.eltrombopag_pk import CHOICE, CORRELATIONS, COVARIATE_EFFECTS, DISPOSITION, FARRELL, PK_EFFECTS
from cohorts.shared.within_patient import BLEEDING, WITHIN

HAYES = Source(cite.HAYES_2011, "KIN for healthy and ITP, as quoted in the model file of Farrell 2014")
CHINA = Source(cite.ELTROMBOPAG_CHINA_2015, "abstract")
SLOPE = "matched: 20, 27, 30, 30 % at 50 to 150 and 1, 4, 10, 16 % above 250 on 12.5, 25, 50, 75 mg"
MATCHED = tuple(
    f"clinther2015_{what}w12_eltrom-{mg}" for what in ("band", "over250") for mg in ("12.5", "25", "50", "75")
)
_KINETICS = tuple(p for p in DISPOSITION if p.name not in ("KD", "KA", "MEAL_KD", "MEAL_BIND"))
_ABSORPTION = (
    Parameter("KA1", 0.333, "1/h", FARRELL, "assumed", "Ka1 0.333 /h", note="liver disease and health, taken for all"),
    Parameter("TSWITCH", 1.46, "h", FARRELL, "assumed", "1.46 h after the dose", note="see KA1"),
    Parameter("KA2", 5.26, "1/h", FARRELL, "assumed", "Ka2 5.26 /h", note="see KA1"),
)
_PLATELETS = (
    Parameter("KIN", 1.43, "10^9/L/h", HAYES, "assumed", "1.43 Gi/L/h", note="the same in health and ITP"),
    Parameter("BASE", 13.0, "10^9/L", CHOICE, "assumed", note="typical patient only; the population has counts"),
    Parameter("MTT", 150.0, "h", CHINA, "derived", "70 to 80 % of steady state by week 2", note="140 to 200 h"),
    Parameter("EMAX", 100.0, "1", CHOICE, "assumed", note="so far above the effect of 75 mg that the effect is linear"),
    Parameter("EC50", 213000.0, "ng/mL", CHINA, "derived", SLOPE, targets=MATCHED,
              note="EMAX over the slope per ng/mL: 0.0547 per mg at 24 h CL of 0.358 L/h, the typical Chinese patient"),
    Parameter("NONRESP", 0.11, "fraction", CHINA, "published", "11 % non-responders",
              note="these patients have EMAX = EMAX_NONRESP"),
    Parameter("EMAX_NONRESP", 0.0, "1", CHOICE, "assumed", note="a non-responder does not respond at all"),
)  # fmt: skip

ELTROMBOPAG_ITP_HAYES_2011 = ParameterSet(
    id="eltrombopag_itp_hayes_2011",
    title="Eltrombopag in Chinese chronic ITP: the empirical structure with a linear effect",
    drug="eltrombopag",
    structure="tmdd_lifespan",
    parameters=(
        ELTROMBOPAG_ITP_YANG_2016.parameter("CL"),
        *_KINETICS,
        *_ABSORPTION,
        *_PLATELETS,
        *WITHIN,
        *BLEEDING,
    ),
    random_effects=(
        *PK_EFFECTS,
        RandomEffect("EC50", 1.08**2, "log SD 1.08", CHINA, "derived", targets=MATCHED, note=SLOPE),
        RandomEffect("MTT", cv_to_variance(30.0), "CV 30 %", CHOICE, "assumed", note="class 20 to 56 %"),
    ),
    correlations=CORRELATIONS,
    covariate_effects=COVARIATE_EFFECTS,
    validity=ELTROMBOPAG_ITP_YANG_2016.validity,
    classes=(PatientClass("nonresponder", "NONRESP", "EMAX", "EMAX_NONRESP"),),
)
