"""What differs from week to week: parameters of a patient, relative bioavailability, and swings of platelet loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.changing import EVERYBODY
from cohorts.noise import fluctuation
from cohorts.parameters import BIOAVAILABILITY, ParameterSet
from cohorts.streams import Draws
from cohorts.variability import moved, occasion_factor
from trial.engine.followed import Followed

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Occasions:
    """What multiplies a parameter (scale "logit": its odds) in each week, (n, W)."""

    factor: Array
    scale: str

    def of(self, value: Array, day: NDArray[np.int64], who: NDArray[np.int64] | slice = EVERYBODY) -> Array:
        """The parameter, (n,) or (n, 1), on days (n,) or (n, k), of the patients ``who``; the last week stands in for
        days beyond the table.
        """
        week = np.clip(day // 7, 0, self.factor.shape[1] - 1)
        factor = np.take_along_axis(self.factor[who], week.reshape(len(week), -1), axis=1)
        return moved(value, factor.reshape(week.shape), self.scale)


def by_week(draws: Draws, chosen: ParameterSet, name: str, days: int) -> Array:
    """What every week multiplies a parameter by, (n, W)."""
    return np.stack([occasion_factor(draws, chosen, w, name) for w in range(-(-days // 7))], axis=1)


def taken_up(draws: Draws, chosen: ParameterSet, days: int) -> Array:
    """(n, D) relative bioavailability of each day, that of its week."""
    weeks = by_week(draws, chosen, BIOAVAILABILITY, days)
    return np.ascontiguousarray(np.repeat(weeks, 7, axis=1)[:, :days])


def log_loss(
    draws: Draws, days: int, p: Mapping[str, Array], occasions: Mapping[str, Occasions], changes: Followed | None
) -> Array:
    """(n, D) log loss factors; their SD and correlation time may differ from week to week and follow covariates."""
    day = np.tile(np.arange(days), (len(draws), 1))
    followed = changes.parameters if changes else {}
    sd, tau = (occasions.get(name) for name in ("FLUCT_SD", "FLUCT_TAU"))
    memory = changes.on("FLUCT_TAU", day) if changes and "FLUCT_TAU" in followed else p["FLUCT_TAU"]
    memory = memory if tau is None else tau.of(memory if memory.ndim == 2 else memory[:, None], day)
    swings = fluctuation(draws, range(days), p["FLUCT_SD"], memory)
    if changes and "FLUCT_SD" in followed:
        swings = swings * (changes.on("FLUCT_SD", day) / p["FLUCT_SD"][:, None])
    return swings if sd is None else sd.of(swings, day)
