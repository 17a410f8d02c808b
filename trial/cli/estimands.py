"""``vtrial estimands``: the true value of each estimand beside what the planned analysis, and others, find."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import columns, console, progress, say, warn

COLUMNS = ("estimand", "estimator", "bias", "coverage", "type I", "verdict")


def estimands(
    config: Annotated[Path, typer.Argument(help="A study as YAML, with analysis.estimands.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_estimands]."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier table in that folder.")] = False,
    replicates: Annotated[
        int | None, typer.Option("--replicates", help="Instead of the config's replicates; 1,000 tell most verdicts.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
    ] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> None:
    """Hold the planned analysis against the true value of each estimand: bias, coverage, type I error, a verdict.

    The report shows the same after: vtrial run CONFIG --estimands

    Example: vtrial estimands configs/hetrombopag_itp_phase3_estimands.yaml --replicates 200
    """
    from trial.app.estimands import FILES, lines, notes, write_estimands
    from trial.app.folder import ready
    from trial.app.loading import load_checked

    loaded = load_checked(config, set_, replicates=replicates)
    warn(loaded.warnings)
    folder = out or Path("runs") / f"{loaded.study.id}_estimands"
    ready(folder, FILES, overwrite)
    rows = write_estimands(loaded.study, folder, workers, say, progress, dask)
    table = columns(COLUMNS, left=("estimand", "estimator", "verdict"))
    for line in lines(rows):
        table.add_row(*line)
    screen = console()
    screen.print(table)
    for note in notes(rows, loaded.study):
        screen.print(note)
    print(f"written: {folder / FILES[0]}")
