"""Hetrombopag in healthy volunteers with the mechanism. Nothing but the half-effect of the drug differs from ITP.

EC50 is matched to the one platelet result printed of healthy volunteers: a mean of +15.8 % on day 6 after a single
dose of 7.5 mg (Yang 2020). It is 5 times the EC50 calibrated in ITP: healthy people and patients do not share one
drug effect, as in the other drugs of the class. The effect grows with the square of the concentration, so that
repeated doses raise healthy counts implausibly: a single dose is what the set is for.
"""

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.hetrombopag_pk import CORRELATIONS, COVARIATE_EFFECTS, PK, PK_EFFECTS, ZHENG, validity
from cohorts.shared.taken_over import without_itp
from cohorts.shared.within_patient import BLEEDING, CHOICE, STEADY

_DRUG = (
    Parameter("BASE", 230.0, "10^9/L", Source(cite.FARRELL_2014, "healthy, as quoted in the model file"), "assumed",
              "230 in healthy volunteers", note="typical volunteer only; each has a count of the population"),
    Parameter("EC50", 90.0, "ng/mL", Source(cite.YANG_2020, "abstract, arm A"), "derived",
              "matched: mean +15.8 % on day 6 after 7.5 mg once", targets=("yang2020_chgd5_fasted",),
              note="mean of the virtual volunteers, by bisection; the reference meal at 4 h taken as without effect"),
    cells.ETA,
)  # fmt: skip

HETROMBOPAG_HEALTHY_ZHENG_2017 = ParameterSet(
    id="hetrombopag_healthy_zheng_2017",
    title="Hetrombopag in healthy volunteers: the mechanism, half-effect matched to a single dose",
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
        RandomEffect(
            "EC50",
            cv_to_variance(50.0),
            "CV 50 %",
            CHOICE,
            "assumed",
            note="eltrombopag slope in liver disease and health 54 %",
        ),
        RandomEffect("MMT", cv_to_variance(20.0), "CV 20 %", CHOICE, "assumed", note="class 20 to 56 % of transit"),
    ),
    correlations=CORRELATIONS,
    covariate_effects=COVARIATE_EFFECTS,
    validity=validity(
        "healthy adults",
        (
            Range("AGE", 18.0, 60.0, "y", ZHENG),
            Range("WEIGHT", 45.0, 90.0, "kg", ZHENG),
            Range("BLPLAT", 100.0, 350.0, "10^9/L", ZHENG),
        ),
        40.0,
    ),
    classes=(cells.NONRESPONDERS,),
)
