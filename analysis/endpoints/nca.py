"""Non-compartmental analysis: pure functions of times (h) and concentrations (ng/mL). NaN means no sample.

Linear-up/log-down trapezoids; the terminal phase is chosen by the best adjusted R2, and among fits within 1e-4 of the
best the one with most points is taken, as in common NCA programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.endpoints.records import Array

R2_TIE = 1e-4


def below_lloq(values: Array, lloq: float) -> Array:
    """Concentrations (T,) with values under ``lloq`` set to 0 before the first quantifiable one, to NaN after it."""
    low = values < lloq
    quantified = np.flatnonzero(~low & ~np.isnan(values))
    first = quantified[0] if quantified.size else len(values)
    return np.where(low, np.where(np.arange(len(values)) < first, 0.0, np.nan), values)


def cmax(values: Array) -> Array:
    """Largest concentration of each profile (..., T) -> (...,); NaN for a profile without samples."""
    return np.fmax.reduce(values, axis=-1)


def tmax(times: Array, values: Array) -> Array:
    """Time of the first largest concentration, (T,), (..., T) -> (...,)."""
    at = np.where(np.isnan(values), -np.inf, values).argmax(axis=-1)
    return np.where(np.isnan(cmax(values)), np.nan, times[at])


def auc(times: Array, values: Array, log_down: bool = True) -> Array:
    """Area under each profile (T,), (..., T) -> (...,), first to last sample; a missing sample is bridged.

    ``log_down``: logarithmic trapezoid where the concentration falls and is positive, else linear everywhere.
    """
    sampled = ~np.isnan(values)
    latest = np.maximum.accumulate(np.where(sampled, np.arange(len(times)), -1), axis=-1)
    before = latest[..., :-1]
    joined = sampled[..., 1:] & (before >= 0)
    left = np.take_along_axis(values, np.maximum(before, 0), axis=-1)
    width = times[1:] - times[np.maximum(before, 0)]
    area = np.where(joined, width * _mean_level(left, values[..., 1:], log_down), 0.0).sum(axis=-1)
    return np.where(joined.any(axis=-1), area, np.nan)


def _mean_level(left: Array, right: Array, log_down: bool) -> Array:
    """Mean concentration between two samples: linear, or logarithmic when falling."""
    linear = (left + right) / 2
    falling = log_down & (right < left) & (right > 0)
    ratio = np.divide(left, right, out=np.full_like(linear, np.e), where=falling)
    return np.where(falling, (left - right) / np.log(ratio), linear)


@dataclass(frozen=True)
class Terminal:
    """Terminal phase of one profile: ``lambda_z`` in 1/h (NaN when there is none, with ``reason``), fit and points."""

    lambda_z: float
    r2_adjusted: float
    points: int
    reason: str = ""

    @property
    def half_life(self) -> float:
        """Terminal half-life (h)."""
        return float(np.log(2) / self.lambda_z)


def terminal(times: Array, values: Array) -> Terminal:
    """Log-linear regression on the last k >= 3 positive samples after Tmax, k by the best adjusted R2; one profile."""
    usable = (values > 0) & (times > tmax(times, values))
    t, y = times[usable], np.log(values[usable])
    if len(t) < 3:
        return Terminal(np.nan, np.nan, len(t), "fewer than 3 quantifiable samples after Tmax")
    fits = [_line(t[-k:], y[-k:]) for k in range(3, len(t) + 1)]
    falling = [fit for fit in fits if fit.lambda_z > 0]
    if not falling:
        return Terminal(np.nan, np.nan, 0, "concentration does not fall after Tmax")
    best = max(fit.r2_adjusted for fit in falling)
    return max((fit for fit in falling if fit.r2_adjusted >= best - R2_TIE), key=lambda fit: fit.points)


def _line(t: Array, y: Array) -> Terminal:
    dt, dy = t - t.mean(), y - y.mean()
    slope = (dt @ dy) / (dt @ dt)
    r2 = 1.0 if not dy.any() else float((dt @ dy) ** 2 / ((dt @ dt) * (dy @ dy)))
    k = len(t)
    return Terminal(float(-slope), 1 - (1 - r2) * (k - 1) / (k - 2), k)


@dataclass(frozen=True)
class Exposure:
    """NCA of one profile: ng/mL, h, ng*h/mL; NaN with the reason in ``terminal`` when there is no terminal phase."""

    cmax: float
    tmax: float
    auc_last: float
    auc_inf: float
    terminal: Terminal

    @property
    def half_life(self) -> float:
        """Terminal half-life (h)."""
        return self.terminal.half_life


def exposure(times: Array, values: Array, lloq: float = 0.0, log_down: bool = True) -> Exposure:
    """NCA of one profile after a single dose; AUC to infinity from the last observed quantifiable concentration."""
    kept = below_lloq(values, lloq)
    phase = terminal(times, kept)
    area = float(auc(times, kept, log_down))
    positive = kept[kept > 0]
    tail = positive[-1] / phase.lambda_z if positive.size else np.nan
    return Exposure(float(cmax(kept)), float(tmax(times, kept)), area, area + float(tail), phase)
