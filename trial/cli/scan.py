"""``vtrial scan``: a grid over keys of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, GoOn, PointsAgain, Settings, Workers, show
from trial.cli.console import paragraph, progress, say, warn

VARY_HELP = "A key and its values, as arms.0.start_dose_mg=2.5,5; a list in brackets. Several make a grid."


def scan(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    vary: Annotated[list[str], typer.Option("--vary", metavar="KEY=A,B", help=VARY_HELP)] = [],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes [default: runs/<study id>_scan].")
    ] = None,
    overwrite: PointsAgain = False,
    resume: GoOn = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Instead of the config's seed.")] = None,
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Workers = None,
    dask: Dask = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="i/n", help="Only every n-th point, from the i-th; no tables.")
    ] = None,
    figure: Annotated[
        str, typer.Option("--figure", metavar="X,Y", help="Two endpoints [default: PLT250 and the primary].")
    ] = "",
    set_: Settings = [],  # noqa: B006
) -> None:
    """Simulate a study with other values of its keys: the same patients and draws at every point, each point once.

    Points that are there are not simulated again, so that more values can be added.

    Example: vtrial scan configs/smoke.yaml --vary arms.0.start_dose_mg=2.5,3.75
    """
    from trial.app import scan as scans
    from trial.app.attempt import shard_of
    from trial.app.grid_points import grid, varied_of
    from trial.app.talk import patience

    varied, part = varied_of(vary), shard_of(shard)
    with patience(say, "checking every point ..."):
        points = grid(config, varied, set_, seed, replicates)
    for point in points:
        warn(point.warnings)
    folder = out or Path("runs") / f"{points[0].study.id}_scan"
    how = scans.HowScanned(overwrite, resume, workers, dask, part, figure)
    rows = scans.scan(points, folder, how, say, progress)
    if not part.is_whole:
        print(f"shard {part}: {folder}/points; the same command without --shard makes the tables of all")
        return
    pair = scans.pair_of(points, figure)
    heads = ("point", "arm", pair[1], "change", pair[0], "change")
    told = (paragraph(line).strip() for line in scans.notes(points))
    show(heads, heads[:2], scans.lines(points, rows, pair), ("", *told), folder / scans.PAGE)
