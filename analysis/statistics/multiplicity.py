"""Adjusted p of several hypotheses, for all replicates at once: a hypothesis is rejected when its p is small enough.

p are (..., H), hypotheses on the last axis; one that cannot be tested is NaN, counts as not rejected and stays NaN. The
family-wise error is kept in the strong sense; by Hochberg's procedure when the tests are not negatively dependent.
statsmodels' ``multipletests`` takes one family at a time; it is the check in the tests.

Sources: Holm, Scand J Stat 1979;6:65-70. Hochberg, Biometrika 1988;75:800-802. Graphs: Bretz, Maurer, Brannath & Posch,
Stat Med 2009;28:586-604, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from analysis.endpoints.records import Array


def _adjusted(p: ArrayLike, rule: Callable[[Array], Array]) -> Array:
    """A rule for p without gaps, at most 1, and NaN again where there is no p."""
    seen = np.asarray(p, dtype=np.float64)
    return np.where(np.isnan(seen), np.nan, np.minimum(rule(np.where(np.isnan(seen), 1.0, seen)), 1.0))


def _by_rank(p: Array, of_ranked: Callable[[Array], Array]) -> Array:
    """A rule for p in rising order, put back into their own."""
    order = np.argsort(p, axis=-1, kind="stable")
    back = np.argsort(order, axis=-1, kind="stable")
    return np.take_along_axis(of_ranked(np.take_along_axis(p, order, axis=-1)), back, axis=-1)


def holm(p: ArrayLike) -> Array:
    """Step down: the smallest p times H, the next times H - 1, and so on, none below the one before."""

    def ranked(p: Array) -> Array:
        return np.maximum.accumulate(p * np.arange(p.shape[-1], 0, -1), axis=-1)

    return _adjusted(p, lambda p: _by_rank(p, ranked))


def hochberg(p: ArrayLike) -> Array:
    """Step up: the largest p times 1, the next times 2, and so on, none above the one before."""

    def ranked(p: Array) -> Array:
        return np.minimum.accumulate((p * np.arange(p.shape[-1], 0, -1))[..., ::-1], axis=-1)[..., ::-1]

    return _adjusted(p, lambda p: _by_rank(p, ranked))


def fixed_sequence(p: ArrayLike) -> Array:
    """In the given order, each at the full level, until one is not rejected."""
    return _adjusted(p, lambda p: np.maximum.accumulate(p, axis=-1))


def graphical(p: ArrayLike, weights: ArrayLike, transitions: ArrayLike) -> Array:
    """A graph: ``weights`` (H,) shares of the level, sum at most 1; ``transitions`` (H, H), row j says where the share
    of a rejected j goes, sums at most 1, diagonal 0.
    """
    return _adjusted(p, lambda p: _walked(p, np.asarray(weights, float), np.asarray(transitions, float)))


def _walked(p: Array, weights: Array, transitions: Array) -> Array:
    """Hypotheses leave the graph one by one, the smallest p per share first; NaN in no p."""
    h = p.shape[-1]
    flat = p.reshape(-1, h)
    n = np.arange(len(flat))
    share, graph = np.tile(weights, (len(flat), 1)), np.tile(transitions, (len(flat), 1, 1))
    left, found, reached = np.ones(flat.shape, dtype=bool), np.ones(flat.shape), np.zeros(len(flat))
    for _ in range(h):
        needed = np.divide(flat, share, out=np.full(flat.shape, np.inf), where=share > 0)
        out = np.where(left, needed, np.inf).argmin(axis=1)
        out = np.where(left[n, out], out, left.argmax(axis=1))
        reached = np.maximum(reached, needed[n, out])
        found[n, out], left[n, out] = np.minimum(reached, 1.0), False
        share, graph = _without(out, share, graph)
    return found.reshape(p.shape)


def _without(out: Array, share: Array, graph: Array) -> tuple[Array, Array]:
    """Shares (n, H) and transitions (n, H, H) once hypothesis ``out`` (n,) is rejected: what came to it goes on."""
    n = np.arange(len(out))
    onward, toward = graph[n, out], graph[n, :, out]
    share = share + share[n, out][:, None] * onward
    share[n, out] = 0.0
    back = 1.0 - toward * onward
    through = graph + toward[:, :, None] * onward[:, None, :]
    graph = np.divide(through, back[:, :, None], out=np.zeros_like(graph), where=back[:, :, None] > 1e-12)
    graph[:, range(graph.shape[1]), range(graph.shape[1])] = 0.0
    graph[n, out], graph[n, :, out] = 0.0, 0.0
    return share, graph
