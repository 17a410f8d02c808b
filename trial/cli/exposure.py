"""``vtrial exposure``: the response by exposure as a trial shows it, beside the true curve of fixed doses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Replicates, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say

HEADS = ("by", "model", "fixed level", "exposure", "naive, %", "true, %", "bias")


def exposure(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="CODE", help="A yes or no [default: the primary].")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes [default: runs/<study id>_exposure].")
    ] = None,
    overwrite: Overwrite = False,
    replicates: Replicates = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Fit response by exposure (logistic, Emax) to the trial, and hold it against the same patients on fixed doses.

    By randomised dose, by the mean dose taken, and with pk_sampling by AUC. Shows the bias of titration.

    Example: vtrial exposure configs/published/hetrombopag_itp_phase3.yaml --replicates 4
    """
    from trial.app.exposure_response import ENOUGH, FILES, lines, notes, write_curves

    study, folder = study_and_folder(config, set_, replicates, out, "exposure", FILES, overwrite)
    rows = write_curves(study, folder, endpoint, workers, replicates or ENOUGH, say, progress, dask)
    show(HEADS, HEADS[:2], lines(rows), notes(rows, study), folder / FILES[1])
