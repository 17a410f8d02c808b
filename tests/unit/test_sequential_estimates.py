"""Conditional power, adjusted estimates and combination tests against hand calculations and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from analysis.statistics import combination as ct
from analysis.statistics import sequential as gs
from analysis.statistics import sequential_estimates as est
from analysis.statistics.spending import spent

T3 = np.array([1 / 3, 2 / 3, 1.0])
BOUNDS = gs.Bounds(T3, gs.efficacy_bounds(T3, spent("obrien_fleming", T3, 0.025)), np.array([-0.2, 0.6, -np.inf]))


def test_conditional_power_by_hand():
    """Half the information, Z 1.5, bound 1.96: by the trend mean of Z(1) is 1.5 sqrt 2, SD sqrt 0.5."""
    assert est.conditional_power(1.5, 0.5, 1.96) == pytest.approx(norm.sf((1.96 - 1.5 * np.sqrt(2)) / np.sqrt(0.5)))
    mean = 1.5 * np.sqrt(0.5) + 3.0 * 0.5
    assert est.conditional_power(1.5, 0.5, 1.96, 3.0) == pytest.approx(norm.sf((1.96 - mean) / np.sqrt(0.5)))
    spread = np.sqrt(0.5 + 0.5**2 / 0.5)  # of the rest, and of the drift of which Z / sqrt t has variance 1 / t
    assert est.predictive_power(1.5, 0.5, 1.96) == pytest.approx(norm.sf((1.96 - 1.5 * np.sqrt(2)) / spread))
    assert est.conditional_power(est.z_of_conditional_power(0.2, 0.5, 1.96), 0.5, 1.96) == pytest.approx(0.2)


def walks(drift: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Look and Z at which n trials stop."""
    z = np.random.default_rng(11).normal(drift / 3, np.sqrt(1 / 3), (n, 3)).cumsum(axis=1) / np.sqrt(T3)
    look = np.argmax((z >= BOUNDS.efficacy) | (z < BOUNDS.futility) | (T3 == 1), axis=1)
    return look, z[np.arange(n), look]


SLOW = [pytest.param(drift, marks=pytest.mark.slow) for drift in (0.0, 3.2)]


@pytest.mark.parametrize("drift", [2.0, *SLOW])
def test_half_the_estimates_lie_above_the_truth_and_95_percent_of_the_intervals_cover_it(drift):
    n = 20_000
    look, z = walks(drift, n)
    found = est.median_unbiased(BOUNDS, look, z)
    assert (found.estimate > drift).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / n))
    covers = (found.low <= drift) & (drift <= found.high)
    assert covers.mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.0475 / n))
    half = est.repeated_half_widths(BOUNDS)[look]
    assert (np.abs(z - drift * np.sqrt(T3[look])) <= half).mean() >= 0.95 - 4 * np.sqrt(0.0475 / n)


def test_without_looks_nothing_is_adjusted():
    one = gs.Bounds(np.ones(1), np.array([1.96]), np.array([-np.inf]))
    found = est.median_unbiased(one, np.zeros(2, dtype=int), [1.234, -0.5])
    np.testing.assert_allclose(found, [[1.234, -0.5], [1.234 - 1.959964, -2.459964], [3.193964, 1.459964]], atol=1e-5)


def test_combined_and_closed_by_hand():
    p = ct.inverse_normal(0.04, 0.03, 0.5)
    assert p == pytest.approx(norm.sf((norm.isf(0.04) + norm.isf(0.03)) / np.sqrt(2)))
    assert ct.intersected([[0.01, 0.03, 0.5]], "simes")[0] == pytest.approx(0.03)  # 3 x 0.01, 1.5 x 0.03, 0.5
    assert ct.intersected([[0.01, 0.03, 0.5]], "bonferroni")[0] == pytest.approx(0.03)
    # A went on: alone 0.01 and 0.02 combine to 0.0008; with B 0.02 and 0.02 to 0.0018: in at 0.0025, out at 0.001
    first, second, went = [[0.01, 0.4]], [[0.02, np.nan]], [[True, False]]
    assert ct.closed(first, second, went, 0.5, 0.0025, "bonferroni").tolist() == [[True, False]]
    assert ct.closed(first, second, went, 0.5, 0.0010, "bonferroni").tolist() == [[False, False]]


def test_a_closed_test_keeps_the_family_level_when_the_best_arm_goes_on():
    """Three arms against one control, nothing works, the best goes on: Bonferroni and Simes stay below 2.5 %."""
    rng, n = np.random.default_rng(3), 40_000
    z1 = (rng.normal(size=(n, 3)) + rng.normal(size=(n, 1))) / np.sqrt(2)
    went = np.eye(3, dtype=bool)[z1.argmax(axis=1)]
    p2 = np.where(went, rng.random((n, 1)), np.nan)
    naive = (ct.inverse_normal(norm.sf(z1.max(axis=1)), np.nanmin(p2, axis=1), 0.5) <= 0.025).mean()
    assert naive > 0.04
    for rule in ("bonferroni", "simes"):
        wrong = ct.closed(norm.sf(z1), p2, went, 0.5, 0.025, rule).any(axis=1).mean()
        assert 0.015 < wrong < 0.025 + 3 * np.sqrt(0.025 / n)


def test_more_patients_in_the_promising_zone_only():
    """Look at 100 of 200 with bound 1.96: at the new size the conditional power under the trend is what was wanted."""
    z = np.array([-0.5, 0.5, 1.5, 2.5])
    size = ct.new_size(z, 100, 200, 400, 1.959964, (0.36, 0.9), 0.9)
    assert size[[0, 1, 3]].tolist() == [200, 200, 200]
    assert 200 < size[2] < 400
    n2 = size[2] - 100
    second = norm.sf((1.959964 - 1.5 * np.sqrt(0.5)) / np.sqrt(0.5) - 1.5 / np.sqrt(100) * np.sqrt(n2))
    assert second == pytest.approx(0.9, abs=0.003)
