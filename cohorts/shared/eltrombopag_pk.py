"""Pharmacokinetics of eltrombopag for ``tpo_mechanism``: Gibiansky 2011, linear, two compartments.

The two depots stand for the dual sequential absorption; the target takes up practically nothing (R0).
"""

from cohorts import references as cite
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import (
    Correlation,
    CovariateEffect,
    Parameter,
    ParameterSet,
    RandomEffect,
    Range,
    ValidityDomain,
)

GIBIANSKY = Source(cite.GIBIANSKY_2011, "abstract")
FARRELL = Source(cite.FARRELL_2014, "Table 3")
LABEL = Source(cite.ELTROMBOPAG_LABEL, "section 12.3")
CHOICE = Source(THIS_ENGINE, "assumed")
LINEAR = "no target-mediated part is known; so small that disposition is linear"

DISPOSITION = (
    Parameter("VC", 8.76, "L", GIBIANSKY, "published", "Vc/F 8.76 L"),
    Parameter("Q", 0.399, "L/h", GIBIANSKY, "published", "Q/F 0.399 L/h"),
    Parameter("VP", 11.3, "L", GIBIANSKY, "published", "Vp/F 11.3 L"),
    Parameter("LAG", 0.447, "h", FARRELL, "assumed", "lag 0.447 h", note="liver disease and health, taken for all"),
    Parameter("KD", 0.7, "1/h", CHOICE, "assumed", note="with KA it gives the printed Tmax of 2 to 6 h"),
    Parameter("KA", 1.5, "1/h", CHOICE, "assumed", note="see KD"),
    Parameter("MEAL_KD", 0.7, "1", CHOICE, "assumed", note="Cmax falls more (0.35) than AUC (0.41) with a meal"),
    Parameter("MEAL_BIND", 0.705, "1/h", LABEL, "derived", "matched: AUC ratio 0.41 with a high-fat, high-calcium meal",
              note="MEAL_KD KD (1 - 0.41) / 0.41"),
    Parameter("R0", 0.001, "ng/mL", CHOICE, "assumed", note=LINEAR),
    Parameter("KDEG_T", 0.693, "1/h", CHOICE, "assumed", note=LINEAR),
    Parameter("KSS", 1.0, "ng/mL", CHOICE, "assumed", note=LINEAR),
    Parameter("KINT", 0.5, "1/h", CHOICE, "assumed", note=LINEAR),
)  # fmt: skip
PK_EFFECTS = (
    RandomEffect("CL", 0.161, "variance 0.161", FARRELL, "assumed", note="liver disease and health, taken for all"),
    RandomEffect("VC", 0.233, "variance 0.233", FARRELL, "assumed", note="liver disease and health, taken for all"),
)
CORRELATIONS = (
    Correlation("CL", "VC", 0.55, FARRELL, "assumed", "covariance 0.106, variances 0.161 and 0.233"),
)  # fmt: skip
SEX_ON_CL = CovariateEffect("CL", "SEX", "factor", 0.81, "M", GIBIANSKY, "published", "female -19 %")
WEIGHT_ON_CL = CovariateEffect(
    "CL", "WEIGHT", "power", 0.618, 70.0, GIBIANSKY, "derived", "43 to 122 kg: -26 to +41 % of a man of 70 kg"
)
STEROID_ON_CL = CovariateEffect(
    "CL", "CONITPFL", "factor", 0.74, "N", GIBIANSKY, "assumed",
    "corticosteroid -26 %; every concomitant ITP drug taken as one",
)  # fmt: skip
COVARIATE_EFFECTS = (SEX_ON_CL, WEIGHT_ON_CL, STEROID_ON_CL)


def proportional(chosen: ParameterSet) -> tuple[Parameter, ...]:
    """The parameters of a set for a drug, or for people, whose exposure is proportional to the dose."""
    return tuple(p for p in chosen.parameters if p.name not in ("F_EXP", "F_REF"))


def validity(population: str, ranges: tuple[Range, ...]) -> ValidityDomain:
    """Once-daily doses from 12.5 to 100 mg."""
    return ValidityDomain(population, ranges, 12.5, 100.0, "once daily", LABEL)
