"""The pool method against trials that are independent, and against powers that are known: two minutes of CPU, so
part of ``make validate`` and of no other run (its name is none that pytest looks for).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from design_pools import exact_power, fixed, pool, uniforms

from analysis.designs.measures import measured_over
from analysis.designs.plan import Claim, DoseTest
from analysis.designs.pool import Pool
from analysis.designs.tried import conducted
from analysis.statistics import multiplicity, proportions
from analysis.statistics import sequential as gs
from analysis.statistics.dose_response import emax, linear
from analysis.statistics.spending import shape, spent
from trial.study.analysis_plan import ComparisonMethod

CMH = ComparisonMethod()
STRATA = ((0.5, 0.0), (0.3, 0.05), (0.2, -0.02))


def test_the_interval_of_the_pool_covers_the_known_power_in_91_to_98_of_100():
    """200 settings of two arms, 20 to 200 patients, rates 0.05 to 0.8, pools of 8,000 patients, 400 trials."""
    rng, inside = np.random.default_rng(2026), []
    for setting in range(200):
        half = int(rng.integers(10, 101))
        base = rng.uniform(0.05, 0.5)
        rates = base + rng.uniform(0.05, 0.3), base
        true = exact_power(half, rates[0], half, rates[1])
        design = replace(fixed(2 * half), ratio=(1, 1), repeats=half)
        found = conducted(pool(setting, rates, 8_000), design, CMH, 400, uniforms(setting))
        _, _, low, high = measured_over(found.rejected[:, 0].astype(float), found.group, True)
        inside.append(low <= true <= high)
    print(f"95 % intervals, 200 settings: covered {100 * np.mean(inside):.1f} %")
    assert 0.91 <= np.mean(inside) <= 0.98


def looks(kind, t, futility=None, binding=False):
    t = np.array(t)
    if kind in ("pocock_exact", "obrien_fleming_exact"):
        high = gs.shaped_bounds(t, shape(kind, t), 0.025)
    else:
        high = gs.efficacy_bounds(t, spent(kind, t, 0.025))
    low = np.full(len(t), -np.inf) if futility is None else np.array([*futility, -np.inf])
    if binding:
        high = gs.efficacy_bounds(t, spent(kind, t, 0.025), low)
    return gs.Bounds(t, high, low, binding)


def holm(p):
    return multiplicity.holm(p)


T3 = (1 / 3, 2 / 3, 1.0)
NONE = gs.Bounds(np.array([0.5, 1.0]), np.array([38.0, 1.959964]), np.full(2, -np.inf))
UPPER = {"levels": lambda level: gs.efficacy_bounds(T3, spent("obrien_fleming", np.array(T3), level))}
DESIGNS = {
    "fixed, 60": (fixed(60), 0.3),
    "fixed, 424, 3 %": (fixed(424), 0.03),
    "three arms, Holm": (replace(fixed(150, 3), adjust=holm), 0.2),
    "O'Brien-Fleming type": (replace(fixed(150), sizes=(50, 100, 150), bounds=looks("obrien_fleming", T3)), 0.3),
    "Pocock, exact": (replace(fixed(150), sizes=(50, 100, 150), bounds=looks("pocock_exact", T3)), 0.3),
    "futility, not binding": (
        replace(fixed(150), sizes=(50, 100, 150), bounds=looks("obrien_fleming", T3, (0.0, 0.5))), 0.3,
    ),
    "futility, binding": (
        replace(fixed(150), sizes=(50, 100, 150), bounds=looks("pocock", T3, (0.0, 0.5), True)), 0.3,
    ),
    "arms dropped, Holm": (
        replace(fixed(180, 3), sizes=(60, 120, 180), bounds=looks("obrien_fleming", T3, (0.2, 0.5)), adjust=holm,
                adapt="drop_arms", stop_on="all", **UPPER), 0.3,
    ),
    "dose selection": (replace(fixed(160, 4), sizes=(80, 160), bounds=NONE, adapt="select"), 0.3),
    "sample size": (replace(fixed(100), sizes=(50, 100), bounds=NONE, adapt="sample_size", most=200), 0.3),
}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_the_size_is_that_of_independent_trials(name):
    """Pool of 40,000 patients, no difference, against trials each of patients of its own."""
    design, rate = DESIGNS[name]
    arms = len(design.ratio)
    strata = STRATA if rate > 0.1 else ((1.0, 0.0),)
    found = conducted(pool(7, (rate,) * arms, strata=strata), design, CMH, 10_000, uniforms(8))
    mean, error, _, _ = measured_over(found.rejected.any(axis=1).astype(float), found.group, True)
    many = 5_000
    own = pool(9, (rate,) * arms, many * design.largest, many, strata)
    alone = conducted(own, design, CMH, many, uniforms(10))
    true = alone.rejected.any(axis=1).mean()
    both = np.hypot(error, np.sqrt(true * (1 - true) / many))
    print(f"{name}: pool {100 * mean:.2f} ± {100 * error:.2f} %, independent {100 * true:.2f} %")
    assert abs(mean - true) <= 3 * both
    assert true <= 0.035


SHAPES = (linear(), emax(2.0), emax(4.0, 4.0))
DOSES = DoseTest(np.array([0.0, 2.5, 5.0, 7.5]), np.array([1, 2, 3, 0]), SHAPES, 1, 0.025)
MEASURED = tuple(Claim(f"A{k}", "E", k, measured=True) for k in range(3))
EXACT = {
    "means, one arm": ("ancova", replace(fixed(40), claims=MEASURED[:1])),
    "means, two looks": (
        "ancova",
        replace(fixed(200), claims=MEASURED[:1], sizes=(100, 200), bounds=looks("obrien_fleming", (0.5, 1.0))),
    ),
    "ranks, one arm": ("hodges_lehmann", replace(fixed(40), claims=MEASURED[:1])),
    "means by dose, MCP-Mod": ("ancova", replace(fixed(48, 4), claims=MEASURED, dose=DOSES)),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_size_of_measured_designs_is_the_level(name):
    """Values that follow baseline and stratum, no difference: tests of means are exact, of ranks and looks nearly."""
    measured, design = EXACT[name]
    rng = np.random.default_rng(11)
    stratum, baseline = rng.integers(0, 3, (20, 4_000)), rng.uniform(2, 30, (20, 4_000))
    value = np.repeat(
        (rng.normal(0, 5, stratum.shape) + (0 if design.dose else baseline + stratum))[:, None], 4, axis=1
    )
    ours = Pool(tuple("ABCD"), {"E": value}, stratum, tuple("abc"), 56, baseline)
    found = conducted(ours, design, ComparisonMethod(measured=measured), 20_000, uniforms(12), estimated=False)
    mean, error, _, _ = measured_over(found.rejected.any(axis=1).astype(float), found.group, True)
    print(f"{name}: pool {100 * mean:.2f} ± {100 * error:.2f} %, level 2.50 %")
    assert abs(mean - 0.025) <= 3 * error + (0.002 if "ranks" in name or "looks" in name else 0)


def test_group_sequential_power_is_that_of_independent_binomials_and_of_the_theory():
    """Three looks of 400 patients, 0.45 against 0.3, by numpy's binomials and the test alone."""
    bounds = looks("obrien_fleming", T3)
    design = replace(fixed(402), sizes=(134, 268, 402), bounds=bounds)
    found = conducted(pool(3, (0.45, 0.3), 80_000), design, CMH, 10_000, uniforms(4))
    mean, error, _, _ = measured_over(found.rejected[:, 0].astype(float), found.group, True)
    rng, n = np.random.default_rng(5), 20_000
    x, y = (rng.binomial(67, p, (n, 3)).cumsum(axis=1) for p in (0.45, 0.3))
    size = 67 * np.arange(1, 4) * np.ones((n, 1))
    z = np.sqrt(proportions.cmh_test(*(v[..., None] for v in (x, size, y, size))).statistic) * np.sign(x - y)
    true = (z >= bounds.efficacy).any(axis=1).mean()
    theory = gs.power(bounds, 0.15 / np.sqrt(0.375 * 0.625 * 4 / 402))
    print(f"power of three looks: pool {mean:.4f} ± {error:.4f}, binomials {true:.4f}, theory {theory:.4f}")
    assert abs(mean - true) <= 3 * np.hypot(error, np.sqrt(true * (1 - true) / n))
    assert abs(theory - true) < 0.02


def test_the_median_unbiased_estimate_is_above_the_truth_in_half_of_the_trials():
    from analysis.designs.measures import Operating, estimate_rows

    bounds = looks("obrien_fleming", T3, (0.0, 0.5))
    design = replace(fixed(402), sizes=(134, 268, 402), bounds=bounds)
    ours = pool(3, (0.45, 0.3), 80_000)
    found = conducted(ours, design, CMH, 10_000, uniforms(4))
    blank = Operating("d", "s", "as simulated", 402, "", "", 0.0, 0.0, 0.0, 0.0, 0, "share")
    rows = {row.measure: row for row in estimate_rows(blank, found, design, ours.differences("E", 0, 1)[:, None])}
    for row in rows.values():
        print(row.measure, round(row.value, 4), round(row.error, 4))
    assert rows["bias_naive"].value > 2 * rows["bias_naive"].error
    assert abs(rows["estimate_above"].value - 0.5) < 3 * rows["estimate_above"].error + 0.01
    assert abs(rows["coverage_adjusted"].value - 0.95) < 3 * rows["coverage_adjusted"].error + 0.01
    assert rows["coverage_repeated"].value > 0.94
