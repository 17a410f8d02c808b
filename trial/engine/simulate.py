"""The main loop: one work unit of patients, from the first dose to the last visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cohorts.noise import bleeding_grade
from trial.engine.course import Course, Decisions
from trial.engine.dosing import (
    daily_events,
    day_of,
    days_of,
    dose_mg,
    joined,
    later,
    spans_of,
    untreated_day,
)
from trial.engine.draws import Unit
from trial.engine.laboratory import Reported, asks_again, counts_of, report_concentration, with_retest
from trial.engine.rescue import cut, with_platelets
from trial.engine.stuck import why_stuck
from trial.engine.visit_decisions import apply_rules, start_course
from trial.solver import Events, Status, reads_in_passing, solve
from trial.study.analytes import CONCENTRATION, PLATELETS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Visit:
    """What was observed at one visit; NaN where the visit did not take place or the solve had failed. ``truth`` (n,):
    the true count of that day of everybody whose solve is good, whether or not the visit takes place.
    """

    counts: Reported
    bleeding: Array
    truth: Array

    @property
    def count(self) -> Array:
        """(n,) the reported count that the endpoints read."""
        return self.counts.analysed

    @property
    def true_count(self) -> Array:
        """(n,) the true count of that day."""
        return self.counts.true


@dataclass(frozen=True)
class Hourly:
    """True values (n, H) at full hours since the first dose, from ``first`` (n,) on: ``conc`` ng/mL, ``plt`` 10^9/L.

    NaN where the solve did not get to, and where a patient has fewer hours than others.
    """

    first: Array
    conc: Array
    plt: Array


@dataclass(frozen=True)
class UnitResult:
    """What happened to a unit: one Visit per visit after baseline, the Decisions (start first), the Course at the end,
    the profile (what the laboratory reports, NaN below its limit, and the true one), the solves, with ``output: dense``
    the hourly courses, piece by piece from visit to visit, and the fastest state of who ran out of steps, by index.
    """

    visits: tuple[Visit, ...]
    decisions: tuple[Decisions, ...]
    course: Course
    concentration: Array
    true_concentration: Array
    status: NDArray[np.int8]
    steps: NDArray[np.int64]
    hourly: tuple[Hourly, ...] = ()
    fastest: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Solves:
    """State of every patient (n, S), the status so far (the first failure stays), the steps taken, what the days so far
    have in store for later, the fastest state of who ran out of steps, by index, and the days with drug so far (n,);
    None: nothing depends on them.
    """

    state: Array
    status: NDArray[np.int8]
    steps: NDArray[np.int64]
    late: Events
    fastest: Mapping[int, str] = field(default_factory=dict)
    on_drug: NDArray[np.int64] | None = None


def simulate_unit(enrolled: Unit) -> UnitResult:
    """Simulate one work unit of patients, arms mixed, no randomness inside.

    1. start every patient at the drug-free steady state of the structure, on the start dose of the arm
    2. for each interval between visits: take the planned doses, advance the ODE from event to event
    3. at the visit, before the dose: form observations (true value, then what the laboratory reports, and when); who
       is to come for a re-test goes on to that day
    4. apply the protocol in order: stage, leaving, rescue, cycles of chemotherapy, then the dose rule
    5. carry the dose decisions into the following days; with the reason they become the dose ledger
    6. after the last visit: return observations, decisions and one solve status per patient

    A patient whose solve fails, or whose numbers overflow on the way to it, has a status and no further observations;
    the others go on.
    """
    unit = enrolled
    course, begin = start_course(unit)
    solves = _start(unit, course)
    profile = _profile(unit, course, solves, 0, np.full_like(unit.drawn.conc_z, np.nan))
    visits, decisions = [], [begin]
    hourly = [_hour_zero(unit, solves)] if unit.study.dense else []
    day = unit.drawn.visit_day[:, 0]

    for visit in range(1, len(unit.study.visits.days) + 1):
        visit_day = unit.drawn.visit_day[:, visit]
        at_visit, traced = _through(unit, course, solves, np.stack([day, visit_day], axis=1))
        seen = _observe(unit, course, at_visit, visit)
        solves, seen, day, more = _again(unit, course, at_visit, seen, visit)
        course, decided = apply_rules(unit, course, seen.counts.count, visit, seen.bleeding, seen.counts.known)
        unit = enrolled.under(course.treatment)
        profile = _profile(unit, course, at_visit, visit, profile)
        hourly += [*traced, *more]
        visits.append(seen)
        decisions.append(decided)

    cv = unit.on(CONCENTRATION.cv, _sampling_days(unit))
    profile = _while_there(unit, course, profile)
    reported = report_concentration(unit.study.pk_sampling, profile, unit.drawn.conc_z, cv)
    happened = tuple(visits), tuple(decisions), course
    return UnitResult(*happened, reported, profile, solves.status, solves.steps, tuple(hourly), solves.fastest)


def _through(unit: Unit, course: Course, now: Solves, days: NDArray[np.int64]) -> tuple[Solves, list[Hourly]]:
    """From the first to the second of ``days`` (n, 2), with what is taken and given on them; the hours, if dense."""
    hourly = []
    for span in cut(unit, course.rescues, spans_of(unit, days)):
        now = _transfused(unit, course, now, span)
        events = joined(now.late, daily_events(unit, course, days_of(span)))
        if unit.study.dense:
            now, traced = _advance_by_hours(unit, now, events, span)
            hourly.append(traced)
        else:
            now = _advance(unit, now, events, span)
        now = _with_days(unit, course, now, span)
    return now, hourly


def _with_days(unit: Unit, course: Course, now: Solves, span: NDArray[np.int64]) -> Solves:
    """With the days of ``span`` on which drug was taken, where something depends on them."""
    if now.on_drug is None:
        return now
    return replace(now, on_drug=now.on_drug + (dose_mg(unit, course, days_of(span)) > 0).sum(axis=1))


def _again(
    unit: Unit, course: Course, now: Solves, seen: Visit, visit: int
) -> tuple[Solves, Visit, NDArray[np.int64], list[Hourly]]:
    """Where everybody stands, and what is known of the visit, after the re-tests that it leads to; the day (n,) to
    which each has come, that of the visit without one; the hours, if dense.
    """
    day = unit.drawn.visit_day[:, visit]
    asked = asks_again(unit, seen.counts, seen.bleeding, course.place.leave_day, visit)
    if not asked.any():
        return now, seen, day, []
    later_day = day + np.where(asked, unit.study.laboratory.retest_days, 0)
    now, hourly = _through(unit, course, now, np.stack([day, later_day], axis=1))
    true = _output(unit, now.state[:, None], "PLT", later_day)[:, 0]
    true = np.where(asked & (now.status == Status.OK), true, np.nan)
    counts = with_retest(unit, seen.counts, asked, true, unit.on(PLATELETS.cv, later_day), visit)
    return now, replace(seen, counts=counts), later_day, hourly


def _transfused(unit: Unit, course: Course, now: Solves, span: NDArray[np.int64]) -> Solves:
    """Where a rescue adds platelets at the start of ``span``, with them."""
    if not unit.study.rescue.adds_platelets:
        return now
    return replace(now, state=with_platelets(unit, course.rescues, now.state, span))


def _start(unit: Unit, course: Course) -> Solves:
    """The drug-free steady state at the loss factor of day 0, before any chemotherapy; NaN for who is not sound.

    A wild draw may make a state that is not finite; the solver then says NON_FINITE.
    """
    first = untreated_day(unit, course)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        state = unit.structure.steady_state(unit.p_on(np.zeros(unit.drawn.n, dtype=np.int64)), first.inputs[:, 0])
    zero = np.zeros(unit.drawn.n, dtype=np.int64)
    status = np.where(unit.sound & ~unit.within, Status.OUTSIDE, Status.OK).astype(np.int8)
    fit = (unit.sound & unit.within)[:, None]
    on_drug = zero if unit.hardens else None
    late = later(first, np.full(unit.drawn.n, np.inf))
    return Solves(np.where(fit, state, np.nan), status, zero, late, on_drug=on_drug)


def _solve(
    unit: Unit, now: Solves, events: Events, times_h: Array, span: NDArray[np.int64], ends: Array | None = None
) -> tuple[Array, NDArray[np.int8], NDArray[np.int64]]:
    """States of everybody at ``times_h[:, 1:]`` in ``span`` (n, 2, days), within the limits of the study; outputs with
    ``ends``, which become the last states.

    Who has no day in the span stands still: no event acts on him. See ``trial.solver``.
    """
    limits = unit.study.solver
    days = max(1.0, float((times_h[:, -1] - times_h[:, 0]).max()) / 24.0)
    steps = int(limits.max_steps_per_day * days)
    return solve(
        unit.structure,
        unit.p_on(span[:, 0], now.on_drug),
        now.state,
        _none_for_the_idle(events, span),
        times_h,
        rtol=limits.rtol,
        atol=limits.atol,
        max_steps=steps,
        outputs=ends is not None,
        ends=ends,
    )


def _none_for_the_idle(events: Events, span: NDArray[np.int64]) -> Events:
    """Only the first event, at the start, for whoever has no day in the span."""
    idle = span[:, 0] == span[:, 1]
    if not idle.any():
        return events
    time_h = np.where(idle[:, None], np.inf, events.time_h)
    time_h[idle, 0] = 24.0 * span[idle, 0]
    return Events(time_h, events.amount, events.inputs)


def _advance(unit: Unit, now: Solves, events: Events, span: NDArray[np.int64]) -> Solves:
    """From the first to the second day of ``span`` (n, 2); whoever fails keeps the last good state and the failure."""
    states, status, steps = _solve(unit, now, events, np.asarray(24.0 * span), span)
    return _arrived(unit, now, (states[:, 0], status, steps), events, span)


def _arrived(
    unit: Unit,
    now: Solves,
    solved: tuple[Array, NDArray[np.int8], NDArray[np.int64]],
    events: Events,
    span: NDArray[np.int64],
) -> Solves:
    """What a solve over ``span`` came to (state, status, steps), after what was ``now``."""
    state, status, steps = solved
    status = np.where(now.status == Status.OK, status, now.status).astype(np.int8)
    state = np.where((status == Status.OK)[:, None], state, now.state)
    stuck = np.flatnonzero((status == Status.STEP_LIMIT) & (now.status == Status.OK))
    fastest = {**now.fastest, **why_stuck(unit, now.state, events, span, stuck)} if len(stuck) else now.fastest
    late = later(events, np.asarray(24.0 * span[:, 1]))
    return Solves(state, status, now.steps + steps, late, fastest, now.on_drug)


def _output(unit: Unit, states: Array, name: str, day: NDArray[np.int64]) -> Array:
    """An output of the structure from states (n, T, S) on a day (n,): (n, T)."""
    p = unit.p_on(day).T[:, :, None]
    values = unit.structure.outputs(states.transpose(2, 0, 1), p, [None] * len(unit.structure.inputs))
    return values[unit.structure.output_names.index(name)]


def _observe(unit: Unit, course: Course, now: Solves, visit: int) -> Visit:
    """True and reported count and bleeding grade of everybody who comes."""
    drawn, day = unit.drawn, unit.drawn.visit_day[:, visit]
    parameters = unit.on_day(day)
    state, solved = _at_hour(unit, course, now, visit)
    seen = _comes(unit, course, visit) & solved
    truth = np.where(solved, _output(unit, state[:, None], "PLT", day)[:, 0], np.nan)
    true = np.where(seen, truth, np.nan)
    counts = counts_of(unit, true, parameters[PLATELETS.cv], visit)
    grade = bleeding_grade(np.where(seen, true, 1.0), drawn.bleeding_u, drawn.bleeding_e[:, visit], parameters)
    return Visit(counts, np.where(seen, grade, np.nan), truth)


def _at_hour(unit: Unit, course: Course, now: Solves, visit: int) -> tuple[Array, NDArray[np.bool_]]:
    """The state at the visit, at the start of its day or later on it, in a solve of its own; of whom it is known."""
    fine = now.status == Status.OK
    if unit.drawn.visit_h is None or not unit.drawn.visit_h[:, visit].any():
        return now.state, fine
    day = unit.drawn.visit_day[:, visit]
    span = np.stack([day, day + 1], axis=1)
    now = _transfused(unit, course, now, span)
    events = joined(now.late, daily_events(unit, course, days_of(span)))
    times_h = np.stack([24.0 * day, 24.0 * day + unit.drawn.visit_h[:, visit]], axis=1)
    states, status, _ = _solve(unit, now, events, times_h, span)
    return states[:, 0], fine & (status == Status.OK)


def _comes(unit: Unit, course: Course, visit: int) -> NDArray[np.bool_]:
    """Whether the visit takes place, (n,): it is not missed, and the patient is still in the study."""
    return unit.drawn.present[:, visit] & (unit.drawn.visit_day[:, visit] < course.place.leave_day)


def _profile(unit: Unit, course: Course, now: Solves, visit: int, so_far: Array) -> Array:
    """True concentrations (n, P T), those from the dose of this visit on in a solve of its own; else as ``so_far``.

    The main solve never stops at the sampling times, so sampling changes nothing else. The doses of the days after it
    are those of the course as it stands. NaN for patients who are not seen, have failed, or have no active dose that
    day.
    """
    sampling, planned = unit.study.pk_sampling, (0, *unit.study.visits.days)[visit]
    if sampling is None or planned not in sampling.days:
        return so_far
    sample_h, first = np.array(sampling.times_h), unit.drawn.visit_day[:, visit : visit + 1]
    days = np.concatenate([first, first + day_of(sample_h[-1]) + 1], axis=1)
    times_h = np.asarray(24.0 * first + sample_h)
    conc, sampled = np.full(times_h.shape, np.nan), _comes(unit, course, visit) & (now.status == Status.OK)
    sampled &= dose_mg(unit, course, first)[:, 0] > 0
    for span in cut(unit, course.rescues, spans_of(unit, days)):
        now = _transfused(unit, course, now, span)
        events = joined(now.late, daily_events(unit, course, days_of(span)))
        begin, end = 24.0 * span[:, :1], 24.0 * span[:, 1:]
        goes_on = [end] if (span[:, 1] < days[:, 1]).any() else []
        asked = np.concatenate([begin, np.clip(times_h, begin, end), *goes_on], axis=1)
        states, status, _ = _solve(unit, now, events, asked, span)
        here = (times_h > begin) & (times_h <= end) | (times_h == begin) & (begin == 24.0 * first)
        conc = np.where(here, _output(unit, states[:, : len(sample_h)], "CONC", span[:, 0]), conc)
        sampled &= status == Status.OK
        now = replace(now, state=states[:, -1], late=later(events, np.asarray(end[:, 0])))
        now = _with_days(unit, course, now, span)
    found = so_far.copy()
    found[:, [day == planned for day, _ in sampling.samples]] = np.where(sampled[:, None], conc, np.nan)
    return found


def _while_there(unit: Unit, course: Course, profile: Array) -> Array:
    """The concentrations (n, P T) of the days before each patient has left, else NaN."""
    if unit.study.pk_sampling is None:
        return profile
    day = _sampling_days(unit) + day_of([hour for _, hour in unit.study.pk_sampling.samples])
    return np.where(day < course.place.leave_day[:, None], profile, np.nan)


def _sampling_days(unit: Unit) -> NDArray[np.int64]:
    """The day (n, P T) of the visit to which each sample of concentrations belongs."""
    sampling, days = unit.study.pk_sampling, (0, *unit.study.visits.days)
    return unit.drawn.visit_day[:, [days.index(day) for day, _ in sampling.samples] if sampling else []]


def _hour_zero(unit: Unit, now: Solves) -> Hourly:
    """Hour 0 of every course: the drug-free steady state."""
    state, day = now.state[:, None], unit.drawn.visit_day[:, 0]
    return Hourly(np.zeros(len(day)), _output(unit, state, "CONC", day), _output(unit, state, "PLT", day))


def _advance_by_hours(unit: Unit, now: Solves, events: Events, span: NDArray[np.int64]) -> tuple[Solves, Hourly]:
    """As ``_advance``, and every full hour after the first and up to the second day of ``span`` (n, 2).

    Hours are read in passing. Where the method would stop at each, they are read in a solve of their own, so that more
    outputs never change what happens.
    """
    first, last = 24.0 * span[:, :1], 24.0 * span[:, 1:]
    count = int((last - first).max())
    conc, plt = np.full((2, len(span), count), np.nan)  # what stays comes before what is let go: no holes in memory
    hour, ends = first + np.arange(count + 1), np.empty_like(now.state)
    values, status, steps = _solve(unit, now, events, np.minimum(hour, last), span, ends)
    known = (hour <= last)[:, 1:] & (now.status == Status.OK)[:, None]
    for kept, name in ((conc, "CONC"), (plt, "PLT")):
        np.copyto(kept, values[:, :, unit.structure.output_names.index(name)], where=known)
    traced = Hourly(np.asarray(first[:, 0] + 1), conc, plt)
    if not reads_in_passing(unit.structure):
        return _advance(unit, now, events, span), traced
    return _arrived(unit, now, (ends, status, steps), events, span), traced
