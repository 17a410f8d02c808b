"""``vtrial attribute``: how much each departure from an ideal trial moves the primary result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import columns, console, progress, say, warn


def attribute(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_attribution]."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier table in that folder.")] = False,
    replicates: Annotated[
        int | None,
        typer.Option("--replicates", help="Instead of the config's replicates, of which at most 20 are used."),
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
    """Say how much adherence, food, assay, delay, visits, rescue, leaving and titration move the primary result.

    The report shows the same after: vtrial run CONFIG --attribute

    Example: vtrial attribute configs/published/hetrombopag_itp_phase3.yaml --replicates 4
    """
    from trial.app.attribution import ENOUGH, FILES, lines, notes, write_parts
    from trial.app.folder import ready
    from trial.app.loading import load_checked

    loaded = load_checked(config, set_, replicates=replicates)
    warn(loaded.warnings)
    folder = out or Path("runs") / f"{loaded.study.id}_attribution"
    ready(folder, FILES, overwrite)
    rows = write_parts(loaded.study, folder, workers, replicates or ENOUGH, say, progress, dask)
    table = columns(("arm", "departure", "alone", "last", "share"), left=("arm", "departure"))
    for line in lines(rows):
        table.add_row(*line)
    screen = console()
    screen.print(table)
    for note in notes(rows, loaded.study):
        screen.print(note)
    print(f"written: {folder / FILES[0]}")
