"""Exposure at the visit with PK sampling, per patient; formulas in ``analysis.endpoints.nca``.

A profile may be longer than the dosing interval: Cmax, Ctrough and AUCtau are of its first 24 h, AUClast of all of it.
Whoever lacks a sample of that part is not evaluable.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.endpoints import nca
from analysis.endpoints.contract import Endpoint, Evaluated, measured
from analysis.endpoints.records import Array, Profile, Records, Texts
from trial.study.study import Study

SOURCE = "non-compartmental analysis of the reported concentrations; linear-up/log-down trapezoids for the AUC"
INTERVAL_H = 24.0
"""Doses are taken once a day."""


def _evaluated(records: Records, study: Study, hours: float, computed: Callable[[Array, Array], Array]) -> Evaluated:
    """``computed(times, values)`` of the first ``hours`` of the profile, of patients on active drug who have all its
    samples; the reason for the others.
    """
    if records.profile is None:
        return measured(np.full(records.n, np.nan), np.full(records.n, "no PK sampling in this study"))
    profile = records.profile.first(hours)
    return measured(computed(profile.times, profile.values), _not_evaluable(records, study, profile))


def _not_evaluable(records: Records, study: Study, profile: Profile) -> Texts:
    placebo = np.isin(records.arm, [k for k, arm in enumerate(records.arm_ids) if arm in study.placebo_arms])
    no_dose = np.where(profile.dose_mg > 0, "", "no dose prescribed on the sampling day")
    missing = profile.incomplete
    return np.where(placebo, "placebo: no drug", np.where(missing != "", missing, no_dose))


def maximum(records: Records, study: Study) -> Evaluated:
    """Largest concentration over the dosing interval (ng/mL)."""
    return _evaluated(records, study, INTERVAL_H, lambda times, values: nca.cmax(values))


CMAX = Endpoint(
    code="CMAX",
    label="Cmax of those on drug that day",
    unit="ng/mL",
    benefit="none",
    source=SOURCE,
    summary="geomean",
    evaluate=maximum,
    needs_profile=True,
)


def trough(records: Records, study: Study) -> Evaluated:
    """Concentration at the end of the dosing interval (ng/mL)."""
    return _evaluated(records, study, INTERVAL_H, lambda times, values: values[:, -1])


CTROUGH = Endpoint(
    code="CTROUGH",
    label="Ctrough of those on drug that day",
    unit="ng/mL",
    benefit="none",
    source=SOURCE,
    summary="geomean",
    evaluate=trough,
    needs_profile=True,
)


def area(records: Records, study: Study) -> Evaluated:
    """Area under the concentration over the dosing interval (ng*h/mL)."""
    return _evaluated(records, study, INTERVAL_H, nca.auc)


AUCTAU = Endpoint(
    code="AUCTAU",
    label="AUCtau of those on drug that day",
    unit="ng*h/mL",
    benefit="none",
    source=SOURCE,
    summary="geomean",
    evaluate=area,
    needs_profile=True,
)


def area_to_last(records: Records, study: Study) -> Evaluated:
    """Area under the concentration from the dose to the last time of the profile (ng*h/mL)."""
    return _evaluated(records, study, np.inf, nca.auc)


AUCLST = Endpoint(
    code="AUCLST",
    label="AUC from 0 to the last time of the profile, of those on drug that day",
    unit="ng*h/mL",
    benefit="none",
    source=SOURCE,
    summary="geomean",
    evaluate=area_to_last,
    needs_profile=True,
)

EXPOSURE_ENDPOINTS: tuple[Endpoint, ...] = (CMAX, CTROUGH, AUCTAU, AUCLST)
