"""Work units: what is simulated together, and how a unit becomes tables.

A unit is many whole (replicate, block) pairs, about 4,096 patients, arms mixed; a block is 1,024 enrolled patients of
one replicate. Units follow from the study alone: neither workers nor their order change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from cohorts.streams import BLOCK
from trial.engine.adverse import adverse_table
from trial.engine.brought_plan import arms_of, with_plan
from trial.engine.draws import Unit, draw_unit
from trial.engine.enrolment import candidates, enrol
from trial.engine.followed import followed_by, pieces_of
from trial.engine.randomisation import randomise, strata_labels
from trial.engine.simulate import UnitResult, simulate_unit
from trial.engine.switching import other_drugs
from trial.jobs.collect import collect, screening_table
from trial.jobs.courses import courses
from trial.jobs.rows import Keys
from trial.models import structure_of
from trial.study.study import Study

UNIT_PATIENTS = 4096


@dataclass(frozen=True)
class Span:
    """Patients ``first`` to ``last`` - 1 (from 0, in order of enrolment) of a replicate."""

    replicate: int
    first: int
    last: int


@dataclass(frozen=True)
class WorkUnit:
    """The spans that are simulated together."""

    number: int
    spans: tuple[Span, ...]

    @property
    def n_patients(self) -> int:
        """Patients of all spans."""
        return sum(span.last - span.first for span in self.spans)


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Patients of some replicates with what was decided when they came in: number from 1, arm index, stratum."""

    cohort: Cohort
    subject: NDArray[np.int64]
    arm: NDArray[np.int64]
    stratum: NDArray[np.str_]

    def take(self, first: int, last: int) -> Enrolment:
        """Patients ``first`` to ``last`` - 1 of one replicate, whose screening goes with its first patient."""
        few = slice(first, last)
        cohort = self.cohort.take(np.arange(first, last))
        cohort = replace(cohort, flows={}) if first else cohort
        return Enrolment(cohort, self.subject[few], self.arm[few], self.stratum[few])


def work_units(study: Study) -> list[WorkUnit]:
    """All units of a study: several whole replicates each, or, of a large replicate, several blocks each."""
    if study.subjects <= UNIT_PATIENTS:
        size = UNIT_PATIENTS // study.subjects
        starts = range(0, study.replicates, size)
        whole = [[Span(r, 0, study.subjects) for r in range(s, min(s + size, study.replicates))] for s in starts]
        return [WorkUnit(k, tuple(spans)) for k, spans in enumerate(whole)]
    size = BLOCK * (UNIT_PATIENTS // BLOCK)
    spans = [
        Span(r, first, min(first + size, study.subjects))
        for r in range(study.replicates)
        for first in range(0, study.subjects, size)
    ]
    return [WorkUnit(k, (span,)) for k, span in enumerate(spans)]


def enrolment(study: Study, replicates: int | Sequence[int], chosen: ParameterSet | None = None) -> Enrolment:
    """Screen and randomise one whole replicate, or several together; ``chosen`` replaces the study's parameter set.

    With counterfactual allocation all patients come once per arm, arm after arm: patient k of arm a has number
    a * patients + k, and one more arm leaves the others as they are.
    """
    parameters, streams = chosen or parameter_set(study.parameter_set), study.streams
    several = [replicates] if isinstance(replicates, int) else replicates
    cohort = enrol(study, parameters, candidates(study), streams, several)
    stratum = strata_labels(study.randomisation, cohort.columns)
    subject = np.tile(np.arange(study.subjects), len(several))
    if study.allocation == "counterfactual":
        arm, person = np.divmod(subject, study.patients)
        person += np.repeat(study.patients * np.arange(len(several)), study.subjects)
        cohort, stratum = cohort.take(person), stratum[person]
    elif (told := arms_of(study, cohort, subject)) is not None:
        arm = told
    else:
        arm = randomise(study.arms, study.randomisation, stratum, streams, cohort.draws.replicate)
    return Enrolment(cohort, subject + 1, arm, stratum)


def unit_of(study: Study, patients: Enrolment, chosen: ParameterSet | None = None) -> Unit:
    """These patients with their parameters and what was drawn for their trial."""
    parameters = chosen or parameter_set(study.parameter_set)
    model, cohort = structure_of(parameters), patients.cohort
    pieces = pieces_of(study, cohort, patients.arm)
    changes = followed_by(study, parameters, cohort, pieces)
    drawn = draw_unit(study, parameters, cohort, patients.arm, changes)
    others = other_drugs(study, model, cohort, pieces)
    values = model.individual(cohort.parameters | (changes.first if changes else {}))
    unit = Unit(study, model, values, drawn, others, cohort.columns, changes)
    return with_plan(unit, cohort, patients.subject - 1)


def tabulate(unit: Unit, result: UnitResult, patients: Enrolment) -> dict[str, pa.Table]:
    """Every table of a simulated unit but ``screening`` and ``courses``, ``adverse`` only with tolerability."""
    units = {p.name: p.unit for p in parameter_set(unit.study.parameter_set).parameters}
    units |= {s.name: s.unit for s in unit.structure.derived}
    tables = collect(unit, result, patients.cohort, patients.subject, patients.stratum, units)
    if unit.study.tolerability:
        tables["adverse"] = adverse_table(unit.study, tables, patients.cohort.draws)
    return tables


def by_hours(unit: Unit, result: UnitResult, patients: Enrolment) -> Iterator[pa.Table]:
    """``courses`` of a simulated unit in pieces; none where no hour was kept."""
    return courses(unit, result, Keys.of(unit.study.id, patients.cohort.draws.replicate, patients.subject))


def simulate_enrolled(study: Study, patients: Enrolment, chosen: ParameterSet | None = None) -> dict[str, pa.Table]:
    """Every table of these patients, simulated together."""
    tables, hours = simulate_by_hours(study, patients, chosen)
    return tables | ({"courses": pa.concat_tables(hours)} if study.dense else {})


def simulate_by_hours(
    study: Study, patients: Enrolment, chosen: ParameterSet | None = None
) -> tuple[dict[str, pa.Table], Iterator[pa.Table]]:
    """As ``simulate_enrolled``, but that ``courses``, the longest table by far, comes in pieces; none without it."""
    unit = unit_of(study, patients, chosen)
    result = simulate_unit(unit)
    screened = {"screening": screening_table(patients.cohort.flows)}
    return tabulate(unit, result, patients) | screened, by_hours(unit, result, patients)


def simulate_replicates(study: Study, replicates: range, chosen: ParameterSet | None = None) -> dict[str, pa.Table]:
    """Sample, randomise, simulate and tabulate some whole replicates of a study."""
    return simulate_enrolled(study, enrolment(study, replicates, chosen), chosen)


def of_replicates(tables: Mapping[str, pa.Table], kept: Sequence[int]) -> dict[str, pa.Table]:
    """The rows of the ``kept`` replicates of every table."""
    wanted = np.asarray(kept)
    return {name: table.filter(pa.array(np.isin(table["IREP"].to_numpy(), wanted))) for name, table in tables.items()}
