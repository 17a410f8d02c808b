"""Simulated adverse events: share of patients with at least one, and the time to the first.

Proxies drawn from rates with priors (``cohorts.adverse_events``), not predictions; one endpoint per proxy.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, yes_no
from analysis.endpoints.records import Records
from analysis.endpoints.time_to_event import Times, TimeTo, watched
from cohorts.adverse_events import PROXIES, Proxy
from trial.study.study import Study


def occurred(records: Records, study: Study, code: str) -> Evaluated:
    """At least one simulated event of the proxy while in the study, on or off drug."""
    missing = "" if code in study.proxies else "not simulated in this study"
    never = np.full(records.n, np.inf)
    return yes_no(np.isfinite(records.adverse.get(code, never)), missing)


def source(proxy: Proxy) -> str:
    """Where the rates come from and how wide the priors are, in one sentence."""
    value, low, high = proxy.drug_ratio
    drug = proxy.on_drug or proxy.ratio
    assert drug is not None
    said = f"proxy, drawn from rates; background: {proxy.background.source.text}; drug: {drug.source.text}"
    return f"{said}; 95 % prior range of the drug's rate ratio {low:.2g} to {high:.2g} (median {value:.2g})"


def _endpoint(proxy: Proxy) -> Endpoint:
    return Endpoint(
        code=f"AE_{proxy.code}",
        label=f"Simulated: {proxy.term} (proxy)",
        unit="%",
        benefit="lower",
        source=source(proxy),
        summary="rate",
        evaluate=partial(occurred, code=proxy.code),
        proxy=proxy.code,
    )


ADVERSE_ENDPOINTS: tuple[Endpoint, ...] = tuple(_endpoint(proxy) for proxy in PROXIES)


def first_event(records: Records, study: Study, code: str) -> Times:
    """Days at risk to the first simulated event, its day included, or to the last day in the study."""
    first = records.adverse.get(code, np.full(records.n, np.inf))
    day = np.where(np.isfinite(first), np.minimum(first + 1, records.last_day), np.inf)
    return watched(day, records.last_day, records)


def _time_to(proxy: Proxy) -> TimeTo:
    return TimeTo(
        code=f"AE_{proxy.code}",
        label=f"Simulated: {proxy.term}",
        source=source(proxy),
        estimand="first simulated event; the day of the event counts as a whole day at risk. Leaving censors.",
        times=partial(first_event, code=proxy.code),
        proxy=proxy.code,
    )


ADVERSE_TIMES: tuple[TimeTo, ...] = tuple(_time_to(proxy) for proxy in PROXIES)
