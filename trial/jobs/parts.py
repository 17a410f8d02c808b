"""Finished units on disk: a folder per unit, written whole or not at all, and checked before it is used again."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trial.jobs.provenance import file_hash, text_hash

UNITS = "units"
RECORD = "unit.json"
Pieces = Mapping[str, pa.Table | Iterable[pa.Table]]
"""Tables by name, each whole or piece by piece."""


def unit_folder(parts: Path, number: int) -> Path:
    """Where the parts of a unit are."""
    return parts / f"{number:07d}"


def write_unit(parts: Path, number: int, tables: Pieces, facts: Mapping[str, int]) -> None:
    """Write the parts of a unit and ``unit.json`` (``facts``, and sha256 and rows of each file) in one atomic step.

    Everything is written under a name of this process, then the folder is renamed and that is synced. What a power
    failure takes all the same is missed by the checksums, and simulated again. A unit that another process has finished
    meanwhile stays as it is. ``parts`` must exist: a worker that outlives its run must not make it again. Raises
    OSError when the disk refuses; nothing is left then.
    """
    with _whole(parts, number) as temporary:
        files = {}
        for name, pieces in tables.items():
            path = temporary / f"{name}.parquet"
            rows = _write([pieces] if isinstance(pieces, pa.Table) else pieces, path)
            files[path.name] = {"sha256": file_hash(path), "rows": rows}
        record = {"unit": number, **facts, "files": files}
        record["sha256"] = text_hash(json.dumps(record))
        (temporary / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def unit_files(parts: Path, number: int) -> dict[str, bytes]:
    """The files of a unit that is there, name to content."""
    return {path.name: path.read_bytes() for path in sorted(unit_folder(parts, number).iterdir())}


def place_unit(parts: Path, number: int, files: Mapping[str, bytes]) -> None:
    """Write the ``unit_files`` of a unit that was made elsewhere, as ``write_unit`` does."""
    with _whole(parts, number) as temporary:
        for name, content in files.items():
            (temporary / name).write_bytes(content)


@contextmanager
def _whole(parts: Path, number: int) -> Iterator[Path]:
    """A folder of this process to write a unit into; at the end it takes its place, or all of it goes."""
    target, temporary = unit_folder(parts, number), parts / f".{number:07d}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        yield temporary
        _rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(pieces: Iterable[pa.Table], path: Path) -> int:
    """A file with a group of rows of each piece, of which one is in memory at a time; how many rows there are."""
    rest = iter(pieces)
    first = next(rest)
    rows = 0
    with pq.ParquetWriter(path, first.schema, **encoding(first.schema)) as writer:
        for piece in chain([first], rest):
            writer.write_table(piece, row_group_size=max(1, piece.num_rows))
            rows += piece.num_rows
    return rows


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    else:
        _sync(target.parent)


def read_unit(parts: Path, number: int) -> dict[str, Any] | None:
    """What ``unit.json`` says, or None if the unit is not there or anything in it is not what was written."""
    folder = unit_folder(parts, number)
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        whole = text_hash(json.dumps({key: value for key, value in record.items() if key != "sha256"}))
        sound = whole == record["sha256"] and record["unit"] == number
        sound = sound and all(file_hash(folder / name) == said["sha256"] for name, said in record["files"].items())
        return record if sound else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def tables_of(parts: Path, number: int) -> list[str]:
    """Names of the tables of a unit that is there."""
    record = read_unit(parts, number)
    return [Path(name).stem for name in record["files"]] if record else []


def remove_unit(parts: Path, number: int) -> bool:
    """Take a unit away that cannot be used, and what killed processes left of it; whether one was there."""
    for left in parts.glob(f".{number:07d}.*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = unit_folder(parts, number)
    there = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    return there


def join(parts: Path, numbers: Sequence[int], name: str, target: Path) -> None:
    """One file from a table's parts in the order of ``numbers``; one row group of a part in memory at a time.

    A part has one, but of hourly courses, which are the longest by far.
    """
    temporary = target.with_suffix(".tmp")
    files = [unit_folder(parts, number) / f"{name}.parquet" for number in numbers]
    schema = pq.read_schema(files[0])
    with pq.ParquetWriter(temporary, schema, **encoding(schema)) as writer:
        for part in map(pq.ParquetFile, files):
            for k in range(part.num_row_groups):
                group = part.read_row_group(k)
                if group.num_rows:
                    writer.write_table(group, row_group_size=group.num_rows)
    _sync(temporary)
    temporary.replace(target)


def encoding(schema: pa.Schema) -> dict[str, Any]:
    """How columns are stored: byte streams split for floats, dictionaries for texts that repeat."""
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [f.name for f in schema if pa.types.is_dictionary(f.type)],
        "use_byte_stream_split": [f.name for f in schema if pa.types.is_floating(f.type)],
    }


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
