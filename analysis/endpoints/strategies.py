"""What intercurrent events make of the records of patients: the strategies of an estimand, and what estimators do with
what was observed. Counts only; baseline, bleeding and profile stay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.endpoints.contract import Evaluated
from analysis.endpoints.records import Array, Flags, Records
from cohorts import elementary
from trial.study.estimand import EVENTS, Estimand

SMALLEST = 1.0
"""Counts below have no useful logarithm, and are taken as this, 10^9/L."""
DAYS_OF = {"rescue": ("rescue_day", "void_from", "void_to", "rescues"), "stop": ("stopped_day",)}
"""What the records say of an event."""


def under(records: Records, whole: Array, days: Array, estimand: Estimand) -> Records:
    """The records as an estimand sees them: ``whole`` (n, V) what would be reported at every visit, on ``days`` (n, V),
    whoever is still in the study, and then the strategy for each intercurrent event. A hypothetical one did not happen,
    a composite one makes a no of what is evaluated (``composite_no``).
    """
    first = {"rescue": records.rescue_day, "stop": records.stopped_day, "leaving": left_day(records)}
    counts: Array = whole
    unasked: list[str] = []
    for event, day in first.items():
        after, strategy = days >= day[:, None], getattr(estimand, event)
        if strategy == "while_on_treatment":
            counts = carried(np.where(after, np.nan, counts), after, records.baseline)
        if strategy != "composite":
            unasked += DAYS_OF.get(event, ())
    never = {name: np.full_like(getattr(records, name), np.inf) for name in unasked}
    return replace(records, counts=counts, days=np.where(np.isnan(counts), np.nan, days), **never)


def left_day(records: Records) -> Array:
    """(n,) day on which a patient left the study, inf of who did not."""
    return np.where(records.completed | np.isnan(records.last_day), np.inf, records.last_day)


def carried(counts: Array, where: Flags, baseline: Array) -> Array:
    """(n, V) with the last count before, or the baseline, where there is none and ``where`` says so."""
    found, last = counts.copy(), baseline
    for visit in range(counts.shape[1]):
        found[:, visit] = np.where(np.isnan(counts[:, visit]) & where[:, visit], last, counts[:, visit])
        last = np.where(np.isnan(found[:, visit]), last, found[:, visit])
    return found


def composite_no(records: Records, days: Array, estimand: Estimand, day: int) -> Flags:
    """(n,) whom a composite event up to the assessment visit of a planned ``day`` makes a no; ``days`` (n, V)."""
    events = tuple(event for event in EVENTS if getattr(estimand, event) == "composite")
    return has_event(records, events, days[:, records.planned == day][:, 0])


def measured_value(records: Records, estimand: Estimand, day: int) -> Array:
    """(n,) a measured variable at the visit of a planned ``day``; NaN without a count, or where the solve failed."""
    count = records.counts[:, records.planned == day][:, 0]
    return np.where(records.unsolved == "", scaled(count, estimand) - zero_of(records, estimand), np.nan)


def scaled(counts: Array, estimand: Estimand) -> Array:
    """Counts on the scale of a measured variable, of any shape."""
    if estimand.variable != "log_change":
        return counts
    return np.where(np.isnan(counts), np.nan, elementary.log(np.maximum(counts, SMALLEST)))


def zero_of(records: Records, estimand: Estimand) -> Array | float:
    """(n,) what is taken from the counts of a patient: of a change his baseline."""
    return 0.0 if estimand.variable == "count" else scaled(records.baseline, estimand)


def has_event(records: Records, events: tuple[str, ...], day: int | Array) -> Flags:
    """(n,) who has one of the intercurrent ``events`` up to a day, that of all or of each (n,)."""
    first = {"rescue": records.rescue_day, "stop": records.stopped_day, "leaving": left_day(records)}
    found: Flags = np.zeros(records.n, dtype=bool)
    for event in events:
        found |= first[event] <= day
    return found


def as_observed(records: Records, estimator: str) -> Records:
    """The observed records as an estimator takes them."""
    if estimator == "last_observation":
        missing = np.isnan(records.counts)
        planned = np.broadcast_to(records.planned, missing.shape)
        counts = carried(records.counts, missing, records.baseline)
        return replace(records, counts=counts, days=np.where(missing, planned, records.days))
    if estimator == "while_on_treatment":
        planned = np.broadcast_to(records.planned, records.counts.shape)
        days = np.where(np.isnan(records.days), planned, records.days)
        first = np.minimum(records.failed_day, left_day(records))
        after = days >= first[:, None]
        counts = carried(np.where(after, np.nan, records.counts), after, records.baseline)
        never = {name: np.full_like(getattr(records, name), np.inf) for names in DAYS_OF.values() for name in names}
        return replace(records, counts=counts, days=np.where(np.isnan(counts), np.nan, days), **never)
    if estimator == "baseline_observation":
        planned = np.broadcast_to(records.planned, records.counts.shape)
        days = np.where(np.isnan(records.days), planned, records.days)
        lost = np.isnan(records.counts) | records.voids(days)
        return replace(records, counts=np.where(lost, records.baseline[:, None], records.counts), days=days)
    if estimator == "rescue_ignored":
        return replace(records, **{name: np.full_like(getattr(records, name), np.inf) for name in DAYS_OF["rescue"]})
    return records


def judged(result: Evaluated, records: Records, estimator: str, day: int) -> Evaluated:
    """An endpoint as an estimator judges it: of complete cases only who has a count on the planned day."""
    if estimator != "complete_cases":
        return result
    at = records.planned == day
    lacks = np.isnan(records.counts[:, at]).all(axis=1) & (result.reason == "")
    reason = np.where(lacks, "no count at the assessment", result.reason)
    return Evaluated(np.where(reason == "", result.value, np.nan), reason)
