"""``vtrial plan``: what a run will come to, before it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import duration, say, warn


def plan(
    config: Annotated[Path, typer.Argument(help="A study, or a design, as YAML.")],
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Workers [default: one per core].")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
    vary: Annotated[
        list[str], typer.Option("--vary", metavar="KEY=A,B", help="As of vtrial scan: how many points, and how long.")
    ] = [],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the results would go [default: runs/<id>].")
    ] = None,
) -> int:
    """Predict patients, rows, disk, memory and time from a short probe.

    Example: vtrial plan configs/smoke.yaml --replicates 10000
    """
    from trial.app.design_run import is_design
    from trial.app.foresight import foresee
    from trial.app.grid_points import grid, varied_of
    from trial.app.loading import load_checked
    from trial.app.talk import patience
    from trial.errors import Refused

    if is_design(config):
        if set_ or vary or replicates is not None:
            raise Refused("--set, --vary and --replicates are of a study; a design has settings, scenarios and pool")
        return _plan_design(config, out, workers)
    points = len(grid(config, varied_of(vary), set_, None, replicates)) if vary else 1
    with patience(say, "simulating a few of the patients ..."):
        loaded = load_checked(config, set_, None, replicates)
        study = loaded.study
        seen = foresee(study, out or Path("runs") / study.id, workers, here=False)
    warn(loaded.warnings)
    found = seen.forecast
    many = f"{found.workers} workers" if found.workers > 1 else "1 worker"
    kept = "all" if len(study.kept) == study.replicates else f"{len(study.kept)} of {study.replicates:,}"
    print(f"{study.id}: {study.replicates:,} x {study.subjects:,} patients in {found.units:,} units")
    print(f"  time     about {duration(found.seconds)} with {many}, without the report")
    if found.again:
        print(
            f"  curves   {found.again:,} patients on fixed levels, about {duration(found.again_seconds)} of that time"
        )
    if vary:
        print(f"  scan     {points} points, about {duration(points * found.seconds)} with {many}, each as this run")
    print(f"  disk     about {seen.disk} while it works, half of it afterwards ({seen.free_disk} free)")
    print(f"  memory   about {seen.memory}" + (f" ({seen.free_memory} free)" if seen.free_memory else ""))
    if seen.elsewhere:
        print(f"           and {seen.elsewhere} for each worker of a cluster (--dask, --shard: docs/cluster.md)")
    print(f"  tables   of {kept} replicates, endpoints of every patient:")
    for name, rows in found.rows.items():
        print(f"    {name:13s} {rows:13,} rows")
    if seen.problem:
        say(seen.problem)
    return 1 if seen.problem else 0


def _plan_design(config: Path, out: Path | None, workers: int | None) -> int:
    """What the pools of a design come to; the trials drawn from them are not timed."""
    from analysis.text.cells import plural
    from trial.app.design_run import files_of, foresee_pools
    from trial.app.designing import load_design
    from trial.app.talk import patience

    asked = load_design(config)
    warn(asked.warnings)
    plan, folder = asked.plan, out or Path("runs") / asked.plan.id
    with patience(say, "simulating a few of the patients ..."):
        pools = foresee_pools(asked, folder, workers)
    counts = f"{plural(len(asked.studies), 'scenario')}, {plural(len(plan.sizes), 'size')}"
    print(f"{plan.id}: {counts}, {plan.trials:,} trials of each")
    for name, seen in pools.items():
        found = seen.forecast
        made = " (is there already)" if (folder / name).exists() else ""
        print(f"  {name}{made}: {found.patients:,} simulated patients in {found.units:,} units")
        print(f"    time    about {duration(found.seconds)}, without the trials that are drawn")
        print(f"    disk    about {seen.disk} while it works, half of it afterwards ({seen.free_disk} free)")
        print(f"    memory  about {seen.memory}" + (f" ({seen.free_memory} free)" if seen.free_memory else ""))
        if seen.elsewhere:
            print(f"            and {seen.elsewhere} for each worker of a cluster (--dask, --shard: docs/cluster.md)")
    print(f"  files    {', '.join(files_of(asked))} in {folder}")
    if plan.assurance:
        print("  the small pools of the assurance are not in it")
    for text in dict.fromkeys(seen.problem for seen in pools.values() if seen.problem):
        say(text)
    return 1 if any(seen.problem for seen in pools.values()) else 0
