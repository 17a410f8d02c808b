"""``vtrial attribute``: how much each departure from an ideal trial moves the primary result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Replicates, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say

HEADS = ("arm", "departure", "alone", "last", "share")


def attribute(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_attribution]."),
    ] = None,
    overwrite: Overwrite = False,
    replicates: Replicates = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Say how much adherence, food, assay, delay, visits, rescue, leaving and titration move the primary result.

    The report shows the same after: vtrial run CONFIG --attribute

    Example: vtrial attribute configs/published/hetrombopag_itp_phase3.yaml --replicates 4
    """
    from trial.app.attribution import ENOUGH, FILES, lines, notes, write_contributions

    study, folder = study_and_folder(config, set_, replicates, out, "attribution", FILES, overwrite)
    rows = write_contributions(study, folder, workers, replicates or ENOUGH, say, progress, dask)
    show(HEADS, HEADS[:2], lines(rows), notes(rows, study), folder / FILES[0])
