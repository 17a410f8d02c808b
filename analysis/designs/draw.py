"""Trials drawn from a sub-pool: who is in them, who has which arm, what is counted at each look.

Uniforms come from outside, by name, sub-pool and number of the piece, so that nothing here makes a random number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.designs.plan import Accrual
from analysis.designs.pool import Codes
from analysis.endpoints.records import Array, Flags
from cohorts.units import DAYS_PER_YEAR

Uniforms = Callable[[str, int, int, int], Array]
"""Name, sub-pool, number of the piece, how many: uniforms in (0, 1)."""
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
Counts = NDArray[np.float64]


def patients(uniform: Array, size: int) -> Codes:
    """Patients (T, size) of trials, from uniforms (rounds, P): each round is the sub-pool in random order, cut into
    trials that share nobody.
    """
    rounds, people = uniform.shape
    each = people // size
    return np.argsort(uniform, axis=1)[:, : each * size].reshape(rounds * each, size)


def allocated(
    stratum: Codes, ratio: tuple[int, ...], repeats: int, active: Flags, keys: Callable[[int], Array]
) -> Codes:
    """Arm (T, n) of each patient in order of entry, by permuted blocks within strata (T, n).

    A block has every arm ``ratio`` times, all ``repeats`` times; slots of arms that are not ``active`` (T, A) are
    passed over. ``keys``: so many uniforms.
    """
    slots = np.tile(np.repeat(np.arange(len(ratio)), ratio), repeats)
    trials, n = stratum.shape
    rank, codes = np.zeros((trials, n), dtype=np.int64), np.unique(stratum)
    for code in codes:
        here = stratum == code
        rank += np.where(here, here.cumsum(axis=1) - 1, 0)
    share = np.where(active, np.array(ratio), 0).sum(axis=1).min() / sum(ratio)
    rows = int(-(-(rank.max() + 1) // max(int(share * len(slots)), 1)))
    order = np.argsort(keys(trials * len(codes) * rows * len(slots)).reshape(-1, len(slots)), axis=1)
    lists = slots[order].reshape(trials, len(codes), rows * len(slots))
    if not active.all():
        alive = np.take_along_axis(active[:, None, :], lists, axis=2)
        lists = np.take_along_axis(lists, np.argsort(~alive, axis=2, kind="stable"), axis=2)
    place = np.searchsorted(codes, stratum)
    return np.asarray(lists[np.arange(trials)[:, None], place, rank])


def counted_at(
    outcome: Array, who: Codes, arm: Codes, stratum: Codes, look: Codes, shape: tuple[int, int, int]
) -> tuple[Counts, Counts]:
    """Events and evaluable patients (T, K, A, S) that each look adds.

    ``outcome`` (A, P) of the sub-pool; ``who``, ``arm``, ``stratum`` (T, n); ``look`` (n,) or (T, n), from 0, K or
    more: in none. ``shape``: K, A, S.
    """
    looks, arms, strata = shape
    value = outcome[arm, who]
    ok = ~np.isnan(value) & (look < looks)
    cell = ((np.arange(len(who))[:, None] * looks + look) * arms + arm) * strata + stratum
    size = len(who) * looks * arms * strata
    cells = np.broadcast_to(cell, who.shape)[ok]
    counts = np.bincount(cells, value[ok], minlength=size), np.bincount(cells, minlength=size)
    events, sizes = (count.reshape(len(who), looks, arms, strata).astype(np.float64) for count in counts)
    return events, sizes


def entries(uniform: Array, accrual: Accrual) -> Array:
    """Months (T, n) from the first site to the entry of each patient: a Poisson process whose rate rises to its full
    height over the ramp.
    """
    expected = -np.log(uniform).cumsum(axis=1) / accrual.per_month
    if not accrual.ramp:
        return np.asarray(expected)
    return np.where(expected < accrual.ramp / 2, np.sqrt(2 * accrual.ramp * expected), expected + accrual.ramp / 2)


def known(entry: Array, accrual: Accrual) -> Array:
    """Months until the endpoint of each patient is known."""
    return entry + accrual.lag / DAYS_PER_MONTH
