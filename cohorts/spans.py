"""How far the numbers of a parameter set may reach: what a sensitivity analysis over all of them moves.

An assumed number by the width of its prior (``cohorts.widths``), one with a standard error by that. Those that stand in
the posterior of the set (``cohorts.posterior``) are not independent, as the methods ask: either each by the quantiles
of its draws, which leaves out what they have together, or all at once as whole draws, which are one thing that moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from cohorts.believed import moved_by, possible
from cohorts.parameters import LARGEST_VARIANCE, OCCASION, OMEGA, ParameterSet, cv_to_variance
from cohorts.posterior import JointDraws, joint_draws
from cohorts.widths import widths

SEEN, BY_ERROR, BY_PRIOR = "posterior draws", "standard error", "prior width"
TOGETHER = "posterior"
"""Name of the numbers of a posterior where they are moved together."""


@dataclass(frozen=True)
class Reach:
    """A number (as in ``with_values``), or those of the posterior ``TOGETHER``: what the width is from, and the values
    by name at a share u of the distribution.
    """

    name: str
    origin: str
    at: Callable[[float], dict[str, float]]

    @property
    def of(self) -> str:
        """The parameter that it is, or whose variance."""
        return self.name.removeprefix(OMEGA).removeprefix(OCCASION)


def spans(parameter_set: ParameterSet, together: bool = False) -> tuple[Reach, ...]:
    """Every number of the set that has a width, in the order of the set; ``together``: those of a posterior first, as
    one. Raises PosteriorError.
    """
    found, errors, priors = joint_draws(parameter_set), parameter_set.rse_percent, widths(parameter_set)
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    shares = {p.name for p in parameter_set.parameters if p.bounded}
    drawn = dict(zip(found.names, found.values.T, strict=True)) if found else {}
    made: list[Reach] = []
    if found and together:
        made.append(Reach(TOGETHER, f"{len(found.values)} draws of {len(drawn)} numbers", _draw_of(found)))
    for name, value in values.items():
        if name in drawn:
            made += [] if together else [Reach(name, SEEN, _quantile_of(name, np.sort(drawn[name])))]
        elif name in errors and value:
            width = _log_sd(value, errors[name], name in shares)
            made.append(Reach(name, BY_ERROR, _log_normal(name, value, width, name in shares)))
        elif name in priors and priors[name].log_sd and value:
            made.append(Reach(name, BY_PRIOR, _log_normal(name, value, priors[name].log_sd, name in shares)))
    return tuple(made)


def moved_to(parameter_set: ParameterSet, shares: Mapping[str, float], known: tuple[Reach, ...]) -> dict[str, float]:
    """Values of some numbers at ``shares`` of their distributions; what cannot be is held at the nearest that can."""
    moved = {name: value for s in known if s.name in shares for name, value in s.at(shares[s.name]).items()}
    variances = parameter_set.variances
    return possible(parameter_set, {n: min(v, LARGEST_VARIANCE) if n in variances else v for n, v in moved.items()})


def _log_sd(value: float, rse_percent: float, share: bool) -> float:
    """SD of the logarithm, of a share of its log odds."""
    return rse_percent / 100 / (1 - value) if share else float(np.sqrt(cv_to_variance(rse_percent)))


def _log_normal(name: str, value: float, log_sd: float, share: bool) -> Callable[[float], dict[str, float]]:
    return lambda u: {name: moved_by(value, float(np.exp(log_sd * ndtri(u))), share)}


def _quantile_of(name: str, ordered: np.ndarray) -> Callable[[float], dict[str, float]]:
    return lambda u: {name: float(np.interp(u * (len(ordered) - 1), np.arange(len(ordered)), ordered))}


def _draw_of(found: JointDraws) -> Callable[[float], dict[str, float]]:
    """The whole draw at a share of them, in order of their first number, so that near shares are like each other."""
    ordered = found.values[np.argsort(found.values[:, 0], kind="stable")]
    last = len(ordered) - 1
    return lambda u: dict(zip(found.names, map(float, ordered[min(int(u * len(ordered)), last)]), strict=True))
