"""``vtrial report``: write the report of a run folder again, with pages of single patients on request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import aside, say
from trial.errors import Refused


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
    from trial.app.reporting import report_again

    path = report_again(run_dir, wanted, say)
    with aside():
        print(path)


def _pair(text: str) -> tuple[int, int]:
    replicate, colon, subject = text.partition(":")
    if not (colon and replicate.isdecimal() and subject.isdecimal()):
        raise Refused(f"--patient: seen {text!r}; allowed: replicate:subject, two whole numbers, for example 0:17")
    return int(replicate), int(subject)
