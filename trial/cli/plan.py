"""``vtrial plan``: what a run will come to, before it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import say, warn


def plan(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Workers [default: one per core].")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the results would go [default: runs/<study id>].")
    ] = None,
) -> int:
    """Predict patients, rows, disk, memory and time from a short probe.

    Example: vtrial plan configs/smoke.yaml --replicates 10000
    """
    from trial.app.checked import load_checked
    from trial.cli.run import cores, evaluator
    from trial.jobs.forecast import forecast, free_disk, free_memory, problem, size

    loaded = load_checked(config, set_, None, replicates)
    warn(loaded.warnings)
    study, folder = loaded.study, out or Path("runs") / loaded.study.id
    found = forecast(study, workers or cores(), evaluator(study))
    free, memory = size(free_disk(folder)), free_memory()
    many = f"{found.workers} workers" if found.workers > 1 else "1 worker"
    kept = "all" if len(study.kept) == study.replicates else f"{len(study.kept)} of {study.replicates:,}"
    print(f"{study.id}: {study.replicates:,} x {study.subjects:,} patients in {found.units:,} units")
    print(f"  time     about {_duration(found.seconds)} with {many}, without the report")
    print(f"  disk     about {size(found.disk_bytes)} while it works, half of it afterwards ({free} free)")
    print(f"  memory   about {size(found.memory_bytes)}" + (f" ({size(memory)} free)" if memory else ""))
    print(f"  tables   of {kept} replicates, endpoints of every patient:")
    for name, rows in found.rows.items():
        print(f"    {name:13s} {rows:13,} rows")
    refused = problem(found, folder)
    if refused:
        say(refused)
    return 1 if refused else 0


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
