"""Trials drawn from a pool: allocation, power against binomial draws, looks against the bounds' own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from design_pools import exact_power, fixed, pool, uniforms

from analysis.designs import draw
from analysis.designs.measures import measured_over
from analysis.designs.tried import conducted
from analysis.statistics.sequential import Bounds, crossed, efficacy_bounds
from analysis.statistics.spending import spent
from trial.study.analysis_plan import ComparisonMethod

CMH = ComparisonMethod()


def test_patients_of_a_trial_are_different_and_trials_of_a_round_share_none():
    who = draw.patients(np.random.default_rng(0).random((3, 100)), 30)
    assert who.shape == (9, 30)
    for round_ in who.reshape(3, 90):
        assert len(set(round_.tolist())) == 90


def test_blocks_within_strata_and_arms_that_are_dropped():
    rng = np.random.default_rng(2)
    stratum = rng.choice(3, size=(50, 120))
    active = np.ones((50, 3), dtype=bool)
    active[25:, 0] = False
    arm = draw.allocated(stratum, (2, 1, 1), 1, active, rng.random)
    for t in range(50):
        for s in range(3):
            mine = arm[t][stratum[t] == s]
            whole = mine[: len(mine) // 4 * 4].reshape(-1, 4) if t < 25 else mine[: len(mine) // 2 * 2].reshape(-1, 2)
            expected = [0, 0, 1, 2] if t < 25 else [1, 2]
            assert (np.sort(whole, axis=1) == expected).all()


def test_entries_come_at_the_rate():
    """100 months at 10 a month after a ramp of 6, on which half as many come."""
    entry = draw.entries(np.random.default_rng(1).random((400, 970)), draw.Accrual(10.0, 6.0))
    assert entry[:, -1].mean() == pytest.approx(100.0, abs=0.6)
    assert (entry < 6).sum(axis=1).mean() == pytest.approx(30, abs=1)


def test_power_and_size_are_those_of_binomial_draws():
    ours = pool(3, (0.55, 0.3))
    found = conducted(ours, fixed(80), CMH, 8_000, uniforms(1))
    mean, error, low, high = measured_over(found.rejected[:, 0].astype(float), found.group, True)
    assert abs(mean - exact_power(40, 0.55, 40, 0.3)) < 3.5 * error
    assert 0.003 < error < 0.02  # of 40,000 patients, not of 20,000 trials
    assert low < mean < high


def test_looks_stop_as_often_as_their_bounds_say():
    """Large trials: Z is Brownian; drift from the rates by hand."""
    t = np.array([1 / 3, 2 / 3, 1.0])
    bounds = Bounds(t, efficacy_bounds(t, spent("obrien_fleming", t, 0.025)), np.array([0.3, 1.0, -np.inf]))
    design = replace(fixed(600), sizes=(200, 400, 600), bounds=bounds)
    found = conducted(pool(5, (0.5, 0.38), 40_000), design, CMH, 2_000, uniforms(2))
    mean = 0.44
    drift = 0.12 / np.sqrt(mean * (1 - mean) * 4 / 600)
    expected = crossed(bounds, drift)
    for k in range(3):
        won = (found.rejected[:, 0] & (found.look == k)).astype(float)
        seen, error, _, _ = measured_over(won, found.group, True)
        assert seen == pytest.approx(expected.efficacy[k], abs=3.5 * error + 0.01)
    seen, error, _, _ = measured_over(found.futile.astype(float), found.group, True)
    assert seen == pytest.approx(expected.futility[:2].sum(), abs=3.5 * error + 0.01)
    assert set(np.unique(found.size)) == {200, 400, 600}


@pytest.mark.parametrize("more", [{}, {"sizes": (10, 20)}, {"adapt": "sample_size", "sizes": (10, 20), "most": 40}])
def test_one_outcome_alone_cannot_be_tested(more):
    """Nobody responds: Z is 0, no trial rejects, every one counts as untested; of two thirds who do, hardly any."""
    none = Bounds(np.array([0.5, 1.0]), np.array([9.0, 1.96]), np.full(2, -np.inf)) if more else fixed(20).bounds
    design = replace(fixed(20), bounds=none, **more)
    found = conducted(pool(1, (0.0, 0.0), 4_000), design, CMH, 40, uniforms(1))
    assert found.untested.all()
    assert (found.z == 0).all()
    assert not found.rejected.any()
    assert not conducted(pool(1, (0.7, 0.6), 4_000), design, CMH, 40, uniforms(1)).untested.any()


def test_futility_at_zero_stops_without_a_difference():
    """Z = 0 of one outcome alone is not above 0; without a limit nothing stops."""
    adapts = replace(fixed(20), sizes=(10, 20), adapt="select")
    for limit, stops in ((0.0, True), (-np.inf, False)):
        bounds = Bounds(np.array([0.5, 1.0]), np.array([9.0, 1.96]), np.array([limit, -np.inf]))
        for adapt in ("select", "sample_size"):
            design = replace(adapts, bounds=bounds, adapt=adapt, most=40)
            found = conducted(pool(1, (0.0, 0.0), 4_000), design, CMH, 40, uniforms(1))
            assert (found.futile == stops).all()
            assert found.untested.all()
