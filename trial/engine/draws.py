"""Everything random that will happen to the patients of a work unit, drawn before the simulation starts.

The simulation itself has no randomness. Every quantity has its own stream, keyed by the nominal day, so that
adding a visit, an arm or a quantity changes no other draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from cohorts import elementary
from cohorts.changing import EVERYBODY, FAR
from cohorts.episodes import EC50, refractory
from cohorts.parameters import BIOAVAILABILITY, ParameterSet
from cohorts.sampler import Cohort
from cohorts.streams import Draws
from trial.engine.by_the_clock import Clocked
from trial.engine.dose_hours import hours_of_doses
from trial.engine.followed import Followed
from trial.engine.holidays import by_chance, on_holiday
from trial.engine.in_force import OtherDrug, of_either, without
from trial.engine.leave_clocks import LeaveClocks, draw_leaving
from trial.engine.liver_draws import LiverDraws, draw_liver
from trial.engine.samples import Samples, draw_samples
from trial.engine.weeks import Occasions, Own, by_week, days_of_change, in_episodes, log_loss, on_days, taken_up
from trial.models import Structure
from trial.study.habits import Adherence, Meals
from trial.study.stages import Given, treatments
from trial.study.study import Study

Array = NDArray[np.float64]
FIRST_RESCUES = 4
DRIFT_DAYS = 28.0
"""Log odds of a habit drift by so much in so many days."""
NOTHING_LOST = Samples()
NO_MEALS = Meals(share_mean=0.0, after_dose_h=0.0)


@dataclass(frozen=True)
class Drawn:
    """Draws of a unit of ``n`` patients, ``V`` visits after baseline, ``D`` days.

    arm (n,) index. visit_day (n, V+1) actual day, column 0 is day 0. missed (n, V+1). taken (n, D): the dose of the day
    is taken if one is prescribed. adherence (n,) probability of that. early_meal (n, D): a meal comes too early after
    that dose. meal_share (n,) probability of that. bioavailability (n, D) relative. log_loss (n, D) of the loss
    factor. count_z, bleeding_e (n, V+1) and conc_z (n, P T) standard normal. bleeding_u (n,).
    rescue_clock (n, episodes) cumulative hazard at which a rescue is given, for as many as there can be. leave_day (n,)
    and leave_reason (n,), as far as only time tells: index into study.dropout, -1 stays. occasions: by name, the
    parameters that differ from week to week. samples: what happens to the samples of the visits. holiday (n, D): the
    dose is missed in a run of days. patience (n,): cumulative hazard at which the drug is given up. cycle_factor
    (n, C): what multiplies the kill of each cycle of chemotherapy; None: nothing. leaving: what decides who leaves for
    a reason that depends on his course; None: no such reason. visit_h (n, V+1): hour of the actual day of the visit;
    None: its start. log_ec50 (n, D): the log-rise of EC50 while response is lost; None: it never is.
    hardening (n,): the log-rise of EC50 of each day on drug; None: there is none. liver: what decides on ALT; None:
    nobody measures it. dose_h (n, D): the hour of each day's dose, and late_h (n, D): how much later than usual that
    is; None: that of the visits.
    """

    arm: NDArray[np.int64]
    visit_day: NDArray[np.int64]
    missed: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    adherence: Array
    early_meal: NDArray[np.bool_]
    meal_share: Array
    bioavailability: Array
    log_loss: Array
    count_z: Array
    bleeding_u: Array
    bleeding_e: Array
    conc_z: Array
    rescue_clock: Array
    leave_day: NDArray[np.int64]
    leave_reason: NDArray[np.int64]
    occasions: Mapping[str, Occasions] = field(default_factory=dict)
    cycle_factor: Array | None = None
    samples: Samples = NOTHING_LOST
    holiday: NDArray[np.bool_] | None = None
    patience: Array | None = None
    visit_h: Array | None = None
    leaving: LeaveClocks | None = None
    log_ec50: Array | None = None
    hardening: Array | None = None
    liver: LiverDraws | None = None
    dose_h: Array | None = None
    late_h: Array | None = None

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.arm)

    @property
    def present(self) -> NDArray[np.bool_]:
        """(n, V+1): the visit takes place: not missed, and the patient is still in the study."""
        return ~self.missed & (self.visit_day < self.leave_day[:, None])


@dataclass(frozen=True, eq=False)
class Unit:
    """One work unit: the study, the structure, the patients' parameters by name (n,) and what was drawn for them; and
    of each treatment with another drug than the study's what that drug has of its own.

    columns: covariates (n,) that start doses may ask for. changes: the covariates that change, with the parameters that
    follow; ``parameters`` are then those of day 0. plan_mg (n, D): the dose prescribed for each day, whatever
    the rules say; None: as they say. clocked: the doses of a schedule of the user's own, of which plan_mg are the sums.
    """

    study: Study
    structure: Structure
    parameters: dict[str, Array]
    drawn: Drawn
    others: Mapping[int, OtherDrug] = field(default_factory=dict)
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    changes: Followed | None = None
    plan_mg: Array | None = None
    clocked: Clocked | None = None

    @cached_property
    def _plan(self) -> tuple[tuple[Given, ...], tuple[tuple[int, ...], ...]]:
        return treatments(self.study.plan, self.study.arms)

    @property
    def treatments(self) -> tuple[Given, ...]:
        """Every treatment of the trial, those of the arms first."""
        return self._plan[0]

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """The treatment of each arm in each stage, (S, A), as places in ``treatments``."""
        return self._plan[1]

    def of_treatment(self, what: Callable[[Given], Any], kind: type) -> NDArray[Any]:
        """Something of every treatment, as an array of this kind."""
        return np.array([what(given) for given in self.treatments], dtype=kind)

    def starts_mg(self, treatment: NDArray[np.int64], day: NDArray[np.int64]) -> Array:
        """The start dose (mg) of everybody's ``treatment``, (n,), which begins on a day (n,)."""
        columns = self.columns if self.changes is None else self.changes.covariates(self.columns, day)
        by_treatment = np.stack([given.arm.starts_mg(columns, self.drawn.n) for given in self.treatments])
        return np.take_along_axis(by_treatment, treatment[None, :], axis=0)[0]

    def under(self, treatment: NDArray[np.int64]) -> Unit:
        """The unit with the parameters that hold under the ``treatment`` of everybody, (n,), and with the laws of the
        drug of each; those of his disease, remission and swings of the loss, stay.
        """
        switched = [place for place in self.others if (treatment == place).any()]
        if not switched:
            return self
        parameters, drawn, changes = dict(self.parameters), self.drawn, self.changes
        for place in switched:
            who, other, before = treatment == place, self.others[place], dict(parameters)
            parameters |= {name: np.where(who, value, parameters[name]) for name, value in other.parameters.items()}
            available = np.where(who[:, None], other.bioavailability, drawn.bioavailability)
            drawn = replace(
                drawn,
                bioavailability=available,
                occasions=without(drawn.occasions, who, self.structure.drug),
                log_ec50=of_either(who[:, None], other.log_ec50, drawn.log_ec50),
                hardening=of_either(who, other.hardening, drawn.hardening),
            )
            changes = changes and changes.with_other(who, other.changed, other.parameters, before)
        return replace(self, parameters=parameters, drawn=drawn, changes=changes)

    @property
    def hardens(self) -> bool:
        """Whether a drug of the trial loses effect with the days on it."""
        return any(x is not None for x in (self.drawn.hardening, *(one.hardening for one in self.others.values())))

    @cached_property
    def sound(self) -> NDArray[np.bool_]:
        """(n,): every parameter of the patient is a finite number; the others fail from the start (NON_FINITE)."""
        later = self.changes.parameters.values() if self.changes else ()
        finite = [np.isfinite(values).all(axis=1) for values in later]
        return np.logical_and.reduce([*finite, *(np.isfinite(values) for values in self.parameters.values())])

    @cached_property
    def within(self) -> NDArray[np.bool_]:
        """(n,): the parameters keep to the limits of the structure on every day; the others fail (OUTSIDE)."""
        weeks = max((o.factor.shape[1] for o in self.drawn.occasions.values()), default=1)
        days = [np.full(self.drawn.n, 7 * week) for week in range(weeks)]
        days += list(np.where(self.cuts < FAR, self.cuts, 0).T)
        values = [self.on_day(day) for day in days]
        kept = [limit.holds(p) for limit in self.structure.limits for p in values]
        return np.logical_and.reduce([np.full(self.drawn.n, True), *kept])

    @cached_property
    def p(self) -> Array:
        """Parameters of the structure, (n, P), in its order; 1 in all places of a patient who is not ``sound``."""
        own = np.stack([self.parameters[name] for name in self.structure.parameters], axis=1)
        return np.where(self.sound[:, None], own, 1.0)

    @cached_property
    def weekly(self) -> tuple[str, ...]:
        """Parameters of the structure that differ from week to week."""
        return tuple(name for name in self.structure.parameters if name in self.drawn.occasions)

    @cached_property
    def followed(self) -> tuple[str, ...]:
        """Parameters of the structure that differ from week to week, follow covariates that change, or EC50 where
        response may be lost.
        """
        moved = (*self.drawn.occasions, *(self.changes.parameters if self.changes else ()))
        moved = (*moved, EC50) if self.drawn.log_ec50 is not None else moved
        return tuple(name for name in self.structure.parameters if name in moved)

    @cached_property
    def cuts(self) -> NDArray[np.int64]:
        """(n, K): the days on which a parameter of the structure changes with a covariate of the patient, or response
        is lost or regained; else FAR.
        """
        found = [days_of_change(self.drawn.log_ec50)] if self.drawn.log_ec50 is not None else []
        if self.changes is not None:
            changed = self.changes.parameters.items()
            found.append(self.changes.pieces.begins([x for name, x in changed if name in self.structure.parameters]))
        return np.concatenate(found, axis=1) if found else np.empty((self.drawn.n, 0), dtype=np.int64)

    @cached_property
    def swings(self) -> Array:
        """(n, D): the loss factor of each day but for rescue therapy."""
        with np.errstate(over="ignore"):  # the solver says NON_FINITE where a wild draw gives infinity
            return np.asarray(elementary.exp(self.drawn.log_loss))

    def on(self, name: str, day: NDArray[np.int64], who: NDArray[np.int64] | slice = EVERYBODY) -> Array:
        """As ``Own.on``; EC50 as it is where response is lost."""
        value = Own(self.parameters, self.drawn.occasions, self.changes).on(name, day, who)
        rise = self.drawn.log_ec50 if name == EC50 else None
        return value if rise is None else value * elementary.exp(on_days(rise, day, who))

    def on_day(self, day: NDArray[np.int64]) -> dict[str, Array]:
        """Every parameter on a day (n,) of each patient."""
        return {name: self.on(name, day) for name in self.parameters}

    def p_on(self, day: NDArray[np.int64], on_drug: NDArray[np.int64] | None = None) -> Array:
        """``p`` on a day (n,) of each patient, after so many days ``on_drug`` (n,)."""
        if on_drug is not None and self.drawn.hardening is not None:
            p, place = self.p_on(day).copy(), self.structure.parameters.index(EC50)
            p[:, place] *= elementary.exp(self.drawn.hardening * on_drug)
            return p
        if not self.followed:
            return self.p
        p = self.p.copy()
        for name in self.followed:
            p[:, self.structure.parameters.index(name)] = np.where(self.sound, self.on(name, day), 1.0)
        return p


def draw_unit(
    study: Study, chosen: ParameterSet, cohort: Cohort, arm: NDArray[np.int64], changes: Followed | None = None
) -> Drawn:
    """Everything random of a unit; ``arm`` (n,) is the arm index of each patient."""
    draws, p = cohort.draws, cohort.parameters
    nominal = (0, *study.visits.days)
    days = nominal[-1] + study.visits.window_days
    visit_day, missed = _visits(study, cohort)
    adherence, taken, holiday = _intake(draws, study.adherence, days)
    meals = study.meals or NO_MEALS
    meal_share, early_meal = _habit(draws, "food", meals.share_mean, meals.share_sd, days, meals.log_odds_per_28_days)
    occasions = {
        e.parameter: Occasions(by_week(draws, chosen, e.parameter, days), e.scale)
        for e in chosen.effects("occasion")
        if e.parameter != BIOAVAILABILITY
    }
    own = Own(p, occasions, changes)
    leave_day, leave_reason, leaving = draw_leaving(study, arm, draws)
    clocks = [-elementary.log(draws.uniform("rescue", k)) for k in range(most_rescues(study))]
    return Drawn(
        arm=arm,
        visit_day=visit_day,
        missed=missed,
        taken=taken,
        adherence=adherence,
        early_meal=early_meal,
        meal_share=meal_share,
        bioavailability=taken_up(draws, chosen, days),
        log_loss=log_loss(draws, days, own),
        count_z=_by_day(cohort, "residual:platelets", nominal),
        bleeding_u=draws.normal("bleeding:propensity"),
        bleeding_e=_by_day(cohort, "bleeding:visit", nominal),
        conc_z=_profile_errors(study, cohort),
        rescue_clock=np.cumsum(np.stack(clocks, axis=1), axis=1),
        leave_day=leave_day,
        leave_reason=leave_reason,
        occasions=occasions,
        cycle_factor=_cycle_factor(study, draws),
        samples=draw_samples(study, draws),
        holiday=holiday,
        patience=-elementary.log(draws.uniform("adherence:patience")) if study.adherence.gives_up else None,
        leaving=leaving,
        log_ec50=in_episodes("loss of response", draws, days, own),
        hardening=refractory(draws, p),
        liver=draw_liver(study, cohort),
        **hours_of_doses(study, draws, days, visit_day),
    )


def _cycle_factor(study: Study, draws: Draws) -> Array | None:
    """What multiplies the kill of each cycle of chemotherapy, (n, C): log-normal between cycles with median 1, stream
    "chemotherapy:cycle" by cycle, times what has accumulated; None where every cycle is alike.
    """
    plan = study.chemotherapy
    if plan is None or not (plan.between_cycles_cv or plan.accumulates):
        return None
    grown = (1.0 + plan.accumulates) ** np.arange(plan.cycles)
    if not plan.between_cycles_cv:
        return np.tile(grown, (len(draws), 1))
    sd = float(np.sqrt(np.log1p(plan.between_cycles_cv**2)))
    z = np.stack([draws.normal("chemotherapy:cycle", k) for k in range(plan.cycles)], axis=1)
    return np.asarray(grown * elementary.exp(sd * z))


def most_rescues(study: Study) -> int:
    """As many as a patient can have, one a visit and as far apart as the protocol asks, so that nobody reaches a cap;
    the first ``FIRST_RESCUES`` always.
    """
    days = study.visits.days[-1] + study.visits.window_days
    possible = min(len(study.visits.days), 1 + days // max(study.rescue.min_days_between, 1))
    return max(possible, FIRST_RESCUES)


def _by_day(cohort: Cohort, name: str, days: tuple[int, ...]) -> Array:
    return np.stack([cohort.draws.normal(name, day) for day in days], axis=1)


def _profile_errors(study: Study, cohort: Cohort) -> Array:
    """(n, P T) standard normal, one stream per nominal sampling time; no columns without sampling."""
    if study.pk_sampling is None:
        return np.empty((len(cohort.draws), 0))
    samples = study.pk_sampling.samples
    return np.stack([cohort.draws.normal(f"residual:concentration:{hour:g}h", day) for day, hour in samples], axis=1)


def _visits(study: Study, cohort: Cohort) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Actual days, uniform on the whole days of the window, and which visits are missed; baseline is day 0, never
    missed.
    """
    draws, width = cohort.draws, study.visits.window_days
    actual, missed = [], []
    for nominal in study.visits.days:
        shift = np.floor(draws.uniform("visit:window", nominal) * (2 * width + 1)).astype(np.int64) - width
        actual.append(nominal + shift)
        missed.append(draws.uniform("visit:missed", nominal) < study.visits.missed_probability)
    first = np.zeros_like(actual[0])
    return np.stack([first, *actual], axis=1), np.stack([first.astype(bool), *missed], axis=1)


def _intake(draws: Draws, said: Adherence, days: int) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Each patient's probability of taking a day's dose, the days on which it is taken, and those of holidays."""
    if said.holidays is None or said.mean == 0:
        return *_habit(draws, "adherence", said.mean, said.sd, days, said.log_odds_per_28_days), None
    probability = _propensity(draws, "adherence", said.mean, said.sd)
    away = on_holiday(draws, probability, said.holidays, days)
    return probability, _done(draws, "adherence", by_chance(probability, said.holidays), days) & ~away, away


def _habit(
    draws: Draws, name: str, mean: float, sd: float, days: int, drift: float = 0.0
) -> tuple[Array, NDArray[np.bool_]]:
    """Each patient's probability of doing something on day 0 and the days on which it is done.

    Streams "<name>:propensity" and "<name>" by day. With a mean of 0 nothing is drawn: it is never done.
    """
    if mean == 0:
        return np.zeros(len(draws)), np.zeros((len(draws), days), dtype=bool)
    probability = _propensity(draws, name, mean, sd)
    return probability, _done(draws, name, probability, days, drift)


def _propensity(draws: Draws, name: str, mean: float, sd: float) -> Array:
    """Each patient's probability (n,): Beta by inverse CDF, or the mean."""
    n = len(draws)
    probability = np.full(n, mean)
    if sd > 0:
        size = mean * (1 - mean) / sd**2 - 1
        probability = betaincinv(mean * size, (1 - mean) * size, draws.uniform(f"{name}:propensity"))
    return np.asarray(probability)


def _done(draws: Draws, name: str, probability: Array, days: int, drift: float = 0.0) -> NDArray[np.bool_]:
    """The days (n, D) on which it is done, by chance; ``drift``: of the log odds of everybody every 28 days."""
    u = np.stack([draws.uniform(name, day) for day in range(days)], axis=1)
    if not drift:
        return u < probability[:, None]
    grown = elementary.exp(drift / DRIFT_DAYS * np.arange(days))
    return u * (1.0 - probability[:, None] + probability[:, None] * grown) < probability[:, None] * grown
