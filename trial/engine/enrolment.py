"""Who is enrolled in a replicate of a study."""

from __future__ import annotations

from collections.abc import Sequence

from cohorts.brought import read_patients
from cohorts.margins import with_margins
from cohorts.parameters import ParameterSet
from cohorts.populations import population
from cohorts.sampler import Cohort, PatientSource, sample_cohorts
from cohorts.streams import Streams
from trial.study.study import Study


def candidates(study: Study) -> PatientSource:
    """Who is screened: the catalogue's population or the user's own patients."""
    chosen = study.population
    if chosen.file is not None:
        return read_patients(chosen.file).also_with(study.start_covariates)
    known = population(str(chosen.id))
    return with_margins(known, chosen.margins.given, study.screening) if chosen.margins else known


def enrol(
    study: Study, parameters: ParameterSet, screened: PatientSource, streams: Streams, replicates: Sequence[int]
) -> Cohort:
    """The cohort of some replicates. ValueError if too few candidates are eligible."""
    return sample_cohorts(
        parameters,
        screened,
        n=study.patients,
        replicates=replicates,
        streams=streams,
        screening=study.screening,
        parameter_uncertainty=study.parameter_uncertainty,
        laboratory=study.laboratory,
    )
