"""Tolerability: what the platelet counts and the dose ledger can say. Proxies, not adverse events, and named so."""

from __future__ import annotations

import numpy as np

from analysis.endpoint import Endpoint, Evaluated, Settings, measured, yes_no
from analysis.records import Array, Flags, Records, Texts

PROXY = "proxy chosen here; nearest published row: Mei 2021 (PMC7905908) Table 4, "
INCREASED = f"{PROXY}adverse event 'platelet count increased'"
CHANGED = f"{PROXY}interruption or reduction for an adverse event (both together)"
LEVEL = "proxy chosen here: levels 250, 400 and 1000 of platelet safety tables; nothing printed for hetrombopag"
STOPPING = "proxy of depressed thrombopoietin after stopping: "
AFTER_STOP_DAYS = 28


def _no_count(records: Records) -> Texts:
    return np.where(np.isnan(records.counts).all(axis=1), "no count after baseline", "")


def _any_count_above(records: Records, limit_1e9L: float) -> Evaluated:
    return yes_no((records.counts > limit_1e9L).any(axis=1), _no_count(records))


def above_250(records: Records, settings: Settings) -> Evaluated:
    """Any reported count above 250 x 10^9/L at a visit after baseline, whole period."""
    return _any_count_above(records, 250.0)


PLT250 = Endpoint(
    code="PLT250",
    label="Any count above 250 (proxy)",
    unit="%",
    benefit="lower",
    source=INCREASED,
    summary="rate",
    evaluate=above_250,
)


def above_400(records: Records, settings: Settings) -> Evaluated:
    """Any reported count above 400 x 10^9/L at a visit after baseline, whole period."""
    return _any_count_above(records, 400.0)


PLT400 = Endpoint(
    code="PLT400",
    label="Any count above 400 (proxy)",
    unit="%",
    benefit="lower",
    source=INCREASED,
    summary="rate",
    evaluate=above_400,
)


def above_1000(records: Records, settings: Settings) -> Evaluated:
    """Any reported count above 1000 x 10^9/L at a visit after baseline, whole period."""
    return _any_count_above(records, 1000.0)


PLT1000 = Endpoint(
    code="PLT1000",
    label="Any count above 1000 (proxy)",
    unit="%",
    benefit="lower",
    source=LEVEL,
    summary="rate",
    evaluate=above_1000,
)


def days_above(records: Records, limit_1e9L: float) -> Array:
    """Days (n,) above a count from baseline to the last count, log counts joined by straight lines.

    A missed visit is bridged; a count below 1 is taken as 1.
    """
    limit = np.log(limit_1e9L)
    height, day, total = np.log(np.maximum(records.baseline, 1.0)) - limit, np.zeros(records.n), np.zeros(records.n)
    for count, at in zip(records.counts.T, records.days.T, strict=True):
        seen = ~np.isnan(count)
        now = np.log(np.maximum(np.where(seen, count, 1.0), 1.0)) - limit
        total += np.where(seen, (at - day) * _share_above_zero(height, now), 0.0)
        height, day = np.where(seen, now, height), np.where(seen, at, day)
    return total


def _share_above_zero(a: Array, b: Array) -> Array:
    """Share of a straight line from a to b that lies above 0."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    crossing = np.divide(high, high - low, out=np.zeros_like(high), where=high > low)
    return np.where(high <= 0, 0.0, np.where(low >= 0, 1.0, crossing))


def days_above_250(records: Records, settings: Settings) -> Evaluated:
    """Days with a count above 250 x 10^9/L, log counts joined by straight lines between visits, whole period."""
    return measured(days_above(records, 250.0), _no_count(records))


DAYS250 = Endpoint(
    code="DAYS250",
    label="Days with a count above 250 (proxy)",
    unit="d",
    benefit="lower",
    source=LEVEL,
    summary="mean",
    evaluate=days_above_250,
)


def days_above_400(records: Records, settings: Settings) -> Evaluated:
    """Days with a count above 400 x 10^9/L, log counts joined by straight lines between visits, whole period."""
    return measured(days_above(records, 400.0), _no_count(records))


DAYS400 = Endpoint(
    code="DAYS400",
    label="Days with a count above 400 (proxy)",
    unit="d",
    benefit="lower",
    source=LEVEL,
    summary="mean",
    evaluate=days_above_400,
)


def days_above_1000(records: Records, settings: Settings) -> Evaluated:
    """Days with a count above 1000 x 10^9/L, log counts joined by straight lines between visits, whole period."""
    return measured(days_above(records, 1000.0), _no_count(records))


DAYS1000 = Endpoint(
    code="DAYS1000",
    label="Days with a count above 1000 (proxy)",
    unit="d",
    benefit="lower",
    source=LEVEL,
    summary="mean",
    evaluate=days_above_1000,
)


def _after_stopping(records: Records, settings: Settings) -> tuple[Flags, Texts]:
    """(n, V) counts in the 28 days after the day that follows the last dose, and why a patient has none.

    The count on that day still belongs to treatment. A dose held to the end of the study is a last dose.
    """
    since = records.days - records.stop_day[:, None]
    inside = (since > 0) & (since <= AFTER_STOP_DAYS) & ~np.isnan(records.counts)
    reason = np.where(inside.any(axis=1), "", "no count within 28 days of the last dose")
    if settings.treatment_days is not None and not (records.planned > settings.treatment_days).any():
        reason = np.full(records.n, "no visit planned after the end of treatment")
    return inside, reason


def rebound(records: Records, settings: Settings) -> Evaluated:
    """Within 28 days of the last dose a count below 10 x 10^9/L that is at least 10 below baseline."""
    inside, reason = _after_stopping(records, settings)
    low = (records.counts < 10.0) & (records.counts <= records.baseline[:, None] - 10.0)
    return yes_no((inside & low).any(axis=1), reason)


REBOUND = Endpoint(
    code="REBOUND",
    label="Count below 10 and 10 below baseline within 28 days of stopping (proxy)",
    unit="%",
    benefit="lower",
    source=f"{STOPPING}definition of the eltrombopag label, quoted from memory",
    summary="rate",
    evaluate=rebound,
)


def rebound_relative(records: Records, settings: Settings) -> Evaluated:
    """Within 28 days of the last dose a count below 75 % of baseline."""
    inside, reason = _after_stopping(records, settings)
    return yes_no((inside & (records.counts < 0.75 * records.baseline[:, None])).any(axis=1), reason)


REBOUND2 = Endpoint(
    code="REBOUND2",
    label="Count below 75 % of baseline within 28 days of stopping (proxy)",
    unit="%",
    benefit="lower",
    source=f"{STOPPING}75 % chosen here",
    summary="rate",
    evaluate=rebound_relative,
)


def reduction(records: Records, settings: Settings) -> Evaluated:
    """At least one reduction by the dose rule (sham included); a lower restart after an interruption is not one."""
    return yes_no(records.reduced)


REDUCE = Endpoint(
    code="REDUCE",
    label="Dose reduced by the dose rule (proxy)",
    unit="%",
    benefit="none",
    source=CHANGED,
    summary="rate",
    evaluate=reduction,
)


def interruption(records: Records, settings: Settings) -> Evaluated:
    """At least one interruption by the dose rule (sham included)."""
    return yes_no(records.interrupted)


INTERRUPT = Endpoint(
    code="INTERRUPT",
    label="Dose interrupted by the dose rule (proxy)",
    unit="%",
    benefit="none",
    source=CHANGED,
    summary="rate",
    evaluate=interruption,
)

TOLERABILITY_ENDPOINTS: tuple[Endpoint, ...] = (
    PLT250,
    PLT400,
    PLT1000,
    DAYS250,
    DAYS400,
    DAYS1000,
    REBOUND,
    REBOUND2,
    REDUCE,
    INTERRUPT,
)
