"""``vtrial posterior``: what is believed of the parameters of a calibration after its targets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from trial.cli.console import columns, console, progress, say


def posterior(
    config: Annotated[Path, typer.Argument(help="A calibration as YAML, the one that was fitted.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where <id>.posterior.parquet goes.")] = Path(
        "runs/calibration"
    ),
    into_catalogue: Annotated[
        bool, typer.Option("--into-catalogue", help="Write the draws beside the fitted set instead.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier draws there.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
    ] = None,
) -> None:
    """Draws of the fitted and the assumed parameters of a calibration from their posterior; needs the extra calibrate.

    Example: vtrial posterior configs/calibration/hetrombopag_itp_mei_2021.yaml
    """
    from trial.app.posterior import posterior as find

    record, path = find(config, None if into_catalogue else out, overwrite, workers, say, progress, dask)
    _show(record)
    print(f"written: {path}")


def _show(record: Mapping[str, Any]) -> None:
    """The parameters before and after, the emulator's errors and the walk."""
    table = columns(("parameter", "prior", "posterior", "95 %", "SD / prior SD"), left=("parameter",))
    for name, found in record["parameters"].items():
        low, high = found["limits"]
        prior = f"{record['priors'][name]['median']:g}"
        ratio = f"{found['posterior_over_prior_sd']:.2f}"
        table.add_row(name, prior, f"{found['median']:.4g}", f"{low:.4g} to {high:.4g}", ratio)
    console().print(table)
    worst, held = max(record["emulator"].items(), key=lambda item: float(item[1]["simulated_again"]))
    walk = record["walk"]
    console().print(
        f"Emulator of {record['points']} points: worst target {worst}, {held['simulated_again']:.2f} standard errors "
        f"from simulation at draws. Walk: {walk['independent_draws']} independent draws, "
        f"{100 * walk['accepted']:.0f} % of steps accepted."
    )
