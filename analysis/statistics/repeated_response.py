"""A yes or no at every visit: odds ratios by generalised estimating equations, visits of a patient correlated.

statsmodels' GEE with exchangeable or independent working correlation and the robust variance (Liang & Zeger, Biometrika
1986;73:13-22). Visits that are missed are left out, as if they were missed completely at random.
"""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr

from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.estimators import Z95, Interval
from analysis.statistics.least_squares import dummies
from cohorts import elementary

Working = Literal["exchangeable", "independence"]
LARGEST_ERROR = 10.0
"""A log odds ratio with a larger standard error has run away."""


class OddsRatio(NamedTuple):
    """With limits and two-sided p."""

    interval: Interval
    p: float


NO_ODDS = OddsRatio(Interval(*(np.asarray(np.nan),) * 3), float("nan"))


class Repeats(NamedTuple):
    """Odds ratios of arms (codes) against the reference arm: ``by_visit`` [arm][visit], and ``average`` [arm] over the
    visits that have one; ``correlation`` between two visits of a patient.
    """

    by_visit: dict[int, list[OddsRatio]]
    average: dict[int, OddsRatio]
    correlation: float


def odds_ratios(
    response: Array, arm: Codes, reference: int, stratum: Codes, working: Working = "exchangeable"
) -> Repeats:
    """Of ``response`` (n, V), 1, 0 or NaN, adjusted for stratum; ``arm``, ``stratum`` (n,).

    An arm in which at a visit nobody or everybody responds has no odds there, and its patients are left out at it.
    """
    visits, told = response.shape[1], _cells(response, arm)
    others = [int(code) for code in np.unique(arm) if code != reference]
    wanted = {code: [v for v in range(visits) if {(code, v), (reference, v)} <= told.keys()] for code in others}
    nothing = Repeats({code: [NO_ODDS] * visits for code in others}, dict.fromkeys(others, NO_ODDS), float("nan"))
    if not any(wanted.values()):
        return nothing
    seen = ~np.isnan(response)
    for code in np.unique(arm):
        for v in range(visits):
            if (int(code), v) not in told:
                seen[arm == code, v] = False
    who, visit = np.nonzero(seen)
    cell = np.array([told[int(arm[i]), int(v)] for i, v in zip(who, visit, strict=True)])
    design = np.hstack([dummies(cell), dummies(stratum[who], first=1)])
    fitted = _fit(response[seen], design, who, working)
    if fitted is None:
        return nothing
    log, covariance, correlation = fitted

    def ratio(code: int, at: list[int]) -> OddsRatio:
        of = np.zeros(design.shape[1])
        for v in at:
            of[told[code, v]], of[told[reference, v]] = 1 / len(at), -1 / len(at)
        return _odds(float(of @ log), float(np.sqrt(max(float(of @ covariance @ of), 0.0)))) if at else NO_ODDS

    by_visit = {c: [ratio(c, [v]) if v in wanted[c] else NO_ODDS for v in range(visits)] for c in others}
    return Repeats(by_visit, {c: ratio(c, wanted[c]) for c in others}, correlation)


def _cells(response: Array, arm: Codes) -> dict[tuple[int, int], int]:
    """Arms and visits with both answers, numbered in their order."""
    found: dict[tuple[int, int], int] = {}
    for code in np.unique(arm):
        for v in range(response.shape[1]):
            known = response[arm == code, v]
            if (known == 1).any() and (known == 0).any():
                found[int(code), v] = len(found)
    return found


def _fit(y: Array, design: Array, who: Codes, working: Working) -> tuple[Array, Array, float] | None:
    """Coefficients, their robust covariance, and the working correlation; None where the fit fails."""
    from statsmodels.genmod import cov_struct, families  # seconds to import, and few studies ask for it
    from statsmodels.genmod.generalized_estimating_equations import GEE

    kind = cov_struct.Exchangeable() if working == "exchangeable" else cov_struct.Independence()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = GEE(y, design, groups=who, family=families.Binomial(), cov_struct=kind).fit(maxiter=100, ctol=1e-10)
        except (ValueError, np.linalg.LinAlgError):
            return None
    correlation = float(kind.dep_params) if working == "exchangeable" else 0.0
    return np.asarray(fit.params), np.asarray(fit.cov_params()), correlation


def _odds(log: float, error: float) -> OddsRatio:
    if not (np.isfinite(log) and 0 < error < LARGEST_ERROR):
        return NO_ODDS
    limits = (elementary.exp(np.asarray(log + k * Z95 * error)) for k in (0, -1, 1))
    return OddsRatio(Interval(*map(np.asarray, limits)), float(2 * ndtr(-abs(log) / error)))


def responses(counts: Array, void: Flags, threshold: float) -> Array:
    """(n, V) 1 where a count reaches the threshold and is not void, 0 where not, NaN where there is no count."""
    return np.where(np.isnan(counts), np.nan, ((counts >= threshold) & ~void).astype(np.float64))
