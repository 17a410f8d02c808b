"""``vtrial compare``: two finished runs of one study side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import columns, console, say, warn

if TYPE_CHECKING:
    from analysis.evidence.comparison import Difference


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another run of the same study.")],
) -> None:
    """Put two runs of one study side by side, as with two parameter sets.

    Example: vtrial compare runs/smoke runs/smoke_mine
    """
    from trial.app.comparison import compare_runs
    from trial.app.talk import patience

    with patience(say, "comparing checksums ..."):
        found = compare_runs(run_a, run_b)
    warn([found.caution] if found.caution else [])
    for name, side in zip("AB", found.sides, strict=True):
        print(
            f"{name}  {side.path}: parameter set {side.manifest['parameter_set']}, structure "
            f"{side.manifest['structure']}, seed {side.manifest['seed']}, {side.manifest['replicates']} replicates"
        )
    _table(found.rows)
    print("Mean over replicates ± Monte Carlo error. That of B - A takes the runs as independent; runs with the same")
    print("seed share their random numbers, and the error is then usually smaller.")
    print("Simulated subjects. Not clinical data.")


def _table(rows: Sequence[Difference]) -> None:
    from analysis.text.cells import estimate_error

    texts = ("endpoint", "arm", "unit")
    table = columns((*texts, "A", "B", "B - A"), left=texts)
    before = ""
    for row in rows:
        pairs = ((row.a, row.a_mcse), (row.b, row.b_mcse), (row.difference, row.mcse))
        name = row.endpoint if row.endpoint != before else ""
        table.add_row(name, row.arm, row.unit, *(estimate_error(value, error, 1) for value, error in pairs))
        before = row.endpoint
    screen = console()
    screen.print()
    screen.print(table)
    screen.print()
