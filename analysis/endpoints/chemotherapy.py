"""Endpoints of studies with chemotherapy; a cycle starts with its first dose and ends with that of the next one.

A count on the day of a dose is read before it, so it belongs to the cycle that ends.
"""

from __future__ import annotations

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, yes_no
from analysis.endpoints.records import Array, Flags, Records
from trial.study.study import Study

CIT = "NCT05864014 (abstract in Blood): count of 100 within 14 days and cycle 1 completed with 75 at day 21 (+4)"
RECOVERED_1E9L, READY_DAYS = 100.0, 14
KEPT_1E9L, DAY_21, WINDOW_DAYS = 75.0, 21, 4


def _cycle_nadirs(records: Records) -> Array:
    """(n, C) lowest count of each cycle, NaN where the cycle was not given or has no count."""
    start = records.chemotherapy
    following = np.column_stack([start[:, 1:], np.full(records.n, np.nan)])[:, : start.shape[1]]
    end = np.where(np.isnan(following), np.inf, following)
    days, counts = records.days[:, None, :], records.counts[:, None, :]
    inside = (days > start[:, :, None]) & (days <= end[:, :, None])
    lowest = np.where(inside, counts, np.inf).min(axis=2, initial=np.inf)
    return np.where(np.isinf(lowest), np.nan, lowest)


def nadir(records: Records, study: Study) -> Evaluated:
    """Mean over the chemotherapy cycles from the second on of the lowest count in the cycle (10^9/L), as observed.

    A cycle without a count is left out of the mean.
    """
    lowest = _cycle_nadirs(records)[:, 1:]
    seen = ~np.isnan(lowest)
    cycles = (~np.isnan(records.chemotherapy)).sum(axis=1)
    reason = np.where(seen.any(axis=1), "", "no count in a cycle after the first")
    reason = np.where(cycles == 1, "only one cycle of chemotherapy", reason)
    reason = np.where(cycles == 0, "no chemotherapy", reason)
    return measured(np.where(seen, lowest, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1), reason)


NADIR = Endpoint(
    code="NADIR",
    label="Mean lowest count of the chemotherapy cycles from the second on",
    unit="10^9/L",
    benefit="higher",
    source="eltrombopag with gemcitabine, phase I: Winer 2015, mean nadir of cycles 2 to 6",
    summary="mean",
    evaluate=nadir,
    needs_chemotherapy=True,
)


def _first_count_in(inside: Flags, records: Records) -> tuple[Array, Array]:
    """Count and actual day of the first count at the visits ``inside`` (n, V); NaN where there is none."""
    seen = inside & ~np.isnan(records.counts)
    first = seen.argmax(axis=1)[:, None]
    count, day = (np.take_along_axis(a, first, axis=1)[:, 0] for a in (records.counts, records.days))
    return np.where(seen.any(axis=1), count, np.nan), np.where(seen.any(axis=1), day, np.nan)


def chemotherapy_response(records: Records, study: Study) -> Evaluated:
    """A count of at least 100 within 14 days, cycle 1 given, and at least 75 at its day 21 (+4) without rescue to then.

    Day 21 (+4) is the first count 21 to 25 days after the first chemotherapy. Without chemotherapy or without that
    count the answer is no. A stop by the dose rule counts as a rescue.
    """
    early = records.days <= READY_DAYS
    recovered = (early & (records.counts >= RECOVERED_1E9L)).any(axis=1)
    if not records.chemotherapy.shape[1]:
        return yes_no(np.zeros(records.n, dtype=bool))
    since = records.days - records.chemotherapy[:, :1]
    count, day = _first_count_in((since >= DAY_21) & (since <= DAY_21 + WINDOW_DAYS), records)
    return yes_no(recovered & (count >= KEPT_1E9L) & (records.failed_day > day))


CITRESP = Endpoint(
    code="CITRESP",
    label="Count of 100 within 14 days, cycle 1 given, 75 at its day 21 (+4), no rescue",
    unit="%",
    benefit="higher",
    source=f"{CIT}; a missing count and no chemotherapy as non-response: assumed",
    summary="rate",
    evaluate=chemotherapy_response,
    needs_chemotherapy=True,
)

DELAY_DAYS = 7
"""A cycle that begins so many days late, or more, is delayed: a week in NCT05864014 and NCT05261646."""


def _as_planned(records: Records, study: Study) -> tuple[Flags, Flags]:
    """(n, C - 1) each: the second and later cycles that begin less than DELAY_DAYS late and at the full dose, and those
    that would begin before the last visit on schedule after the first.
    """
    plan = study.chemotherapy
    assert plan is not None
    start = np.column_stack([records.chemotherapy, np.full((records.n, plan.cycles), np.nan)])[:, : plan.cycles]
    share = np.column_stack([records.chemo_share, np.ones((records.n, plan.cycles))])[:, : plan.cycles]
    late = np.diff(start, axis=1) - plan.cycle_days
    kept = (late < DELAY_DAYS) & (share[:, 1:] >= 1.0)
    due = start[:, :1] + plan.cycle_days * np.arange(1, plan.cycles)
    return kept, due < study.visits.days[-1]


def all_as_planned(records: Records, study: Study) -> Evaluated:
    """Every cycle after the first that could begin before the last visit began on schedule and at the full dose.

    Who left before one, or never had chemotherapy, has not.
    """
    kept, due = _as_planned(records, study)
    reason = np.where(due.any(axis=1), "", "no cycle after the first was due")
    reason = np.where(records.chemotherapy.shape[1] and ~np.isnan(records.chemotherapy[:, 0]), reason, "")
    return yes_no((kept | ~due).all(axis=1) & due.any(axis=1), reason)


def two_in_a_row(records: Records, study: Study) -> Evaluated:
    """Two cycles in a row after the first began on schedule and at the full dose."""
    kept, _ = _as_planned(records, study)
    return yes_no((kept[:, 1:] & kept[:, :-1]).any(axis=1))


CHEMOPLAN = Endpoint(
    code="CHEMOPL",
    label="Every due cycle of chemotherapy on schedule and at the full dose",
    unit="%",
    benefit="higher",
    source="cycles kept on schedule and at full dose; a delay of a week as in NCT05864014: assumed",
    summary="rate",
    evaluate=all_as_planned,
    needs_chemotherapy=True,
    needs_waiting=True,
)
TWO_CYCLES = Endpoint(
    code="CHEMO2",
    label="Two cycles of chemotherapy in a row on schedule and at the full dose",
    unit="%",
    benefit="higher",
    source="NCT05261646: two consecutive cycles without modification because of a count below 100; any two: assumed",
    summary="rate",
    evaluate=two_in_a_row,
    needs_chemotherapy=True,
    needs_waiting=True,
)

CHEMOTHERAPY_ENDPOINTS: tuple[Endpoint, ...] = (NADIR, CITRESP, CHEMOPLAN, TWO_CYCLES)
