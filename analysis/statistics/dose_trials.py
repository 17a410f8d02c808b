"""The test of MCP-Mod in many trials at once: t of every shape, and which of them are below the level.

They are those of ``dose_response``, which takes one trial and is the check in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from analysis.endpoints.records import Array, Flags
from analysis.statistics.dose_response import Shape, largest_p
from cohorts import elementary

COARSE = 1024
"""Directions of a first p."""
FAR = 3e-3
"""So far from the level the first p decides; its error is below half of it."""


def dose_logits(events: Array, sizes: Array) -> tuple[Array, Array]:
    """Logits and variances (T, D) of counts (T, D), as ``dose_finding.logit_means``; NaN where a dose has nobody."""
    whole = (sizes > 0).all(axis=1, keepdims=True)
    half = 0.5 * ((events == 0) | (events == sizes)).any(axis=1, keepdims=True)
    yes, no = (np.where(whole, each, np.nan) for each in (events + half, sizes - events + half))
    return elementary.log(yes / no), 1 / yes + 1 / no


def dose_averages(value: Array, dose: NDArray[np.int64], doses: int) -> tuple[Array, Array, Array]:
    """Means and variances (T, D) of values (T, n) at doses (T, n) by number, with one variance of single values, and
    its degrees of freedom (T,); NaN where a dose has nobody or no two values differ within the doses.
    """
    trials, ok = len(value), ~np.isnan(value)
    cell = (np.arange(trials)[:, None] * doses + dose)[ok]
    n = np.bincount(cell, minlength=trials * doses).astype(np.float64)
    total = np.bincount(cell, value[ok], trials * doses)
    mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    left = np.bincount(cell, (value[ok] - mean[cell]) ** 2, trials * doses).reshape(trials, doses).sum(axis=1)
    n, mean = n.reshape(trials, doses), mean.reshape(trials, doses)
    df = n.sum(axis=1) - doses
    told = (n > 0).all(axis=1) & (df > 0) & (left > 0)
    spread = np.divide(left, df, out=np.full(trials, np.nan), where=told)
    return mean, spread[:, None] / np.where(n > 0, n, np.nan), df


def contrasts_of(mean: Array, variance: Array, doses: Array, shapes: Sequence[Shape]) -> tuple[Array, Array]:
    """t (T, M) of the best contrast of every shape, and their correlations (T, M, M), of independent means (T, D)."""
    curve = np.stack([shape(doses) for shape in shapes])
    weight = 1 / variance
    middle = (weight @ curve.T) / weight.sum(axis=1, keepdims=True)
    contrast = weight[:, None] * (curve - middle[..., None])
    error = np.sqrt(np.einsum("tmd,td->tm", contrast**2, variance))
    scaled = contrast / error[..., None]
    t = np.einsum("tmd,td->tm", scaled, mean)
    return t, np.einsum("tmd,td,tkd->tmk", scaled, variance, scaled)


def signals(t: Array, correlation: Array, df: Array, level: float) -> Flags:
    """Whether each t (T, M) has a p, adjusted for there being M, below ``level``; ``df`` (T,), infinite of normal."""
    many = t.shape[1]
    one = np.where(np.isinf(df)[:, None], ndtr(-t), stdtr(np.where(np.isinf(df), 1.0, df)[:, None], -t))
    below = np.asarray(one * many < level)
    if many == 1:
        return below
    for k in np.flatnonzero(((one < level) & ~below).any(axis=1)).tolist():
        for m in np.flatnonzero((one[k] < level) & ~below[k]).tolist():
            below[k, m] = _is_below(float(t[k, m]), correlation[k], float(df[k]), level)
    return below


def _is_below(t: float, correlation: Array, df: float, level: float) -> bool:
    p = largest_p(t, correlation, df, COARSE)
    return (p if abs(p - level) > FAR else largest_p(t, correlation, df)) < level
