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

SET, PATIENTS, SCHEDULED = "set", "patients", "schedule"
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
        if study.population.file is not None:
            where = str(folder / study.population.file)
            study = study.model_copy(update={"population": study.population.model_copy(update={"file": where})})
        if study.schedule is not None:
            study = study.model_copy(update={"schedule": str(folder / study.schedule)})
        return study


def packed(study: Study) -> Packed:
    """The study with copies of its own parameter set, patients and schedule, and of whatever these extend."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if is_file_name(study.parameter_set):
            study = study.model_copy(update={"parameter_set": copied(Path(study.parameter_set), folder, SET)})
        if study.population.file is not None:
            own = Path(shutil.copy(study.population.file, folder / f"{PATIENTS}{Path(study.population.file).suffix}"))
            study = study.model_copy(update={"population": study.population.model_copy(update={"file": own.name})})
        if study.schedule is not None:
            own = Path(shutil.copy(study.schedule, folder / f"{SCHEDULED}{Path(study.schedule).suffix}"))
            study = study.model_copy(update={"schedule": own.name})
        files = tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
    return Packed(study, files)


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
