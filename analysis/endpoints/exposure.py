"""Exposure at the visit with PK sampling, per patient; formulas in ``analysis.endpoints.nca``.

A profile may be longer than the dosing interval: Cmax, Tmax, Ctrough and AUCtau are of its first 24 h, AUClast of all
of it, the terminal phase of what no later dose disturbs. Whoever lacks a sample of that part is not evaluable. What is
below the limit of quantification counts as 0 before the first quantifiable sample and as missing after it; a result
that then is not above 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from analysis.endpoints import nca
from analysis.endpoints.contract import Endpoint, Evaluated, measured
from analysis.endpoints.records import BELOW_LIMIT, Array, Profile, Records, Texts
from cohorts import elementary
from trial.study.study import Study

SOURCE = "non-compartmental analysis of the reported concentrations; linear-up/log-down trapezoids for the AUC"
PHASE = "; terminal phase: log-linear through the last 3 or more samples after Tmax, by the best adjusted R2"
INTERVAL_H = 24.0
"""Doses are taken once a day."""
NO_PHASE = "no terminal phase: too few samples after Tmax, or they do not fall"
Computed = Callable[[Array, Array], Array]


def _evaluated(records: Records, study: Study, hours: float, computed: Computed, why: str = BELOW_LIMIT) -> Evaluated:
    """``computed(times, values)`` of the first ``hours`` of the profile, of patients on active drug who have all its
    samples; the reason for the others, and ``why`` where the result is NaN.
    """
    if records.profile is None:
        return measured(np.full(records.n, np.nan), np.full(records.n, "no PK sampling in this study"))
    profile = records.profile.first(hours)
    value, reason = computed(profile.times, nca.below_lloq(profile.values)), _not_evaluable(records, study, profile)
    return measured(value, np.where((reason == "") & np.isnan(value), why, reason))


def _above_0(value: Array) -> Array:
    """NaN in place of what is not above 0, which has no logarithm."""
    return np.where(value > 0, value, np.nan)


def _not_evaluable(records: Records, study: Study, profile: Profile) -> Texts:
    placebo = np.isin(records.arm, [k for k, arm in enumerate(records.arm_ids) if arm in study.placebo_arms])
    no_dose = np.where(profile.dose_mg > 0, "", "no dose prescribed on the sampling day")
    missing = profile.incomplete
    return np.where(placebo, "placebo: no drug", np.where(missing != "", missing, no_dose))


def undisturbed_h(study: Study) -> float:
    """Hours of the profile before the next dose of the study drug: one interval, all of it after the last dose."""
    sampling = study.pk_sampling
    return np.inf if sampling and sampling.visit_day + 1 >= study.treatment_days else INTERVAL_H


def maximum(records: Records, study: Study) -> Evaluated:
    """Largest concentration over the dosing interval (ng/mL)."""
    return _evaluated(records, study, INTERVAL_H, lambda times, values: _above_0(nca.cmax(values)))


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


def time_of_maximum(records: Records, study: Study) -> Evaluated:
    """Time of the first largest concentration over the dosing interval, after the dose (h)."""
    return _evaluated(records, study, INTERVAL_H, nca.tmax)


TMAX = replace(CMAX, code="TMAX", label="Tmax of those on drug that day", unit="h", summary="median",
               evaluate=time_of_maximum)  # fmt: skip


def trough(records: Records, study: Study) -> Evaluated:
    """Concentration at the end of the dosing interval (ng/mL)."""
    return _evaluated(records, study, INTERVAL_H, lambda times, values: _above_0(values[:, -1]))


CTROUGH = replace(CMAX, code="CTROUGH", label="Ctrough of those on drug that day", evaluate=trough)


def _area_between(start_h: float, end_h: float) -> Computed:
    return lambda times, values: _above_0(nca.partial_auc(times, values, start_h, end_h))


def area(records: Records, study: Study) -> Evaluated:
    """Area under the concentration over the dosing interval (ng*h/mL), after the last quantifiable sample along the
    terminal phase.
    """
    return _evaluated(records, study, INTERVAL_H, _area_between(0.0, INTERVAL_H), NO_PHASE)


AUCTAU = replace(CMAX, code="AUCTAU", label="AUCtau of those on drug that day", unit="ng*h/mL", evaluate=area)


def area_to_last(records: Records, study: Study) -> Evaluated:
    """Area under the concentration from the dose to the last quantifiable sample of the profile (ng*h/mL)."""
    return _evaluated(records, study, np.inf, lambda times, values: _above_0(nca.auc(times, values)))


AUCLST = replace(AUCTAU, code="AUCLST", label="AUC from 0 to the last time of the profile, of those on drug that day",
                 evaluate=area_to_last)  # fmt: skip


def half_life(records: Records, study: Study) -> Evaluated:
    """Terminal half-life (h), of the samples before the next dose."""
    hours = undisturbed_h(study)
    return _evaluated(records, study, hours, lambda t, c: elementary.log(2) / nca.phases(t, c)[0], NO_PHASE)


LAMZHL = replace(CMAX, code="LAMZHL", label="Terminal half-life of those on drug that day", unit="h",
                 source=SOURCE + PHASE, evaluate=half_life)  # fmt: skip


def area_to_infinity(records: Records, study: Study) -> Evaluated:
    """Area under the concentration of a first dose to infinity (ng*h/mL): to the last quantifiable sample before the
    next dose, and from its observed concentration along the terminal phase.
    """
    return _evaluated(records, study, undisturbed_h(study), nca.auc_inf, NO_PHASE)


AUCIFO = replace(AUCTAU, code="AUCIFO", label="AUC from 0 to infinity, of those on drug that day",
                 source=SOURCE + PHASE, evaluate=area_to_infinity, needs_first_dose=True)  # fmt: skip


def area_of_part(records: Records, study: Study) -> Evaluated:
    """Area under the concentration between the two times of ``pk_sampling.partial_auc_h`` (ng*h/mL)."""
    start, end = (study.pk_sampling and study.pk_sampling.partial_auc_h) or (0.0, INTERVAL_H)
    hours = np.inf if end > INTERVAL_H else INTERVAL_H
    return _evaluated(records, study, hours, _area_between(start, end), NO_PHASE)


AUCINT = replace(AUCTAU, code="AUCINT", label="Partial AUC of those on drug that day", evaluate=area_of_part,
                 needs_partial=True)  # fmt: skip


def per_mg(records: Records, study: Study, of: Callable[[Records, Study], Evaluated]) -> Evaluated:
    """The same, divided by the dose prescribed on the sampling day (mg)."""
    found = of(records, study)
    dose = np.ones(records.n) if records.profile is None else records.profile.dose_mg
    return measured(found.value / np.where(dose > 0, dose, 1.0), found.reason)


def last_interval(study: Study) -> tuple[float, float] | None:
    """Start and end (h) of the last dosing interval of a profile from the first dose on; None where there is no later
    one, with samples at both ends and a dose at its start.
    """
    sampling = study.pk_sampling
    if sampling is None or sampling.visit_day != 0:
        return None
    end = sampling.times_h[-1]
    start = end - INTERVAL_H
    whole = end % INTERVAL_H == 0 and start >= INTERVAL_H and start in sampling.times_h
    return (start, end) if whole and study.treatment_days * INTERVAL_H >= end else None


def accumulation(records: Records, study: Study, of: Callable[[Array, Array, float, float], Array]) -> Evaluated:
    """What the last dosing interval of a profile from the first dose on has, divided by what the first has.

    A patient with another dose in the last interval is not evaluable.
    """
    last = last_interval(study)
    if last is None or records.profile is None:
        return measured(np.full(records.n, np.nan), np.full(records.n, "no later dosing interval was sampled"))

    def ratio(times: Array, values: Array) -> Array:
        before = _above_0(of(times, values, 0.0, INTERVAL_H))
        return np.asarray(_above_0(of(times, values, *last)) / before)

    found, profile = _evaluated(records, study, np.inf, ratio), records.profile
    changed = (found.reason == "") & (profile.last_dose_mg != profile.dose_mg)
    return measured(found.value, np.where(changed, "another dose in the last interval", found.reason))


def _largest_between(times: Array, values: Array, start_h: float, end_h: float) -> Array:
    return nca.cmax(values[:, (times >= start_h) & (times <= end_h)])


def _at_end(times: Array, values: Array, _start_h: float, end_h: float) -> Array:
    return np.asarray(values[:, times == end_h][:, 0])


def _accumulated(code: str, what: str, of: Callable[[Array, Array, float, float], Array]) -> Endpoint:
    return replace(
        CMAX, code=code, label=f"Accumulation ratio, {what} of the last interval to the first", unit="ratio",
        evaluate=partial(accumulation, of=of), needs_last_interval=True,
    )  # fmt: skip


ARAUC = _accumulated("ARAUC", "AUCtau", nca.partial_auc)
ARCMAX = _accumulated("ARCMAX", "Cmax", _largest_between)
ARTROUGH = _accumulated("ARTROUGH", "Ctrough", _at_end)


def _normalised(endpoint: Endpoint) -> Endpoint:
    return replace(
        endpoint,
        code=f"{endpoint.code}D",
        label=f"{endpoint.label}, per mg of that day's dose",
        unit=f"{endpoint.unit}/mg",
        evaluate=partial(per_mg, of=endpoint.evaluate),
    )


EXPOSURE_ENDPOINTS: tuple[Endpoint, ...] = (
    CMAX,
    CTROUGH,
    AUCTAU,
    AUCLST,
    TMAX,
    LAMZHL,
    AUCIFO,
    AUCINT,
    ARAUC,
    ARCMAX,
    ARTROUGH,
    *(_normalised(endpoint) for endpoint in (CMAX, AUCTAU, AUCLST, AUCIFO)),
)
