"""Shift and rank test of two groups, against R, scipy, and every way to divide the values."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import ranks

X, Y = np.array([3.1, 4.7, 8.2, 2.9, 12.5, 7.7, 30.2]), np.array([1.2, 2.2, 9.1, 0.4, 3.3])


def test_exact_limits_are_those_of_r() -> None:
    """R 4.2.2: wilcox.test(x, y, conf.int = TRUE, exact = TRUE): 4.3, -0.4 to 12.1."""
    found = ranks.hodges_lehmann(X, Y)
    assert [float(v) for v in found.interval] == pytest.approx([4.3, -0.4, 12.1])
    assert found.exact


def test_limits_are_where_the_exact_test_turns() -> None:
    """Just inside the limits scipy's exact test does not reject the shift, just outside it does."""
    rng = np.random.default_rng(3)
    for m, n in ((7, 5), (12, 20), (4, 4)):
        x, y = rng.normal(1, 1, m), rng.normal(0, 2, n)
        _, low, high = (float(v) for v in ranks.hodges_lehmann(x, y).interval)
        for edge, side in ((low, -1), (high, 1)):
            p = [stats.mannwhitneyu(x - edge - side * h, y, method="exact").pvalue for h in (-1e-9, 1e-9)]
            assert p[0] > 0.05 > p[1] or p[0] >= 0.05 >= p[1]


def test_the_law_of_the_rank_sum_is_that_of_every_division() -> None:
    wins = [sum(a > b for a in chosen for b in set(range(7)) - set(chosen)) for chosen in combinations(range(7), 3)]
    assert ranks.rank_sum_law(3, 4) == pytest.approx(np.bincount(wins, minlength=13) / 35)
    assert ranks.rank_sum_law(49, 49).sum() == pytest.approx(1)


def test_limits_of_many_or_tied_values_are_normal() -> None:
    """40 x 60 / 2 - 1.96 sqrt(40 x 60 x 101 / 12) = 921.4: the 921st of the ranked differences, from either end."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=60), rng.normal(size=40)
    gaps = np.sort([a - b for a, b in product(x, y)])
    found = ranks.hodges_lehmann(x, y)
    assert not found.exact
    assert [float(v) for v in found.interval] == [np.median(gaps), gaps[920], gaps[-921]]
    assert not ranks.hodges_lehmann(np.array([1.0, 2.0, 2.0]), np.array([1.0, 3.0])).exact
    assert np.isnan(ranks.hodges_lehmann(x, y[:0]).interval.estimate)


VALUE = np.array([3, 3, 5, 8, 1, 2, 2, 9, 4, 4, 4, 7, 6, 1, 1.0])
FIRST = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
STRATUM = np.repeat([1, 2], [6, 9])


def test_van_elteren_is_that_of_r() -> None:
    """R 4.2.2, coin 1.4-2: independence_test(v ~ g | s) of rank / (N + 1) in each stratum, asymptotic."""
    assert ranks.van_elteren(VALUE, FIRST, STRATUM) == pytest.approx(0.0395684207008, abs=1e-12)


def test_its_mean_and_variance_are_those_of_every_division() -> None:
    """All 20 x 126 ways to call three of six and four of nine the first group."""
    scores = [stats.rankdata(VALUE[s == STRATUM]) / ((s == STRATUM).sum() + 1) for s in (1, 2)]
    sizes = [int(FIRST[s == STRATUM].sum()) for s in (1, 2)]
    each = [
        [sum(score[list(c)]) for c in combinations(range(len(score)), m)]
        for score, m in zip(scores, sizes, strict=True)
    ]
    every = np.array([a + b for a, b in product(*each)])
    seen = sum(float(score[FIRST[s == STRATUM]].sum()) for score, s in zip(scores, (1, 2), strict=True))
    z = (seen - every.mean()) / every.std()
    assert ranks.van_elteren(VALUE, FIRST, STRATUM) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)


def test_one_stratum_is_the_plain_test_and_empty_ones_say_nothing() -> None:
    p = stats.mannwhitneyu(VALUE[FIRST], VALUE[~FIRST], use_continuity=False, method="asymptotic").pvalue
    assert ranks.van_elteren(VALUE, FIRST, np.zeros(15, dtype=int)) == pytest.approx(p)
    more = np.concatenate([VALUE, [100.0]]), np.append(FIRST, True), np.append(np.zeros(15, dtype=int), 7)
    assert ranks.van_elteren(*more) == pytest.approx(p)
    assert np.isnan(ranks.van_elteren(VALUE, np.ones(15, dtype=bool), STRATUM))
    assert ranks.van_elteren(np.ones(15), FIRST, STRATUM) == 1.0
