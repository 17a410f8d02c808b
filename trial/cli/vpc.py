"""``vtrial vpc``: observed counts and concentrations beside what a study simulates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.beside import Dask, Overwrite, Settings, Workers, show, study_and_folder
from trial.cli.console import progress, say, warn

HEADS = ("parameter", "arm", "5 %", "50 %", "95 %", "below limit")


def vpc(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    observed: Annotated[
        Path,
        typer.Option("--observed", metavar="FILE", help="CSV: USUBJID, ARM, PARAMCD, DAY or TIME (h), AVAL, BLQ."),
    ],
    corrected: Annotated[
        bool, typer.Option("--corrected", help="Prediction-corrected (Bergstrand 2011), arms together.")
    ] = False,
    bins: Annotated[
        str, typer.Option("--bins", metavar="A,B,...", help="Edges, days or hours [default: between the visits].")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where it goes [default: runs/<study id>_vpc].")
    ] = None,
    overwrite: Overwrite = False,
    replicates: Annotated[
        int | None, typer.Option("--replicates", min=2, help="Simulated trials [default: 200].")
    ] = None,
    workers: Workers = None,
    dask: Dask = None,
    set_: Settings = [],  # noqa: B006
) -> None:
    """Check a study against your own data: 5, 50 and 95 % of what was observed, within those of simulated trials.

    Example: vtrial vpc configs/smoke.yaml --observed counts.csv --out runs/vpc
    """
    from trial.app.vpc import ENOUGH, FILES, lines, notes, write_vpc

    study, folder = study_and_folder(config, set_, replicates or ENOUGH, out, "vpc", FILES, overwrite)
    rows, cautions = write_vpc(study, observed, folder, corrected, _edges(bins), workers, say, progress, dask)
    warn(cautions)
    show(HEADS, HEADS[:2], lines(rows), notes(rows), folder / FILES[1])


def _edges(text: str) -> list[float]:
    """The numbers of --bins, which rise."""
    from itertools import pairwise

    from trial.errors import Refused

    try:
        found = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if text and (len(found) < 2 or any(a >= b for a, b in pairwise(found))):
        raise Refused(f"--bins: seen {text!r}; allowed: two rising numbers or more, as in --bins 0,7,14,28")
    return found
