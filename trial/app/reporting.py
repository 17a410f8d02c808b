"""The report of a finished run, written again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.report.page import write_report
from analysis.report.runfolder import ranges
from trial.app.folder import CONFIG, REPORT, must_be_run
from trial.errors import Refused, Stopped
from trial.study.load import load_study
from trial.study.study import Study


def report_again(run_dir: Path, patients: Sequence[tuple[int, int]] = ()) -> Path:
    """Write report.html of a run, with a page for each (replicate, subject) of ``patients``; its path.

    Raises Refused when the folder holds no finished run, or not the tables of a patient.
    """
    must_be_run(run_dir)
    study = load_study(run_dir / CONFIG)
    _exist(run_dir, study, patients)
    try:
        return write_report(run_dir, study, patients)
    except (OSError, ValueError) as error:
        raise Refused(f"{run_dir}: a file is missing or damaged ({error}); run the study again") from error


def report_of_run(folder: Path, study: Study) -> None:
    """Write the report of a run whose tables are in their place. Raises Stopped when it cannot be: they stay."""
    again = f"the tables are complete; 'vtrial report {folder}' writes the report, --resume --no-report leaves it out"
    try:
        write_report(folder, study)
    except MemoryError:
        raise Stopped(f"{folder / REPORT}: not enough memory; {again}") from None
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise Stopped(f"{error.filename or folder / REPORT}: {why}; {again}") from error


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
