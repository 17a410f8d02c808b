"""How the level of a sequence of looks is spent: the share of it that is gone when a share of the information is there.

Sources: Lan & DeMets, Biometrika 1983;70:659-663 (O'Brien-Fleming and Pocock type). Hwang, Shih & DeCani, Stat Med
1990;9:1439-1445. Kim & DeMets, Biometrika 1987;74:149-154. Wang & Tsiatis, Biometrics 1987;43:193-199.
"""

from __future__ import annotations

from math import e
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from analysis.endpoints.records import Array
from cohorts import elementary

Spending = Literal["obrien_fleming", "pocock", "hwang_shih_decani", "kim_demets"]
Shaped = Literal["obrien_fleming_exact", "pocock_exact", "wang_tsiatis"]
EXPONENTS = {"obrien_fleming_exact": 0.0, "pocock_exact": 0.5}
"""Delta of Wang and Tsiatis: the bound of a look is proportional to information^(delta - 1/2)."""


def spent(kind: Spending, information: ArrayLike, level: float, parameter: float | None = None) -> Array:
    """Cumulative level (K,) at shares of the information (K,), above 0 and at most 1; ``level`` is one-sided.

    ``parameter``: gamma of Hwang, Shih and DeCani, rho of Kim and DeMets.
    """
    t = np.asarray(information, dtype=np.float64)
    if kind == "obrien_fleming":
        return np.asarray(2 * ndtr(ndtri(level / 2) / np.sqrt(t)))
    if kind == "pocock":
        return level * elementary.log(1 + (e - 1) * t)
    if parameter is None:
        raise ValueError(f"{kind} needs its parameter")
    if kind == "kim_demets":
        return np.asarray(level * t**parameter)
    if abs(parameter) < 1e-9:
        return level * t
    return np.asarray(level * np.expm1(-parameter * t) / np.expm1(-parameter))


def shape(kind: Shaped, information: ArrayLike, delta: float | None = None) -> Array:
    """Bounds (K,) up to a common factor, 1 at full information."""
    exponent = EXPONENTS.get(kind, delta)
    if exponent is None:
        raise ValueError(f"{kind} needs its delta")
    return np.asarray(np.asarray(information, dtype=np.float64) ** (exponent - 0.5))
