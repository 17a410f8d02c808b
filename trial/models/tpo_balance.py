"""The drug-free balance of ``tpo_mechanism``: its steady state, and what a patient's own count says about the disease.

Without drug everything follows from the serum level T of TPO: the arms from T, progenitors and megakaryocytes from the
arms, platelets from megakaryocytes and destruction, and the clearance of TPO from platelets and megakaryocytes. The
production of TPO then fixes T. The balance rises with T, so bisection finds it, for every patient by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cohorts.elementary import exp, log, power

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]
N_STAGES, N_AGES = 4, 5
ARMS = ("JS", "ERK", "AKT")
BISECTIONS = 60
SECANTS = 12
CLOSE, SURE = 1e-8, 1e-12
"""Steps of the secants so small are the last; the root then is known to within ``SURE``."""
WIDEST = 1e4
"""TPO is looked for within this factor of its normal level."""


def bisect(rising: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Root of a rising function of each element between ``low`` and ``high``, by halving ``BISECTIONS`` times.

    The function is asked only inside a bracket that is known beforehand, of each element at its own next point: the
    same bits as asking it ``BISECTIONS`` times, from less than half of the calls.
    """
    below, above = _bracket(rising, low, high)
    halvings = np.zeros(low.shape, dtype=np.int64)
    while True:
        low, high, halvings = _halved(low, high, halvings, below, above)
        if (halvings == BISECTIONS).all():
            return 0.5 * (low + high)
        middle = 0.5 * (low + high)
        positive = rising(middle) > 0.0
        below, above = np.where(positive, below, middle), np.where(positive, middle, above)


def _halved(
    low: Array, high: Array, halvings: NDArray[np.int64], below: Array, above: Array
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Halved on as long as the middle is not between ``below`` and ``above``, where it is not known which half."""
    while True:
        middle = 0.5 * (low + high)
        under, over = middle <= below, middle >= above
        known = (under | over) & (halvings < BISECTIONS)
        if not known.any():
            return low, high, halvings
        low, high = np.where(known & under, middle, low), np.where(known & over, middle, high)
        halvings = halvings + known


def _bracket(rising: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Points up to which a rising function is not above 0, and from which it is: ``SURE`` on both sides of the root
    that secants find, begun at 0 and 1; infinite where the function says otherwise there.

    Rounding moves the root by about 1e-14, so that nothing beyond these points is left to it.
    """
    before, now = np.zeros_like(low), np.ones_like(low)
    f_before, f_now = rising(before), rising(now)
    for _ in range(SECANTS):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            root = now - f_now * ((now - before) / (f_now - f_before))
        root = np.clip(np.where(np.isfinite(root), root, now), low, high)
        before, f_before, now = now, f_now, root
        if (np.abs(now - before) < CLOSE).all():
            break
        f_now = rising(now)
    left, right = now - SURE, now + SURE
    return np.where(rising(left) <= 0.0, left, -np.inf), np.where(rising(right) > 0.0, right, np.inf)


def _plateau(q: Parameters, i: str, theta: Array, activity: Array | float) -> Array:
    """What an arm is at an occupancy, up to a factor; the formula of ``tpo_mechanism.arm``."""
    return np.sqrt(1.0 + 4.0 * q[f"G_{i}"] * activity * theta / (q[f"A50_{i}"] + theta)) - 1.0


def _health(q: Parameters) -> dict[str, Array]:
    """The plateau of each arm in health."""
    theta = 1.0 / (1.0 + q["KAPPA"])
    return {i: _plateau(q, i, theta, 1.0) for i in ARMS}


def signals(q: Parameters, tpo: Array, health: Parameters | None = None) -> dict[str, Array]:
    """JS, ERK and AKT without drug, relative to ``health``, which is worked out where it is not given."""
    theta, health = tpo / (q["KAPPA"] * q["TPO0"] + tpo), health or _health(q)
    return {i: _plateau(q, i, theta, q[f"ACT_{i}"]) / health[i] for i in ARMS}


def balance(q: Parameters, tpo: Array, platelets: Array, first_stage: Array, gain: Array) -> Array:
    """Clearance minus production of TPO, in units of TPO0 KTPO; rises with ``tpo``.

    ``first_stage``: M1 and M2 (equal without drug), ``gain``: M3 and M4 over M1 and M2.
    """
    mass = first_stage * (1.0 + gain) / 2.0
    clearance = q["FP"] * platelets / q["P0"] + q["FM"] * mass + (1.0 - q["FP"] - q["FM"])
    return clearance * tpo / q["TPO0"] - (q["FHEP"] * q["HEP"] + (1.0 - q["FHEP"]) * q["REN"])


def solve_tpo(q: Parameters, cells: Callable[[dict[str, Array], Array], tuple[Array, Array]]) -> Array:
    """The level of TPO (pM); ``cells(signals, gain)`` gives platelets and first megakaryocyte stage at that signal;
    ``gain``: what ERK makes of the next stage.
    """
    health = _health(q)

    def rising(log_t: Array) -> Array:
        tpo = q["TPO0"] * exp(log_t)
        x = signals(q, tpo, health)
        gain = power(x["ERK"], q["W_ERK"])
        return balance(q, tpo, *cells(x, gain), gain)

    edge = np.full(q["TPO0"].shape, log(WIDEST))
    return q["TPO0"] * exp(bisect(rising, -edge, edge))


def ages(q: Parameters, born: Array, destruction: Array) -> list[Array]:
    """Platelets by age (10^9/L) at a constant number ``born`` per hour and a rate of destruction per hour."""
    ageing = N_AGES / q["LS"]
    share = ageing / (ageing + destruction)
    return [born / ageing * part for part in _powers(share)]


def _powers(share: Array) -> list[Array]:
    """``share`` to the powers of 1 to N_AGES."""
    return list(accumulate([share] * N_AGES, np.multiply))


def steady_cells(q: Parameters, loss_factor: Array) -> list[Array]:
    """TPO, JS, ERK, AKT, S, PR, M1..4, P1..5 without drug; only platelets follow the loss factor: all ages divided by
    it, so that the count is BASE / loss factor, as the screening count takes it, however much of the loss is immune.
    """

    def made(x: dict[str, Array], gain: Array) -> tuple[Array, Array]:
        first = q["GPROD"] * power(x["JS"], q["W_JS"])
        return first, q["P0"] / q["LS"] * first * gain * power(x["AKT"], q["W_AKT"])

    destruction = q["KAB"] / _saturates(q)

    def cells(x: dict[str, Array], gain: Array) -> tuple[Array, Array]:
        first, born = made(x, gain)
        return sum(ages(q, born, destruction), np.zeros_like(born)), first

    tpo = solve_tpo(q, cells)
    x = signals(q, tpo)
    gain = power(x["ERK"], q["W_ERK"])
    first, born = made(x, gain)
    late = first * gain
    platelets = [age / loss_factor for age in ages(q, born, destruction)]
    return [tpo, x["JS"], x["ERK"], x["AKT"], np.ones_like(tpo), first, first, first, late, late, *platelets]


def individual(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """A patient's parameters with KAB and GPROD such that the count without drug is BASE.

    DESTRUCTION 1: production GPROD is given (1, or lower in some patients) and the rest is immune destruction KAB.
    DESTRUCTION 0, or a count that needs more than no destruction: KAB is 0 and production is low (or high) instead.
    """
    q = {name: np.asarray(value, dtype=float) for name, value in parameters.items()}
    ageing = N_AGES / q["LS"]
    tpo = solve_tpo(q, lambda x, gain: (q["BASE"], q["GPROD"] * power(x["JS"], q["W_JS"])))
    x = signals(q, tpo)
    born = q["P0"] / q["LS"] * q["GPROD"] * power(x["JS"], q["W_JS"])
    born = born * power(x["ERK"], q["W_ERK"]) * power(x["AKT"], q["W_AKT"])
    wanted = q["BASE"] * ageing / born
    share = bisect(lambda s: sum(_powers(s)) - wanted, np.zeros_like(born), np.ones_like(born))
    destroyed = (q["DESTRUCTION"] > 0) & (wanted < N_AGES)
    kab = np.where(destroyed, ageing * (1.0 / share - 1.0) * _saturates(q), 0.0)
    return q | {"KAB": kab, "GPROD": q["GPROD"] if destroyed.all() else np.where(destroyed, q["GPROD"], _produced(q))}


def _saturates(q: Parameters) -> Array:
    """The constant of the immune destruction at low counts over that at the count without drug, BASE."""
    return 1.0 + q["BASE"] / q["PSAT"]


def _produced(q: Parameters) -> Array:
    """The production that explains the count BASE without any destruction."""

    def first(x: dict[str, Array], gain: Array) -> Array:
        return q["BASE"] / q["P0"] / (gain * power(x["AKT"], q["W_AKT"]))

    x = signals(q, solve_tpo(q, lambda x, gain: (q["BASE"], first(x, gain))))
    return first(x, power(x["ERK"], q["W_ERK"])) / power(x["JS"], q["W_JS"])
