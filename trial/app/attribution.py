"""How much adherence, food, assay, delay, visits, rescue, leaving and titration move the primary result of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of
from analysis.endpoints.records import from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.evidence import attribution as pure
from analysis.evidence.attribution import Contribution
from analysis.evidence.results import endpoint_values
from analysis.evidence.sensitivity import unit_word
from analysis.text import cells
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.targets import Job, cut
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.work import enrolment, simulate_enrolled
from trial.study.ideal import DEPARTURES, Departure, without
from trial.study.study import Study

FILES = (pure.ATTRIBUTION_FILE,)
ENOUGH = 20
"""Replicates of each trial, at most, unless more are asked for: they are paired, so few tell much."""
One = tuple[int, Job]
"""The place of a set of departures among all sets, and some replicates."""


def write_contributions(
    study: Study,
    folder: Path,
    workers: int | None = None,
    most: int = ENOUGH,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> list[Contribution]:
    """Simulate the trial with every set of its departures from the ideal one; attribution.parquet into ``folder``.

    2^k trials for k departures, with the same patients, arms and draws. ``workers``: threads, None for one per core;
    ``dask``: a cluster to work on instead (``trial.jobs.cluster``). Raises Refused where the trial has none.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    found = departures_of(study)
    if not found:
        raise Refused(f"{study.id} has nothing to take out: it has none of {', '.join(d.id for d in DEPARTURES)}")
    say(f"attribution: {2 ** len(found)} trials of {len(found)} departures: {', '.join(d.id for d in found)}")
    replicates = min(most, study.replicates)
    jobs = cut(0, study.model_copy(update={"replicates": replicates}), (study.analysis.primary,))
    results: dict[One, NDArray[np.float64]] = {}
    sets = range(2 ** len(found))
    total, done = len(sets) * study.subjects * replicates, 0
    with progress("attribution, patients") as tell, hands(workers or cores(), dask) as ours:
        work = partial(_result, [departure.id for departure in found])
        for one, result in ours.each(work, _every(sets, jobs), _name):
            results[one] = result
            done += study.subjects * len(one[1].replicates)
            tell(done, total)
    values = np.array([np.concatenate([results[place, job] for _, job in jobs]) for place in sets])
    rows = contributions_of(study, found, values)
    folder.mkdir(parents=True, exist_ok=True)
    pure.write(rows, folder)
    return rows


def departures_of(study: Study) -> list[Departure]:
    """What keeps this trial from an ideal one."""
    values = {parameter.name: parameter.value for parameter in parameter_set(study.parameter_set).parameters}
    return [departure for departure in DEPARTURES if departure.is_in(study, values)]


def contributions_of(study: Study, found: Sequence[Departure], values: NDArray[np.float64]) -> list[Contribution]:
    """The rows of the table from the primary result (2^k, R, A) with every set of departures."""
    endpoint = endpoints_of(study.analysis)[study.analysis.primary]
    scale = 100.0 if endpoint.summary == "rate" else 1.0
    named, versus = [(departure.id, departure.label) for departure in found], study.analysis.reference_arm
    return pure.contributions(scale * values, named, study.arm_ids, versus, endpoint.code, endpoint.unit)


def _every(sets: Sequence[int], jobs: Sequence[tuple[Study, Job]]) -> Iterator[tuple[Study, One]]:
    return ((study, (place, job)) for place in sets for study, job in jobs)


def _name(one: One) -> str:
    return f"{one[1]}, set {one[0]} of departures"


def _result(names: Sequence[str], study: Study, one: One) -> NDArray[np.float64]:
    """The primary result (R, A) of a job with the departures of one set, and without the others of these ``names``.

    The patients are those of the study as it is, whoever the laboratory would have let in without its error.
    """
    place, job = one
    left_out = [
        departure for departure in DEPARTURES if departure.id in names and not place >> names.index(departure.id) & 1
    ]
    patients = enrolment(study, job.replicates)
    cohort = _with_zeros(patients.cohort, [name for departure in left_out for name in departure.parameters])
    changed = without(study, left_out)
    tables = simulate_enrolled(changed, replace(patients, cohort=cohort))
    records = from_tables(in_stage(tables, changed), study.arm_ids)
    return endpoint_values(records, changed.analysed, job.codes)[job.codes[0]]


def _with_zeros(cohort: Cohort, names: Sequence[str]) -> Cohort:
    """The same patients with these parameters at 0."""
    zeros: Mapping[str, NDArray[np.float64]] = {name: np.zeros_like(cohort.parameters[name]) for name in names}
    return replace(cohort, parameters={**cohort.parameters, **zeros})


def lines(rows: Sequence[Contribution]) -> list[tuple[str, ...]]:
    """One line per arm and departure: whom it is about, departure, alone, last, share, as text."""
    found = []
    for mine in pure.by_arm(rows).values():
        for k, row in enumerate(mine):
            changes = (("alone", "alone_mcse"), ("last", "last_mcse"), ("share", "share_mcse"))
            texts = (cells.change(getattr(row, value), getattr(row, error), row.unit) for value, error in changes)
            found.append((pure.whom(row) if k == 0 else "", row.departure, *texts))
    return found


def notes(rows: Sequence[Contribution], study: Study) -> list[str]:
    """What stands below the lines: what they are, how the trial goes from ideal to planned, what matters most."""
    endpoint = endpoints_of(study.analysis)[study.analysis.primary]
    ends = "; ".join(
        f"{pure.whom(mine[0])} {cells.amount(mine[0].ideal, endpoint.unit)} to "
        f"{cells.amount(mine[0].planned, endpoint.unit)}"
        for mine in pure.by_arm(rows).values()
    )
    most = max(row.replicates for row in rows)
    return [
        f"\nChange of {endpoint.code}{unit_word(endpoint.unit)}, mean of {most} replicates, same patients and draws.",
        "alone: in a trial without the others; last: in one with all the others; share: mean over all orders.",
        f"From the ideal trial to the one as planned: {ends}.",
        pure.headline(rows),
    ]
