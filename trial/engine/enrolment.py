"""Who is enrolled in a replicate of a study."""

from __future__ import annotations

from cohorts.brought import read_patients
from cohorts.parameters import ParameterSet
from cohorts.populations import population
from cohorts.sampler import Cohort, PatientSource, sample_cohort
from cohorts.streams import Streams
from trial.study.study import Study


def candidates(study: Study) -> PatientSource:
    """Who is screened: the catalogue's population or the user's own patients."""
    chosen = study.population
    return read_patients(chosen.file) if chosen.file is not None else population(str(chosen.id))


def enrol(study: Study, parameters: ParameterSet, screened: PatientSource, streams: Streams, replicate: int) -> Cohort:
    """The cohort of one replicate. ValueError if too few candidates are eligible."""
    return sample_cohort(
        parameters,
        screened,
        n=study.patients,
        replicate=replicate,
        streams=streams,
        screening=study.screening,
        parameter_uncertainty=study.parameter_uncertainty,
        laboratory=study.laboratory,
    )
