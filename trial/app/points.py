"""Design points: variants of a study, each simulated once, into a folder of its own, with the same draws."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.endpoints.records import Records, from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.evidence.results import endpoint_values
from trial.app.folder import CONFIG, with_inputs
from trial.app.identity import identity
from trial.app.talk import Tell
from trial.app.targets import Job, cut
from trial.errors import Refused
from trial.jobs.hands import Each
from trial.jobs.provenance import file_hash, put, text_hash
from trial.jobs.work import UNIT_PATIENTS, simulate_replicates
from trial.study.load import resolved_yaml
from trial.study.study import Study
from trial.tables import TEXT, field

POINTS, VALUES, SIGNED = "points", "values.parquet", "point.json"
VISITS = "VISITS"
"""A measure of a point that is no endpoint: visits with a count that patients come to, mean per patient."""
VALUES_SCHEMA = pa.schema(
    [
        field("IREP", pa.int32(), "Replicate of the trial, from 0"),
        field("ARM", TEXT, "Treatment arm"),
        field("PARAMCD", TEXT, "Endpoint, or VISITS"),
        field("AVAL", pa.float64(), "Share, median or mean in the arm"),
    ]
)
Values = dict[str, NDArray[np.float64]]
"""Endpoints by code, per replicate and arm (R, A); shares of a rate as proportions."""


@dataclass(frozen=True)
class DesignPoint:
    """A variant of a study, and the endpoints wanted of it."""

    study: Study
    codes: tuple[str, ...]

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits of all that makes its numbers: engine, packages, every key, the endpoints."""
        said = identity(self.study) | {"codes": ",".join(self.codes)}
        return text_hash(json.dumps(said, sort_keys=True))[:12]


def point_of(study: Study, codes: Sequence[str]) -> DesignPoint:
    """The point of a checked study; published rows, texts and what is only kept are no part of it."""
    plain = {"published": None, "pk_sampling": _sampled(study, codes)}
    return DesignPoint(study.model_copy(update=plain), tuple(codes))


def _sampled(study: Study, codes: Sequence[str]) -> object:
    """The sampling of concentrations, where one of these endpoints needs it."""
    wanted = tuple(code for code in codes if code != VISITS)
    return cut(0, study, wanted)[0][0].pk_sampling if wanted else None


def simulate_points(points: Mapping[str, DesignPoint], folder: Path, each: Each, tell: Tell) -> None:
    """Simulate the points (by key) that are not there yet, or damaged, each into ``folder``/points/<key>.

    A point is there when all its replicates are: what is interrupted loses the points at work alone.
    """
    todo = {key: point for key, point in points.items() if not is_there(folder, key)}
    chunks = {key: _chunks(point.study) for key, point in todo.items()}
    places = list(todo)
    found: dict[str, dict[int, Values]] = {key: {} for key in todo}
    total, done = sum(p.study.subjects * p.study.replicates for p in todo.values()), 0
    jobs = (
        (todo[key].study, (place, Job(place, todo[key].codes, chunk)))
        for place, key in enumerate(places)
        for chunk in chunks[key]
    )
    for (place, job), values in each(_values_of, jobs, _named):
        key = places[place]
        found[key][job.replicates.start] = values
        if len(found[key]) == len(chunks[key]):
            parts = found.pop(key)
            _keep(todo[key], folder / POINTS / key, [parts[chunk.start] for chunk in chunks[key]])
        done += todo[key].study.subjects * len(job.replicates)
        tell(done, total)


def _chunks(study: Study) -> list[range]:
    """The replicates in parts of equal size, of about a work unit of patients each; the workers have no say in it."""
    parts = min(study.replicates, -(-study.replicates * study.subjects // UNIT_PATIENTS))
    size = -(-study.replicates // parts)
    return [range(k, min(k + size, study.replicates)) for k in range(0, study.replicates, size)]


def _named(one: tuple[int, Job]) -> str:
    return f"replicates {one[1].replicates.start} to {one[1].replicates.stop - 1} of point {one[0]}"


def _values_of(study: Study, one: tuple[int, Job]) -> Values:
    """What a job's replicates come to."""
    _, job = one
    records = from_tables(in_stage(simulate_replicates(study, job.replicates), study), study.arm_ids)
    codes = [code for code in job.codes if code != VISITS]
    found = endpoint_values(records, study.analysed, codes) if codes else {}
    return found | ({VISITS: visits_of(records)} if VISITS in job.codes else {})


def visits_of(records: Records) -> NDArray[np.float64]:
    """Visits with a count after baseline, mean per patient of each replicate and arm (R, A); NaN in an empty arm."""
    came = np.isfinite(records.counts).sum(axis=1).astype(np.float64)
    replicates, row = np.unique(records.replicate, return_inverse=True)
    arms = len(records.arm_ids)
    cell, size = row * arms + records.arm, len(replicates) * arms
    n = np.bincount(cell, minlength=size).astype(np.float64)
    total = np.bincount(cell, came, size)
    return np.divide(total, n, out=np.full(size, np.nan), where=n > 0).reshape(-1, arms)


def _keep(point: DesignPoint, home: Path, parts: Sequence[Values]) -> None:
    """Write a finished point whole: its config, which 'vtrial run' takes, its values, and their checksums."""
    new = home.with_name(f".{home.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    put(new / CONFIG, _config_text(point.study, new))
    values = {code: np.concatenate([part[code] for part in parts]) for code in point.codes}
    pq.write_table(_table(values, point.study.arm_ids), new / VALUES, compression="zstd")
    put(new / SIGNED, json.dumps({name: file_hash(new / name) for name in (CONFIG, VALUES)}, indent=1) + "\n")
    shutil.rmtree(home, ignore_errors=True)
    new.rename(home)


def _config_text(study: Study, home: Path) -> str:
    return resolved_yaml(with_inputs(study, home))


def _table(values: Values, arms: Sequence[str]) -> pa.Table:
    rows = [
        {"IREP": replicate, "ARM": arm, "PARAMCD": code, "AVAL": float(found[replicate, k])}
        for code, found in values.items()
        for replicate in range(len(found))
        for k, arm in enumerate(arms)
    ]
    return pa.Table.from_pylist(rows, schema=VALUES_SCHEMA)


def is_there(folder: Path, key: str) -> bool:
    """Whether a point is there as it was written."""
    home = folder / POINTS / key
    try:
        signed = json.loads((home / SIGNED).read_text(encoding="utf-8"))
        return all(file_hash(home / name) == signed[name] for name in (CONFIG, VALUES))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def values_of(folder: Path, key: str, point: DesignPoint) -> Values:
    """The values of a point that is there, in the order of its codes and arms. Raises Refused for one that is not."""
    if not is_there(folder, key):
        raise Refused(f"{folder / POINTS / key}: this point is not there, or is not what was written")
    table = pq.read_table(folder / POINTS / key / VALUES)
    shape = (len(point.codes), point.study.replicates, len(point.study.arm_ids))
    values = table["AVAL"].to_numpy(zero_copy_only=False).reshape(shape)
    return {code: values[k] for k, code in enumerate(point.codes)}


def kept_points(folder: Path) -> int:
    """Points in a folder."""
    return len([home for home in (folder / POINTS).glob("[0-9a-f]*") if (home / SIGNED).is_file()])
