"""What the protocol does with what it sees at a visit: stage, leaving, rescue, cycles of chemotherapy, then the dose
rules.

No randomness: draws come from ``unit.drawn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.apply_dose_rule import Action, DoseState, decide, start, starting
from trial.engine.course import Course, Decisions, Earlier
from trial.engine.cycles import first_cycles, next_cycles
from trial.engine.draws import Unit
from trial.engine.exits import hears, leaves, nobody_leaves
from trial.engine.giving_up import full_patience, gives_up
from trial.engine.liver import Acts, acts, healthy, laid_on, remembered, seen_at
from trial.engine.passage import Seen, first_place, stage_of
from trial.engine.prescribed import Prescribed, days_apart, intervals_of
from trial.engine.rescue import no_rescue, rescue
from trial.study.dose_rule import DoseRule, DoseStep

Array = NDArray[np.float64]


def rules_of(unit: Unit) -> tuple[DoseRule, ...]:
    """The dose rule of each treatment; one without keeps its single dose."""
    rules, arms = unit.study.dose_rules, [given.arm for given in unit.treatments]
    return tuple(rules[arm.dose_rule] if arm.dose_rule else _fixed(arm.start_dose_mg or 1.0) for arm in arms)


def _fixed(dose_mg: float) -> DoseRule:
    return DoseRule(ladder_mg=(dose_mg,), steps=(DoseStep(action="keep"),), source="fixed dose")


def _deciding(unit: Unit) -> dict[str | None, DoseRule]:
    """The rules that are applied, each once however many treatments have it; None: that of those without one."""
    names = dict.fromkeys(given.arm.dose_rule for given in unit.treatments)
    return {name: unit.study.dose_rules[name] if name else _fixed(1.0) for name in names}


def start_course(unit: Unit) -> tuple[Course, Decisions]:
    """Everybody on the start dose of the arm from day 0."""
    drawn = unit.drawn
    zero = np.zeros(drawn.n, dtype=np.int64)
    dose = unit.starts_mg(drawn.arm, zero)
    members = _members(unit, drawn.arm)
    ladders = [
        start(rule, dose[mine] if name else 1.0, len(mine))
        for (name, rule), mine in zip(_deciding(unit).items(), members, strict=True)
    ]
    begins = _on_levels(unit, ladders, members, Prescribed.daily(dose), np.full(drawn.n, True), zero)
    course = Course(
        ladders=tuple(ladders),
        members=members,
        treatment=drawn.arm,
        now=begins,
        place=first_place(unit),
        rescues=no_rescue(unit),
        cycles=first_cycles(unit),
        patience=full_patience(unit),
        exits=nobody_leaves(unit),
        liver=healthy(unit),
    )
    course = leaves(unit, course, zero, drawn.visit_day[:, 1])
    begin = Decisions(
        day=zero,
        count=np.full(drawn.n, np.nan),
        action=np.full(drawn.n, Action.START, dtype=np.int8),
        step=np.full(drawn.n, -1, dtype=np.int16),
        after=begins,
        treatment=course.treatment,
        stage=course.place.stage,
        liver=course.liver,
    )
    return course, begin


def _members(unit: Unit, treatment: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Places in the unit of the patients whose treatment (n,) has each rule of ``_deciding``."""
    rule_of = [given.arm.dose_rule for given in unit.treatments]
    return tuple(np.flatnonzero(np.array([r == name for r in rule_of])[treatment]) for name in _deciding(unit))


def apply_rules(
    unit: Unit,
    course: Course,
    count: Array,
    visit: int,
    bleeding: Array | None = None,
    known: NDArray[np.int64] | None = None,
) -> tuple[Course, Decisions]:
    """Stage, leaving, rescue, cycles of chemotherapy, then the dose rules, each for all of its patients at once, on the
    reported counts of ``visit`` (NaN: no count) and the grade of ``bleeding`` seen at it (None: nobody's).
    ``known``: the day on which each count is reported; None: that of the laboratory.

    A rule counts planned days, so that a visit early in its window is not too early for it, or, where it says so,
    the actual days on which changes take effect. On the day on which a stage begins afresh it decides nothing.
    """
    study, day = unit.study, unit.drawn.visit_day[:, visit]
    planned = np.full(unit.drawn.n, study.visits.days[visit - 1])
    effective = day + study.laboratory.known_after_days if known is None else known
    before = course = replace(
        course, liver=seen_at(unit, course, visit, ~np.isnan(count if bleeding is None else bleeding))
    )
    course, fresh = _change_stage(unit, course, count, visit, effective)
    course = hears(unit, course, count, visit, effective)
    following = unit.drawn.visit_day[:, min(visit + 1, len(study.visits.days))]
    until = np.minimum(effective, following)
    as_before = replace(course, treatment=before.treatment, now=before.now)
    left = leaves(unit, as_before, day, until, effective - study.laboratory.known_after_days)
    course = replace(course, place=left.place, exits=left.exits)
    rescues, given = rescue(unit, course.rescues, count, bleeding, visit, effective, course.place.leave_day)
    there = (day < course.place.drug_ends(study.plan)) & ~fresh
    on_alt = acts(unit, rules_of(unit), course, there) if course.liver else None
    liver, effective = remembered(on_alt, course, fresh), _when_both(unit, on_alt, day, effective)
    by_count = there if on_alt is None else there & ~on_alt.decides
    decided_on, here = np.where(by_count, count, np.nan), by_count & (effective < course.place.leave_day)
    days = planned, effective
    ladders, action, step = _decided(unit, course, on_alt, (decided_on, here), days)
    action[fresh], step[fresh] = Action.STAGE, course.place.stage[fresh]
    now = _on_levels(unit, ladders, course.members, course.now, action != Action.KEEP, effective)
    turned = _turned(unit, before, course) & (action == Action.KEEP)
    action[turned], step[turned] = Action.STAGE, course.place.stage[turned]
    course = replace(
        course,
        rescues=rescues,
        cycles=next_cycles(unit, course.cycles, count, visit, effective),
        patience=gives_up(unit, course.patience, count, effective),
        ladders=tuple(ladders),
        now=now,
        earlier=_in_force(before, day, effective),
        liver=liver,
    )
    course = leaves(unit, course, until, following)
    decided = Decisions(effective, count, action, step, now, course.treatment, course.place.stage, given, liver)
    return course, decided


def _decided(
    unit: Unit,
    course: Course,
    on_alt: Acts | None,
    counts: tuple[Array, NDArray[np.bool_]],
    days: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[list[DoseState], NDArray[np.int8], NDArray[np.int16]]:
    """The ladders after a visit, Action and step (n,): by the counts of who is there, and by ALT, on the planned day or
    the one on which it takes effect, as each rule counts.
    """
    ladders: list[DoseState] = []
    action, step = np.zeros(unit.drawn.n, dtype=np.int8), np.empty(unit.drawn.n, dtype=np.int16)
    for rule, mine, ladder in zip(_deciding(unit).values(), course.members, course.ladders, strict=True):
        today = days[0 if rule.day_count == "planned" else 1][mine]
        after, action[mine], step[mine] = decide(rule, ladder, counts[0][mine], today, counts[1][mine])
        if on_alt is not None:
            after, does, line, said = laid_on(on_alt, course, rule, mine, after, today)
            action[mine[said]], step[mine[said]] = does[said], line[said]
        ladders.append(after)
    return ladders, action, step


def _when_both(unit: Unit, on_alt: Acts | None, day: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """The day on which a decision takes effect, (n,): that of the count, or of ALT where it decides and is later."""
    alt = unit.study.laboratory.alt
    if on_alt is None or alt is None:
        return known
    return np.where(on_alt.changes, np.maximum(known, day + alt.turnaround_days), known)


def _turned(unit: Unit, before: Course, course: Course) -> NDArray[np.bool_]:
    """Whose placebo becomes active drug, or the other way round, (n,): a change though the level stays."""
    placebo = unit.of_treatment(lambda given: given.arm.placebo, bool)
    return placebo[before.treatment] != placebo[course.treatment]


def _in_force(before: Course, day: NDArray[np.int64], effective: NDArray[np.int64]) -> tuple[Earlier, ...]:
    """What is in force after a visit on ``day`` (n,) until its decision takes effect, oldest first: decisions of
    earlier visits may still wait for their counts.
    """
    waiting = (one for one in before.earlier if (one.until_day > day).any())
    return (*waiting, Earlier(effective, before.treatment, before.now))


def _on_levels(
    unit: Unit,
    ladders: Sequence[DoseState],
    members: Sequence[NDArray[np.int64]],
    before: Prescribed,
    changed: NDArray[np.bool_],
    day: NDArray[np.int64],
) -> Prescribed:
    """The levels on which the ladders stand, from ``day`` where they ``changed``; fixed doses as ``before``."""
    apart, dose, interval = days_apart(unit.study), before.dose_mg.copy(), before.interval.copy()
    for (name, rule), mine, ladder in zip(_deciding(unit).items(), members, ladders, strict=True):
        if name:
            dose[mine] = ladder.dose_mg([level.dose_mg for level in rule.levels])
            interval[mine] = intervals_of(rule.levels, apart)[ladder.rung]
    return Prescribed(dose, interval, np.where(changed, day, before.since_day))


def _change_stage(
    unit: Unit, course: Course, count: Array, visit: int, known: NDArray[np.int64]
) -> tuple[Course, NDArray[np.bool_]]:
    """Who changes stage at this visit has its treatment; with whom it begins afresh, (n,): at a start dose, or with no
    drug ever again.
    """
    plan, day = unit.study.plan, unit.drawn.visit_day[:, visit]
    seen = Seen(course.now.dose_mg, day - course.rescues.latest.max(axis=1))
    place, moved = stage_of(unit, course.place, seen, count, visit, known)
    if not moved.any():
        return replace(course, place=place), moved
    over = moved & (place.stage == len(plan))
    told = np.array(unit.places)[np.minimum(place.stage, len(plan) - 1), unit.drawn.arm]
    treatment = np.where(moved & ~over, told, course.treatment)
    fresh = unit.of_treatment(lambda given: given.fresh, bool)[treatment] & (treatment != course.treatment) | over
    start_mg = unit.starts_mg(treatment, day)
    dose = np.where(over, 0.0, np.where(fresh, start_mg, course.now.dose_mg))
    now = Prescribed(dose, np.where(fresh, 0, course.now.interval), course.now.since_day)
    course = replace(course, place=place, treatment=treatment, now=now)
    return _regrouped(unit, course, np.where(fresh, start_mg, np.nan), over, visit), fresh


def _regrouped(unit: Unit, course: Course, start_mg: Array, over: NDArray[np.bool_], visit: int) -> Course:
    """The ladders after a change of treatment: who has the rule that he had, stands where he stood; who comes to
    another, on the same level of it, held or stopped as he was; who begins afresh, at ``start_mg`` (n,), else NaN.
    """
    level, changed = course.now.dose_mg.copy(), np.zeros(len(over), dtype=np.int64)
    held, stopped = np.zeros((2, len(over)), dtype=bool)
    for (name, rule), mine, ladder in zip(_deciding(unit).items(), course.members, course.ladders, strict=True):
        if name:
            level[mine] = np.array([each.per_day_mg for each in rule.levels])[ladder.rung]
        held[mine], stopped[mine], changed[mine] = ladder.held, ladder.stopped, ladder.changed_day
    fresh = ~np.isnan(start_mg)
    held, stopped = held & ~fresh, stopped & ~fresh | over
    ladders, members = [], _members(unit, course.treatment)
    for (name, rule), before, mine, ladder in zip(
        _deciding(unit).items(), course.members, members, course.ladders, strict=True
    ):
        planned = rule.day_count == "planned"
        today = np.full(len(over), unit.study.visits.days[visit - 1]) if planned else unit.drawn.visit_day[:, visit]
        rung = np.where(fresh, starting(rule, start_mg), rule.rungs_like(level)) if name else np.zeros(len(over), int)
        begun = replace(
            start(rule, rule.levels[0].dose_mg, len(mine)),
            rung=rung[mine],
            held=held[mine],
            stopped=stopped[mine],
            changed_day=np.where(fresh, today, changed)[mine],
        )
        same = np.isin(mine, before) & ~fresh[mine]
        ladders.append(begun.with_rows(same, ladder, np.searchsorted(before, mine[same])))
    return replace(course, ladders=tuple(ladders), members=members)
