"""Parts of a pool: shards that were simulated apart, checked, and their units laid where the whole pool is made."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from cohorts.files import absolute
from trial.app import folder as folders
from trial.app.attempt import identity
from trial.app.door import verified_shard
from trial.app.merging import Part, place_units, units_held
from trial.app.talk import Say
from trial.errors import Refused, Stopped
from trial.jobs.parts import UNITS, read_unit, remove_unit
from trial.jobs.provenance import SHARD, manifest_problem
from trial.jobs.shards import Shard
from trial.study.study import Study

PART = re.compile(r"(pool-[0-9a-f]{12})\.\d+of\d+")


def part_folder(place: Path, shard: Shard) -> Path:
    """Where a shard of the pool ``place`` lies: beside it, the part in its name."""
    return place.with_name(f"{place.name}.{shard.number}of{shard.of}")


def parts_in(folder: Path) -> list[tuple[Path, str]]:
    """The parts that lie in a folder, each with the name of its pool."""
    named = [(path, PART.fullmatch(path.name)) for path in sorted(folder.glob("pool-*of*"))]
    return [(path, found[1]) for path, found in named if found]


def refuse_foreign(folder: Path, pools: Collection[str]) -> None:
    """Raises Refused for a part of another pool than ``pools``, which nothing would use."""
    for path, pool in parts_in(folder):
        if pool not in pools:
            raise Refused(
                f"{path}: part of another pool (study, seed, size or version), those of this design are "
                f"{', '.join(sorted(pools))}; move it"
            )


def take_parts(study: Study, place: Path, say: Say) -> None:
    """Lay the units of all parts of a pool where the run that makes it goes on; what no part holds is simulated by it.

    Nothing is done where the pool is there. Raises Refused for a part that is damaged or of another pool, and for a
    unit that two parts hold; Stopped when the disk refuses.
    """
    found = [path for path, pool in parts_in(place.parent) if pool == place.name]
    if not found or not manifest_problem(place):
        return
    parts = [Part(path, verified_shard(path)) for path in found]
    for part in parts:
        _of_this_pool(study, part)
    units_held(parts)
    with folders.locked(place):
        beside = folders.begin(place, False, True, identity(study))
        try:
            for part in parts:
                missing = [number for number in part.units if not read_unit(beside / UNITS, number)]
                for number in missing:
                    remove_unit(beside / UNITS, number)
                place_units(part.folder, missing, beside / UNITS)
        except OSError as error:
            why = f"cannot be written ({error.strerror or error})"
            raise Stopped(f"{error.filename or absolute(place)}: {why}; the parts are as they were") from error
    say(f"{place.name}: {len(parts)} parts with {sum(len(part.units) for part in parts)} units")


def _of_this_pool(study: Study, part: Part) -> None:
    there, here = part.manifest[SHARD]["of_run"], identity(study)
    for key in (*here, *(key for key in there if key not in here)):
        was, now = (side.get(key, "not there") for side in (there, here))
        if was != now:
            raise Refused(f"{part.folder}: no part of this pool: {key} is {was} there, {now} here; move it")
