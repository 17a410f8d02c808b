"""Hetrombopag in chronic ITP with the mechanism: what decides the size and spread of the response is calibrated on the
phase III trial (Mei 2021)."""

from cohorts import references as cite
from cohorts.calibration import calibrated, read_calibration
from cohorts.citations import Source
from cohorts.parameters import Parameter, ParameterSet, RandomEffect, Range, cv_to_variance
from cohorts.shared import thrombopoiesis as cells
from cohorts.shared.hetrombopag_pk import CORRELATIONS, COVARIATE_EFFECTS, PK, PK_EFFECTS, validity
from cohorts.shared.moving_disease import REMISSION
from cohorts.shared.within_patient import BLEEDING, CHOICE, TABLE_1, WITHIN

# Starting values; the fitted ones stand in hetrombopag_itp_mei_2021.calibration.json.
_DRUG = (
    Parameter("BASE", 13.0, "10^9/L", Source(cite.MEI_2021, "Table 1"), "derived",
              "median measured count of the enrolled, 13 in each arm",
              note="typical patient only; in a cohort every patient has a true count, drawn by the population"),
    Parameter("EC50", 30.0, "ng/mL", CHOICE, "assumed", note="no prior value; scale of steady-state concentrations"),
    cells.ETA,
)  # fmt: skip
_EFFECTS = (
    *PK_EFFECTS,
    RandomEffect("EC50", 0.8, "log-scale variance", CHOICE, "assumed",
                 note="class: variance of the slope 0.29 to 1.2 (eltrombopag)"),
    RandomEffect("MMT", cv_to_variance(30.0), "CV 30 %", CHOICE, "assumed", note="class 20 to 56 % of transit"),
)  # fmt: skip

HETROMBOPAG_ITP_MEI_2021 = calibrated(
    ParameterSet(
        id="hetrombopag_itp_mei_2021",
        title="Hetrombopag in chronic ITP: the mechanism, calibrated on the phase III trial",
        drug="hetrombopag",
        structure="tpo_mechanism",
        parameters=(*PK, *_DRUG, *cells.TPO, *cells.ARMS, *cells.CELLS, *cells.ITP, *WITHIN, *REMISSION, *BLEEDING),
        random_effects=_EFFECTS,
        correlations=CORRELATIONS,
        covariate_effects=(*COVARIATE_EFFECTS, cells.SPLENECTOMY),
        validity=validity(
            "adults with chronic ITP",
            (
                Range("AGE", 18.0, 75.0, "y", TABLE_1),
                Range("WEIGHT", 39.0, 115.0, "kg", TABLE_1),
                Range("BLPLAT", 1.0, 30.0, "10^9/L", TABLE_1),
            ),
            15.0,
        ),
        classes=cells.ITP_CLASSES,
    ),
    read_calibration("hetrombopag_itp_mei_2021"),
)
