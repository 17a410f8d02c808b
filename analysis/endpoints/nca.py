"""Non-compartmental analysis: pure functions of times (h) and concentrations (ng/mL). NaN means no sample.

Times increase. Linear-up/log-down trapezoids; the terminal phase is chosen by the best adjusted R2, and among fits
within 1e-4 of the best the one with most points is taken, as in common NCA programs. What is not above 0 is not
quantifiable, whatever the limit: see ``below_lloq``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.endpoints.records import Array, Codes
from cohorts import elementary

R2_TIE = 1e-4
FLAT = 1e-9
"""A fall of the logarithm over a whole terminal phase that is rounding and no fall."""
NO_START = "no sample at time 0"
TOO_FEW = "fewer than 3 quantifiable samples after Tmax"
NO_FALL = "concentration does not fall after Tmax"


def _increasing(times: Array) -> None:
    """ValueError unless every time is later than the one before."""
    times = np.asarray(times, dtype=float)
    for before, after in pairwise(times.tolist()):
        if not after > before:
            raise ValueError(f"times out of order: {after:g} h comes after {before:g} h; they must increase")


def below_lloq(values: Array, lloq: float = 0.0) -> Array:
    """Concentrations (..., T) with what is not quantifiable (under ``lloq``, or 0 and less) set to 0 before the first
    quantifiable sample and to NaN after it.
    """
    values = np.asarray(values, dtype=float)
    low = (values < lloq) | (values <= 0)
    begun = np.cumsum(~low & ~np.isnan(values), axis=-1) > 0
    return np.where(low, np.where(begun, np.nan, 0.0), values)


def cmax(values: Array) -> Array:
    """Largest concentration of each profile (..., T) -> (...,); NaN for a profile without samples."""
    return np.fmax.reduce(values, axis=-1)


def tmax(times: Array, values: Array) -> Array:
    """Time of the first largest concentration, (T,), (..., T) -> (...,); NaN where none is above 0."""
    _increasing(times)
    at = np.where(np.isnan(values), -np.inf, values).argmax(axis=-1)
    return np.where(cmax(values) > 0, np.asarray(times, dtype=float)[at], np.nan)


def auc(times: Array, values: Array, log_down: bool = True) -> Array:
    """Area under each profile (T,), (..., T) -> (...,), first to last sample; a missing sample is bridged.

    ``log_down``: logarithmic trapezoid where the concentration falls and is positive, else linear everywhere.
    """
    _increasing(times)
    sampled = ~np.isnan(values)
    latest = np.maximum.accumulate(np.where(sampled, np.arange(len(times)), -1), axis=-1)
    before = latest[..., :-1]
    joined = sampled[..., 1:] & (before >= 0)
    left = np.take_along_axis(values, np.maximum(before, 0), axis=-1)
    width = times[1:] - times[np.maximum(before, 0)]
    parts = np.where(joined, width * _mean_level(left, values[..., 1:], log_down), 0.0)
    area = np.ascontiguousarray(parts).sum(axis=-1)  # the order of a sum, and its last digit, follows the layout
    return np.where(joined.any(axis=-1), area, np.nan)


def _mean_level(left: Array, right: Array, log_down: bool) -> Array:
    """Mean concentration between two samples: linear, or logarithmic when falling; exact for the smallest fall."""
    falling = log_down & (right < left) & (right > 0)
    excess = np.divide(left - right, right, out=np.ones_like(left), where=falling)
    return np.where(falling, (left - right) / elementary.log1p(excess), (left + right) / 2)


def level_at(times: Array, values: Array, at_h: float) -> Array:
    """Concentration of each profile (..., T) -> (...,) at any time from its first sample on.

    Between samples as the trapezoids join them; after the last quantifiable one along the terminal phase: NaN without
    one. ``values`` are those of ``below_lloq``.
    """
    sampled, place = ~np.isnan(values), np.arange(len(times))
    left = np.where(sampled & (times <= at_h), place, -1).max(axis=-1)
    right = np.where(sampled & (times >= at_h), place, len(times)).min(axis=-1)
    ends = (np.maximum(left, 0), np.minimum(right, len(times) - 1))
    (t0, t1), (c0, c1) = (times[k] for k in ends), (_picked(values, k) for k in ends)
    share = np.divide(at_h - t0, t1 - t0, out=np.zeros_like(c0), where=t1 > t0)
    falling = (c1 < c0) & (c1 > 0)
    ratio = np.divide(c1, c0, out=np.ones_like(c0), where=falling)
    between = np.where(falling, c0 * elementary.power(ratio, share), c0 + (c1 - c0) * share)
    level = np.where(left < 0, np.nan, between)
    if (right < len(times)).all():
        return level
    after = np.where(c0 == 0, 0.0, c0 * elementary.exp(-phases(times, values)[0] * (at_h - t0)))
    return np.where(right < len(times), level, after)


def _picked(values: Array, at: Codes) -> Array:
    """One value of each profile."""
    return np.take_along_axis(values, at[..., None], axis=-1)[..., 0]


def partial_auc(times: Array, values: Array, start_h: float, end_h: float) -> Array:
    """Area under each profile (T,), (..., T) -> (...,) from ``start_h`` to ``end_h``, ends as in ``level_at``."""
    inside = (times > start_h) & (times < end_h)
    ends = [level_at(times, values, at)[..., None] for at in (start_h, end_h)]
    area = auc(
        np.concatenate([[start_h], times[inside], [end_h]]),
        np.concatenate([ends[0], values[..., inside], ends[1]], axis=-1),
    )
    return np.where(np.isnan(ends[0] + ends[1])[..., 0], np.nan, area)


def auc_inf(times: Array, values: Array, log_down: bool = True) -> Array:
    """``auc`` to the last quantifiable sample and from its concentration along the terminal phase to infinity."""
    last = values.shape[-1] - 1 - (values > 0)[..., ::-1].argmax(axis=-1)
    return auc(times, values, log_down) + _picked(values, last) / phases(times, values)[0]


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
        return float(elementary.log(2) / self.lambda_z)


def terminal(times: Array, values: Array) -> Terminal:
    """Log-linear regression on the last k >= 3 positive samples after Tmax, k by the best adjusted R2; one profile."""
    lambda_z, r2_adjusted, points = phases(times, values)
    if np.isnan(lambda_z):
        return Terminal(np.nan, np.nan, int(points), TOO_FEW if points < 3 else NO_FALL)
    return Terminal(float(lambda_z), float(r2_adjusted), int(points))


def phases(times: Array, values: Array) -> tuple[Array, Array, Codes]:
    """``terminal`` of profiles (..., T): lambda_z and adjusted R2, NaN where there is no phase, and points, of those
    without one the samples that there were.
    """
    usable = (values > 0) & (times > tmax(times, values)[..., None])
    log = elementary.log(np.where(usable, values, 1.0))
    t, y = times - times[-1], log - _picked(log, len(times) - 1 - usable[..., ::-1].argmax(axis=-1))[..., None]

    def of_tail(x: Array) -> Array:
        """Sums over the usable samples from each one to the last."""
        return np.cumsum(np.where(usable, x, 0.0)[..., ::-1], axis=-1)[..., ::-1]

    k, st, sy = of_tail(np.ones_like(t)), of_tail(t), of_tail(y)
    enough = usable & (k >= 3)
    n = np.where(enough, k, 3.0)
    tt, ty, yy = of_tail(t * t) - st * st / n, of_tail(t * y) - st * sy / n, of_tail(y * y) - sy * sy / n
    slope = np.divide(ty, tt, out=np.zeros_like(tt), where=enough)
    last = np.where(usable, times, -np.inf).max(axis=-1, keepdims=True)
    falls = enough & (-slope * np.where(enough, last - times, 0.0) > FLAT)
    r2 = np.divide(ty * ty, tt * yy, out=np.zeros_like(tt), where=falls)
    r2 = np.where(falls, 1 - (1 - r2) * (n - 1) / (n - 2), -np.inf)
    longest = (falls & (r2 >= r2.max(axis=-1, keepdims=True) - R2_TIE)).argmax(axis=-1)
    found = falls.any(axis=-1)
    lambda_z, fit = (np.where(found, _picked(x, longest), np.nan) for x in (-slope, r2))
    return lambda_z, fit, np.where(found, _picked(k, longest), usable.sum(axis=-1)).astype(np.int64)


@dataclass(frozen=True)
class Exposure:
    """NCA of one profile: ng/mL, h, ng*h/mL; NaN with the reason in ``terminal`` when there is no terminal phase, and
    in ``reason`` when there is no area.
    """

    cmax: float
    tmax: float
    auc_last: float
    auc_inf: float
    terminal: Terminal
    reason: str = ""

    @property
    def half_life(self) -> float:
        """Terminal half-life (h)."""
        return self.terminal.half_life


def exposure(times: Array, values: Array, lloq: float = 0.0, log_down: bool = True) -> Exposure:
    """NCA of one profile after a single dose at time 0; AUC from 0 to the last quantifiable concentration, and from
    there to infinity. ValueError when the times do not increase.
    """
    times = np.asarray(times, dtype=float)
    _increasing(times)
    kept = below_lloq(values, lloq)[times >= 0]
    times = times[times >= 0]
    phase = terminal(times, kept)
    begun = times.size > 0 and times[0] == 0 and not np.isnan(kept[0])
    area = float(auc(times, kept, log_down)) if begun else np.nan
    whole = float(auc_inf(times, kept, log_down)) if begun else np.nan
    return Exposure(float(cmax(kept)), float(tmax(times, kept)), area, whole, phase, "" if begun else NO_START)
