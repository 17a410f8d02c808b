"""Common adverse events: rates from Table 4 of Mei 2021, weeks 0 to 10; background from placebo, both doses pooled; how
they fall from weeks 0 to 24 beside weeks 0 to 10, on drug.
"""

from math import log, sqrt

from cohorts import references as cite
from cohorts.adverse_events.proxy import DAYS_PER_YEAR, EARLY_DAYS, Prior, Proxy
from cohorts.citations import Source

TABLE_4 = Source(cite.MEI_2021, "Table 4, weeks 0 to 10")
BOTH_PERIODS = Source(cite.MEI_2021, "Table 4, weeks 0 to 10 and weeks 0 to 24, hetrombopag")
DAYS, LAST_DAY = EARLY_DAYS, 168
DOSES, PLACEBO = (168, 171), 85
DERIVED = "-ln(1 - p) / 70 days: everybody seen for all 10 weeks (assumed); log SD of the binomial"
FALLS = (
    "hazard of weeks 11 to 24 over that of weeks 1 to 10, each -ln(1 - p) of those without event before, by its days; "
    "everybody on drug and seen for all 24 weeks, and the same ratio without drug: assumed; log SD of the two binomials"
)


def rate(events: int, n: int, reported_as: str) -> Prior:
    """Hazard per year of a first event in ``events`` of ``n`` patients within 70 days; log SD by the delta method."""
    p = events / n
    hazard = -log(1 - p)
    log_sd = sqrt(p / (n * (1 - p))) / hazard
    return Prior(hazard * DAYS_PER_YEAR / DAYS, log_sd, "1/y", TABLE_4, "derived", reported_as, DERIVED)


def later(early: int, late: int, n: int) -> Prior:
    """Ratio of the hazard after 70 days, with a first event in ``early`` of ``n`` patients within 70 and in ``late``
    within 168 days; log SD by the delta method, the two periods being independent binomials.
    """
    first, then = rate(early, n, ""), rate(late - early, n - early, "")
    ratio = then.value * DAYS / (LAST_DAY - DAYS) / first.value
    log_sd = sqrt(first.log_sd**2 + then.log_sd**2)
    return Prior(ratio, log_sd, "1", BOTH_PERIODS, "derived", f"{early}/{n} and {late}/{n}", FALLS)


def _proxy(code: str, term: str, low: int, high: int, placebo: int, late: int) -> Proxy:
    early, n = low + high, sum(DOSES)
    drug = rate(early, n, f"{low}/{DOSES[0]} and {high}/{DOSES[1]}")
    background = rate(placebo, PLACEBO, f"{placebo}/{PLACEBO}")
    return Proxy(code, term, background, on_drug=drug, later=later(early, late, n), drug="hetrombopag")


COMMON = (
    _proxy("URTI", "Upper respiratory tract infection", 44, 45, 29, 143),
    _proxy("UTI", "Urinary tract infection", 20, 28, 14, 58),
    _proxy("HEAD", "Headache", 13, 12, 8, 33),
    _proxy("DIARR", "Diarrhoea", 17, 13, 1, 39),
    _proxy("ALT", "Alanine aminotransferase increased", 11, 13, 8, 32),
    _proxy("LDH", "Lactate dehydrogenase increased", 12, 21, 6, 40),
    _proxy("HYPOK", "Hypokalaemia", 7, 10, 14, 24),
    _proxy("PROTU", "Protein in urine", 11, 7, 8, 19),
)
OVERALL = (
    _proxy("ANY", "Any adverse event", 154, 162, 81, 332),
    _proxy("SAE", "Any serious adverse event", 16, 15, 17, 49),
)
"""Drawn for themselves: they do not contain the single terms. Of events related to the drug no rate in ITP was read."""
