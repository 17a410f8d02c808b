"""Tests over two stages whose second may depend on the first: p are combined by weights fixed before, and closed tests.

Sources: inverse normal, Lehmacher & Wassmer, Biometrics 1999;55:1286-1290; closed testing, Marcus, Peritz & Gabriel,
Biometrika 1976;63:655-660; dose selection, Bretz, Schmidli, Koenig, Racine & Maurer, Biom J 2006;48:623-634. The
zone in which more patients are promising: Mehta & Pocock, Stat Med 2011;30:3267-3284.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from analysis.endpoints.records import Array, Flags

Intersection = Literal["bonferroni", "simes"]
LEAST = 1e-300


def inverse_normal(p1: ArrayLike, p2: ArrayLike, weight: float) -> Array:
    """One-sided p (...) of both stages; ``weight``: share of the first in the variance, fixed before the trial."""
    z1, z2 = (-ndtri(np.clip(np.asarray(p, dtype=np.float64), LEAST, 1 - 1e-16)) for p in (p1, p2))
    return np.asarray(ndtr(-(np.sqrt(weight) * z1 + np.sqrt(1 - weight) * z2)))


def intersected(p: ArrayLike, rule: Intersection) -> Array:
    """p (...) of the intersection of hypotheses whose p are on the last axis (..., H); what is NaN is not tested."""
    seen = np.where(np.isnan(np.asarray(p, dtype=np.float64)), 1.0, p)
    h = seen.shape[-1]
    if rule == "bonferroni":
        return np.asarray(np.minimum(h * seen.min(axis=-1), 1.0))
    return np.asarray((np.sort(seen, axis=-1) * h / np.arange(1, h + 1)).min(axis=-1))


def closed(p1: ArrayLike, p2: ArrayLike, taken: ArrayLike, weight: float, level: float, rule: Intersection) -> Flags:
    """Which of H hypotheses (T, H) are rejected at the one-sided family-wise ``level`` after two stages.

    ``p1``, ``p2`` (T, H): p of each stage on its own patients; ``taken`` (T, H): hypotheses that went on. One is
    rejected when every intersection that it is part of is. Of an intersection the second stage has the p of those that
    went on, and none (p 1, so that it cannot be rejected) when none did.
    """
    first, second = (np.asarray(p, dtype=np.float64) for p in (p1, p2))
    went = np.asarray(taken, dtype=bool)
    rejected = went.copy()
    for size in range(1, first.shape[-1] + 1):
        for members in combinations(range(first.shape[-1]), size):
            some = list(members)
            p = inverse_normal(intersected(first[:, some], rule), _of_those(second, went, some, rule), weight)
            keeps = (p > level) | ~went[:, some].any(axis=-1)
            rejected[:, some] &= ~keeps[:, None]
    return rejected


def _of_those(p: Array, went: Flags, some: list[int], rule: Intersection) -> Array:
    """p (T,) of the second stage of an intersection: over those of its members that went on."""
    here = np.where(went[:, some], p[:, some], np.nan)
    many = np.maximum((~np.isnan(here)).sum(axis=-1), 1)
    if rule == "bonferroni":
        return np.asarray(np.minimum(np.where(np.isnan(here), 1.0, here).min(axis=-1) * many, 1.0))
    ranked = np.sort(np.where(np.isnan(here), np.inf, here), axis=-1)
    found = (ranked * many[:, None] / np.arange(1, here.shape[-1] + 1)).min(axis=-1)
    return np.minimum(found, 1.0)


def new_size(
    z: ArrayLike, first: float, planned: float, most: float, last: float, promising: tuple[float, float], wanted: float
) -> Array:
    """Patients (T,) after a look at ``first`` of ``planned`` ones that saw ``z`` (T,).

    Where the conditional power as the trial has begun lies within ``promising``, as many as give the power ``wanted``,
    at most ``most``; ``planned`` elsewhere. Mehta and Pocock 2011, equations 5 to 7.
    """
    z = np.asarray(z, dtype=np.float64)
    t = first / planned
    power = ndtr((z * np.sqrt(t) + z / np.sqrt(t) * (1 - t) - last) / np.sqrt(1 - t))
    needed = (last - z * np.sqrt(t)) / np.sqrt(1 - t) - ndtri(1 - wanted)
    more = first * (needed / np.where(z > 0, z, np.nan)) ** 2
    there = (promising[0] <= power) & (power < promising[1]) & (z > 0)
    size = np.clip(np.where(there, first + more, planned), planned, most)
    return np.asarray(np.where(there, np.ceil(size - 1e-9), planned))
