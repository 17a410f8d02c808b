"""``vtrial compare``: two finished runs, arms or stages side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import columns, console, paragraph, say, warn

if TYPE_CHECKING:
    from analysis.evidence.comparison import Difference, Side
    from analysis.evidence.pairs import InPairs

PAIRED = (
    "Mean over replicates ± Monte Carlo error. The runs have one seed and share their random numbers: the error of",
    "B - A is that of the differences replicate by replicate.",
)
OF_ONE_RUN = (
    "Mean over replicates ± Monte Carlo error. Both are of one run: the error of B - A is that of the differences",
    "replicate by replicate.",
)
INDEPENDENT = (
    "Mean over replicates ± Monte Carlo error. The runs have two seeds: that of B - A takes them as independent; with",
    "one seed they would share their random numbers, and the error would usually be smaller.",
)
WITHIN = (
    "The same patients: those with a value on both sides, per replicate; of a yes or no the share with a yes on one",
    "side only; B - A is the mean change within patients ± Monte Carlo error.",
)


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    run_b: Annotated[
        Path | None, typer.Argument(metavar="[RUN_B]", help="Another run; none: two arms or stages of RUN_A.")
    ] = None,
    arms: Annotated[str, typer.Option("--arms", metavar="A,B", help="An arm of each side.")] = "",
    stages: Annotated[str, typer.Option("--stages", metavar="S,T", help="A stage of each side.")] = "",
    day: Annotated[
        int | None, typer.Option("--day", help="With --stages: assessment day, from the start of each stage.")
    ] = None,
) -> None:
    """Put two runs, arms or stages side by side: every summary of the endpoints of both, and what changes within the
    patients who are on both sides.

    Not compared: times to event, baseline, stages that begin on each patient's own day. Nothing is tested.

    Example: vtrial compare runs/smoke runs/smoke_mine
    """
    from trial.app.comparison import compare_runs
    from trial.app.talk import patience

    with patience(say, "comparing checksums ..."):
        found = compare_runs(run_a, run_b, arms, stages, day)
    warn(found.cautions)
    named = [part.strip() for part in arms.split(",")] if arms else ["", ""]
    for name, side, arm in zip("AB", found.sides, named, strict=True):
        print(_heading(name, side, arm))
    _table(found.rows)
    same = found.sides[0].path == found.sides[1].path
    for line in OF_ONE_RUN if same else PAIRED if found.paired else INDEPENDENT:
        print(line)
    for line in found.patients.said:
        print(paragraph(line))
    if found.patients.rows:
        _pairs(found.patients.rows)
        print("\n".join(WITHIN))
    print("Simulated subjects. Not clinical data.")


def _heading(name: str, side: Side, arm: str) -> str:
    """What a side is."""
    of = f", arm {arm}" if arm else ""
    return (
        f"{name}  {side.name}{of}: parameter set {side.manifest['parameter_set']}, structure "
        f"{side.manifest['structure']}, seed {side.manifest['seed']}, {side.manifest['replicates']} replicates"
    )


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


def _pairs(rows: Sequence[InPairs]) -> None:
    from analysis.text.cells import amount, change

    texts = ("endpoint", "arm", "unit")
    table = columns((*texts, "patients", "A only", "B only", "B - A"), left=texts)
    before = ""
    for row in rows:
        shares = ("" if share is None else amount(share, "%") for share in (row.only_a, row.only_b))
        name = row.endpoint if row.endpoint != before else ""
        changed = change(row.difference, row.mcse, row.unit)
        table.add_row(name, row.arm, row.unit, amount(row.patients, "%"), *shares, changed)
        before = row.endpoint
    screen = console()
    screen.print()
    screen.print(table)
    screen.print()
