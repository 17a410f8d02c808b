"""Laws of the estimators, for any counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics import estimators, proportions

Group = tuple[int, int]
groups = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(groups, groups)
def test_limits_hold_the_estimate_and_swapping_groups_turns_the_sign(a: Group, b: Group) -> None:
    one, other = estimators.rate_difference(*a, *b), estimators.rate_difference(*b, *a)
    assert -1 <= one.low <= one.estimate + 1e-12
    assert one.estimate - 1e-12 <= one.high <= 1
    assert np.array(one) == pytest.approx(-np.array(other)[[0, 2, 1]], abs=1e-9)


@settings(deadline=None)
@given(groups, groups)
def test_the_interval_excludes_zero_exactly_when_the_score_test_rejects(a: Group, b: Group) -> None:
    interval = estimators.rate_difference(*a, *b)
    p = float(estimators.score_test(*a, *b))
    if abs(p - 0.05) > 1e-6:
        assert (interval.low > 0 or interval.high < 0) == (p < 0.05)


@settings(deadline=None)
@given(groups, groups, st.floats(-0.999, 0.999))
def test_constrained_rates_differ_by_the_difference_and_maximise_the_likelihood(a: Group, b: Group, d: float) -> None:
    (x1, n1), (x2, n2) = a, b
    p1, p2 = estimators.constrained_rates(*(np.array(v, float) for v in (x1, n1, x2, n2, d)))
    assert p1 - p2 == pytest.approx(d, abs=1e-9)

    def log_likelihood(rate2: np.ndarray) -> np.ndarray:
        rate1 = rate2 + d
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [
                k * np.log(q) for k, q in ((x1, rate1), (n1 - x1, 1 - rate1), (x2, rate2), (n2 - x2, 1 - rate2)) if k
            ]
        return np.sum(parts, axis=0)

    inside = np.linspace(max(0, -d), min(1, 1 - d), 203)[1:-1]
    best = log_likelihood(np.array([np.clip(p2, inside[0] * 1e-9, 1)]))[0]
    assert not np.isfinite(best) or best >= log_likelihood(inside).max() - 1e-6 * (1 + abs(best))


@settings(deadline=None)
@given(groups)
def test_clopper_pearson_holds_the_estimate_and_mirrors(a: Group) -> None:
    x, n = a
    one, mirror = estimators.clopper_pearson(x, n), estimators.clopper_pearson(n - x, n)
    assert 0 <= one.low <= one.estimate <= one.high <= 1
    assert one.low == pytest.approx(1 - mirror.high, abs=1e-9)


@settings(deadline=None)
@given(st.lists(groups, min_size=1, max_size=4), st.sampled_from(["MH", "MN"]))
def test_equal_groups_have_no_difference_and_a_symmetric_interval(strata: list[Group], weights: str) -> None:
    x, n = zip(*strata, strict=True)
    found = proportions.stratified_rate_difference(x, n, x, n, weights=weights)  # type: ignore[arg-type]
    assert found.estimate == pytest.approx(0, abs=1e-12)
    assert found.low == pytest.approx(-found.high, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_the_range_over_replicates_lies_within_the_replicates(values: list[float]) -> None:
    found = estimators.over_replicates(np.array(values))
    assert min(values) <= found.low <= found.high <= max(values)
    assert found.mcse >= 0
