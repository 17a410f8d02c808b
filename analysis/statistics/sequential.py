"""Looks at a trial that goes on: bounds, and how often each is crossed, by recursive integration.

The test statistics Z_k at shares t_k of the information are those of Brownian motion: Z_k sqrt(t_k) has independent
steps N(drift dt, dt), where ``drift`` is the mean of Z at full information. A trial stops for efficacy when Z_k reaches
the upper bound, for futility when it falls below the lower; -inf: no such bound. All is one-sided.

Sources: Armitage, McPherson & Rowe, J R Stat Soc A 1969;132:235-244. Jennison & Turnbull, Group sequential methods,
2000, chapter 19. The check in the tests is R's rpact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from analysis.endpoints.records import Array

POINTS = 257
"""Of the Gauss-Legendre rule between two bounds; it takes half a second to make, so it is made when a look is."""
REACH = 9.0
"""Standard deviations beyond which the statistic never is."""
HIGHEST = 38.0
LARGEST_DRIFT = 40.0
BISECTIONS = 80
SLIP = 1e-6
"""How far the level of bounds of a shape may be from the one that is wanted."""


@dataclass(frozen=True)
class Bounds:
    """Looks at shares ``information`` (K,), rising to 1; ``efficacy`` and ``futility`` (K,) bounds of Z.

    ``binding``: whether a trial below the lower bound must stop, which the upper bounds then count on.
    """

    information: Array
    efficacy: Array
    futility: Array
    binding: bool = False

    @property
    def looks(self) -> int:
        """How many looks there are."""
        return len(self.information)


class Crossed(NamedTuple):
    """Probability (K,) of stopping at each look, for efficacy and for futility."""

    efficacy: Array
    futility: Array


class Going(NamedTuple):
    """Where a trial that goes on may stand after a look: points of Z sqrt(t) and the probability at each."""

    at: Array
    mass: Array
    information: float


START = Going(np.zeros(1), np.ones(1), 0.0)


@cache
def _rule() -> tuple[Array, Array]:
    """Nodes and weights (POINTS,) between -1 and 1."""
    return np.polynomial.legendre.leggauss(POINTS)


def _gained(state: Going, t: float) -> float:
    """Information from ``state`` to ``t``. Raises ValueError where it is none."""
    if not t > state.information:
        raise ValueError(f"information {t:g} after {state.information:g}; looks must rise")
    return t - state.information


def above(state: Going, t: float, z: ArrayLike, drift: float) -> Array:
    """Probability (...) of going on until ``state`` and then having Z of at least ``z`` (...) at information ``t``."""
    dt = _gained(state, t)
    far = np.asarray(z, dtype=np.float64)[..., None] * np.sqrt(t) - state.at - drift * dt
    return np.asarray(ndtr(-far / np.sqrt(dt)) @ state.mass)


def below(state: Going, t: float, z: ArrayLike, drift: float) -> Array:
    """As ``above``, of Z below ``z``."""
    dt = _gained(state, t)
    far = np.asarray(z, dtype=np.float64)[..., None] * np.sqrt(t) - state.at - drift * dt
    return np.asarray(ndtr(far / np.sqrt(dt)) @ state.mass)


def gone_on(state: Going, t: float, low: float, high: float, drift: float) -> Going:
    """The state after a look at information ``t`` whose bounds are ``low`` and ``high``."""
    dt, root = _gained(state, t), np.sqrt(t)
    first = max(low * root, drift * t - REACH * root)
    last = max(min(high * root, drift * t + REACH * root), first)
    nodes, weights = _rule()
    at = first + (nodes + 1) / 2 * (last - first)
    step = (at[:, None] - state.at - drift * dt) / np.sqrt(dt)
    density = np.exp(-0.5 * step**2) @ state.mass / np.sqrt(2 * np.pi * dt)
    return Going(at, density * weights * (last - first) / 2, t)


def crossed(bounds: Bounds, drift: float = 0.0, obeyed: bool = True) -> Crossed:
    """How often each bound is crossed; ``obeyed``: whether a trial below the lower bound stops."""
    state, up, down = START, [], []
    for t, high, low in zip(bounds.information, bounds.efficacy, bounds.futility, strict=True):
        low = low if obeyed else -np.inf
        up.append(float(above(state, t, high, drift)))
        down.append(float(below(state, t, low, drift)))
        state = gone_on(state, t, low, high, drift)
    return Crossed(np.array(up), np.array(down))


def power(bounds: Bounds, drift: float) -> float:
    """Probability of stopping for efficacy."""
    return float(crossed(bounds, drift).efficacy.sum())


def drift_for(bounds: Bounds, wanted: float) -> float:
    """The drift at which the power is ``wanted``."""
    return root(lambda drift: power(bounds, drift) - wanted, -LARGEST_DRIFT, LARGEST_DRIFT)


def efficacy_bounds(information: Sequence[float], spent: ArrayLike, futility: ArrayLike | None = None) -> Array:
    """Upper bounds (K,) that spend the cumulative level ``spent`` (K,); ``futility`` (K,): lower bounds that bind."""
    t, level = np.asarray(information, dtype=np.float64), np.diff(np.asarray(spent), prepend=0.0)
    low = np.full(len(t), -np.inf) if futility is None else np.asarray(futility, dtype=np.float64)
    state, found = START, []
    for k in range(len(t)):
        found.append(_upper(state, float(t[k]), float(level[k]), 0.0))
        state = gone_on(state, float(t[k]), min(float(low[k]), found[-1]), found[-1], 0.0)
    return np.array(found)


def shaped_bounds(information: Sequence[float], shape: ArrayLike, level: float) -> Array:
    """Upper bounds (K,) proportional to ``shape`` (K,) that together have this one-sided level.

    Raises ValueError where none have.
    """
    t, form = np.asarray(information, dtype=np.float64), np.asarray(shape, dtype=np.float64)
    none = np.full(len(t), -np.inf)
    most = HIGHEST / form[form > 0].min() if (form > 0).any() else 0.0
    found = root(lambda c: level - power(Bounds(t, c * form, none), 0.0), 0.0, most) * form
    reached = power(Bounds(t, found, none), 0.0)
    if abs(reached - level) > SLIP:
        raise ValueError(f"bounds of this shape do not have level {level:g}; reached: {reached:g}")
    return found


class Designed(NamedTuple):
    """Bounds with lower ones that spend the type II error, and the drift at which that error is what is spent."""

    bounds: Bounds
    drift: float


def with_futility(
    information: Sequence[float], spent: ArrayLike, missed: ArrayLike, binding: bool, upper: ArrayLike | None = None
) -> Designed:
    """Bounds that spend the cumulative level ``spent`` (K,) above and the type II error ``missed`` (K,) below.

    At the last look both are one. ``upper`` (K,): efficacy bounds that are given, of which nothing binds.
    """
    t, beta = np.asarray(information, dtype=np.float64), np.asarray(missed, dtype=np.float64)
    alpha = np.asarray(spent, dtype=np.float64)
    free = efficacy_bounds(information, alpha) if upper is None else np.asarray(upper, dtype=np.float64)

    def at(drift: float) -> Bounds:
        return _spending_both(t, np.diff(alpha, prepend=0.0), np.diff(beta, prepend=0.0), drift, binding, free)

    drift = root(lambda drift: power(at(drift), drift) - (1 - beta[-1]), 0.0, LARGEST_DRIFT / 2)
    return Designed(at(drift), drift)


def _spending_both(t: Array, alpha: Array, beta: Array, drift: float, binding: bool, free: Array) -> Bounds:
    """Bounds of which each spends its part, the lower ones when the mean is ``drift``; they meet at the last look."""
    null = true = START
    high, low = free.copy(), np.full(len(t), -np.inf)
    for k in range(len(t)):
        if binding:
            high[k] = _upper(null, float(t[k]), float(alpha[k]), 0.0)
        low[k] = high[k] if k == len(t) - 1 else min(_lower(true, float(t[k]), float(beta[k]), drift), high[k])
        null, true = (gone_on(s, float(t[k]), low[k], high[k], d) for s, d in ((null, 0.0), (true, drift)))
    return Bounds(t, high, low, binding)


def _upper(state: Going, t: float, level: float, drift: float) -> float:
    """The bound that is crossed with this probability; beyond all reach when there is nothing to spend."""
    if level <= 0:
        return HIGHEST
    return root(lambda z: level - float(above(state, t, z, drift)), -HIGHEST, HIGHEST)


def _lower(state: Going, t: float, level: float, drift: float) -> float:
    """As ``_upper``, from below."""
    if level <= 0:
        return -np.inf
    return root(lambda z: float(below(state, t, z, drift)) - level, -HIGHEST, HIGHEST)


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is 0, by bisection; an end where it is nowhere."""
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
        if high - low < 1e-10:
            break
    return (low + high) / 2
