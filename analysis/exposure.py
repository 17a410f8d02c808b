"""Exposure at the visit with PK sampling, per patient; formulas in ``analysis.nca``.

A profile may be longer than the dosing interval: Cmax, Ctrough and AUCtau are of its first 24 h, AUClast of all of it.
"""

from __future__ import annotations

import numpy as np

from analysis import nca
from analysis.endpoint import Endpoint, Evaluated, Settings, measured
from analysis.records import Array, Profile, Records, Texts

SOURCE = "non-compartmental analysis of the reported concentrations; linear-up/log-down trapezoids for the AUC"


INTERVAL_H = 24.0


def _interval(profile: Profile) -> tuple[Array, Array]:
    """Times and concentrations of the first 24 h of a profile."""
    inside = profile.times <= INTERVAL_H
    return profile.times[inside], profile.values[:, inside]


def _evaluated(records: Records, settings: Settings, value: Array | None) -> Evaluated:
    """``value`` of patients on active drug with a complete profile; the reason for the others."""
    if records.profile is None or value is None:
        return measured(np.full(records.n, np.nan), np.full(records.n, "no PK sampling in this study"))
    return measured(value, _not_evaluable(records, settings, records.profile))


def _not_evaluable(records: Records, settings: Settings, profile: Profile) -> Texts:
    placebo = np.isin(records.arm, [k for k, arm in enumerate(records.arm_ids) if arm in settings.placebo_arms])
    no_dose = np.where(profile.dose_mg > 0, "", "no dose prescribed on the sampling day")
    return np.where(placebo, "placebo: no drug", np.where(profile.reason != "", profile.reason, no_dose))


def maximum(records: Records, settings: Settings) -> Evaluated:
    """Largest concentration over the dosing interval (ng/mL)."""
    profile = records.profile
    return _evaluated(records, settings, nca.cmax(_interval(profile)[1]) if profile else None)


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


def trough(records: Records, settings: Settings) -> Evaluated:
    """Concentration at the end of the dosing interval (ng/mL)."""
    profile = records.profile
    return _evaluated(records, settings, _interval(profile)[1][:, -1] if profile else None)


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


def area(records: Records, settings: Settings) -> Evaluated:
    """Area under the concentration over the dosing interval (ng*h/mL)."""
    profile = records.profile
    return _evaluated(records, settings, nca.auc(*_interval(profile)) if profile else None)


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


def area_to_last(records: Records, settings: Settings) -> Evaluated:
    """Area under the concentration from the dose to the last time of the profile (ng*h/mL)."""
    profile = records.profile
    return _evaluated(records, settings, nca.auc(profile.times, profile.values) if profile else None)


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
