"""Replicates -> work units -> workers -> Parquet: the run folder.

A unit is some whole replicates, about 4,096 patients, and does not depend on the number of workers; neither do the
values.
Workers write finished parts; the parent joins them in order into one file per table.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trial.config import Study
from trial.provenance import STATEMENT, engine_version
from trial.tables import TABLES
from trial.units import WorkUnit, enrolment, simulate_enrolled, work_units

PARTS = "parts"


@dataclass(frozen=True)
class RunSummary:
    """What a run came to: patients simulated, patients whose solve failed, and where the tables are."""

    n_patients: int
    n_failed: int
    out_dir: Path


def run(
    study: Study, out_dir: Path, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> RunSummary:
    """Simulate every replicate into ``out_dir``; ``progress(done, total)`` is called with patients after each unit.

    Parts go to ``out_dir/parts`` and are joined at the end, in order, whatever the order in which units finish.
    """
    units = work_units(study)
    parts = out_dir / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    total, done, failed = study.patients * study.replicates, 0, 0
    for unit, n_failed in _finished(study, units, parts, workers):
        done, failed = done + unit.n_patients, failed + n_failed
        if progress:
            progress(done, total)
    for name in TABLES:
        join([parts / f"{name}-{unit.number:07d}.parquet" for unit in units], out_dir / f"{name}.parquet")
    shutil.rmtree(parts)
    return RunSummary(total, failed, out_dir)


def _finished(study: Study, units: list[WorkUnit], parts: Path, workers: int) -> Iterator[tuple[WorkUnit, int]]:
    from joblib import Parallel, delayed

    if workers == 1 or len(units) == 1:
        yield from ((unit, write_unit(study, unit, parts)) for unit in units)
        return
    parallel = Parallel(n_jobs=min(workers, len(units)), return_as="generator_unordered")
    with _deaf_children():
        finished = parallel(delayed(_numbered)(study, unit, parts) for unit in units)
    yield from finished


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C: the parent alone answers it, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _numbered(study: Study, unit: WorkUnit, parts: Path) -> tuple[WorkUnit, int]:
    return unit, write_unit(study, unit, parts)


def write_unit(study: Study, unit: WorkUnit, parts: Path) -> int:
    """Simulate one unit and write its parts; the number of patients whose solve failed."""
    tables = simulate_enrolled(study, [enrolment(study, s.replicate).take(s.first, s.last) for s in unit.spans])
    origin = {"statement": STATEMENT, "study": study.id, "seed": str(study.seed), "engine": engine_version()}
    for name, table in tables.items():
        write_table(table.replace_schema_metadata(origin), parts / f"{name}-{unit.number:07d}.parquet")
    status = tables["solves"]["STATUS"].combine_chunks()
    return sum(s != "OK" for s in status.to_pylist())


def write_table(table: pa.Table, path: Path) -> None:
    """Write atomically: a temporary name, then a rename."""
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, **_encoding(table.schema))
    temporary.replace(path)


def join(parts: list[Path], target: Path) -> None:
    """One file from the parts, a row group each, in the given order."""
    temporary = target.with_suffix(".tmp")
    schema = pq.read_schema(parts[0])
    with pq.ParquetWriter(temporary, schema, **_encoding(schema)) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))
    temporary.replace(target)


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    """How columns are stored: byte streams split for floats, dictionaries for texts that repeat."""
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [f.name for f in schema if pa.types.is_dictionary(f.type)],
        "use_byte_stream_split": [f.name for f in schema if pa.types.is_floating(f.type)],
    }
