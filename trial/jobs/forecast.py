"""What a run will come to: patients, rows, disk, memory and time, from a short probe of the study itself.

The probe simulates up to 1,024 patients of the first replicate and writes their tables to a temporary folder. Time and
disk grow with the number of patients; workers share the work with an assumed efficiency of 85 %; memory is that of the
workers, each with one unit, and of a replicate larger than a unit, which is enrolled at once; it does not grow with the
number of replicates.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from trial.jobs.one_unit import Evaluate
from trial.jobs.parts import unit_folder, write_unit
from trial.jobs.work import UNIT_PATIENTS, Enrolment, enrolment, simulate_enrolled, work_units
from trial.study.exposure_response import levels_of
from trial.study.study import Study
from trial.tables import DENSE, TABLES

PROBE_PATIENTS, WARM_PATIENTS = 1024, 8
EFFICIENCY = 0.85
START_S = 2.0
PROCESS_BYTES = 170 * 2**20
"""Interpreter, libraries and kernel of one process, measured once."""
ARRAYS_PER_TABLE = 6
"""Assumed memory of a unit at work over that of its tables."""
ENROLLING = 1.6
"""Memory of a replicate while it is enrolled over that of the enrolled patients, measured once."""
HEADROOM = 1.2


@dataclass(frozen=True)
class Forecast:
    """Patients, units, rows by table, bytes on disk while it works and in memory, and seconds of a run.

    Rows of doses, events and courses, bytes and seconds are estimates; the other rows are exact. ``workers`` that have
    work. ``again``: patients that are simulated once more, on fixed levels, for the curves that
    ``analysis.exposure_response`` asks for; ``again_seconds`` of the ``seconds`` are theirs.
    """

    patients: int
    units: int
    rows: Mapping[str, int]
    disk_bytes: float
    memory_bytes: float
    seconds: float
    workers: int
    again: int = 0
    again_seconds: float = 0.0


def forecast(study: Study, workers: int, evaluate: Evaluate) -> Forecast:
    """Probe the study and scale up. Takes about a second."""
    whole = enrolment(study.model_copy(update={"patients": min(study.patients, PROBE_PATIENTS)}), 0)
    n = len(whole.subject)
    _tables(study, whole.take(0, min(WARM_PATIENTS, n)), evaluate)
    begun = time.perf_counter()
    tables = _tables(study, whole, evaluate)
    per_patient_s = (time.perf_counter() - begun) / n
    patients, units = study.subjects * study.replicates, len(work_units(study))
    few = [name for name in TABLES if not study.lives(name)] + [*DENSE] * (not study.lives("courses"))
    of = {name: study.subjects * len(study.kept) if name in few else patients for name in tables}
    of["screening"] = n * study.replicates
    unit = min(UNIT_PATIENTS, patients) / n * sum(table.nbytes for table in tables.values())
    busy = min(workers, units)
    again = again_for_curves(study)
    curves = again * per_patient_s / _speed(min(workers, again // study.subjects))
    return Forecast(
        patients=patients,
        units=units,
        rows={name: round(table.num_rows / n * of[name]) for name, table in tables.items()},
        disk_bytes=2.0 * sum(size / n * of[name] for name, size in _written(tables).items()),
        memory_bytes=(busy + 1) * PROCESS_BYTES + busy * ARRAYS_PER_TABLE * unit + enrolling_bytes(study, whole),
        seconds=START_S + patients * per_patient_s / _speed(busy) + curves,
        workers=busy,
        again=again,
        again_seconds=curves,
    )


def again_for_curves(study: Study) -> int:
    """Patients simulated for the curves beside the run: of each of their replicates the trial, everybody on no drug and
    on every fixed level.
    """
    asked = study.analysis.exposure_response
    if asked is None:
        return 0
    return min(asked.replicates, study.replicates) * study.subjects * (2 + len(levels_of(study.arms, study.dose_rules)))


def _speed(busy: int) -> float:
    """How much faster so many workers are than one."""
    return 1.0 if busy <= 1 else busy * EFFICIENCY


def enrolling_bytes(study: Study, probe: Enrolment) -> float:
    """Memory for the enrolment of one replicate, from that of a few of its patients; 0 where a unit holds it."""
    if study.subjects <= UNIT_PATIENTS:
        return 0.0
    cohort = probe.cohort
    held = sum(values.nbytes for values in (*cohort.parameters.values(), *cohort.columns.values()))
    return ENROLLING * held / len(probe.subject) * study.subjects


def problem(found: Forecast, folder: Path) -> str | None:
    """Why the run will not do on this machine and what to do instead, or None."""
    free, memory = free_disk(folder), free_memory()
    if HEADROOM * found.disk_bytes > free:
        return (
            f"{folder}: the run needs about {size(found.disk_bytes)} on disk while it works, {size(free)} are free; "
            "--set output=endpoints keeps less, --replicates N simulates less, --out DIR writes elsewhere"
        )
    if memory is not None and found.memory_bytes > memory:
        return (
            f"the run needs about {size(found.memory_bytes)} of memory with {found.workers} workers, {size(memory)} "
            "are free; --workers N with fewer workers needs less"
        )
    return None


def free_disk(folder: Path) -> float:
    """Bytes free where ``folder`` is or will be."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    return float(shutil.disk_usage(there).free)


def free_memory() -> float | None:
    """Bytes of memory that can be had without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(count / 2**20, 0.1):.{count < 2**20:d}f} MiB"


def _tables(study: Study, enrolled: Enrolment, evaluate: Evaluate) -> dict[str, pa.Table]:
    tables = simulate_enrolled(study, enrolled)
    return {**tables, **evaluate(tables)}


def _written(tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Bytes of each table on disk."""
    with tempfile.TemporaryDirectory() as name:
        parts = Path(name)
        write_unit(parts, 0, tables, {})
        return {table: (unit_folder(parts, 0) / f"{table}.parquet").stat().st_size for table in tables}
