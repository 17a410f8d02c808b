"""Kaplan-Meier, log-rank and Cox on counts of patients by day, for all replicates at once.

Days are whole numbers, so that a group of patients is summed up by how many have the event, and how many are watched,
on each day. Cox models with one covariate of two values need no more (Efron's ties: Efron, JASA 1977;72:557-565), and
one replicate takes a thousandth of the time of a general routine; statsmodels is the check in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.estimators import Z95, Interval
from cohorts import elementary

HALF, SAME = 0.5, 1e-9
NEWTON_STEPS, CONVERGED, LARGEST_STEP = 50, 1e-10, 2.0


@dataclass(frozen=True)
class Counts:
    """``events`` and ``at_risk`` (..., D): patients with the event on a day, and watched without it just before."""

    events: Array
    at_risk: Array

    def watched(self, days: Codes) -> Array:
        """Patients at risk on some days (..., K); nobody after the last."""
        there = days < self.at_risk.shape[-1]
        return np.where(there, self.at_risk[..., np.where(there, days, 0)], 0.0)

    def pooled(self, axis: int) -> Counts:
        """All groups along an axis together."""
        return Counts(self.events.sum(axis=axis), self.at_risk.sum(axis=axis))


def by_day(group: Codes, shape: tuple[int, ...], day: Codes, event: Flags) -> Counts:
    """Counts of groups; ``group`` (n,) is a patient's place in ``shape``, ``day`` (n,) from 0 of the event or of the
    last watch, ``event`` (n,).
    """
    days = int(day.max(initial=0)) + 1
    cell, size = group * days + day, int(np.prod(shape)) * days
    seen = np.bincount(cell, minlength=size).reshape(*shape, days).astype(np.float64)
    events = np.bincount(cell[event], minlength=size).reshape(*shape, days).astype(np.float64)
    return Counts(events, np.cumsum(seen[..., ::-1], axis=-1)[..., ::-1])


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier of groups (..., D): ``share`` with the event by each day, with log-log limits (95 %).

    ``last`` (...): the last day on which anybody was watched; NaN where nobody was.
    """

    share: Interval
    last: Array

    def by(self, days: Codes) -> Interval:
        """Share with the event by some days (..., K), 0 to 1; NaN past the last day watched, unless all had it."""
        place = np.minimum(days, self.share.estimate.shape[-1] - 1)
        known = (days <= self.last[..., None]) | (self.share.estimate[..., -1:] > 1 - SAME)
        return Interval(*(np.where(known, part[..., place], np.nan) for part in self.share))

    @property
    def median(self) -> Interval:
        """Day by which half had the event, with limits where those of the curve cross a half; NaN where not reached.

        Where the curve runs at exactly a half, the middle of that stretch, as in R and SAS. Limits: Brookmeyer and
        Crowley, Biometrics 1982;38:29-41, on the log-log scale.
        """
        share, low, high = self.share
        return Interval(*(_crossing(part, self.last) for part in (share, high, low)))


def _crossing(share: Array, last: Array) -> Array:
    """(...) day on which a rising share (..., D) reaches a half: the middle of a stretch at exactly a half, which may
    go on to the ``last`` day watched; NaN where it does not.
    """
    reached, beyond = share >= HALF - SAME, share > HALF + SAME
    first = reached.argmax(axis=-1)
    level = np.take_along_axis(share, first[..., None], axis=-1)[..., 0]
    end = np.where(beyond.any(axis=-1), beyond.argmax(axis=-1), last)
    day = np.where(np.abs(level - HALF) <= SAME, (first + end) / 2, first)
    return np.where(reached.any(axis=-1), day, np.nan)


def kaplan_meier(counts: Counts) -> Curve:
    """Kaplan-Meier of every group, with Greenwood's variance."""
    events, risk = counts.events, counts.at_risk
    hazard = np.divide(events, risk, out=np.zeros_like(events), where=risk > 0)
    surviving = np.cumprod(1.0 - hazard, axis=-1).astype(np.float64)
    left = risk * (risk - events)
    variance: Array = np.cumsum(np.divide(events, left, out=np.zeros_like(events), where=left > 0), axis=-1)
    watched: Flags = np.asarray((risk > 0).any(axis=-1))
    last = np.where(watched, risk.shape[-1] - 1 - (risk[..., ::-1] > 0).argmax(axis=-1), np.nan)
    share = _log_log(surviving, variance)
    return Curve(Interval(*(np.where(watched[..., np.newaxis], part, np.nan) for part in share)), last)


def _log_log(surviving: Array, variance: Array) -> Interval:
    """Share with the event and its log-log limits; none where nobody or everybody had it."""
    inside = (surviving > SAME) & (surviving < 1 - SAME)
    log = elementary.log(np.where(inside, surviving, HALF))
    width = elementary.exp(Z95 * np.sqrt(variance) / np.abs(log))
    low, high = (np.where(inside, 1 - elementary.exp(log * power), np.nan) for power in (1 / width, width))
    return Interval(1 - surviving, low, high)


def log_rank(treated: Counts, control: Counts) -> Array:
    """Two-sided p (R,) of the log-rank test within strata; counts (R, S, D). NaN where nothing can be told."""
    d, n = treated.events + control.events, np.maximum(treated.at_risk + control.at_risk, 1)
    share = treated.at_risk / n
    excess = (treated.events - d * share).sum(axis=(1, 2))
    spread = (d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)).sum(axis=(1, 2))
    z = np.divide(excess, np.sqrt(spread), out=np.full_like(excess, np.nan), where=spread > 0)
    return np.asarray(2 * ndtr(-np.abs(z)))


def hazard_ratio(treated: Counts, control: Counts) -> Interval:
    """Hazard ratio (R,) of the treated (Cox, Efron's ties, stratified) with its Wald interval; counts (R, S, D).

    NaN unless both groups have an event while the other is watched: otherwise the likelihood has no maximum.
    """
    told = [
        ((one.events > 0) & (other.at_risk > 0)).any(axis=(1, 2))
        for one, other in ((treated, control), (control, treated))
    ]
    known: Flags = np.asarray(told[0] & told[1])
    deaths = _deaths(treated, control, known)
    slope, information = np.zeros(len(known)), np.ones(len(known))
    for _ in range(NEWTON_STEPS):
        score, information = _score(deaths, slope)
        step = np.divide(score, information, out=np.zeros_like(score), where=information > 0)
        slope = slope + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max(initial=0.0) < CONVERGED:
            break
    _, information = _score(deaths, slope)
    error = np.sqrt(np.divide(1.0, information, out=np.full_like(information, np.nan), where=information > 0))
    limits = (slope, slope - Z95 * error, slope + Z95 * error)
    return Interval(*(np.where(known, elementary.exp(value), np.nan) for value in limits))


@dataclass(frozen=True)
class _Deaths:
    """A row per event: its replicate, and who is at risk in the two groups (Efron's average over ties); ``treated``
    (R,) events of the treated.
    """

    replicate: Codes
    at_risk: Array
    others: Array
    treated: Array


def _deaths(treated: Counts, control: Counts, known: Flags) -> _Deaths:
    d = np.where(known[:, None, None], treated.events + control.events, 0.0)
    cell = np.repeat(np.flatnonzero(d), d[d > 0].astype(np.int64))
    nth = np.arange(len(cell)) - np.searchsorted(cell, cell)
    part = nth / d.ravel()[cell]
    risk = [(g.at_risk.ravel()[cell] - part * g.events.ravel()[cell]) for g in (treated, control)]
    events = np.where(known, treated.events.sum(axis=(1, 2)), 0.0)
    return _Deaths(cell // d[0].size if len(d) else cell, risk[0], risk[1], events)


def _score(deaths: _Deaths, slope: Array) -> tuple[Array, Array]:
    """First derivative of the log likelihood (R,) and minus the second."""
    weighted = deaths.at_risk * elementary.exp(slope)[deaths.replicate]
    share = weighted / (weighted + deaths.others)
    of = (np.bincount(deaths.replicate, part, minlength=len(slope)) for part in (share, share * (1 - share)))
    expected, information = (part.astype(np.float64) for part in of)
    return deaths.treated - expected, information


def restricted_mean(counts: Counts, day: int) -> tuple[Array, Array]:
    """Mean days without the event up to a day (...), and its standard error: the area under Kaplan-Meier.

    NaN where nobody is watched to that day while somebody is without the event. Variance: Greenwood's, weighted by the
    area that is left (Klein & Moeschberger, Survival analysis, 2003, 4.5); the use of it: Royston & Parmar, Stat Med
    2011;30:2409-2421.
    """
    curve = kaplan_meier(counts)
    spare = max(day - curve.share.estimate.shape[-1], 0)
    ends = [(0, 0)] * (curve.share.estimate.ndim - 1)
    surviving = np.pad(1 - curve.share.estimate, [*ends, (0, spare)], mode="edge")[..., :day]
    left = np.cumsum(surviving[..., ::-1], axis=-1)[..., ::-1]
    events, risk = (np.pad(part, [*ends, (0, spare)])[..., :day] for part in (counts.events, counts.at_risk))
    product = risk * (risk - events)
    terms = np.divide(events, product, out=np.zeros_like(product), where=product > 0)
    known = (curve.last >= day) | (curve.share.estimate[..., -1] > 1 - SAME)
    error = np.sqrt((left**2 * terms).sum(axis=-1))
    return np.where(known, surviving.sum(axis=-1), np.nan), np.where(known, error, np.nan)
