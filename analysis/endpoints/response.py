"""Platelet response, durations, rescue, bleeding and completion, per patient.

"To the assessment day" means the planned visits up to ``analysis.assessment_day``; a visit counts at its actual day.
"As observed" keeps counts after rescue; "rescue-free" drops counts from the day of the first rescue on, or, of an
agent with ``voids_days``, those of so many days. A stop of the study drug by the dose rule counts as a rescue does
(composite strategy, ICH E9(R1)); nowhere else does it matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, yes_no
from analysis.endpoints.records import Array, Flags, Records
from trial.study.study import Study

HETROM = "Mei 2021, J Hematol Oncol 14:37 (PMC7905908), Table 2"
SHARE_OF_VISITS = 0.75
LOW_TARGET_1E9L = 30.0
FOLD_OVER_BASELINE = 2.0


def _to_assessment(records: Records, study: Study) -> Flags:
    """(V,) planned visits up to the assessment day."""
    return records.planned <= study.analysis.assessment_day


def _before_rescue(records: Records) -> Flags:
    """(n, V) visits on a day that no rescue voids, before the stop by the dose rule."""
    return ~records.voids(records.days)


def _responses(records: Records, study: Study) -> Flags:
    """(n, V) counts at or above the threshold to the assessment day; a missing count is no response."""
    return (records.counts >= study.analysis.response_threshold_1e9L) & _to_assessment(records, study)


def _doubled(records: Records, study: Study) -> Flags:
    """(n, V) counts of at least 30 and at least twice the baseline, to the assessment day."""
    enough = np.maximum(LOW_TARGET_1E9L, FOLD_OVER_BASELINE * records.baseline)
    return (records.counts >= enough[:, None]) & _to_assessment(records, study)


def _day_of_assessment(records: Records, study: Study) -> Array:
    """(n,) actual day of the assessment visit, its planned day when it was not done."""
    visit = np.flatnonzero(records.planned == study.analysis.assessment_day)
    day = records.days[:, visit[0]] if visit.size else np.full(records.n, np.nan)
    return np.where(np.isnan(day), study.analysis.assessment_day, day)


def response_at_assessment(records: Records, study: Study) -> Evaluated:
    """Count at or above the threshold at the assessment visit; missing is non-response.

    Rescue, or a stop by the dose rule, before or at that visit is non-response.
    """
    at = records.planned == study.analysis.assessment_day
    yes = (records.counts[:, at] >= study.analysis.response_threshold_1e9L).any(axis=1)
    return yes_no(yes & ~records.voids(_day_of_assessment(records, study)))


RESPW = Endpoint(
    code="RESP{when}",
    label="Response at {long}: count at or above the threshold, no rescue",
    unit="%",
    benefit="higher",
    source=f"{HETROM}; rescue and a missing visit as non-response: assumed, usual for the primary estimand",
    summary="rate",
    evaluate=response_at_assessment,
)


def ever_response(records: Records, study: Study) -> Evaluated:
    """Count at or above the threshold at least once to the assessment day, counts after rescue included."""
    return yes_no(_responses(records, study).any(axis=1))


RESP1 = Endpoint(
    code="RESP1",
    label="Responded at least once, as observed",
    unit="%",
    benefit="higher",
    source=HETROM,
    summary="rate",
    evaluate=ever_response,
)


def ever_response_rescue_free(records: Records, study: Study) -> Evaluated:
    """Count at or above the threshold at least once before the first rescue, to the assessment day.

    A stop by the dose rule counts as a rescue.
    """
    return yes_no((_responses(records, study) & _before_rescue(records)).any(axis=1))


RESP1RF = Endpoint(
    code="RESP1RF",
    label="Responded at least once before any rescue",
    unit="%",
    benefit="higher",
    source=f"{HETROM}, with counts from the first rescue on left out",
    summary="rate",
    evaluate=ever_response_rescue_free,
)


def sustained_response(records: Records, study: Study) -> Evaluated:
    """Responses before rescue at 75 % or more of the planned visits to the assessment day; a missed visit is a no.

    A stop by the dose rule counts as a rescue.
    """
    planned = int(_to_assessment(records, study).sum())
    responses = (_responses(records, study) & _before_rescue(records)).sum(axis=1)
    return yes_no((responses >= SHARE_OF_VISITS * planned) & (planned > 0))


RESP75 = Endpoint(
    code="RESP75",
    label="Responded at 75 % or more of planned assessments",
    unit="%",
    benefit="higher",
    source=f"{HETROM}; planned visits as denominator, missing as non-response, rescue voids: assumed",
    summary="rate",
    evaluate=sustained_response,
)


def doubling(records: Records, study: Study) -> Evaluated:
    """Count of at least 30 and twice the baseline at least once to the assessment day, counts after rescue included."""
    return yes_no(_doubled(records, study).any(axis=1))


RESP2X = Endpoint(
    code="RESP2X",
    label="Count of at least 30 and twice baseline at least once, as observed",
    unit="%",
    benefit="higher",
    source=HETROM,
    summary="rate",
    evaluate=doubling,
)


def doubling_rescue_free(records: Records, study: Study) -> Evaluated:
    """Count of at least 30 and twice the baseline at least once before the first rescue, to the assessment day.

    A stop by the dose rule counts as a rescue.
    """
    return yes_no((_doubled(records, study) & _before_rescue(records)).any(axis=1))


RESP2XRF = Endpoint(
    code="RESP2XRF",
    label="Count of at least 30 and twice baseline at least once before any rescue",
    unit="%",
    benefit="higher",
    source=f"{HETROM}, with counts from the first rescue on left out",
    summary="rate",
    evaluate=doubling_rescue_free,
)


class Runs(NamedTuple):
    """Continuous responses of n patients: ``longest`` and ``total`` days (0: no run of two visits); ``responses``."""

    longest: Array
    total: Array
    responses: Array


def response_runs(records: Records, study: Study) -> Runs:
    """Runs of consecutive planned visits with a response before rescue, from the first to the last actual day.

    A missed visit ends a run. A single response has no duration. A stop by the dose rule counts as a rescue.
    """
    inside = _to_assessment(records, study)
    response = (_responses(records, study) & _before_rescue(records))[:, inside]
    days = records.days[:, inside]
    longest, total, started = np.zeros(records.n), np.zeros(records.n), np.full(records.n, np.nan)
    for visit in range(days.shape[1]):
        continued = response[:, visit] & ~np.isnan(started)
        started = np.where(response[:, visit], np.where(continued, started, days[:, visit]), np.nan)
        length = np.where(continued, days[:, visit] - started, 0.0)
        step = np.where(continued, days[:, visit] - days[:, visit - 1], 0.0)
        longest, total = np.maximum(longest, length), total + step
    return Runs(longest, total, response.sum(axis=1).astype(np.float64))


def _no_duration(runs: Runs) -> np.ndarray:
    single = "no two consecutive visits with a response"
    return np.where(runs.longest > 0, "", np.where(runs.responses > 0, single, "no response"))


def longest_response(records: Records, study: Study) -> Evaluated:
    """Longest continuous response in days, of patients with a response at two consecutive visits.

    Rescue, or a stop by the dose rule, ends it.
    """
    runs = response_runs(records, study)
    return measured(runs.longest, _no_duration(runs))


DURATION = f"{HETROM}; definition inferred from the printed ranges (6 to 54 d) and numbers of patients"
MAXDUR = Endpoint(
    code="MAXDUR",
    label="Longest continuous response",
    unit="d",
    benefit="higher",
    source=DURATION,
    summary="median",
    evaluate=longest_response,
)


def total_response(records: Records, study: Study) -> Evaluated:
    """Sum of all continuous responses in days, of patients with a response at two consecutive visits.

    Rescue, or a stop by the dose rule, ends the last one.
    """
    runs = response_runs(records, study)
    return measured(runs.total, _no_duration(runs))


TOTDUR = Endpoint(
    code="TOTDUR",
    label="Total duration of response",
    unit="d",
    benefit="higher",
    source=DURATION,
    summary="median",
    evaluate=total_response,
)


def rescue(records: Records, study: Study) -> Evaluated:
    """Rescue therapy on or before the assessment visit."""
    return yes_no(records.rescue_day <= _day_of_assessment(records, study))


RESCUE = Endpoint(
    code="RESCUE",
    label="Rescue therapy by {long}",
    unit="%",
    benefit="lower",
    source=HETROM,
    summary="rate",
    evaluate=rescue,
)


def _worst_bleeding(records: Records, study: Study, grade: int) -> Evaluated:
    grades = records.bleeding[:, _to_assessment(records, study)]
    seen = ~np.isnan(grades)
    reason = np.where(seen.any(axis=1), "", "no bleeding assessment after baseline")
    return yes_no((grades >= grade).any(axis=1), reason)


def bleeding(records: Records, study: Study) -> Evaluated:
    """WHO bleeding of any grade at a visit after baseline, to the assessment day."""
    return _worst_bleeding(records, study, 1)


BLEED = Endpoint(
    code="BLEED",
    label="WHO bleeding, any grade (proxy)",
    unit="%",
    benefit="lower",
    source=f"{HETROM}; proxy: bleeding is drawn from the platelet count, not from a bleeding model of its own",
    summary="rate",
    evaluate=bleeding,
)


def clinically_relevant_bleeding(records: Records, study: Study) -> Evaluated:
    """WHO bleeding of grade 2 or more at a visit after baseline, to the assessment day."""
    return _worst_bleeding(records, study, 2)


BLEED2 = Endpoint(
    code="BLEED2",
    label="WHO bleeding, grade 2 or more (proxy)",
    unit="%",
    benefit="lower",
    source=f"{HETROM}; proxy: bleeding is drawn from the platelet count, not from a bleeding model of its own",
    summary="rate",
    evaluate=clinically_relevant_bleeding,
)


def completion(records: Records, study: Study) -> Evaluated:
    """Completed the study period, on study drug or after the dose rule stopped it."""
    return yes_no(records.completed)


COMPL = Endpoint(
    code="COMPL",
    label="Completed the treatment period",
    unit="%",
    benefit="higher",
    source="Mei 2021, J Hematol Oncol 14:37 (PMC7905908), abstract: 395 of 424",
    summary="rate",
    evaluate=completion,
    pooled=True,
)


def treatment_stopped(records: Records, study: Study) -> Evaluated:
    """Study drug (or sham) stopped for good by the dose rule at any time; the patient stays in the study."""
    return yes_no(np.isfinite(records.stopped_day))


STOPPED = Endpoint(
    code="STOPPED",
    label="Treatment stopped by the dose rule",
    unit="%",
    benefit="lower",
    source="dose ledger; discontinuing treatment is not leaving the study: ICH E9(R1)",
    summary="rate",
    evaluate=treatment_stopped,
    needs_stop=True,
)

RESPONSE_ENDPOINTS: tuple[Endpoint, ...] = (
    RESPW,
    RESP1,
    RESP1RF,
    RESP75,
    RESP2X,
    RESP2XRF,
    MAXDUR,
    TOTDUR,
    RESCUE,
    BLEED,
    BLEED2,
    COMPL,
    STOPPED,
)
