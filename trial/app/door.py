"""The door of a run folder: whoever reads one comes through here, and finds it as it was written or is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.evidence.model import MODEL_FILE
from trial.app.folder import CONFIG, units_kept
from trial.errors import Refused
from trial.jobs.parts import UNITS, read_unit
from trial.jobs.provenance import MANIFEST, SHARD, file_problems, manifest_problem, read_manifest
from trial.study.load import load_study
from trial.study.study import Study

NEEDED = (CONFIG, "estimates.parquet", "patients.parquet", "solves.parquet", "endpoints.parquet")
READ = (
    "screening", "adverse", "scorecard", "sensitivity", "global_sensitivity", "attribution", "estimands", "tipping",
    "exposure_response",
    "courses", "times",
)  # fmt: skip
"""Tables that are read where they are; one that the manifest does not name is of something else."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Opened:
    """A run folder whose files are those that the run wrote: its study as it was resolved, and its manifest."""

    folder: Path
    study: Study
    manifest: Mapping[str, Any]


def opened(folder: Path) -> Opened:
    """The run in ``folder``. Raises Refused, naming every file, unless it is whole: finished, of this engine, and each
    file what the run wrote.
    """
    manifest = verified(folder)
    return Opened(folder, load_study(folder / CONFIG), manifest)


def verified(folder: Path) -> Mapping[str, Any]:
    """The manifest of a run folder whose every checksum was compared. Raises Refused."""
    manifest = _signed(folder)
    if SHARD in manifest:
        raise Refused(
            f"{folder}: this is shard {manifest[SHARD]['part']} of a run; 'vtrial merge' joins all its shards"
        )
    _must_be_whole(
        folder, [*_missing(manifest), *_foreign(folder, manifest), *file_problems(folder, manifest["files"])]
    )
    return manifest


def verified_shard(folder: Path) -> Mapping[str, Any]:
    """As ``verified``, of a shard: the checksums of its units too."""
    manifest = _signed(folder)
    if SHARD not in manifest:
        raise Refused(
            f"{folder}: this is a whole run; 'vtrial merge' takes shards, as 'vtrial run --shard 1/4' makes them"
        )
    units = [number for number in manifest[SHARD]["units"] if not read_unit(folder / UNITS, number)]
    damaged = [f"unit {number} is not what was written" for number in units]
    _must_be_whole(folder, [*file_problems(folder, manifest["files"]), *damaged])
    return manifest


def _signed(folder: Path) -> Mapping[str, Any]:
    _must_be_there(folder)
    problem = manifest_problem(folder)
    if problem and "damaged" in problem:
        raise Refused(f"{folder}: this run is damaged ({problem}); run the study again")
    if problem:
        raise Refused(f"{folder}: not the folder of a finished run of this engine ({problem})")
    return read_manifest(folder)


def _must_be_whole(folder: Path, found: Sequence[str]) -> None:
    if found:
        more = len(found) - MOST_NAMED
        said = "; ".join([*found[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
        raise Refused(f"{folder}: this run is damaged ({said}); run the study again")


def _must_be_there(folder: Path) -> None:
    if folder.is_dir():
        return
    units = units_kept(folder)
    if units:
        many = f"{units} unit{'s' if units > 1 else ''} finished"
        raise Refused(
            f"{folder}: this run was interrupted, {many}; the same 'vtrial run' with --resume goes on with it"
        )
    if folder.exists():
        raise Refused(f"{folder}: this is a file; give the folder of a run")
    raise Refused(f"{folder}: there is no such folder; 'vtrial run CONFIG' makes one")


def _missing(manifest: Mapping[str, Any]) -> list[str]:
    return [f"{name} is not named by {MANIFEST}" for name in NEEDED if name not in manifest["files"]]


def _foreign(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that would be read, but are not of this run. Manifests of version 0.2 do not name the model."""
    names = [*(f"{name}.parquet" for name in READ), "published.csv", "published_baseline.csv"]
    names += [MODEL_FILE] if "sha256" in manifest else []
    return [f"{n} is not of this run" for n in names if n not in manifest["files"] and (folder / n).exists()]
