"""``vtrial compare``: two finished runs of one study side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import Refused, columns, say

if TYPE_CHECKING:
    from analysis.evidence.comparison import Difference, Side


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another run of the same study.")],
) -> None:
    """Put two runs of one study side by side, as with two parameter sets.

    Example: vtrial compare runs/smoke runs/smoke_mine
    """
    from analysis.evidence.comparison import compared, problems, read_side
    from trial.app.folder import CONFIG
    from trial.cli.report import is_run_folder
    from trial.study.load import load_study

    for folder in (run_a, run_b):
        is_run_folder(folder)
    a, b = (read_side(folder, load_study(folder / CONFIG)) for folder in (run_a, run_b))
    found = problems(a, b)
    if found:
        raise Refused("\n".join(f"compare: {line}" for line in found))
    _warn_of_design(a, b)
    for name, side in (("A", a), ("B", b)):
        print(
            f"{name}  {side.path}: parameter set {side.manifest['parameter_set']}, structure "
            f"{side.manifest['structure']}, seed {side.manifest['seed']}, {side.manifest['replicates']} replicates"
        )
    _table(compared(a.estimates, b.estimates))
    print("Mean over replicates ± Monte Carlo error. That of B - A takes the runs as independent; runs with the same")
    print("seed share their random numbers, and the error is then usually smaller.")
    print("Simulated subjects. Not clinical data.")


def _warn_of_design(a: Side, b: Side) -> None:
    """Say when the runs are of different designs; what differs may then be the design."""
    from trial.study.fingerprint import fingerprint

    designs = [fingerprint(side.study) for side in (a, b)]
    if designs[0] != designs[1]:
        say(
            f"warning: the designs differ ({designs[0]}, {designs[1]}): not only the parameters may make the difference"
        )


def _table(rows: list[Difference]) -> None:
    from analysis.text.cells import estimate_error
    from trial.cli.results import console

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
