"""Whether a study's dose rules can do what they say: what reading them tells, the typical man, and a small pilot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from trial.app.echo import step_in_words
from trial.app.typical_man import course_table
from trial.engine.simulate import simulate_unit
from trial.engine.titration import Action
from trial.jobs.work import enrolment, unit_of
from trial.study.arms import Arm
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.study import Study

PILOT = 200
"""Patients of the pilot."""
SETTLED_DAYS = 84
"""How long the typical man is on a level before his count is compared: 12 weeks, longer than a platelet and its
precursors live; assumed."""
MARGIN_1E9L = 5.0
"""The typical man is off the target only when he misses it by more; assumed."""


def findings(study: Study) -> Iterator[str]:
    """What a study's rules say and cannot do, in a sentence each that begins with the rule.

    Levels that no patient reaches before treatment ends, decreases that the next increase undoes, lines that another
    line hides in part, a target that the ladder does not bring the typical man to, and lines that none of PILOT
    patients came to. Raises Stopped when the typical man cannot be solved.
    """
    fired = pilot(study) if study.dose_rules else {}
    for name, rule in study.dose_rules.items():
        arms = [arm for arm in study.arms if arm.dose_rule == name]
        if not arms:
            yield f"{name}: no arm has this rule"
            continue
        said = [*unreached(rule, arms, study), *undone(rule), *hidden(rule), *off_target(rule, arms, study)]
        yield from (f"{name}: {sentence}" for sentence in said)
        for k, step in enumerate(rule.steps):
            if not fired[name][k]:
                yield f"{name}: {line(k, step)}: never taken by {PILOT} patients of a pilot"


def line(k: int, step: DoseStep) -> str:
    """A step by its place in the config and in words."""
    return f"steps.{k} ({step_in_words(step)})"


def unreached(rule: DoseRule, arms: list[Arm], study: Study) -> Iterator[str]:
    """Levels that no arm reaches on time, if every visit reports the count that it takes."""
    known = [earliest(rule, rule.rung_at(arm.start_dose_mg) or 0, study.visits.days) for arm in arms]
    for rung, level in enumerate(rule.levels):
        days = [day for days in known if (day := days[rung]) is not None]
        if not days:
            yield f"no arm can ever reach {level}: no step leads there"
        elif min(days) >= study.treatment_days:
            yield f"no arm can reach {level} before treatment ends: day {min(days):g} at the earliest"


def earliest(rule: DoseRule, start: int, visits: tuple[int, ...]) -> list[float | None]:
    """The first day on which a patient can be on each rung, from rung ``start`` on day 0; inf: after the last visit.

    None: no step leads there.
    """
    found: list[float | None] = [None] * len(rule.levels)
    found[start] = 0
    up, down = range(start + 1, len(found)), range(start - 1, -1, -1)
    for way, back, rungs in (("increase", -1, up), ("decrease", 1, down)):
        for rung in rungs:
            before = found[rung + back]
            if before is None:
                break
            steps = [step for step in rule.steps if step.action == way and _is_on(step, rung + back, len(found))]
            days = [_next(step, before, visits) for step in steps]
            if way == "decrease" and rule.restart and rule.restart.level == "lower":
                days += [_next(step, before, visits, 1) for step in rule.steps if step.action == "interrupt"]
            found[rung] = min(days, default=None)
    return found


def _is_on(step: DoseStep, rung: int, rungs: int) -> bool:
    return {"any": True, "lowest": rung == 0, "highest": rung == rungs - 1}[step.rung]


def _next(step: DoseStep, since: float, visits: tuple[int, ...], later: int = 0) -> float:
    """The first visit at which a step can be taken after a change on day ``since``, ``later`` visits on."""
    able = [
        day
        for k, day in enumerate(visits)
        if day > since and day - since >= step.min_days_since_change and k + 1 >= step.confirm_visits
    ]
    return float(able[later]) if len(able) > later else np.inf


def undone(rule: DoseRule) -> Iterator[str]:
    """Decreases after which a count that falls in proportion to the dose, as is assumed, increases it again."""
    for k, down in enumerate(rule.steps):
        if down.action != "decrease" or down.at_least_1e9L <= 0:
            continue
        for j, up in enumerate(rule.steps):
            if up.action != "increase":
                continue
            levels = [
                f"{high:g} to {low:g} mg"
                for low, high in pairwise(rule.ladder_mg)
                if down.at_least_1e9L * low / high < up.below_1e9L
            ]
            if levels:
                yield (
                    f"{line(k, down)} is undone by {line(j, up)}: from {', '.join(levels)} a count of "
                    f"{down.at_least_1e9L:g} that follows the dose falls below {up.below_1e9L:g}"
                )


def hidden(rule: DoseRule) -> Iterator[str]:
    """Lines of which an earlier line that asks for nothing else takes a part, with another action."""
    for k, later in enumerate(rule.steps):
        for j, first in enumerate(rule.steps[:k]):
            low = max(first.at_least_1e9L, later.at_least_1e9L)
            high = min(first.below_1e9L, later.below_1e9L)
            asks = first.min_days_since_change > 0 or first.confirm_visits > 1 or first.rung != "any"
            whole = (low, high) == (later.at_least_1e9L, later.below_1e9L)
            if low < high and not asks and not whole and first.action != later.action:
                upto = f"{low:g} to below {high:g}" if np.isfinite(high) else f"{low:g} or more"
                yield f"{line(k, later)} is never asked at counts of {upto}: {line(j, first)} comes first"


def off_target(rule: DoseRule, arms: list[Arm], study: Study) -> Iterator[str]:
    """The typical man, long on the highest and on the lowest level, against the counts that increase and decrease."""
    if study.chemotherapy or all(arm.placebo for arm in arms):
        return
    up = max((s.below_1e9L for s in rule.steps if s.action == "increase" and s.rung != "highest"), default=0.0)
    down = min((s.at_least_1e9L for s in rule.steps if s.action in ("decrease", "interrupt")), default=np.inf)
    for dose, word in ((rule.ladder_mg[-1], "highest"), (rule.ladder_mg[0], "lowest")):
        count = float(course_table(study.parameter_set, dose, SETTLED_DAYS, every_h=24.0)["PLT"][-1].as_py())
        there = f"the typical man has {count:.0f} after {SETTLED_DAYS} days of {dose:g} mg, the {word} level"
        if word == "highest" and count < up - MARGIN_1E9L and np.isfinite(up):
            yield f"{there}: below {up:g}, where the rule would go on to increase"
        if word == "lowest" and count > down + MARGIN_1E9L:
            yield f"{there}: above {down:g}, where the rule would go on to decrease or interrupt"


def pilot(study: Study) -> dict[str, np.ndarray]:
    """How often each line of each rule was taken by PILOT patients in all arms, by the name of the rule."""
    small = study.model_copy(update={"patients": PILOT, "replicates": 1})
    patients = enrolment(small, 0)
    result = simulate_unit(unit_of(small, patients))
    counted = {name: np.zeros(len(rule.steps), dtype=np.int64) for name, rule in study.dose_rules.items()}
    for decided in result.decisions:
        for a, arm in enumerate(study.arms):
            taken = decided.step[(patients.arm == a) & (decided.action != Action.START)]
            if arm.dose_rule is not None:
                counted[arm.dose_rule] += np.bincount(taken[taken >= 0], minlength=len(counted[arm.dose_rule]))
    return counted
