"""``vtrial patients``: a hospital's export of patients, checked and made usable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import paragraph


def patients(
    file: Annotated[Path, typer.Argument(help="An export as text: CSV, semicolons, tabs; decimal commas, units.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the patients there, as CSV.")] = None,
    map_: Annotated[
        list[str], typer.Option("--map", metavar="NAME=HEADER", help="Which column is which, as in BLPLAT=Count.")
    ] = [],  # noqa: B006
    value: Annotated[
        list[str], typer.Option("--value", metavar="NAME=VALUE", help="For a column the file lacks, as in CONITPFL=N.")
    ] = [],  # noqa: B006
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --out.")] = False,
) -> None:
    """Check patients exported by a hospital, and make them usable.

    Example: vtrial patients export.csv --map BLPLAT="Plt count" --value CONITPFL=N --out patients.csv
    """
    from trial.app.patients import prepare, write

    found = prepare(file, map_, value)
    print(f"{file}: no problems found")
    for line in found.in_words():
        print(paragraph(line))
    if out is not None:
        write(found, out, overwrite)
        print(f"written: {out}; in a config: population: {{file: {out}}}")
