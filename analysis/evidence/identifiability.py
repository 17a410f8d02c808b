"""How well the targets of a calibration determine the parameters: curvature, standard errors, profiles. Pure.

Everything is on the standardised scale of the search, where each prior is normal with SD 1. There the curvature of a
prior is 1 and the posterior SD is at the same time the ratio of posterior to prior SD.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.calibration import Array, At, Fitted, Point, descend

Distance = Callable[[Array], float]
PROBE = 0.5
"""First step, in prior SDs."""
RISE = 2.0
"""The step raises the distance by about this much: large beside the roughness of simulated rates (about 0.1)."""
NARROWEST, WIDEST = 0.1, 1.0
INFORMED = 0.7
"""A parameter is informed by the data when its posterior SD is below this share of its prior SD."""
PROFILE_SDS = (-2.0, -1.0, 1.0, 2.0)
CAVEAT = (
    "Standard errors from the curvature of a penalised composite likelihood at its optimum: they hold the priors, they "
    "count endpoints of the same patients as independent and so are too small, and they say nothing of other basins."
)


@dataclass(frozen=True)
class Curvature:
    """At the optimum: ``hessian`` (K, K) of half the distance, its ``eigenvalues`` (K,) from the smallest, ``steps``.

    ``covariance`` (K, K) is the inverse. Eigenvalues below 1, the curvature of a prior alone, are noise of the
    simulation: they count as 1 there; ``lifted`` says how many.
    """

    hessian: Array
    eigenvalues: Array
    covariance: Array
    lifted: int
    steps: Array

    @property
    def sd(self) -> Array:
        """Posterior SD of each parameter in prior SDs, (K,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> Array:
        """Correlation matrix of the parameters, (K, K)."""
        return self.covariance / np.outer(self.sd, self.sd)


@dataclass(frozen=True)
class HeldValue:
    """One point of a profile: the parameter held at ``value``, and by how much the distance rises."""

    value: float
    rise: float


def curvature(distance: Distance, optimum: Array) -> Curvature:
    """Curvature of half the ``distance`` at ``optimum`` (K,) by central differences; 4 K + K (K - 1) + 1 points."""
    here, k = distance(optimum), len(optimum)
    steps = np.array([_step(distance, optimum, here, unit) for unit in np.eye(k)])
    moves = np.diag(steps)
    up = np.array([distance(optimum + move) for move in moves])
    down = np.array([distance(optimum - move) for move in moves])
    hessian = np.diag((up + down - 2 * here) / steps**2)
    for i, j in combinations(range(k), 2):
        both = distance(optimum + moves[i] + moves[j]) + distance(optimum - moves[i] - moves[j])
        single = up[i] + down[i] + up[j] + down[j]
        hessian[i, j] = hessian[j, i] = (both - single + 2 * here) / (2 * steps[i] * steps[j])
    return _inverted(hessian / 2, steps)


def _step(distance: Distance, optimum: Array, here: float, unit: Array) -> float:
    """The step along ``unit`` at which the distance has risen by about RISE."""
    rise = (distance(optimum + PROBE * unit) + distance(optimum - PROBE * unit)) / 2 - here
    return float(np.clip(PROBE * np.sqrt(RISE / rise), NARROWEST, WIDEST)) if rise > 0 else WIDEST


def _inverted(hessian: Array, steps: Array) -> Curvature:
    values, vectors = np.linalg.eigh(hessian)
    covariance = vectors @ np.diag(1 / np.maximum(values, 1.0)) @ vectors.T
    return Curvature(hessian, values, covariance, int((values < 1 - 1e-6).sum()), steps)


def rse_percent(fitted: Fitted, value: float, sd: float) -> float:
    """Relative standard error (%) of a parameter at ``value`` whose SD is ``sd`` prior SDs: its CV as a log-normal.

    Of a fraction by the delta method, from the log odds.
    """
    scaled = sd * fitted.prior_log_sd
    return float(100 * (scaled * (1 - value) if fitted.fraction else np.sqrt(np.expm1(scaled**2))))


def verdict(ratio: float) -> str:
    """What a ratio of posterior to prior SD says."""
    return "informed by the data" if ratio < INFORMED else "prior"


def profile(
    at: At, fitted: Sequence[Fitted], best: Point, found: Curvature, k: int, evaluations: int
) -> list[HeldValue]:
    """Parameter ``k`` held 1 and 2 posterior SDs off its optimum, the others fitted again from where they should be.

    "Should": on the ridge of the quadratic that the curvature describes. Rises are of the distance; at 1 SD of a
    quadratic it is 1, at 2 SD it is 4.
    """
    optimum = np.array([f.z(best.values[f.name]) for f in fitted])
    others = np.delete(np.arange(len(fitted)), k)
    points = [HeldValue(best.values[fitted[k].name], 0.0)]
    for sds in PROFILE_SDS:
        z = optimum + sds * found.covariance[:, k] / found.sd[k]
        points.append(HeldValue(fitted[k].value(z[k]), _refitted(at, z, others, evaluations) - best.distance))
    return sorted(points, key=lambda point: point.value)


def _refitted(at: At, z: Array, others: NDArray[np.int64], evaluations: int) -> float:
    """The smallest distance found with all but the ``others`` held at ``z``."""
    seen: list[float] = []

    def at_others(x: Array) -> float:
        full = z.copy()
        full[others] = x
        seen.append(at(full).distance)
        return seen[-1]

    at_others(z[others])
    descend(at_others, z[others], evaluations, first=0.2)
    return min(seen)
