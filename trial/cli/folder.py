"""The run folder: where it is, when it may be replaced, and the inputs copied into it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trial.cli.console import Refused
from trial.config import Study
from trial.configfile import FILES
from trial.design import differs_from_published

MARKS = ("manifest.json", "config.resolved.yaml")
CONFIG = "config.resolved.yaml"
SUFFIXES = (".parquet", ".csv", ".yaml", ".json", ".html")
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
    foreign = sorted(path.name for path in target.iterdir() if path.is_dir() or path.suffix not in SUFFIXES)
    if foreign or not any((target / mark).is_file() for mark in MARKS):
        named = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise Refused(f"{folder}: this folder holds something else than a run{named}; give another one with --out")
    if not overwrite:
        raise Refused(f"{folder}: results are already there; --overwrite replaces them, --out DIR writes elsewhere")
    if config is not None and target in config.resolve().parents:
        raise Refused(f"{folder}: the config itself lies in this folder; give another one with --out")
    if target in (Path.cwd(), *Path.cwd().parents):
        raise Refused(f"{folder}: this is the current folder or one above it; give another one with --out")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder`` to work in; it takes its place when the work is done, and is removed when it fails.

    An earlier run stays untouched until then.
    """
    beside = folder.resolve().with_name(f".{folder.resolve().name}.unfinished")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None
    try:
        yield beside
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(folder)
    beside.rename(folder)


def with_inputs(study: Study, base: Path, folder: Path) -> Study:
    """Copy the files a study reads into ``folder`` and name them by their copies, so that the folder stands alone.

    File names in ``study`` are relative to ``base``. Published rows of another design are kept, but not counted.
    """
    for section, key in FILES:
        record = getattr(study, section)
        name = getattr(record, key, None)
        if name is not None:
            copy = COPIES[section, key] or f"own_patients{Path(name).suffix}"
            shutil.copyfile(base / name, folder / copy)
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
