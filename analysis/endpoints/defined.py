"""Endpoints that a study defines as data: see ``trial.study.response_definition``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, yes_no
from analysis.endpoints.durable import days_each_visit_stands_for
from analysis.endpoints.off_drug import NO_RESPONSE, had_one
from analysis.endpoints.records import Array, Flags, Records, Texts
from trial.study.response_definition import ResponseDefinition, in_window
from trial.study.study import Study

UNITS = {"responder": "%", "visits": "visits", "weeks": "wk"}
WEEK = 7.0
ROUNDED = 1e-9
"""Of a share of visits: 0.28 of 25 are 7."""


def defined(
    definitions: Sequence[ResponseDefinition], known: Mapping[str, Endpoint], threshold: float, assessment_day: int
) -> dict[str, Endpoint]:
    """The endpoints of the ``definitions`` by code, which may name those that are ``known`` and earlier ones."""
    found: dict[str, Endpoint] = {}
    all_known = dict(known)
    for one in definitions:
        other = all_known.get(one.unless) if one.unless else None
        found[one.id] = Endpoint(
            code=one.id,
            label=one.label,
            unit=UNITS[one.result],
            benefit="higher",
            source=one.source,
            summary="rate" if one.result == "responder" else "median",
            evaluate=partial(_evaluate, one, other),
            words=one.in_words(threshold, assessment_day),
        )
        all_known[one.id] = found[one.id]
    return found


def _evaluate(one: ResponseDefinition, unless: Endpoint | None, records: Records, study: Study) -> Evaluated:
    window = _window(one, records, study)
    at_all = _responses(one, records, study)
    response = at_all & window
    if one.result == "visits":
        return measured(response.sum(axis=1).astype(np.float64), np.full(records.n, ""))
    if one.result == "weeks":
        return measured(response @ days_each_visit_stands_for(records) / WEEK, np.full(records.n, ""))
    yes, reason = _responder(one, response, window, records)
    yes &= ~_failed(one, window, records)
    if one.of_responders:
        reason = np.where(had_one(at_all, records), reason, NO_RESPONSE)
    if unless is not None:
        other = unless.evaluate(records, study)
        reason = np.where(yes & (reason == ""), other.reason, reason)
        yes &= other.value != 1
    return yes_no(yes, reason)


def _window(one: ResponseDefinition, records: Records, study: Study) -> Flags:
    """(n, V) planned visits of the window; none of a patient who is not watched for all of his days off drug."""
    if one.off_drug_days is not None:
        start, end = records.stop_day[:, None], records.stop_day[:, None] + one.off_drug_days
        watched = records.planned.max(initial=0) >= end
        return (records.planned >= start) & (records.planned <= end) & watched
    days, last, assessed = study.visits.days, study.treatment_days, study.analysis.assessment_day
    inside = [in_window(one, int(day), days, last, assessed) for day in records.planned]
    return np.broadcast_to(np.array(inside, dtype=bool), records.counts.shape)


def _responses(one: ResponseDefinition, records: Records, study: Study) -> Flags:
    """(n, V) visits with a response, whatever the window."""
    counts, baseline = records.counts, records.baseline[:, None]
    low = study.analysis.response_threshold_1e9L if one.at_least_1e9L is None else one.at_least_1e9L
    yes = counts >= np.maximum(low, (one.times_baseline or 0.0) * baseline)
    if one.above_baseline_1e9L is not None:
        yes &= counts - baseline >= one.above_baseline_1e9L
    if one.below_1e9L is not None:
        yes &= counts < one.below_1e9L
    if one.bleeding_below is not None:
        yes &= records.bleeding < one.bleeding_below
    if one.rescue == "voids":
        yes &= ~records.voids(records.days)
    elif one.rescue != "ignored":
        yes &= ~(records.days >= records.stopped_day[:, None])
    if one.rescue_days is not None:
        since = records.days[:, :, None] - records.rescues[:, None, :]
        yes &= ~((since >= 0) & (since < one.rescue_days)).any(axis=2)
    return yes


def _responder(one: ResponseDefinition, response: Flags, window: Flags, records: Records) -> tuple[Flags, Texts]:
    """(n,) who has as many responses as are asked for, and why a patient cannot be judged."""
    seen = window & ~np.isnan(records.counts)
    asked = (seen if one.missing == "left_out" else window).sum(axis=1)
    enough = response.sum(axis=1) >= np.maximum(one.needed, (one.share or 0.0) * asked - ROUNDED)
    if one.in_a_row:
        enough = _longest_row(response) >= one.needed
    if one.days_apart is not None:
        day = np.where(response, records.days, np.nan)
        enough &= np.fmax.reduce(day, axis=1) - np.fmin.reduce(day, axis=1) >= one.days_apart
    none = (one.missing == "left_out") & ~seen.any(axis=1)
    return enough, np.where(none, "no count in the window", "")


def _longest_row(response: Flags) -> Array:
    """(n,) the most visits in a row with a response."""
    row, longest = np.zeros((2, len(response)))
    for visit in response.T:
        row = (row + 1) * visit
        longest = np.maximum(longest, row)
    return longest


def _failed(one: ResponseDefinition, window: Flags, records: Records) -> Flags:
    """(n,) whom a rescue, or a stop by the dose rule, up to the last visit of the window makes a no."""
    if one.rescue != "fails":
        return np.zeros(records.n, dtype=bool)
    planned = np.where(window, records.planned, 0).max(axis=1, initial=0)
    actual = np.fmax.reduce(np.where(window, records.days, np.nan), axis=1, initial=0)
    return np.minimum(records.rescue_day, records.stopped_day) <= np.maximum(planned, actual)
