"""Laws of what varies within a patient: slow fluctuation of platelet loss, assay error, bleeding at a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cohorts.elementary import exp, log, log1p
from cohorts.streams import Draws

Array = NDArray[np.float64]
BLEED_REFERENCE_COUNT = 13.0  # 10^9/L, median baseline count of Mei 2021
SMALLEST_COUNT = 0.01  # 10^9/L, keeps the logarithm finite


def fluctuation(draws: Draws, days: Sequence[int], sd: ArrayLike, tau_days: ArrayLike) -> Array:
    """Log loss factor on ``days`` (whole days from 0, increasing): (n, len(days)).

    A stationary first-order autoregression: x0 = sd z0, x_d = phi x_(d-1) + sd sqrt(1 - phi^2) z_d, phi = exp(-1 /
    tau_days); z_d is the stream "fluctuation" on day d. SD ``sd`` on every day, correlation exp(-lag / tau_days).
    ``tau_days`` is one number, one per patient (n,), or one per patient and day (n, days from 0).
    """
    tau, sd = np.asarray(tau_days, dtype=float), np.asarray(sd, dtype=float)
    column = {day: k for k, day in enumerate(days)}
    out = np.empty((len(draws), len(column)))
    x = sd * draws.normal("fluctuation", 0)
    phi, innovation = _regression(sd, tau if tau.ndim < 2 else tau[:, 0])
    for day in range(max(column, default=-1) + 1):
        if tau.ndim == 2:
            phi, innovation = _regression(sd, tau[:, day])
        if day > 0:
            x = phi * x + innovation * draws.normal("fluctuation", day)
        if day in column:
            out[:, column[day]] = x
    return out


def _regression(sd: Array, tau_days: Array) -> tuple[Array, Array]:
    """The factor of yesterday's value and the SD of what is new today."""
    phi = exp(-1.0 / tau_days)
    return phi, sd * np.sqrt(1.0 - phi * phi)


def assay(true: ArrayLike, z: ArrayLike, cv: ArrayLike) -> Array:
    """A measured value: log-normal error, median 1, coefficient of variation ``cv``; ``z`` standard normal."""
    return np.asarray(true, dtype=float) * exp(np.sqrt(log1p(np.square(cv))) * np.asarray(z, dtype=float))


def bleeding_grade(count: ArrayLike, u: ArrayLike, e: ArrayLike, parameters: Mapping[str, Array]) -> NDArray[np.int64]:
    """WHO bleeding grade 0 to 4 at a true platelet count (10^9/L): an ordered probit.

    latent = BLEED_A - BLEED_B ln(count / 13) + sqrt(BLEED_RHO) u + sqrt(1 - BLEED_RHO) e; the grade is the number of
    cuts 0, BLEED_C2, BLEED_C3, BLEED_C4 below it. ``u``: the patient (stream "bleeding:propensity"), ``e``: the visit
    (stream "bleeding:visit" on its nominal day), both standard normal. All (n,).
    """
    p, u, e = parameters, np.asarray(u), np.asarray(e)
    lack = -log(np.maximum(count, SMALLEST_COUNT) / BLEED_REFERENCE_COUNT)
    latent = p["BLEED_A"] + p["BLEED_B"] * lack + np.sqrt(p["BLEED_RHO"]) * u + np.sqrt(1.0 - p["BLEED_RHO"]) * e
    cuts = (0.0, p["BLEED_C2"], p["BLEED_C3"], p["BLEED_C4"])
    return np.sum([latent > cut for cut in cuts], axis=0, dtype=np.int64)
