"""The report of a finished run, written again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.report.page import write_report
from analysis.report.runfolder import ranges
from trial.app.door import opened
from trial.app.talk import Say, patience, silent
from trial.errors import Refused, Stopped
from trial.jobs.provenance import REPORT, add_report
from trial.study.study import Study


def report_again(run_dir: Path, patients: Sequence[tuple[int, int]] = (), say: Say = silent) -> Path:
    """Write report.html of a run, with a page for each (replicate, subject) of ``patients``; its path.

    Raises Refused when the folder holds no finished run, or not the tables of a patient; Stopped when it cannot be
    written.
    """
    with patience(say, f"{run_dir}: comparing checksums, reading the tables, drawing the report ..."):
        study = opened(run_dir).study
        _exist(run_dir, study, patients)
        return _written(run_dir, study, patients, "the tables are as they were")


def report_of_run(folder: Path, study: Study, say: Say = silent) -> None:
    """Write the report of a run whose tables are in their place. Raises Stopped when it cannot be: they stay."""
    again = f"the tables are complete; 'vtrial report {folder}' writes the report, --resume --no-report leaves it out"
    with patience(say, f"{study.id}: the report ..."):
        _written(folder, study, (), again)


def _written(folder: Path, study: Study, patients: Sequence[tuple[int, int]], stay: str) -> Path:
    """The report into the folder of a run, and its name into the manifest; its path.

    Raises Stopped, with what ``stay`` says of the tables, when it cannot be written.
    """
    try:
        path = write_report(folder, study, patients)
        add_report(folder)
    except MemoryError:
        raise Stopped(f"{folder / REPORT}: not enough memory; {stay}") from None
    except OSError as error:
        why = f"the report cannot be written ({error.strerror or error})"
        raise Stopped(f"{error.filename or folder / REPORT}: {why}; {stay}") from error
    return path


def _exist(run_dir: Path, study: Study, wanted: Sequence[tuple[int, int]]) -> None:
    for replicate, subject in wanted:
        if replicate not in study.kept or not 1 <= subject <= study.subjects:
            allowed = f"replicate {ranges(study.kept)}, subject 1 to {study.subjects}"
            again = f"vtrial replay {run_dir} --replicate {replicate} --patient {subject}"
            known = replicate < study.replicates and 1 <= subject <= study.subjects
            way = (
                f"; the tables of replicate {replicate} were not kept (output: endpoints); use: {again}"
                if known
                else ""
            )
            raise Refused(f"--patient: seen {replicate}:{subject}; allowed: {allowed}{way}")
