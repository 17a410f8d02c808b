"""Adults with chronic immune thrombocytopenia as screened for the phase III trial of hetrombopag (Mei 2021).

After screening (age 18 or more, ITP for 0.5 y or more, measured count below 30) the patients reproduce Table 1 of the
trial. The number screened and the reasons of failure are not published: the shares lost for age and duration are
assumed, the share lost for the count (about a third) follows from the shape of the counts below 30. Correlations:
height with sex; weight with height and sex through a BMI of its own; duration with age; splenectomy with duration;
bleeding with the count, through the probit of the parameter set. Concomitant drugs are independent of the rest.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.references import MEI_2021, NCD_RISC_2016

TABLE_1 = Source(MEI_2021, "Table 1")
CHOICE = Source(THIS_ENGINE, "assumed")
POOLED_MEDIAN = "pooled median from the medians of 168, 171 and 85 patients"

_DEMOGRAPHY = (
    Parameter("AGE", 38.5, "y", TABLE_1, "derived", "medians 38, 41, 42; above 65 y 17/424",
              note="mean before truncation; with AGE_SD it gives a median of 40 completed years and 4.0 % above 65"),
    Parameter("AGE_SD", 16.6, "y", TABLE_1, "derived", "medians 38, 41, 42; above 65 y 17/424",
              note="before truncation"),
    Parameter("AGE_LOW", 17.0, "y", CHOICE, "assumed", note="youngest candidate; those of 17 fail screening"),
    Parameter("AGE_HIGH", 75.0, "y", TABLE_1, "derived", "range 18 to 74", note="first age that does not occur"),
    Parameter("FEMALE", 301 / 424, "fraction", TABLE_1, "derived", "122/168, 119/171, 60/85"),
    Parameter("HEIGHT_F", 159.1, "cm", TABLE_1, "derived", "medians 162.5, 161.0, 162.0",
              note=f"{POOLED_MEDIAN} (161.8) with the difference between the sexes below"),
    Parameter("HEIGHT_M", 170.9, "cm", Source(NCD_RISC_2016, "China, born 1996: men 171.8, women 160.0 cm"), "derived",
              "difference 11.8 cm", note="HEIGHT_F + 11.8 cm"),
    Parameter("HEIGHT_SD", 5.5, "cm", CHOICE, "assumed", note="within one sex; gives the printed range"),
    Parameter("HEIGHT_LOW", 147.0, "cm", TABLE_1, "published", "range 147.0 to 185.5"),
    Parameter("HEIGHT_HIGH", 185.5, "cm", TABLE_1, "published", "range 147.0 to 185.5"),
    Parameter("BMI", 23.7, "kg/m2", TABLE_1, "derived", "medians 23.4, 24.4, 23.6; weight 61.0, 62.5, 63.0",
              note="between the pooled medians of BMI (23.8) and of weight over height squared (23.7); same law in "
              "both sexes"),
    Parameter("BMI_LOG_SD", 0.14, "1", TABLE_1, "derived", "range 16.9 to 37.6",
              note="the printed range as about 3 SD either side, as expected of 424 patients"),
    Parameter("BMI_LOW", 16.9, "kg/m2", TABLE_1, "published", "range 16.9 to 37.6"),
    Parameter("BMI_HIGH", 37.6, "kg/m2", TABLE_1, "published", "range 16.9 to 37.6"),
)  # fmt: skip
_DISEASE = (
    Parameter("ITPDUR_SHORT", 0.04, "fraction", CHOICE, "assumed", note="share of candidates with less than 0.5 y"),
    Parameter("ITPDUR_LOW", 0.25, "y", CHOICE, "assumed", note="shortest duration of a candidate"),
    Parameter("ITPDUR_05_1", 80 / 424, "fraction", TABLE_1, "derived", "32/168, 35/171, 13/85"),
    Parameter("ITPDUR_1_3", 128 / 424, "fraction", TABLE_1, "derived", "53/168, 56/171, 19/85"),
    Parameter("ITPDUR_3_5", 61 / 424, "fraction", TABLE_1, "derived", "31/168, 16/171, 14/85",
              note="the rest is 5 y or more"),
    Parameter("ITPDUR_TAIL", 6.0, "y", CHOICE, "assumed",
              note="mean time beyond 5 y, before the cut at onset after age 1"),
    Parameter("CORR_AGE_ITPDUR", 0.3, "1", CHOICE, "assumed",
              note="Gaussian copula; older patients have had more time"),
    Parameter("SPLEN_0_1", 0.02, "fraction", TABLE_1, "derived", "splenectomy 14/168, 15/171, 4/85",
              note="the rise with duration is assumed (surgery is offered late); the four shares give 7.8 % overall"),
    Parameter("SPLEN_1_3", 0.05, "fraction", TABLE_1, "derived", "splenectomy 14/168, 15/171, 4/85",
              note="see SPLEN_0_1"),
    Parameter("SPLEN_3_5", 0.08, "fraction", TABLE_1, "derived", "splenectomy 14/168, 15/171, 4/85",
              note="see SPLEN_0_1"),
    Parameter("SPLEN_5_UP", 0.13, "fraction", TABLE_1, "derived", "splenectomy 14/168, 15/171, 4/85",
              note="see SPLEN_0_1"),
    Parameter("CONITP", 419 / 424, "fraction", TABLE_1, "derived", "168/168, 168/171, 83/85"),
)  # fmt: skip
_PLATELETS = (
    Parameter("PLT", 20.0, "10^9/L", TABLE_1, "derived", "median 13 (range 1 to 29); below 10: 157/424",
              note="median of all candidates; cut below 30 it gives a median of 13 and 35 % below 10"),
    Parameter("PLT_LOG_SD", 1.0, "1", TABLE_1, "derived", "median 13 (range 1 to 29); below 10: 157/424",
              note="log SD of the measured count: sqrt(sd(BASE)^2 + FLUCT_SD^2 + ln(1 + ASSAY_CV^2))"),
)  # fmt: skip

CHRONIC_ITP_MEI_2021 = Population(
    id="chronic_itp_mei_2021",
    title="Chinese adults with chronic ITP, relapsed or refractory, screened for a count below 30",
    parameters=(*_DEMOGRAPHY, *_DISEASE, *_PLATELETS),
)
