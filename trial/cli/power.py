"""``vtrial power``: power at a size, or the size for a power."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say


def power(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    target: Annotated[float | None, typer.Option("--target", help="The power that is wanted, as in 0.9.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="A number of patients, all arms.")] = None,
    ratio: Annotated[
        list[str], typer.Option("--ratio", metavar="ARM=K", help="Patients of an arm in a block; several times.")
    ] = [],  # noqa: B006
    dropout: Annotated[
        float, typer.Option("--dropout", help="Share of the recruited who are lost beyond what the study simulates.")
    ] = 0.0,
    pool: Annotated[int, typer.Option("--pool", min=200, help="Patients of the pool.")] = 40_000,
    trials: Annotated[int, typer.Option("--trials", min=20, help="Trials of each size.")] = 10_000,
    assurance: Annotated[
        bool,
        typer.Option("--assurance", help="Also the mean power over all that is not known of parameters, structure."),
    ] = False,
    draws: Annotated[int, typer.Option("--draws", min=10, help="Draws of it, with --assurance.")] = 100,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes [default: runs/<study id>_power].")
    ] = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Say the size for a power, or the power at a size, of the planned analysis, with the type I error beside it.

    Example: vtrial power configs/published/hetrombopag_itp_phase3.yaml --n 60
    """
    from trial.app.attempt import How
    from trial.app.design_lines import assurance_notes
    from trial.app.designing import FILES
    from trial.app.power import HEADS, Wish, all_unknown, asked_of, lines, notes, write_power

    study, folder = study_and_folder(config, set_, None, out, "power", FILES, overwrite)
    wish = Wish(target, n, dropout, tuple(ratio), pool, trials, draws if assurance else 0)
    asked_of(study, wish)
    rows, size, assured = write_power(study, wish, folder, How(workers=workers, dask=dask), say, progress)
    told = (*notes(rows, size, study, wish), *assurance_notes(assured, all_unknown(study, wish) if assured else None))
    show(HEADS, (), lines(rows, wish), told, folder / FILES[0])
