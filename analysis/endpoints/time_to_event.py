"""Time to an event: definitions, and the times table. Actual days of the visits; day 0 is baseline.

Kaplan-Meier, log-rank and Cox stand in ``analysis.statistics.survival``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from analysis.endpoints.columns import coded, distinct
from analysis.endpoints.records import Array, Flags, Records, patient_columns
from trial.study.study import Study
from trial.tables import KEY, TEXT, field

TIMES_SCHEMA = pa.schema(
    [
        *KEY,
        field("ARM", TEXT, "Treatment arm"),
        field("STRATUM", TEXT, "Randomisation stratum"),
        field("PARAMCD", TEXT, "Event"),
        field("AVAL", pa.int32(), "Day of the event, or last day watched", "d"),
        field("CNSR", pa.int8(), "Censored: 0 event, 1 no event"),
    ]
)
"""The times table, as ADTTE of ADaM: a row per event and patient who is watched."""


@dataclass(frozen=True)
class Times:
    """Of n patients, ``day`` (n,) of the event or, where ``event`` (n,) is false, the last day they were watched.

    NaN: not watched at all (the solve failed, or there is nothing to lose).
    """

    day: Array
    event: Flags

    def of(self, patients: Flags) -> Times:
        """The watched ones among some patients, a flag for each."""
        chosen = patients & ~np.isnan(self.day)
        return Times(self.day[chosen], self.event[chosen])


@dataclass(frozen=True)
class TimeTo:
    """Registration of a time to event. ``compared``: arms may be compared, because everybody randomised is watched;
    ``proxy``: the simulated adverse event it waits for; ``windows``: how many of its two ends are days of visits, each
    of which may move by the visit window.
    """

    code: str
    label: str
    source: str
    estimand: str
    times: Callable[[Records, Study], Times]
    compared: bool = True
    proxy: str = ""
    windows: int = 1


def first_day(happened: Flags, days: Array) -> Array:
    """(n,) first of ``days`` (n, V) on which it happened, inf without one."""
    return np.where(happened, days, np.inf).min(axis=1, initial=np.inf)


def watched(event_day: Array, last: Array, records: Records) -> Times:
    """Event where there is one, else the last day; nobody whose solve failed."""
    event = np.isfinite(event_day)
    day = np.where(event, event_day, last)
    return Times(np.where(records.unsolved == "", day, np.nan), event & (records.unsolved == ""))


def end_of_study(study: Study) -> float:
    """The day to which everybody who stays is watched: the last planned visit and its window.

    One day for all. Days of their own would leave the few whose last visit came late alone at risk, and an event at
    that visit would weigh far more than one patient.
    """
    return float(study.visits.days[-1] + study.visits.window_days)


def _last_day(records: Records, study: Study) -> Array:
    """(n,) last day watched: the day of leaving (not told: of the last visit), or the end of the study."""
    seen = np.fmax.reduce(records.days, axis=1, initial=0.0)
    last = np.where(np.isnan(records.last_day), seen, records.last_day)
    return np.where(records.completed, end_of_study(study), last)


def first_response(records: Records, study: Study) -> Times:
    """Days to the first count at or above the threshold before rescue or a stop by the dose rule.

    Who was stopped or rescued first is watched to the end, if that rescue voids what comes, or the day of leaving.
    """
    day = first_day(
        (records.counts >= study.analysis.response_threshold_1e9L) & ~records.voids(records.days), records.days
    )
    end = _last_day(records, study)
    last = np.where(np.isfinite(records.failed_for_good_day) | records.voids(end), end_of_study(study), end)
    return watched(day, last, records)


TTRESP = TimeTo(
    code="TTRESP",
    label="Time to first response",
    source="threshold of the study; rescue as never: assumed, the strategy of the primary estimand",
    estimand="first reported count at or above the threshold. Rescue, or a stop by the dose rule, before it counts as "
    "never (composite strategy): such a patient stays at risk to the end of the study. Leaving censors.",
    times=first_response,
)


def first_rescue(records: Records, study: Study) -> Times:
    """Days to the first rescue therapy."""
    return watched(records.rescue_day, _last_day(records, study), records)


TTRESC = TimeTo(
    code="TTRESC",
    label="Time to first rescue",
    source="the day of the first rescue; no definition needed",
    estimand="first rescue therapy. Leaving censors.",
    times=first_rescue,
)


def loss_of_response(records: Records, study: Study) -> Times:
    """Days from the first response to the first count below the threshold, to rescue or to a stop by the dose rule."""
    response = first_response(records, study)
    start = np.where(response.event, response.day, np.nan)
    below = (records.counts < study.analysis.response_threshold_1e9L) & (records.days > start[:, None])
    later = np.where(records.void_from > start[:, None], records.void_from, np.inf).min(axis=1, initial=np.inf)
    lost = np.minimum(first_day(below, records.days), np.minimum(later, records.stopped_day))
    return watched(np.where(response.event, lost - start, np.inf), _last_day(records, study) - start, records)


TTLOSS = TimeTo(
    code="TTLOSS",
    label="Time from first response to its loss",
    source="one count below the threshold as loss: assumed",
    estimand="of patients who responded, from that day to the first reported count below the threshold, rescue or "
    "a stop. Leaving censors. Who responds depends on the arm, so that arms are not compared.",
    times=loss_of_response,
    compared=False,
    windows=2,
)

TIMES: tuple[TimeTo, ...] = (TTRESP, TTRESC, TTLOSS)


def times_table(records: Records, found: Mapping[str, Times]) -> pa.Table:
    """The times table of these patients: event after event, patients in order."""
    shape = (len(found), records.n)
    day = np.array([times.day for times in found.values()]).reshape(shape)
    event = np.array([times.event for times in found.values()]).reshape(shape)
    kind, who = np.nonzero(~np.isnan(day))
    strata, stratum = distinct([records.stratum])
    columns = [
        *patient_columns(records, who),
        coded(stratum[who], strata),
        coded(kind, list(found)),
        pa.array(day[kind, who].astype(np.int32)),
        pa.array(1 - event[kind, who].astype(np.int8)),
    ]
    return pa.table(columns, schema=TIMES_SCHEMA)
