"""What a protocol may say, but is hardly meant to: each a place and a sentence, shown before and after a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cohorts.covariates import LIMITS
from trial.study.attrition import completing
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.leaving import Dropout
from trial.study.protocol import Problem
from trial.study.rescue_agents import Rescue
from trial.study.stages import LEAVES
from trial.study.study import Study

Path = tuple[str | int, ...]
HIGHEST_1E9L = LIMITS["BLPLAT"][1]
"""No patient has a count above it (10^9/L)."""
LOWEST_1E9L = 1.0
"""Hardly a count is reported below it (10^9/L)."""
PER_UL = 1000.0
FEW = 0.2
"""An arm of which fewer are expected to complete is worth a word."""
MANY_MISSED = 0.5
FULL_DOSES, NO_DOSE = 2.0, 0.01
SHORT_CYCLE_DAYS = 7
HIGH_REPORTING_LIMIT_1E9L = 10.0
LOOSE = 1e-4
FEW_STEPS = 100
"""Steps of the solver a day that a patient may need; 10 are too few for most, measured."""
LATE_MEAL_H = 12.0
USUAL_DAYS_BETWEEN = Rescue().min_days_between
CLOSE_SAMPLES_H = 1 / 60
MANY_COURSES = 10_000_000
NAMED_PLACEBO = re.compile(r"\s*(placebo|sham)\s*", re.IGNORECASE)


def unusual(study: Study) -> Iterator[Problem]:
    """Every such thing of a study."""
    if study.typical_patient:
        same = "; every replicate is the same" * (study.replicates > 1)
        text = (
            "seen true: every random number is at its median, the seed changes nothing, and shares are of one patient"
        )
        yield ("typical_patient",), text + same
    yield from _blank(study)
    yield from _size(study)
    yield from _arms(study)
    yield from _conduct(study)
    yield from _meals(study)
    yield from _samples(study)
    yield from _leaving(study)
    yield from _never_leaves(study)
    yield from _chemotherapy(study)
    for line in _lines(study):
        yield from line.problems(study.laboratory.lower_limit_1e9L)
    for name, rule in study.dose_rules.items():
        yield from _uncovered(("dose_rules", name, "steps"), rule, study.laboratory.lower_limit_1e9L)
        yield from _without_effect(("dose_rules", name, "steps"), rule, study.treatment_days)
        yield from _restarts(("dose_rules", name, "restart", "below_1e9L"), rule)
    yield from _strata(study)


def _blank(study: Study) -> Iterator[Problem]:
    """Texts for readers that have nothing to read."""
    texts: list[tuple[Path, str]] = [(("title",), study.title)]
    texts += [(("assumptions", k), text) for k, text in enumerate(study.assumptions)]
    texts += [(("dose_rules", name, "source"), rule.source) for name, rule in study.dose_rules.items()]
    texts += [(("dose_rules", name), name) for name in study.dose_rules]
    texts += [(("arms", k, "label"), arm.label) for k, arm in enumerate(study.arms) if arm.label]
    for path, text in texts:
        if not any(c.isprintable() and not c.isspace() for c in text):
            yield path, f"seen {text!r}: the report has nothing to print there"


def _size(study: Study) -> Iterator[Problem]:
    courses = study.subjects * study.replicates
    if courses > MANY_COURSES:
        key = "replicates" if study.replicates > study.patients else "patients"
        yield (key,), f"{courses:.3g} courses are simulated in all; `vtrial plan` says time, disk and memory"


def _arms(study: Study) -> Iterator[Problem]:
    if study.patients < len(study.arms) and not study.paired:
        yield ("patients",), f"seen {study.patients}; with {len(study.arms)} arms at least one has nobody"
    taken: dict[str, str] = {}
    for k, arm in enumerate(study.arms):
        name = arm.name
        if NAMED_PLACEBO.fullmatch(name) and not arm.placebo:
            path = ("arms", k, "label" if arm.label else "id")
            yield path, f"seen {name!r}, but active drug is taken in this arm; placebo: true gives none"
        if arm.start_dose_mg == 0 and not arm.placebo:
            yield ("arms", k, "start_dose_mg"), "seen 0: no drug is taken in this arm, which is no placebo arm"
        for key, word in (("id", arm.id), ("label", arm.name if arm.label else "")):
            other = taken.setdefault(word.strip().lower(), arm.id) if word.strip() else arm.id
            if other != arm.id:
                yield ("arms", k, key), f"seen {word!r}, which also names the arm {other}: readers cannot tell them"


def _conduct(study: Study) -> Iterator[Problem]:
    missed, limit = study.visits.missed_probability, study.laboratory.lower_limit_1e9L
    if missed >= MANY_MISSED:
        what = "no visit takes place, so there is no count after baseline" if missed == 1 else "most visits are missed"
        yield ("visits", "missed_probability"), f"seen {missed:g}: {what}"
    if study.adherence.mean == 0:
        yield ("adherence", "mean"), "seen 0: nobody ever takes a dose"
    if limit >= HIGH_REPORTING_LIMIT_1E9L:
        yield (
            ("laboratory", "lower_limit_1e9L"),
            f"seen {limit:g}: every lower count is reported as it, at baseline too",
        )
    own = [agent.min_days_between is not None for agent in study.rescue.agents]
    if own and all(own) and study.rescue.min_days_between != USUAL_DAYS_BETWEEN:
        seen = f"seen {study.rescue.min_days_between}: every agent has its own, so nothing keeps to it"
        yield ("rescue", "min_days_between"), seen
    if study.rescue.allowed and study.rescue.min_days_between == 0:
        yield ("rescue", "min_days_between"), "seen 0: a rescue does not put off the next one"
    for key in ("rtol", "atol"):
        if (error := getattr(study.solver, key)) > LOOSE:
            yield ("solver", key), f"seen {error:g}: errors of the solver may be seen in the results"
    if (steps := study.solver.max_steps_per_day) < FEW_STEPS:
        yield ("solver", "max_steps_per_day"), f"seen {steps}: patients may need more, and fail"


def _meals(study: Study) -> Iterator[Problem]:
    """Meals that come when hardly any drug is left to bind."""
    hours: dict[Path, float | None] = {
        ("arms", k, "meal_after_dose_h"): arm.meal_after_dose_h for k, arm in enumerate(study.arms)
    }
    hours |= {("meals", "after_dose_h"): study.meals.after_dose_h if study.meals else None}
    for path, hour in hours.items():
        if hour is not None and hour > LATE_MEAL_H:
            yield path, f"seen {hour:g} h: most of the dose is absorbed by then, and the meal binds hardly any"


def _samples(study: Study) -> Iterator[Problem]:
    """Samples that nobody can take so fast, or when the study is over."""
    sampling, last = study.pk_sampling, study.visits.days[-1]
    if sampling is None:
        return
    times = sampling.times_h
    for k, (before, time) in enumerate(pairwise(times), start=1):
        if time - before < CLOSE_SAMPLES_H:
            yield ("pk_sampling", "times_h", k), f"seen {time:g} h, less than a minute after the sample before"
    apart = [str(level) for rule in study.dose_rules.values() for level in rule.ladder if not level.daily]
    if apart:
        days = f"day {' or '.join(map(str, sampling.days))}"
        said = f"Cmax, Ctrough and AUCtau are of the first 24 h, not of the days between doses: {'; '.join(apart)}"
        yield ("pk_sampling",), f"{said}; who has no dose on {days} has no profile"
    if sampling.days[-1] + times[-1] / 24 > last + 1:
        end = f"the study ends at the last visit, on day {last}"
        yield ("pk_sampling", "times_h", len(times) - 1), f"seen {times[-1]:g} h after day {sampling.days[-1]}; {end}"


def _leaving(study: Study) -> Iterator[Problem]:
    """Arms that hardly anybody completes, those of the same share together."""
    last = study.visits.days[-1]
    found: dict[str, list[str]] = {}
    for arm in study.arm_ids:
        share = completing(study.dropout, arm, last)
        if share < FEW:
            found.setdefault(f"{100 * share:.2g} %", []).append(arm)
    for percent, arms in found.items():
        yield (
            ("dropout",),
            f"about {percent} of {', '.join(arms)} are expected to stay to the last visit, on day {last}",
        )


def _never_leaves(study: Study) -> Iterator[Problem]:
    """Reasons for which nobody can ever leave: the hazard is 0, or runs on no day before the last visit, or in no stage
    on those days.
    """
    last = study.visits.days[-1]
    begins = {stage.id: study.days_before(k) for k, stage in enumerate(study.stages)}
    for k, item in enumerate(study.dropout):
        days, path = item.factors(last), ("dropout", k)
        told = [item.of_arm(name, arm) for name in ("hazard_per_week", "share_by_end") for arm in study.arm_ids]
        if not item.at_once and not any(told) and not item.always:
            yield (*path, "hazard_per_week"), f"seen 0: nobody leaves for {item.reason}"
        elif item.from_day >= last:
            yield (*path, "from_day"), f"seen {item.from_day}; the last visit is on day {last}: nobody leaves for it"
        elif not days.any():
            yield (
                (*path, "changes"),
                f"the hazard runs on no day before the last visit, day {last}: nobody leaves for it",
            )
        elif item.stages and not any(_overlaps(study, item, id_, begins[id_]) for id_ in item.stages):
            yield (*path, "stages"), f"nobody is in {' or '.join(item.stages)} on those days: nobody leaves for it"


def _overlaps(study: Study, item: Dropout, stage: str, begin: int) -> bool:
    """Whether a patient may be in a stage on a day on which the hazard of a reason runs, visits moved by their window.

    A stage that may end before its days may also be followed earlier.
    """
    place = [each.id for each in study.stages].index(stage)
    early = any(each.until or each.otherwise != LEAVES for each in study.stages[: place + 1])
    width = study.visits.window_days
    first = 0 if early and place else max(begin - width, 0)
    end = min(begin + study.stages[place].days, study.visits.days[-1]) + width
    return bool(item.factors(max(end, first + 1))[first:].any())


def _chemotherapy(study: Study) -> Iterator[Problem]:
    if study.chemotherapy is None:
        return
    if study.chemotherapy.cycle_days < SHORT_CYCLE_DAYS:
        yield ("chemotherapy", "cycle_days"), f"seen {study.chemotherapy.cycle_days}; cycles last weeks"
    for k, dose in enumerate(study.chemotherapy.doses):
        if dose.intensity > FULL_DOSES:
            said = f"seen {dose.intensity:g}, so many times a full dose; the kill was never seen beyond one"
            yield ("chemotherapy", "doses", k, "intensity"), said
        elif dose.intensity < NO_DOSE:
            yield ("chemotherapy", "doses", k, "intensity"), f"seen {dose.intensity:g} of a full dose: no effect"


@dataclass(frozen=True)
class CountLine:
    """A count that something depends on (10^9/L): where it stands, and whether counts must be at least it or below."""

    path: Path
    count_1e9L: float
    at_least: bool

    def problems(self, reported_from_1e9L: float) -> Iterator[Problem]:
        """Whether every or no count that a laboratory can report is on one side of the line."""
        seen = self.count_1e9L
        if seen > HIGHEST_1E9L:
            side = "no count is so high" if self.at_least else "every count is below it"
            meant = seen / PER_UL
            hint = f"; did you mean {meant:g}, for {seen:g} per µL?" if LOWEST_1E9L <= meant <= HIGHEST_1E9L else ""
            yield self.path, f"seen {seen:g} x 10^9/L: {side}{hint}"
        elif seen <= reported_from_1e9L or seen < LOWEST_1E9L:
            side = "every count is at least that" if self.at_least else "no count is below it"
            why = f" (laboratory.lower_limit_1e9L: {reported_from_1e9L:g})" if seen <= reported_from_1e9L else ""
            yield self.path, f"seen {seen:g} x 10^9/L: {side}{why}"


def _lines(study: Study) -> Iterator[CountLine]:
    """Every count that the protocol or the analysis asks for."""
    yield CountLine(("analysis", "response_threshold_1e9L"), study.analysis.response_threshold_1e9L, True)
    yield CountLine(("screening", "platelets_below_1e9L"), study.screening.platelets_below_1e9L, False)
    if study.chemotherapy and study.chemotherapy.start:
        yield CountLine(("chemotherapy", "start", "at_least_1e9L"), study.chemotherapy.start.at_least_1e9L, True)
    if study.adherence.gives_up:
        yield CountLine(("adherence", "gives_up", "below_1e9L"), study.adherence.gives_up.below_1e9L, False)
    for k, item in enumerate(study.dropout):
        if item.when and item.when.at_least_1e9L > 0:
            yield CountLine(("dropout", k, "when", "at_least_1e9L"), item.when.at_least_1e9L, True)
        if item.when and item.when.below_1e9L < float("inf"):
            yield CountLine(("dropout", k, "when", "below_1e9L"), item.when.below_1e9L, False)
    for k, agent in enumerate(study.rescue.agents):
        if agent.below_1e9L is not None:
            yield CountLine(("rescue", "agents", k, "below_1e9L"), agent.below_1e9L, False)
    for k, stage in enumerate(study.stages):
        for key, asked in (("enters", stage.enters), ("until", stage.until)):
            if asked is not None and asked.at_least_1e9L > 0:
                yield CountLine(("stages", k, key, "at_least_1e9L"), asked.at_least_1e9L, True)
            if asked is not None and asked.below_1e9L < float("inf"):
                yield CountLine(("stages", k, key, "below_1e9L"), asked.below_1e9L, False)
    for name, rule in study.dose_rules.items():
        for k, step in enumerate(rule.steps):
            path = ("dose_rules", name, "steps", k)
            if step.at_least_1e9L > 0:
                yield CountLine((*path, "at_least_1e9L"), step.at_least_1e9L, True)
            if step.below_1e9L < float("inf"):
                yield CountLine((*path, "below_1e9L"), step.below_1e9L, False)
        if rule.restart:
            yield CountLine(("dose_rules", name, "restart", "below_1e9L"), rule.restart.below_1e9L, False)


def _everywhere(rule: DoseRule) -> list[DoseStep]:
    """The steps that apply on every rung."""
    return [step for step in rule.steps if (step.rung == "any" or rule.top == 0) and not sometimes(step)]


def sometimes(step: DoseStep) -> bool:
    """Whether a step applies on some days or to some patients only."""
    return step.from_day > 0 or step.until_day is not None or step.never_at_least_1e9L is not None


def _uncovered(path: Path, rule: DoseRule, reported_from_1e9L: float) -> Iterator[Problem]:
    """Counts between, below or above the steps of a rule of several: the dose stays without a step that says so."""
    gaps = counts_between(_everywhere(rule), reported_from_1e9L)
    if gaps and len(rule.steps) > 1:
        yield path, f"no step covers counts of {gaps} on every level: there the dose stays as it is"


def counts_between(steps: Sequence[DoseStep], reported_from_1e9L: float = 0.0) -> str:
    """The counts, from the lowest that a laboratory reports, that none of the steps covers, in words."""
    reached, gaps = reported_from_1e9L, []
    for step in sorted(steps, key=lambda step: step.at_least_1e9L):
        if step.at_least_1e9L > reached:
            low = f"{reached:g} to below " if reached > reported_from_1e9L else "below "
            gaps.append(f"{low}{step.at_least_1e9L:g}")
        reached = max(reached, step.below_1e9L)
    if reached < float("inf"):
        gaps.append(f"{reached:g} or more")
    return " and ".join(gaps)


def _without_effect(path: Path, rule: DoseRule, treatment_days: int) -> Iterator[Problem]:
    """Steps that are never taken: another one is always first, or they wait longer than treatment lasts; moves to
    where the patient is, and named levels that nothing names.
    """
    for k, step in enumerate(rule.steps):
        first = next((j for j, other in enumerate(rule.steps[:k]) if _takes_all(other, step)), None)
        if first is not None:
            yield (*path, k), f"never taken: steps.{first} comes first and takes all its counts"
        if step.min_days_since_change >= treatment_days:
            seen = f"seen {step.min_days_since_change}; treatment lasts {treatment_days} days"
            yield (*path, k, "min_days_since_change"), f"{seen}, so the step is never taken"
        if step.from_day >= treatment_days:
            seen = f"seen {step.from_day}; the last day of treatment is {treatment_days - 1}"
            yield (*path, k, "from_day"), f"{seen}, so the step is never taken"


def _restarts(path: Path, rule: DoseRule) -> Iterator[Problem]:
    """A restart at counts that interrupt."""
    limit = rule.restart.below_1e9L if rule.restart else 0.0
    for k, step in enumerate(rule.steps):
        if step.action == "interrupt" and 0 < step.at_least_1e9L < limit:
            again = f"a count of {step.at_least_1e9L:g} to below {limit:g} interrupts, and restarts at the next visit"
            yield path, f"seen {limit:g}; steps.{k} interrupts from {step.at_least_1e9L:g}: {again}"


def _takes_all(first: DoseStep, later: DoseStep) -> bool:
    return (
        first.rung in ("any", later.rung)
        and first.never_at_least_1e9L in (None, later.never_at_least_1e9L)
        and first.from_day <= later.from_day
        and _last_day(first) >= _last_day(later)
        and (first.action != "taper" or later.action == "taper")
        and first.at_least_1e9L <= later.at_least_1e9L
        and first.below_1e9L >= later.below_1e9L
        and first.min_days_since_change <= later.min_days_since_change
        and first.confirm_visits <= later.confirm_visits
    )


def _last_day(step: DoseStep) -> float:
    return float("inf") if step.until_day is None else step.until_day


def _strata(study: Study) -> Iterator[Problem]:
    """Cuts with nobody on one side, as far as the protocol tells."""
    rules = study.screening
    ranges = {name: (low, high) for name, (low, high, _) in LIMITS.items()} | {"BMI": (8.0, 100.0)}
    ranges["AGE"] = (rules.age_at_least_y, rules.age_at_most_y)
    lowest = max(rules.platelets_at_least_1e9L, study.laboratory.lower_limit_1e9L)
    ranges["BLPLAT"] = (lowest, rules.platelets_below_1e9L)
    cuts = [
        (("randomisation", "strata", k, "cut"), f.covariate, f.cut) for k, f in enumerate(study.randomisation.strata)
    ]
    cuts += [(("analysis", "subgroups", k, "cut"), f.covariate, f.cut) for k, f in enumerate(study.analysis.subgroups)]
    for path, name, cut in cuts:
        low, high = ranges.get(name, (float("-inf"), float("inf")))
        if cut is not None and not low < cut < high:
            side = "below it" if cut >= high else "at or above it"
            yield path, f"seen {cut:g}; {name} is {low:g} to {high:g} here, so everybody is {side}"
