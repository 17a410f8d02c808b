"""Response that lasts: cumulative weeks, and the durable response of the last eight weeks of treatment."""

from __future__ import annotations

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, yes_no
from analysis.endpoints.records import Array, Flags, Records
from trial.study.study import Study

WEEK = 7
LAST_DAYS = 56
NEEDED = 6


def days_each_visit_stands_for(records: Records) -> Array:
    """(V,) planned days to the next visit, at most 7; the last visit stands for as many as the one before it."""
    gaps = np.diff(records.planned, append=np.nan)
    gaps[-1:] = gaps[-2:-1] if gaps.size > 1 else WEEK
    return np.minimum(gaps, WEEK)


def cumulative_weeks(records: Records, study: Study) -> Evaluated:
    """Weeks with a count at or above the threshold before any rescue, over the whole study.

    Each such visit counts the planned days to the next visit, at most 7. A missed visit counts nothing. A stop by the
    dose rule counts as a rescue.
    """
    yes = (records.counts >= study.analysis.response_threshold_1e9L) & ~records.voids(records.days)
    return measured(yes @ days_each_visit_stands_for(records) / WEEK, np.full(records.n, ""))


CUMWK = Endpoint(
    code="CUMWK",
    label="Cumulative weeks of response, no rescue",
    unit="wk",
    benefit="higher",
    source="avatrombopag study 302, Jurczak 2018: cumulative weeks of response; counts from the first rescue on are "
    "left out: assumed",
    summary="median",
    evaluate=cumulative_weeks,
)


def _last_weeks(records: Records, study: Study) -> Flags:
    """(V,) planned visits in the 56 days up to the last visit of treatment; a visit is read before the day's dose."""
    end = np.inf if study.treatment_days is None else study.treatment_days
    treated = records.planned[records.planned <= end]
    last = int(treated.max(initial=0))
    return (records.planned > last - LAST_DAYS) & (records.planned <= last)


def durable_response(records: Records, study: Study) -> Evaluated:
    """Counts at or above the threshold at 6 or more of the weekly visits of the last 8 weeks of treatment, no rescue.

    With other schedules 3 of 4 of the planned visits and no fewer than 6; a missed visit is a no. Rescue, or a stop by
    the dose rule, at any time up to the last visit of treatment makes it a no, a rescue with ``voids_days`` where a day
    of the last 8 weeks is void.
    """
    inside = _last_weeks(records, study)
    planned = int(inside.sum())
    few = f"fewer than {NEEDED} visits planned in the last 8 weeks of treatment" if planned < NEEDED else ""
    response = (records.counts >= study.analysis.response_threshold_1e9L) & ~records.voids(records.days)
    responses = response[:, inside].sum(axis=1)
    enough = responses >= max(NEEDED, 0.75 * planned)
    seen = np.fmax.reduce(records.days[:, inside], axis=1, initial=0)
    end = np.maximum(seen, records.planned[inside].max(initial=0))
    touched = ((records.void_from <= end[:, None]) & (records.void_to > end[:, None] - LAST_DAYS)).any(axis=1)
    return yes_no(enough & ~touched & (records.stopped_day > end), few)


DURRESP = Endpoint(
    code="DURRESP",
    label="Durable response: 6 of the last 8 weeks of treatment, no rescue",
    unit="%",
    benefit="higher",
    source="romiplostim and avatrombopag phase III trials; a missed visit as a no: assumed",
    summary="rate",
    evaluate=durable_response,
)

DURABLE_ENDPOINTS: tuple[Endpoint, ...] = (CUMWK, DURRESP)
