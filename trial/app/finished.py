"""A finished run as a record: a folder, read when asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trial.app.door import verified
from trial.app.folder import CONFIG
from trial.errors import Refused
from trial.jobs.provenance import read_manifest
from trial.study.load import load_study
from trial.study.protocol import not_among
from trial.study.study import Study


@dataclass(frozen=True)
class Run:
    """A run folder, whoever made it: ``trial.run``, or ``vtrial run``.

    Every checksum is compared once; then nothing is read before it is asked for, and nothing is kept: a table is read
    anew each time, whole, as an Arrow table (``.to_pandas()`` makes a data frame) whose columns carry label and unit as
    metadata. Raises Refused unless the folder holds a finished run as it was written.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        verified(self.folder)

    @property
    def study(self) -> Study:
        """The study as it was resolved; names of files are those of the copies in the folder."""
        return load_study(self.folder / CONFIG)

    @property
    def manifest(self) -> dict[str, Any]:
        """What made the run: versions, seed, citations, warnings, rows and sha256 of every file."""
        return read_manifest(self.folder)

    @property
    def n_failed(self) -> int:
        """Patients whose solve failed; the table ``solves`` says why."""
        return int(self.manifest["patients_failed"])

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables there are."""
        return tuple(sorted(Path(n).stem for n in self.manifest["files"] if n.endswith(".parquet")))

    def table(self, name: str) -> pa.Table:
        """A table by name. Raises Refused for one that is not there."""
        if name not in self.tables:
            raise Refused(f"{self.folder}: {not_among(name, self.tables, 'a table of this run')}")
        return pq.read_table(self.folder / f"{name}.parquet")

    @property
    def estimates(self) -> pa.Table:
        """Every endpoint summarised by arm and compared: one row per estimate."""
        return self.table("estimates")

    @property
    def endpoints(self) -> pa.Table:
        """Every endpoint of every patient: one row per patient and endpoint."""
        return self.table("endpoints")

    @property
    def patients(self) -> pa.Table:
        """One row per patient of every replicate."""
        return self.table("patients")

    @property
    def scorecard(self) -> pa.Table | None:
        """Simulated beside published, one row per published row; None when the study has none."""
        return self.table("scorecard") if "scorecard" in self.tables else None
