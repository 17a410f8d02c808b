"""Fit named parameters to named published rates: distance and search, pure. The simulator comes in as an argument.

The distance is the binomial deviance of the published counts under the simulated rates, plus a normal prior on the
log of each parameter: a penalised composite likelihood, because the endpoints of a trial are counted as if they
were independent (they are not: the same patients), so the distance has no chi-square meaning and gives no standard
errors. Common random numbers: the simulator must use the same seed and replicates at every point, so that the
distance is a deterministic function of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtri, xlogy
from scipy.stats import qmc

Array = NDArray[np.float64]
Simulate = Callable[[Mapping[str, float]], Mapping[str, float]]


@dataclass(frozen=True)
class Target:
    """A published rate: ``events`` of ``n`` patients, and the row it comes from."""

    row_id: str
    events: int
    n: int


@dataclass(frozen=True)
class Fitted:
    """A parameter to fit: prior median in the parameter's own unit, prior SD of its logarithm, and why."""

    name: str
    prior_median: float
    prior_log_sd: float
    reason: str


@dataclass(frozen=True)
class Point:
    """A point visited: parameter values, distance, and the simulated rates by row id."""

    values: dict[str, float]
    distance: float
    rates: dict[str, float]


def deviance(target: Target, rate: float) -> float:
    """Binomial deviance 2 n KL(published || simulated); the simulated rate is kept off 0 and 1 by half an event."""
    p = target.events / target.n
    q = np.clip(rate, 0.5 / (target.n + 1), 1 - 0.5 / (target.n + 1))
    return float(2 * target.n * (xlogy(p, p / q) + xlogy(1 - p, (1 - p) / (1 - q))))


def distance(
    targets: Sequence[Target], fitted: Sequence[Fitted], values: Mapping[str, float], rates: Mapping[str, float]
) -> float:
    """Sum of deviances plus the priors' squared standardised distances."""
    misfit = sum(deviance(t, rates[t.row_id]) for t in targets)
    return misfit + sum((np.log(values[f.name] / f.prior_median) / f.prior_log_sd) ** 2 for f in fitted)


def calibrate(
    targets: Sequence[Target],
    fitted: Sequence[Fitted],
    simulate: Simulate,
    *,
    scan: int = 128,
    starts: int = 3,
    evaluations: int = 250,
    tell: Callable[[int, Point], None] = lambda k, point: None,
) -> list[Point]:
    """Scan the priors with a Sobol design, then Nelder-Mead from each of the best ``starts`` points; all points, best
    first.

    ``simulate`` maps parameter values to rates by row id. ``evaluations`` is per start. The search works on
    standardised logarithms, so a unit step is one prior SD. Several starts, because the distance has several basins.
    """
    visited: list[Point] = []

    def at(z: Array) -> float:
        values = {f.name: float(f.prior_median * np.exp(f.prior_log_sd * x)) for f, x in zip(fitted, z, strict=True)}
        rates = dict(simulate(values))
        point = Point(values, distance(targets, fitted, values, rates), rates)
        visited.append(point)
        tell(len(visited), point)
        return point.distance

    design = [np.zeros(len(fitted)), *ndtri(0.05 + 0.9 * qmc.Sobol(len(fitted), scramble=False).random(scan))]
    ranked = np.argsort([at(z) for z in design], kind="stable")
    options = {"maxfev": evaluations, "xatol": 0.005, "fatol": 0.02, "adaptive": True}
    for start in (design[k] for k in ranked[:starts]):
        simplex = np.vstack([start, start + 0.5 * np.eye(len(fitted))])
        minimize(at, start, method="Nelder-Mead", options=options | {"initial_simplex": simplex})
    return sorted(visited, key=lambda point: point.distance)
