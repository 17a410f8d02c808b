"""What a run will come to, before it is started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from trial.app.study_run import cores, evaluator
from trial.errors import Refused
from trial.jobs.forecast import Forecast, forecast, free_disk, free_memory, problem, size
from trial.study.study import Study

LARGE_RUN = 50_000
"""Patients from which a run is probed before it starts."""
REPORT_BYTES, PER_PATIENT_BYTES, PER_VISIT_BYTES = 340 * 2**20, 400, 110
"""Memory of a report, measured: 341 MiB of 20,000 patients with 10 visits, 755 MiB of 300,000."""


@dataclass(frozen=True)
class Foresight:
    """A forecast beside what the machine has, in words; ``free_memory`` "" where the system does not say.

    ``elsewhere``: what each of more workers than this machine has cores needs, or "".

    ``problem``: why the run will not do here and what to do instead, or None.
    """

    forecast: Forecast
    disk: str
    free_disk: str
    memory: str
    free_memory: str
    problem: str | None
    elsewhere: str = ""


def report_bytes(study: Study) -> float:
    """Memory that the report of a study needs: of the patients whose tables are kept."""
    each = PER_PATIENT_BYTES + PER_VISIT_BYTES * len(study.visits.days)
    return float(REPORT_BYTES + each * study.subjects * len(study.kept))


def foresee(
    study: Study, folder: Path, workers: int | None = None, with_report: bool = True, here: bool = True
) -> Foresight:
    """Probe the study; ``folder``: where it would be written. Takes about a second.

    Not ``here``: more workers than this machine has cores are those of a cluster, and need no memory of this machine.
    """
    found, memory = forecast(study, workers or cores(), evaluator(study)), free_memory()
    report = report_bytes(study) if with_report else 0.0
    away = not here and found.workers > cores()
    needed = max(0.0 if away else found.memory_bytes, report)
    return Foresight(
        forecast=found,
        disk=size(found.disk_bytes),
        free_disk=size(free_disk(folder)),
        memory=size(needed),
        free_memory=size(memory) if memory else "",
        problem=problem(replace(found, memory_bytes=needed), folder) or _too_large(report, memory),
        elsewhere=size(found.memory_bytes / found.workers) if away else "",
    )


def _too_large(report: float, memory: float | None) -> str | None:
    """Why the report will not do on this machine, or None."""
    if memory is None or report <= memory:
        return None
    return (
        f"the report needs about {size(report)} of memory, {size(memory)} are free; --no-report leaves it out (with "
        "--resume of an interrupted run too), and 'vtrial report DIR' writes it where there is more"
    )


def refuse_too_large(study: Study, folder: Path, workers: int, with_report: bool = True, parts: int = 1) -> None:
    """Before a large run: Refused when the disk or the memory will not do; of ``parts`` one is run here."""
    study = study.model_copy(update={"replicates": -(-study.replicates // parts)})
    if study.subjects * study.replicates >= LARGE_RUN:
        refused = foresee(study, folder, workers, with_report).problem
        if refused:
            raise Refused(refused)
