"""``vtrial sensitivity``: what each assumed parameter does to the primary result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Replicates, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say


def sensitivity(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_sensitivity]."),
    ] = None,
    overwrite: Overwrite = False,
    replicates: Replicates = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Try every assumed parameter at half and at one and a half times its value.

    The report shows the same after: vtrial run CONFIG --sensitivity

    Example: vtrial sensitivity configs/published/hetrombopag_itp_phase3.yaml
    """
    from trial.app.sensitivity import ENOUGH, FILES, lines, notes, write_effects

    study, folder = study_and_folder(config, set_, replicates, out, "sensitivity", FILES, overwrite)
    rows = write_effects(study, folder, workers, replicates or ENOUGH, say, progress, dask)
    heads = ("assumed", "value", "times", *study.arm_ids)
    show(heads, heads[:1], lines(rows, study.arm_ids), notes(rows, study), folder / FILES[0])
