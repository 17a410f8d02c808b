"""Adjusted p against values by hand, statsmodels, and the closed test of all intersections."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.statistics.multiplicity import fixed_sequence, graphical, hochberg, holm

P = np.array([0.04, 0.03, 0.01])
DRAWN = np.random.default_rng(8).uniform(0, 0.15, (200, 4))
FALLBACK = ([0.5, 0.3, 0.2, 0], [[0, 1, 0, 0], [0, 0, 0.6, 0.4], [0.5, 0, 0, 0.5], [0.7, 0.1, 0.2, 0]])
"""Weights and transitions of four hypotheses, with a circle."""
PARALLEL = ([0.5, 0.5, 0, 0], [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]])
"""Two doses, each with a primary and a secondary endpoint (Bretz et al., Stat Med 2011;30:1489-1501)."""


def test_reference_values_by_hand() -> None:
    assert hochberg(P) == pytest.approx([0.04, 0.04, 0.03])
    assert holm(P) == pytest.approx([0.06, 0.06, 0.03])
    assert fixed_sequence(P) == pytest.approx([0.04, 0.04, 0.04])
    assert fixed_sequence(P[::-1]) == pytest.approx([0.01, 0.03, 0.04])


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (hochberg, "simes-hochberg")])
def test_all_families_at_once_are_statsmodels_one_by_one(ours, theirs: str) -> None:
    few = DRAWN[:8]  # statsmodels takes a tenth of a second for each
    np.testing.assert_allclose(ours(few), [multipletests(p, method=theirs)[1] for p in few], rtol=1e-12)


def subsets(n: int) -> Iterator[tuple[int, ...]]:
    return (s for k in range(1, n + 1) for s in combinations(range(n), k))


def shares_of(kept: tuple[int, ...], weights: list[float], graph: list[list[float]]) -> dict[int, float]:
    """Shares of an intersection: the others leave the graph one by one, in plain loops."""
    w, g, there = list(weights), [list(row) for row in graph], set(range(len(weights)))
    for j in range(len(weights)):
        if j in kept:
            continue
        there.remove(j)
        fresh = {}
        for i in there:
            w[i] += w[j] * g[j][i]
            for k in there:
                back = g[i][j] * g[j][i]
                fresh[i, k] = 0 if i == k or back >= 1 else (g[i][k] + g[i][j] * g[j][k]) / (1 - back)
        for (i, k), value in fresh.items():
            g[i][k] = value
    return {i: w[i] for i in there}


@pytest.mark.parametrize(("weights", "graph"), [FALLBACK, PARALLEL])
def test_a_graph_is_the_closed_test_of_weighted_bonferroni_tests(weights, graph) -> None:
    """Second derivation: adjusted p is the largest p of the intersections a hypothesis is in."""
    found = graphical(DRAWN, weights, graph)
    for k, p in enumerate(DRAWN):
        worst = np.zeros(4)
        for kept in subsets(4):
            shares = shares_of(kept, weights, graph)
            joint = min([p[i] / share for i, share in shares.items() if share > 0], default=1.0)
            worst[list(kept)] = np.maximum(worst[list(kept)], joint)
        np.testing.assert_allclose(found[k], np.minimum(worst, 1), rtol=1e-12)


def test_holm_and_the_fixed_sequence_are_graphs() -> None:
    third = (1 - np.eye(4)) / 3
    np.testing.assert_allclose(graphical(DRAWN, [0.25] * 4, third), holm(DRAWN), rtol=1e-9)
    chain = np.diag([1.0] * 3, k=1)
    np.testing.assert_allclose(graphical(DRAWN, [1, 0, 0, 0], chain), fixed_sequence(DRAWN), rtol=1e-12)


@pytest.mark.parametrize("adjust", [holm, hochberg, fixed_sequence, lambda p: graphical(p, *FALLBACK)])
def test_a_hypothesis_without_a_test_is_not_rejected_and_stays_without(adjust) -> None:
    """As if its p were 1; the order of the axes is kept, and nothing is divided by zero."""
    p = np.array([[0.001, np.nan, 0.01, 0.002], [0.02, 0.01, 0.3, 1.0]])
    with np.errstate(all="raise"):
        found, filled = adjust(p), adjust(np.where(np.isnan(p), 1.0, p))
    gap = np.isnan(p)
    assert np.isnan(found[gap]).all() and np.array_equal(found[~gap], filled[~gap])
    assert np.array_equal(adjust(p[0]), found[0], equal_nan=True)
    assert (found[~gap] >= p[~gap]).all() and (found[~gap] <= 1).all()
