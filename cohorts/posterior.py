"""The posterior of a parameter set: draws of several of its numbers together, a Parquet file beside the set.

A row per draw, a column per number by the name ``with_values`` knows; ``vtrial posterior`` writes it, with its record
as metadata "posterior". Of a set of the catalogue it is <id>.posterior.parquet; of a user's own file
<name>.posterior.parquet beside it (<name>.calibration.json has the same), or that of the set it extends, without the
numbers it gives itself.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohorts.calibration import calibration_file
from cohorts.files import MIB, DrawsFile, UnreadableError, contents
from cohorts.gates import AT_LEAST, AT_MOST, SIGNED, SWITCHES, may_be_zero
from cohorts.parameters import LARGEST_VARIANCE, ParameterSet, near
from cohorts.streams import Draws, Streams

Array = NDArray[np.float64]
SUFFIX, CALIBRATED = ".posterior.parquet", ".calibration"
RECORD = b"posterior"
LARGEST_BYTES, FEWEST_DRAWS = 256 * MIB, 100
STREAM = "posterior"
MOST_NAMED = 8
"""Numbers and targets that are named in words; of more their count."""


class PosteriorError(ValueError):
    """A file of draws that cannot be used; the text names it, what was seen and what is allowed."""


@dataclass(frozen=True, eq=False)
class JointDraws:
    """``values`` (D, K) of ``names``; ``record``: what was written beside them, empty where nothing was."""

    name: str
    names: tuple[str, ...]
    values: Array
    record: Mapping[str, Any]
    sha256: str

    @property
    def fitted(self) -> tuple[str, ...]:
        """The names that the calibration fitted; without a record all."""
        said = self.record.get("fitted", self.names)
        return tuple(name for name in self.names if name in said)

    def row(self, streams: Streams, replicate: int, names: tuple[str, ...]) -> dict[str, float]:
        """The values of some ``names`` in the draw of a replicate: every draw is as likely, stream "posterior"."""
        u = float(Draws(streams, np.array([replicate]), np.array([0])).uniform(STREAM)[0])
        drawn = self.values[min(int(u * len(self.values)), len(self.values) - 1)]
        return {name: float(value) for name, value in zip(self.names, drawn, strict=True) if name in names}

    @property
    def in_words(self) -> str:
        """How many draws of what, when and from which targets."""
        targets = self.record.get("targets")
        what = ", ".join(self.names) if len(self.names) <= MOST_NAMED else f"{len(self.names)} numbers"
        said = [f"{len(self.values)} draws of {what} together"]
        said += [str(self.record["date"])] if self.record.get("date") else ["without a date"]
        named = f": {', '.join(map(str, targets))}" if targets and len(targets) <= MOST_NAMED else ""
        said += [f"from {len(targets)} targets{named}"] if targets else ["no targets named"]
        return f"{self.name}: {'; '.join(said)}"


def beside(path: Path) -> Path:
    """Where the draws of a set in the file ``path`` stand."""
    return path.with_name(path.name.removesuffix(path.suffix).removesuffix(CALIBRATED) + SUFFIX)


def draws_file(parameter_set: ParameterSet) -> DrawsFile | None:
    """Where the draws of a set are; None where there are none."""
    if parameter_set.draws is not None or parameter_set.home or parameter_set.root:
        return parameter_set.draws
    path = beside(calibration_file(parameter_set.id))
    return DrawsFile(str(path)) if path.is_file() else None


def joint_draws(parameter_set: ParameterSet) -> JointDraws | None:
    """The draws of a set, without the numbers given since; None where there are none. Raises PosteriorError."""
    file = draws_file(parameter_set)
    if file is None:
        return None
    path = Path(file.path)
    try:
        stat = path.stat()
    except OSError as error:
        raise PosteriorError(f"{path.name}: cannot be read: {error.strerror}") from None
    found = _read(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    keep = [k for k, name in enumerate(found.names) if name not in file.without]
    names = tuple(found.names[k] for k in keep)
    chosen = JointDraws(found.name, names, found.values[:, keep], found.record, found.sha256)
    if wrong := next(_impossible(chosen, parameter_set), None):
        raise PosteriorError(f"{path.name}: {wrong}")
    return chosen if names else None


@lru_cache(maxsize=16)
def _read(path: Path, _version: tuple[int, ...]) -> JointDraws:
    """The file as it is: names, values, record, checksum. Raises PosteriorError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = contents(path, LARGEST_BYTES)
        table = pq.read_table(io.BytesIO(content))
        record = json.loads((table.schema.metadata or {}).get(RECORD, b"{}"))
        values = np.column_stack([column.to_numpy().astype(float) for column in table.columns] or [np.empty((0, 0))])
    except UnreadableError as error:
        raise PosteriorError(f"{path.name}: {error}") from None
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        first = (str(error).splitlines() or ["damaged"])[0]
        raise PosteriorError(f"{path.name}: no Parquet table of numbers with a row per draw: {first}") from None
    if len(values) < FEWEST_DRAWS:
        raise PosteriorError(f"{path.name}: seen {len(values)} draws; needed: {FEWEST_DRAWS} or more")
    record = record if isinstance(record, dict) else {}
    return JointDraws(path.name, tuple(table.column_names), values, record, hashlib.sha256(content).hexdigest())


def _impossible(found: JointDraws, parameter_set: ParameterSet) -> Iterator[str]:
    """Columns that are no numbers of the set, and values that these cannot have."""
    known = [*(p.name for p in parameter_set.parameters), *parameter_set.variances]
    for name, column in zip(found.names, found.values.T, strict=True):
        if name not in known:
            yield f"column {name}: no parameter of {parameter_set.id}{near(name, known)}"
        elif found.names.count(name) > 1:
            yield f"column {name}: seen twice; allowed: once"
        elif name in SWITCHES:
            yield f"column {name}: a switch of {parameter_set.id}, which no draw can move"
        elif not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            yield f"column {name}, row {row}: seen {column[row]:g}; allowed: a finite number"
        else:
            yield from _outside(name, column, parameter_set)


def _outside(name: str, column: Array, parameter_set: ParameterSet) -> Iterator[str]:
    """The first value beyond what a number of that name may be."""
    low, high, ends = _limits(name, parameter_set)
    bad = (column < low) | (column > high) | (~ends[0] & (column == low)) | (~ends[1] & (column == high))
    for row in np.flatnonzero(bad)[:1]:
        floor = f"{'at least' if ends[0] else 'more than'} {low:g}"
        roof = f", {'at most' if ends[1] else 'less than'} {high:g}" if np.isfinite(high) else ""
        yield f"column {name}, row {row}: seen {column[row]:g}; allowed: {floor}{roof}"


def _limits(name: str, parameter_set: ParameterSet) -> tuple[float, float, NDArray[np.bool_]]:
    """Smallest and largest value of a number, and whether these themselves are allowed."""
    if name in parameter_set.variances:
        return 0.0, LARGEST_VARIANCE, np.array([False, True])
    parameter = parameter_set.parameter(name)
    low = -np.inf if name in SIGNED else AT_LEAST.get(name, 0.0)
    high = 1.0 if parameter.unit == "fraction" else AT_MOST.get(name, np.inf)
    return low, high, np.array([name in AT_LEAST or name in may_be_zero(parameter_set), name in AT_MOST])
