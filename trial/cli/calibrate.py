"""``vtrial calibrate``: fit named parameters of a set to named published results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trial.cli.console import columns, console, progress, say


def calibrate(
    config: Annotated[Path, typer.Argument(help="A calibration as YAML.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where <id>.calibration.json goes.")] = Path(
        "runs/calibration"
    ),
    into_catalogue: Annotated[
        bool, typer.Option("--into-catalogue", help="Write the calibration file of the fitted set instead.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in that folder.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Work on a Dask cluster: its scheduler, or local:N."),
    ] = None,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty/--no-uncertainty", help="Standard errors and identifiability.")
    ] = True,
) -> None:
    """Fit parameters to published results; writes a parameter-set file with the targets it saw.

    Example: vtrial calibrate configs/calibration/hetrombopag_wang_2022.yaml
    """
    from trial.app.calibration import calibrate as fit

    record, path = fit(config, None if into_catalogue else out, overwrite, workers, uncertainty, say, progress, dask)
    _show(record)
    print(f"written: {path}")


def _show(record: Mapping[str, Any]) -> None:
    """The fit and the parameters, as two tables."""
    fit, ident = record["fit"], record.get("identifiability", {})
    rse = record.get("uncertainty", {}).get("rse_percent", {})
    lines = [(f["row_id"], f"{f['published']:.4g}", _limits(f), _number(f["simulated"]), f["inside"]) for f in fit]
    _table(("target", "published", "limits", "simulated", "inside"), lines)
    parameters = [
        (name, f"{value:.4g}", f"{record['priors'][name]['median']:g}")
        + ((f"{rse[name]:.0f}", ident[name]["verdict"]) if ident else ("", ""))
        for name, value in record["values"].items()
    ]
    _table(("parameter", "fitted", "prior", "RSE %", "decided by"), parameters)
    judged = [f["inside"] for f in fit if f["inside"]]
    print(f"{judged.count('yes')} of {len(judged)} targets inside their limits: a fit, not a prediction.")
    print(f"Distance {record['distance']:.2f} after {record['points']} points in {record['minutes']} min.")
    if ident:
        console().print(record["uncertainty"]["caveat"])


def _limits(held: Mapping[str, Any]) -> str:
    low, high = held["limits"]
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = columns(heads, left=("target", "parameter", "decided by", "inside"))
    for line in lines:
        table.add_row(*line)
    console().print(table)
    print()
