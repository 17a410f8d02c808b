"""One patient of a finished run simulated again, beside what the run stored of this patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from trial.app.door import opened
from trial.app.study_run import evaluator
from trial.app.versions import changes
from trial.errors import Refused, Stopped
from trial.jobs.one_unit import origin
from trial.jobs.replay import COMPARED, Replay, differences, replay, write
from trial.study.study import Study
from trial.tables import more_tables


@dataclass(frozen=True)
class Again:
    """The patient's course with the study it belongs to, and the versions that changed since the run was made."""

    course: Replay
    study: Study
    changes: Sequence[str]

    @property
    def all_kept(self) -> bool:
        """Whether the run kept every table of this patient's replicate; else only the endpoints."""
        return self.course.patient["IREP"] in self.study.kept


def simulate_again(run_dir: Path, replicate: int, patient: int, fixed: bool = False) -> Again:
    """The patient's course; ``fixed``: with the doses that the rules gave as a plan.

    Raises Refused when the folder holds no finished run, or the run no such patient.
    """
    run = opened(run_dir)
    study = run.study
    try:
        course = replay(study, replicate, patient, fixed)
    except ValueError as error:
        raise Refused(f"{run_dir}: {error}") from None
    course = replace(course, tables={**course.tables, **evaluator(study)(course.tables)})
    return Again(course, study, changes(run.manifest))


def must_be_empty(out: Path) -> None:
    """Raises Refused when something is in ``out`` already."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise Refused(f"{out}: there is something already; give a new or an empty folder with --out")


def write_course(again: Again, out: Path) -> None:
    """The tables of the patient, the decisions and the hourly course, as Parquet and CSV. Raises Stopped."""
    try:
        write(again.course, out, origin(again.study))
    except OSError as error:
        raise Stopped(f"{out}: cannot be written ({error.strerror or error})") from None


def differing(again: Again, run_dir: Path) -> tuple[list[str], int]:
    """Where the course differs from what the run stored of this patient, and how many endpoints it stored."""
    replicate, subject = again.course.patient["IREP"], again.course.patient["SUBJID"]
    said = again.study
    several = bool(said.tolerability), bool(said.stages), said.adherence.missed_days, said.population.changing
    more = more_tables(said.dense, *several)
    tables = (*COMPARED, *more)
    mine = [("IREP", "==", replicate), ("SUBJID", "==", subject)]
    kept = [name for name in tables if again.all_kept or again.study.lives(name)]
    names = (*kept, "endpoints", "times")
    stored = {name: pq.read_table(run_dir / f"{name}.parquet", filters=mine) for name in names}
    return differences(again.course, stored), stored["endpoints"].num_rows
