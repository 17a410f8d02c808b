"""Adjusted differences against statsmodels, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from analysis.statistics.least_squares import adjusted_difference, dummies


def made(n: int = 40) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(8)
    arm, stratum, baseline = rng.integers(0, 3, n), rng.integers(0, 4, n), rng.normal(10, 3, n)
    return rng.normal(size=n) + arm + 0.3 * baseline + 0.5 * stratum, arm, baseline, stratum


def test_it_is_the_classical_linear_model() -> None:
    value, arm, baseline, stratum = made()
    found = adjusted_difference(value, arm, (2, 0), baseline, stratum)
    design = np.column_stack([np.ones(40), arm == 1, arm == 2, stratum == 1, stratum == 2, stratum == 3, baseline])
    wanted = OLS(value, design.astype(float)).fit()
    assert float(found.interval.estimate) == pytest.approx(wanted.params[2], rel=1e-9)
    assert [float(found.interval.low), float(found.interval.high)] == pytest.approx(wanted.conf_int()[2], rel=1e-9)
    assert (found.p, found.df) == (pytest.approx(wanted.pvalues[2], rel=1e-7), 33)


def test_a_constant_baseline_and_one_stratum_adjust_for_nothing() -> None:
    """The t test with the variance of all arms: mean difference, N - 3 degrees of freedom."""
    value, arm, _, _ = made()
    found = adjusted_difference(value, arm, (1, 0), np.full(40, 7.0), np.zeros(40, dtype=int))
    assert float(found.interval.estimate) == pytest.approx(value[arm == 1].mean() - value[arm == 0].mean())
    assert found.df == 37


def test_nothing_where_the_arms_cannot_be_told_apart() -> None:
    value, arm, baseline, stratum = made()
    assert np.isnan(adjusted_difference(value, arm, (5, 0), baseline, stratum).p)
    assert np.isnan(adjusted_difference(value, arm, (2, 0), baseline, arm).p)
    assert np.isnan(adjusted_difference(value[:3], arm[:3], (int(arm[0]), int(arm[1])), baseline[:3], stratum[:3]).p)
    assert dummies(np.array([4, 1, 4])).tolist() == [[0, 1], [1, 0], [0, 1]]
