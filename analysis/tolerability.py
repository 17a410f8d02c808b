"""Tolerability: what the platelet counts and the dose ledger can say. Proxies, not adverse events, and named so."""

from __future__ import annotations

import numpy as np

from analysis.endpoint import Endpoint, Evaluated, Settings, yes_no
from analysis.records import Records

PROXY = "proxy chosen here; nearest published row: Mei 2021 (PMC7905908) Table 4, "
INCREASED = f"{PROXY}adverse event 'platelet count increased'"
CHANGED = f"{PROXY}interruption or reduction for an adverse event (both together)"


def _any_count_above(records: Records, limit_1e9L: float) -> Evaluated:
    seen = ~np.isnan(records.counts)
    reason = np.where(seen.any(axis=1), "", "no count after baseline")
    return yes_no((records.counts > limit_1e9L).any(axis=1), reason)


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

TOLERABILITY_ENDPOINTS: tuple[Endpoint, ...] = (PLT250, PLT400, REDUCE, INTERRUPT)
