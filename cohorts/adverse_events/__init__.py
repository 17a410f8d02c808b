"""Simulated adverse events, as proxies: rates with their priors, one record each."""

from cohorts.adverse_events.mei_2021 import COMMON, OVERALL
from cohorts.adverse_events.proxy import DAYS_PER_YEAR, Prior, Proxy, Rates
from cohorts.adverse_events.special import ALT3, TE

PROXIES: tuple[Proxy, ...] = (*COMMON, ALT3, TE, *OVERALL)

__all__ = ["DAYS_PER_YEAR", "PROXIES", "Prior", "Proxy", "Rates", "proxy"]


def proxy(code: str) -> Proxy:
    """The proxy with this code. Raises KeyError naming the known ones."""
    found = {p.code: p for p in PROXIES}
    if code not in found:
        raise KeyError(f"proxy {code!r} is not one of {', '.join(found)}")
    return found[code]
