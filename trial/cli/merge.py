"""``vtrial merge``: the shards of a run, joined to the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import say
from trial.cli.run import told


def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="DIR...", help="The folders of all shards of one run.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the run goes [default: runs/<study id>].")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")] = False,
    with_report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
) -> int:
    """Join the shards of a run to the run: the same files as of one process.

    Example: vtrial merge runs/smoke-1-of-2 runs/smoke-2-of-2
    """
    from trial.app.merging import merge as join
    from trial.app.merging import study_of

    study, parts = study_of(shards, say)
    folder = out or Path("runs") / study.id
    return told(join(study, parts, folder, overwrite, with_report, say), folder, with_report)
