"""What is known of trials at a look, and the planned comparison of it: counts of a yes or no, values of a measured one.

What two parts of a trial say is put together by ``with_more``; ``compared`` gives, of every claim, Z with the p of the
planned test, positive where the arm is better, the difference, and whether it cannot be tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.designs.draw import Counts
from analysis.designs.plan import Claim
from analysis.designs.pool import Codes, Pool
from analysis.endpoints.records import Array, Flags
from analysis.statistics import many_trials, proportions
from analysis.statistics.planned import Cells, directed
from cohorts import elementary
from trial.study.analysis_plan import ComparisonMethod


class Tested(NamedTuple):
    """Of one claim in T trials, or (T, H) of several: Z, difference, whether it cannot be tested."""

    z: Array
    difference: Array
    untested: Flags


@dataclass(frozen=True, eq=False)
class CountsSeen:
    """Events and evaluable patients (T, A, S) of a yes or no endpoint."""

    events: Counts
    sizes: Counts

    def with_more(self, later: CountsSeen) -> CountsSeen:
        """Of both parts."""
        return CountsSeen(self.events + later.events, self.sizes + later.sizes)

    def compared(self, claims: Sequence[Claim], reference: int, method: ComparisonMethod) -> list[Tested]:
        """Of every claim, small strata pooled."""
        events, sizes = self.events, self.sizes
        if method.pool_below:
            events, sizes = proportions.pooled_strata(events, sizes, method.pool_below)
        found = []
        for claim in claims:
            cells = Cells(*((n[:, k]) for k in (claim.arm, reference) for n in (events, sizes)))
            z, difference = directed(cells, method, claim.better, claim.margin)
            untested = np.isnan(z) | (alike(cells, method) & (z == 0) & (not claim.margin))
            found.append(Tested(z, difference, untested))
        return found


def alike(cells: Cells, method: ComparisonMethod) -> Flags:
    """Whether all patients (T,) who are compared have one outcome: in every stratum, of an exact test together."""
    x1, n1, x2, n2 = cells.crude if method.test in ("fisher", "boschloo") else cells.four
    events, size = x1 + x2, n1 + n2
    same = (n1 == 0) | (n2 == 0) | (events == 0) | (events == size)
    return np.asarray(same if same.ndim == 1 else same.all(axis=-1))


@dataclass(frozen=True, eq=False)
class ValuesSeen:
    """Values (T, n) of a measured endpoint, NaN: not known, with the arm, the stratum and the baseline count of each
    patient; ``arms``: how many there are. ``estimated``: whether the shift of ranks is wanted, which takes long.
    """

    value: Array
    arm: Codes
    stratum: Codes
    baseline: Array
    arms: int
    estimated: bool = True

    def with_more(self, later: ValuesSeen) -> ValuesSeen:
        """Of both parts."""
        value, baseline = (np.hstack(v) for v in ((self.value, later.value), (self.baseline, later.baseline)))
        arm, stratum = (np.hstack(code) for code in ((self.arm, later.arm), (self.stratum, later.stratum)))
        return ValuesSeen(value, arm, stratum, baseline, self.arms, self.estimated)

    def compared(self, claims: Sequence[Claim], reference: int, method: ComparisonMethod) -> list[Tested]:
        """Of every claim, by ``analysis.method.measured``."""
        if method.measured == "hodges_lehmann":
            return [self._ranked(claim, reference) for claim in claims]
        value, baseline = self.value, self.baseline
        if method.measured == "ancova_log":
            value, baseline = logarithms(value), elementary.log(np.maximum(baseline, 1.0))
        found = many_trials.adjusted_differences(value, self.arm, reference, self.arms, baseline, self.stratum)
        return [
            Tested(z := c.better * found.z(c.arm, -c.better * c.margin), found.estimate[:, c.arm], np.isnan(z))
            for c in claims
        ]

    def _ranked(self, claim: Claim, reference: int) -> Tested:
        first = self.arm == claim.arm
        value = np.where(first | (self.arm == reference), self.value, np.nan)
        moved = value + np.where(first, claim.better * claim.margin, 0.0)
        z, same = many_trials.rank_sums(moved, first, self.stratum)
        difference = many_trials.shifts(value, first) if self.estimated else np.full(len(value), np.nan)
        return Tested(claim.better * z, difference, np.isnan(z) | same)


def logarithms(value: Array) -> Array:
    """Of values (T, n); of none of a trial in which one is not above 0."""
    told = (value > 0) & ~(value <= 0).any(axis=1, keepdims=True)
    return np.where(told, elementary.log(np.where(told, value, 1.0)), np.nan)


Seen = CountsSeen | ValuesSeen


def truth(pool: Pool, claim: Claim, reference: int, method: ComparisonMethod) -> Array:
    """What a claim's difference estimates, in each sub-pool (G,): of shares or means, of logarithms, or a shift."""
    if not claim.measured:
        return pool.differences(claim.endpoint, claim.arm, reference)
    value = pool.outcomes[claim.endpoint][:, [claim.arm, reference]]
    if method.measured == "hodges_lehmann":
        first = np.broadcast_to(np.array([True, False])[:, None], value.shape[1:])
        return many_trials.shifts(value.reshape(len(value), -1), np.tile(first.reshape(1, -1), (len(value), 1)))
    if method.measured == "ancova_log":
        value = np.where(value > 0, elementary.log(np.where(value > 0, value, 1.0)), np.nan)
    mean = np.nanmean(value, axis=2)
    return np.asarray(mean[:, 0] - mean[:, 1])
