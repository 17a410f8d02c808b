"""Bounds of sequential designs against R's rpact; crossing probabilities against what is known without integration."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from analysis.statistics import sequential as gs
from analysis.statistics.spending import shape, spent

REFERENCE = Path(__file__).parents[1] / "reference" / "rpact_bounds.csv"
"""rpact 3.3.4 in Debian's R: critical values of getDesignGroupSequential(kMax, alpha = 0.025, sided = 1, ...)."""


def published() -> dict[str, list[float]]:
    """The bounds by design."""
    found = defaultdict(list)
    for row in csv.DictReader(REFERENCE.open()):
        found[row["design"]].append(float(row["z"]))
    return dict(found)


def ours(name: str) -> np.ndarray:
    """The same design here."""
    kind, looks = name.split()[0], int(re.search(r"K=(\d)", name)[1])
    t = np.arange(1, looks + 1) / looks
    if kind in ("OF", "P"):
        exact = {"OF": "obrien_fleming_exact", "P": "pocock_exact"}[kind]
        return gs.shaped_bounds(t, shape(exact, t), 0.025)
    number = (
        float(re.search(r"(?:gamma|rho)=(-?\d+)", name)[1])
        if "=" in name.split()[1] and kind[2:] in ("HSD", "KD")
        else None
    )
    form = {"asOF": "obrien_fleming", "asP": "pocock", "asHSD": "hwang_shih_decani", "asKD": "kim_demets"}[kind]
    return gs.efficacy_bounds(t, spent(form, t, 0.025, number))


def test_the_reference_has_what_it_should():
    assert len(published()) == 20
    assert sum(map(len, published().values())) == 68


@pytest.mark.parametrize("name", published())
def test_bounds_are_those_of_rpact(name):
    np.testing.assert_allclose(ours(name), published()[name], rtol=0, atol=2e-6)


def test_two_looks_are_a_bivariate_normal():
    """Correlation of two looks is sqrt(t1 / t2)."""
    bounds = gs.Bounds(np.array([0.4, 1.0]), np.array([2.5, 2.0]), np.array([0.3, 2.0]))
    drift = 2.7
    found = gs.crossed(bounds, drift)
    law = multivariate_normal([drift * np.sqrt(0.4), drift], [[1, np.sqrt(0.4)], [np.sqrt(0.4), 1]])
    going_on = law.cdf([2.5, np.inf]) - law.cdf([0.3, np.inf])
    low = law.cdf([2.5, 2.0]) - law.cdf([0.3, 2.0])
    assert found.efficacy[0] == pytest.approx(norm.sf(2.5 - drift * np.sqrt(0.4)), abs=1e-9)
    assert found.futility == pytest.approx([norm.cdf(0.3 - drift * np.sqrt(0.4)), low], abs=1e-5)
    assert found.efficacy[1] == pytest.approx(going_on - low, abs=1e-5)


def test_one_look_is_a_normal():
    bounds = gs.Bounds(np.ones(1), np.array([1.959964]), np.array([-np.inf]))
    assert gs.power(bounds, 0.0) == pytest.approx(0.025, abs=1e-7)
    assert gs.drift_for(bounds, 0.9) == pytest.approx(1.959964 + 1.281552, abs=1e-5)


@pytest.mark.parametrize("binding", [True, False])
def test_both_errors_are_spent(binding):
    """The type II error at the drift is what was asked for; the level with the lower bounds obeyed where they bind, and
    without them where they do not. By Monte Carlo too.
    """
    t = np.array([1 / 3, 2 / 3, 1.0])
    alpha, beta = spent("obrien_fleming", t, 0.025), spent("hwang_shih_decani", t, 0.1, -2.0)
    bounds, drift = gs.with_futility(t, alpha, beta, binding)
    np.testing.assert_allclose(gs.crossed(bounds, drift).futility.cumsum(), beta, atol=1e-7)
    np.testing.assert_allclose(gs.crossed(bounds, 0.0, obeyed=binding).efficacy.cumsum(), alpha, atol=1e-7)
    assert bounds.futility[-1] == bounds.efficacy[-1]
    steps = np.random.default_rng(5).normal(drift / 3, np.sqrt(1 / 3), (60_000, 3))
    z = steps.cumsum(axis=1) / np.sqrt(t)
    first = np.argmax((z >= bounds.efficacy) | (z < bounds.futility), axis=1)
    wins = (z[np.arange(len(z)), first] >= bounds.efficacy[first]).mean()
    assert wins == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 60_000))


def test_looks_at_almost_the_same_time_are_seen_as_one():
    bounds = gs.Bounds(np.array([0.5, 0.51, 1.0]), np.array([2.2, 2.2, 50.0]), np.full(3, -np.inf))
    z = np.random.default_rng(1).normal(size=(400_000, 2))
    first = z[:, 0]
    second = (first * np.sqrt(0.5) + z[:, 1] * 0.1) / np.sqrt(0.51)
    either = ((first >= 2.2) | (second >= 2.2)).mean()
    assert gs.power(bounds, 0.0) == pytest.approx(either, abs=4 * np.sqrt(either / 400_000))


def test_looks_without_new_information_are_refused():
    with pytest.raises(ValueError, match=r"0\.5 after 0\.5; looks must rise"):
        gs.efficacy_bounds([0.5, 0.5, 1.0], [0.01, 0.02, 0.025])


def test_bounds_of_a_steep_shape_have_their_level_or_are_refused():
    """Wang-Tsiatis with delta 20 at thirds: the first bound near 0 let half through; bounds below 0 reach no level."""
    t = np.array([1 / 3, 2 / 3, 1.0])
    steep = gs.shaped_bounds(t, shape("wang_tsiatis", t, 20.0), 0.025)
    none = np.full(3, -np.inf)
    assert gs.crossed(gs.Bounds(t, steep, none)).efficacy.sum() == pytest.approx(0.025, abs=1e-8)
    with pytest.raises(ValueError, match="do not have level"):
        gs.shaped_bounds(t, [-1.0, -1.0, -1.0], 0.025)
