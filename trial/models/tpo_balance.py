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
BISECTIONS = 60
WIDEST = 1e4
"""TPO is looked for within this factor of its normal level."""


def bisect(rising: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Root of a rising function of each element between ``low`` and ``high``, by halving ``BISECTIONS`` times."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        above = rising(middle) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def signals(q: Parameters, tpo: Array) -> dict[str, Array]:
    """JS, ERK and AKT without drug, relative to health; the formula of ``tpo_mechanism.arm``."""
    theta, theta_0 = tpo / (q["KAPPA"] * q["TPO0"] + tpo), 1.0 / (1.0 + q["KAPPA"])

    def root(i: str, x: Array, activity: Array | float) -> Array:
        return np.sqrt(1.0 + 4.0 * q[f"G_{i}"] * activity * x / (q[f"A50_{i}"] + x)) - 1.0

    return {i: root(i, theta, q[f"ACT_{i}"]) / root(i, theta_0, 1.0) for i in ("JS", "ERK", "AKT")}


def balance(q: Parameters, tpo: Array, platelets: Array, first_stage: Array, gain: Array) -> Array:
    """Clearance minus production of TPO, in units of TPO0 KTPO; rises with ``tpo``.

    ``first_stage``: M1 and M2 (equal without drug), ``gain``: M3 and M4 over M1 and M2.
    """
    mass = first_stage * (1.0 + gain) / 2.0
    clearance = q["FP"] * platelets / q["P0"] + q["FM"] * mass + (1.0 - q["FP"] - q["FM"])
    return clearance * tpo / q["TPO0"] - (q["FHEP"] * q["HEP"] + (1.0 - q["FHEP"]) * q["REN"])


def solve_tpo(q: Parameters, cells: Callable[[dict[str, Array]], tuple[Array, Array]]) -> Array:
    """The level of TPO (pM); ``cells(signals)`` gives platelets and first megakaryocyte stage at that signal."""

    def rising(log_t: Array) -> Array:
        tpo = q["TPO0"] * exp(log_t)
        x = signals(q, tpo)
        return balance(q, tpo, *cells(x), power(x["ERK"], q["W_ERK"]))

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

    def made(x: dict[str, Array]) -> tuple[Array, Array]:
        first = q["GPROD"] * power(x["JS"], q["W_JS"])
        return first, q["P0"] / q["LS"] * first * power(x["ERK"], q["W_ERK"]) * power(x["AKT"], q["W_AKT"])

    def cells(x: dict[str, Array]) -> tuple[Array, Array]:
        first, born = made(x)
        return np.sum(ages(q, born, q["KAB"]), axis=0), first

    tpo = solve_tpo(q, cells)
    x = signals(q, tpo)
    first, born = made(x)
    late = first * power(x["ERK"], q["W_ERK"])
    platelets = [age / loss_factor for age in ages(q, born, q["KAB"])]
    return [tpo, x["JS"], x["ERK"], x["AKT"], np.ones_like(tpo), first, first, first, late, late, *platelets]


def individual(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """A patient's parameters with KAB and GPROD such that the count without drug is BASE.

    DESTRUCTION 1: production GPROD is given (1, or lower in some patients) and the rest is immune destruction KAB.
    DESTRUCTION 0, or a count that needs more than no destruction: KAB is 0 and production is low (or high) instead.
    """
    q = {name: np.asarray(value, dtype=float) for name, value in parameters.items()}
    ageing = N_AGES / q["LS"]
    tpo = solve_tpo(q, lambda x: (q["BASE"], q["GPROD"] * power(x["JS"], q["W_JS"])))
    x = signals(q, tpo)
    born = q["P0"] / q["LS"] * q["GPROD"] * power(x["JS"], q["W_JS"])
    born = born * power(x["ERK"], q["W_ERK"]) * power(x["AKT"], q["W_AKT"])
    wanted = q["BASE"] * ageing / born
    share = bisect(lambda s: sum(_powers(s)) - wanted, np.zeros_like(born), np.ones_like(born))
    destroyed = (q["DESTRUCTION"] > 0) & (wanted < N_AGES)
    kab = np.where(destroyed, ageing * (1.0 / share - 1.0), 0.0)
    return q | {"KAB": kab, "GPROD": q["GPROD"] if destroyed.all() else np.where(destroyed, q["GPROD"], _produced(q))}


def _produced(q: Parameters) -> Array:
    """The production that explains the count BASE without any destruction."""

    def first(x: dict[str, Array]) -> Array:
        return q["BASE"] / q["P0"] / (power(x["ERK"], q["W_ERK"]) * power(x["AKT"], q["W_AKT"]))

    x = signals(q, solve_tpo(q, lambda x: (q["BASE"], first(x))))
    return first(x) / power(x["JS"], q["W_JS"])
