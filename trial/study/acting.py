"""Covariates whose change during the trial changes something, and what is wrong with the changes a study asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cohorts.brought import BroughtPatients, PatientsError, read_patients
from cohorts.by_day import FIXED, read_by_day
from cohorts.changing import moved_by
from cohorts.covariates import CATEGORIES, EVERYBODY
from cohorts.episodes import FOR_LIFE, OF_LAWS
from cohorts.gates import BEYOND_STRUCTURE
from cohorts.parameters import CovariateEffect, ParameterSet, near
from cohorts.sets import parameter_set
from trial.models import structure_of
from trial.models.wellformed import read_every_day
from trial.study.changes import CovariateChange, given_before
from trial.study.protocol import Problem, not_among
from trial.study.study import Study

WEIGHT, BMI = "WEIGHT", "BMI"


def acting(study: Study) -> dict[str, bool]:
    """The covariates that may change after day 0, and whether they are words: those of effects on parameters that are
    read every day, and those that start doses of later stages ask for.
    """
    found: dict[str, bool] = {}
    for name in sets_of(study):
        found |= {x.covariate: x.form == "factor" for x in _effects(parameter_set(name))}
    lines = [line for stage in study.stages for given in stage.arms.values() for line in given.start_dose_by]
    found |= {name: bool(asked.one_of) for line in lines for name, asked in line.if_.items()}
    if BMI in found:
        found.setdefault(WEIGHT, False)
    return {name: words for name, words in found.items() if name not in FIXED}


def reads_bmi(study: Study) -> bool:
    """Whether an effect or a start dose is on the BMI, which goes with the weight."""
    effects = [x.covariate for name in sets_of(study) for x in parameter_set(name).covariate_effects]
    return BMI in (*effects, *study.start_covariates)


def sets_of(study: Study) -> tuple[str, ...]:
    """The parameter sets of a study: its own, then those of other drugs of its stages."""
    others = [given.parameter_set for stage in study.stages for given in stage.arms.values() if given.parameter_set]
    return tuple(dict.fromkeys([study.parameter_set, *others]))


def _effects(chosen: ParameterSet) -> list[CovariateEffect]:
    """The effects whose parameter, or the class that it is the value of, is read every day."""
    model = structure_of(chosen)
    read = read_every_day(chosen, model) | {*BEYOND_STRUCTURE, *OF_LAWS} - {*FOR_LIFE}
    return [x for x in chosen.covariate_effects if set(moved_by(_with(chosen, x), [x.covariate])) & read]


def _with(chosen: ParameterSet, effect: CovariateEffect) -> ParameterSet:
    return replace(chosen, covariate_effects=(effect,))


def change_problems(study: Study) -> Iterator[Problem]:
    """Changes of what there is not, does not act, or cannot be so; and what is wrong with a table of values by day."""
    chosen = study.population
    if not chosen.changing:
        return
    own = read_patients(chosen.file) if chosen.file else None
    acts, told = acting(study), set[str]()
    if own and chosen.by_day:
        try:
            told = set(read_by_day(chosen.by_day, own, acts).columns)
        except (PatientsError, OSError) as error:
            yield from ((("population", "by_day"), line) for line in str(error).splitlines())
    for k, change in enumerate(chosen.changes):
        path = ("population", "changes", k)
        if change.covariate in told:
            yield (*path, "covariate"), f"{change.covariate} is a column of {Path(str(chosen.by_day)).name} too"
        yield from (((*path, *inside), text) for inside, text in _of_one(study, change, own, acts))


def _of_one(
    study: Study, change: CovariateChange, own: BroughtPatients | None, acts: dict[str, bool]
) -> Iterator[Problem]:
    known = [*own.columns, *own.others] if own else list(EVERYBODY)
    asked = study.start_covariates if change.from_day == 0 else {}
    name, acts = change.covariate, {**{k: v for k, v in asked.items() if k not in FIXED}, **acts}
    where = own.id if own else study.population.id
    if name not in acts:
        yield ("covariate",), _idle(study, name, list(acts))
    elif change.before is not None and name in known:
        yield ("before",), f"{where} has {name}; leave before out"
    elif name not in known and name not in given_before(study.population.changes):
        yield ("covariate",), f"{where} has no {name}; give before, what everybody has of it at enrolment"
    else:
        yield from _unfit(study, change, acts[name], own)
    for arm in change.arms:
        if arm not in study.arm_ids:
            yield ("arms", change.arms.index(arm)), not_among(arm, study.arm_ids, "the id of an arm")
    for asks, what in change.if_.items():
        if asks not in known:
            yield ("if", asks), not_among(asks, known, f"a covariate of {where}")
        elif own and asks in own.others:
            yield from ((("if", asks), text) for text in own.unfit(asks, words=bool(what.one_of)))


def _idle(study: Study, name: str, acts: list[str]) -> str:
    """Why a change of a covariate changes nothing."""
    effects = [
        x.parameter for chosen in sets_of(study) for x in parameter_set(chosen).covariate_effects if x.covariate == name
    ]
    if name in FIXED:
        why = "it is that of enrolment"
    elif effects:
        why = f"{', '.join(effects)} of {' and '.join(sets_of(study))} is read once, when a patient is drawn"
    else:
        why = f"no effect of {' and '.join(sets_of(study))} is on it, and no start dose of a later stage asks for it"
    allowed = ", ".join(acts) or "none, this parameter set has no effect that could"
    return f"seen {name!r}; changes nothing: {why}; allowed: {allowed}{near(name, acts)}"


def _unfit(study: Study, change: CovariateChange, words: bool, own: BroughtPatients | None) -> Iterator[Problem]:
    """Numbers where words are needed, and words that name no category."""
    for key in ("value", "before", "add", "times", "per_week"):
        said = getattr(change, key)
        if said is None:
            continue
        if words != isinstance(said, str):
            kind = "a word" if words else "a number"
            yield (key,), f"seen {said!r}; {change.covariate} is {kind} to {' and '.join(sets_of(study))}"
        elif not words and key in ("value", "before") and said <= 0 and change.covariate not in study.start_covariates:
            yield (key,), f"seen {said:g}; allowed: more than 0, for a power of {change.covariate}"
        elif words and (known := _categories(study, change.covariate, own)) and said not in known:
            yield (key,), not_among(str(said), known, f"a category of {change.covariate}")


def _categories(study: Study, name: str, own: BroughtPatients | None) -> list[str]:
    """The words that a covariate can be; empty: any."""
    if name in CATEGORIES:
        return list(CATEGORIES[name])
    effects = [x for chosen in sets_of(study) for x in parameter_set(chosen).covariate_effects if x.covariate == name]
    if not effects or not all(x.category for x in effects):
        return []
    column: list[Any] = list(own.others.get(name, ())) if own else []
    before = [str(word) for key, word in given_before(study.population.changes).items() if key == name]
    said = [str(x.reference) for x in effects] + [x.category for x in effects] + before + [str(cell) for cell in column]
    return list(dict.fromkeys(said))


def change_cautions(study: Study) -> Iterator[Problem]:
    """Changes that come too late, and columns of a table by day that nothing reads."""
    last, chosen = study.visits.days[-1] + study.visits.window_days, study.population
    for k, change in enumerate(chosen.changes):
        steps = [day for day in change.steps(last) if day != change.until_day or change.per_week is not None]
        if not steps and (change.per_week is not None or change.from_day >= last):
            first = change.from_day + (7 if change.per_week is not None else 0)
            yield (
                ("population", "changes", k, "from_day"),
                f"seen {change.from_day}; the first change would be on day {first}, and nothing is seen after day "
                f"{last}{'' if change.until_day is None else f', nor does it change after day {change.until_day}'}: "
                "changes nothing",
            )
    if chosen.by_day and chosen.file:
        told = read_by_day(chosen.by_day, read_patients(chosen.file), acting(study))
        if told.ignored:
            yield ("population", "by_day"), f"{', '.join(told.ignored)}: nothing reads these columns; left alone"
        if (late := told.days[told.days >= last]).size:
            yield ("population", "by_day"), f"rows from day {late[0]} on change nothing: the study ends on day {last}"
