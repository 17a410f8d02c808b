"""What varies within a patient with ITP beside drug and disease: shared starting values of every parameter set.

Slow swings of platelet loss, assay error, rescue and bleeding. A set whose calibration moves one of these numbers says
so in its own record.
"""

from cohorts import references as cite
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import Parameter

FARRELL_PK = Source(cite.FARRELL_2014, "Table 3")
TABLE_1 = Source(cite.MEI_2021, "Table 1")
TABLE_2 = Source(cite.MEI_2021, "Table 2, placebo: grade 1/2/3/4 in 50/16/1/0 of 85")
CHOICE = Source(THIS_ENGINE, "assumed")
SURROGATE = "surrogate from another drug of the class, assumed for hetrombopag"

WITHIN = (
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
BLEEDING = (
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
_STEADY = {
    "FLUCT_SD": Parameter("FLUCT_SD", 0.001, "1", CHOICE, "assumed",
                          note="no immune destruction that could swing; what differs from day to day is ASSAY_CV"),
}  # fmt: skip
STEADY = tuple(_STEADY.get(p.name, p) for p in WITHIN)
"""The same for people without immune thrombocytopenia."""
