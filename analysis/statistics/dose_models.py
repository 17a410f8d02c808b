"""MCP-Mod, the step of modelling: curves through the means at the doses, a target dose with its limits.

Means (D,) with their covariance, of any model, are fitted by generalised least squares (Pinheiro et al., Stat Med
2014;33:1646-1661). What a curve has beside its place and scale is searched within the bounds of R's DoseFinding. The
criterion is its generalised AIC: weighted sum of squares and twice the number of parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.endpoints.records import Array
from analysis.statistics.dose_response import DoseMeans
from cohorts import elementary

Z95 = 1.959963984540054
GRID = 41
"""Values of each searched parameter, evenly on the log scale, from which the search begins."""
NEAR = 1e-3
"""So near to a bound, as a share of it, what is searched lies at it."""
CURVE = 200
"""Steps of dose in which a target dose is looked for."""
Scale = Literal["value", "logit"]
"""Scale of the means; an effect of the logit scale is a difference of probabilities."""


@dataclass(frozen=True)
class Form:
    """A family of curves: ``columns(dose, searched)`` (..., L), of which a curve is a sum; ``bounds`` and ``names`` of
    what is searched, bounds as multiples of the largest dose where ``scaled``.
    """

    columns: Callable[[Array, Array], Array]
    bounds: tuple[tuple[float, float], ...] = ()
    scaled: tuple[bool, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """How many numbers a curve has."""
        return self.columns(np.zeros(1), np.ones(max(len(self.bounds), 1))).shape[-1] + len(self.bounds)

    def limits(self, largest: float) -> Array:
        """Bounds (K, 2) of what is searched."""
        factor = np.where(np.array(self.scaled, dtype=bool), largest, 1.0)[:, None]
        return np.array(self.bounds, dtype=np.float64).reshape(-1, 2) * factor.reshape(-1, 1)


def _with_one(*columns: Array) -> Array:
    return np.stack([np.ones_like(columns[0]), *columns], axis=-1)


def _log_linear(dose: Array, offset: float) -> Array:
    return _with_one(elementary.log(dose + offset))


def _sigmoid(dose: Array, p: Array) -> Array:
    power = np.where(dose > 0, elementary.power(np.maximum(dose, 1e-300) / p[0], p[1]), 0.0)
    return _with_one(power / (1 + power))


def forms(offset: float = 1.0) -> dict[str, Form]:
    """By the names of ``analysis.dose_response.shapes``; ``offset`` is that of log_linear, which is not searched."""
    return {
        "linear": Form(lambda d, p: _with_one(d)),
        "log_linear": Form(lambda d, p: _log_linear(d, offset)),
        "quadratic": Form(lambda d, p: _with_one(d, d * d)),
        "exponential": Form(lambda d, p: _with_one(elementary.exp(d / p[0]) - 1), ((0.1, 2.0),), (True,), ("delta",)),
        "emax": Form(lambda d, p: _with_one(d / (p[0] + d)), ((0.001, 1.5),), (True,), ("ED50",)),
        "sigmoid_emax": Form(_sigmoid, ((0.001, 1.5), (0.5, 10.0)), (True, False), ("ED50", "hill")),
        "logistic": Form(
            lambda d, p: _with_one(1 / (1 + elementary.exp((p[0] - d) / p[1]))),
            ((0.001, 1.5), (0.01, 0.5)),
            (True, True),
            ("ED50", "delta"),
        ),
    }


@dataclass(frozen=True)
class DoseCurve:
    """A fitted curve: its form, what was searched (K,), its ``weights`` (L,), the ``covariance`` (K + L, K + L) of
    both, None where the doses do not tell it, and the criterion.
    """

    form: Form
    searched: Array
    weights: Array
    covariance: Array | None
    gaic: float
    scale: Scale = "value"

    def at(self, dose: Array) -> Array:
        """Mean at doses (N,), on the scale of the fit."""
        return np.asarray(self.form.columns(dose, self.searched) @ self.weights)

    def response(self, dose: Array) -> Array:
        """Mean at doses (N,) as a value, or as a probability."""
        return _from(self.at(dose), self.scale)

    def effect(self, dose: Array) -> Array:
        """Difference from no drug, of values or of probabilities."""
        return self.response(dose) - self.response(np.zeros(1))

    def at_bounds(self, largest: float) -> tuple[str, ...]:
        """Names of what was searched and lies at a bound; ``largest``: dose of the fit, mg."""
        ends = np.any(np.isclose(self.searched[:, None], self.form.limits(largest), rtol=NEAR, atol=0.0), axis=1)
        return tuple(name for name, end in zip(self.form.names, ends.tolist(), strict=True) if end)

    def band(self, dose: Array) -> tuple[Array, Array]:
        """95 % limits (delta method) of ``response`` at doses (N,); NaN where nothing tells them."""
        if self.covariance is None:
            nothing = np.full(len(dose), np.nan)
            return nothing, nothing
        slope = _slopes(self, lambda curve: curve.at(dose))
        error = Z95 * np.sqrt(np.einsum("in,ij,jn->n", slope, self.covariance, slope))
        middle = self.at(dose)
        return _from(middle - error, self.scale), _from(middle + error, self.scale)


def _from(mean: Array, scale: Scale) -> Array:
    return 1 / (1 + elementary.exp(-mean)) if scale == "logit" else mean


def fit(form: Form, means: DoseMeans, scale: Scale = "value") -> DoseCurve:
    """The curve of a form with the least weighted sum of squares."""
    bounds = form.limits(float(means.doses.max()))
    precision = np.linalg.inv(means.covariance)

    def weighed(searched: Array) -> tuple[float, Array]:
        x = form.columns(means.doses, searched)
        weights = np.asarray(
            np.linalg.lstsq(x.T @ precision @ x, x.T @ precision @ means.mean, rcond=None)[0], dtype=np.float64
        )
        left = means.mean - x @ weights
        return float(left @ precision @ left), weights

    searched = _search(lambda p: weighed(p)[0], bounds)
    q, weights = weighed(searched)
    curve = DoseCurve(form, searched, weights, None, q + 2 * form.parameters, scale)
    slope = _slopes(curve, lambda one: one.at(means.doses))
    information = slope @ precision @ slope.T
    told = np.linalg.matrix_rank(information, hermitian=True) == len(information)
    covariance: Array | None = np.asarray(np.linalg.inv(information)) if told else None
    return DoseCurve(form, searched, weights, covariance, curve.gaic, scale)


def _search(q: Callable[[Array], float], bounds: Array) -> Array:
    """The searched parameters (K,) of the least ``q`` within their bounds (K, 2): the best of a grid, made better."""
    if not len(bounds):
        return np.empty(0)
    from scipy.optimize import minimize  # a second to import

    log = elementary.log(bounds)
    axes = [np.linspace(one[0], one[1], GRID if len(log) == 1 else GRID // 2) for one in log]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
    start = min(grid, key=lambda p: q(elementary.exp(p)))
    found = minimize(
        lambda p: q(elementary.exp(p)), start, method="Nelder-Mead", bounds=log,
        options={"xatol": 1e-6, "fatol": 1e-10},
    )  # fmt: skip
    return np.asarray(elementary.exp(found.x))


def _slopes(curve: DoseCurve, of: Callable[[DoseCurve], Array]) -> Array:
    """Derivatives (K + L, N) of something of a curve by its parameters, by central differences."""
    whole, k = np.concatenate([curve.searched, curve.weights]), len(curve.searched)
    rows = []
    for place, value in enumerate(whole):
        step = 1e-5 * max(abs(value), 1e-3)
        ends = []
        for sign in (1, -1):
            moved = whole.copy()
            moved[place] += sign * step
            ends.append(of(DoseCurve(curve.form, moved[:k], moved[k:], None, curve.gaic, curve.scale)))
        rows.append((ends[0] - ends[1]) / (2 * step))
    return np.array(rows)


@dataclass(frozen=True)
class TargetDose:
    """The least dose with an effect; NaN where no dose up to the largest has it, limits NaN where nothing tells."""

    dose: float
    low: float
    high: float


NO_TARGET = TargetDose(np.nan, np.nan, np.nan)


def target_dose(curve: DoseCurve, effect: float, largest: float) -> TargetDose:
    """The least dose up to ``largest`` whose effect is ``effect``, above or below 0, or further from 0; 95 % limits by
    the delta method on the log of dose.
    """
    doses, sign = np.linspace(0.0, largest, CURVE + 1), np.sign(effect)
    reached = sign * curve.effect(doses) >= abs(effect)
    if not reached.any():
        return NO_TARGET
    from scipy.optimize import brentq

    k = int(reached.argmax())
    dose = float(brentq(lambda d: float(curve.effect(np.array([d]))[0]) - effect, doses[k - 1], doses[k]))
    here, step = np.array([dose]), 1e-5 * dose
    rise = float((curve.effect(here + step) - curve.effect(here - step))[0]) / (2 * step)
    if curve.covariance is None or not sign * rise > 0:
        return TargetDose(dose, np.nan, np.nan)
    slope = _slopes(curve, lambda one: one.effect(here))[:, 0]
    error = np.sqrt(slope @ curve.covariance @ slope) / abs(rise)
    factor = float(elementary.exp(Z95 * error / dose))
    return TargetDose(dose, dose / factor, dose * factor)
