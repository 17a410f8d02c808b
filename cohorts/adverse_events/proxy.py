"""What a simulated adverse event is: rates with their priors. A proxy, never a prediction of an event.

No published model gives coefficients for adverse events of this class. A proxy is a hazard of the first event without
drug and another one on drug, with a wide prior where little is known. First events come early: where a table of a
longer time is known, both are another constant from the 71st day on, on drug the 71st with active drug, without it of
the trial. What is printed are shares at two times; two pieces say that and no more (a Weibull hazard through both would
put three quarters of the rarest falling events on day 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cohorts import elementary
from cohorts.citations import Source
from cohorts.parameters import Status
from cohorts.units import DAYS_PER_YEAR

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Z_95 = 1.959964
EARLY_DAYS = 70
"""After so many days the later hazard holds: the 10 weeks of the table in which the rates were read."""
FLAT_BELOW_1E9L = 150.0
"""Below this count the hazard does not depend on it."""


@dataclass(frozen=True)
class Prior:
    """A positive number, log-normal: median ``value``, SD of its logarithm ``log_sd``; unit, source, status."""

    value: float
    log_sd: float
    unit: str
    source: Source
    status: Status
    reported_as: str = ""
    note: str = ""

    def at(self, z: ArrayLike) -> Array:
        """The number for standard normal ``z``; 0 gives the median."""
        return self.value * elementary.exp(self.log_sd * np.asarray(z, dtype=np.float64))

    @property
    def range95(self) -> tuple[float, float]:
        """2.5 and 97.5 % of the prior."""
        return self.value * exp(-Z_95 * self.log_sd), self.value * exp(Z_95 * self.log_sd)


@dataclass(frozen=True)
class Rates:
    """Hazards of n patients: ``background`` and ``on_drug`` (n,) per year in the first 70 days; ``doubling`` (n,) ratio
    per doubling of the count above 150; ``later`` (n,) ratio after those days; None: they stay.
    """

    background: Array
    on_drug: Array
    doubling: Array
    later: Array | None = None

    def daily(
        self, drug: NDArray[np.bool_], count: Array, day: Ints | None = None, before: Ints | None = None
    ) -> Array:
        """Hazard per day (n, D); ``drug`` (n, D) days with active drug, ``count`` (n, D) or (1, 1), 10^9/L; ``day``
        (n, D) or (D,) of the trial, by default from 0 on; ``before`` (n,) days on drug before them, by default 0.
        """
        yearly = np.where(drug, self.on_drug[:, None], self.background[:, None])
        if self.later is not None:
            day = np.arange(drug.shape[1]) if day is None else day
            on_drug = np.cumsum(drug, axis=1) - drug + (0 if before is None else before[:, None])
            yearly = np.where(np.where(drug, on_drug, day) < EARLY_DAYS, yearly, yearly * self.later[:, None])
        doublings = elementary.log(np.maximum(count, FLAT_BELOW_1E9L) / FLAT_BELOW_1E9L) / elementary.log(2.0)
        return yearly * elementary.power(self.doubling[:, None], doublings) / DAYS_PER_YEAR


@dataclass(frozen=True)
class Proxy:
    """One simulated adverse event. ``background``: hazard without drug (1/y). On drug it is ``on_drug`` (1/y, from the
    drug's own arms) or ``ratio`` times the background: exactly one of the two. ``doubling``: ratio of the hazard per
    doubling of the count above 150 x 10^9/L, None when it does not depend on the count. ``later``: ratio of both
    hazards after 70 days, None when they stay. ``drug``: the one drug its rates are of; "" of the whole class.
    """

    code: str
    term: str
    background: Prior
    on_drug: Prior | None = None
    ratio: Prior | None = None
    doubling: Prior | None = None
    later: Prior | None = None
    drug: str = ""

    def __post_init__(self) -> None:
        if (self.on_drug is None) == (self.ratio is None):
            raise ValueError(f"proxy {self.code}: give either on_drug or ratio")

    @property
    def named_priors(self) -> dict[str, Prior]:
        """Every prior of the proxy, named in words."""
        named = {
            "background": self.background,
            "on drug": self.on_drug,
            "drug ratio": self.ratio,
            "per doubling of the count above 150": self.doubling,
            f"ratio after {EARLY_DAYS} days": self.later,
        }
        return {name: prior for name, prior in named.items() if prior is not None}

    def rates(self, z: Array) -> Rates:
        """Rates for standard normal ``z`` (4, n): background, drug, count, later. Zeros give the medians."""
        background = self.background.at(z[0])
        drug = self.on_drug or self.ratio
        assert drug is not None
        on_drug = drug.at(z[1]) if self.on_drug else background * drug.at(z[1])
        doubling = self.doubling.at(z[2]) if self.doubling else np.ones_like(background)
        return Rates(background, on_drug, doubling, self.later.at(z[3]) if self.later else None)

    @property
    def drug_ratio(self) -> tuple[float, float, float]:
        """Rate on drug over rate without: median, 2.5 and 97.5 % of the prior."""
        if self.ratio:
            return (self.ratio.value, *self.ratio.range95)
        assert self.on_drug is not None
        value = self.on_drug.value / self.background.value
        spread = Z_95 * sqrt(self.on_drug.log_sd**2 + self.background.log_sd**2)
        return value, value * exp(-spread), value * exp(spread)
