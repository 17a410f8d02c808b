"""What power owes to each of several sources that are not known: structure, numbers of the model, behaviour.

Every source but the structure is drawn anew in each of ``N`` draws and in ``B`` blocks: block b keeps the draws of the
first block for the sources ``kept[b]`` and draws the others anew; its patients are its own. So the covariance over the
draws of two blocks is the variance of the mean power given the sources that both keep, and owes nothing to the chance
of small pools (Sobol, Math Comput Simul 2001;55:271-280). The structure is no draw: every draw is simulated under each,
and weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from analysis.endpoints.records import Array

Kept = frozenset[int]


def blocks(sources: int) -> tuple[Kept, ...]:
    """The sources that each block keeps: the first all, as what it is compared with, then every set of them, the last
    again all.
    """
    every = [frozenset(few) for size in range(1, sources + 1) for few in combinations(range(sources), size)]
    return (frozenset(range(sources)), *(every or [frozenset()]))


@dataclass(frozen=True)
class Parts:
    """The variance of power over everything that is not known, and the ``shares`` of the sources in it (Shapley: what
    sources do together is divided evenly), those that each has ``alone``; the structure comes last where there are
    two. ``variance`` (S,) within each structure; ``mean`` (S,).
    """

    total: float
    shares: tuple[float, ...]
    alone: tuple[float, ...]
    variance: Array
    mean: Array


def parts_of(power: Array, weights: Array, kept: Sequence[Kept]) -> Parts:
    """Of powers (S, B, N) by structure, block and draw; ``weights`` (S,) of the structures. NaN shares where power does
    not differ.
    """
    structures, many, draws = power.shape
    sources = len(kept[0])
    each = np.cov(power.reshape(-1, draws)).reshape(structures, many, structures, many)
    within = np.einsum("sasb->sab", each)
    mixed = np.einsum("s,satb,t->ab", weights, each, weights)
    mean = power.mean(axis=(1, 2))
    between = _between(power.mean(axis=1), weights)
    pairs = {few: _pairs(kept, few) for size in range(sources + 1) for few in map(frozenset, _sets(sources, size))}

    def known(few: Kept, structure: bool) -> float:
        """Variance of the mean power given these sources."""
        if not few:
            return between if structure else 0.0
        given = [weights @ within[:, a, b] if structure else mixed[a, b] for a, b in pairs[few]]
        return float(np.mean(given)) + (between if structure else 0.0)

    whole = frozenset(range(sources))
    total = known(whole, structures > 1)
    players = sources + (structures > 1)
    ours = {few: known(few - {sources}, sources in few) for n in range(players + 1) for few in _sets(players, n)}
    over = total if total > 0 else np.nan
    shares = tuple(_shapley(ours, k, players) / over for k in range(players))
    alone = tuple(ours[frozenset({k})] / over for k in range(players))
    variance = np.array([np.mean([within[s, a, b] for a, b in pairs[whole]]) for s in range(structures)])
    return Parts(total, shares, alone, variance, mean)


def _sets(players: int, size: int) -> Iterator[Kept]:
    return map(frozenset, combinations(range(players), size))


def _pairs(kept: Sequence[Kept], few: Kept) -> list[tuple[int, int]]:
    """Pairs of blocks that have these sources in common and no other."""
    return [(a, b) for a, b in combinations(range(len(kept)), 2) if kept[a] & kept[b] == few]


def _between(mean: Array, weights: Array) -> float:
    """Variance of the means of the structures (S, N), less what the draws would make of structures that are alike."""
    off = mean - weights @ mean
    error = off.var(axis=1, ddof=1) / off.shape[1]
    return float(weights @ (off.mean(axis=1) ** 2 - error))


def _shapley(value: dict[Kept, float], player: int, players: int) -> float:
    """What a player adds, mean over the orders in which the players come."""
    added = 0.0
    for few, without in value.items():
        if player not in few:
            size = len(few)
            chance = factorial(size) * factorial(players - size - 1) / factorial(players)
            added += chance * (value[few | {player}] - without)
    return added
