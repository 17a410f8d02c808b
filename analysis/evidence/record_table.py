"""A list of records of one kind as a Parquet table, a column for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from trial.tables import TEXT, field

Kind = TypeVar("Kind")
TYPES = {"str": TEXT, "int": pa.int64()}


def schema_of(kind: type, labels: Mapping[str, tuple[str, str]]) -> pa.Schema:
    """Schema of a dataclass whose fields are texts, whole numbers and floats; ``labels``: label and unit of each."""
    return pa.schema([field(f.name, TYPES.get(str(f.type), pa.float64()), *labels[f.name]) for f in fields(kind)])


def write_records(rows: Sequence[Any], path: Path, schema: pa.Schema) -> Path:
    """Write dataclass records of that schema to ``path``, which is returned."""
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], schema=schema), path, compression="zstd")
    return path


def read_records(path: Path, kind: type[Kind]) -> list[Kind]:
    """The records in ``path``; none when there is no such file."""
    return [kind(**row) for row in pq.read_table(path).to_pylist()] if path.exists() else []
