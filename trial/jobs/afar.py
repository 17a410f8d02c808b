"""A unit simulated where no file of this run is: the study goes there with the files it names, its parts come back."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cohorts.own import copied, is_file_name
from trial.jobs.one_unit import Evaluate, Job, simulate_into
from trial.jobs.parts import unit_files
from trial.study.study import Study

SET, PATIENTS = "set", "patients"
Files = tuple[tuple[str, bytes], ...]
"""Names and contents."""


@dataclass(frozen=True)
class Afar:
    """What makes the files of a unit (name to content) from its job, anywhere.

    ``study`` names its ``files`` by their names alone.
    """

    study: Study
    files: Files
    evaluate: Evaluate

    def __call__(self, job: Job) -> dict[str, bytes]:
        """The files of the unit of ``job``."""
        study = _found(self.study, _unpacked(self.files))
        with tempfile.TemporaryDirectory(prefix="vtrial-") as folder:
            return unit_files(Path(folder), simulate_into(study, job, Path(folder), self.evaluate).number)


def packed(study: Study, evaluate: Evaluate) -> Afar:
    """The study with copies of its own parameter set and patients, and of whatever these extend."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if is_file_name(study.parameter_set):
            study = study.model_copy(update={"parameter_set": copied(Path(study.parameter_set), folder, SET)})
        if study.population.file is not None:
            own = Path(shutil.copy(study.population.file, folder / f"{PATIENTS}{Path(study.population.file).suffix}"))
            study = study.model_copy(update={"population": study.population.model_copy(update={"file": own.name})})
        files = tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
    return Afar(study, files, evaluate)


def _found(study: Study, folder: Path) -> Study:
    """The study with its files named in ``folder``."""
    if is_file_name(study.parameter_set):
        study = study.model_copy(update={"parameter_set": str(folder / study.parameter_set)})
    if study.population.file is not None:
        where = str(folder / study.population.file)
        study = study.model_copy(update={"population": study.population.model_copy(update={"file": where})})
    return study


@lru_cache(maxsize=8)
def _unpacked(files: Files) -> Path:
    """A folder of this process with these files; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="vtrial-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, content in files:
        (folder / name).write_bytes(content)
    return folder
