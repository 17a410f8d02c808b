"""A study that is worked on where no file of this run is: it goes there with the files it names."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from cohorts.own import copied, is_file_name
from trial.study.study import Study

SET, PATIENTS, SCHEDULED = "set", {"file": "patients", "by_day": "by_day"}, "schedule"
Files = tuple[tuple[str, bytes], ...]
"""Names and contents."""
One = TypeVar("One")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Packed:
    """A study with the ``files`` that a simulation of it reads, which it names by their names alone."""

    study: Study
    files: Files

    def unpacked(self) -> Study:
        """The study with its files in a folder of this process."""
        folder, study = _unpacked(self.files), self.study
        if is_file_name(study.parameter_set):
            study = study.model_copy(update={"parameter_set": str(folder / study.parameter_set)})
        study = _renamed(study, {key: str(folder / name) for key, name in _files(study).items()})
        if study.schedule is not None:
            study = study.model_copy(update={"schedule": str(folder / study.schedule)})
        return study


def packed(study: Study) -> Packed:
    """The study with copies of its own parameter set, patients and schedule, and of whatever these extend."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if is_file_name(study.parameter_set):
            study = study.model_copy(update={"parameter_set": copied(Path(study.parameter_set), folder, SET)})
        own = {key: f"{PATIENTS[key]}{Path(name).suffix}" for key, name in _files(study).items()}
        for key, name in _files(study).items():
            shutil.copy(name, folder / own[key])
        study = _renamed(study, own)
        if study.schedule is not None:
            table = Path(shutil.copy(study.schedule, folder / f"{SCHEDULED}{Path(study.schedule).suffix}"))
            study = study.model_copy(update={"schedule": table.name})
        files = tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
    return Packed(study, files)


def _files(study: Study) -> dict[str, str]:
    """The files of patients that a study names, by key."""
    return {key: name for key in PATIENTS if (name := getattr(study.population, key)) is not None}


def _renamed(study: Study, names: dict[str, str]) -> Study:
    """The study with other names of its files of patients."""
    return study.model_copy(update={"population": study.population.model_copy(update=names)})


def unpack_and_call(function: Callable[[Study, One], Result], job: tuple[Packed, One]) -> Result:
    """Anywhere: what ``function`` makes of a study and a job of it."""
    study, one = job
    return function(study.unpacked(), one)


@lru_cache(maxsize=8)
def _unpacked(files: Files) -> Path:
    """A folder of this process with these files; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="vtrial-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, content in files:
        (folder / name).write_bytes(content)
    return folder
