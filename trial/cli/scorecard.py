"""``vtrial scorecard``: run every published study again and hold it against its publication."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import columns, console, progress, say

FAILED = 1


def scorecard(
    configs: Annotated[
        Path, typer.Option("--configs", metavar="DIR", help="Folder of studies; those with published rows are run.")
    ] = Path("configs/published"),
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of each config's own.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("runs/scorecard"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in that folder.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
    ] = None,
    uncertainty: Annotated[
        str,
        typer.Option(
            "--parameter-uncertainty",
            metavar="KIND[,KIND]",
            help="none, fitted or all [default: each config's own]; several: coverage side by side, a folder each.",
        ),
    ] = "",
    weights: Annotated[
        bool, typer.Option("--weights", help="Instead: weights of the structures from the rows both predict.")
    ] = False,
    into_catalogue: Annotated[
        bool, typer.Option("--into-catalogue", help="Of --weights: over those of the catalogue.")
    ] = False,
) -> int:
    """Run every published study again; shows simulated beside published, hits and misses alike.

    Coverage of predictive intervals counts replicates, and with --parameter-uncertainty all what is believed of the
    parameters: draws of the posterior where a set has them, prior widths elsewhere.

    Example: vtrial scorecard --replicates 20
    """
    if weights or into_catalogue:
        return _weigh(configs, out, replicates, overwrite, weights, into_catalogue)
    kinds = [kind.strip() for kind in uncertainty.split(",")] if uncertainty else []
    if len(kinds) > 1:
        return _beside(configs, out, kinds, replicates, workers, overwrite, dask)
    from trial.app.scorecard import FILES, kinds_must_be, lines, run_scorecard

    kinds_must_be(kinds)
    found = run_scorecard(configs, out, replicates, workers, say, progress, overwrite, dask, *kinds)
    for study in found.studies:
        _show(study.id, lines(study))
    for line in found.summary:
        console().print(line)
    if found.studies:
        print(f"written: {out}/ ({', '.join(FILES)}, a folder per study)")
    for path in found.failed:
        say(f"{path}: this study could not be run; the others are not affected")
    return FAILED if found.failed or not found.studies else 0


def _beside(
    configs: Path, out: Path, kinds: Sequence[str], replicates: int | None, workers: int | None, overwrite: bool,
    dask: str | None,
) -> int:  # fmt: skip
    """The scorecard under each kind, and the coverage of all of them."""
    from trial.app.scorecard import coverage, run_beside

    how = {"replicates": replicates, "workers": workers, "progress": progress, "overwrite": overwrite, "dask": dask}
    found = run_beside(configs, out, kinds, say, **how)
    for kind, card in found.items():
        for line in (f"parameter_uncertainty: {kind}", *card.summary, ""):
            console().print(line)
    table = columns(("intervals", *kinds), left=("intervals", *kinds))
    table.title = "Predicted rows held"
    for row in coverage.side_by_side({kind: card.standing for kind, card in found.items()}):
        table.add_row(*row)
    console().print(table)
    print(f"written: {', '.join(str(out / kind) for kind in kinds)}")
    return FAILED if any(card.failed or not card.studies for card in found.values()) else 0


def _weigh(
    configs: Path, out: Path, replicates: int | None, overwrite: bool, weights: bool, into_catalogue: bool
) -> int:
    """The weights of the structures, computed again."""
    from trial.app.structures import WEIGHED, weights_file, write_weights

    path = weights_file(out, overwrite, weights, into_catalogue)
    for name, record in write_weights(configs, path, replicates or WEIGHED, say).items():
        behind = f"{record.get('rows', 0)} rows of {record.get('trials', 0)} trials"
        shares = ", ".join(f"{key} {value:.3f}" for key, value in record.items() if isinstance(value, float))
        console().print(f"{name}: {shares} ({behind}, {record.get('replicates', 0)} replicates)")
    print(f"written: {path}")
    return 0


def _show(title: str, lines: Sequence[Sequence[str]]) -> None:
    """Every row of a study."""
    texts = ("endpoint", "arm", "inside", "was")
    table = columns((*texts[:2], "simulated", "published (limits)", *texts[2:]), left=texts)
    table.title = title
    for line in lines:
        table.add_row(*line)
    console().print(table)
    print()
