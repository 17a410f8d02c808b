"""``vtrial design``: operating characteristics of designs on a pool of simulated patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Workers, show
from trial.cli.console import progress, say, warn


def design(
    config: Annotated[Path, typer.Argument(help="A design as YAML (configs/README.md).")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where pool, table and report go [default: runs/<design id>]."),
    ] = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
    dask: Dask = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="i/n", help="Only a part of the pool, 2/4 as the second; no tables."),
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", min=20, help="Instead of those of the design.")] = None,
) -> None:
    """Draw trials of a design from a pool of patients: power, error, sizes, stops, durations, against criteria.

    The pool is kept beside the table and used again while the study is the same.

    Example: vtrial design configs/designs/phase3_three_looks.yaml
    """
    from trial.app.attempt import How, shard_of
    from trial.app.design_lines import HEADS, assurance_notes, lines, notes, report
    from trial.app.design_run import simulate_shard, write_designs
    from trial.app.designing import FILES, load_design
    from trial.app.folder import ready

    part = shard_of(shard)
    asked = load_design(config)
    warn(asked.warnings)
    if trials is not None:
        asked = asked.with_trials(trials)
    folder = out or Path("runs") / asked.plan.id
    how = How(workers=workers, dask=dask, shard=part)
    ready(folder, FILES if part.is_whole else (), overwrite)
    if not part.is_whole:
        made = ", ".join(simulate_shard(asked, folder, how, say, progress))
        print(
            f"shard {part}: {folder}, {made}; the same command without --shard takes the parts that lie in one folder"
        )
        return
    rows, assured = write_designs(asked, folder, how, say, progress)
    page = report(rows, asked, folder, assured)
    told = (*notes(rows, asked), *assurance_notes(assured, asked.plan.assurance))
    show(HEADS, (*HEADS[:1], HEADS[-1]), lines(rows, asked), told, folder / FILES[0])
    print(f"report: {page}")
