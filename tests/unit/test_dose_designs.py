"""MCP-Mod in designs: many trials at once against one at a time, and trials of a pool analysed as a study is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from design_pools import uniforms
from test_measured_designs import drawn

from analysis.designs.nulls import nulls
from analysis.designs.pool import Pool
from analysis.designs.tried import conducted
from analysis.statistics import dose_response
from analysis.statistics.dose_finding import logit_means, shape_of
from analysis.statistics.dose_trials import contrasts_of, dose_averages, dose_logits, signals
from trial.app.design_family import endpoint_of
from trial.app.designing import design_problems, in_design, trials_of, unadjusted
from trial.study.analysis_plan import ComparisonMethod
from trial.study.design_plan import DesignPlan
from trial.study.load import load_study

CMH = ComparisonMethod()
PHASE_3 = load_study(Path(__file__).parents[2] / "configs" / "designs" / "dose_selection_study.yaml")
SHAPES = [{"shape": "linear"}, {"shape": "emax", "ed50": 1.5}, {"shape": "sigmoid_emax", "ed50": 3, "hill": 3}]
DOSES = np.array([0.0, 2.5, 3.75, 5.0])
RISING = {"linear": dose_response.linear(), "emax": dose_response.emax(1.5), "bent": dose_response.emax(3.0, 3.0)}


def study(**more):
    """Three doses and placebo, with shapes."""
    said = {"shapes": SHAPES, "titrated": "start_dose"} | more
    analysis = PHASE_3.analysis.model_dump(exclude_unset=True) | {"dose_response": said}
    return PHASE_3.model_copy(update={"analysis": type(PHASE_3.analysis).model_validate(analysis)})


def plan(**more):
    return DesignPlan.model_validate({"id": "d", "study": "s.yaml", "sizes": [48], "test": "mcp_mod"} | more)


def pool(seed=1, rates=(0.5, 0.55, 0.6, 0.2), people=50, code="RESPW8"):
    """Yes or no of four arms, placebo last, some not known."""
    rng = np.random.default_rng(seed)
    yes = (rng.random((20, 4, people)) < np.array(rates)[:, None]).astype(float)
    yes[rng.random(yes.shape) < 0.05] = np.nan
    measured = 30 * yes + rng.normal(20, 18, yes.shape)
    zero = np.zeros((20, people), dtype=int)
    return Pool(PHASE_3.arm_ids, {code: yes, "PLTW8": measured}, zero, ("",), 56, zero.astype(float))


def means_of(ours, design, group, code):
    """The means at the doses of the first trial of a sub-pool, by the functions of analysis/statistics."""
    who, arm = drawn(ours, design, group)
    value, dose = ours.outcomes[code][group][arm, who], DOSES[[1, 2, 3, 0]][arm]
    ok = ~np.isnan(value)
    if code == "PLTW8":
        return dose_response.dose_means(value[ok], dose[ok])
    events, sizes = (np.array([f(value[ok & (dose == d)]) for d in DOSES], float) for f in (np.sum, len))
    return logit_means(events, sizes, DOSES)


@pytest.mark.parametrize("code", ["RESPW8", "PLTW8"])
def test_one_trial_is_tested_as_a_study_is(code):
    """t of every shape and what is below the level, of each of twenty trials."""
    said, asked = plan(endpoint=code), study()
    design, ours = trials_of(said, in_design(said, asked), 48, 56), pool()
    assert (design.dose.doses.tolist(), design.dose.of_arm.tolist()) == (DOSES.tolist(), [1, 2, 3, 0])
    found = conducted(ours, design, CMH, 20, uniforms(3))
    shapes = {one.name: shape_of(one) for one in asked.analysis.dose_response.shapes}
    for g in range(20):
        means = means_of(ours, design, g, code)
        _, t, correlation = dose_response.contrast_tests(means, shapes)
        assert found.z[g] == pytest.approx(t, rel=1e-10)
        below = dose_response.below_level(t, correlation, means.df, 0.025)
        assert (found.rejected[g] == below).all()
    assert 0.1 < found.rejected.mean() < 0.95


def test_fewer_of_what_is_worse_is_better():
    ours, said = pool(2, (0.3, 0.25, 0.2, 0.7), code="RESCUE"), plan(endpoint="RESCUE")
    design = trials_of(said, in_design(said, study()), 48, 56)
    found = conducted(ours, design, CMH, 20, uniforms(3))
    assert found.z.mean() > 2 and found.rejected.mean() > 0.5


def test_contrasts_and_signals_of_many_trials_are_those_of_each():
    """Counts with none or all at a dose; means of unequal groups; shapes more than dimensions."""
    rng, shapes = np.random.default_rng(6), [*RISING.values(), dose_response.quadratic(-0.1)]
    sizes = rng.integers(5, 20, (30, 4)).astype(float)
    events = rng.binomial(sizes.astype(int), np.array([0.1, 0.3, 0.4, 0.5])).astype(float)
    mean, variance = dose_logits(events, sizes)
    t, correlation = contrasts_of(mean, variance, DOSES, shapes)
    below = signals(t, correlation, np.full(30, np.inf), 0.025)
    for k in range(30):
        means = logit_means(events[k], sizes[k], DOSES)
        _, one, theirs = dose_response.contrast_tests(means, dict(enumerate(shapes)))
        assert t[k] == pytest.approx(one, rel=1e-10) and correlation[k] == pytest.approx(theirs, rel=1e-9)
        assert (below[k] == dose_response.below_level(one, theirs, np.inf, 0.025)).all()
    assert 0.1 < below.mean() < 0.9
    empty = dose_logits(np.zeros((1, 4)), np.array([[3.0, 3, 0, 3]]))
    assert np.isnan(empty[0]).all()


def test_averages_of_many_trials_are_those_of_each():
    rng = np.random.default_rng(7)
    value, dose = rng.normal(0, 1, (10, 25)), rng.integers(0, 4, (10, 25))
    value[rng.random(value.shape) < 0.1] = np.nan
    value[8, dose[8] == 1] = np.nan
    value[9] = dose[9]
    mean, variance, df = dose_averages(value, dose, 4)
    for k in range(8):
        ok = ~np.isnan(value[k])
        one = dose_response.dose_means(value[k][ok], DOSES[dose[k][ok]])
        assert mean[k] == pytest.approx(one.mean) and df[k] == one.df
        assert variance[k] == pytest.approx(np.diag(one.covariance))
    assert np.isnan(variance[8]).any() and np.isnan(variance[9]).all()


def test_equal_arms_have_a_signal_at_the_level_and_nothing_is_tested_without_a_difference():
    """Normal values: the test of all shapes together is exact, 2.5 %; of one value alone there is none."""
    said = plan(endpoint="PLTW8", sizes=[60])
    design = trials_of(said, in_design(said, study()), 60, 56)
    values = np.random.default_rng(9).normal(0, 1, (20, 4, 4_000))
    zero = np.zeros((20, 4_000), dtype=int)
    ours = Pool(PHASE_3.arm_ids, {"PLTW8": values}, zero, ("",), 56, zero.astype(float))
    found = conducted(ours, design, CMH, 6_000, uniforms(4))
    assert found.rejected.any(axis=1).mean() == pytest.approx(0.025, abs=3.5 * np.sqrt(0.025 * 0.975 / 6_000))
    alone = conducted(replace(ours, outcomes={"PLTW8": np.ones_like(values)}), design, CMH, 20, uniforms(4))
    assert alone.untested.all() and not alone.rejected.any()
    assert list(nulls(3, together=True)) == [(0, 1, 2)]


def test_the_endpoint_is_that_of_the_section_and_shapes_are_one_family():
    said, asked = plan(), study(endpoint="RESP1RF")
    assert endpoint_of(said, asked) == "RESP1RF" and endpoint_of(plan(endpoint="RESCUE"), asked) == "RESCUE"
    assert endpoint_of(plan(test="pairwise"), asked) == "RESPW8"
    design = trials_of(said, in_design(said, asked), 48, 56)
    assert [claim.name for claim in design.claims] == [one.name for one in asked.analysis.dose_response.shapes]
    assert design.adjust is None and unadjusted(said, asked) == ""


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ({"level": 0.05}, "level", "is 0.025; allowed: the same"),
        ({"looks": {"information": [0.5, 1]}}, "looks", "allowed: without"),
        ({"margin": 0.1}, "margin", "allowed: without"),
        ({"multiplicity": {"procedure": "holm"}}, "multiplicity", "allowed: without"),
        ({"adapt": {"kind": "select", "at": 0.5, "keep": 1}}, "adapt", "allowed: without"),
        ({"arms": ["HETROM-5", "Placebo"]}, "arms", "2 doses"),
        ({"criteria": ["bias_naive <= 0.1"]}, "criteria.0", "does not estimate"),
        ({"endpoint": "PLTW8", "assurance": {"parameters": "all"}}, "assurance", "yes or no"),
    ],
)
def test_what_does_not_go_with_it(more, place, words):
    asked = study().model_copy(update={})
    wide = asked.analysis.model_copy(update={"endpoints": (*asked.analysis.endpoints, "PLTW8")})
    found = list(design_problems(plan(**more), asked.model_copy(update={"analysis": wide})))
    assert [".".join(map(str, path)) for path, _ in found] == [place]
    assert words in found[0][1]


def test_shapes_are_needed():
    found = list(design_problems(plan(), PHASE_3))
    assert [(path, "which it does not have" in text) for path, text in found] == [(("test",), True)]


def test_a_dose_of_one_patient_has_a_logit():
    """Half an event and half a non-event at every dose: 1.5 of 2 and 0.5 of 3, by hand."""
    mean, variance = dose_logits(np.array([[1.0, 0.0]]), np.array([[1.0, 2.0]]))
    assert mean[0] == pytest.approx([np.log(3), np.log(0.2)])
    assert variance[0] == pytest.approx([1 / 1.5 + 1 / 0.5, 1 / 0.5 + 1 / 2.5])
