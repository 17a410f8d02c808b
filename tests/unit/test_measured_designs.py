"""Measured endpoints in designs: many trials at once against one at a time, and one trial analysed as planned."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from design_pools import fixed, uniforms
from scipy.stats import nct, norm, t

from analysis.designs import draw
from analysis.designs.nulls import under_null
from analysis.designs.plan import Claim
from analysis.designs.pool import Pool
from analysis.designs.seen import ValuesSeen, logarithms, truth
from analysis.designs.tried import conducted
from analysis.statistics import many_trials, multiplicity, proportions
from analysis.statistics.least_squares import adjusted_difference
from analysis.statistics.measured_comparison import People, compared
from analysis.statistics.planned import adjusted
from analysis.statistics.ranks import hodges_lehmann, van_elteren
from analysis.statistics.sequential import Bounds
from trial.app.design_family import family_of
from trial.app.designing import in_design, trials_of
from trial.study.analysis_plan import ComparisonMethod
from trial.study.design_plan import DesignPlan
from trial.study.load import load_study

PHASE_3 = load_study(Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml")
METHODS = ("ancova", "ancova_log", "hodges_lehmann")


def pool(seed=1, effects=(8.0, 5.0, 0.0), people=60, groups=20, arms=PHASE_3.arm_ids, code="MAXDUR"):
    """Values that follow the baseline count and the stratum; some are not known, some are the same."""
    rng = np.random.default_rng(seed)
    stratum = rng.choice(3, size=(groups, people), p=(0.5, 0.3, 0.2))
    baseline = rng.uniform(2, 30, (groups, people)).round()
    value = 20 + baseline[:, None] + 4 * stratum[:, None] + np.array(effects)[:, None]
    value = np.maximum(value + rng.normal(0, 12, (groups, len(effects), people)).round(), 1.0)
    value[rng.random(value.shape) < 0.06] = np.nan
    yes = np.where(np.isnan(value), np.nan, value > 38)
    return Pool(arms, {code: value, "RESPW8": yes, "RESCUE": 1 - yes}, stratum, ("a", "b", "c"), 56, baseline)


def trials_at_random(many=40, n=30):
    """Values, arms of four of which some are empty, strata of which some do not occur."""
    rng = np.random.default_rng(8)
    arm, stratum = (rng.choice(4, (many, n), p=(0.4, 0.3, 0.27, 0.03)) for _ in range(2))
    baseline = rng.uniform(2, 30, (many, n))
    value = (baseline + 3 * arm + rng.normal(0, 6, (many, n))).round()
    value[rng.random((many, n)) < 0.1] = np.nan
    return value, arm, stratum, baseline


def test_covariance_of_many_trials_is_that_of_each():
    value, arm, stratum, baseline = trials_at_random()
    found, seen = many_trials.adjusted_differences(value, arm, 2, 4, baseline, stratum), 0
    for k in range(len(value)):
        ok = ~np.isnan(value[k])
        given = value[k][ok], arm[k][ok], baseline[k][ok], stratum[k][ok]
        for a in (0, 1, 3):
            one = adjusted_difference(given[0], given[1], (a, 2), given[2], given[3])
            assert found.estimate[k, a] == pytest.approx(float(one.interval.estimate), rel=1e-10, nan_ok=True)
            p = 2 * t.sf(abs(found.estimate[k, a] / found.error[k, a]), found.df[k])
            assert p == pytest.approx(one.p, rel=1e-10, nan_ok=True)
            assert norm.cdf(-abs(found.z(a)[k])) == pytest.approx(one.p / 2, rel=1e-10, nan_ok=True)
            seen += np.isnan(one.p)
    assert 0 < seen < 40  # trials whose rare arm is empty


def test_a_difference_that_the_baseline_and_the_strata_take_or_that_fits_is_not_told():
    """Arms that are the strata; everybody the same value; one value of baseline is no covariate."""
    arm, value = np.array([[0, 0, 0, 1, 1, 1]]), np.array([[1.0, 2, 3, 3, 5, 4]])
    flat = np.ones((1, 6))
    told = partial(many_trials.adjusted_differences, reference=1, arms=2)
    assert np.isnan(told(value, arm, baseline=flat, stratum=arm).z(0)).all()
    assert np.isnan(told(flat, arm, baseline=flat, stratum=0 * arm).z(0)).all()
    assert told(value, arm, baseline=flat, stratum=0 * arm).error[0, 0] == pytest.approx(np.sqrt(2 / 3))


def test_ranks_of_many_trials_are_those_of_each():
    value, arm, stratum, _ = trials_at_random()
    first = arm == 0
    (z, same), shift = many_trials.rank_sums(value, first, stratum), many_trials.shifts(value, first)
    for k in range(len(value)):
        ok = ~np.isnan(value[k])
        v, mine = value[k][ok], first[k][ok]
        assert 2 * norm.cdf(-abs(z[k])) == pytest.approx(van_elteren(v, mine, stratum[k][ok]), rel=1e-10)
        assert shift[k] == hodges_lehmann(v[mine], v[~mine]).interval.estimate
    assert not same.any()


def test_ranks_without_a_difference_or_without_an_arm():
    """All the same: Z 0, said; a stratum with one group says nothing; ranks by hand: 3, 4 of 1 to 4."""
    first = np.array([[True, True, False, False]])
    one, apart = np.zeros((1, 4), dtype=int), np.array([[0, 0, 1, 1]])
    assert [float(x[0]) for x in many_trials.rank_sums(np.ones((1, 4)), first, one)] == [0, 1]
    z, same = many_trials.rank_sums(np.array([[3.0, 4, 1, 2]]), first, apart)
    assert np.isnan(z[0]) and not same[0]
    z, _ = many_trials.rank_sums(np.array([[3.0, 4, 1, 2]]), first, one)
    assert z[0] == pytest.approx(2 / np.sqrt(2 * 2 * 5 / 12))


def drawn(ours, design, group, number=0):
    """The first trial of a sub-pool, by the functions that draw it: who, and which arm."""
    n, make = design.largest, partial(uniforms(3), group=group, number=number)
    uniform = make(name="patients", many=ours.per_group).reshape(1, -1)
    who = draw.patients(uniform, n)[:1]
    active = np.ones((1, len(design.ratio)), dtype=bool)
    arm = draw.allocated(
        ours.stratum[group][who], design.ratio, design.repeats, active, lambda many: make(name="arms", many=many)
    )
    return who[0], arm[0]


@pytest.mark.parametrize("measured", METHODS)
def test_one_trial_is_analysed_as_the_study_plans(measured):
    """p, estimate and Holm's decisions of each trial, by the functions of the report on its patients."""
    said = DesignPlan(id="d", study="s", sizes=(50,), endpoint="MAXDUR", multiplicity={"procedure": "holm"})
    method = PHASE_3.analysis.method.model_copy(update={"measured": measured})
    whole = PHASE_3.model_copy(update={"analysis": PHASE_3.analysis.model_copy(update={"method": method})})
    study = in_design(said, whole)
    design, ours = trials_of(said, study, 50, 56), pool(1, (15.0, 10.0, 0.0))
    found = conducted(ours, design, method, 20, uniforms(3))
    rejected = []
    for g in range(20):
        who, arm = drawn(ours, design, g)
        value = ours.outcomes["MAXDUR"][g][arm, who]
        ok = ~np.isnan(value)
        people = People(value[ok], arm[ok], ours.stratum[g][who][ok], ours.baseline[g][who][ok])
        one = list(compared(people, study).values())
        p = np.array([each.p for each in one])
        assert 2 * norm.cdf(-np.abs(found.z[g])) == pytest.approx(p, rel=1e-10)
        gain = np.array([float(each.interval.estimate) for each in one])
        gain = np.log(gain) if measured == "ancova_log" else gain
        assert found.difference[g] == pytest.approx(gain, rel=1e-9)
        family = family_of(said, study)
        assert adjusted(p, family, study) == pytest.approx(multiplicity.holm(p))
        rejected.append((multiplicity.holm(p) <= 0.05) & (gain > 0))
    assert (found.rejected == np.array(rejected)).all()
    assert 0.1 < found.rejected.mean() < 0.9


WEIGHTS = {"HETROM-5": 0.5, "HETROM-2.5": 0.5}
GRAPH = {
    "procedure": "graphical", "hypotheses": ["HETROM-2.5", "HETROM-5", "RESCUE:HETROM-2.5", "RESCUE:HETROM-5"],
    "weights": WEIGHTS,
    "transitions": {
        "HETROM-2.5": {"HETROM-5": 0.5, "RESCUE:HETROM-2.5": 0.5},
        "HETROM-5": {"HETROM-2.5": 0.5, "RESCUE:HETROM-5": 0.5},
        "RESCUE:HETROM-2.5": {"HETROM-5": 1.0}, "RESCUE:HETROM-5": {"HETROM-2.5": 1.0},
    },
}  # fmt: skip
"""Two doses and two endpoints: the graph of Bretz et al. 2009, figure 5, with half the level at each dose."""
TO = np.array([[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]])


def test_a_graph_over_doses_and_endpoints_is_that_of_one_trial():
    """Counts of each trial within strata by hand, the test and the graph of analysis/statistics."""
    said = DesignPlan(id="d", study="s", sizes=(54,), multiplicity=GRAPH)
    study = in_design(said, PHASE_3)
    design, ours = trials_of(said, study, 54, 56), pool(2, (14.0, 10.0, 0.0))
    assert [(c.name, c.endpoint, c.arm, c.better) for c in design.claims] == [
        ("HETROM-2.5", "RESPW8", 0, 1), ("HETROM-5", "RESPW8", 1, 1),
        ("RESCUE:HETROM-2.5", "RESCUE", 0, -1), ("RESCUE:HETROM-5", "RESCUE", 1, -1),
    ]  # fmt: skip
    found = conducted(ours, design, ComparisonMethod(), 20, uniforms(3))
    for g in range(20):
        who, arm = drawn(ours, design, g)
        stratum, p = ours.stratum[g][who], []
        for claim in design.claims:
            v = ours.outcomes[claim.endpoint][g][arm, who]
            cells = [
                [f(v[(arm == a) & (stratum == s) & ~np.isnan(v)]) for s in range(3)]
                for a in (claim.arm, 2) for f in (np.sum, len)
            ]  # fmt: skip
            test = proportions.cmh_test(*(np.array(c, float)[None] for c in cells))
            better = claim.better * proportions.common_difference(*(np.array(c, float)[None] for c in cells))[0] > 0
            p.append(test.p[0] if better else 2 - test.p[0])
        judged = multiplicity.graphical(np.minimum(p, 1.0), [0.5, 0.5, 0, 0], TO)
        one_sided = multiplicity.graphical(norm.sf(found.z[g]), [0.5, 0.5, 0, 0], TO)
        assert 2 * norm.sf(found.z[g]) == pytest.approx(p, rel=1e-10)
        assert np.minimum(2 * one_sided, 1) == pytest.approx(judged, rel=1e-10)
        assert (found.rejected[g] == (judged <= 0.05)).all()
    assert 0.1 < found.rejected.mean() < 0.9


def test_nulls_of_several_endpoints_leave_the_others_as_they_are():
    ours = pool()
    claims = (Claim("A", "MAXDUR", 0, measured=True), Claim("B", "RESPW8", 0), Claim("C", "MAXDUR", 1, measured=True))
    found = under_null(ours, claims[:1], 2, uniforms(1))
    np.testing.assert_array_equal(found.outcomes["MAXDUR"][:, 0], ours.outcomes["MAXDUR"][:, 2])
    np.testing.assert_array_equal(found.outcomes["MAXDUR"][:, 1], ours.outcomes["MAXDUR"][:, 1])
    np.testing.assert_array_equal(found.outcomes["RESPW8"], ours.outcomes["RESPW8"])
    worse = [replace(claims[0], margin=3.0, better=-1)]
    moved = under_null(ours, worse, 2, uniforms(1)).outcomes["MAXDUR"]
    np.testing.assert_array_equal(moved[:, 0], ours.outcomes["MAXDUR"][:, 2] + 3)


def normal(effect, people=20_000, groups=20, shift=0.0):
    """Standard normal values, an arm and the reference."""
    value = np.random.default_rng(3).normal(0, 1, (groups, 2, people // groups)) + shift
    value[:, 0] += effect
    zero = np.zeros((groups, people // groups), dtype=int)
    return Pool(("A0", "A1"), {"E": value}, zero, ("",), 56, zero.astype(float))


@pytest.mark.parametrize(("margin", "effect", "better"), [(0.0, 0.7, 1), (0.5, 0.2, 1), (0.5, -0.2, -1)])
def test_power_of_means_is_that_of_the_noncentral_t(margin, effect, better):
    """20 an arm, no covariate that varies; the true gain plus the margin is 0.7 SD."""
    claim = Claim("A", "E", 0, better, margin, True, "d")
    design = replace(fixed(40), ratio=(1, 1), repeats=20, claims=(claim,))
    found = conducted(normal(effect), design, ComparisonMethod(measured="ancova"), 2_000, uniforms(2))
    expected = nct.sf(t.ppf(0.975, 38), 38, 0.7 / np.sqrt(2 / 20))
    assert found.rejected.mean() == pytest.approx(expected, abs=0.04)  # 3.5 errors
    ranks = conducted(normal(effect), design, ComparisonMethod(measured="hodges_lehmann"), 400, uniforms(2))
    assert ranks.rejected.mean() == pytest.approx(expected - 0.02, abs=0.09)  # efficiency 3 / pi
    assert ranks.difference.mean() == pytest.approx(effect, abs=0.06)


@pytest.mark.parametrize("adapt", ["none", "drop_arms", "select", "sample_size"])
def test_looks_and_stages_put_patients_together(adapt):
    """The difference at the end is that of all patients who came; of the first look alone where the trial stopped."""
    claim = Claim("A", "E", 0, measured=True)
    low = np.array([-9.0 if adapt != "sample_size" else -np.inf, -np.inf])
    design = replace(
        fixed(40), claims=(claim,), sizes=(20, 40), bounds=Bounds(np.array([0.5, 1]), np.array([9.0, 1.96]), low),
        adapt=adapt, most=80,
    )  # fmt: skip
    found = conducted(normal(1.0, 4_000), design, ComparisonMethod(measured="ancova"), 400, uniforms(2))
    assert found.difference.mean() == pytest.approx(1.0, abs=0.06)
    assert found.difference.std() == pytest.approx(np.sqrt(4 / found.size.mean()), rel=0.15)
    assert found.rejected.mean() > 0.8


def test_logarithms_need_values_above_0_and_estimates_have_their_truth():
    found = logarithms(np.array([[1.0, np.e, np.nan], [1.0, 0.0, 2.0]]))
    np.testing.assert_allclose(found, [[0, 1, np.nan], [np.nan] * 3])
    ours, claim = normal(0.5, shift=9.0), Claim("A", "E", 0, measured=True)
    for measured, expected in (("ancova", 0.5), ("hodges_lehmann", 0.5), ("ancova_log", np.log(9.5 / 9))):
        each = truth(ours, claim, 1, ComparisonMethod(measured=measured))
        assert each.shape == (20,) and each.mean() == pytest.approx(expected, abs=0.06 if expected > 0.1 else 0.008)


def test_one_value_alone_cannot_be_compared():
    ones = np.ones((2, 12))
    arm = np.tile([0, 1], (2, 6))
    seen = ValuesSeen(ones, arm, np.zeros_like(arm), ones, 2)
    for measured in METHODS:
        found = seen.compared([Claim("A", "E", 0, measured=True)], 1, ComparisonMethod(measured=measured))[0]
        assert found.untested.all() and not (found.z > 0).any()


def test_an_arm_of_one_patient_is_compared():
    """Without covariates the error is sqrt(s^2 (1 + 1/3)), s^2 that of the arm of three, by hand: 1."""
    value, arm = np.array([[5.0, 1.0, 2.0, 3.0]]), np.array([[0, 1, 1, 1]])
    flat = np.ones((1, 4))
    found = many_trials.adjusted_differences(value, arm, 1, 2, flat, 0 * arm)
    assert found.estimate[0, 0] == pytest.approx(3.0) and found.df[0] == 2
    assert found.error[0, 0] == pytest.approx(np.sqrt(4 / 3))
