"""What differs from week to week: parameters of a patient, relative bioavailability, swings of platelet loss, and the
episodes of remission and of lost response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.changing import EVERYBODY, FAR
from cohorts.episodes import LAWS, episodes, of_drug
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
        return moved(value, on_days(self.factor, day, who, per_day=7), self.scale)


def on_days(
    table: Array, day: NDArray[np.int64], who: NDArray[np.int64] | slice = EVERYBODY, per_day: int = 1
) -> Array:
    """Of a table (n, columns of ``per_day`` days each) what holds on days (n,) or (n, k) of the patients ``who``; the
    last column stands in for days beyond it.
    """
    place = np.clip(day // per_day, 0, table.shape[1] - 1)
    return np.take_along_axis(table[who], place.reshape(len(place), -1), axis=1).reshape(place.shape)


def days_of_change(table: Array) -> NDArray[np.int64]:
    """The days (n, K) on which a table (n, D) is another than on the day before; else FAR."""
    who, day = np.nonzero(table[:, 1:] != table[:, :-1])
    row = np.arange(len(who)) - np.searchsorted(who, who)
    found = np.full((len(table), int(row.max(initial=-1)) + 1), FAR)
    found[who, row] = day + 1
    return found


def by_week(draws: Draws, chosen: ParameterSet, name: str, days: int) -> Array:
    """What every week multiplies a parameter by, (n, W)."""
    return np.stack([occasion_factor(draws, chosen, w, name) for w in range(-(-days // 7))], axis=1)


def taken_up(draws: Draws, chosen: ParameterSet, days: int) -> Array:
    """(n, D) relative bioavailability of each day, that of its week."""
    weeks = by_week(draws, chosen, BIOAVAILABILITY, days)
    return np.ascontiguousarray(np.repeat(weeks, 7, axis=1)[:, :days])


@dataclass(frozen=True, eq=False)
class Own:
    """What patients have of their own: parameters (n,) by name, those that differ from week to week, and what follows
    covariates that change.
    """

    parameters: Mapping[str, Array]
    occasions: Mapping[str, Occasions]
    changes: Followed | None

    def on(self, name: str, day: NDArray[np.int64], who: NDArray[np.int64] | slice = EVERYBODY) -> Array:
        """A parameter on days (n,) or (n, k): of that shape, or (n, 1) where it is the same on all; of everybody, or of
        the patients ``who`` (n,).
        """
        if self.changes is not None and name in self.changes.parameters:
            value = self.changes.on(name, day, who)
        else:
            value = self.parameters[name][who] if day.ndim == 1 else self.parameters[name][who, None]
        weekly = self.occasions.get(name)
        return value if weekly is None else weekly.of(value, day, who)


def log_loss(draws: Draws, days: int, own: Own) -> Array:
    """(n, D) log loss factors: swings, and lower in remission where the set has that law."""
    swings, remission = _swings(draws, days, own), in_episodes("remission", draws, days, own)
    return swings if remission is None else swings - remission


def in_episodes(law: str, draws: Draws, days: int, own: Own, drug: str = "") -> Array | None:
    """(n, D) the size of a law's effect on each day, 0 outside its episodes; None where the set does not have it.

    ``drug``: another than the study's, which has a stream of its own.
    """
    if not set(LAWS[law]) <= set(own.parameters):
        return None
    day = np.tile(np.arange(days), (len(draws), 1))
    rate, mean, size = (own.on(name, day) for name in LAWS[law])
    return np.where(episodes(draws, of_drug(law, drug), days, rate, mean), size, 0.0)


def _swings(draws: Draws, days: int, own: Own) -> Array:
    """(n, D) slow swings; their SD and correlation time may differ from week to week and follow covariates."""
    p, occasions, changes = own.parameters, own.occasions, own.changes
    day = np.tile(np.arange(days), (len(draws), 1))
    followed = changes.parameters if changes else {}
    sd, tau = (occasions.get(name) for name in ("FLUCT_SD", "FLUCT_TAU"))
    memory = changes.on("FLUCT_TAU", day) if changes and "FLUCT_TAU" in followed else p["FLUCT_TAU"]
    memory = memory if tau is None else tau.of(memory if memory.ndim == 2 else memory[:, None], day)
    swings = fluctuation(draws, range(days), p["FLUCT_SD"], memory)
    if changes and "FLUCT_SD" in followed:
        swings = swings * (changes.on("FLUCT_SD", day) / p["FLUCT_SD"][:, None])
    return swings if sd is None else sd.of(swings, day)
