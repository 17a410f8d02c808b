"""Imputed counts of the patients of trials: what is put into the model, and the records with what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from analysis.endpoints.records import Array, Codes, Flags, Records
from analysis.endpoints.strategies import SMALLEST, left_day
from analysis.statistics.imputation import ArmDrawn, TooFew, Uniforms, arm_drawn, tails_drawn
from cohorts import elementary

ByArm = Callable[[int, str, Codes], Uniforms]
"""The uniforms of a replicate, an arm, by its id, and its patients (n,), by their numbers."""


@dataclass(frozen=True)
class ImputedCounts:
    """M imputations of n patients: the arms of every replicate with the rows of their patients, None where an arm has
    too few; ``dead`` (n, V) days on which nobody has a count any more.
    """

    records: Records
    imputations: int
    arms: tuple[tuple[tuple[Flags, ArmDrawn | None], ...], ...]
    reference: int
    dead: Flags
    whole_numbers: bool

    def records_of(self, how: str, delta: float = 0.0) -> list[Records]:
        """The records (M) with every missing count imputed; ``delta`` is taken from the logs after the last count of
        every arm but the reference arm. Of a replicate that cannot be imputed counts stay missing.
        """
        of = self.records
        logs = np.full((self.imputations, of.n, len(of.planned)), np.nan)
        left = np.isfinite(left_day(of))
        for arms in self.arms:
            basis = arms[self.reference][1]
            for k, (rows, arm) in enumerate(arms):
                if arm is None or basis is None:
                    continue
                y = tails_drawn(arm, basis, how, left[rows])
                after = np.arange(y.shape[2]) > arm.last[:, None]
                worse = y - delta * after if k != self.reference else y
                logs[:, rows] = worse[..., 1:]
        return [self._with(counts) for counts in np.asarray(elementary.exp(logs))]

    def _with(self, counts: Array) -> Records:
        """The records with ``counts`` (n, V) where there is none, on the planned day."""
        of = self.records
        missing = np.isnan(of.counts) & ~self.dead
        counts = np.rint(counts) if self.whole_numbers else counts
        days = np.where(missing & ~np.isnan(counts), of.planned, of.days)
        return replace(of, counts=np.where(missing, counts, of.counts), days=days)

    @property
    def possible(self) -> Array:
        """(R,) 1 where the replicate can be imputed, else NaN."""
        return np.array([np.nan if any(arm is None for _, arm in arms) else 1.0 for arms in self.arms])


def draw(
    records: Records, died: Array, reference: int, imputations: int, whole_numbers: bool, uniform: ByArm
) -> ImputedCounts:
    """Draw every arm of every replicate; ``died`` (n,) day of death, NaN of the living, ``reference`` an arm."""
    planned = np.broadcast_to(records.planned, records.counts.shape)
    seen = np.where(records.voids(np.where(np.isnan(records.days), planned, records.days)), np.nan, records.counts)
    both = np.column_stack([records.baseline, seen])
    logs = np.asarray(elementary.log(np.maximum(both, SMALLEST)))
    arms = []
    for replicate in dict.fromkeys(records.replicate.tolist()):
        mine = records.replicate == replicate
        rows = [mine & (records.arm == k) for k in range(len(records.arm_ids))]
        sources = [
            uniform(replicate, arm, records.subject[who]) for arm, who in zip(records.arm_ids, rows, strict=True)
        ]
        arms.append(tuple((who, _arm(logs[who], imputations, of)) for who, of in zip(rows, sources, strict=True)))
    dead = planned >= died[:, None]
    return ImputedCounts(records, imputations, tuple(arms), reference, dead, whole_numbers)


def _arm(y: Array, imputations: int, uniform: Uniforms) -> ArmDrawn | None:
    try:
        return arm_drawn(y, imputations, uniform)
    except TooFew:
        return None
