"""Pharmacokinetics of hetrombopag for ``tpo_mechanism``, shared by its parameter sets.

What is published is that of ``hetrombopag_wang_2022``. The rest is chosen so that the typical man matches what is
printed of healthy men and of food: Tmax, half-life, dose proportionality (Zheng 2017), a meal with the dose (food study
2020), a meal 1 or 2 h after it (Yang 2020, the reference of a standard meal at 4 h taken as without effect).
"""

from cohorts import references as cite
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import Parameter, Range, ValidityDomain
from cohorts.sets.hetrombopag_wang_2022 import CORRELATIONS, COVARIATE_EFFECTS, PK_EFFECTS, PUBLISHED_PK

CHOICE = Source(THIS_ENGINE, "assumed")
MATCHED = (
    "chosen so that the typical man shows what is printed of healthy men (Tmax about 8 h, half-life 11.9 to 40.1 h, "
    "Cmax proportional and AUC more than proportional to dose) and of meals; not identified by these data"
)
FED = Source(cite.FOOD_2020, "abstract")
PK = (
    *PUBLISHED_PK,
    Parameter("Q", 3.096, "L/h", CHOICE, "assumed", note=MATCHED),
    Parameter("VP", 162.4, "L", CHOICE, "assumed", note=MATCHED),
    Parameter("LAG", 0.05, "h", CHOICE, "assumed", note=MATCHED),
    Parameter("KD", 0.3488, "1/h", CHOICE, "assumed", note=f"from the upper gut, where a meal binds it; {MATCHED}"),
    Parameter("KA", 0.0925, "1/h", CHOICE, "assumed", note=f"into plasma; {MATCHED}"),
    Parameter("MEAL_KD", 0.5, "1", FED, "derived", "first-site absorption rate constant about half when fed"),
    Parameter("MEAL_BIND", 2.973, "1/h", FED, "derived", "matched: AUC -98.7 %, Cmax -95.0 % with a high-fat breakfast",
              note="binding by food and cations in the upper gut; matched with KD and KA; no single value meets both"),
    Parameter("R0", 0.3567, "ng/mL", CHOICE, "assumed", note=f"target without drug, as drug equivalents; {MATCHED}"),
    Parameter("KSS", 0.0203, "ng/mL", CHOICE, "assumed", note=f"quasi-steady-state constant; {MATCHED}"),
    Parameter("KINT", 2.471, "1/h", CHOICE, "assumed", note=f"internalisation of the complex; {MATCHED}"),
)  # fmt: skip
ZHENG = Source(cite.ZHENG_2017, "abstract")


def validity(population: str, ranges: tuple[Range, ...], dose_high_mg: float) -> ValidityDomain:
    """Once-daily doses from 2.5 mg; the lowest dose ever given."""
    return ValidityDomain(population, ranges, 2.5, dose_high_mg, "once daily", ZHENG)


__all__ = ["CORRELATIONS", "COVARIATE_EFFECTS", "PK", "PK_EFFECTS", "validity"]
