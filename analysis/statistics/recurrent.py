"""Events that may come again: ratio of rates by negative binomial regression.

The dispersion is found by maximum likelihood around statsmodels' regression at a given one: its own joint search stops
where there is little dispersion. Dispersion and coefficients are orthogonal (Lawless, Can J Stat 1987;15:209-225), so
that the errors are those of the regression. Rates with their exact Poisson limits: ``estimators.poisson_rate``.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from analysis.endpoints.records import Array, Codes
from analysis.statistics.estimators import Z95, Interval
from analysis.statistics.least_squares import dummies
from cohorts import elementary

LEAST, MOST = -12.0, 6.0
"""Logarithms of the dispersions that are searched; at the least the regression is Poisson's."""


class RateRatio(NamedTuple):
    """Ratio of rates with its limits, two-sided p, and the dispersion: variance = mean + dispersion mean^2."""

    interval: Interval
    p: float
    dispersion: float


NO_RATIO = RateRatio(Interval(*(np.asarray(np.nan),) * 3), float("nan"), float("nan"))


def rate_ratios(events: Array, time: Array, arm: Codes, reference: int, stratum: Codes) -> dict[int, RateRatio]:
    """Ratio of every other arm (code) to the reference arm, adjusted for stratum: one regression of all (n,).

    Who is not watched (``time`` 0) is left out, and strata without events; arms without events have no ratio.
    """
    others = [int(code) for code in np.unique(arm) if code != reference]
    use = (time > 0) & ~np.isnan(events)
    for codes in (arm, stratum):
        silent = [code for code in np.unique(codes) if not events[use & (codes == code)].sum() > 0]
        use &= ~np.isin(codes, silent)
    events, time = events[use], time[use]
    arm, stratum = arm[use], stratum[use]
    told = [int(code) for code in np.unique(arm)]
    if reference not in told or len(told) < 2:
        return dict.fromkeys(others, NO_RATIO)
    design = np.hstack([dummies(arm), dummies(stratum, first=1)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return dict.fromkeys(others, NO_RATIO)  # strata that coincide with arms
    fitted, dispersion = _regression(events, np.log(time), design)
    found = {}
    for code in told:
        if code != reference:
            of = np.zeros(design.shape[1])
            of[told.index(code)], of[told.index(reference)] = 1.0, -1.0
            found[code] = _ratio(float(of @ fitted.params), float(np.sqrt(of @ fitted.cov_params() @ of)), dispersion)
    return {code: found.get(code, NO_RATIO) for code in others}


def _ratio(log: float, error: float, dispersion: float) -> RateRatio:
    if not (np.isfinite(log) and 0 < error < np.inf):
        return NO_RATIO
    limits = (elementary.exp(np.asarray(log + k * Z95 * error)) for k in (0, -1, 1))
    return RateRatio(Interval(*map(np.asarray, limits)), float(2 * ndtr(-abs(log) / error)), dispersion)


def _regression(events: Array, offset: Array, design: Array) -> tuple[Any, float]:
    """statsmodels' fit at the dispersion of greatest likelihood, and that; 0 where it is as small as is searched."""
    from scipy.optimize import minimize_scalar
    from statsmodels.genmod import families  # seconds to import, and few studies ask for it
    from statsmodels.genmod.generalized_linear_model import GLM

    def at(log: float) -> Any:
        family = families.Poisson() if log <= LEAST else families.NegativeBinomial(alpha=float(np.exp(log)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GLM(events, design, family=family, offset=offset).fit(tol=1e-12, maxiter=200)

    best = minimize_scalar(lambda log: -at(log).llf, bounds=(LEAST, MOST), method="bounded", options={"xatol": 1e-6})
    plain = at(LEAST)
    if plain.llf >= -best.fun - 1e-9:
        return plain, 0.0
    return at(float(best.x)), float(np.exp(best.x))
