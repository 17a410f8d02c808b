"""Eltrombopag in healthy Japanese volunteers: the mechanism; half-effect matched to ten days of 50 mg."""

from cohorts import references as cite
from cohorts.citations import Source
from cohorts.parameters import CovariateEffect, Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.eltrombopag_pk import CORRELATIONS, DISPOSITION, GIBIANSKY, LABEL, PK_EFFECTS, validity
from cohorts.shared.taken_over import without_itp
from cohorts.shared.within_patient import BLEEDING, CHOICE, STEADY

JAPAN = Source(cite.ELTROMBOPAG_JAPAN_2011, "abstract")
_DRUG = (
    Parameter("CL", 0.668 * 1.17 / 1.87, "L/h", LABEL, "derived",
              "CL/F 0.668 L/h, healthy +17 % (Gibiansky 2011); AUC of East Asians 1.87 times, not adjusted for weight",
              targets=("japan2011_auctau_eltrom-25", "japan2011_auctau_eltrom-50", "japan2011_auctau_eltrom-75"),
              note="of a healthy East Asian man of 62 kg"),
    Parameter("BASE", 230.0, "10^9/L", Source(cite.FARRELL_2014, "healthy, as quoted in the model file"), "assumed",
              "230 in healthy volunteers", note="typical volunteer only; each has a count of the population"),
    Parameter("EC50", 32250.0, "ng/mL", JAPAN, "derived", "matched: mean largest rise 72 % with 50 mg for 10 days",
              targets=("japan2011_maxrise_eltrom-50",), note="mean of the virtual volunteers, by bisection"),
    cells.ETA,
)  # fmt: skip

ELTROMBOPAG_HEALTHY_JSCPT_2011 = ParameterSet(
    id="eltrombopag_healthy_jscpt_2011",
    title="Eltrombopag in healthy Japanese men: the mechanism, half-effect matched to ten days of 50 mg",
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
        RandomEffect(
            "EC50", cv_to_variance(50.0), "CV 50 %", CHOICE, "assumed", note="slope in liver disease and health 54 %"
        ),
        RandomEffect("MMT", cv_to_variance(20.0), "CV 20 %", CHOICE, "assumed", note="class 20 to 56 %"),
    ),
    correlations=CORRELATIONS,
    covariate_effects=(
        CovariateEffect("CL", "WEIGHT", "power", 0.618, 62.0, GIBIANSKY, "derived", "43 to 122 kg: -26 to +41 %"),
    ),
    validity=validity(
        "healthy East Asian adults",
        (
            Range("AGE", 18.0, 60.0, "y", JAPAN),
            Range("WEIGHT", 45.0, 90.0, "kg", JAPAN),
            Range("BLPLAT", 100.0, 350.0, "10^9/L", JAPAN),
        ),
    ),
    classes=(cells.NONRESPONDERS,),
)
