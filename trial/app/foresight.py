"""What a run will come to, before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trial.app.study_run import cores, evaluator
from trial.errors import Refused
from trial.jobs.forecast import Forecast, forecast, free_disk, free_memory, problem, size
from trial.study.study import Study

LARGE_RUN = 50_000
"""Patients from which a run is probed before it starts."""


@dataclass(frozen=True)
class Foresight:
    """A forecast beside what the machine has, in words; ``free_memory`` "" where the system does not say.

    ``problem``: why the run will not do here and what to do instead, or None.
    """

    forecast: Forecast
    disk: str
    free_disk: str
    memory: str
    free_memory: str
    problem: str | None


def foresee(study: Study, folder: Path, workers: int | None = None) -> Foresight:
    """Probe the study; ``folder``: where it would be written. Takes about a second."""
    found, memory = forecast(study, workers or cores(), evaluator(study)), free_memory()
    return Foresight(
        forecast=found,
        disk=size(found.disk_bytes),
        free_disk=size(free_disk(folder)),
        memory=size(found.memory_bytes),
        free_memory=size(memory) if memory else "",
        problem=problem(found, folder),
    )


def refuse_too_large(study: Study, folder: Path, workers: int) -> None:
    """Before a large run: Refused when the disk or the memory will not do."""
    if study.subjects * study.replicates >= LARGE_RUN:
        refused = foresee(study, folder, workers).problem
        if refused:
            raise Refused(refused)
