"""Avatrombopag in chronic ITP: published kinetics, the patients of eltrombopag, an effect calibrated on phase II.

The half-effect begins where the labelled start dose of 20 mg occupies the receptor as much as that of eltrombopag,
50 mg, does at the mean exposures of the trial populations. Study 302 is a prediction.
"""

from dataclasses import replace

from cohorts import references as cite
from cohorts.calibration import calibrated, read_calibration
from cohorts.citations import Source
from cohorts.parameters import Parameter, RandomEffect, ValidityDomain, cv_to_variance
from cohorts.sets.eltrombopag_itp_bussel_2007 import ELTROMBOPAG_ITP_BUSSEL_2007
from cohorts.shared.eltrombopag_pk import CHOICE, proportional
from cohorts.shared.taken_over import as_assumed
from cohorts.shared.thrombopoiesis import SPLENECTOMY

LABEL = Source(cite.AVATROMBOPAG_LABEL, "section 12.3")
ONE = "one compartment is printed; so small that it does nothing"
NO_FOOD = "food does not change the exposure"
LINEAR = "no target-mediated part is known; so small that disposition is linear"
CL_OF_TRIAL = 0.79
"""Geometric mean clearance of the international population over that of a man of 70 kg: sex, weight, steroid."""
_EQUIVALENT = (
    ELTROMBOPAG_ITP_BUSSEL_2007.value("EC50")
    * (20.0 / 6.9)
    / (50.0 / (CL_OF_TRIAL * ELTROMBOPAG_ITP_BUSSEL_2007.value("CL")))
)
_OWN = {
    p.name: p
    for p in (
        Parameter("CL", 6.9, "L/h", LABEL, "published", "CL/F 6.9 L/h"),
        Parameter("VC", 180.0, "L", LABEL, "published", "V/F 180 L"),
        Parameter("Q", 0.01, "L/h", CHOICE, "assumed", note=ONE),
        Parameter("VP", 1.0, "L", CHOICE, "assumed", note=ONE),
        Parameter("LAG", 0.2, "h", CHOICE, "assumed", note="with KD and KA it gives the printed Tmax of 5 to 8 h"),
        Parameter("KD", 0.8, "1/h", CHOICE, "assumed", note="see LAG"),
        Parameter("KA", 0.6, "1/h", CHOICE, "assumed", note="see LAG; 0.582 /h after 1.33 h (Liu 2025)"),
        Parameter("MEAL_KD", 1.0, "1", LABEL, "published", "AUC unchanged by food", note=NO_FOOD),
        Parameter("MEAL_BIND", 0.001, "1/h", LABEL, "derived", "AUC unchanged by food", note=NO_FOOD),
        Parameter("R0", 0.0001, "ng/mL", CHOICE, "assumed", note=LINEAR),
        Parameter("EC50", _EQUIVALENT, "ng/mL", CHOICE, "assumed",
                  note="20 mg of avatrombopag taken as equivalent to 50 mg of eltrombopag, the labelled start doses"),
    )
}  # fmt: skip

# Starting values; the fitted ones stand in avatrombopag_itp_jurczak_2018.calibration.json.
_START = replace(
    ELTROMBOPAG_ITP_BUSSEL_2007,
    id="avatrombopag_itp_jurczak_2018",
    title="Avatrombopag in chronic ITP: published kinetics, effect calibrated on the four doses of phase II",
    drug="avatrombopag",
    parameters=tuple(_OWN.get(p.name, as_assumed(p)) for p in proportional(ELTROMBOPAG_ITP_BUSSEL_2007)),
    random_effects=(
        RandomEffect("CL", cv_to_variance(29.0), "CV 29 %", LABEL, "published"),
        RandomEffect("VC", cv_to_variance(25.0), "CV 25 %", LABEL, "published"),
        *(as_assumed(e) for e in ELTROMBOPAG_ITP_BUSSEL_2007.random_effects if e.parameter not in ("CL", "VC")),
    ),
    correlations=(),
    covariate_effects=(SPLENECTOMY,),
    validity=ValidityDomain(
        "adults with chronic ITP", ELTROMBOPAG_ITP_BUSSEL_2007.validity.ranges, 2.5, 60.0, "once daily", LABEL
    ),
)

AVATROMBOPAG_ITP_JURCZAK_2018 = calibrated(_START, read_calibration(_START.id))
