"""Simulated adverse events: share of patients with at least one, and incidence per 100 patient-years.

Proxies drawn from rates with priors (``cohorts.adverse_events``), not predictions; one endpoint per proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, yes_no
from analysis.endpoints.records import Array, Codes, Records
from analysis.statistics.estimators import Interval, poisson_rate
from cohorts.adverse_events import DAYS_PER_YEAR, PROXIES, Proxy
from trial.study.study import Study

HUNDRED = 100.0


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


@dataclass(frozen=True)
class Incidence:
    """First ``events`` in ``years`` at risk, (R, A) by replicate (``replicates``, in order) and arm."""

    replicates: Codes
    events: Array
    years: Array

    @property
    def rate(self) -> Interval:
        """Per 100 patient-years with the exact Poisson interval, (R, A)."""
        return Interval(*(HUNDRED * value for value in poisson_rate(self.events, self.years)))


def incidence(records: Records, code: str) -> Incidence:
    """Exposure-adjusted incidence: first events over the time to the event or to the last day in the study.

    The day of the event counts as a whole day at risk. A patient whose solve failed is left out.
    """
    replicates, row = np.unique(records.replicate, return_inverse=True)
    first = records.adverse.get(code, np.full(records.n, np.inf))
    solved, arms = records.unsolved == "", len(records.arm_ids)
    years = np.where(solved, np.minimum(first + 1, records.last_day), 0.0) / DAYS_PER_YEAR
    cell, shape = row.ravel() * arms + records.arm, (len(replicates), arms)
    events = np.bincount(cell, np.isfinite(first) & solved, shape[0] * arms).astype(np.float64)
    at_risk = np.bincount(cell, years, shape[0] * arms).astype(np.float64)
    return Incidence(replicates, events.reshape(shape), at_risk.reshape(shape))
