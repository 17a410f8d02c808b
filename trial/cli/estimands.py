"""``vtrial estimands``: the true value of each estimand beside what the planned analysis, and others, find."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say

HEADS = ("estimand", "estimator", "bias", "coverage", "type I", "verdict")


def estimands(
    config: Annotated[Path, typer.Argument(help="A study as YAML, with analysis.estimands.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_estimands]."),
    ] = None,
    overwrite: Overwrite = False,
    replicates: Annotated[
        int | None, typer.Option("--replicates", help="Instead of the config's replicates; 1,000 tell most verdicts.")
    ] = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Hold the planned analysis against the true value of each estimand: bias, coverage, type I error, a verdict.

    The report shows the same after: vtrial run CONFIG --estimands

    Example: vtrial estimands configs/hetrombopag_itp_phase3_estimands.yaml --replicates 200
    """
    from trial.app.estimands import FILES, lines, notes, write_estimands

    study, folder = study_and_folder(config, set_, replicates, out, "estimands", FILES, overwrite)
    rows = write_estimands(study, folder, workers, say, progress, dask)
    show(HEADS, ("estimand", "estimator", "verdict"), lines(rows), notes(rows, study, folder), folder / FILES[0])
