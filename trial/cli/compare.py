"""``vtrial compare``: two finished runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import columns, console, say, warn

if TYPE_CHECKING:
    from analysis.evidence.comparison import Difference

PAIRED = (
    "Mean over replicates ± Monte Carlo error. The runs have one seed and share their random numbers: the error of",
    "B - A is that of the differences replicate by replicate.",
)
INDEPENDENT = (
    "Mean over replicates ± Monte Carlo error. The runs have two seeds: that of B - A takes them as independent; with",
    "one seed they would share their random numbers, and the error would usually be smaller.",
)


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another run, with arms and endpoints in common.")],
) -> None:
    """Put two runs side by side, as with two parameter sets: every summary of the arms and endpoints of both.

    Example: vtrial compare runs/smoke runs/smoke_mine
    """
    from trial.app.comparison import compare_runs
    from trial.app.talk import patience

    with patience(say, "comparing checksums ..."):
        found = compare_runs(run_a, run_b)
    warn(found.cautions)
    for name, side in zip("AB", found.sides, strict=True):
        print(
            f"{name}  {side.path}: parameter set {side.manifest['parameter_set']}, structure "
            f"{side.manifest['structure']}, seed {side.manifest['seed']}, {side.manifest['replicates']} replicates"
        )
    _table(found.rows)
    for line in PAIRED if found.paired else INDEPENDENT:
        print(line)
    print("Simulated subjects. Not clinical data.")


def _table(rows: Sequence[Difference]) -> None:
    from analysis.text.cells import amount_error, change

    texts = ("endpoint", "arm", "unit")
    table = columns((*texts, "A", "B", "B - A"), left=texts)
    before = ""
    for row in rows:
        sides = (amount_error(row.a, row.a_mcse, row.unit), amount_error(row.b, row.b_mcse, row.unit))
        name = row.endpoint if row.endpoint != before else ""
        table.add_row(name, row.arm, row.unit, *sides, change(row.difference, row.mcse, row.unit))
        before = row.endpoint
    screen = console()
    screen.print()
    screen.print(table)
    screen.print()
