"""Odds ratios at every visit against R's geepack and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from analysis.statistics.estimators import Z95
from analysis.statistics.repeated_response import odds_ratios, responses

FLAT = np.array([
    0, 0, 1, 0, np.nan, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, np.nan, np.nan, 0, 0, 0, 1, 0, 1, 0, 0, 0,
    1, 1, 1, 0, 1, 1, 0, 1, 1, np.nan, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 0,
])  # fmt: skip
Y, ARM, ONE = FLAT.reshape(20, 3), np.repeat([0, 1], 10), np.zeros(20, dtype=int)


def logs(found) -> tuple[float, float]:
    value, low, high = (np.log(float(v)) for v in found.interval)
    return value, (high - low) / 2 / Z95


def test_without_a_working_correlation_it_is_geepack() -> None:
    """R 4.2.2, geepack 1.3.9: geeglm(y ~ 0 + cell, corstr = "independence"), contrasts of the arms at each visit."""
    found = odds_ratios(Y, ARM, 0, ONE, "independence")
    wanted = [(0.693147181, 1.06066017), (2.79320801, 1.27241802), (1.60943791, 1.03682207)]
    assert [logs(one) for one in found.by_visit[1]] == [pytest.approx(pair, abs=1e-6) for pair in wanted]
    assert logs(found.average[1]) == pytest.approx((1.6985977, 0.861814869), abs=1e-6)
    assert found.correlation == 0.0
    wald = [2 * norm.sf(log / error) for log, error in wanted]
    assert [one.p for one in found.by_visit[1]] == pytest.approx(wald, abs=1e-6)


def test_with_one_it_is_near_geepack_which_estimates_it_otherwise() -> None:
    """geepack, exchangeable: correlation 0.386, log odds ratios 0.7690, 3.0106, 1.6526; average 1.8107 (0.8830)."""
    found = odds_ratios(Y, ARM, 0, ONE)
    assert found.correlation == pytest.approx(0.386, abs=0.005)
    assert [logs(one)[0] for one in found.by_visit[1]] == pytest.approx([0.76895674, 3.010604, 1.65261663], abs=2e-3)
    assert logs(found.average[1]) == pytest.approx((1.81072579, 0.882961675), abs=2e-3)


def test_a_visit_without_odds_is_left_out_and_the_others_stay() -> None:
    """Nobody of arm 0 responds at visit 1."""
    y = Y.copy()
    y[:10, 0] = np.where(np.isnan(y[:10, 0]), np.nan, 0.0)
    found = odds_ratios(y, ARM, 0, ONE, "independence")
    assert np.isnan(found.by_visit[1][0].p)
    whole = odds_ratios(Y, ARM, 0, ONE, "independence")
    assert logs(found.by_visit[1][1]) == pytest.approx(logs(whole.by_visit[1][1]), rel=1e-6)
    both = np.mean([logs(one)[0] for one in found.by_visit[1][1:]])
    assert logs(found.average[1])[0] == pytest.approx(both)
    y[10:, 2] = np.where(np.isnan(y[10:, 2]), np.nan, 1.0)  # and everybody of arm 1 at visit 3
    found = odds_ratios(y, ARM, 0, ONE, "independence")
    assert np.isnan(found.by_visit[1][2].p) and not np.isnan(found.by_visit[1][1].p)
    none = odds_ratios(np.zeros((20, 3)), ARM, 0, ONE)
    assert np.isnan(none.average[1].p) and np.isnan(none.correlation)


def test_strata_are_adjusted_for() -> None:
    stratum = np.tile([0, 1], 10)
    found = odds_ratios(Y, ARM, 0, stratum, "independence")
    assert logs(found.average[1])[0] != pytest.approx(logs(odds_ratios(Y, ARM, 0, ONE, "independence").average[1])[0])


def test_a_response_is_a_count_at_the_threshold_that_is_not_void() -> None:
    counts, void = np.array([[50.0, 49.9, np.nan, 80.0]]), np.array([[False, False, False, True]])
    assert responses(counts, void, 50.0)[0].tolist() == pytest.approx([1.0, 0.0, np.nan, 0.0], nan_ok=True)
