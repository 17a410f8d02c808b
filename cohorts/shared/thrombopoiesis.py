"""Numbers of thrombopoiesis shared by every parameter set of ``tpo_mechanism``: TPO, receptor, arms, cells, disease.

The arms' weights, half-effects and feedback gains cannot be seen in platelet counts: they are priors, and the
sensitivity analysis shows what they do. What a calibration moves is marked in the record of the set that was fitted.
"""

from cohorts import references as cite
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import CovariateEffect, Parameter, PatientClass, RandomEffect, cv_to_variance

SHIMIZU = Source(cite.SHIMIZU_2021, "model code")
BACHMANN = Source(cite.BACHMANN_2011, "time course at 5 U/mL")
CHOICE = Source(THIS_ENGINE, "assumed")
LOUWES = Source(cite.LOUWES_1999, "abstract")
PRIOR = "a prior: platelet counts do not identify it"

TPO = (
    Parameter("TPO0", 1.4, "pM", SHIMIZU, "assumed", "1.4 pM in health",
              note="only ratios to it enter; assays of TPO differ 2- to 10-fold"),
    Parameter("KTPO", 2.0 / 24.0, "1/h", CHOICE, "assumed", note="2 per day: half-life of serum TPO about 8 to 14 h"),
    Parameter("FHEP", 0.9, "fraction", CHOICE, "assumed",
              note="share of TPO made by the liver; kidney and marrow make the rest, by consent the smaller part"),
    Parameter("HEP", 1.0, "1", CHOICE, "assumed",
              note="production of TPO by the liver relative to health; not clearance of the drug"),
    Parameter("REN", 1.0, "1", CHOICE, "assumed",
              note="production of TPO by the kidney relative to health; not clearance of the drug"),
    Parameter("FP", 0.5, "fraction", CHOICE, "assumed",
              note="share of TPO cleared by platelets in health; 0.25 to 0.5 gives the TPO of ITP (1.3 to 2.3 times)"),
    Parameter("FM", 0.49, "fraction", CHOICE, "assumed",
              note="share cleared by megakaryocytes; the rest, 1 %, caps TPO in aplasia (13 to 29 times)"),
    Parameter("KAPPA", 30.0, "1", Source(cite.JIN_2004, "Kd 45.5 pM"), "assumed",
              note="TPO of half occupancy over TPO in health: 30 puts it at 42 pM; 3.5 (lusutrombopag, healthy) to 115 "
              "(Kd 163 pM); 1 + KAPPA would be the largest drive without A50 and G, which lower it"),
)  # fmt: skip
ARMS = (
    *(Parameter(f"A50_{i}", 3.0, "1", CHOICE, "assumed",
                note=f"occupancy of half effect; above 1: the arm is far from saturation; {PRIOR}")
      for i in ("JS", "ERK", "AKT")),
    *(Parameter(f"G_{i}", 1.0, "1", BACHMANN, "assumed",
                note="feedback gain (SOCS3, CIS and their like) at the plateau; 1 is weak: EpoR falls to 14 to 20 % "
                f"of its peak, but most of that is common to drug and no drug; {PRIOR}")
      for i in ("JS", "ERK", "AKT")),
    *(Parameter(f"ACT_{i}", 1.0, "1", CHOICE, "assumed", note="activity of the arm: 1 intact, below 1 knocked down")
      for i in ("JS", "ERK", "AKT")),
    Parameter("W_JS", 0.5, "1", CHOICE, "assumed", note=f"exponent of JAK-STAT on proliferation; {PRIOR}"),
    Parameter("W_ERK", 0.2, "1", CHOICE, "assumed", note=f"exponent of MAPK on maturation; {PRIOR}"),
    Parameter("W_AKT", 0.3, "1", CHOICE, "assumed",
              note=f"exponent of PI3K/AKT on survival and release; the three sum to 1; {PRIOR}"),
    Parameter("TAUX", 12.0, "h", CHOICE, "assumed", note="from signal to protein; signalling itself settles in hours"),
)  # fmt: skip
CELLS = (
    Parameter("RS", 0.15 / 24.0, "1/h", CHOICE, "assumed", note="regrowth of stem and early progenitor cells, 0.15/d"),
    Parameter("TPR", 60.0, "h", CHOICE, "assumed", note="mean time as progenitor, 2.5 d"),
    Parameter("MMT", 156.0, "h", CHOICE, "assumed",
              note="mean time as megakaryocyte, 6.5 d in four stages (5 to 7 d of maturation); with TPR and TAUX 228 h "
              "from signal to platelet (at 156 h), more than the 140 to 200 h of the empirical chains without a lag"),
    Parameter("LS", 211.0, "h", CHOICE, "assumed", note="platelet life without immune loss, 8.8 d (6.7 to 10.5 d)"),
    Parameter("P0", 230.0, "10^9/L", Source(cite.FARRELL_2014, "healthy, as quoted in the model file"), "assumed",
              "230 in healthy volunteers", note="the count the patient would have without disease, spleen in place"),
    Parameter("KS", 1.58, "1", Source(cite.WINER_2015, "placebo with gemcitabine and platinum"), "derived",
              "matched: mean nadir 53 of cycles 2 to 6",
              note="loss of stem cells (log) by a full dose; matched together with KP and KM, which these data do not "
              "separate"),
    Parameter("KP", 4.0, "1", Source(cite.WINER_2015, "placebo with gemcitabine and platinum"), "derived",
              "matched: mean nadir 53 of cycles 2 to 6", note="loss of progenitors (log) by a full dose; see KS"),
    Parameter("KM", 0.6, "1", Source(cite.WINER_2015, "placebo with gemcitabine and platinum"), "derived",
              "matched: mean nadir 53 of cycles 2 to 6", note="loss of young megakaryocytes (log); see KS"),
    Parameter("GPROD", 1.0, "1", CHOICE, "assumed", note="production of progenitors relative to health"),
)  # fmt: skip
KILL_EFFECTS = (
    RandomEffect("KS", cv_to_variance(50.0), "CV 50 %", CHOICE, "assumed",
                 note="sensitivity to chemotherapy; slopes of the class vary by 57 to 67 %"),
    RandomEffect("KP", cv_to_variance(50.0), "CV 50 %", CHOICE, "assumed", note="see KS"),
)  # fmt: skip
ITP = (
    Parameter("DESTRUCTION", 1.0, "1", CHOICE, "assumed",
              note="1: the count without drug is explained by immune destruction, given GPROD; 0: by low production"),
    Parameter("LOWPROD", 0.42, "fraction", LOUWES, "assumed", "42 % with low platelet production (n = 141)",
              note="share of patients who make fewer progenitors, beside the destruction; the share is published, that "
              "its cause is this one is assumed: TPO brings their platelet production back to normal"),
    Parameter("GPROD_LOW", 0.4, "1", CHOICE, "assumed",
              note="production of progenitors in those patients; their TPO is 2.7 times normal, in the others 1.5"),
    Parameter("NONRESP", 0.11, "fraction", Source(cite.ELTROMBOPAG_CHINA_2015, "abstract"), "assumed",
              "11 % non-responders", note="China 11 %, global eltrombopag 19 %; these patients have ETA = ETA_NONRESP"),
    Parameter("ETA_NONRESP", 0.0, "1", CHOICE, "assumed", note="a non-responder does not respond at all"),
)  # fmt: skip
NO_DESTRUCTION = (
    Parameter("DESTRUCTION", 0.0, "1", CHOICE, "assumed",
              note="no immune destruction: a count below or above P0 is explained by production"),
    Parameter("NONRESP", 0.001, "fraction", CHOICE, "assumed", note="practically everybody responds; a class of ITP"),
    Parameter("ETA_NONRESP", 0.0, "1", CHOICE, "assumed", note="a non-responder does not respond at all"),
)  # fmt: skip
NONRESPONDERS = PatientClass("nonresponder", "NONRESP", "ETA", "ETA_NONRESP")
ITP_CLASSES = (NONRESPONDERS, PatientClass("low_production", "LOWPROD", "GPROD", "GPROD_LOW"))
SPLENECTOMY = CovariateEffect(
    "P0", "SPLENFL", "factor", 1.0 / (1.0 - 0.33), "N", SHIMIZU, "assumed",
    note="the spleen holds 33 % of the platelets in health; without it they are in blood, so destruction must be "
    "faster to give the same low count",
)  # fmt: skip
ETA = Parameter(
    "ETA", 1.0, "1", Source(cite.XIE_2018, "full agonist in 32D-MPL cells"), "assumed", note="largest occupancy by drug"
)
