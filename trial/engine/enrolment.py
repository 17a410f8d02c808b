"""Who is enrolled in a replicate of a study."""

from __future__ import annotations

from collections.abc import Sequence

from cohorts.brought import read_patients
from cohorts.margins import with_margins
from cohorts.parameters import ParameterSet
from cohorts.populations import population
from cohorts.sampler import Cohort, PatientSource, sample_cohorts
from cohorts.streams import Streams
from trial.study.acting import acting
from trial.study.changes import given_before
from trial.study.study import Study


def candidates(study: Study) -> PatientSource:
    """Who is screened: the catalogue's population or the user's own patients."""
    chosen, given = study.population, given_before(study.population.changes)
    if chosen.file is not None:
        return read_patients(chosen.file).also_with(_own_columns(study)).with_given(given)
    known = population(str(chosen.id)).with_given(given)
    return with_margins(known, chosen.margins.given, study.screening) if chosen.margins else known


def _own_columns(study: Study) -> dict[str, bool]:
    """Covariates that are read after enrolment, and whether they are words; of a file the columns that are kept."""
    changes, asked = study.population.changes, study.start_covariates
    if not study.population.changing:
        return asked
    return acting(study) | asked | {name: bool(what.one_of) for x in changes for name, what in x.if_.items()}


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
