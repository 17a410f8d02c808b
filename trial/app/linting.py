"""Whether a study's dose rules can do what they say: what reading them tells, the typical man, and a small pilot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trial.app.echo import step_in_words
from trial.app.typical_man import course_table
from trial.engine.apply_dose_rule import Action
from trial.engine.draws import Unit
from trial.engine.followed import pieces_of
from trial.engine.simulate import UnitResult, simulate_unit
from trial.jobs.work import enrolment, unit_of
from trial.study.arms import Arm
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.study import Study
from trial.study.unusual import counts_between, sometimes

PILOT = 200
"""Patients of the pilot."""
SETTLED_DAYS = 84
"""How long the typical man is on a level before his count is compared: 12 weeks, longer than a platelet and its
precursors live; assumed."""
MARGIN_1E9L = 5.0
"""The typical man is off the target only when he misses it by more; assumed."""


def findings(study: Study) -> Iterator[str]:
    """What a study's rules say and cannot do, in a sentence each that begins with the rule.

    Levels that no patient reaches before treatment ends, counts that no line covers on a level, changes that the next
    line undoes, lines that another line hides in part, a target that the ladder does not bring the typical man to, and
    lines that none of PILOT patients came to; and reasons to leave whose hazard ran for none. Raises Stopped when the
    typical man cannot be solved.
    """
    depends = any(item.conditional for item in study.dropout)
    fired, left = pilot(study) if study.dose_rules or depends else ({}, np.zeros(0))
    for k, item in enumerate(study.dropout):
        if item.conditional and not left[k]:
            what = "nobody left for it" if item.at_once else "its hazard ran for nobody"
            yield f"dropout.{k} ({item.reason}): {what} of {PILOT} patients of a pilot"
    for name, rule in study.dose_rules.items():
        if name not in study.rules_in_use:
            yield f"{name}: no arm has this rule"
            continue
        arms = [arm for arm in study.arms if arm.id in study.rules_in_use[name]]
        first = [arm for arm in arms if arm.dose_rule == name]
        said = [*(unreached(rule, first, study) if len(first) == len(arms) else ()), *uncovered(rule), *undone(rule)]
        said += [*hidden(rule), *off_target(rule, arms, study)]
        yield from (f"{name}: {sentence}" for sentence in said)
        for k, step in enumerate(rule.steps):
            if not fired[name][k]:
                yield f"{name}: {line(k, step)}: never taken by {PILOT} patients of a pilot"
    yield from idle_changes(study)


def idle_changes(study: Study) -> Iterator[str]:
    """Changes of covariates without which everybody of a pilot has the same values on every day."""
    changes, days = study.population.changes, np.arange(study.visits.days[-1] + 1)
    if not changes:
        return
    small = study.model_copy(update={"patients": PILOT, "replicates": 1})
    who = enrolment(small, 0)
    every_day = np.tile(days, (len(who.arm), 1))
    for k, change in enumerate(changes):
        others = study.population.model_copy(update={"changes": (*changes[:k], *changes[k + 1 :])})
        found = []
        for said in (study.population, others):
            pieces = pieces_of(small.model_copy(update={"population": said}), who.cohort, who.arm)
            values = pieces.columns.get(change.covariate) if pieces else None
            first = who.cohort.columns[change.covariate][:, None]
            found.append(first if pieces is None or values is None else pieces.on(values, every_day))
        if (found[0] == found[1]).all():
            yield f"population.changes.{k} ({change}): changes nothing in {PILOT} patients of a pilot"


def line(k: int, step: DoseStep) -> str:
    """A step by its place in the config and in words."""
    return f"steps.{k} ({step_in_words(step)})"


def unreached(rule: DoseRule, arms: list[Arm], study: Study) -> Iterator[str]:
    """Levels that no arm reaches on time, if every visit reports the count that it takes."""
    starts = [rule.rung_at(dose) or 0 for arm in arms for dose in arm.start_doses_mg]
    known = [earliest(rule, start, study.visits.days) for start in dict.fromkeys(starts)]
    for rung, level in enumerate(rule.levels):
        days = [day for days in known if (day := days[rung]) is not None]
        if not days:
            yield f"no arm can ever reach {level}: no step leads there"
        elif min(days) >= study.treatment_days:
            yield f"no arm can reach {level} before treatment ends: day {min(days):g} at the earliest"


def earliest(rule: DoseRule, start: int, visits: tuple[int, ...]) -> list[float | None]:
    """The first day on which a patient can be on each rung, from rung ``start`` on day 0; inf: after the last visit.

    None: no step leads there. Every line is taken at the first visit that it allows.
    """
    found: list[float | None] = [None] * len(rule.levels)
    found[start] = 0
    for _ in rule.levels:
        for rung, since in enumerate(list(found)):
            for target, day in _moves(rule, rung, since, visits) if since is not None else ():
                before = found[target]
                found[target] = day if before is None else min(day, before)
    return found


def _moves(rule: DoseRule, rung: int, since: float, visits: tuple[int, ...]) -> Iterator[tuple[int, float]]:
    """Where a patient who came to a rung on day ``since`` can be next, and when."""
    for step in rule.steps:
        if not _is_on(step, rung, rule.top + 1):
            continue
        named = rule.rung_of(step.to_level) if step.to_level is not None else None
        target = min(max(rung + step.shift, 0), rule.top) if named is None else named
        if target != rung:
            yield target, _next(step, since, visits)
        if rule.restart and step.action == "interrupt":
            level = rule.restart.level
            known = {"same": rung, "lower": max(rung - 1, 0)}
            yield known.get(level, rule.rung_of(level) or 0), _next(step, since, visits, 1)


def _is_on(step: DoseStep, rung: int, rungs: int) -> bool:
    return {"any": True, "lowest": rung == 0, "highest": rung == rungs - 1}[step.rung]


def _next(step: DoseStep, since: float, visits: tuple[int, ...], later: int = 0) -> float:
    """The first visit at which a step can be taken after a change on day ``since``, ``later`` visits on."""
    last = np.inf if step.until_day is None else step.until_day
    able = [
        day
        for k, day in enumerate(visits)
        if day > since and day - since >= step.min_days_since_change and k + 1 >= step.confirm_visits
        if step.from_day <= day <= last
    ]
    return float(able[later]) if len(able) > later else np.inf


def uncovered(rule: DoseRule) -> Iterator[str]:
    """Counts for which a level has no line, whatever the day: there the dose stays, and no line says so."""
    gaps: dict[str, list[str]] = {}
    for rung, level in enumerate(rule.levels):
        lines = [step for step in rule.steps if _is_on(step, rung, rule.top + 1)]
        if any(step.action == "taper" for step in lines):
            continue
        if missing := counts_between([step for step in lines if not sometimes(step)]):
            gaps.setdefault(missing, []).append(str(level))
    for missing, levels in gaps.items():
        where = "every level" if len(levels) == len(rule.levels) else "; ".join(levels)
        yield f"no line covers counts of {missing} on {where}"


def undone(rule: DoseRule) -> Iterator[str]:
    """Changes after which a count that follows the dose in proportion, as is assumed, comes to the line that undoes it:
    a decrease at its lowest count, an increase at its highest.
    """
    doses = [level.per_day_mg for level in rule.levels]
    for k, first in enumerate(rule.steps):
        edge = first.at_least_1e9L if first.shift < 0 else first.below_1e9L
        if not first.shift or not 0 < edge < np.inf or first.action == "taper":
            continue
        for j, back in enumerate(rule.steps):
            if back.shift * first.shift >= 0 or back.action == "taper":
                continue
            levels = []
            for rung in range(len(doses)):
                target = min(max(rung + first.shift, 0), rule.top)
                count = edge * doses[target] / doses[rung]
                beyond = count < back.below_1e9L if first.shift < 0 else count > back.at_least_1e9L
                if (
                    target != rung
                    and beyond
                    and _is_on(first, rung, rule.top + 1)
                    and _is_on(back, target, rule.top + 1)
                ):
                    levels.append(f"{str(rule.levels[rung]).removesuffix(' mg')} to {rule.levels[target]}")
            if levels:
                way = (
                    f"falls below {back.below_1e9L:g}"
                    if first.shift < 0
                    else f"rises to {back.at_least_1e9L:g} or more"
                )
                yield (
                    f"{line(k, first)} is undone by {line(j, back)}: from {', '.join(levels)} a count of {edge:g} that "
                    f"follows the dose {way}"
                )


def hidden(rule: DoseRule) -> Iterator[str]:
    """Lines of which an earlier line that asks for nothing else takes a part, with another action."""
    for k, later in enumerate(rule.steps):
        for j, first in enumerate(rule.steps[:k]):
            low = max(first.at_least_1e9L, later.at_least_1e9L)
            high = min(first.below_1e9L, later.below_1e9L)
            asks = first.min_days_since_change > 0 or first.confirm_visits > 1 or first.rung != "any"
            asks |= sometimes(first)
            whole = (low, high) == (later.at_least_1e9L, later.below_1e9L)
            if low < high and not asks and not whole and first.action != later.action:
                upto = f"{low:g} to below {high:g}" if np.isfinite(high) else f"{low:g} or more"
                yield f"{line(k, later)} is never asked at counts of {upto}: {line(j, first)} comes first"


def off_target(rule: DoseRule, arms: list[Arm], study: Study) -> Iterator[str]:
    """The typical man, long on the highest and on the lowest level, against the counts that increase and decrease."""
    if study.chemotherapy or all(arm.placebo for arm in arms):
        return
    up = max((s.below_1e9L for s in rule.steps if s.action == "increase" and s.rung != "highest"), default=0.0)
    lines = [s for s in rule.steps if s.action in ("decrease", "interrupt") and s.at_least_1e9L > 0]
    down = min((s.at_least_1e9L for s in lines), default=np.inf)
    for level, word in ((rule.levels[-1], "highest"), (rule.levels[0], "lowest")):
        count = float(
            course_table(study.parameter_set, level.per_day_mg, SETTLED_DAYS, every_h=24.0)["PLT"][-1].as_py()
        )
        taken = "" if level.daily else f" (as {level.per_day_mg:.3g} mg daily)"
        there = f"the typical man has {count:.0f} after {SETTLED_DAYS} days of {level}{taken}, the {word} level"
        if word == "highest" and count < up - MARGIN_1E9L and np.isfinite(up):
            yield f"{there}: below {up:g}, where the rule would go on to increase"
        if word == "lowest" and count > down + MARGIN_1E9L:
            yield f"{there}: above {down:g}, where the rule would go on to decrease or interrupt"


def pilot(study: Study) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """How often each line of each rule was taken by PILOT patients in all arms, by the name of the rule; and for how
    many the hazard of each reason of dropout ran.
    """
    small = study.model_copy(update={"patients": PILOT, "replicates": 1})
    patients = enrolment(small, 0)
    unit = unit_of(small, patients)
    result = simulate_unit(unit)
    counted = {name: np.zeros(len(rule.steps), dtype=np.int64) for name, rule in study.dose_rules.items()}
    for decided in result.decisions:
        for k, given in enumerate(unit.treatments):
            mine = (decided.treatment == k) & ~np.isin(decided.action, (Action.START, Action.STAGE))
            taken = decided.step[mine & (decided.step >= 0)]
            if given.arm.dose_rule is not None:
                counted[given.arm.dose_rule] += np.bincount(taken, minlength=len(counted[given.arm.dose_rule]))
    return counted, _ran(unit, result)


def _ran(unit: Unit, result: UnitResult) -> np.ndarray:
    """Of each reason of dropout, for how many patients its hazard ran; of one that takes everybody, how many left."""
    place, exits = result.course.place, result.course.exits
    gone = place.leave_reason[place.leave_day <= unit.drawn.visit_day[:, -1]]
    ran = np.bincount(gone, minlength=len(unit.study.reasons_to_leave))
    if exits is not None:
        own = [k for k, item in enumerate(unit.study.dropout) if item.conditional]
        ran[own] += (exits.hazard > 0).sum(axis=0)
    return ran
