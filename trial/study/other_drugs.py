"""Whether another drug that a stage gives can be told for the patients and in the equations of a study."""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.believed import Believed
from cohorts.parameters import BIOAVAILABILITY, ParameterSet
from cohorts.posterior import draws_file
from cohorts.sampler import PATIENT_COLUMNS
from cohorts.sets import PARAMETER_SETS, is_file_name, parameter_set
from trial.models import Structure, structure_of
from trial.study.doubt import draws_problem
from trial.study.protocol import Problem, not_among
from trial.study.study import Study


def other_drug_problems(study: Study) -> Iterator[Problem]:
    """Sets that do not exist, that have other equations, or numbers that the study cannot tell apart; meals that the
    equations do not know.
    """
    model = structure_of(parameter_set(study.parameter_set))
    for k, stage in enumerate(study.stages):
        for arm, changed in stage.arms.items():
            path = ("stages", k, "arms", arm)
            if changed.meal_after_dose_h is not None and "meal" not in model.takes:
                yield (*path, "meal_after_dose_h"), f"structure {model.id} does not know meals"
            if changed.parameter_set is not None:
                for line in _unusable(changed.parameter_set, model, study.parameter_uncertainty):
                    yield (*path, "parameter_set"), line


def _unusable(name: str, model: Structure, uncertainty: Believed) -> Iterator[str]:
    known = [s.id for s in PARAMETER_SETS]
    if name not in known:
        own = "; a file of your own cannot be another drug of a stage" if is_file_name(name) else ""
        yield not_among(name, known, "a parameter set of the catalogue", own)
        return
    chosen = parameter_set(name)
    if chosen.structure != model.id:
        able = ", ".join(s.id for s in PARAMETER_SETS if s.structure == model.id)
        yield f"{name} has structure {chosen.structure}, the study has {model.id}; allowed: {able or 'none'}"
    elif not model.drug:
        yield f"structure {model.id} does not say which of its parameters are those of the drug"
    else:
        yield from _untold(chosen, uncertainty)


def _untold(chosen: ParameterSet, uncertainty: Believed) -> Iterator[str]:
    lacking = sorted({x.covariate for x in chosen.covariate_effects} - set(PATIENT_COLUMNS))
    if lacking:
        yield f"{chosen.id} needs {', '.join(lacking)}, which the patients of a study do not have"
    weekly = [e.parameter for e in chosen.effects("occasion") if e.parameter != BIOAVAILABILITY]
    if weekly:
        yield f"{chosen.id} has {', '.join(weekly)} that differ from week to week; not followed in another drug"
    if wrong := draws_problem(chosen, uncertainty):
        yield wrong
    if uncertainty is True and not (chosen.rse_percent or chosen.uncertainty or draws_file(chosen)):
        yield f"{chosen.id} has no standard errors; allowed with parameter_uncertainty: true: a set that has some"
