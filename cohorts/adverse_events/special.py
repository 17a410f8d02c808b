"""Events of special interest: ALT of 3 times normal (exposure-weak) and thromboembolism (count, wide prior)."""

from math import log

from cohorts import references as cite
from cohorts.adverse_events.proxy import Z_95, Prior, Proxy
from cohorts.citations import THIS_ENGINE, Source

CHOICE = Source(THIS_ENGINE, "assumed")
TRANSAMINASES = Source(cite.SHEN_2023, "abstract: elevated transaminase levels")
THROMBOSIS = Source(cite.SHEN_2024, "abstract")


def log_sd_of(low: float, high: float) -> float:
    """SD of the logarithm behind a printed 95 % interval of a ratio."""
    return log(high / low) / (2 * Z_95)


ALT3 = Proxy(
    code="ALT3",
    term="ALT of 3 times the upper limit of normal or more",
    background=Prior(
        0.06, 0.7, "1/y", CHOICE, "assumed", "3 % in 6 months",
        note="placebo of the class, as two patients in sixty would show; no figure was seen in print",
    ),
    ratio=Prior(
        1.09, log_sd_of(0.68, 1.74), "1", TRANSAMINASES, "derived", "relative risk 1.09 (0.68 to 1.74)",
        note="any elevation, three drugs; taken for 3 times normal and as a ratio of rates; no dependence on exposure",
    ),
)  # fmt: skip
TE = Proxy(
    code="TE",
    term="Thromboembolic event",
    background=Prior(
        0.02, 1.0, "1/y", CHOICE, "assumed", "4 events in the control groups of 1,698 patients",
        note="if a third of them were controls, for 4 months on average; both assumed",
    ),
    ratio=Prior(
        1.76, log_sd_of(0.78, 4.00), "1", THROMBOSIS, "derived", "odds ratio 1.76 (0.78 to 4.00)",
        note="taken as a ratio of rates, because events are rare",
    ),
    doubling=Prior(
        1.2, 0.3, "1", CHOICE, "assumed",
        note="ratio per doubling of the count above 150; nothing printed, part of it may be in the odds ratio already",
    ),
)  # fmt: skip
