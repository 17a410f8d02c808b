"""Fit named parameters to named published results: misfits and search, pure. The simulator comes in as an argument.

The distance is a sum of misfits plus a normal prior on the standardised logarithm of each parameter. A published rate
misfits by the binomial deviance of its counts under the simulated rate; a median or mean by its squared distance in
standard errors. This is a penalised composite likelihood, because the endpoints of a trial are counted as if they were
independent (they are not: the same patients), so the distance has no chi-square meaning. Common random numbers: the
simulator must use the same seed and replicates at every point, so that the distance is a deterministic function of the
parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize
from scipy.special import expit, logit, ndtri, xlogy
from scipy.stats import qmc

from analysis.statistics.estimators import Z95

Array = NDArray[np.float64]
Simulate = Callable[[Mapping[str, float]], Mapping[str, float]]
At = Callable[[Array], "Point"]
NOTHING = 1e4
"""Misfit of a target of which nothing could be simulated, for example the duration of responses nobody has."""
Search = Literal["simplex", "least squares"]
STEP, FURTHEST = 0.3, 4.0
"""Of the search by least squares, in prior SDs: of its differences, wide as rates are counts; and where it ends."""


@dataclass(frozen=True)
class Target:
    """A published rate: ``events`` of ``n`` patients, and the row it comes from."""

    row_id: str
    events: float
    n: int


@dataclass(frozen=True)
class Measure:
    """A published median or mean, or a rate with a tolerance: ``value`` with standard error ``sd``.

    ``log``: both on the log scale, as for every positive quantity; ``value`` itself is not a logarithm.
    """

    row_id: str
    value: float
    sd: float
    log: bool

    @classmethod
    def of(cls, row_id: str, value: float, low: float, high: float, log: bool) -> Measure:
        """From 95 % limits, or from a tolerance read as such: half the width over 1.96, on the scale of the misfit."""
        log = log and min(value, low) > 0
        width = np.log(high / low) if log else high - low
        return cls(row_id, value, float(width / 2 / Z95), log)


@dataclass(frozen=True)
class Fitted:
    """A parameter to fit: prior median in the parameter's own unit, prior SD of its logarithm, and why.

    Of a ``fraction`` the prior is normal on the log odds, so that it stays between 0 and 1.
    """

    name: str
    prior_median: float
    prior_log_sd: float
    reason: str
    fraction: bool = False

    def value(self, z: float) -> float:
        """The value that lies ``z`` prior SDs from the prior median."""
        if self.fraction:
            return float(expit(logit(self.prior_median) + self.prior_log_sd * z))
        return float(self.prior_median * np.exp(self.prior_log_sd * z))

    def z(self, value: float) -> float:
        """How many prior SDs ``value`` lies from the prior median."""
        distance = logit(value) - logit(self.prior_median) if self.fraction else np.log(value / self.prior_median)
        return float(distance / self.prior_log_sd)


@dataclass(frozen=True)
class Point:
    """A point visited: parameter values, distance, and the simulated results by row id."""

    values: dict[str, float]
    distance: float
    simulated: dict[str, float]


def deviance(target: Target, rate: float) -> float:
    """Binomial deviance 2 n KL(published || simulated); the simulated rate is kept off 0 and 1 by half an event."""
    p = target.events / target.n
    q = np.clip(rate, 0.5 / (target.n + 1), 1 - 0.5 / (target.n + 1))
    return float(2 * target.n * (xlogy(p, p / q) + xlogy(1 - p, (1 - p) / (1 - q))))


def misfit(target: Target | Measure, simulated: float) -> float:
    """Squared distance of a simulated result (rates as proportions) from its target; NOTHING when there is none."""
    if not np.isfinite(simulated):
        return NOTHING
    if isinstance(target, Target):
        return deviance(target, simulated)
    if not target.log:
        return float(((simulated - target.value) / target.sd) ** 2)
    return float((np.log(simulated / target.value) / target.sd) ** 2) if simulated > 0 else NOTHING


def distance(
    targets: Iterable[Target | Measure],
    fitted: Iterable[Fitted],
    values: Mapping[str, float],
    simulated: Mapping[str, float],
) -> float:
    """Sum of misfits plus the priors' squared standardised distances."""
    return sum(misfit(t, simulated[t.row_id]) for t in targets) + sum(f.z(values[f.name]) ** 2 for f in fitted)


def residuals(
    targets: Iterable[Target | Measure],
    fitted: Iterable[Fitted],
    values: Mapping[str, float],
    simulated: Mapping[str, float],
) -> Array:
    """Signed roots of what ``distance`` adds up, targets first: above what was published is positive."""
    of_targets = [
        np.copysign(np.sqrt(misfit(t, simulated[t.row_id])), simulated[t.row_id] - wanted(t)) for t in targets
    ]
    return np.array([*of_targets, *(f.z(values[f.name]) for f in fitted)])


def wanted(target: Target | Measure) -> float:
    """What was published, rates as proportions."""
    return target.events / target.n if isinstance(target, Target) else target.value


def objective(
    targets: Sequence[Target | Measure],
    fitted: Sequence[Fitted],
    simulate: Simulate,
    tell: Callable[[Point], None] = lambda point: None,
) -> At:
    """The Point at standardised parameters z (K,), in prior SDs; ``tell`` hears of each."""

    def at(z: Array) -> Point:
        values = {f.name: f.value(x) for f, x in zip(fitted, z, strict=True)}
        simulated = dict(simulate(values))
        point = Point(values, distance(targets, fitted, values, simulated), simulated)
        tell(point)
        return point

    return at


def calibrate(
    targets: Sequence[Target | Measure],
    fitted: Sequence[Fitted],
    simulate: Simulate,
    *,
    scan: int = 128,
    starts: int = 3,
    evaluations: int = 250,
    method: Search = "simplex",
    tell: Callable[[Point], None] = lambda point: None,
) -> list[Point]:
    """Scan the priors with a Sobol design, then search from each of the best ``starts`` points; all points, best
    first.

    ``simulate`` maps parameter values to results by row id. ``evaluations`` is per start; ``method`` is Nelder-Mead
    ("simplex") or Gauss-Newton in a trust region ("least squares"). The search works on standardised logarithms, so a
    unit step is one prior SD. Several starts, because the distance has several basins.
    """
    visited: list[Point] = []
    at = objective(targets, fitted, simulate, tell)

    def seen(z: Array) -> Point:
        visited.append(at(z))
        return visited[-1]

    design = [np.zeros(len(fitted)), *ndtri(0.05 + 0.9 * qmc.Sobol(len(fitted), scramble=False).random(scan))]
    ranked = np.argsort([seen(z).distance for z in design], kind="stable")
    for start in (design[k] for k in ranked[:starts]):
        if method == "simplex":
            descend(lambda z: seen(z).distance, start, evaluations)
        else:
            straighten(lambda z: _residuals_at(targets, fitted, seen(z)), start, evaluations)
    return sorted(visited, key=lambda point: point.distance)


def _residuals_at(targets: Sequence[Target | Measure], fitted: Sequence[Fitted], point: Point) -> Array:
    return residuals(targets, fitted, point.values, point.simulated)


def straighten(residuals_at: Callable[[Array], Array], start: Array, evaluations: int) -> None:
    """Least squares from ``start``, slopes by one-sided differences of ``STEP``, at most ``evaluations`` points in all.

    Nelder-Mead needs some hundred points in ten dimensions; this takes one more than there are parameters per step.
    """
    each = len(start) + 1
    if evaluations < each or not len(start):
        return
    known: dict[bytes, Array] = {}

    def value(z: Array) -> Array:
        if z.tobytes() not in known:
            known[z.tobytes()] = residuals_at(z)
        return known[z.tobytes()]

    def slopes(z: Array) -> Array:
        way = np.where(z > FURTHEST - STEP, -STEP, STEP)
        return np.stack([(residuals_at(z + h * e) - value(z)) / h for h, e in zip(way, np.eye(len(z)), strict=True)], 1)

    limits = (-FURTHEST, FURTHEST)
    least_squares(value, start, slopes, bounds=limits, x_scale=1.0, max_nfev=evaluations // each, xtol=0.005, ftol=1e-3)


def descend(seen: Callable[[Array], float], start: Array, evaluations: int, first: float = 0.5) -> None:
    """Nelder-Mead from ``start``, the first simplex ``first`` prior SDs wide, at most ``evaluations`` points."""
    if evaluations and len(start):
        simplex = np.vstack([start, start + first * np.eye(len(start))])
        options = {"maxfev": evaluations, "xatol": 0.005, "fatol": 0.02, "adaptive": True, "initial_simplex": simplex}
        minimize(seen, start, method="Nelder-Mead", options=options)
