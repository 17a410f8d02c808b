"""Design points side by side: every endpoint by arm, and its change from the study as it stands, paired. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array
from analysis.evidence.record_table import schema_of
from analysis.statistics.estimates import PERCENT, number
from analysis.statistics.estimators import over_replicates
from analysis.text import cells
from trial.tables import TEXT, field

LABELS = {
    "study": ("Study identifier", ""),
    "point": ("Design point; 0: the study as it stands", ""),
    "folder": ("Folder of the point", ""),
    "arm": ("Arm", ""),
    "endpoint": ("Endpoint", ""),
    "label": ("Label of the endpoint", ""),
    "unit": ("Unit of the estimate", ""),
    "replicates": ("Replicates with a value", ""),
    "estimate": ("Mean over replicates", "see unit"),
    "mcse": ("Monte Carlo error of the estimate", "see unit"),
    "difference": ("Change from point 0, replicate by replicate", "see unit"),
    "difference_mcse": ("Monte Carlo error of the change", "see unit"),
}


@dataclass(frozen=True)
class PointRow:
    """One endpoint in one arm of a design point; errors are None with a single replicate, changes in an arm that the
    study as it stands does not have.
    """

    study: str
    point: int
    folder: str
    arm: str
    endpoint: str
    label: str
    unit: str
    replicates: int
    estimate: float | None
    mcse: float | None
    difference: float | None
    difference_mcse: float | None

    @property
    def key(self) -> str:
        """The name of the row."""
        return f"{self.point}|{self.arm}|{self.endpoint}"


@dataclass(frozen=True)
class Simulated:
    """A design point that was simulated: its folder, its arms, its endpoints per replicate and arm (R, A)."""

    folder: str
    arms: tuple[str, ...]
    values: Mapping[str, Array]

    def of(self, endpoint: str, arm: str) -> Array | None:
        """An endpoint in an arm (R,); None where it is not there."""
        return self.values[endpoint][:, self.arms.index(arm)] if arm in self.arms and endpoint in self.values else None


SCHEMA = schema_of(PointRow, LABELS)


def point_rows(study: str, points: Sequence[Simulated], known: Mapping[str, Endpoint]) -> list[PointRow]:
    """Every endpoint of ``known`` in every arm of every point; the first point is the study as it stands."""
    return [
        point_row(study, k, point, points[0], arm, endpoint)
        for k, point in enumerate(points)
        for endpoint in known.values()
        if endpoint.code in point.values
        for arm in point.arms
    ]


def point_row(study: str, k: int, point: Simulated, base: Simulated, arm: str, endpoint: Endpoint) -> PointRow:
    """One endpoint in one arm; the change of a mean is the mean of the changes of each replicate."""
    scale = PERCENT if endpoint.summary == "rate" else 1.0
    mine, theirs = point.of(endpoint.code, arm), base.of(endpoint.code, arm)
    assert mine is not None
    over = over_replicates(scale * mine)
    change = over_replicates(scale * (mine - theirs)) if theirs is not None and len(theirs) == len(mine) else None
    known = (number(change.mean), number(change.mcse)) if change else (None, None)
    return PointRow(
        study, k, point.folder, arm, endpoint.code, endpoint.label, endpoint.unit,
        over.r, number(over.mean), number(over.mcse), *known,
    )  # fmt: skip


def long_table(rows: Sequence[PointRow], settings: Sequence[Mapping[str, str]]) -> pa.Table:
    """The rows with a column for every varied key, which holds its value at the point as it was typed."""
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMA)
    for place, key in enumerate(settings[0]):
        column = pa.array([settings[row.point][key] for row in rows]).dictionary_encode()
        table = table.add_column(2 + place, field(key, TEXT, f"Value of {key}"), column)
    return table


def write_long(rows: Sequence[PointRow], settings: Sequence[Mapping[str, str]], path: Path) -> Path:
    """Write the long table to ``path``, which is returned."""
    pq.write_table(long_table(rows, settings), path, compression="zstd")
    return path


def write_wide(rows: Sequence[PointRow], settings: Sequence[Mapping[str, str]], path: Path) -> Path:
    """Write a CSV with a line per point: values of the keys, then every endpoint and arm with error and change."""
    columns = list(dict.fromkeys((row.endpoint, row.arm) for row in rows))
    found = {(row.point, row.endpoint, row.arm): row for row in rows}
    numbers = ("estimate", "mcse", "difference", "difference_mcse")
    heads = [f"{endpoint}|{arm}|{name}" for endpoint, arm in columns for name in numbers]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["point", *settings[0], *heads])
        for k, values in enumerate(settings):
            mine = [found.get((k, *column)) for column in columns]
            writer.writerow([k, *values.values(), *(_cell(row, name) for row in mine for name in numbers)])
    return path


def _cell(row: PointRow | None, name: str) -> str:
    value = None if row is None else getattr(row, name)
    return "" if value is None or np.isnan(value) else repr(float(value))


def said(row: PointRow) -> tuple[str, str]:
    """Estimate and change with their errors, as text."""
    estimate = cells.amount_error(row.estimate, row.mcse, row.unit)
    return estimate, cells.change(row.difference, row.difference_mcse, row.unit) if row.point else ""
