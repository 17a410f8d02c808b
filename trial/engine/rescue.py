"""Rescue therapy: who is given what at a visit, how far it lowers platelet loss, and the platelets it adds.

No randomness: the clocks of the clinical decision come from ``unit.drawn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from trial.engine.draws import Unit
from trial.engine.passage import NEVER
from trial.study.rescue_agents import RescueAgent

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
BEFORE = -NEVER
"""A day before all: never so far."""


@dataclass(frozen=True)
class Dosage:
    """One agent (its place in ``study.rescue.given``) at one visit: to whom (k,), on which day (k,), and the reported
    count that is known that day (k,), NaN where it is not.
    """

    agent: int
    who: Ints
    day: Ints
    count: Array


@dataclass(frozen=True)
class Rescues:
    """Every rescue so far; arrays over patients.

    hazard: cumulative hazard of the clinical decision up to ``counted_day``, the day of the last count; decided: how
    often it was taken, the last time on ``decided_day``. latest (n, agents): day of the latest of each agent. A day may
    be ahead; ``BEFORE``: never. given: what was given, oldest first, no empty ones.
    """

    hazard: Array
    counted_day: Ints
    decided: Ints
    decided_day: Ints
    latest: Ints
    given: tuple[Dosage, ...] = ()


def no_rescue(unit: Unit) -> Rescues:
    """Nobody has had any."""
    n, zero = unit.drawn.n, np.zeros(unit.drawn.n, dtype=np.int64)
    never = np.full((n, len(unit.study.rescue.given)), BEFORE)
    return Rescues(np.zeros(n), zero, zero, np.full(n, BEFORE), never)


def rescue(
    unit: Unit, before: Rescues, count: Array, bleeding: Array | None, visit: int, known: Ints, leave_day: Ints
) -> tuple[Rescues, tuple[Dosage, ...]]:
    """What is given at ``visit`` on its ``count`` (NaN: none; reported on the day ``known``) and the grade of
    ``bleeding`` seen (None: nobody's): each agent by its own trigger, its own time apart, on the day on which the
    trigger is known; not to who has left by then, nor after the last visit.
    """
    if not unit.study.rescue.allowed:
        return before, ()
    day = unit.drawn.visit_day[:, visit]
    now, decided = _decided(unit, before, count, day, known, leave_day)
    found: list[Dosage] = []
    latest = before.latest.copy()
    for k, agent in enumerate(unit.study.rescue.given):
        hit, on = (decided, known) if agent.clinical else _seen(agent, count, bleeding, day, known)
        if not agent.clinical:
            hit = hit & _there(unit, on, leave_day) & (on - latest[:, k] >= unit.study.rescue.apart(agent))
        if len(who := np.flatnonzero(hit)):
            found.append(Dosage(k, who, on[who], np.where(on >= known, count, np.nan)[who]))
            latest[who, k] = on[who]
    return replace(now, latest=latest, given=(*before.given, *found)), tuple(found)


def _there(unit: Unit, day: Ints, leave_day: Ints) -> Flags:
    """Who is still in the study on a day (n,), not after the last visit."""
    return (day < leave_day) & (day <= unit.drawn.visit_day[:, -1])


def _seen(agent: RescueAgent, count: Array, bleeding: Array | None, day: Ints, known: Ints) -> tuple[Flags, Ints]:
    """Who is to have an agent by grade or count, and on which day: a grade is known at the visit, a count later."""
    bleeds = np.zeros(len(day), dtype=bool)
    if agent.bleeding_at_least is not None and bleeding is not None:
        bleeds = bleeding >= agent.bleeding_at_least
    low = count < agent.below_1e9L if agent.below_1e9L is not None else np.zeros(len(day), dtype=bool)
    return bleeds | low, np.where(bleeds, day, known)


def _decided(
    unit: Unit, before: Rescues, count: Array, day: Ints, known: Ints, leave_day: Ints
) -> tuple[Rescues, Flags]:
    """The clinical decision, for whom a study has it: taken on a visit's count when the cumulative hazard, H0
    exp(-count/SCALE) per week, has crossed the patient's clock. While no other may be taken the hazard stands still.

    There is a clock for every rescue that a patient can have (``most_rescues``), so that nobody comes to the end.
    """
    study, clocks, apart = unit.study, unit.drawn.rescue_clock, unit.study.rescue.min_days_between
    if not any(agent.clinical for agent in study.rescue.given):
        return before, np.zeros(len(day), dtype=bool)
    since = np.where(before.decided > 0, np.maximum(before.counted_day, before.decided_day + apart), before.counted_day)
    free = (before.decided == 0) | (known - before.decided_day >= apart)
    rate = unit.on("RESCUE_H0", day) * elementary.exp(-count / unit.on("RESCUE_SCALE", day))
    at_risk = free & ~np.isnan(count)
    hazard = before.hazard + np.where(at_risk, rate * np.maximum(day - since, 0) / 7.0, 0.0)
    episode = np.minimum(before.decided, clocks.shape[1] - 1)
    clock = np.take_along_axis(clocks, episode[:, None], axis=1)[:, 0]
    decided = at_risk & _there(unit, known, leave_day) & (hazard >= clock) & (before.decided < clocks.shape[1])
    now = replace(
        before,
        hazard=hazard,
        decided=before.decided + decided,
        decided_day=np.where(decided, known, before.decided_day),
        counted_day=np.where(np.isnan(count), before.counted_day, day),
    )
    return now, decided


def log_drop(unit: Unit, rescues: Rescues, day: Ints) -> tuple[Ints, Array]:
    """Who has been given an agent that lowers platelet loss (k,), and by how much its logarithm is lower (k, d) on each
    ``day`` (n, d) of theirs: of each agent by the latest one, faded.
    """
    agents = unit.study.rescue.given
    lower = [given for given in rescues.given if not agents[given.agent].adds]
    who = np.unique(np.concatenate([given.who for given in lower])) if lower else np.empty(0, dtype=np.int64)
    drop, day = np.zeros((len(who), day.shape[1])), day[who]
    for k in sorted({given.agent for given in lower}):
        agent, latest = agents[k], np.full(day.shape, BEFORE)
        for given in (given for given in lower if given.agent == k):
            row, begins = np.searchsorted(who, given.who), given.day[:, None] + agent.onset
            latest[row] = np.where(day[row] >= begins, np.maximum(latest[row], begins), latest[row])
        since = day - latest
        size = unit.on("RESCUE_DROP", day, who) if agent.log_drop is None else agent.log_drop
        fading = elementary.exp(-since / (unit.on("RESCUE_TAU", day, who) if agent.fades is None else agent.fades))
        drop += np.where(latest > BEFORE, size * fading, 0.0)
    return who, drop


def cut(unit: Unit, rescues: Rescues, spans: Sequence[Ints]) -> list[Ints]:
    """Spans (n, 2) of days cut where platelets are added within them; as they are where nobody is given any."""
    if not (unit.study.rescue.adds_platelets and rescues.given):
        return list(spans)
    added = [(given.who, given.day + agent.onset) for given, agent in _platelets(unit, rescues)]
    cuts: list[Ints] = []
    for span in spans:
        columns = [span[:, 1:]]
        for who, day in added:
            within = (span[who, 0] < day) & (day < span[who, 1])
            if within.any():
                columns.append(span[:, 1:].copy())
                columns[-1][who[within], 0] = day[within]
        inside = np.concatenate(columns[1:], axis=1) if len(columns) > 1 else span[:, :0]
        edges = np.concatenate([span[:, :1], np.sort(inside, axis=1), span[:, 1:]], axis=1)
        pieces = [edges[:, k : k + 2] for k in range(edges.shape[1] - 1)]
        cuts += [piece for piece in pieces if (piece[:, 1] > piece[:, 0]).any()]
    return cuts


def with_platelets(unit: Unit, rescues: Rescues, state: Array, span: Ints) -> Array:
    """States (n, S) at the start of a span of days, with the platelets that are added that day."""
    names = [known.name for known in unit.structure.states]
    for given, agent in _platelets(unit, rescues):
        begins = (span[given.who, 0] == given.day + agent.onset) & (span[given.who, 1] > span[given.who, 0])
        if begins.any():
            state = state.copy()
            for name, share in unit.structure.transfused:
                state[given.who[begins], names.index(name)] += share * agent.adds
    return state


def _platelets(unit: Unit, rescues: Rescues) -> list[tuple[Dosage, RescueAgent]]:
    """What was given that adds to the count."""
    agents = unit.study.rescue.given
    return [(given, agents[given.agent]) for given in rescues.given if agents[given.agent].adds]
