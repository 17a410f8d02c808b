"""Study -> work units -> workers -> Parquet: the run folder.

Units follow from the study alone, so neither the number of workers nor their order changes a value. Workers write each
finished unit whole; the parent joins the units in order into one file per table, with one unit in memory at a time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trial.jobs.afar import packed
from trial.jobs.cluster import each
from trial.jobs.one_unit import Evaluate, Job, simulate_into
from trial.jobs.parts import UNITS, join, place_unit, read_unit, remove_unit, tables_of, unit_folder
from trial.jobs.processes import deaf_children, end_with, quiet_children
from trial.jobs.shards import WHOLE, Shard
from trial.jobs.work import Enrolment, WorkUnit, enrolment, work_units
from trial.study.study import Study

FEW_UNITS = 16
"""Up to so many units threads are preferred: processes take 1.5 s to start."""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to: patients simulated, patients whose solve failed, and where the tables are."""

    n_patients: int
    n_failed: int
    out_dir: Path


@dataclass(frozen=True)
class Standing:
    """Units of an unfinished run: those that verify (with their patients), and those that have to be simulated.

    ``damaged``: numbers of units that were there but did not verify.
    """

    done: tuple[int, ...]
    patients: int
    to_do: tuple[WorkUnit, ...]
    damaged: tuple[int, ...]


def standing(study: Study, out_dir: Path, shard: Shard = WHOLE) -> Standing:
    """What is there of a run, or of a shard of it, in ``out_dir``; every finished unit is read and its checksums
    compared.
    """
    units, parts = shard.among(work_units(study)), out_dir / UNITS
    good = {unit.number for unit in units if read_unit(parts, unit.number)}
    to_do = tuple(unit for unit in units if unit.number not in good)
    damaged = tuple(unit.number for unit in to_do if unit_folder(parts, unit.number).exists())
    done = sum(unit.n_patients for unit in units if unit.number in good)
    return Standing(tuple(sorted(good)), done, to_do, damaged)


def run(
    study: Study,
    out_dir: Path,
    evaluate: Evaluate,
    *,
    workers: int = 1,
    backend: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    keep_units: bool = False,
    shard: Shard = WHOLE,
    dask: str | None = None,
) -> RunSummary:
    """Simulate every unit that is not in ``out_dir/units`` yet, then join all units into one file per table.

    ``evaluate`` makes more tables of a unit from its tables; it must be picklable. ``backend``: of joblib;
    None: what joblib.parallel_config says, else threads for short and processes for long runs. ``progress(done,
    total)`` is told patients after each unit. ``keep_units``: leave the units beside the joined tables, for
    a caller who has more to do before the run counts as finished. ``dask``: a cluster to work on instead (``cluster``).
    Of a ``shard`` only its units are simulated, and
    they stay as they are. Raises OSError when the disk refuses; the finished units stay.
    """
    parts, now, units = out_dir / UNITS, standing(study, out_dir, shard), shard.among(work_units(study))
    parts.mkdir(parents=True, exist_ok=True)
    total, done = sum(unit.n_patients for unit in units), now.patients
    for unit in now.to_do:
        remove_unit(parts, unit.number)
    for unit in _finished(study, now.to_do, parts, evaluate, workers, backend, dask):
        done += unit.n_patients
        if progress:
            progress(done, total)
    numbers = [unit.number for unit in units]
    failed = sum(_failed(parts, number) for number in numbers)
    if shard.is_whole:
        for name in tables_of(parts, numbers[0]):
            join(parts, numbers, name, out_dir / f"{name}.parquet")
        if not keep_units:
            shutil.rmtree(parts)
    return RunSummary(total, failed, out_dir)


def _failed(parts: Path, number: int) -> int:
    record = read_unit(parts, number)
    if record is None:
        raise OSError(f"unit {number} was written but cannot be read back")
    return int(record["failed"])


def _jobs(study: Study, units: Sequence[WorkUnit]) -> Iterator[Job]:
    """Units as they are handed out; a replicate larger than a unit is enrolled once and cut."""
    whole: tuple[int, Enrolment] | None = None
    for unit in units:
        span = unit.spans[0]
        if span.last - span.first == study.subjects:
            yield unit, None
            continue
        if whole is None or whole[0] != span.replicate:
            whole = span.replicate, enrolment(study, span.replicate)
        yield unit, whole[1].take(span.first, span.last)


def _finished(
    study: Study,
    units: Sequence[WorkUnit],
    parts: Path,
    evaluate: Evaluate,
    workers: int,
    backend: str | None,
    dask: str | None,
) -> Iterator[WorkUnit]:
    """The units in the order in which they finish."""
    jobs = _jobs(study, units)
    if dask:
        yield from _finished_afar(study, jobs, parts, evaluate, dask)
        return
    from joblib import Parallel, delayed

    if min(workers, len(units)) <= 1:
        yield from (simulate_into(study, job, parts, evaluate) for job in jobs)
        return
    parallel = Parallel(
        n_jobs=min(workers, len(units)),
        backend=backend,
        prefer="processes" if len(units) > FEW_UNITS else "threads",
        return_as="generator_unordered",
        initializer=end_with,
        initargs=(os.getpid(),),
    )
    with quiet_children(), deaf_children():
        finished = parallel(delayed(simulate_into)(study, job, parts, evaluate) for job in jobs)
    yield from finished


def _finished_afar(study: Study, jobs: Iterator[Job], parts: Path, evaluate: Evaluate, dask: str) -> Iterator[WorkUnit]:
    """The units in the order in which they come back from a cluster, written here."""
    for (unit, _), files in each(packed(study, evaluate), jobs, dask, lambda job: f"unit {job[0].number}"):
        place_unit(parts, unit.number, files)
        yield unit
