"""Covariance matrices of the visits of a patient: what each structure is made of, and its derivatives.

``unstructured`` has its own elements as parameters, ``compound_symmetry`` a variance and a covariance: both are linear.
The two others have a standard deviation at every visit, and correlations that depend on how many visits lie between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from analysis.endpoints.records import Array


@dataclass(frozen=True)
class Structured:
    """A structure of V visits: ``start`` parameters (q,) for a matrix (V, V); ``matrix`` of parameters; ``slopes`` (q,
    V, V) and ``curves`` (q, q, V, V) its first and second derivatives, None: 0. ``needs``: fewest
    patients; ``at_visit``: fewest values at every visit.
    """

    name: str
    start: Callable[[Array], Array]
    matrix: Callable[[Array], Array]
    slopes: Callable[[Array], Array]
    curves: Callable[[Array], Array] | None
    needs: int = 2
    at_visit: int = 3


def unstructured(visits: int) -> Structured:
    """Every variance and covariance of its own."""
    rows, columns = np.tril_indices(visits)
    basis = np.zeros((len(rows), visits, visits))
    basis[np.arange(len(rows)), rows, columns] = basis[np.arange(len(rows)), columns, rows] = 1.0
    return replace(_linear("unstructured", basis, lambda matrix: matrix[rows, columns]), needs=visits + 1)


def compound_symmetry(visits: int) -> Structured:
    """One variance, one covariance."""
    same, other = np.eye(visits), 1 - np.eye(visits)
    pairs = max(visits * (visits - 1), 1)
    found = _linear(
        "compound symmetry",
        np.stack([same, other]),
        lambda matrix: np.array([np.trace(matrix) / visits, (matrix * other).sum() / pairs]),
    )
    return replace(found, at_visit=0)


def _linear(name: str, basis: Array, start: Callable[[Array], Array]) -> Structured:
    return Structured(name, start, lambda theta: np.tensordot(theta, basis, 1), lambda _: basis, None)


def toeplitz(visits: int) -> Structured:
    """A standard deviation of every visit, a correlation of every distance."""
    lag = _lags(visits)
    bands = np.stack([(lag == k).astype(np.float64) for k in range(1, visits)])

    def start(r: Array) -> Array:
        return np.array([r[lag == k].mean() for k in range(1, visits)])

    def of(rho: Array) -> tuple[Array, Array, Array]:
        none = np.zeros((len(rho), len(rho), visits, visits))
        return np.eye(visits) + np.tensordot(rho, bands, 1), bands, none

    return _heterogeneous("heterogeneous Toeplitz", visits, start, of)


def autoregressive(visits: int) -> Structured:
    """A standard deviation of every visit, a correlation that falls as a power of the distance in visits."""
    lag = _lags(visits).astype(np.float64)

    def start(r: Array) -> Array:
        return np.array([np.clip(r[lag == 1].mean(), -0.9, 0.9)])

    def of(rho: Array) -> tuple[Array, Array, Array]:
        r = float(rho[0])
        once, twice = (np.where(lag >= k, r ** np.maximum(lag - k, 0), 0.0) for k in (1, 2))
        return r**lag, (lag * once)[None], (lag * (lag - 1) * twice)[None, None]

    return _heterogeneous("heterogeneous autoregressive", visits, start, of)


def _lags(visits: int) -> Array:
    place = np.arange(visits)
    return np.abs(np.subtract.outer(place, place))


def _heterogeneous(
    name: str,
    visits: int,
    start: Callable[[Array], Array],
    of: Callable[[Array], tuple[Array, Array, Array]],
) -> Structured:
    """The matrix s_a s_b C_ab of standard deviations s (V,) and correlations C; ``of`` gives C and its derivatives."""
    eye = np.eye(visits)

    def sides(s: Array) -> Array:
        """(V, V, V) derivative of s_a s_b by each standard deviation."""
        half = np.einsum("ka,b->kab", eye, s)
        return np.asarray(half + half.transpose(0, 2, 1))

    def begun(matrix: Array) -> Array:
        s = np.sqrt(np.diag(matrix))
        return np.concatenate([s, start(matrix / np.outer(s, s))])

    def matrix(theta: Array) -> Array:
        s = theta[:visits]
        return np.outer(s, s) * of(theta[visits:])[0]

    def slopes(theta: Array) -> Array:
        s, (c, dc, _) = theta[:visits], of(theta[visits:])
        return np.concatenate([sides(s) * c, np.outer(s, s) * dc])

    def curves(theta: Array) -> Array:
        s, (c, dc, ddc) = theta[:visits], of(theta[visits:])
        found = np.zeros((len(theta), len(theta), visits, visits))
        both = np.einsum("ka,lb->klab", eye, eye)
        found[:visits, :visits] = (both + both.transpose(0, 1, 3, 2)) * c
        mixed = sides(s)[:, None] * dc[None]
        found[:visits, visits:], found[visits:, :visits] = mixed, mixed.transpose(1, 0, 2, 3)
        found[visits:, visits:] = np.outer(s, s) * ddc
        return found

    return Structured(name, begun, matrix, slopes, curves)
