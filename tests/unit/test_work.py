"""Replicates enrolled together are those enrolled alone; counts of screening go with the first patient of each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trial.jobs.work import Enrolment, enrolment
from trial.study.load import load_study

SMOKE = "configs/smoke.yaml"
ALONE = {
    "plain": [],
    "uncertain": ["parameter_uncertainty=true"],
    "counterfactual": ["allocation=counterfactual"],
    "picky": ["screening.platelets_below_1e9L=8", "screening.age_at_least_y=60"],
}


def same(together: Enrolment, alone: list[Enrolment]) -> None:
    """Every array of the enrolment is, bit for bit, those of its replicates one after another."""

    def check(found, parts):
        expected = np.concatenate(parts)
        assert found.dtype.kind == expected.dtype.kind and found.tolist() == expected.tolist()

    for name in ("subject", "arm", "stratum"):
        check(getattr(together, name), [getattr(e, name) for e in alone])
    for field in ("columns", "parameters"):
        mine = getattr(together.cohort, field)
        for name, values in mine.items():
            check(values, [getattr(e.cohort, field)[name] for e in alone])
    check(together.cohort.trueplat0, [e.cohort.trueplat0 for e in alone])
    check(together.cohort.draws.replicate, [e.cohort.draws.replicate for e in alone])
    check(together.cohort.draws.candidate, [e.cohort.draws.candidate for e in alone])
    check(together.cohort.draws.normal("x", 3), [e.cohort.draws.normal("x", 3) for e in alone])
    assert together.cohort.flows == {k: flow for e in alone for k, flow in e.cohort.flows.items()}


@pytest.mark.parametrize("kind", ALONE)
@given(patients=st.integers(1, 90), replicates=st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True))
@settings(max_examples=6, deadline=None)
def test_replicates_enrolled_together_are_those_enrolled_alone(kind, patients, replicates):
    study = load_study(SMOKE, [*ALONE[kind], f"patients={patients}"])
    same(enrolment(study, replicates), [enrolment(study, r) for r in replicates])


def test_only_some_replicates_need_another_round_of_screening():
    """Twelve of a first 24 candidates, in a trial that takes a little more than half: some replicates have to go on."""
    study = load_study(SMOKE, ["patients=12", "screening.platelets_below_1e9L=25"])
    several = enrolment(study, range(12))
    same(several, [enrolment(study, r) for r in range(12)])
    seen = [flow["screened"] for flow in several.cohort.flows.values()]
    assert min(seen) <= 24 < max(seen)


def test_of_a_replicate_that_is_cut_the_first_part_has_the_screening():
    whole = enrolment(load_study(SMOKE), 0)
    first, second = whole.take(0, 30), whole.take(30, 40)
    assert first.cohort.flows == whole.cohort.flows and second.cohort.flows == {}
    assert first.subject.tolist() == list(range(1, 31)) and second.subject.tolist() == list(range(31, 41))
    assert (second.arm == whole.arm[30:]).all() and (second.stratum == whole.stratum[30:]).all()
    assert np.array_equal(second.cohort.draws.uniform("y"), whole.cohort.draws.uniform("y")[30:])
