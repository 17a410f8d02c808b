"""Hetrombopag in chemotherapy-induced thrombocytopenia: drug as in ITP, a marrow that makes too little, no immunity.

No response rate of a trial was seen, so nothing is fitted: EC50 is that of ITP, the kill constants are those matched to
gemcitabine with platinum. The phase II result known from memory (Qin 2024) is shown beside the prediction, not used.
"""

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.hetrombopag_pk import CORRELATIONS, COVARIATE_EFFECTS, PK, PK_EFFECTS, validity
from cohorts.shared.taken_over import taken_over, without_itp
from cohorts.shared.within_patient import BLEEDING, CHOICE, STEADY

TRIAL = Source(cite.HETROMBOPAG_CIT_2025, "congress abstract, eligibility")
_DRUG = (
    Parameter("BASE", 60.0, "10^9/L", TRIAL, "assumed", note="typical patient only: a count below 75 at entry"),
    *taken_over((Parameter("EC50", 30.0, "ng/mL", CHOICE, "assumed", note="as in ITP: not known in this disease"),)),
    cells.ETA,
)  # fmt: skip

HETROMBOPAG_CIT_QIN_2024 = ParameterSet(
    id="hetrombopag_cit_qin_2024",
    title="Hetrombopag in chemotherapy-induced thrombocytopenia: the mechanism, nothing fitted",
    drug="hetrombopag",
    structure="tpo_mechanism",
    parameters=(
        *PK,
        *_DRUG,
        *without_itp((*cells.TPO, *cells.ARMS, *cells.CELLS)),
        *cells.NO_DESTRUCTION,
        *STEADY,
        *BLEEDING,
    ),
    random_effects=(
        *PK_EFFECTS,
        RandomEffect("EC50", cv_to_variance(80.0), "CV 80 %", CHOICE, "assumed", note="between healthy and ITP"),
        RandomEffect("MMT", cv_to_variance(20.0), "CV 20 %", CHOICE, "assumed", note="class 20 to 56 % of transit"),
        *cells.KILL_EFFECTS,
    ),
    correlations=CORRELATIONS,
    covariate_effects=COVARIATE_EFFECTS,
    validity=validity(
        "adults with solid tumours under chemotherapy",
        (
            Range("AGE", 18.0, 80.0, "y", TRIAL),
            Range("WEIGHT", 39.0, 115.0, "kg", TRIAL),
            Range("BLPLAT", 10.0, 100.0, "10^9/L", TRIAL),
        ),
        15.0,
    ),
    classes=(cells.NONRESPONDERS,),
)
