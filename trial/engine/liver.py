"""ALT of the patients: when it rises, what is measured at the visits, and what the dose rules do about it. No
randomness: draws come from ``unit.drawn``.

The rise is on the day of the simulated adverse event ALT3, found from the same clock and the same days on drug as
``trial.engine.adverse`` finds it afterwards, so that an event and an ALT of 3 times the limit are one thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from trial.engine.apply_dose_rule import Action, DoseState
from trial.engine.course import Course, Liver
from trial.engine.dosing import active, days_of, dose_mg, drug_day, in_force_mg
from trial.engine.draws import Unit
from trial.engine.liver_draws import LiverDraws
from trial.engine.passage import NEVER
from trial.study.dose_rule import DoseRule

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_COUNT = np.ones((1, 1))


@dataclass(frozen=True)
class Acts:
    """Whom the lines on ALT stop, hold, keep held or let go on at a visit, (n,) each."""

    stops: Flags
    holds: Flags
    stays: Flags
    resumes: Flags

    @property
    def decides(self) -> Flags:
        """(n,) for whom counts decide nothing."""
        return self.stops | self.holds | self.stays | self.resumes

    @property
    def changes(self) -> Flags:
        """(n,) for whom the dose waits for the report of ALT."""
        return self.stops | self.holds | self.resumes


def healthy(unit: Unit) -> Liver | None:
    """Before day 0; None where nobody measures ALT."""
    drawn, n = unit.drawn.liver, unit.drawn.n
    if drawn is None:
        return None
    zero, none = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    begun = Liver(zero, np.zeros(n), np.full(n, NEVER), zero, zero, none, none, np.full(n, np.nan), np.full(n, np.nan))
    return _measured(unit, drawn, begun, 0, np.ones(n, dtype=bool))


def seen_at(unit: Unit, course: Course, visit: int, came: Flags) -> Liver | None:
    """With the days up to a ``visit`` lived, and its ALT measured in those who ``came``."""
    drawn, said = unit.drawn.liver, course.liver
    if drawn is None or said is None:
        return None
    until = np.maximum(unit.drawn.visit_day[:, visit], said.day)
    day = days_of(np.stack([said.day, until], axis=1)) if (until > said.day).any() else np.full((len(until), 1), -1)
    drug = (in_force_mg(unit, course, day) > 0) & drug_day(unit, course, day) & active(unit, course, day)
    rate = np.where(day >= 0, drawn.rates.daily(drug, NO_COUNT, day, said.on_drug), 0.0)
    so_far = np.cumsum(np.column_stack([said.hazard, rate]), axis=1)[:, 1:]
    reached = so_far >= drawn.clock[:, None]
    on = np.take_along_axis(day, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
    onset = np.where(reached.any(axis=1) & (said.onset == NEVER), on, said.onset)
    off = (day >= onset[:, None]) & (day >= 0) & ~(dose_mg(unit, course, day) > 0)
    lived = replace(
        said,
        day=until,
        hazard=so_far[:, -1],
        onset=onset,
        on_drug=said.on_drug + (drug & (day >= 0)).sum(axis=1),
        off=said.off + off.sum(axis=1),
    )
    return _measured(unit, drawn, lived, visit, came)


def _measured(unit: Unit, drawn: LiverDraws, now: Liver, visit: int, came: Flags) -> Liver:
    """With the ALT of a visit (U/L), true and as reported, in whole units; NaN of who did not come."""
    alt = unit.study.laboratory.alt
    assert alt is not None
    risen = now.onset <= unit.drawn.visit_day[:, visit]
    excess = np.maximum(elementary.log(drawn.top * drawn.limit / drawn.base), 0.0)
    left = elementary.exp(-np.log(2.0) / alt.half_life_days * now.off)
    true = np.where(came, drawn.base * elementary.exp(np.where(risen, excess * left, 0.0)), np.nan)
    return replace(now, true=true, reported=np.maximum(np.rint(true * drawn.error[:, visit]), 1.0))


def acts(unit: Unit, rules: Sequence[DoseRule], course: Course, there: Flags) -> Acts | None:
    """What the ALT of a visit does to those who are ``there`` to be treated; None where no rule asks for it."""
    said, drawn = course.liver, unit.drawn.liver
    if said is None or drawn is None or all(rule.alt is None for rule in rules):
        return None

    def limits(name: str, none: float) -> Array:
        found = [getattr(rule.alt, name) if rule.alt else None for rule in rules]
        return np.array([none if x is None else x for x in found])[course.treatment]

    times = said.reported / drawn.limit
    held = said.held & there
    stops = there & (times >= limits("stop_at_least_uln", np.inf))
    resumes = held & ~stops & (times < limits("restart_below_uln", -np.inf))
    holds = there & ~held & ~stops & (times >= limits("hold_at_least_uln", np.inf))
    return Acts(stops, holds, held & ~stops & ~resumes, resumes)


def laid_on(
    found: Acts, course: Course, rule: DoseRule, mine: Ints, state: DoseState, today: Ints
) -> tuple[DoseState, NDArray[np.int8], NDArray[np.int16], Flags]:
    """The state of the patients ``mine`` of a rule after the lines on ALT, their Action and step (those of counts come
    first, then stop, hold and restart by ALT), and for whom these count.
    """
    stops, holds, stays, resumes = (x[mine] for x in (found.stops, found.holds, found.stays, found.resumes))
    assert course.liver is not None
    by_count = course.liver.by_count[mine]
    gone, first = state.stopped, len(rule.steps)
    action = np.full(len(mine), Action.KEEP, dtype=np.int8)
    action[stops], action[holds & ~state.held] = Action.STOP, Action.INTERRUPT
    action[resumes & ~by_count] = Action.RESTART
    action[gone] = Action.KEEP
    step = np.where(stops, first, np.where(resumes, first + 2, first + 1)).astype(np.int16)
    after = replace(
        state,
        held=np.where(holds, True, np.where(resumes, by_count, state.held)),
        stopped=state.stopped | stops,
        changed_day=np.where(action != Action.KEEP, today, state.changed_day),
        best=np.where(action != Action.KEEP, -np.inf, state.best),
    )
    return after, action, step, (stops | holds | stays | resumes) & ~gone


def remembered(found: Acts | None, course: Course, fresh: Flags) -> Liver | None:
    """Who is held by ALT after a visit, and of whom counts held already; a stage that begins afresh ends a hold."""
    said = course.liver
    if said is None or found is None:
        return said
    count_held = np.zeros(len(fresh), dtype=bool)
    for mine, ladder in zip(course.members, course.ladders, strict=True):
        count_held[mine] = ladder.held
    held = (said.held | found.holds) & ~found.resumes & ~found.stops & ~fresh
    return replace(said, held=held, by_count=np.where(found.holds, count_held, said.by_count))
