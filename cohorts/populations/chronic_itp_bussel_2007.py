"""Adults with chronic immune thrombocytopenia in the international trials of eltrombopag and avatrombopag.

TRA100773A (Bussel 2007), RAISE (Cheng 2011) and study 302 (Jurczak 2018) share this population: their baseline tables
were not readable, their abstracts agree. Age and sex follow a Canadian registry of primary ITP; counts, splenectomy and
concomitant drugs the congress abstract of RAISE (about half at 15 or less, about 35 % and about 50 %). The duration of
ITP has the law of the Chinese phase III trial, for want of another.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.populations.chronic_itp_mei_2021 import CHRONIC_ITP_MEI_2021
from cohorts.references import ARNOLD_2017, CHENG_2011, GIBIANSKY_2011

MCMASTER = Source(ARNOLD_2017, "Table 2, primary ITP, n = 269")
RAISE = Source(CHENG_2011, "congress abstract, baseline of both arms")
WEIGHTS = Source(GIBIANSKY_2011, "abstract, weights of 199 subjects")
CHOICE = Source(THIS_ENGINE, "assumed")
SPLENECTOMY = "about 35 % splenectomised"
_SHARED = ("ITPDUR_SHORT", "ITPDUR_LOW", "ITPDUR_05_1", "ITPDUR_1_3", "ITPDUR_3_5", "ITPDUR_TAIL", "CORR_AGE_ITPDUR")

WESTERN_BUILD = (
    Parameter("HEIGHT_F", 163.0, "cm", CHOICE, "assumed", note="adults of Europe and North America"),
    Parameter("HEIGHT_M", 176.0, "cm", CHOICE, "assumed", note="adults of Europe and North America"),
    Parameter("HEIGHT_SD", 7.0, "cm", CHOICE, "assumed", note="within one sex"),
    Parameter("HEIGHT_LOW", 140.0, "cm", CHOICE, "assumed", note="more than 3 SD below the mean of women"),
    Parameter("HEIGHT_HIGH", 205.0, "cm", CHOICE, "assumed", note="more than 4 SD above the mean of men"),
    Parameter("BMI", 27.0, "kg/m2", CHOICE, "assumed", note="median; gives a median weight of 76 kg"),
    Parameter("BMI_LOG_SD", 0.19, "1", WEIGHTS, "derived", "weight 43 to 122 kg",
              note="with the heights above, 98 % of weights lie about inside this range"),
    Parameter("BMI_LOW", 15.0, "kg/m2", CHOICE, "assumed", note="3 SD below the median"),
    Parameter("BMI_HIGH", 48.0, "kg/m2", CHOICE, "assumed", note="3 SD above the median"),
)  # fmt: skip
_DEMOGRAPHY = (
    Parameter("AGE", 42.8, "y", MCMASTER, "derived", "median 50, quartiles 33 and 64",
              note="mean before truncation; cut to 18 to 88 y the quartiles are 34, 49 and 65"),
    Parameter("AGE_SD", 36.0, "y", MCMASTER, "derived", "median 50, quartiles 33 and 64", note="before truncation"),
    Parameter("AGE_LOW", 18.0, "y", CHOICE, "assumed", note="the trials enrolled adults"),
    Parameter("AGE_HIGH", 88.0, "y", CHOICE, "assumed", note="first age that does not occur"),
    Parameter("FEMALE", 168 / 269, "fraction", MCMASTER, "published", "168/269"),
)  # fmt: skip
_DISEASE = (
    *(p for p in CHRONIC_ITP_MEI_2021.parameters if p.name in _SHARED),
    Parameter("SPLEN_0_1", 0.15, "fraction", RAISE, "derived", SPLENECTOMY,
              note="the rise with duration is assumed (surgery is offered late); the four shares give 35 % overall"),
    Parameter("SPLEN_1_3", 0.27, "fraction", RAISE, "derived", SPLENECTOMY, note="see SPLEN_0_1"),
    Parameter("SPLEN_3_5", 0.37, "fraction", RAISE, "derived", SPLENECTOMY, note="see SPLEN_0_1"),
    Parameter("SPLEN_5_UP", 0.51, "fraction", RAISE, "derived", SPLENECTOMY, note="see SPLEN_0_1"),
    Parameter("CONITP", 0.5, "fraction", RAISE, "published", "about 50 % with concomitant ITP drugs"),
)  # fmt: skip
_PLATELETS = (
    Parameter("PLT", 28.0, "10^9/L", RAISE, "derived", "about 50 % at 15 or less, all below 30",
              note="median of all candidates; cut below 30 it gives a median of 16 and 49 % at 15 or less"),
    Parameter("PLT_LOG_SD", 0.9, "1", CHOICE, "assumed",
              note="log SD of the measured count; with PLT it gives the share at 15 or less"),
)  # fmt: skip

CHRONIC_ITP_BUSSEL_2007 = Population(
    id="chronic_itp_bussel_2007",
    title="Adults with chronic ITP in the international trials, screened for a count below 30",
    parameters=(*_DEMOGRAPHY, *WESTERN_BUILD, *_DISEASE, *_PLATELETS),
)
