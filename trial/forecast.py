"""What a run will take, from a short timing probe: rows, bytes, memory and seconds."""

from __future__ import annotations

import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from trial.config import Study
from trial.parts import write_unit
from trial.units import UNIT_PATIENTS, simulate_replicates, work_units

PROBE_PATIENTS = 1024
EFFICIENCY = 0.85
"""Assumed share of a worker's speed that stays when several work side by side."""
Evaluate = Callable[[Mapping[str, pa.Table]], pa.Table]


@dataclass(frozen=True)
class Forecast:
    """Rows and bytes per table of the finished run; seconds; ``unit_bytes`` held by all workers beyond the program.

    Rows of doses and events, all bytes and the time are estimates; the other rows are exact.
    """

    patients: int
    units: int
    rows: Mapping[str, int]
    table_bytes: Mapping[str, int]
    seconds: float
    unit_bytes: int

    @property
    def disk_bytes(self) -> int:
        """Needed while running: the finished units stay until the joined tables are there."""
        return 2 * sum(self.table_bytes.values())


def forecast(study: Study, workers: int, evaluate: Evaluate | None = None) -> Forecast:
    """Simulate up to PROBE_PATIENTS patients of the study in this process and scale up to all of it."""
    few = study.model_copy(update={"patients": min(study.patients, PROBE_PATIENTS)})
    replicates = min(study.replicates, max(1, PROBE_PATIENTS // few.subjects))
    held = _held(few, evaluate)
    begun = time.perf_counter()
    tables = _tables(few, range(replicates), evaluate)
    sizes = _sizes(tables)
    probed = replicates * few.subjects
    patients, units = study.subjects * study.replicates, work_units(study)
    busy = min(workers, len(units))
    speed = 1.0 if busy == 1 else busy * EFFICIENCY
    share = {name: _share(study, name, replicates, probed) for name in tables}
    return Forecast(
        patients=patients,
        units=len(units),
        rows={name: round(table.num_rows * share[name]) for name, table in tables.items()},
        table_bytes={name: round(sizes[name] * share[name]) for name in tables},
        seconds=(time.perf_counter() - begun) / probed * patients / speed,
        unit_bytes=round(held * min(UNIT_PATIENTS, patients) * busy),
    )


def problem(found: Forecast, folder: Path) -> str | None:
    """Why the disk of ``folder`` or the memory will not do, and the way out; None when they will."""
    there = next(p for p in (folder.resolve(), *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(there).free
    memory = available_memory()
    if memory is not None and found.unit_bytes > memory:
        need, has = found.unit_bytes / 2**30, memory / 2**30
        return f"memory: needs {need:.2g} GiB beyond the program, {has:.2g} GiB available; use fewer --workers"
    if found.disk_bytes <= free:
        return None
    need, has = found.disk_bytes / 2**30, free / 2**30
    return f"{folder}: needs {need:.2g} GiB, {has:.2g} GiB free; use output: endpoints, fewer replicates, another --out"


def available_memory() -> int | None:
    """Bytes of memory free for programs, or None where the system does not say (only Linux does)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def _share(study: Study, name: str, replicates: int, probed: int) -> float:
    """What the whole run keeps of a table, as a multiple of the probe."""
    if name == "screening":
        return study.replicates / replicates
    kept = study.replicates if name == "endpoints" else len(study.kept)
    return kept * study.subjects / probed


def _tables(study: Study, replicates: range, evaluate: Evaluate | None) -> dict[str, pa.Table]:
    tables = simulate_replicates(study, replicates)
    return tables | ({"endpoints": evaluate(tables)} if evaluate else {})


def _held(study: Study, evaluate: Evaluate | None) -> float:
    """Peak bytes per patient; this first pass also compiles the kernel, so that the timed one does not."""
    _tables(study, range(1), evaluate)
    tracemalloc.start()
    tables = _tables(study, range(1), evaluate)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak + sum(table.nbytes for table in tables.values())) / study.subjects


def _sizes(tables: Mapping[str, pa.Table]) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        write_unit(Path(folder), 0, tables, {})
        return {path.stem: path.stat().st_size for path in Path(folder).rglob("*.parquet")}
