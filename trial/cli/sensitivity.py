"""``vtrial sensitivity``: what each assumed parameter does to the primary result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, GoOn, Overwrite, Replicates, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say

ONE = "one-at-a-time"


def sensitivity(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_sensitivity]."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="one-at-a-time: each assumed number at half and one and a half; morris or sobol: everything at once.",
        ),
    ] = ONE,
    size: Annotated[
        int | None, typer.Option("--size", help="Trajectories of morris [10], base points of sobol [64], a power of 2.")
    ] = None,
    resume: GoOn = False,
    overwrite: Overwrite = False,
    replicates: Replicates = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Say what the assumed numbers do to the primary result: one at a time, or all at once.

    morris ranks every assumed and fitted number; sobol shares the variance of the result among biology, kinetics,
    behaviour, laboratory and rule. Both need the extra sensitivity, use at most 4 replicates unless more are asked for,
    and go on with the points of an unfinished analysis. The report shows the same after: vtrial run CONFIG
    --sensitivity, with --sensitivity-method

    Example: vtrial sensitivity configs/published/hetrombopag_itp_phase3.yaml --method sobol
    """
    if method == ONE:
        _one_at_a_time(config, out, size, resume, overwrite, replicates, workers, dask, set_)
        return
    from trial.app.global_sensitivity import ENOUGH, FILES, SHOWN, lines, notes, planned_of, write_indices

    study, folder = study_and_folder(config, set_, replicates, out, "sensitivity", FILES, overwrite)
    planned_of(study, method, size)
    most = replicates or ENOUGH
    rows = write_indices(study, folder, method, size, workers, most, say, progress, dask, resume, overwrite)
    heads = ("arm", "what", "group", *SHOWN[method])
    show(heads, heads[:3], lines(rows), notes(rows), folder / FILES[0])


def _one_at_a_time(
    config: Path, out: Path | None, size: int | None, resume: bool, overwrite: bool, replicates: int | None,
    workers: int | None, dask: str | None, settings: list[str],
) -> None:  # fmt: skip
    from trial.app.sensitivity import ENOUGH, FILES, lines, must_be_many_at_once, notes, write_effects

    must_be_many_at_once(size=size is not None, resume=resume)
    study, folder = study_and_folder(config, settings, replicates, out, "sensitivity", FILES, overwrite)
    rows = write_effects(study, folder, workers, replicates or ENOUGH, say, progress, dask)
    heads = ("assumed", "value", "times", *study.arm_ids)
    show(heads, heads[:1], lines(rows, study.arm_ids), notes(rows, study), folder / FILES[0])
