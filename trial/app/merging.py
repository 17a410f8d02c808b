"""Shards of one run into the run: what they hold is compared, joined and evaluated as if one process had made it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohorts.files import absolute
from trial.app import folder as folders
from trial.app.attempt import Done, identity
from trial.app.door import MOST_NAMED, verified_shard
from trial.app.exposure_response import write_asked
from trial.app.reporting import report_of_run
from trial.app.study_run import conclude, execute
from trial.app.talk import Say, patience, silent, unseen
from trial.app.versions import changes
from trial.errors import Refused, Stopped
from trial.jobs.parts import UNITS, unit_folder
from trial.jobs.provenance import SHARD
from trial.jobs.work import work_units
from trial.study.load import load_study
from trial.study.study import Study


@dataclass(frozen=True)
class Part:
    """A shard on disk: where it is, and its manifest, every checksum compared."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Which shard it is, as "2/4"."""
        return str(self.manifest[SHARD]["part"])

    @property
    def units(self) -> list[int]:
        """Numbers of the units it holds."""
        return list(self.manifest[SHARD]["units"])


def study_of(shards: Sequence[Path], say: Say = silent) -> tuple[Study, list[Part]]:
    """The study that all the shards are of, and the shards. Raises Refused for what cannot be one whole run."""
    where = [absolute(path) for path in shards]
    if again := [path for k, path in enumerate(shards) if where[k] in where[:k]]:
        raise Refused(f"{again[0]}: given twice; give each shard once")
    with patience(say, f"{len(shards)} shards: comparing checksums ..."):
        parts = [Part(path, verified_shard(path)) for path in shards]
    for part in parts:
        _of_one_run(parts[0], part)
    study = load_study(parts[0].folder / folders.CONFIG)
    _each_unit_once(study, parts)
    return study, parts


def merge(study: Study, parts: Sequence[Part], folder: Path, overwrite: bool, with_report: bool, say: Say) -> Done:
    """Join the shards of ``study`` into ``folder``: the same files as of one run, but for the times in its manifest.

    Raises Refused when the folder may not be used, Stopped when the disk refuses; the shards stay as they are.
    """
    begun = time.perf_counter()
    folders.must_be_usable(folder)
    if absolute(folder) in [absolute(part.folder) for part in parts]:
        raise Refused(f"{folder}: this is one of the shards; give another folder with --out")
    with folders.locked(folder):
        folders.checked(folder, overwrite)
        beside = folders.begin(folder, overwrite, False, identity(study))
        with _none_kept(folder, beside):
            with patience(say, f"{study.id}: joining {len(parts)} shards ..."):
                for part in parts:
                    place_units(part.folder, part.units, beside / UNITS)
                summary = execute(study, beside)
            write_asked(study, beside, None, say, unseen)
            volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": 1}
            analysed, resolved = conclude(beside, summary, parts[0].manifest["warnings"], volatile, say)
            folders.finish(folder, beside)
        if with_report:
            report_of_run(folder, resolved, say)
    return Done(analysed.lines, resolved, summary.n_patients, summary.n_failed)


def _of_one_run(first: Part, part: Part) -> None:
    there, here = (each.manifest[SHARD]["of_run"] for each in (first, part))
    for key in (*there, *(key for key in here if key not in there)):
        was, now = (side.get(key, "not there") for side in (there, here))
        if was != now:
            raise Refused(f"{part.folder}: not a shard of the run of {first.folder}: {key} is {now}, there it is {was}")
    if differs := changes(part.manifest):
        raise Refused(f"{part.folder}: made with other versions than are here: {'; '.join(differs)}")


def _each_unit_once(study: Study, parts: Sequence[Part]) -> None:
    """Raises Refused for units that two shards hold, or none."""
    held = units_held(parts)
    gaps = [unit.number for unit in work_units(study) if unit.number not in held]
    if gaps:
        named = ", ".join(map(str, gaps[:MOST_NAMED])) + (" ..." if len(gaps) > MOST_NAMED else "")
        raise Refused(
            f"{len(gaps)} of {len(work_units(study))} units are in none of the folders: {named}{_missing(parts)}"
        )


def units_held(parts: Sequence[Part]) -> dict[int, Part]:
    """Every unit with the shard that holds it. Raises Refused for one that two shards hold."""
    held: dict[int, Part] = {}
    for part in parts:
        for number in part.units:
            if number in held:
                other = held[number]
                raise Refused(
                    f"unit {number} is there twice: in {other.folder} (shard {other.name}) and in {part.folder} "
                    f"(shard {part.name}); give each unit once"
                )
            held[number] = part
    return held


def _missing(parts: Sequence[Part]) -> str:
    """Which shards were not given, when all are of one division."""
    numbers, divisions = zip(*(map(int, part.name.split("/")) for part in parts), strict=True)
    if len(set(divisions)) > 1:
        return ""
    absent = [f"{k}/{divisions[0]}" for k in range(1, divisions[0] + 1) if k not in numbers]
    return f"; missing: shard {', '.join(absent[:MOST_NAMED])}{' ...' if len(absent) > MOST_NAMED else ''}"


def place_units(shard: Path, numbers: Sequence[int], units: Path) -> None:
    """Units of the folder of a shard under ``units``: as second names of the same files where that can be, else as
    copies.
    """
    for number in numbers:
        shutil.copytree(unit_folder(shard / UNITS, number), unit_folder(units, number), copy_function=_named_again)


def _named_again(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _none_kept(folder: Path, beside: Path) -> Iterator[None]:
    """What stops on the way leaves nothing but the shards."""
    try:
        yield
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, OSError):
            why = f"cannot be written ({error.strerror or error})"
            raise Stopped(f"{error.filename or folder}: {why}; the shards are as they were") from error
        raise
