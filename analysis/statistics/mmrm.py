"""Mixed model for repeated measures: visits of a patient correlated as they are, by restricted maximum likelihood.

No kept Python library has it (statsmodels' MixedLM has random effects, and neither an unstructured matrix nor small
sample degrees of freedom). The likelihood is added up over patterns of missing visits, and maximised by Fisher scoring
on the parameters of the matrix (Jennrich & Schluchter, Biometrics 1986;42:805-820). Standard errors and degrees of
freedom: Kenward & Roger, Biometrics 1997;53:983-997, with the expected information of their paper; Satterthwaite's as
in Giesbrecht & Burns, Biometrics 1985;41:477-486. Of a single contrast both have the same degrees of freedom, and
Kenward and Roger the larger standard error. R's nlme and pbkrtest are the check in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.covariances import (
    Structured,
    autoregressive,
    compound_symmetry,
    toeplitz,
    unstructured,
)
from analysis.statistics.least_squares import Contrast, t_contrast

STEPS, HALVINGS, ENOUGH, GOOD = 50, 30, 1e-14, 1e-8
"""Iterations; halvings of a step; decrement of the deviance at which it is done, and that is still good when no step
lowers the deviance any more.
"""
ORDER: tuple[Callable[[int], Structured], ...] = (unstructured, toeplitz, autoregressive, compound_symmetry)
"""Structures in the order in which they are tried."""
Freedom = Literal["kenward_roger", "satterthwaite"]


class NotFitted(Exception):
    """Why a structure has no fit."""


@dataclass(frozen=True)
class Repeated:
    """Values ``y`` (n, V), 0 where not ``seen`` (n, V), with design ``x`` (n, V, P), 0 there too; the ``patterns`` (K,
    V) of seen visits, and the ``pattern`` (n,) of each patient.
    """

    y: Array
    x: Array
    seen: Flags
    patterns: Flags
    pattern: Codes

    def by_pattern(self, of_patients: Array) -> Array:
        """(K, V, V) sums over the patients of every pattern."""
        one_hot = (self.pattern == np.arange(len(self.patterns))[:, None]).astype(np.float64)
        flat = of_patients.reshape(len(of_patients), -1)
        return np.asarray((one_hot @ flat).reshape(len(one_hot), *of_patients.shape[1:]))


def repeated(y: Array, x: Array) -> Repeated:
    """Patients with a value, of ``y`` (n, V), NaN where none, and ``x`` (n, V, P)."""
    some = ~np.isnan(y).all(axis=1)
    y, x = y[some], x[some]
    seen = ~np.isnan(y)
    patterns, pattern = np.unique(seen, axis=0, return_inverse=True)
    return Repeated(np.where(seen, y, 0.0), np.where(seen[..., None], x, 0.0), seen, patterns, pattern.ravel())


@dataclass(frozen=True)
class _State:
    """At one matrix: ``inverse`` (K, V, V) of what each pattern sees, 0 elsewhere; ``weighted`` (n, V, P) inverse times
    design; ``coefficients`` (P,), ``covariance`` (P, P), ``residual`` (n, V), ``deviance``.
    """

    inverse: Array
    weighted: Array
    coefficients: Array
    covariance: Array
    residual: Array
    deviance: float


def _state(data: Repeated, matrix: Array) -> _State:
    """Raises LinAlgError where the matrix is not positive definite."""
    both = data.patterns[:, :, None] & data.patterns[:, None, :]
    masked = np.where(both, matrix, np.eye(len(matrix)))
    roots = np.linalg.cholesky(masked)
    inverse = np.where(both, np.linalg.inv(masked), 0.0)
    weighted = inverse[data.pattern] @ data.x
    information = np.tensordot(data.x, weighted, ((0, 1), (0, 1)))
    factor = np.linalg.cholesky(information)
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    coefficients = covariance @ np.tensordot(weighted, data.y, ((0, 1), (0, 1)))
    residual = np.where(data.seen, data.y - data.x @ coefficients, 0.0)
    logs = 2 * np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)[data.pattern].sum()
    logs += 2 * np.log(np.diag(factor)).sum()
    squares = np.einsum("na,nab,nb->", residual, inverse[data.pattern], residual)
    free = int(data.seen.sum()) - data.x.shape[2]
    return _State(
        inverse, weighted, coefficients, covariance, residual, float(logs + squares + free * np.log(2 * np.pi))
    )


@dataclass(frozen=True)
class _Slopes:
    """By the parameters: ``score`` (q,) of the log likelihood, its expected ``information`` (q, q), and ``changes`` (q,
    P, P), the derivative of the inverse of the covariance of the coefficients.
    """

    score: Array
    information: Array
    changes: Array


def _slopes(data: Repeated, now: _State, basis: Array) -> _Slopes:
    """``basis`` (q, V, V): derivatives of the matrix."""
    visits, flat = basis.shape[1], basis.reshape(len(basis), -1)
    m, size = now.inverse, np.bincount(data.pattern, minlength=len(data.patterns))[:, None, None]
    hats = data.by_pattern(now.weighted @ now.covariance @ now.weighted.transpose(0, 2, 1))
    fit = m @ data.by_pattern(np.einsum("na,nb->nab", now.residual, now.residual)) @ m
    score = flat @ (fit + hats - size * m).sum(axis=0).ravel() / 2
    patterns = len(m)
    pairs = (size * m - 2 * hats).reshape(patterns, -1).T @ m.reshape(patterns, -1)
    pairs = pairs.reshape(visits, visits, visits, visits).transpose(1, 2, 0, 3).reshape(visits**2, -1)
    rows = now.weighted.reshape(len(now.weighted), -1)
    p = now.weighted.shape[2]
    products = (rows.T @ rows).reshape(visits, p, visits, p).transpose(0, 2, 1, 3).reshape(visits**2, p * p)
    changes = -(flat @ products).reshape(-1, p, p)
    turned = now.covariance @ changes
    third = turned.reshape(len(flat), -1) @ turned.transpose(0, 2, 1).reshape(len(flat), -1).T
    return _Slopes(score, (flat @ pairs @ flat.T + third) / 2, changes)


@dataclass(frozen=True)
class FittedModel:
    """A fit: name of the ``structure``, those that failed before and ``why``, ``theta`` (q,) and the ``matrix`` (V, V);
    ``coefficients`` (P,) with their ``covariance`` (P, P), and as Kenward and Roger ``adjusted`` it; -2 log of the
    restricted likelihood (``deviance``); ``spread`` (q, q) covariance of theta, ``changes`` as in the slopes.
    """

    structure: str
    why: tuple[str, ...]
    theta: Array
    matrix: Array
    coefficients: Array
    covariance: Array
    adjusted: Array
    deviance: float
    spread: Array
    changes: Array

    def contrast(self, of: Array, freedom: Freedom = "kenward_roger", level: float = 0.95) -> Contrast:
        """A linear combination (P,) of the coefficients."""
        used = self.adjusted if freedom == "kenward_roger" else self.covariance
        error = float(np.sqrt(max(float(of @ used @ of), 0.0)))
        return t_contrast(float(of @ self.coefficients), error, self.freedom(of), level)

    def freedom(self, of: Array) -> float:
        """Degrees of freedom: 2 v^2 over the variance of v, the variance of the combination before adjustment."""
        turned = self.covariance @ of
        slope = np.einsum("p,ipq,q->i", turned, self.changes, turned)
        variance = float(slope @ self.spread @ slope)
        return 2 * float(of @ turned) ** 2 / variance if variance > 0 else float("inf")


def fit(y: Array, x: Array, order: Sequence[Callable[[int], Structured]] = ORDER) -> FittedModel:
    """The first structure of the order that can be fitted to ``y`` (n, V), NaN where missing, with the design ``x`` (n,
    V, P), whose columns are independent where values are seen. Raises NotFitted where none can, with every reason.
    """
    data = repeated(y, x)
    why: list[str] = []
    for kind in dict.fromkeys(order):
        structure = kind(y.shape[1])
        try:
            return _fitted(data, structure, tuple(why))
        except (NotFitted, np.linalg.LinAlgError) as error:
            reason = str(error) if isinstance(error, NotFitted) else "the matrix is singular"
            why.append(f"{structure.name}: {reason}")
    raise NotFitted("; ".join(why))


def _fitted(data: Repeated, structure: Structured, why: tuple[str, ...]) -> FittedModel:
    """Raises NotFitted or LinAlgError."""
    if len(data.y) < structure.needs:
        raise NotFitted(f"fewer than {structure.needs} patients")
    if data.seen.sum(axis=0).min() < structure.at_visit:
        raise NotFitted(f"fewer than {structure.at_visit} values at a visit")
    theta = structure.start(_first_matrix(data))
    if data.seen.sum() <= data.x.shape[2] + len(theta):
        raise NotFitted("no more values than parameters")
    now = _state(data, structure.matrix(theta))
    for _ in range(STEPS):
        slopes = _slopes(data, now, structure.slopes(theta))
        step = np.asarray(np.linalg.solve(slopes.information, slopes.score), dtype=np.float64)
        decrement = float(step @ slopes.score)
        if not decrement > ENOUGH:
            break
        better = _better(data, structure, theta, step, now.deviance)
        if better is None:
            if decrement > GOOD:
                raise NotFitted("the likelihood has no maximum inside")
            break
        theta, now = better
    else:
        raise NotFitted(f"no convergence in {STEPS} steps")
    slopes = _slopes(data, now, structure.slopes(theta))
    spread = np.asarray(np.linalg.inv(slopes.information), dtype=np.float64)
    np.linalg.cholesky(slopes.information)
    curves = structure.curves(theta) if structure.curves else None
    adjusted = _adjusted(data, now, structure.slopes(theta), curves, spread, slopes.changes)
    return FittedModel(
        structure.name, why, theta, structure.matrix(theta), now.coefficients, now.covariance, adjusted, now.deviance,
        spread, slopes.changes,
    )  # fmt: skip


def _better(
    data: Repeated, structure: Structured, theta: Array, step: Array, deviance: float
) -> tuple[Array, _State] | None:
    """The longest of the halved steps that lowers the deviance, and where it leads; None where none does."""
    for k in range(HALVINGS):
        new = theta + step / 2**k
        try:
            there = _state(data, structure.matrix(new))
        except np.linalg.LinAlgError:
            continue
        if there.deviance < deviance:
            return new, there
    return None


def _first_matrix(data: Repeated) -> Array:
    """Variances of the residuals of least squares at every visit, half of the covariances there would be at a
    correlation of 1: positive definite whatever is missing.
    """
    flat, wanted = data.x[data.seen], data.y[data.seen]
    coefficients = np.linalg.lstsq(flat, wanted, rcond=None)[0]
    residual = np.where(data.seen, data.y - data.x @ coefficients, 0.0)
    squares, seen = (residual**2).sum(axis=0), data.seen.sum(axis=0)
    if not squares.sum() > 0:
        raise NotFitted("the values do not vary")
    deviation = np.sqrt(np.where(squares > 0, squares, squares.sum()) / np.where(squares > 0, seen, seen.sum()))
    return np.asarray(np.outer(deviation, deviation) * (0.5 + 0.5 * np.eye(len(deviation))))


def _adjusted(data: Repeated, now: _State, basis: Array, curves: Array | None, spread: Array, changes: Array) -> Array:
    """Covariance of the coefficients by Kenward and Roger (their equation 5), with the term of curved structures."""
    visits, flat = basis.shape[1], basis.reshape(len(basis), -1)
    pairs = (flat.T @ spread @ flat).reshape(visits, visits, visits, visits)
    inner = np.einsum("abcd,kbc->kad", pairs, now.inverse, optimize=True)
    if curves is not None:
        inner = inner - np.tensordot(spread, curves, 2) / 4
    patients = now.weighted.transpose(0, 2, 1) @ inner[data.pattern] @ now.weighted
    together = np.tensordot(spread, changes, 1)
    crossed = (changes @ now.covariance @ together).sum(axis=0)
    return np.asarray(now.covariance + 2 * now.covariance @ (patients.sum(axis=0) - crossed) @ now.covariance)
