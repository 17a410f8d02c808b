"""The run folder: where it is, when it may be replaced, and the inputs copied into it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cohorts.own import SetError, copied, is_file_name
from trial.errors import Refused
from trial.jobs.parts import UNITS
from trial.study.fingerprint import differs_from_published
from trial.study.load import FILES
from trial.study.study import Study

CONFIG = "config.resolved.yaml"
REPORT = "report.html"
MARKS = ("manifest.json", CONFIG)
IDENTITY = "identity.json"
OWN_SET = "own_set"
SUFFIXES = (".parquet", ".csv", ".yaml", ".json", ".html")
OWN_PYTHON = re.compile(OWN_SET + r"(_\d+)?\.py")
COPIES = {
    ("population", "file"): "",
    ("published", "rows"): "published.csv",
    ("published", "baseline"): "published_baseline.csv",
}


def checked(folder: Path, overwrite: bool, config: Path | None = None) -> Path:
    """``folder``, if a run may be written there. Raises Refused rather than let anything but a run be replaced."""
    target = folder.resolve()
    if target.exists() and not target.is_dir():
        raise Refused(f"{folder}: this is a file; give a folder with --out")
    if target.exists() and any(target.iterdir()):
        _may_replace(folder, target, overwrite, config)
    return folder


def _may_replace(folder: Path, target: Path, overwrite: bool, config: Path | None) -> None:
    left = {UNITS} if (target / IDENTITY).is_file() else set()
    foreign = sorted(
        path.name
        for path in target.iterdir()
        if path.name not in left and (path.is_dir() or not (path.suffix in SUFFIXES or OWN_PYTHON.fullmatch(path.name)))
    )
    if foreign or not any((target / mark).is_file() for mark in MARKS):
        named = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise Refused(f"{folder}: this folder holds something else than a run{named}; give another one with --out")
    if not overwrite:
        raise Refused(f"{folder}: results are already there; --overwrite replaces them, --out DIR writes elsewhere")
    if config is not None and target in config.resolve().parents:
        raise Refused(f"{folder}: the config itself lies in this folder; give another one with --out")
    if target in (Path.cwd(), *Path.cwd().parents):
        raise Refused(f"{folder}: this is the current folder or one above it; give another one with --out")


def must_be_run(folder: Path) -> None:
    """Raises Refused unless ``folder`` holds a finished run."""
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder; 'vtrial run CONFIG' makes one")
    missing = [name for name in (CONFIG, "manifest.json", "estimates.parquet") if not (folder / name).exists()]
    if missing:
        raise Refused(f"{folder}: not the folder of a finished run ({', '.join(missing)} missing)")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one run at a time works on ``folder``; the lock ends with the process. Raises Refused when it is taken."""
    from filelock import FileLock, Timeout

    path = folder.resolve().with_name(f".{folder.resolve().name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        raise Refused(f"{folder}: another run is working on this folder; wait for it, or use --out DIR") from None
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None
    try:
        _put_back(folder.resolve())
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def unfinished(folder: Path) -> Path:
    """Where a run works before it takes the place of ``folder``; an earlier run stays untouched until then."""
    return folder.resolve().with_name(f".{folder.resolve().name}.unfinished")


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


def finish(folder: Path, beside: Path) -> None:
    """The finished work takes the place of ``folder``; whenever this is interrupted, one of both is whole.

    The units go last, so that the work can be taken up again until it is in its place.
    """
    target = folder.resolve()
    old = target.with_name(f".{target.name}.replaced")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(target / UNITS, ignore_errors=True)
    (target / IDENTITY).unlink(missing_ok=True)
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
            copy = COPIES[section, key] or f"own_patients{Path(name).suffix}"
            shutil.copyfile(name, folder / copy)
            study = study.model_copy(update={section: record.model_copy(update={key: copy})})
    if study.published is not None and differs_from_published(study):
        _uncount(folder / study.published.rows)
    return study


def _uncount(rows: Path) -> None:
    with rows.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names, found = list(reader.fieldnames or ()), list(reader)
    with rows.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"counted": "no"} for row in found)
