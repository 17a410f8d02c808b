"""How far each number of a parameter set may reach, one by one: what a sensitivity analysis over all of them moves.

An assumed number by the width of its prior (``cohorts.widths``), one with a standard error by that, one that stands in
the posterior of the set (``cohorts.posterior``) by the quantiles of its draws. What these have together, correlations,
is left out: the methods that move everything at once ask for numbers that are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from cohorts.believed import moved_by, possible
from cohorts.parameters import LARGEST_VARIANCE, OCCASION, OMEGA, ParameterSet, cv_to_variance
from cohorts.posterior import joint_draws
from cohorts.widths import widths

SEEN, BY_ERROR, BY_PRIOR = "posterior draws", "standard error", "prior width"


@dataclass(frozen=True)
class Reach:
    """A number (as in ``with_values``), what its width is from, and its value at a share u of its distribution."""

    name: str
    origin: str
    at: Callable[[float], float]

    @property
    def of(self) -> str:
        """The parameter that it is, or whose variance."""
        return self.name.removeprefix(OMEGA).removeprefix(OCCASION)


def spans(parameter_set: ParameterSet) -> tuple[Reach, ...]:
    """Every number of the set that has a width, in the order of the set. Raises PosteriorError."""
    found, errors, priors = joint_draws(parameter_set), parameter_set.rse_percent, widths(parameter_set)
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    shares = {p.name for p in parameter_set.parameters if p.bounded}
    drawn = dict(zip(found.names, found.values.T, strict=True)) if found else {}
    made = []
    for name, value in values.items():
        if name in drawn:
            made.append(Reach(name, SEEN, _quantile_of(np.sort(drawn[name]))))
        elif name in errors and value:
            made.append(
                Reach(name, BY_ERROR, _log_normal(value, _log_sd(value, errors[name], name in shares), name in shares))
            )
        elif name in priors and priors[name].log_sd and value:
            made.append(Reach(name, BY_PRIOR, _log_normal(value, priors[name].log_sd, name in shares)))
    return tuple(made)


def moved_to(parameter_set: ParameterSet, shares: Mapping[str, float], known: tuple[Reach, ...]) -> dict[str, float]:
    """Values of some numbers at ``shares`` of their distributions; what cannot be is held at the nearest that can."""
    moved = {span.name: span.at(shares[span.name]) for span in known if span.name in shares}
    variances = parameter_set.variances
    return possible(parameter_set, {n: min(v, LARGEST_VARIANCE) if n in variances else v for n, v in moved.items()})


def _log_sd(value: float, rse_percent: float, share: bool) -> float:
    """SD of the logarithm, of a share of its log odds."""
    return rse_percent / 100 / (1 - value) if share else float(np.sqrt(cv_to_variance(rse_percent)))


def _log_normal(value: float, log_sd: float, share: bool) -> Callable[[float], float]:
    return lambda u: moved_by(value, float(np.exp(log_sd * ndtri(u))), share)


def _quantile_of(ordered: np.ndarray) -> Callable[[float], float]:
    return lambda u: float(np.interp(u * (len(ordered) - 1), np.arange(len(ordered)), ordered))
