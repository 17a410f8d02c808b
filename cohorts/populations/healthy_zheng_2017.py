"""Healthy Chinese men as enrolled in the first studies of hetrombopag (Zheng 2017, NCT01830660).

The registry gives the limits: men of 18 to 45 y, BMI 19 to 28, at least 50 kg. The centres of age and BMI are assumed.
Counts follow the reference interval of healthy Chinese adults.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.references import HONG_2015, NCD_RISC_2016, ZHENG_2017

REGISTRY = Source(ZHENG_2017, "registry NCT01830660")
CHINESE_HEIGHT = Source(NCD_RISC_2016, "China, born 1996: men 171.8, women 160.0 cm")
REFERENCE_INTERVAL = Source(HONG_2015, "abstract")
CHOICE = Source(THIS_ENGINE, "assumed")
LIMITS = "men of 18 to 45 y, BMI 19 to 28 kg/m2, weight 50 kg or more"

DEMOGRAPHY = (
    Parameter("AGE", 27.0, "y", CHOICE, "assumed", note="mean before truncation; phase I units enrol the young"),
    Parameter("AGE_SD", 7.0, "y", CHOICE, "assumed", note="before truncation"),
    Parameter("AGE_LOW", 18.0, "y", REGISTRY, "published", LIMITS),
    Parameter("AGE_HIGH", 46.0, "y", REGISTRY, "derived", LIMITS, note="first age that does not occur"),
    Parameter("FEMALE", 0.0, "fraction", REGISTRY, "published", LIMITS),
    Parameter("HEIGHT_F", 160.0, "cm", CHINESE_HEIGHT, "published", "mean height of women", note="nobody here"),
    Parameter("HEIGHT_M", 171.8, "cm", CHINESE_HEIGHT, "published", "mean height of men"),
    Parameter("HEIGHT_SD", 5.5, "cm", CHOICE, "assumed", note="within one sex, as in chronic_itp_mei_2021"),
    Parameter("HEIGHT_LOW", 150.0, "cm", CHOICE, "assumed", note="4 SD below the mean"),
    Parameter("HEIGHT_HIGH", 194.0, "cm", CHOICE, "assumed", note="4 SD above the mean"),
    Parameter("BMI", 22.0, "kg/m2", CHOICE, "assumed", note="before truncation; below the middle of 19 to 28"),
    Parameter("BMI_LOG_SD", 0.12, "1", CHOICE, "assumed", note="before truncation"),
    Parameter("BMI_LOW", 19.0, "kg/m2", REGISTRY, "published", LIMITS),
    Parameter("BMI_HIGH", 28.0, "kg/m2", REGISTRY, "published", LIMITS),
    Parameter("WEIGHT_LOW", 50.0, "kg", REGISTRY, "published", LIMITS),
)  # fmt: skip
_PLATELETS = (
    Parameter("PLT", 228.0, "10^9/L", REFERENCE_INTERVAL, "derived", "reference interval 127 to 341",
              note="read as mean 234 and SD 54.6 (mean +- 1.96 SD); median of the log-normal law with these two"),
    Parameter("PLT_LOG_SD", 0.230, "1", REFERENCE_INTERVAL, "derived", "reference interval 127 to 341",
              note="coefficient of variation 54.6/234; log SD of the measured count, fluctuation and assay included"),
)  # fmt: skip

HEALTHY_ZHENG_2017 = Population(
    id="healthy_zheng_2017",
    title="Healthy Chinese men of 18 to 45 years",
    parameters=(*DEMOGRAPHY, *_PLATELETS),
    disease="none",
)
