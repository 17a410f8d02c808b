"""What holds of any plan of stages, on plans, counts and missed visits made at random; without equations."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import size

from trial.engine.visit_decisions import apply_rules, start_course

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from hand_made import unit

WEEKS = 10
PATIENTS = 4
LADDERS = {"ladder": [2.5, 5.0, 7.5], "wide": [2.5, 5.0, 7.5, 10.0]}
RULES = {
    name: {"ladder_mg": rungs, "source": "test", "restart": {"below_1e9L": 100},
           "steps": [{"action": "interrupt", "at_least_1e9L": 250}, {"action": "increase", "below_1e9L": 50}]}
    for name, rungs in LADDERS.items()
}  # fmt: skip
CONDITIONS = st.one_of(
    st.builds(lambda low, k: {"at_least_1e9L": low, "visits": k}, st.integers(10, 300), st.integers(1, 3)),
    st.builds(lambda high: {"below_1e9L": high}, st.integers(10, 300)),
    st.builds(lambda drug: {"drug": drug}, st.sampled_from(("on", "off"))),
)


@st.composite
def plans(draw):
    """Two to four stages of whole weeks within ten, and the counts of four patients, some of them missed."""
    cuts = sorted(draw(st.sets(st.integers(1, WEEKS - 1), min_size=1, max_size=3)))
    weeks = [b - a for a, b in pairwise((0, *cuts, WEEKS))]
    stages = [{"id": "S0", "days": 7 * weeks[0]}]
    for k, length in enumerate(weeks[1:], start=1):
        stage = {"id": f"S{k}", "days": 7 * length, "drug": draw(st.booleans())}
        if draw(st.booleans()):
            stage["enters"] = draw(CONDITIONS)
            if k + 1 < len(weeks) and draw(st.booleans()):
                stage["otherwise"] = f"S{k + 1}"
        if draw(st.booleans()):
            stage["until"] = draw(CONDITIONS)
        again = stage["drug"] and (not stages[-1].get("drug", True) or draw(st.booleans()))
        if again:
            change = {
                "start_dose_mg": draw(st.sampled_from((2.5, 5, 7.5))),
                "dose_rule": draw(st.sampled_from(tuple(RULES))),
            }
            stage["arms"] = {"DRUG": change, "SHAM": change | {"placebo": draw(st.booleans())}}
        stages.append(stage)
    counts = draw(
        st.lists(st.lists(st.integers(1, 400), min_size=WEEKS, max_size=WEEKS), min_size=PATIENTS, max_size=PATIENTS)
    )
    missed = draw(st.lists(st.booleans(), min_size=PATIENTS * WEEKS, max_size=PATIENTS * WEEKS))
    seen = np.where(
        np.reshape(missed, (PATIENTS, WEEKS)) & (np.arange(WEEKS) % 3 == 0), np.nan, np.array(counts, float)
    )
    return stages, seen


def passed(stages, counts):
    """The unit, the course after every visit and what was decided, from the start on."""
    study = {"stages": stages, "treatment_days": None, "dose_rules": RULES, "analysis": {"assessment_day": 7}}
    u = unit(arm=(0, 1) * (PATIENTS // 2), study=study)
    course, begin = start_course(u)
    found = [(course, begin)]
    for visit, count in enumerate(counts.T, start=1):
        gone = u.drawn.visit_day[:, visit] >= course.place.leave_day
        course, made = apply_rules(u, course, np.where(gone, np.nan, count), visit)
        found.append((course, made))
    return u, found


def check(plan):
    stages, counts = plan
    u, found = passed(stages, counts)
    stage = np.array([made.stage for _, made in found])
    assert (np.diff(stage, axis=0) >= 0).all() and stage.max() <= len(stages), "nobody goes back"
    leave = found[-1][0].place.leave_day
    for (course, _), (after, made) in pairwise(found):
        entered = after.place.stage != course.place.stage
        began = np.isin(after.place.entered[entered], made.day[entered] - u.study.laboratory.turnaround_days)
        assert began.all(), "a stage begins at a visit"
        gone = course.place.leave_day < made.day
        assert (made.stage[gone] == course.place.stage[gone]).all(), "who has left passes nowhere"
        for i in range(PATIENTS):
            if made.stage[i] == len(stages) or not stages[made.stage[i]].get("drug", True):
                assert made.dose_mg[i] == 0, "no study drug where there is none"
            assert made.dose_mg[i] in (0, 2.5, 5, 7.5, 10), "from the ladder"
    refusing = [k for k, s in enumerate(stages) if "enters" in s and s.get("otherwise", "leaves") == "leaves"]
    assert refusing or (leave > 70).all(), "nobody leaves where nobody is refused"


@given(plans())
@settings(max_examples=25, deadline=None)
def test_laws_of_stages(plan):
    check(plan)


@pytest.mark.slow
@given(plans())
@settings(max_examples=size(200, 2000), deadline=None)
def test_laws_of_stages_in_many_plans(plan):
    check(plan)


@given(plans())
@settings(max_examples=15, deadline=None)
def test_later_stages_change_nothing_of_the_first(plan):
    """Doses and actions up to the visit that ends the first stage are those of the trial that has no other."""
    stages, counts = plan
    first = stages[0] | {"days": 70}
    visits = stages[0]["days"] // 7
    (_, whole), (_, alone) = passed(stages, counts), passed([first], counts)
    for (_, a), (_, b) in zip(whole[:visits], alone[:visits], strict=True):
        assert a.dose_mg.tolist() == b.dose_mg.tolist() and a.action.tolist() == b.action.tolist()
