"""Hetrombopag: target-mediated disposition and a lifespan model of platelets (Wang 2022), completed for chronic ITP.

Three numbers and their variability are published (CL/F, Vc/F, target degradation). The rest of the PK is chosen so
that the typical man matches the features printed for healthy men (Zheng 2017); the data do not identify it. The PD is
borrowed from other drugs of the class, and what decides the size and spread of the response is calibrated on the
phase III trial (Mei 2021); those values stand in hetrombopag_wang_2022.calibration.json. Clearances and volumes are
apparent (divided by F); concentrations are free drug in the model's sense, not unbound drug.
"""

from cohorts import references as cite
from cohorts.catalogue.calibration import calibrated, read_calibration
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

WANG = Source(cite.WANG_2022, "abstract")
ZHENG = Source(cite.ZHENG_2017, "abstract")
HAYES = Source(cite.HAYES_2011, "KIN for healthy and ITP, as quoted in the model file of Farrell 2014")
FARRELL_PK = Source(cite.FARRELL_2014, "Table 3")
PETROV = Source(cite.PETROV_2024, "model code: Emax 9")
TABLE_1 = Source(cite.MEI_2021, "Table 1")
TABLE_2 = Source(cite.MEI_2021, "Table 2, placebo: grade 1/2/3/4 in 50/16/1/0 of 85")
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

_PK = (
    Parameter("CL", 7.66, "L/h", WANG, "published", "CL/F 7.66 L/h", rse_percent=5.7, note=SURE),
    Parameter("VC", 30.0, "L", WANG, "published", "Vc/F 30.0 L", rse_percent=6.7, note=SURE),
    Parameter("Q", 2.27, "L/h", CHOICE, "assumed", note=MATCHED),
    Parameter("VP", 142.0, "L", CHOICE, "assumed", note=MATCHED),
    Parameter("LAG", 1.47, "h", CHOICE, "assumed", note=MATCHED),
    Parameter("KA1", 0.0622, "1/h", CHOICE, "assumed", note=f"from LAG to TSWITCH after the dose; {MATCHED}"),
    Parameter("TSWITCH", 3.28, "h", CHOICE, "assumed", note=f"time after the dose; {MATCHED}"),
    Parameter("KA2", 0.0661, "1/h", CHOICE, "assumed", note=f"from TSWITCH on; {MATCHED}"),
    Parameter("R0", 0.324, "ng/mL", CHOICE, "assumed", note=f"target without drug, as drug equivalents; {MATCHED}"),
    Parameter("KDEG_T", 0.693, "1/h", WANG, "published", "Kdeg 0.693 /h", rse_percent=7.4,
              note=f"degradation of the target, not of platelets; {SURE}"),
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
_WITHIN = (
    Parameter("FLUCT_SD", 0.4, "1", CHOICE, "assumed", note="SD of the log loss factor of a patient over time"),
    Parameter("FLUCT_TAU", 10.0, "d", CHOICE, "assumed", note="correlation time; slow swings of 1 to 2 weeks"),
    Parameter("ASSAY_CV", 0.08, "fraction", Source(cite.DOT_1992, "abstract"), "assumed",
              "within-subject CV 6.7 % men, 8.6 % women",
              note="healthy subjects at the trial's sex ratio (8.05 %), taken for all that differs from one sample to "
              "the next: analysis and short-term biology; slower swings are FLUCT_SD"),
    Parameter("CONC_CV", 0.154, "fraction", FARRELL_PK, "assumed", "proportional residual 15.4 %", note=SURROGATE),
    Parameter("RESCUE_H0", 0.3, "1/wk", CHOICE, "assumed", note="hazard of rescue at a reported count of 0"),
    Parameter("RESCUE_SCALE", 8.0, "10^9/L", CHOICE, "assumed", note="hazard = RESCUE_H0 exp(-count / RESCUE_SCALE)"),
    Parameter("RESCUE_DROP", 1.8, "1", CHOICE, "assumed", note="log-reduction of platelet loss right after rescue"),
    Parameter("RESCUE_TAU", 14.0, "d", CHOICE, "assumed",
              note="decay of that reduction; immunoglobulin acts for 2 to 4 weeks"),
)  # fmt: skip
_BLEEDING = (
    Parameter("BLEED_A", 0.197, "1", TABLE_1, "derived", "any bleeding 108/168, 93/171, 52/85",
              note="latent mean at a count of 13: makes 59.7 % bleed at the baseline counts, BLEED_B given"),
    Parameter("BLEED_B", 0.5, "1", CHOICE, "assumed", note="fall of the latent bleeding tendency per log count"),
    Parameter("BLEED_RHO", 0.8, "fraction", CHOICE, "assumed",
              note="share of the latent variance that stays with the patient"),
    Parameter("BLEED_C2", 1.64, "1", TABLE_2, "derived", "grade 2 or more 17/85",
              note="z(67/85) - z(17/85): the worst latent of a patient over 8 weeks taken as normal with SD 1"),
    Parameter("BLEED_C3", 3.07, "1", TABLE_2, "derived", "grade 3 or more 1/85",
              note="z(67/85) - z(1/85), as BLEED_C2"),
    Parameter("BLEED_C4", 3.32, "1", TABLE_2, "derived", "grade 4 0/85",
              note="z(67/85) - z(0.5/85), half an event; as BLEED_C2"),
)  # fmt: skip
_RANDOM_EFFECTS = (
    RandomEffect("CL", cv_to_variance(63.5), "CV 63.5 %", WANG, "published"),
    RandomEffect("VC", cv_to_variance(77.2), "CV 77.2 %", WANG, "published"),
    RandomEffect("KDEG_T", cv_to_variance(87.1), "CV 87.1 %", WANG, "published",
                 note="R0 is kept, so production of target varies with it"),
    RandomEffect("EC50", 1.0, "log-scale variance", CHOICE, "assumed",
                 note="class: variance of the slope 0.29 to 1.2 (eltrombopag)"),
    RandomEffect("MTT", cv_to_variance(30.0), "CV 30 %", CHOICE, "assumed",
                 note="class 20 to 56 %"),
    RandomEffect("F", 0.66**2, "CV 74 % of Cmax", Source(cite.LI_2023, "abstract: 90 % interval of the Cmax ratio"),
                 "derived", "occasion",
                 note="within-subject log SD implied by the interval if all 26 completed; that an occasion is a "
                 "week of treatment is assumed"),
)  # fmt: skip
_CORRELATIONS = (
    Correlation("CL", "VC", 0.55, FARRELL_PK, "assumed", "covariance 0.106, variances 0.161 and 0.233", note=SURROGATE),
)
_COVARIATE_EFFECTS = (
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
        parameters=(*_PK, *_PD, *_WITHIN, *_BLEEDING),
        random_effects=_RANDOM_EFFECTS,
        correlations=_CORRELATIONS,
        covariate_effects=_COVARIATE_EFFECTS,
        validity=_VALIDITY,
        classes=(PatientClass("nonresponder", "NONRESP", "EMAX", "EMAX_NONRESP"),),
    ),
    read_calibration("hetrombopag_wang_2022"),
)
