"""``vtrial run``: one config to tables, results, report and manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.beside import Dask
from trial.cli.console import aside, progress, say, warn

if TYPE_CHECKING:
    from trial.app.attempt import Done

PATIENTS_FAILED, ONE = 3, "one-at-a-time"
Structures = Annotated[
    str, typer.Option("--structures", help="own, or both: also the set of the other structure, stacked.")
]
Part = Annotated[
    str | None, typer.Option("--shard", metavar="i/n", help="Only every n-th unit from the i-th; then vtrial merge.")
]


def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the results go [default: runs/<study id>].")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Instead of the config's seed.")] = None,
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    backend: Annotated[
        str | None, typer.Option("--backend", help="loky (processes) or threading [default: by length].")
    ] = None,
    with_report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    with_sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Also try every assumed parameter at half and one and a half.")
    ] = False,
    sensitivity_method: Annotated[
        str, typer.Option("--sensitivity-method", help="Of it: one-at-a-time, or morris or sobol, everything at once.")
    ] = ONE,
    with_attribution: Annotated[
        bool, typer.Option("--attribute", help="Also say how much adherence, rescue, titration ... move the result.")
    ] = False,
    with_estimands: Annotated[
        bool, typer.Option("--estimands", help="Also hold the analysis against the true value of each estimand.")
    ] = False,
    structures: Structures = "own",
    dask: Dask = None,
    shard: Part = None,
) -> int:
    """Simulate a study and write its report.

    Example: vtrial run configs/smoke.yaml --replicates 5
    """
    from trial.app.attempt import How, both_structures, run_study, shard_of
    from trial.app.loading import load_checked
    from trial.app.talk import patience

    part = shard_of(shard)
    with patience(say, "checking the config, solving and screening a sample ..."):
        loaded = load_checked(config, set_, seed, replicates)
    warn(loaded.warnings)
    name = loaded.study.id if part.is_whole else f"{loaded.study.id}-{part.number}-of-{part.of}"
    folder = out or Path("runs") / name
    one = sensitivity_method == ONE
    how = How(
        overwrite, resume, workers, backend, with_report, with_sensitivity and one, config, part, dask,
        with_attribution=with_attribution, with_estimands=with_estimands, with_structures=both_structures(structures),
        with_global="" if one else sensitivity_method, alone=context.obj is True,
    )  # fmt: skip
    done = run_study(loaded.study, folder, how, loaded.warnings, say, progress)
    if done is None or part.is_whole:
        return told(done, folder, with_report) if done else 0
    with aside():
        print(f"shard {part}: {folder}; 'vtrial merge' joins all {part.of}")
    return PATIENTS_FAILED if done.n_failed else 0


def told(done: Done, folder: Path, with_report: bool) -> int:
    """Show what a run came to; the exit code."""
    from trial.cli.results import show

    failed = f"{done.n_failed} of {done.n_patients} patients failed"
    with aside():
        if done.many_failed:
            print(f"{failed}: every result below is of the other {done.n_patients - done.n_failed} alone")
        show(done.lines, done.study, failed if done.many_failed else "")
    if done.n_failed:
        say(f"{failed}; solves.parquet and the report say why")
    if with_report:
        with aside():
            print(f"report: {folder / 'report.html'}")
    return PATIENTS_FAILED if done.n_failed else 0
