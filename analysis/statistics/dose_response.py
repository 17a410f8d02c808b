"""MCP-Mod, the step of multiple comparisons: is there a dose response, under any of several candidate shapes?

Each shape has the contrast of the doses' means that finds it best; the largest t is judged by the multivariate t law of
all. Bretz, Pinheiro & Branson, Biometrics 2005;61:738-748; with means of any model (``covariance`` theirs, ``df``
infinite) Pinheiro et al., Stat Med 2014;33:1646-1661. No kept Python library has it; the check in the tests is R's
DoseFinding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr

from analysis.endpoints.records import Array, Flags
from cohorts import elementary

Shape = Callable[[Array], Array]
"""Mean response at some doses, up to place and scale."""
FLAT = 1e-9
"""A shape whose values differ by no more than this, of 1 or of the largest, has no contrast."""
BEYOND = 1e100
"""Nor has one with values so large that their squares may be no numbers."""
DIRECTIONS = 16_384
"""Directions of a p, which is then within 1e-4; of one and two dimensions within 1e-6."""
TOLD = 1e-9
"""Dimensions of a correlation below this share of the largest are none."""


def linear() -> Shape:
    """Straight."""
    return lambda dose: dose


def log_linear(offset: float) -> Shape:
    """Straight in log(dose + offset)."""
    return lambda dose: elementary.log(dose + offset)


def quadratic(delta: float) -> Shape:
    """dose + delta dose^2: an umbrella when ``delta`` is negative."""
    return lambda dose: dose + delta * dose**2


def exponential(delta: float) -> Shape:
    """exp(dose / delta) - 1."""
    return lambda dose: elementary.exp(dose / delta) - 1


def emax(ed50: float, hill: float = 1.0) -> Shape:
    """dose^hill / (ed50^hill + dose^hill)."""
    return lambda dose: dose**hill / (np.float64(ed50) ** hill + dose**hill)


def logistic(ed50: float, delta: float) -> Shape:
    """1 / (1 + exp((ed50 - dose) / delta))."""
    return lambda dose: 1 / (1 + elementary.exp((ed50 - dose) / delta))


@dataclass(frozen=True)
class DoseMeans:
    """``mean`` (D,) at the ``doses`` (D,), rising, with their ``covariance`` (D, D) and degrees of freedom."""

    doses: Array
    mean: Array
    covariance: Array
    df: float = np.inf


def dose_means(response: ArrayLike, dose: ArrayLike, covariates: ArrayLike | None = None) -> DoseMeans:
    """Least-squares means of single subjects (n,), adjusted for ``covariates`` (n, K), which are taken as deviations
    from their means.
    """
    y, x = np.asarray(response, dtype=np.float64), np.asarray(dose, dtype=np.float64)
    doses, group = np.unique(x, return_inverse=True)
    design = np.eye(len(doses))[group.ravel()]
    if covariates is not None:
        more = np.asarray(covariates, dtype=np.float64).reshape(len(y), -1)
        design = np.hstack([design, more - more.mean(axis=0)])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ y
    df = len(y) - design.shape[1]
    variance = ((y - design @ coefficients) ** 2).sum() / df
    k = len(doses)
    return DoseMeans(doses, coefficients[:k], variance * inverse[:k, :k], float(df))


def rises(shape: Shape, doses: Array) -> bool:
    """Whether a shape has a contrast over the ``doses`` (D,): it is not flat over them, nor beyond what a number can
    say.
    """
    with np.errstate(all="ignore"):
        mean = shape(doses)
        largest = np.abs(mean).max()
        return bool(largest < BEYOND and np.ptp(mean) > FLAT * max(1.0, largest))


def best_contrast(shape: Shape, doses: Array, covariance: Array) -> Array:
    """Contrast (D,) with sum 0 and length 1 that is largest in t when the means have this shape."""
    mean = shape(doses)
    inverse = np.linalg.inv(covariance)
    ones = np.ones(len(doses))
    contrast = inverse @ (mean - (mean @ inverse @ ones) / (ones @ inverse @ ones))
    contrast = contrast - contrast.mean()
    return np.asarray(contrast / np.sqrt((contrast**2).sum()))


@dataclass(frozen=True)
class Mcp:
    """Of M shapes, in the order given: ``contrasts`` (M, D), ``t`` (M,), their ``correlation`` (M, M) under no dose
    response, and one-sided p (M,) ``adjusted`` for there being M.
    """

    contrasts: Array
    t: Array
    correlation: Array
    adjusted: Array


def mcp(means: DoseMeans, shapes: Mapping[str, Shape]) -> Mcp:
    """Test every shape, by the rise of its contrast. For a better response that falls give the means negative."""
    contrasts, t, correlation = contrast_tests(means, shapes)
    return Mcp(contrasts, t, correlation, np.array([largest_p(value, correlation, means.df) for value in t]))


def contrast_tests(means: DoseMeans, shapes: Mapping[str, Shape]) -> tuple[Array, Array, Array]:
    """``contrasts``, ``t`` and ``correlation`` of ``Mcp``, without its p, which takes long."""
    contrasts = np.array([best_contrast(shape, means.doses, means.covariance) for shape in shapes.values()])
    spread = contrasts @ means.covariance @ contrasts.T
    error = np.sqrt(np.diag(spread))
    return contrasts, contrasts @ means.mean / error, spread / np.outer(error, error)


def below_level(t: Array, correlation: Array, df: float, level: float) -> Flags:
    """Whether the adjusted p of each t (M,) is below ``level``; p itself is computed only between the limits of one
    test and of Bonferroni's M.
    """
    alone = 1 - (ndtr(t) if np.isinf(df) else stdtr(df, t))
    open_ = (alone < level) & (alone * len(t) >= level)
    p = [
        largest_p(value, correlation, df) if unsure else one for value, unsure, one in zip(t, open_, alone, strict=True)
    ]
    return np.asarray(np.array(p) < level)


def largest_p(t: float, correlation: Array, df: float, points: int = DIRECTIONS) -> float:
    """Probability that the largest of correlated t is at least ``t``, by so many directions, a power of 2.

    The largest of M t in r dimensions is the length of a spherical vector times the largest share that a shape has of
    its direction, so that p is a mean over directions of a chi-square tail, or F (Genz & Bretz, Computation of
    multivariate normal and t probabilities, 2009, 4.1). The same directions every time.
    """
    if len(correlation) == 1:
        return float(1 - (ndtr(t) if np.isinf(df) else stdtr(df, t)))
    size, vector = np.linalg.eigh(correlation)
    told = size > TOLD * size[-1]
    r = int(told.sum())
    along = directions(r, points) @ (vector[:, told] * np.sqrt(size[told])).T
    largest = along.max(axis=1)
    square = (t / largest[largest > 0 if t > 0 else largest < 0]) ** 2
    tail = float((chdtrc(r, square) if np.isinf(df) else fdtrc(r, df, square / r)).sum() / len(largest))
    return tail if t > 0 else 1 - tail


@lru_cache(maxsize=16)
def directions(r: int, points: int) -> Array:
    """Directions (N, r) evenly over the sphere of r dimensions: both of a line, of a circle by angle, else points of
    Sobol put onto the sphere by normal quantiles.
    """
    if r == 1:
        return np.array([[1.0], [-1.0]])
    if r == 2:
        angle = 2 * np.pi * (np.arange(points) + 0.5) / points
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    from scipy.stats.qmc import Sobol  # a second to import

    place = ndtri(Sobol(r, scramble=False).random(points) + 0.5 / points)
    return np.asarray(place / np.sqrt((place**2).sum(axis=1, keepdims=True)))
