"""Study -> work units -> workers -> Parquet: the run folder.

Units follow from the study alone, so neither the number of workers nor their order changes a value. Workers write each
finished unit whole; the parent joins the units in order into one file per table, with one unit in memory at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trial.jobs.hands import Each, hands
from trial.jobs.one_unit import Evaluate, Job, simulate_afar, simulate_into
from trial.jobs.parts import UNITS, join, place_unit, read_unit, remove_unit, tables_of, unit_folder
from trial.jobs.shards import WHOLE, Shard
from trial.jobs.work import Enrolment, WorkUnit, enrolment, work_units
from trial.study.study import Study

FEW_UNITS = 16
"""Up to so many units threads are preferred: processes take 1.5 s to start."""
Mine = tuple[Study, Job]


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
    a caller who has more to do before the run counts as finished. Of a ``shard`` only its units are simulated, and they
    stay as they are. ``dask``: a cluster to work on instead (``cluster``). Raises OSError when the disk refuses; the
    finished units stay.
    """
    parts, now, units = out_dir / UNITS, standing(study, out_dir, shard), shard.among(work_units(study))
    parts.mkdir(parents=True, exist_ok=True)
    total, done = sum(unit.n_patients for unit in units), now.patients
    for unit in now.to_do:
        remove_unit(parts, unit.number)
    jobs = ((study, job) for job in _jobs(study, now.to_do))
    prefer = "processes" if len(now.to_do) > FEW_UNITS else "threads"
    with hands(min(workers, len(now.to_do)), dask, backend, prefer) as ours:
        for unit in (_from_afar if dask else _from_here)(ours.each, jobs, parts, evaluate):
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


def _from_here(each: Each, jobs: Iterable[Mine], parts: Path, evaluate: Evaluate) -> Iterator[WorkUnit]:
    """The units in the order in which they finish, each written by who made it."""
    yield from (unit for _, unit in each(partial(simulate_into, parts=parts, evaluate=evaluate), jobs))


def _from_afar(each: Each, jobs: Iterable[Mine], parts: Path, evaluate: Evaluate) -> Iterator[WorkUnit]:
    """The units in the order in which they come back, written here."""
    for (unit, _), files in each(partial(simulate_afar, evaluate=evaluate), jobs, lambda job: f"unit {job[0].number}"):
        place_unit(parts, unit.number, files)
        yield unit


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
