"""Differences of means adjusted for baseline and stratum, by least squares: the analysis of covariance.

numpy's solution of the normal equations with the t limits of a classical linear model; statsmodels is the check in the
tests, and takes a hundred times as long for every replicate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis.endpoints.records import Array, Codes
from analysis.statistics.estimators import Interval


class Contrast(NamedTuple):
    """An estimate with limits, two-sided p, and the degrees of freedom of its t law."""

    interval: Interval
    p: float
    df: float


NOTHING = Contrast(Interval(*(np.asarray(np.nan),) * 3), float("nan"), float("nan"))


def dummies(codes: Codes, first: int = 0) -> Array:
    """(n, K) columns of 0 and 1 for the codes that occur, in their order, without the ``first`` so many."""
    present = np.unique(codes)[first:]
    return (codes[:, None] == present).astype(np.float64)


def t_contrast(estimate: float, error: float, df: float, level: float = 0.95) -> Contrast:
    """Limits and p of an estimate with its standard error and degrees of freedom; nothing where they do not exist."""
    if not (df > 0 and error > 0 and np.isfinite(estimate)):
        return NOTHING
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    interval = Interval(*map(np.asarray, (estimate, estimate - half, estimate + half)))
    return Contrast(interval, float(2 * stdtr(df, -abs(estimate) / error)), df)


def adjusted_difference(value: Array, arm: Codes, pair: tuple[int, int], baseline: Array, stratum: Codes) -> Contrast:
    """Difference of the means of two arms (codes ``pair``) adjusted for baseline and stratum, all arms in one model.

    All (n,), without missing values. Nothing where an arm is empty, where the model leaves no degree of freedom, or
    where baseline and strata do not tell the arms apart from themselves.
    """
    if not all((arm == one).any() for one in pair):
        return NOTHING
    arms = np.unique(arm)
    design = np.hstack([dummies(arm), dummies(stratum, first=1), (baseline - baseline.mean())[:, None]])
    basis, kept = _independent(design)
    df = len(value) - kept
    if df < 1:
        return NOTHING
    contrast = np.zeros(design.shape[1])
    contrast[np.searchsorted(arms, pair[0])], contrast[np.searchsorted(arms, pair[1])] = 1.0, -1.0
    if np.abs(contrast - basis @ (basis.T @ contrast)).max() > 1e-8:
        return NOTHING
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    mean = inverse @ (design.T @ value)
    spread = float(((value - design @ mean) ** 2).sum()) / df
    return t_contrast(float(contrast @ mean), float(np.sqrt(spread * (contrast @ inverse @ contrast))), df)


def _independent(design: Array) -> tuple[Array, int]:
    """Directions (P, K) of the coefficients that the design tells, and how many."""
    _, sizes, directions = np.linalg.svd(design, full_matrices=False)
    kept = int((sizes > sizes[0] * 1e-10).sum())
    return directions[:kept].T, kept
