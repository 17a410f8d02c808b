"""Multiple imputation of counts over the visits: at random, jump to reference, copy increments in reference.

Log counts of an arm, the baseline first, are multivariate normal, written as regressions of each visit on all before
it; a patient misses visits now and then (gaps), and all from the day on which he left (the tail). Proper: mean and
covariance are drawn anew for each of M imputations, from monotone data exactly (Rubin, Multiple Imputation, 1987,
5.4: spread^2 = residual sum of squares / chi-square, then normal coefficients), gaps by data augmentation.
Of who left, the tail is drawn given what he had before: at random by the regressions of his own arm; of a reference
(Carpenter, Roger & Kenward, J Biopharm Stat 2013;23:1352-1371) by those of the reference arm, about a mean that is his
arm's to the last visit and then the reference arm's (jump), or his arm's plus the increments of the reference arm
(copy). That is the law of their covariance matrix, which has the regression of later on earlier visits from the
reference arm; the tests form the matrix. No kept Python library has these (R: rbmi).
Rubin's rules with the degrees of freedom of Barnard & Rubin, Biometrika 1999;86:948-955.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import chdtri, ndtri, stdtr, stdtrit

from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.estimators import Interval

BURN = 10
"""Rounds of data augmentation before gaps are taken as drawn."""
LEAST = 3
"""Degrees of freedom that a regression keeps: the earliest visits are left out of one with fewer."""
FOLLOWS, NARROW = 1e-10, 1e-6
"""Share of the largest eigenvalue below which visits follow from each other; least spread of a visit's log count."""


class Uniforms(Protocol):
    """Where the uniforms of an arm's M imputations come from: each names a round and a visit, by its place."""

    def of_arm(self, round: int, visit: int, k: int) -> Array:
        """(M, k) of the regression of a visit."""

    def of_patients(self, round: int, visit: int) -> Array:
        """(M, n) of the patients' values at a visit; round 0: after the last one seen."""


class TooFew(Exception):
    """An arm has too few patients at a visit for any regression."""


@dataclass(frozen=True)
class Regressions:
    """M draws of the regression of each of W visits on all before: ``level`` (M, W), ``slope`` (M, W, W), whose row is
    of the visit and 0 from the diagonal on, ``spread`` (M, W).
    """

    level: Array
    slope: Array
    spread: Array

    @property
    def mean(self) -> Array:
        """(M, W) mean of every visit."""
        mean = np.zeros_like(self.level)
        for v in range(mean.shape[1]):
            mean[:, v] = self.level[:, v] + (self.slope[:, v] * mean).sum(axis=1)
        return mean

    @property
    def covariance(self) -> Array:
        """(M, W, W) covariance of the visits."""
        root = np.linalg.inv(np.eye(self.slope.shape[1]) - self.slope) * self.spread[:, None, :]
        return root @ root.transpose(0, 2, 1)


def drawn(y: Array, last: Codes, uniform: Uniforms, round: int) -> Regressions:
    """One draw per imputation from the posterior, of ``y`` (M, n, W), which everybody has to his ``last`` (n,) visit.

    Raises TooFew.
    """
    m, _, w = y.shape
    level, slope, spread = np.zeros((m, w)), np.zeros((m, w, w)), np.zeros((m, w))
    for v in range(w):
        there = y[:, last >= v]
        n = there.shape[1]
        used = min(v, n - 1 - LEAST)
        if used < 0:
            raise TooFew
        x = np.concatenate([np.ones((m, n, 1)), there[..., v - used : v]], axis=2)
        root = _inverse_root(x.transpose(0, 2, 1) @ x)
        best = root @ (root.transpose(0, 2, 1) @ (x.transpose(0, 2, 1) @ there[..., v, None]))
        rest = ((there[..., v] - (x @ best)[..., 0]) ** 2).sum(axis=1)
        u = uniform.of_arm(round, v, used + 2)
        spread[:, v] = np.maximum(np.sqrt(rest / chdtri(n - used - 1, u[:, 0])), NARROW)
        normal = ndtri(u[:, 1:, None])
        found = (best + spread[:, v, None, None] * (root @ normal))[..., 0]
        level[:, v], slope[:, v, v - used : v] = found[:, 0], found[:, 1:]
    return Regressions(level, slope, spread)


def _inverse_root(squares: Array) -> Array:
    """(M, P, P) R with R R' the inverse of ``squares``, of what visits that follow from others leave of it."""
    values, vectors = np.linalg.eigh(squares)
    told = values > FOLLOWS * values[:, -1:]
    return np.asarray(vectors * np.where(told, 1 / np.sqrt(np.where(told, values, 1.0)), 0.0)[:, None, :])


def filled(y: Array, last: Codes) -> Array:
    """(n, W) with each gap half way between the values around it."""
    found = y.copy()
    for v in range(1, y.shape[1]):
        gap = np.flatnonzero(np.isnan(y[:, v]) & (v < last))
        later = np.isnan(y[gap, v + 1 :])
        after = y[gap, v + 1 + np.argmin(later, axis=1)] if len(gap) else np.zeros(0)
        found[gap, v] = (found[gap, v - 1] + after) / 2
    return found


def _gaps_drawn(y: Array, gap: Flags, last: Codes, by: Regressions, uniform: Uniforms, round: int) -> Array:
    """``y`` (M, n, W) with every gap, visit after visit, drawn given all others of the patient."""
    y = y.copy()
    above = np.eye(y.shape[2]) - by.slope
    for v in np.flatnonzero(gap.any(axis=0)):
        rows = np.flatnonzero(gap[:, v])
        there = np.arange(y.shape[2]) <= last[rows, None]
        some = np.where(there, y[:, rows], 0.0)
        some[..., v] = 0.0
        rest = some @ above.transpose(0, 2, 1) - by.level[:, None]
        weight = there / by.spread[:, None] ** 2
        much = (weight * above[:, None, :, v] ** 2).sum(axis=2)
        centre = -(weight * above[:, None, :, v] * rest).sum(axis=2) / much
        y[:, rows, v] = centre + ndtri(uniform.of_patients(round, int(v))[:, rows]) / np.sqrt(much)
    return y


@dataclass(frozen=True)
class ArmDrawn:
    """An arm of n patients: ``y`` (M, n, W) log counts, gaps drawn and tails NaN; ``last`` (n,) visit before the tail;
    the regressions drawn; ``normal`` (M, n, W) of the tails.
    """

    y: Array
    last: Codes
    by: Regressions
    normal: Array


def arm_drawn(y: Array, imputations: int, uniform: Uniforms) -> ArmDrawn:
    """Draw what all ways of imputation share, of log counts (n, W), NaN where none, the first known. Raises TooFew."""
    n, w = y.shape
    known = ~np.isnan(y)
    last: Codes = w - 1 - np.argmax(known[:, ::-1], axis=1)
    gap = ~known & (np.arange(w) < last[:, None])
    each = np.broadcast_to(filled(y, last), (imputations, n, w))
    by = drawn(each, last, uniform, 0)
    for k in range(1, 1 + BURN * bool(gap.any())):
        each = _gaps_drawn(each, gap, last, by, uniform, k)
        by = drawn(each, last, uniform, k)
    normal = np.zeros((imputations, n, w))
    for v in range(1 + int(last.min(initial=w)), w):
        normal[..., v] = ndtri(uniform.of_patients(0, v))
    return ArmDrawn(np.array(each), last, by, normal)


def tails_drawn(arm: ArmDrawn, reference: ArmDrawn, how: str, of_reference: Flags | None = None) -> Array:
    """(M, n, W) log counts without a missing one; ``how``: missing_at_random, jump_to_reference or copy_increments, the
    latter two of the patients (n,) ``of_reference``, by default all; the others at random.
    """
    y, w = arm.y.copy(), arm.y.shape[2]
    after = np.arange(w) > arm.last[:, None]
    apart = np.ones(len(arm.last), dtype=bool) if of_reference is None else of_reference
    at_random = np.ones_like(apart) if how == "missing_at_random" else ~apart
    own, other = arm.by.mean, reference.by.mean
    shift = (own - other)[:, arm.last, None] if how == "copy_increments" else 0.0
    centre = np.where(after & ~at_random[:, None], other[:, None] + shift, own[:, None])
    for v in range(1, w):
        rows = np.flatnonzero(after[:, v])
        if not len(rows):
            continue
        mine = at_random[rows]
        before, mine = y[:, rows, :v] - centre[:, rows, :v], at_random[rows]
        steps = (before @ by.slope[:, v, :v, None] for by in (arm.by, reference.by))
        expected = np.where(mine, *(step[..., 0] for step in steps))
        spread = np.where(mine, arm.by.spread[:, v, None], reference.by.spread[:, v, None])
        y[:, rows, v] = centre[:, rows, v] + expected + spread * arm.normal[:, rows, v]
    return y


def pooled(estimate: Array, variance: Array, df: Array | float) -> tuple[Interval, Array]:
    """Rubin's rules over the last axis: estimate with 95 % t limits and two-sided p; ``df`` of the complete data. NaN
    where there is no variance.
    """
    m = estimate.shape[-1]
    middle, within = estimate.mean(axis=-1), variance.mean(axis=-1)
    between = (1 + 1 / m) * estimate.var(axis=-1, ddof=1)
    total = within + between
    ok = total > 0
    total = np.where(ok, total, np.nan)
    share = between / total
    complete = (df + 1) / (df + 3) * df * (1 - share)
    freedom = 1 / (share**2 / (m - 1) + 1 / np.where(complete > 0, complete, np.nan))
    error = np.sqrt(total)
    half = stdtrit(freedom, 0.975) * error
    p = 2 * stdtr(freedom, -np.abs(middle) / error)
    return Interval(np.where(ok, middle, np.nan), middle - half, middle + half), p
