"""Time to an event and its statistics: Kaplan-Meier, log-rank, Cox. Actual days of the visits; day 0 is baseline.

statsmodels is imported where it is used, so that a run without a report does not wait for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.endpoints.records import Array, Flags, Records, Texts
from analysis.statistics.estimators import Z95, Interval
from trial.study.study import Study

NOT_ESTIMABLE = Interval(*(np.array(np.nan),) * 3)
HALF, SAME = 0.5, 1e-9


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
    """Registration of a time to event. ``compared``: arms may be compared, because everybody randomised is watched."""

    code: str
    label: str
    source: str
    estimand: str
    times: Callable[[Records, Study], Times]
    compared: bool = True


def _first(happened: Flags, days: Array) -> Array:
    """(n,) first of ``days`` (n, V) on which it happened, inf without one."""
    return np.where(happened, days, np.inf).min(axis=1, initial=np.inf)


def _watched(event_day: Array, last: Array, records: Records) -> Times:
    """Event where there is one, else the last day; nobody whose solve failed."""
    event = np.isfinite(event_day)
    day = np.where(event, event_day, last)
    return Times(np.where(records.unsolved == "", day, np.nan), event & (records.unsolved == ""))


def _last_day(records: Records) -> Array:
    """(n,) last day watched: the day of leaving (not told: of the last visit), or the end of the study.

    The end is one day for all who completed, the latest last visit. Days of their own would leave the few whose last
    visit came late alone at risk, and an event at that visit would weigh far more than one patient.
    """
    seen = np.fmax.reduce(records.days, axis=1, initial=0.0)
    last = np.where(np.isnan(records.last_day), seen, records.last_day)
    return np.where(records.completed, last.max(initial=0.0), last)


def first_response(records: Records, study: Study) -> Times:
    """Days to the first count at or above the threshold before rescue or a stop by the dose rule.

    Who was rescued or stopped first is watched to the end.
    """
    day = _first(
        (records.counts >= study.analysis.response_threshold_1e9L) & (records.days < records.failed_day[:, None]),
        records.days,
    )
    last = _last_day(records)
    return _watched(day, np.where(np.isfinite(records.failed_day), last.max(initial=0.0), last), records)


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
    return _watched(records.rescue_day, _last_day(records), records)


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
    lost = np.minimum(_first(below, records.days), records.failed_day)
    return _watched(np.where(response.event, lost - start, np.inf), _last_day(records) - start, records)


TTLOSS = TimeTo(
    code="TTLOSS",
    label="Time from first response to its loss",
    source="one count below the threshold as loss: assumed",
    estimand="of patients who responded, from that day to the first reported count below the threshold, rescue or "
    "a stop. Leaving censors. Who responds depends on the arm, so that arms are not compared.",
    times=loss_of_response,
    compared=False,
)

TIMES: tuple[TimeTo, ...] = (TTRESP, TTRESC, TTLOSS)


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier: ``share`` (E,) with the event by each event ``day`` (E,), its 95 % limits (log-log), the ``median``
    day, and the ``last`` day anybody was watched (NaN: nobody).
    """

    day: Array
    share: Interval
    median: Interval
    last: float

    def by(self, days: Array) -> Interval:
        """Share with the event by some days (D,), 0 to 1, and limits; NaN past the last day watched."""
        place = np.searchsorted(self.day, days, side="right")
        known = (days <= self.last) | (self.share.estimate[-1:].max(initial=0.0) > 1 - SAME)
        starts = (0.0, np.nan, np.nan)
        steps = (np.concatenate([[start], part]) for start, part in zip(starts, self.share, strict=True))
        return Interval(*(np.where(known, part[place], np.nan) for part in steps))


def kaplan_meier(times: Times) -> Curve:
    """Kaplan-Meier of some patients. The median is the first day by which half or more had the event; its limits are
    those of statsmodels (Brookmeyer-Crowley, log-log), infinite above when they are not reached.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    nothing = np.empty(0)
    last = float(times.day.max(initial=-np.inf)) if times.day.size else np.nan
    if not times.event.any():
        return Curve(nothing, Interval(nothing, nothing, nothing), NOT_ESTIMABLE, last)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = SurvfuncRight(times.day, times.event.astype(float))
        limits = found.quantile_ci(HALF)
    share = _log_log(found.surv_prob, found.surv_prob_se)
    reached = found.surv_times[found.surv_prob <= HALF + SAME]
    median = Interval(*(np.array(x) for x in (reached[0] if reached.size else np.nan, *limits)))
    return Curve(found.surv_times, share, median, last)


def _log_log(surviving: Array, error: Array) -> Interval:
    """Share with the event and its log-log limits; none where nobody or everybody had it."""
    inside = (surviving > SAME) & (surviving < 1 - SAME)
    s = np.where(inside, surviving, HALF)
    width = np.exp(Z95 * error / np.abs(s * np.log(s)))
    low, high = (np.where(inside, 1 - s**power, np.nan) for power in (1 / width, width))
    return Interval(1 - surviving, low, high)


def at_risk(times: Times, days: Array) -> Array:
    """(D,) patients still watched and without the event just before each day."""
    return (times.day >= np.asarray(days)[:, None]).sum(axis=1).astype(float)


def log_rank(times: Times, treated: Flags, strata: Texts) -> float:
    """Two-sided p of the log-rank test within ``strata`` (n,); NaN when no event falls while both are watched."""
    from statsmodels.duration.survfunc import survdiff

    if not any(_tells(times, treated, strata)):
        return np.nan
    try:
        return float(survdiff(times.day, times.event.astype(float), treated, strata=strata)[1])
    except np.linalg.LinAlgError:
        return np.nan


def hazard_ratio(times: Times, treated: Flags, strata: Texts) -> Interval:
    """Hazard ratio of the treated (Cox, Efron's ties, stratified) with its Wald interval, 95 %.

    Not estimable unless both arms have an event while the other is watched: otherwise the likelihood has no maximum.
    """
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ModelWarning

    if not all(_tells(times, treated, strata)):
        return NOT_ESTIMABLE
    codes = np.unique(strata, return_inverse=True)[1]
    model = PHReg(times.day, treated[:, None].astype(float), times.event.astype(float), strata=codes, ties="efron")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)
        try:
            found = model.fit(disp=0)
        except (ModelWarning, np.linalg.LinAlgError):
            return NOT_ESTIMABLE
    slope, half = float(found.params[0]), Z95 * float(found.bse[0])
    return Interval(*(np.array(np.exp(value)) for value in (slope, slope - half, slope + half)))


def _tells(times: Times, treated: Flags, strata: Texts) -> tuple[bool, bool]:
    """Whether the treated, and the others, have an event on a day when both are watched, in a stratum."""
    found = np.zeros(2, dtype=bool)
    for stratum in np.unique(strata):
        sides = [times.of((strata == stratum) & (treated == side)) for side in (True, False)]
        both = min(side.day.max(initial=-np.inf) for side in sides)
        found |= [bool((side.event & (side.day <= both)).any()) for side in sides]
    return bool(found[0]), bool(found[1])
