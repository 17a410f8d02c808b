"""``vtrial scorecard``: run every published study again and hold it against its publication."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import columns, console, progress, say

FAILED = 1


def scorecard(
    configs: Annotated[
        Path, typer.Option("--configs", metavar="DIR", help="Folder of studies; those with published rows are run.")
    ] = Path("configs/published"),
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of each config's own.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("runs/scorecard"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in that folder.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
    ] = None,
) -> int:
    """Run every published study again; shows simulated beside published, hits and misses alike.

    Example: vtrial scorecard --replicates 20
    """
    from trial.app.scorecard import FILES, lines, run_scorecard

    found = run_scorecard(configs, out, replicates, workers, say, progress, overwrite, dask)
    for study in found.studies:
        _show(study.id, lines(study))
    for line in found.summary:
        console().print(line)
    if found.studies:
        print(f"written: {out}/ ({', '.join(FILES)}, a folder per study)")
    for path in found.failed:
        say(f"{path}: this study could not be run; the others are not affected")
    return FAILED if found.failed or not found.studies else 0


def _show(title: str, lines: Sequence[Sequence[str]]) -> None:
    """Every row of a study."""
    texts = ("endpoint", "arm", "inside", "was")
    table = columns((*texts[:2], "simulated", "published (limits)", *texts[2:]), left=texts)
    table.title = title
    for line in lines:
        table.add_row(*line)
    console().print(table)
    print()
