"""Common adverse events: rates from Table 4 of Mei 2021, weeks 0 to 10; background from placebo, both doses pooled."""

from math import log, sqrt

from cohorts import references as cite
from cohorts.adverse_events.proxy import DAYS_PER_YEAR, Prior, Proxy
from cohorts.citations import Source

TABLE_4 = Source(cite.MEI_2021, "Table 4, weeks 0 to 10")
DAYS = 70
DOSES, PLACEBO = (168, 171), 85
DERIVED = "-ln(1 - p) / 70 days: constant hazard, everybody seen for all 10 weeks (assumed); log SD of the binomial"


def rate(events: int, n: int, reported_as: str) -> Prior:
    """Hazard per year of a first event in ``events`` of ``n`` patients within 70 days; log SD by the delta method."""
    p = events / n
    hazard = -log(1 - p)
    log_sd = sqrt(p / (n * (1 - p))) / hazard
    return Prior(hazard * DAYS_PER_YEAR / DAYS, log_sd, "1/y", TABLE_4, "derived", reported_as, DERIVED)


def _proxy(code: str, term: str, low: int, high: int, placebo: int) -> Proxy:
    drug = rate(low + high, sum(DOSES), f"{low}/{DOSES[0]} and {high}/{DOSES[1]}")
    return Proxy(code, term, rate(placebo, PLACEBO, f"{placebo}/{PLACEBO}"), on_drug=drug, drug="hetrombopag")


COMMON = (
    _proxy("URTI", "Upper respiratory tract infection", 44, 45, 29),
    _proxy("UTI", "Urinary tract infection", 20, 28, 14),
    _proxy("HEAD", "Headache", 13, 12, 8),
    _proxy("DIARR", "Diarrhoea", 17, 13, 1),
    _proxy("ALT", "Alanine aminotransferase increased", 11, 13, 8),
    _proxy("LDH", "Lactate dehydrogenase increased", 12, 21, 6),
    _proxy("HYPOK", "Hypokalaemia", 7, 10, 14),
    _proxy("PROTU", "Protein in urine", 11, 7, 8),
)
