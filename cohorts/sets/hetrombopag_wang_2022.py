"""Hetrombopag: target-mediated disposition and a lifespan model of platelets (Wang 2022), completed for chronic ITP.

Three numbers and their variability are published (CL/F, Vc/F, target degradation). The rest of the PK is chosen so
that the typical man matches the features printed for healthy men (Zheng 2017); the data do not identify it. The PD is
borrowed from other drugs of the class, and what decides the size and spread of the response is calibrated on the
phase III trial (Mei 2021); those values stand in hetrombopag_wang_2022.calibration.json. Clearances and volumes are
apparent (divided by F); concentrations are free drug in the model's sense, not unbound drug.
"""

from cohorts import references as cite
from cohorts.calibration import calibrated, read_calibration
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import (
    Correlation,
    CovariateEffect,
    Parameter,
    ParameterSet,
    PatientClass,
    RandomEffect,
    Range,
    ValidityDomain,
    cv_to_variance,
)
from cohorts.shared.within_patient import BLEEDING, WITHIN

WANG = Source(cite.WANG_2022, "abstract")
ZHENG = Source(cite.ZHENG_2017, "abstract")
HAYES = Source(cite.HAYES_2011, "KIN for healthy and ITP, as quoted in the model file of Farrell 2014")
FARRELL_PK = Source(cite.FARRELL_2014, "Table 3")
PETROV = Source(cite.PETROV_2024, "model code: Emax 9")
TABLE_1 = Source(cite.MEI_2021, "Table 1")
CHOICE = Source(THIS_ENGINE, "assumed")
MATCHED = (
    "chosen so that the typical man shows what Zheng 2017 prints of healthy men: Tmax about 8 h, half-life 11.9 to "
    "40.1 h rising with dose, Cmax proportional and AUC more than proportional to dose; not identified by these data"
)
SURROGATE = "surrogate from another drug of the class, assumed for hetrombopag"
ALLOMETRY = (
    "allometry, at 62 kg, the median of the trial; on top of the published variability, which already holds some of it"
)
SURE = "standard error not printed; lower bound from the between-patient SD over sqrt(104 subjects)"

PUBLISHED_PK = (
    Parameter("CL", 7.66, "L/h", WANG, "published", "CL/F 7.66 L/h", rse_percent=5.7, note=SURE),
    Parameter("VC", 30.0, "L", WANG, "published", "Vc/F 30.0 L", rse_percent=6.7, note=SURE),
    Parameter("KDEG_T", 0.693, "1/h", WANG, "published", "Kdeg 0.693 /h", rse_percent=7.4,
              note=f"degradation of the target, not of platelets; {SURE}"),
)  # fmt: skip
PK = (
    *PUBLISHED_PK,
    Parameter("Q", 2.27, "L/h", CHOICE, "assumed", note=MATCHED),
    Parameter("VP", 142.0, "L", CHOICE, "assumed", note=MATCHED),
    Parameter("LAG", 1.47, "h", CHOICE, "assumed", note=MATCHED),
    Parameter("KA1", 0.0622, "1/h", CHOICE, "assumed", note=f"from LAG to TSWITCH after the dose; {MATCHED}"),
    Parameter("TSWITCH", 3.28, "h", CHOICE, "assumed", note=f"time after the dose; {MATCHED}"),
    Parameter("KA2", 0.0661, "1/h", CHOICE, "assumed", note=f"from TSWITCH on; {MATCHED}"),
    Parameter("R0", 0.324, "ng/mL", CHOICE, "assumed", note=f"target without drug, as drug equivalents; {MATCHED}"),
    Parameter("KSS", 0.0237, "ng/mL", CHOICE, "assumed", note=f"quasi-steady-state constant; {MATCHED}"),
    Parameter("KINT", 4.36, "1/h", CHOICE, "assumed", note=f"internalisation of the complex; {MATCHED}"),
)  # fmt: skip
_PD = (
    Parameter("KIN", 1.43, "10^9/L/h", HAYES, "assumed", "1.43 Gi/L/h", note=SURROGATE),
    Parameter("BASE", 13.0, "10^9/L", TABLE_1, "derived", "median measured count of the enrolled, 13 in each arm",
              note="typical patient only; in a cohort every patient has a true count, drawn by the population"),
    Parameter("MTT", 150.0, "h", Source(cite.PETROV_2024, "model code: 4 transits of 0.02 /h"), "assumed",
              note="time through the four transit compartments; class 140 to 200 h"),
    Parameter("EMAX", 9.0, "1", PETROV, "assumed", "Emax 9",
              note="largest relative increase of production; class 4.5 (lusutrombopag) to 11.2 (romiplostim, healthy)"),
    Parameter("EC50", 30.0, "ng/mL", CHOICE, "assumed", note="no prior value; scale of steady-state concentrations"),
    Parameter("NONRESP", 0.11, "fraction", Source(cite.ELTROMBOPAG_CHINA_2015, "abstract"), "assumed",
              "11 % non-responders", note=f"these patients have EMAX = EMAX_NONRESP; {SURROGATE}"),
    Parameter("EMAX_NONRESP", 0.0, "1", CHOICE, "assumed", note="a non-responder does not respond at all"),
)  # fmt: skip
PK_EFFECTS = (
    RandomEffect("CL", cv_to_variance(63.5), "CV 63.5 %", WANG, "published"),
    RandomEffect("VC", cv_to_variance(77.2), "CV 77.2 %", WANG, "published"),
    RandomEffect("KDEG_T", cv_to_variance(87.1), "CV 87.1 %", WANG, "published",
                 note="R0 is kept, so production of target varies with it"),
    RandomEffect("F", 0.66**2, "CV 74 % of Cmax", Source(cite.LI_2023, "abstract: 90 % interval of the Cmax ratio"),
                 "derived", "occasion",
                 note="within-subject log SD implied by the interval if all 26 completed; that an occasion is a "
                 "week of treatment is assumed"),
)  # fmt: skip
_RANDOM_EFFECTS = (
    *PK_EFFECTS,
    RandomEffect("EC50", 1.0, "log-scale variance", CHOICE, "assumed",
                 note="class: variance of the slope 0.29 to 1.2 (eltrombopag)"),
    RandomEffect("MTT", cv_to_variance(30.0), "CV 30 %", CHOICE, "assumed",
                 note="class 20 to 56 %"),
)  # fmt: skip
CORRELATIONS = (
    Correlation("CL", "VC", 0.55, FARRELL_PK, "assumed", "covariance 0.106, variances 0.161 and 0.233", note=SURROGATE),
)
COVARIATE_EFFECTS = (
    CovariateEffect("CL", "WEIGHT", "power", 0.75, 62.0, CHOICE, "assumed", note=ALLOMETRY),
    CovariateEffect("VC", "WEIGHT", "power", 1.0, 62.0, CHOICE, "assumed", note=ALLOMETRY),
)
_VALIDITY = ValidityDomain(
    population="adults, healthy or with chronic ITP",
    ranges=(
        Range("AGE", 18.0, 75.0, "y", TABLE_1),
        Range("WEIGHT", 39.0, 115.0, "kg", TABLE_1),
        Range("BLPLAT", 1.0, 30.0, "10^9/L", TABLE_1),
    ),
    dose_low_mg=2.5,
    dose_high_mg=40.0,
    schedule="once daily, fasting",
    source=ZHENG,
)

HETROMBOPAG_WANG_2022 = calibrated(
    ParameterSet(
        id="hetrombopag_wang_2022",
        title="Hetrombopag in healthy adults and chronic ITP: TMDD with dual sequential absorption, lifespan model "
        "of platelets",
        drug="hetrombopag",
        structure="tmdd_lifespan",
        parameters=(*PK, *_PD, *WITHIN, *BLEEDING),
        random_effects=_RANDOM_EFFECTS,
        correlations=CORRELATIONS,
        covariate_effects=COVARIATE_EFFECTS,
        validity=_VALIDITY,
        classes=(PatientClass("nonresponder", "NONRESP", "EMAX", "EMAX_NONRESP"),),
    ),
    read_calibration("hetrombopag_wang_2022"),
)
