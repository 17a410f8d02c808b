"""A finished run as the report sees it: every file of the run folder, read once. Nothing is computed here.

Needed: config.resolved.yaml, manifest.json and the tables. Optional: scorecard.parquet, published.csv,
published_baseline.csv; ``RunFolder.absent`` says what is not there and what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel

from analysis.endpoints.records import COLUMNS, Records, from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.evidence.results import (
    CONFIG_FILE,
    ENDPOINTS_FILE,
    ESTIMATES_FILE,
    MOST_FAILED,
    PUBLISHED_FILE,
    SCORES_FILE,
)
from analysis.evidence.scorecard import Published, Score, read_published, read_scores
from analysis.report.number_origins import Number
from analysis.statistics.estimates import NAMED, OVER, Estimate, read_estimates
from trial.jobs.provenance import read_manifest
from trial.study.arms import Arm
from trial.study.study import Study

BASELINE_FILE = "published_baseline.csv"
MANIFEST_FILE = "manifest.json"
TABLES = ("patients", "doses", "observations", "events", "solves")
HELD = {
    "patients": ["IREP", "SUBJID", "EOSDY"],
    "doses": ["IREP", "SUBJID", "ASTDY", "AENDY", "DOSELEV"],
    "events": ["IREP", "SUBJID", "EVENT", "ADY"],
    "solves": ["IREP", "SUBJID", "STATUS", "REASON"],
}
"""Columns that are held of every patient; the other tables are read in batches, or for one patient."""
BATCH = 4096
"""Patients read at once."""
OPTIONAL = {
    "screening.parquet": "the screening counts: the flow of participants starts at randomisation",
    PUBLISHED_FILE: "published results: simulated values stand alone",
    SCORES_FILE: "the scorecard: nothing is judged inside or outside",
    BASELINE_FILE: "the published baseline table: the baseline of the simulated patients stands alone",
}


Filters = list[tuple[str, str, Any]]
ONLY: dict[str, Filters] = {"observations": [("PARAMCD", "in", ["PLAT", "WHOBLEED"])]}


@dataclass(frozen=True)
class ArmStyle:
    """An arm and its ``hue`` in the palette: the active ones 1, 2, ... as in the study, placebo arms 0, -1, ..."""

    id: str
    label: str
    hue: int
    placebo: bool
    start_dose_mg: float
    ratio: int
    rule: str | None


@dataclass(frozen=True)
class RunFolder:
    """Everything a report is made of. ``tables`` by name, HELD columns of the replicates whose tables were kept;
    ``published`` by (endpoint, statistic, arm); ``outside``: patients of all replicates by the reason why they lie
    outside the validity domain of the parameter set, the commonest first.
    """

    path: Path
    study: Study
    manifest: Mapping[str, Any]
    tables: Mapping[str, pa.Table]
    estimates: tuple[Estimate, ...]
    published: Mapping[tuple[str, str, str], Published]
    scores: tuple[Score, ...]
    absent: Mapping[str, str]
    outside: Mapping[str, Number]

    @cached_property
    def arms(self) -> tuple[ArmStyle, ...]:
        """The arms in the order of the study."""
        return _arm_styles(self.study.arms)

    @cached_property
    def records(self) -> Records:
        """Counts, days and flags per patient; without names, bleeding, chemotherapy, adverse events and profiles."""
        return _joined([_slim(self._batch(which)) for which in batches(self.study)])

    @cached_property
    def reported(self) -> Records:
        """As ``records``, of the stage whose endpoints are reported, in days since it began."""
        if not self.study.stages:
            return self.records
        return _joined([_slim(self._batch(which, staged=True)) for which in batches(self.study)])

    def _batch(self, which: Filters, staged: bool = False) -> Records:
        """Everything about some patients, of the whole trial or of the stage that is reported."""
        tables = {
            name: pq.read_table(self.path / f"{name}.parquet", columns=columns, filters=[*which, *ONLY.get(name, [])])
            for name, columns in COLUMNS.items()
        }
        if staged:
            tables["stages"] = pq.read_table(self.path / "stages.parquet", filters=which)
        return from_tables(in_stage(tables, self.study) if staged else tables, self.study.arm_ids)

    def rows_of(self, table: str, replicate: int, subject: int) -> list[dict[str, Any]]:
        """The rows of one patient, every column."""
        mine = [("IREP", "==", replicate), ("SUBJID", "==", subject)]
        return list(pq.read_table(self.path / f"{table}.parquet", filters=mine).to_pylist())

    @cached_property
    def named(self) -> NDArray[np.bool_]:
        """(n,) patients of the named replicate."""
        return self.records.replicate == self.study.analysis.named_replicate

    @cached_property
    def found(self) -> Mapping[tuple[str, str, str, str, str | None, str], Estimate]:
        """Estimates by (endpoint, arm, statistic, scope, comparator, category)."""
        return {(e.PARAMCD, e.ARM, e.STAT, e.SCOPE, e.COMPARATOR, e.CATEGORY): e for e in self.estimates}

    @cached_property
    def of_endpoints(self) -> tuple[Estimate, ...]:
        """The estimates of endpoints."""
        return tuple(e for e in self.estimates if e.PARCAT1 == "endpoint")

    @cached_property
    def not_evaluable(self) -> tuple[Estimate, ...]:
        """How many patients of all replicates have no value of an endpoint, by endpoint and reason."""
        return tuple(e for e in self.estimates if e.STAT == "not evaluable")

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Labels of the endpoints by code."""
        return {e.PARAMCD: e.PARAM for e in self.of_endpoints}

    def one(self, code: str, arm: str, stat: str, comparator: str | None = None, category: str = "") -> Estimate | None:
        """The estimate of the named replicate."""
        return self.found.get((code, arm, stat, NAMED, comparator, category))

    def over(
        self, code: str, arm: str, stat: str, comparator: str | None = None, category: str = ""
    ) -> Estimate | None:
        """The estimate over replicates."""
        return self.found.get((code, arm, stat, OVER, comparator, category))

    @cached_property
    def style(self) -> Mapping[str, ArmStyle]:
        """The arms by id."""
        return {arm.id: arm for arm in self.arms}

    @cached_property
    def _scored(self) -> Mapping[str, Score]:
        return {s.row_id: s for s in self.scores}

    def score_of(self, printed: Published | None) -> Score | None:
        """The row of the scorecard of a published row."""
        return self._scored.get(printed.row_id) if printed else None

    def config(self, *path: str | int) -> Number:
        """A setting of the study by its path in config.resolved.yaml, such as ("arms", 0, "ratio")."""
        return _at(self.study, "config", path)

    def fact(self, *path: str | int) -> Number:
        """What the manifest says, by its path in manifest.json."""
        return _at(self.manifest, "manifest", path)

    @property
    def replicates(self) -> Number:
        """Replicates simulated, whether or not their tables were kept."""
        return self.config("replicates")

    @property
    def replicates_kept(self) -> Number:
        """The replicates whose tables were kept."""
        return Number(self.kept, "observations", "IREP", "distinct")

    def column(self, table: str, name: str) -> NDArray[Any]:
        """A column as numpy; dictionary columns as text."""
        return plain(self.tables[table][name])

    def in_words(self, reason: str) -> str:
        """A reason for a missing value with the code of a failed solve ("solver: STEP_LIMIT") in words."""
        prefix, _, status = reason.partition("solver: ")
        return (
            reason
            if prefix
            else f"solve failed: {self.failures.get(status, _plain_code(status))}"
            if status
            else reason
        )

    @cached_property
    def failures(self) -> Mapping[str, str]:
        """What the codes of failed solves mean, by code; without what a reason says of one patient, after a colon."""
        said = zip(self.column("solves", "STATUS").tolist(), self.column("solves", "REASON").tolist(), strict=True)
        return {status: why.partition(": ")[0] for status, why in set(said) if why}

    @property
    def n_replicates(self) -> int:
        """Replicates simulated, whether or not their tables were kept."""
        return self.study.replicates

    @cached_property
    def n_kept(self) -> int:
        """Replicates whose tables were kept; what is counted patient by patient is counted in these."""
        return len(self.kept)

    @property
    def n_patients(self) -> int:
        """Patients simulated in all replicates."""
        return int(self.manifest["patients_simulated"])

    @property
    def n_failed(self) -> int:
        """Patients of all replicates whose solve failed."""
        return int(self.manifest["patients_failed"])

    @property
    def many_failed(self) -> bool:
        """Whether so many failed that no rate is shown without it."""
        return self.n_failed > MOST_FAILED * self.manifest["patients_simulated"]

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The replicates whose tables were kept."""
        return tuple(np.unique(self.column("patients", "IREP")).tolist())


def plain(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as numpy: dictionaries become text (null ""), null numbers NaN."""
    if pa.types.is_dictionary(column.type):
        if column.null_count == 0 and len(column):
            coded = column.unify_dictionaries().combine_chunks()
            return np.array(coded.dictionary.to_pylist(), dtype=str)[coded.indices.to_numpy()]
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return np.array(column.fill_null("").to_pylist(), dtype=str)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _plain_code(status: str) -> str:
    return status.lower().replace("_", " ")


def read_run(path: Path, study: Study) -> RunFolder:
    """Read a run folder. Raises FileNotFoundError naming every needed file that is not there."""
    needed = [CONFIG_FILE, MANIFEST_FILE, ESTIMATES_FILE, ENDPOINTS_FILE, *(f"{name}.parquet" for name in TABLES)]
    missing = [name for name in needed if not (path / name).exists()]
    if missing:
        raise FileNotFoundError(f"{path} is not a finished run: no {', '.join(missing)}; run the study again")
    kept = [("IREP", "in", study.kept)]
    daily = all(rule.daily for rule in study.dose_rules.values())
    held = HELD if daily else HELD | {"doses": [*HELD["doses"], "EXINTVL"]}
    tables = {
        name: pq.read_table(path / f"{name}.parquet", columns=columns, filters=kept) for name, columns in held.items()
    }
    return RunFolder(
        path=path,
        study=study,
        manifest=read_manifest(path),
        tables=tables,
        estimates=read_estimates(path / ESTIMATES_FILE),
        published=_published(path / PUBLISHED_FILE) | _published(path / BASELINE_FILE),
        scores=read_scores(path / SCORES_FILE),
        absent={name: what for name, what in OPTIONAL.items() if not (path / name).exists()},
        outside=_outside(path / "patients.parquet"),
    )


def batches(study: Study) -> Iterator[Filters]:
    """About BATCH patients each of the replicates whose tables were kept, in order."""
    kept, n = study.kept, study.subjects
    if n <= BATCH:
        several = BATCH // n
        yield from ([("IREP", "in", kept[k : k + several])] for k in range(0, len(kept), several))
        return
    for replicate in kept:
        for first in range(1, n + 1, BATCH):
            yield [("IREP", "==", replicate), ("SUBJID", ">=", first), ("SUBJID", "<", first + BATCH)]


def _slim(records: Records) -> Records:
    """Without what no figure draws."""
    nothing, unnamed = np.empty((records.n, 0)), np.empty(0, dtype=str)
    return replace(
        records,
        usubjid=unnamed,
        stratum=unnamed,
        bleeding=nothing,
        chemotherapy=nothing,
        chemo_share=nothing,
        rescues=nothing,
        adverse={},
        profile=None,
    )


def _joined(parts: Sequence[Records]) -> Records:
    """The patients of all parts, one after the other."""
    same = ("arm_ids", "planned", "adverse", "profile")
    names = [f.name for f in fields(Records) if f.name not in same]
    whole: dict[str, Any] = {name: np.concatenate(_as_wide([getattr(part, name) for part in parts])) for name in names}
    return replace(parts[0], **whole)


def _as_wide(parts: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Arrays of which some have fewer columns, because their patients had fewer rescues: with days that never come."""
    widest = max(part.shape[-1] for part in parts)
    if parts[0].ndim < 2 or all(part.shape[-1] == widest for part in parts):
        return list(parts)
    return [np.pad(part, ((0, 0), (0, widest - part.shape[1])), constant_values=np.inf) for part in parts]


def _outside(patients: Path) -> dict[str, Number]:
    counted = pc.value_counts(pq.read_table(patients, columns=["OUTDOM"])["OUTDOM"].cast(pa.string())).to_pylist()
    found = {row["values"]: row["counts"] for row in sorted(counted, key=lambda row: -row["counts"]) if row["values"]}
    return {why: Number(n, "patients", f"OUTDOM={why}", "rows") for why, n in found.items()}


def ranges(numbers: Sequence[int]) -> str:
    """Sorted whole numbers in words: "0 to 9 or 17"."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return " or ".join(f"{a} to {b}" if b > a else str(a) for a, b in zip(starts, ends, strict=True))


def _published(path: Path) -> dict[tuple[str, str, str], Published]:
    rows = read_published(path) if path.exists() else []
    return {(row.endpoint, row.statistic, row.arm): row for row in rows}


def _at(whole: Any, table: str, path: Sequence[str | int]) -> Number:
    """The entry of a record, mapping or sequence at a path."""
    for name in path:
        whole = getattr(whole, str(name)) if isinstance(whole, BaseModel) else whole[name]
    *above, last = map(str, path)
    return Number(whole, table, "/".join(above), last)


def _arm_styles(arms: Sequence[Arm]) -> tuple[ArmStyle, ...]:
    styles, active, placebo = [], 0, 1
    for arm in arms:
        active, placebo = active + (not arm.placebo), placebo - arm.placebo
        styles.append(
            ArmStyle(
                id=arm.id,
                label=arm.name,
                hue=placebo if arm.placebo else active,
                placebo=arm.placebo,
                start_dose_mg=arm.start_dose_mg,
                ratio=arm.ratio,
                rule=arm.dose_rule,
            )
        )
    return tuple(styles)
