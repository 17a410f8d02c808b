"""The run folder: where it is, when it may be replaced, and the inputs copied into it."""

from __future__ import annotations

import shutil
from pathlib import Path

from trial.cli.console import Refused
from trial.config import Study
from trial.configfile import FILES

MARKS = ("manifest.json", "config.resolved.yaml")
CONFIG = "config.resolved.yaml"
COPIES = {
    ("population", "file"): "",
    ("published", "rows"): "published.csv",
    ("published", "baseline"): "published_baseline.csv",
}


def prepare(folder: Path, overwrite: bool, config: Path | None = None) -> Path:
    """An empty ``folder``. Raises Refused rather than touch anything but a run folder, and that only with overwrite."""
    target = folder.resolve()
    if target.exists() and not target.is_dir():
        raise Refused(f"{folder}: this is a file; give a folder with --out")
    if target.exists() and any(target.iterdir()):
        _may_replace(folder, target, overwrite, config)
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    return folder


def _may_replace(folder: Path, target: Path, overwrite: bool, config: Path | None) -> None:
    if not any((target / mark).is_file() for mark in MARKS):
        raise Refused(f"{folder}: this folder holds something else than a run; give another one with --out")
    if not overwrite:
        raise Refused(f"{folder}: results are already there; --overwrite replaces them, --out DIR writes elsewhere")
    if config is not None and target in config.resolve().parents:
        raise Refused(f"{folder}: the config itself lies in this folder; give another one with --out")
    if target in (Path.cwd(), *Path.cwd().parents):
        raise Refused(f"{folder}: this is the current folder or one above it; give another one with --out")


def with_inputs(study: Study, base: Path, folder: Path) -> Study:
    """Copy the files a study reads into ``folder`` and name them by their copies, so that the folder stands alone.

    File names in ``study`` are relative to ``base``.
    """
    for section, key in FILES:
        record = getattr(study, section)
        name = getattr(record, key, None)
        if name is not None:
            copy = COPIES[section, key] or f"own_patients{Path(name).suffix}"
            shutil.copyfile(base / name, folder / copy)
            study = study.model_copy(update={section: record.model_copy(update={key: copy})})
    return study
