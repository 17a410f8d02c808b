"""What the commands share that make a table of their own beside the runs: options, how they begin and how they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import columns, console, warn

if TYPE_CHECKING:
    from trial.study.study import Study

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier table in that folder.")]
PointsAgain = Annotated[bool, typer.Option("--overwrite", help="Simulate the points that are there again.")]
GoOn = Annotated[
    bool, typer.Option("--resume", help="Only go on with points that are there; refused where there are none.")
]
Replicates = Annotated[
    int | None, typer.Option("--replicates", help="Instead of the config's replicates, of which at most 20 are used.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")]
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
]


def study_and_folder(
    config: Path, settings: list[str], replicates: int | None, out: Path | None, kind: str, files: Sequence[str],
    overwrite: bool,
) -> tuple[Study, Path]:  # fmt: skip
    """The study, and the folder for its table, ready; by default runs/<study id>_<kind>."""
    from trial.app.folder import ready
    from trial.app.loading import load_checked

    loaded = load_checked(config, settings, replicates=replicates)
    warn(loaded.warnings)
    folder = out or Path("runs") / f"{loaded.study.id}_{kind}"
    ready(folder, files, overwrite)
    return loaded.study, folder


def show(
    heads: Sequence[str], left: Sequence[str], lines: Iterable[Sequence[str]], notes: Iterable[str], written: Path
) -> None:
    """The table, what stands below it, and where it was written; ``left``: columns that begin on the left."""
    table = columns(heads, left=left)
    for line in lines:
        table.add_row(*line)
    screen = console()
    screen.print(table)
    for note in notes:
        screen.print(note)
    print(f"written: {written}")
