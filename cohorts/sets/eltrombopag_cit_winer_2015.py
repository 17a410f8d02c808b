"""Eltrombopag with gemcitabine, with or without platinum: drug as calibrated in ITP, kill matched to placebo."""

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.eltrombopag_pk import (
    CORRELATIONS,
    DISPOSITION,
    GIBIANSKY,
    PK_EFFECTS,
    SEX_ON_CL,
    WEIGHT_ON_CL,
    validity,
)
from cohorts.shared.taken_over import without_itp
from cohorts.shared.within_patient import BLEEDING, CHOICE, STEADY

WINER = Source(cite.WINER_2015, "abstract")
_DRUG = (
    Parameter("CL", 0.668, "L/h", GIBIANSKY, "assumed", "CL/F 0.668 L/h",
              note="of a man of 70 kg with ITP, taken for cancer"),
    Parameter("BASE", 230.0, "10^9/L", WINER, "assumed", note="typical patient only: a count of 100 or more at entry"),
    Parameter("EC50", 5102.6, "ng/mL", CHOICE, "assumed",
              note="as calibrated on TRA100773A until 0.4, together with the largest drive that is used here"),
    cells.ETA,
)  # fmt: skip

ELTROMBOPAG_CIT_WINER_2015 = ParameterSet(
    id="eltrombopag_cit_winer_2015",
    title="Eltrombopag with gemcitabine-based chemotherapy: the mechanism, kill matched to the placebo nadirs",
    drug="eltrombopag",
    structure="tpo_mechanism",
    parameters=(
        *DISPOSITION,
        *_DRUG,
        *without_itp((*cells.TPO, *cells.ARMS, *cells.CELLS)),
        *cells.NO_DESTRUCTION,
        *STEADY,
        *BLEEDING,
    ),
    random_effects=(
        *PK_EFFECTS,
        RandomEffect("EC50", cv_to_variance(80.0), "CV 80 %", CHOICE, "assumed", note="between healthy and ITP"),
        RandomEffect("MMT", cv_to_variance(20.0), "CV 20 %", CHOICE, "assumed", note="class 20 to 56 %"),
        *cells.KILL_EFFECTS,
    ),
    correlations=CORRELATIONS,
    covariate_effects=(SEX_ON_CL, WEIGHT_ON_CL),
    validity=validity(
        "adults with solid tumours under gemcitabine",
        (
            Range("AGE", 18.0, 85.0, "y", WINER),
            Range("WEIGHT", 40.0, 130.0, "kg", WINER),
            Range("BLPLAT", 100.0, 600.0, "10^9/L", WINER),
        ),
    ),
    classes=(cells.NONRESPONDERS,),
)
