"""``vtrial report``: write the report of a run folder again, with pages of single patients on request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import Refused


def report(
    run_dir: Annotated[Path, typer.Argument(help="A run folder, such as runs/smoke.")],
    patient: Annotated[
        list[str], typer.Option("--patient", metavar="R:S", help="Add a page: replicate 0, subject 17 is 0:17.")
    ] = [],  # noqa: B006
) -> None:
    """Write the report of a run again.

    Example: vtrial report runs/smoke --patient 0:17
    """
    wanted = tuple(_pair(text) for text in patient)
    is_run_folder(run_dir)
    _exist(run_dir, wanted)
    from analysis.report.page import write_report
    from trial.app.folder import CONFIG
    from trial.study.load import load_study

    try:
        print(write_report(run_dir, load_study(run_dir / CONFIG), wanted))
    except (OSError, ValueError) as error:
        raise Refused(f"{run_dir}: a file is missing or damaged ({error}); run the study again") from error


def _pair(text: str) -> tuple[int, int]:
    replicate, colon, subject = text.partition(":")
    if not (colon and replicate.isdecimal() and subject.isdecimal()):
        raise Refused(f"--patient: seen {text!r}; allowed: replicate:subject, two whole numbers, for example 0:17")
    return int(replicate), int(subject)


def is_run_folder(run_dir: Path) -> None:
    """Raises Refused unless the folder holds a finished run."""
    if not run_dir.is_dir():
        raise Refused(f"{run_dir}: there is no such folder; 'vtrial run CONFIG' makes one")
    missing = [
        name for name in ("config.resolved.yaml", "manifest.json", "estimates.parquet") if not (run_dir / name).exists()
    ]
    if missing:
        raise Refused(f"{run_dir}: not the folder of a finished run ({', '.join(missing)} missing)")


def _exist(run_dir: Path, wanted: tuple[tuple[int, int], ...]) -> None:
    from analysis.report.runfolder import ranges
    from trial.study.load import load_study

    study = load_study(run_dir / "config.resolved.yaml")
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
