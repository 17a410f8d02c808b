"""What patients have under another drug of a stage than the study's."""

from __future__ import annotations

import numpy as np

from cohorts.changing import Pieces, parameters_by_piece
from cohorts.episodes import refractory
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from cohorts.switched import parameters_of
from trial.engine.in_force import OtherDrug
from trial.engine.weeks import Own, in_episodes, taken_up
from trial.models import Structure
from trial.study.stages import treatments
from trial.study.study import Study


def other_drugs(
    study: Study, structure: Structure, cohort: Cohort, pieces: Pieces | None = None
) -> dict[int, OtherDrug]:
    """By its place in the treatments, what each other drug of a study has of its own for these patients."""
    found, days = {}, study.visits.days[-1] + study.visits.window_days
    for place, given in enumerate(treatments(study.plan, study.arms)[0]):
        if given.parameter_set is not None:
            chosen = parameter_set(given.parameter_set)
            values = parameters_of(chosen, cohort, study.parameter_uncertainty)
            values = {name: np.full(len(cohort.draws), value) for name, value in structure.optional} | values
            own = {name: values[name] for name in structure.drug}
            changed = parameters_by_piece(chosen, cohort, pieces, study.parameter_uncertainty) if pieces else {}
            changed = {name: by_piece for name, by_piece in changed.items() if name in structure.drug}
            own |= {name: by_piece[:, 0] for name, by_piece in changed.items()}
            drug = "" if chosen.drug == parameter_set(study.parameter_set).drug else chosen.drug
            lost = in_episodes("loss of response", cohort.draws, days, Own(values, {}, None), drug)
            hard = refractory(cohort.draws, values, drug)
            found[place] = OtherDrug(own, taken_up(cohort.draws, chosen, days), changed, lost, hard)
    return found
