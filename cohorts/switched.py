"""Individual parameters of another set for patients who are already enrolled: the same person on another drug."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.believed import Believed, believed
from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.variability import individual_parameters

Array = NDArray[np.float64]


def parameters_of(parameter_set: ParameterSet, cohort: Cohort, uncertainty: Believed = False) -> dict[str, Array]:
    """Parameters by name (n,) that ``parameter_set`` gives the patients of a cohort, with the random effects and
    classes that they have: the streams are named after the parameters.

    ``uncertainty`` moves the typical values once per replicate (``cohorts.believed``). Covariates are those of the
    cohort's columns. Raises ValueError for a covariate effect on another, or a set without standard errors.
    """
    if not uncertainty:
        return individual_parameters(parameter_set, cohort.draws, cohort.columns)[0]
    values = {p.name: np.empty(len(cohort.draws)) for p in parameter_set.parameters}
    for replicate in np.unique(cohort.draws.replicate):
        who = np.flatnonzero(cohort.draws.replicate == replicate)
        few, own = cohort.take(who), believed(parameter_set, cohort.draws.streams, int(replicate), uncertainty)
        for name, value in individual_parameters(own, few.draws, few.columns)[0].items():
            values[name][who] = value
    return values
