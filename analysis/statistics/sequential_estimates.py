"""What a trial with looks says when it stops, and what is to be expected while it goes on; all trials at once.

Estimates are of the drift, the mean of Z at full information; times the standard error there they are those of the
effect. The order of outcomes is that of the stages: an earlier stop for efficacy is more, an earlier one for futility
less. Sources: Jennison & Turnbull, Group sequential methods, 2000, chapters 8 to 10; Tsiatis, Rosner & Mehta,
Biometrics 1984;40:797-803. Conditional power: Lan & Wittes, Biometrics 1988;44:579-585; predictive power:
Spiegelhalter, Freedman & Blackburn, Control Clin Trials 1986;7:8-17.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from analysis.endpoints.records import Array
from analysis.statistics.sequential import START, Bounds, above, gone_on, root, shaped_bounds

DRIFTS = np.arange(-14.0, 14.01, 0.4)
POINTS = np.arange(-9.0, 9.01, 0.15)
"""Drifts and values of Z on which the p of the stages is computed; between them it is interpolated as a quantile of the
normal law, which is nearly straight in both.
"""
FARTHEST = 1e-300


def conditional_power(z: ArrayLike, t: ArrayLike, last: ArrayLike, drift: ArrayLike | None = None) -> Array:
    """Probability that Z reaches ``last`` at full information, seen ``z`` at share ``t`` < 1.

    ``drift``: what is assumed of the rest; None: that it goes on as it has begun.
    """
    z, t = np.asarray(z, dtype=np.float64), np.asarray(t, dtype=np.float64)
    rest = z / np.sqrt(t) if drift is None else np.asarray(drift, dtype=np.float64)
    return np.asarray(ndtr((z * np.sqrt(t) + rest * (1 - t) - last) / np.sqrt(1 - t)))


def predictive_power(z: ArrayLike, t: ArrayLike, last: ArrayLike) -> Array:
    """As ``conditional_power``, averaged over the drift as the data alone have it (a flat prior)."""
    z, t = np.asarray(z, dtype=np.float64), np.asarray(t, dtype=np.float64)
    return np.asarray(ndtr((z - last * np.sqrt(t)) / np.sqrt(1 - t)))


def z_of_conditional_power(wanted: float, t: float, last: float, drift: float | None = None) -> float:
    """The value of Z at share ``t`` at which the conditional power is ``wanted``."""
    return root(lambda z: float(conditional_power(z, t, last, drift)) - wanted, -20.0, 20.0)


class Adjusted(NamedTuple):
    """Drift (T,) of each trial: median unbiased, and the limits of its interval."""

    estimate: Array
    low: Array
    high: Array


def median_unbiased(bounds: Bounds, look: NDArray[np.int64], z: ArrayLike, level: float = 0.95) -> Adjusted:
    """Of trials that stopped at ``look`` (T,), from 0, with ``z`` (T,): the drift whose p is one half, and the limits.

    Lower bounds count as if they were obeyed.
    """
    z = np.asarray(z, dtype=np.float64)
    found = np.full((3, len(z)), np.nan)
    for k in np.unique(look):
        here = look == k
        quantile = ndtri(np.clip(stagewise(bounds, int(k)), FARTHEST, 1 - 1e-16))
        for row, p in enumerate((0.5, (1 - level) / 2, (1 + level) / 2)):
            drift = [np.interp(ndtri(p), quantile[:, j], DRIFTS) for j in range(len(POINTS))]
            found[row, here] = np.interp(z[here], POINTS, drift)
    return Adjusted(*found)


def stagewise(bounds: Bounds, look: int) -> Array:
    """Probability (drifts, points) of an outcome at least as high as Z at ``POINTS``, at ``look``, for each drift."""
    rows = []
    for drift in DRIFTS:
        state, earlier = START, 0.0
        for k in range(look):
            t, high, low = (float(v[k]) for v in (bounds.information, bounds.efficacy, bounds.futility))
            earlier += float(above(state, t, high, drift))
            state = gone_on(state, t, low, high, drift)
        rows.append(earlier + above(state, float(bounds.information[look]), POINTS, drift))
    return np.array(rows)


def repeated_half_widths(bounds: Bounds, level: float = 0.95) -> Array:
    """Half the width (K,) of the repeated confidence intervals, in standard errors of the look: valid whenever a trial
    stops, and for whatever reason. Upper bounds whose one-sided level is half of what ``level`` leaves are themselves
    these widths; others are stretched to it.
    """
    high = np.minimum(bounds.efficacy, 1e3)
    return shaped_bounds(list(bounds.information), high, (1 - level) / 2)
