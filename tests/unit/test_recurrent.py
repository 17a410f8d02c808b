"""Ratios of rates against R's negative binomial regression, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.estimators import Z95
from analysis.statistics.recurrent import rate_ratios

TIME = np.array([
    0.669, 0.207, 0.435, 0.422, 0.851, 0.408, 0.78, 0.925, 0.959, 0.259, 0.804, 0.429, 0.28, 0.963, 0.532, 0.564, 0.977,
    0.667, 0.97, 0.809, 0.772, 0.997, 0.605, 0.592, 0.719, 0.865, 0.586, 0.873, 0.611, 0.624, 0.654, 0.391, 0.902,
    0.724, 0.586, 0.977, 0.568, 0.698, 0.511, 0.205, 0.951, 0.394, 0.652, 0.345, 0.924, 0.267, 0.921, 0.913, 0.779,
    0.652, 0.511, 0.797, 0.916, 0.847, 0.855, 0.537, 0.341, 0.339, 0.914, 0.795,
])  # fmt: skip
EVENTS = np.array([
    0, 2, 1, 0, 5, 1, 0, 0, 3, 1, 2, 0, 0, 7, 1, 0, 1, 1, 4, 0, 0, 2, 1, 0, 3, 0, 1, 6, 0, 1,
    0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 1, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0.0,
])  # fmt: skip
ARM, STRATUM = np.repeat([0, 1], 30), np.tile([0, 1, 2], 20)


def test_it_is_the_regression_of_r() -> None:
    """R 4.2.2, MASS 7.3.58.2: glm.nb(y ~ factor(a) + factor(st) + offset(log(e)))."""
    found = rate_ratios(EVENTS, TIME, ARM, 0, STRATUM)[1]
    log, low, high = (np.log(float(v)) for v in found.interval)
    assert log == pytest.approx(-1.10376578431648, abs=1e-6)
    assert (high - low) / 2 / Z95 == pytest.approx(0.39332238915305, abs=1e-6)
    assert found.p == pytest.approx(0.00501198786176, abs=1e-7)
    assert found.dispersion == pytest.approx(0.765058967382, abs=1e-5)


def test_without_dispersion_it_is_the_ratio_of_poisson_rates() -> None:
    """Everybody one event or none: less varied than Poisson. Ratio of rates, error sqrt(1/6 + 1/12)."""
    events = np.concatenate([np.repeat([1.0, 0.0], [6, 14]), np.repeat([1.0, 0.0], [12, 8])])
    found = rate_ratios(events, np.full(40, 0.5), np.repeat([4, 9], 20), 4, np.zeros(40, dtype=int))[9]
    assert found.dispersion == 0.0
    assert float(found.interval.estimate) == pytest.approx(2.0)
    assert float(found.interval.high) == pytest.approx(2 * np.exp(Z95 * 0.5))
    assert found.p == pytest.approx(2 * stats.norm.sf(np.log(2) / 0.5))


def test_arms_without_events_have_no_ratio_and_the_unwatched_are_left_out() -> None:
    arm = np.where(np.arange(60) % 30 < 5, ARM + 2, ARM)
    events = np.where(arm == 3, 0.0, EVENTS)
    found = rate_ratios(events, TIME, arm, 0, STRATUM)
    assert sorted(found) == [1, 2, 3] and np.isnan(found[3].p) and np.isfinite(found[1].p)
    without = rate_ratios(np.append(EVENTS, [50.0, np.nan]), np.append(TIME, [0.0, 1.0]), np.append(ARM, [1, 1]), 0,
                          np.append(STRATUM, [0, 0]))  # fmt: skip
    assert without[1].p == pytest.approx(rate_ratios(EVENTS, TIME, ARM, 0, STRATUM)[1].p)
    assert np.isnan(rate_ratios(EVENTS * (ARM == 1), TIME, ARM, 0, STRATUM)[1].p)
