"""Who stops the study drug because he sees no effect. No randomness: the clocks come from ``unit.drawn``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.passage import NEVER

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
DAYS = 7.0


@dataclass(frozen=True)
class Patience:
    """How near everybody is to giving up; arrays over patients.

    streak: reported counts in a row below the limit. hazard: cumulative up to ``counted_day``, the day on which the
    last count was reported. gone_day: first day without any more of the drug (NEVER: not yet).
    """

    streak: Ints
    hazard: Array
    counted_day: Ints
    gone_day: Ints


def full_patience(unit: Unit) -> Patience:
    """Nobody has given up."""
    zero = np.zeros(unit.drawn.n, dtype=np.int64)
    return Patience(zero, np.zeros(unit.drawn.n), zero, np.full(unit.drawn.n, NEVER))


def gives_up(unit: Unit, before: Patience, count: Array, known: Ints) -> Patience:
    """Who gives up on a ``count`` (NaN: none) on the day on which it is reported (n,): by so many in a row below the
    limit, or by a hazard that runs while the last one was below it, not before ``after_days``.
    """
    said = unit.study.adherence.gives_up
    if said is None:
        return before
    seen, low = ~np.isnan(count), count < said.below_1e9L
    since = np.maximum(before.counted_day, said.after_days)
    at_risk = np.maximum(known - since, 0) / DAYS * (before.streak > 0)
    hazard = before.hazard + np.where(seen, at_risk, 0.0) * (said.hazard_per_week or 0.0)
    streak = np.where(seen, (before.streak + 1) * low, before.streak)
    late = known >= said.after_days
    if said.visits is not None:
        gone = seen & late & (streak >= said.visits)
    else:
        assert unit.drawn.patience is not None
        gone = seen & late & (hazard >= unit.drawn.patience)
    gone_day = np.where(gone, np.minimum(before.gone_day, known), before.gone_day)
    return Patience(streak, hazard, np.where(seen, known, before.counted_day), gone_day)
