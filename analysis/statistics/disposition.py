"""Who took part and for how long: counts of patients per arm, and the shares that the figures draw over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class Disposition:
    """Patients of one arm: ``left`` holds (reason, patients) in the order asked for.

    Everybody is counted once: completed, left or unsolved. ``stopped``: those of the first two whose treatment the dose
    rule stopped; it did not end their part in the study.
    """

    randomised: int
    completed: int
    left: tuple[tuple[str, int], ...]
    unsolved: int
    stopped: int = 0

    @property
    def discontinued(self) -> int:
        """Patients who left early, any reason."""
        return sum(n for _, n in self.left)


def disposition(
    completed: NDArray[np.bool_],
    reason: Texts,
    unsolved: NDArray[np.bool_],
    reasons: Sequence[str],
    stopped: NDArray[np.bool_] | None = None,
) -> Disposition:
    """Counts of some patients; ``reason`` (n,) why they left, reasons beyond ``reasons`` are added at the end;
    ``stopped`` (n,) whether the dose rule stopped treatment, None: nobody.

    A patient whose solve failed counts as ``unsolved`` only, whatever was planned for the end of the study.
    """
    counted = Counter(reason[~completed & ~unsolved].tolist())
    order = [*reasons, *sorted(set(counted) - set(reasons))]
    left = tuple((name, counted[name]) for name in order)
    by_rule = 0 if stopped is None else int((stopped & ~unsolved).sum())
    return Disposition(len(completed), int((completed & ~unsolved).sum()), left, int(unsolved.sum()), by_rule)


def share_by_day(first_day: Array, days: Array) -> Array:
    """(D,) share of patients whose ``first_day`` (n,) (inf: never) is on or before each day."""
    if len(first_day) == 0:
        return np.full(len(days), np.nan)
    return np.searchsorted(np.sort(first_day), days, side="right") / len(first_day)


def rung_shares(start: Codes, end: Codes, level: Array, rungs: Sequence[float], n: int, last_day: int) -> Array:
    """(rungs, last_day) share of ``n`` patients on each dose level on each day; periods are [start, end) days.

    What is missing to 1 has left or ended treatment.
    """
    change = np.zeros((len(rungs), last_day + 1))
    for k, rung in enumerate(rungs):
        on = np.isclose(level, rung)
        np.add.at(change[k], np.minimum(start[on], last_day), 1)
        np.add.at(change[k], np.minimum(end[on], last_day), -1)
    return change.cumsum(axis=1)[:, :last_day] / max(n, 1)


def quartiles(values: Array) -> Array:
    """(3, V) first quartile, median and third quartile of each column of (n, V), NaN ignored; NaN where all are."""
    found = np.full((3, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if known.size:
            found[:, k] = np.quantile(known, [0.25, 0.5, 0.75])
    return found
