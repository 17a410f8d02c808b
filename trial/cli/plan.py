"""``vtrial plan``: what a run will take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plan(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Workers of the run.")] = 1,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> int:
    """Predict rows, disk, memory and time of a run from a short probe.

    Example: vtrial plan configs/smoke.yaml --replicates 1000
    """
    from trial.cli.checks import load_checked
    from trial.cli.console import say
    from trial.cli.run import evaluator
    from trial.forecast import EFFICIENCY, forecast, problem

    study = load_checked(config, set_, None, replicates).study
    found = forecast(study, workers, evaluator(study))
    print(f"{study.id}: {found.patients:,} patients in {found.units:,} units")
    for name, rows in found.rows.items():
        print(f"  {name:14}{rows:>14,} rows{found.table_bytes[name] / 2**20:>10.1f} MiB")
    print(f"disk while running: {found.disk_bytes / 2**20:.1f} MiB")
    print(f"memory beyond the program: {found.unit_bytes / 2**20:.0f} MiB")
    several = f", each at {EFFICIENCY:.0%} of its speed alone (assumed)" if workers > 1 else ""
    print(f"time: about {found.seconds:.0f} s, {workers} worker{'s' if workers > 1 else ''}{several}")
    wrong = problem(found, Path("runs") / study.id)
    if wrong:
        say(wrong)
    return 1 if wrong else 0
