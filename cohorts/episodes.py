"""Laws of a disease that changes by itself, each off where a parameter set does not give its parameters.

Remission and loss of response are states that a patient enters and leaves by chance, in continuous time: the time to
the next episode is exponential with a yearly rate, its length exponential with a mean. Nobody is in one on day 0. Seen
on whole days this is a Markov chain with the exact probabilities of one day, so that a day needs one number and no cap
on the number of episodes:

    P(in it on day d) = a / (a + b) (1 - exp(-(a + b) d)), a the rate and b = 1 / mean, both per day.

What happens within a day and is over by its end is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from cohorts.elementary import exp
from cohorts.parameters import ParameterSet
from cohorts.streams import Draws
from cohorts.units import DAYS_PER_YEAR

Array = NDArray[np.float64]
REMISSION = {"REM_RATE": "1/y", "REM_MEAN": "d", "REM_DROP": "1"}
"""Platelet loss is exp(-REM_DROP) times what it was; stream "remission"."""
LOST_RESPONSE = {"LOR_RATE": "1/y", "LOR_MEAN": "d", "LOR_RISE": "1"}
"""EC50 is exp(LOR_RISE) times what it was; stream "loss of response"."""
REFRACTORY = {"REFR_SHARE": "fraction", "REFR_RISE": "1/y"}
"""In a share of patients, stream "refractory", EC50 is exp(REFR_RISE y) times what it was, y the years of active drug:
the days on which it was taken, counted up to the last visit, change of week or whatever else cuts the time.
"""
LAWS = {"remission": REMISSION, "loss of response": LOST_RESPONSE, "refractoriness": REFRACTORY}
"""By name what a law needs, and the unit it is read in. A set gives all of a law or nothing."""
FOR_LIFE = tuple(REFRACTORY)
"""Read once, when a patient is drawn."""
OF_LAWS = {name: unit for needed in LAWS.values() for name, unit in needed.items()}
EC50 = "EC50"
NEEDS_EC50 = ("loss of response", "refractoriness")


def episodes(draws: Draws, name: str, days: int, rate_per_year: Array, mean_days: Array) -> NDArray[np.bool_]:
    """Whether each patient is in the state on each day, (n, days); stream ``name``, one number a day from day 1 on.

    Rate and mean are (n, 1), or (n, days) where they differ from day to day; those of a day lead to it. The uniform of
    a day is below the probability of being in the state given yesterday: a higher rate or mean takes no day away.
    """
    enters, stays = of_one_day(rate_per_year, mean_days)
    enters, stays = (np.broadcast_to(p, (len(draws), days)) for p in (enters, stays))
    found = np.zeros((len(draws), days), dtype=bool)
    for day in range(1, days):
        chance = np.where(found[:, day - 1], stays[:, day], enters[:, day])
        found[:, day] = draws.uniform(name, day) < chance
    return found


def refractory(draws: Draws, parameters: Mapping[str, Array], drug: str = "") -> Array | None:
    """The log-rise of EC50 of each day on drug, (n,): 0 of who does not become refractory; None without that law.

    ``drug``: another than the study's, which has a stream of its own.
    """
    if not set(REFRACTORY) <= set(parameters):
        return None
    share, rise_per_year = (parameters[name] for name in REFRACTORY)
    return np.where(draws.uniform(of_drug("refractory", drug)) < share, rise_per_year / DAYS_PER_YEAR, 0.0)


def of_drug(stream: str, drug: str) -> str:
    """The name of a stream of the study's drug (""), or of another."""
    return f"{stream}:{drug}" if drug else stream


def of_one_day(rate_per_year: Array, mean_days: Array) -> tuple[Array, Array]:
    """The probability of being in the state tomorrow, of who is not and of who is in it today."""
    a, b = np.asarray(rate_per_year) / DAYS_PER_YEAR, 1.0 / np.asarray(mean_days)
    gone = -exp(-(a + b)) + 1.0
    enters = a / (a + b) * gone
    return enters, 1.0 - b / (a + b) * gone


def in_words(chosen: ParameterSet) -> Iterator[str]:
    """The laws that a set has, each in words with its numbers."""
    has = {p.name: p.value for p in chosen.parameters}
    if "REM_RATE" in has:
        yield (
            f"remission: {has['REM_RATE']:g} a year, {has['REM_MEAN']:g} days long on average, "
            f"platelet loss times {exp(-has['REM_DROP']):.3g} meanwhile"
        )
    if "LOR_RATE" in has:
        yield (
            f"loss of response: {has['LOR_RATE']:g} a year, {has['LOR_MEAN']:g} days long on average, "
            f"EC50 times {exp(has['LOR_RISE']):.3g} meanwhile"
        )
    if "REFR_SHARE" in has:
        yield (
            f"refractoriness: in {100 * has['REFR_SHARE']:g} % of patients EC50 times {exp(has['REFR_RISE']):.3g} "
            "after a year of days on drug"
        )
