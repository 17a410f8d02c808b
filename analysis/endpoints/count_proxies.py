"""Tolerability: what the platelet counts and the dose ledger can say. Proxies, not adverse events, and named so."""

from __future__ import annotations

from functools import partial

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, no_count, yes_no
from analysis.endpoints.records import Array, Flags, Records, Texts
from cohorts.elementary import log
from trial.study.study import Study

PROXY = "proxy chosen here; nearest published row: Mei 2021 (PMC7905908) Table 4, "
INCREASED = f"{PROXY}adverse event 'platelet count increased'"
CHANGED = f"{PROXY}interruption or reduction for an adverse event (both together)"
LEVEL = "proxy chosen here: levels 250, 400 and 1000 of platelet safety tables; nothing printed for hetrombopag"
STOPPING = "proxy of depressed thrombopoietin after stopping: "
AFTER_STOP_DAYS = 28


def ever_above(records: Records, study: Study, limit_1e9L: float) -> Evaluated:
    """Any reported count above the limit at a visit after baseline, whole period."""
    return yes_no((records.counts > limit_1e9L).any(axis=1), no_count(records))


def _ever_above(limit_1e9L: float, source: str) -> Endpoint:
    return Endpoint(
        code=f"PLT{limit_1e9L:g}",
        label=f"Any count above {limit_1e9L:g} (proxy)",
        unit="%",
        benefit="lower",
        source=source,
        summary="rate",
        evaluate=partial(ever_above, limit_1e9L=limit_1e9L),
    )


PLT250, PLT400 = (_ever_above(limit, INCREASED) for limit in (250.0, 400.0))
PLT1000 = _ever_above(1000.0, LEVEL)


def days_above(records: Records, limit_1e9L: float) -> Array:
    """Days (n,) above a count from baseline to the last count, log counts joined by straight lines.

    A missed visit is bridged; a count below 1 is taken as 1.
    """
    limit = log(limit_1e9L)
    height, day, total = (
        log(np.maximum(records.baseline, 1.0)) - limit,
        np.zeros(records.n),
        np.zeros(records.n),
    )
    for count, at in zip(records.counts.T, records.days.T, strict=True):
        seen = ~np.isnan(count)
        now = log(np.maximum(np.where(seen, count, 1.0), 1.0)) - limit
        total += np.where(seen, (at - day) * _share_above_zero(height, now), 0.0)
        height, day = np.where(seen, now, height), np.where(seen, at, day)
    return total


def _share_above_zero(a: Array, b: Array) -> Array:
    """Share of a straight line from a to b that lies above 0."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    crossing = np.divide(high, high - low, out=np.zeros_like(high), where=high > low)
    return np.where(high <= 0, 0.0, np.where(low >= 0, 1.0, crossing))


def days_with_more(records: Records, study: Study, limit_1e9L: float) -> Evaluated:
    """Days with a count above the limit, log counts joined by straight lines between visits, whole period."""
    return measured(days_above(records, limit_1e9L), no_count(records))


def _days_with_more(limit_1e9L: float) -> Endpoint:
    return Endpoint(
        code=f"DAYS{limit_1e9L:g}",
        label=f"Days with a count above {limit_1e9L:g} (proxy)",
        unit="d",
        benefit="lower",
        source=LEVEL,
        summary="mean",
        evaluate=partial(days_with_more, limit_1e9L=limit_1e9L),
    )


DAYS250, DAYS400, DAYS1000 = (_days_with_more(limit) for limit in (250.0, 400.0, 1000.0))


def _after_stopping(records: Records, study: Study) -> tuple[Flags, Texts]:
    """(n, V) counts in the 28 days after the day that follows the last dose, and why a patient has none.

    The count on that day still belongs to treatment. A dose held to the end of the study is a last dose, and so is the
    one before a stop by the dose rule, and the last active one of who goes on with placebo from chemotherapy on.
    """
    since = records.days - records.stop_day[:, None]
    inside = (since > 0) & (since <= AFTER_STOP_DAYS) & ~np.isnan(records.counts)
    reason = np.where(inside.any(axis=1), "", "no count within 28 days of the last dose")
    if study.treatment_days is not None and not (records.planned > study.treatment_days).any():
        early = np.isfinite(records.stopped_day) | (
            _by_chemotherapy(study)[records.arm] & (records.stop_day < study.treatment_days)
        )
        reason = np.where(early, reason, "no visit planned after the end of treatment")
    return inside, reason


def _by_chemotherapy(study: Study) -> Flags:
    """(A,) arms in which chemotherapy says when active drug is taken."""
    around = bool(study.chemotherapy and study.chemotherapy.drug_days)
    return np.array([around or arm.until_chemotherapy for arm in study.arms])


def rebound(records: Records, study: Study) -> Evaluated:
    """Within 28 days of the last dose a count below 10 x 10^9/L that is at least 10 below baseline."""
    inside, reason = _after_stopping(records, study)
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


def rebound_relative(records: Records, study: Study) -> Evaluated:
    """Within 28 days of the last dose a count below 75 % of baseline."""
    inside, reason = _after_stopping(records, study)
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


def reduction(records: Records, study: Study) -> Evaluated:
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


def interruption(records: Records, study: Study) -> Evaluated:
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
