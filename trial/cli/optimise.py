"""``vtrial optimise``: a search over keys of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, GoOn, PointsAgain, Workers, show
from trial.cli.console import paragraph, progress, say, warn

HEADS = ("candidate", "result", "search", "new draws", "limit")


def optimise(
    goal: Annotated[Path, typer.Argument(metavar="GOAL", help="A goal as YAML: study, keys, objectives, limits.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes [default: runs/<goal id>].")
    ] = None,
    overwrite: PointsAgain = False,
    resume: GoOn = False,
    workers: Workers = None,
    dask: Dask = None,
) -> None:
    """Search keys of a study for what is best: the Pareto front, again with new draws, and what each key does.

    Needs optuna: pip install 'virtual-trial[optimise]'. An interrupted search goes on where it was.

    Example: vtrial optimise configs/goals/hetrombopag_titration.yaml
    """
    from trial.app import optimise as searching
    from trial.app.goals import load_aim
    from trial.app.talk import patience

    with patience(say, "checking the goal and its study ..."):
        aim = load_aim(goal)
    warn(aim.base.warnings)
    folder = out or Path("runs") / aim.goal.id
    how = searching.HowSearched(overwrite, resume, workers, dask)
    rows = searching.optimise(aim, folder, how, say, progress)
    told = (paragraph(line).strip() for line in searching.notes(aim, rows))
    show(HEADS, HEADS, searching.lines(aim, rows), ("", *told), folder / searching.PAGE)
