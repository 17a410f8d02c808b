"""A population of the catalogue with margins of the user's own: what a Table 1 prints of the people who are enrolled.

The law of the catalogue keeps its shape (spreads, correlations, limits); one number of it is moved until the margin,
after screening for that covariate alone, is the one that was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, exp, floor, log

from scipy.special import expit, logit

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population, truncated_normal
from cohorts.screening import Criteria

OWN = Source(THIS_ENGINE, "the study's own margins")
SPLENECTOMY = ("SPLEN_0_1", "SPLEN_1_3", "SPLEN_3_5", "SPLEN_5_UP")
FAR = 8.0
"""How many standard deviations a mean may be moved from the margin that was asked."""
Law = Mapping[str, float]


@dataclass(frozen=True)
class MarginError(ValueError):
    """A margin that no patients of the population can have, and why."""

    margin: str
    why: str


def with_margins(population: Population, margins: Mapping[str, float], criteria: Criteria) -> Population:
    """The population with the numbers that give its eligible candidates the ``margins``, by name in ``MARGINS``.

    Ages are completed years, counts whole numbers.
    MarginError when a margin lies outside what the limits of the law and the criteria leave.
    """
    law = {p.name: p.value for p in population.parameters}
    moved: dict[str, float] = {}
    for name, value in margins.items():
        moved |= MARGINS[name](law, value, criteria)
    note = ", ".join(f"{name} {value:g}" for name, value in margins.items())
    parameters = tuple(
        replace(p, value=moved[p.name], source=OWN, status="assumed", reported_as=note) if p.name in moved else p
        for p in population.parameters
    )
    return replace(population, parameters=parameters)


def _age(law: Law, median: float, criteria: Criteria) -> dict[str, float]:
    low = max(law["AGE_LOW"], criteria.age_at_least_y)
    high = min(law["AGE_HIGH"], criteria.age_at_most_y + 1.0)
    allowed = f"seen {median:g}; allowed: well between {low:g} and {high - 1.0:g}, the ages that are eligible"
    return {"AGE": _mean("age_median_y", median + 0.5, law["AGE_SD"], low, high, allowed)}


def _count(law: Law, median: float, criteria: Criteria) -> dict[str, float]:
    low = max(0.5, criteria.platelets_at_least_1e9L - 0.5)
    high = criteria.platelets_below_1e9L - 0.5
    allowed = f"seen {median:g}; allowed: well between {ceil(low):g} and {floor(high):g}, the counts that are eligible"
    mean = _mean("platelets_median_1e9L", log(median), law["PLT_LOG_SD"], log(low), log(high), allowed)
    return {"PLT": exp(mean)}


def _female(law: Law, share: float, criteria: Criteria) -> dict[str, float]:
    return {"FEMALE": share}


def _splenectomy(law: Law, share: float, criteria: Criteria) -> dict[str, float]:
    """One shift of the log odds of every class of duration."""
    from scipy.optimize import brentq

    if SPLENECTOMY[0] not in law:
        raise MarginError("splenectomised_share", f"seen {share:g}; a population without ITP has no splenectomies")
    weights = [law["ITPDUR_05_1"], law["ITPDUR_1_3"], law["ITPDUR_3_5"]]
    weights.append(1.0 - sum(weights))
    if share in (0.0, 1.0):
        return dict.fromkeys(SPLENECTOMY, share)
    odds = [logit(law[name]) for name in SPLENECTOMY]

    def off(shift: float) -> float:
        return float(sum(w * expit(o + shift) for w, o in zip(weights, odds, strict=True))) - share

    shift = brentq(off, -40.0, 40.0)
    return {name: float(expit(o + shift)) for name, o in zip(SPLENECTOMY, odds, strict=True)}


MARGINS: dict[str, Callable[[Law, float, Criteria], dict[str, float]]] = {
    "age_median_y": _age,
    "female_share": _female,
    "platelets_median_1e9L": _count,
    "splenectomised_share": _splenectomy,
}


def _mean(name: str, median: float, sd: float, low: float, high: float, allowed: str) -> float:
    """The mean of a normal law whose part in [low, high] has this median; at most ``FAR`` SD from it."""
    from scipy.optimize import brentq

    def off(mean: float) -> float:
        return float(truncated_normal(0.5, mean, sd, low, high)) - median

    ends = (median - FAR * sd, median + FAR * sd)
    if not (low < median < high and off(ends[0]) < 0.0 < off(ends[1])):
        raise MarginError(name, allowed)
    return float(brentq(off, *ends))
