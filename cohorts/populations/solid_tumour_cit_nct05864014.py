"""Chinese adults with a solid tumour whose chemotherapy is late because of a low count (NCT05864014).

The congress abstract gives the median age (61), the count of eligibility (below 75), the share at 50 or more (79.3 %)
and the tumours (gastric 36.2 %, colorectal 46.9 %). Sex, height and BMI are assumed.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.references import HETROMBOPAG_CIT_2025

ABSTRACT = Source(HETROMBOPAG_CIT_2025, "abstract")
CHOICE = Source(THIS_ENGINE, "assumed")

_DEMOGRAPHY = (
    Parameter("AGE", 61.0, "y", ABSTRACT, "derived", "median 61.0", note="mean before truncation, near the median"),
    Parameter("AGE_SD", 10.0, "y", CHOICE, "assumed", note="before truncation"),
    Parameter("AGE_LOW", 18.0, "y", CHOICE, "assumed", note="the trial enrolled adults"),
    Parameter("AGE_HIGH", 86.0, "y", CHOICE, "assumed", note="first age that does not occur; symmetric about the mean "
              "but for the youngest"),
    Parameter("FEMALE", 0.38, "fraction", CHOICE, "assumed",
              note="gastric and colorectal tumours are commoner in men"),
    Parameter("HEIGHT_F", 157.0, "cm", CHOICE, "assumed", note="women of about 60 y, China"),
    Parameter("HEIGHT_M", 168.0, "cm", CHOICE, "assumed", note="men of about 60 y, China"),
    Parameter("HEIGHT_SD", 5.5, "cm", CHOICE, "assumed", note="within one sex, as in chronic_itp_mei_2021"),
    Parameter("HEIGHT_LOW", 140.0, "cm", CHOICE, "assumed", note="3 SD below the mean of women"),
    Parameter("HEIGHT_HIGH", 188.0, "cm", CHOICE, "assumed", note="more than 3 SD above the mean of men"),
    Parameter("BMI", 22.5, "kg/m2", CHOICE, "assumed", note="median, same law in both sexes"),
    Parameter("BMI_LOG_SD", 0.13, "1", CHOICE, "assumed", note="before truncation"),
    Parameter("BMI_LOW", 15.5, "kg/m2", CHOICE, "assumed", note="about 3 SD below the median"),
    Parameter("BMI_HIGH", 33.0, "kg/m2", CHOICE, "assumed", note="about 3 SD above the median"),
)  # fmt: skip
_PLATELETS = (
    Parameter("PLT", 70.6, "10^9/L", ABSTRACT, "derived", "79.3 % at 50 or more, all below 75",
              note="median of all candidates; cut below 75 it gives 79.3 % at 50 or more"),
    Parameter("PLT_LOG_SD", 0.30, "1", CHOICE, "assumed",
              note="log SD of the measured count; with PLT it gives the share at 50 or more"),
)  # fmt: skip

SOLID_TUMOUR_CIT_NCT05864014 = Population(
    id="solid_tumour_cit_nct05864014",
    title="Chinese adults with a solid tumour and a count below 75 after chemotherapy",
    parameters=(*_DEMOGRAPHY, *_PLATELETS),
    disease="none",
)
