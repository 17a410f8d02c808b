"""What holds of any dose rule, on rules, counts and visits made at random."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import size

from trial.engine.apply_dose_rule import Action
from trial.engine.dosing import days_of, dose_mg
from trial.engine.frozen import frozen
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.study.dose_rule import DoseRule

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from hand_made import unit

COUNTS = st.integers(0, 600)
LEVELS = st.one_of(
    st.integers(1, 40),
    st.builds(lambda mg, every: {"dose_mg": mg, "every_days": every}, st.integers(1, 40), st.integers(2, 9)),
    st.builds(
        lambda mg, days, other: {"dose_mg": mg, "days_of_week": sorted(days), "otherwise_mg": other},
        st.integers(20, 40),
        st.sets(st.integers(0, 6), min_size=1, max_size=6),
        st.integers(0, 19),
    ),
)
ACTIONS = ("increase", "decrease", "keep", "interrupt", "stop", "move", "taper")
CHANGES = (Action.INCREASE, Action.DECREASE, Action.INTERRUPT, Action.STOP, Action.END)


def weekly(level):
    cycle = [level] if isinstance(level, int) else DoseRule.model_validate(
        {"ladder": [level], "steps": [{"action": "keep"}], "source": "x"}).levels[0].cycle_mg  # fmt: skip
    return sum(cycle) / len(cycle)


@st.composite
def steps(draw, rungs):
    action = draw(st.sampled_from(ACTIONS))
    said = {"action": action, "rung": draw(st.sampled_from(("any", "any", "highest", "lowest")))}
    said["min_days_since_change"] = draw(st.integers(1 if action == "taper" else 0, 40))
    if draw(st.booleans()):
        said |= {"from_day": (first := draw(st.integers(0, 60))), "until_day": draw(st.integers(first, 90))}
    if action == "move":
        said["to_level"] = f"L{draw(st.integers(0, rungs - 1))}"
    if action in ("increase", "decrease"):
        said["levels"] = draw(st.integers(1, 3))
    if action != "taper":
        low, high = sorted((draw(COUNTS), draw(COUNTS)))
        said |= {"at_least_1e9L": low, "below_1e9L": float(high + 1), "confirm_visits": draw(st.integers(1, 3))}
        if draw(st.integers(0, 3)) == 0:
            said["never_at_least_1e9L"] = low + draw(st.integers(1, 300))
    return said


@st.composite
def rules(draw):
    by_week = {weekly(level): level for level in draw(st.lists(LEVELS, min_size=1, max_size=5))}
    levels = [by_week[mean] for mean in sorted(by_week)]
    ladder = [
        ({"dose_mg": level} if isinstance(level, int) else level) | {"name": f"L{k}"} for k, level in enumerate(levels)
    ]
    return {
        "ladder": ladder,
        "steps": draw(st.lists(steps(len(ladder)), min_size=1, max_size=5)),
        "restart": {
            "below_1e9L": draw(st.integers(1, 300)),
            "level": draw(st.sampled_from(("same", "lower", f"L{len(ladder) - 1}"))),
        },
        "at_floor": draw(st.sampled_from(("keep", "interrupt"))),
        "day_count": draw(st.sampled_from(("planned", "actual"))),
        "source": "made at random",
    }


@st.composite
def designs(draw):
    """A unit of four patients with a rule, visits early and late, missed counts, two who leave; and the counts."""
    rule, seed = draw(rules()), draw(st.integers(0, 2**32 - 1))
    known = DoseRule.model_validate(rule)
    starts = [level.dose_mg for k, level in enumerate(known.levels) if known.rung_at(level.dose_mg) == k]
    dose = draw(st.sampled_from(starts)) if starts else None
    rng = np.random.default_rng(seed)
    nominal = np.array([0, *np.cumsum(rng.integers(7, 15, size=10))])
    study = {
        "arms": [{"id": "DRUG", "start_dose_mg": dose or 1.0, "dose_rule": "r"}],
        "dose_rules": {"r": rule},
        "randomisation": {"block_size": 1},
        "visits": {"days": nominal[1:].tolist()},
        "treatment_days": int(draw(st.integers(20, int(nominal[-1])))),
        "laboratory": {"turnaround_days": int(rng.integers(0, 3)), "whole_numbers": False, "lower_limit_1e9L": 0},
        "analysis": {"assessment_day": int(nominal[1])},
    }
    shift = rng.integers(-2, 3, size=(4, 11))
    shift[:, 0] = 0
    counts = np.where(rng.random((4, 10)) < 0.15, np.nan, np.exp(rng.uniform(0, np.log(700), (4, 10))).round())
    leave = np.array([np.iinfo(np.int64).max] * 2 + rng.integers(5, nominal[-1], 2).tolist())
    return (dose is not None), study, nominal + shift, leave, counts


def course_of(study, visit_day, leave, counts):
    """Decisions and the doses of each day of four patients who never miss one, and who have those counts."""
    u = unit(arm=(0,) * 4, study=study, visit_day=visit_day, leave_day=leave, taken=np.ones((4, 400), bool))
    course, begin = start_course(u)
    states, made, given = [course.ladders[0]], [begin], np.zeros((4, 400))
    for visit in range(1, 11):
        days = days_of(visit_day[:, visit - 1 : visit + 1])
        taken = dose_mg(u, course, days)
        for patient in range(4):
            there = days[patient] >= 0
            given[patient, days[patient][there]] = taken[patient][there]
        here = np.where(visit_day[:, visit] < leave, counts[:, visit - 1], np.nan)
        course, decided = apply_rules(u, course, here, visit)
        states.append(course.ladders[0])
        made.append(decided)
    return u, states, made, given


def expected(u, rule, states, made, patient):
    """The doses of each day in plain steps: the level since its last change, on its days, 0 while held or stopped."""
    last, ends = int(u.drawn.visit_day[patient, -1]), [int(decided.day[patient]) for decided in made[1:]]
    doses, since, day = np.zeros(400), 0, np.arange(400)
    for state, decided, until in zip(states, made, [*ends, last], strict=True):
        begin = int(decided.day[patient])
        since = begin if decided.action[patient] != Action.KEEP else since
        off = state.held[patient] or state.stopped[patient]
        cycle = np.array([0.0] if off else rule.levels[state.rung[patient]].cycle_mg)
        doses[begin:until] = cycle[(day[begin:until] - since) % len(cycle)]
    doses[min(last, u.study.treatment_days, int(u.drawn.leave_day[patient])) :] = 0
    return doses


def laws(design):
    """Doses only from the ladder and on the days of the level; no change sooner than its line says; nothing on hold,
    after a stop, after treatment or after leaving; a stop is for good.
    """
    startable, study, visit_day, leave, counts = design
    if not startable:
        return
    u, states, made, given_mg = course_of(study, visit_day, leave, counts)
    rule = u.study.dose_rules["r"]
    planned = np.array([0, *u.study.visits.days])
    for patient in range(4):
        assert given_mg[patient].tolist() == expected(u, rule, states, made, patient).tolist()
        assert not given_mg[patient, min(u.study.treatment_days, int(leave[patient])) :].any()
        changed, stopped = 0, False
        for visit, decided in enumerate(made[1:], start=1):
            action, step = Action(decided.action[patient]), int(decided.step[patient])
            today = int(decided.day[patient]) if rule.day_count == "actual" else int(planned[visit])
            assert not (stopped and action != Action.KEEP)
            if visit_day[patient, visit] >= min(u.study.treatment_days, leave[patient]):
                assert action == Action.KEEP
            if action in CHANGES:
                line = rule.steps[step]
                assert today - changed >= line.min_days_since_change
                assert line.from_day <= today <= (line.until_day if line.until_day is not None else np.inf)
            if action == Action.RESTART:
                assert counts[patient, visit - 1] < rule.restart.below_1e9L
            if action != Action.KEEP:
                changed = today
            stopped |= action in (Action.STOP, Action.END)


@given(designs())
@settings(max_examples=20, deadline=None)
def test_the_laws_of_doses(design):
    laws(design)


@pytest.mark.slow
@given(designs())
@settings(max_examples=size(200, 2000), deadline=None)
def test_the_laws_of_doses_on_many_designs(design):
    laws(design)


def reacting(design, **more):
    """A unit whose patients react to the drug, so that rules of all kinds are reached: high doses, a strong effect."""
    _, study, visit_day, leave, counts = design
    z = np.nan_to_num(np.column_stack([np.zeros(4), np.log(np.maximum(counts, 1) / 40)]))
    days = int(visit_day.max()) + 1
    rng = np.random.default_rng(1)
    return unit(
        arm=(0,) * 4,
        study=study | more,
        visit_day=visit_day,
        leave_day=leave,
        count_z=z,
        missed=np.column_stack([np.zeros(4, bool), np.isnan(counts)]),
        taken=rng.random((4, days)) < 0.9,
        bioavailability=np.ones((4, days)),
        log_loss=np.zeros((4, days)),
        early_meal=np.zeros((4, days), bool),
        parameters={"ASSAY_CV": 0.9, "RESCUE_H0": 0.1},
        rescue_clock=np.tile([0.5, 1.0, 1.5, 2.0], (4, 1)),
    )


def same(a, b):
    """Every value that was observed, and every solve, bit for bit."""
    for x, y in zip(a.visits, b.visits, strict=True):
        for name in ("count", "true_count", "bleeding"):
            assert getattr(x, name).tobytes() == getattr(y, name).tobytes()
    assert a.steps.tobytes() == b.steps.tobytes() and a.status.tobytes() == b.status.tobytes()
    assert all((x.rescued == y.rescued).all() for x, y in zip(a.decisions, b.decisions, strict=True))


@given(designs())
@settings(max_examples=5, deadline=None)
def test_a_reactive_run_equals_its_frozen_replay(design):
    """And the plan is what is taken: without its doses, drug that is taken is missing."""
    if not design[0]:
        return
    u = reacting(design)
    first = simulate_unit(u)
    plan = frozen(u, first.decisions)
    same(first, simulate_unit(plan))
    nothing = simulate_unit(replace(plan, plan_mg=np.zeros_like(plan.plan_mg)))
    if plan.plan_mg[:, :5].any() and u.drawn.taken[:, :5].all():
        assert nothing.visits[0].true_count.tobytes() != first.visits[0].true_count.tobytes()


@given(designs())
@settings(max_examples=5, deadline=None)
def test_a_rule_that_never_fires_is_the_fixed_dose(design):
    """Daily ladders, and lines that ask for counts nobody has."""
    rule = design[1]["dose_rules"]["r"]
    lines = [
        {k: v for k, v in step.items() if k not in ("at_least_1e9L", "below_1e9L", "never_at_least_1e9L")}
        | {"at_least_1e9L": 1e7}
        for step in rule["steps"]
        if step["action"] != "taper"
    ] or [{"action": "stop", "at_least_1e9L": 1e7}]
    never = {"ladder": [5, 7.5], "steps": lines, "restart": {"below_1e9L": 100}, "source": "x"}
    named = [{k: v for k, v in step.items() if k != "to_level"} for step in lines]
    never["steps"] = [{**step, "action": "keep"} if step["action"] == "move" else step for step in named]
    arms = [{"id": "DRUG", "start_dose_mg": 5, "dose_rule": "r"}]
    ruled = reacting(design, arms=arms, dose_rules={"r": never})
    fixed = reacting(design, arms=[{"id": "DRUG", "start_dose_mg": 5}], dose_rules={})
    same(simulate_unit(ruled), simulate_unit(fixed))
