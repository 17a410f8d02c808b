"""The run folder: where it is, when it may be replaced, and the inputs copied into it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from cohorts.files import absolute
from cohorts.own import SetError, copied, is_file_name
from trial.errors import Refused
from trial.jobs.parts import UNITS
from trial.jobs.provenance import IDENTITY, MANIFEST, REPORT, SHARD, manifest_problem, read_manifest
from trial.study.fingerprint import differs_from_published
from trial.study.load import FILES
from trial.study.study import Study

CONFIG = "config.resolved.yaml"
OWN_SET, OWN_SCHEDULE = "own_set", "own_schedule"
LONGEST_NAME = 230
"""Bytes of the name of a run folder: the names of its lock and of its unfinished work are longer."""
UNNAMED = ("model.json", REPORT, f"{OWN_SET}.json", f"{OWN_SET}.py")
"""What runs of version 0.2 hold and their manifests do not name."""
COPIES = {
    ("population", "file"): "own_patients",
    ("population", "by_day"): "own_by_day",
    ("published", "rows"): "published.csv",
    ("published", "baseline"): "published_baseline.csv",
}


def must_be_usable(folder: Path) -> None:
    """Raises Refused for a name that no run folder can have."""
    target = absolute(folder)
    try:
        size = len(target.name.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refused(f"--out: seen {str(folder)!r}, which is not UTF-8; give another folder with --out") from None
    if size > LONGEST_NAME:
        raise Refused(f"--out: seen a name of {size} bytes; allowed: at most {LONGEST_NAME}")
    for k, part in enumerate(folder.parts):
        if part == ".." and not (before := Path(*folder.parts[:k])).exists():
            raise Refused(f"--out: seen {str(folder)!r}; there is no folder {before} to go up from")
    if target in (Path.cwd(), *Path.cwd().parents):
        raise Refused(f"{folder}: this is the current folder or one above it; give another one with --out")
    if target.is_symlink():
        raise Refused(f"{folder}: this link leads to itself; give a folder with --out")
    if target.exists() and not target.is_dir():
        raise Refused(f"{folder}: this is a file; give a folder with --out")


def checked(folder: Path, overwrite: bool, config: Path | None = None) -> Path:
    """``folder``, if a run may be written there. Raises Refused rather than let anything but a run be replaced."""
    must_be_usable(folder)
    target = absolute(folder)
    if target.exists() and any(target.iterdir()):
        _may_replace(folder, target, overwrite, config)
    return folder


def _may_replace(folder: Path, target: Path, overwrite: bool, config: Path | None) -> None:
    why = manifest_problem(target)
    if why:
        raise Refused(f"{folder}: this folder holds something else than a run ({why}); give another one with --out")
    others = foreign(target)
    if others:
        named = f"{', '.join(others[:3])}{' ...' if len(others) > 3 else ''}"
        raise Refused(
            f"{folder}: this folder holds something else than a run: {named} {'is' if len(others) == 1 else 'are'} not "
            "named by its manifest; move what is yours, or give another folder with --out"
        )
    if not overwrite:
        raise Refused(f"{folder}: results are already there; --overwrite replaces them, --out DIR writes elsewhere")
    if config is not None and target in absolute(config).parents:
        raise Refused(f"{folder}: the config itself lies in this folder; give another one with --out")


def ready(folder: Path, names: Iterable[str], overwrite: bool) -> None:
    """Make ``folder`` ready for results other than a run, files or folders of these ``names``.

    Raises Refused for the folder of a run, and for results that are there unless they may be replaced.
    """
    must_be_usable(folder)
    target = absolute(folder)
    if not manifest_problem(target):
        raise Refused(f"{folder}: this is the folder of a run, which stays as it is; give another one with --out")
    there = [name for name in names if (target / name).exists()]
    if there and not overwrite:
        raise Refused(f"{folder}: results are already there; --overwrite replaces them, --out DIR writes elsewhere")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None


def foreign(run: Path) -> list[str]:
    """Names in the folder of a run that its manifest does not name; of a folder that is no run, every name."""
    manifest = {} if manifest_problem(run) else read_manifest(run)
    own = {MANIFEST, *UNNAMED, *manifest["files"]} if manifest else set()
    own |= {UNITS, IDENTITY} if own and (run / IDENTITY).is_file() else set()
    own |= {UNITS} if SHARD in manifest else set()
    return sorted(path.name for path in run.iterdir() if path.name not in own or (path.is_dir() and path.name != UNITS))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one run at a time works on ``folder``; the lock ends with the process. Raises Refused when it is taken."""
    from filelock import FileLock, Timeout

    path = absolute(folder).with_name(f".{absolute(folder).name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        raise Refused(f"{folder}: another run is working on this folder; wait for it, or use --out DIR") from None
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None
    try:
        _put_back(absolute(folder))
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def unfinished(folder: Path) -> Path:
    """Where a run works before it takes the place of ``folder``; an earlier run stays untouched until then."""
    return absolute(folder).with_name(f".{absolute(folder).name}.unfinished")


def units_kept(folder: Path) -> int:
    """Finished units of an interrupted run."""
    return len(list((unfinished(folder) / UNITS).glob("[0-9]*")))


def begin(folder: Path, overwrite: bool, resume: bool, identity: Mapping[str, str]) -> Path:
    """The folder to work in: anew, or with the units of an interrupted run of the same ``identity``.

    Raises Refused when finished units would be lost without a word, or belong to another config or other versions.
    """
    beside, units = unfinished(folder), units_kept(folder)
    if units and resume:
        _same(folder, beside / IDENTITY, identity)
        return beside
    if units and not overwrite:
        raise Refused(
            f"{folder}: an interrupted run is there, {units} unit{'s' if units > 1 else ''} finished; --resume goes on "
            "with it, --overwrite starts anew"
        )
    if beside.exists() and any(beside.iterdir()) and not (beside / IDENTITY).is_file():
        raise Refused(f"{beside}: this folder is not of a run; move it, or give another folder with --out")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
        (beside / IDENTITY).write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None
    return beside


def _same(folder: Path, path: Path, identity: Mapping[str, str]) -> None:
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    for key in (*identity, *(key for key in before if key not in identity)):
        was, now = (side.get(key, "not there") for side in (before, identity))
        if was != now:
            raise Refused(
                f"{folder}: cannot go on with the interrupted run: {key} was {was}, now it is {now}; run it as before, "
                "or start anew with --overwrite"
            )


def finish(folder: Path, beside: Path, keep_units: bool = False) -> None:
    """The finished work takes the place of ``folder``; whenever this is interrupted, one of both is whole.

    The units go last, so that the work can be taken up again until it is in its place; of a shard they stay. What
    somebody else put into ``folder`` meanwhile stays there.
    """
    target = absolute(folder)
    old = target.with_name(f".{target.name}.replaced")
    remove_run(old, target)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    if not keep_units:
        shutil.rmtree(target / UNITS, ignore_errors=True)
    (target / IDENTITY).unlink(missing_ok=True)
    remove_run(old, target)


def remove_run(old: Path, target: Path) -> None:
    """Remove an earlier run; what its manifest does not name moves to ``target``, under another name if that is taken.

    Raises OSError when it cannot be moved; nothing of it is lost then.
    """
    for name in foreign(old) if old.is_dir() else ():
        free = next(n for k in count() if not (target / (n := f"{name}.{k}" if k else name)).exists())
        (old / name).rename(target / free)
    shutil.rmtree(old, ignore_errors=True)


def _put_back(target: Path) -> None:
    """An earlier run whose replacement was cut short between two names is itself again."""
    old = target.with_name(f".{target.name}.replaced")
    if old.exists() and not target.exists():
        old.rename(target)


def with_inputs(study: Study, folder: Path) -> Study:
    """Copy the files a study reads into ``folder`` and name them by their copies, so that the folder stands alone.

    Published rows of another design are kept, but not counted. Raises Refused when the parameter set is gone.
    """
    if is_file_name(study.parameter_set):
        try:
            study = study.model_copy(update={"parameter_set": copied(Path(study.parameter_set), folder, OWN_SET)})
        except SetError as error:
            raise Refused(str(error)) from None
    for section, key in FILES:
        record = getattr(study, section)
        name = getattr(record, key, None)
        if name is not None:
            copy = COPIES[section, key]
            copy = copy if Path(copy).suffix else f"{copy}{Path(name).suffix}"
            shutil.copyfile(name, folder / copy)
            study = study.model_copy(update={section: record.model_copy(update={key: copy})})
    if study.published is not None and differs_from_published(study):
        _uncount(folder / study.published.rows)
    if study.schedule is not None:
        copy = f"{OWN_SCHEDULE}{Path(study.schedule).suffix}"
        shutil.copyfile(study.schedule, folder / copy)
        study = study.model_copy(update={"schedule": copy})
    return study


def _uncount(rows: Path) -> None:
    with rows.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names, found = list(reader.fieldnames or ()), list(reader)
    with rows.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"counted": "no"} for row in found)
