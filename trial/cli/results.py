"""The short result table of the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trial.cli.console import console

if TYPE_CHECKING:
    from rich.table import Table

    from analysis.evidence.results import Line
    from trial.study.study import Study

NARROW = 78
MOST_ARMS, TOGETHER = 12, "ALL"
"""Arms whose results are shown, and the name of all together."""


def show(lines: Sequence[Line], study: Study, failed: str = "") -> None:
    """Endpoint by arm: the simulated mean beside the published result, then what has none, of MOST_ARMS arms; narrow
    terminals drop the Monte Carlo error.

    ``failed``: what is said with the results when many patients failed.
    """
    screen = console()
    narrow = screen.width < NARROW
    beside, alone = [line for line in lines if line.published], [line for line in lines if not line.published]
    arms = dict.fromkeys(line.arm for line in alone if line.arm != TOGETHER)
    left_out = set(list(arms)[MOST_ARMS:])
    alone = [line for line in alone if line.arm not in left_out]
    limits = _common(beside, "limits") or "limits"
    for part in (beside, alone):
        if part:
            screen.print()
            screen.print(_table(part, narrow, limits if part is beside else "", failed))
    if left_out:
        screen.print(f"\n{MOST_ARMS} of {len(arms)} arms; estimates.parquet has all.", end="")
    many = study.replicates > 1
    mean = f"Mean of {study.replicates} replicates" if many else "One replicate"
    screen.print(f"\n{mean}{' ± Monte Carlo error' if many and not narrow else ''}. ", end="")
    counts = [f"{kind} {share}" for kind in ("fitted", "predicted") if (share := _inside(lines, kind))]
    if beside and not counts:
        screen.print("\nToo few replicates for a verdict; 10 are needed.", end="")
    if counts:
        against = "tolerance" if limits == "tolerance" else "published interval"
        screen.print(f"\nInside the {against}: {', '.join(counts)}.", end="")
    screen.print("\nSimulated subjects. Not clinical data.\n")


def _table(lines: Sequence[Line], narrow: bool, limits: str, failed: str) -> Table:
    """The lines; ``limits`` of the published results beside them, "" where there are none; ``failed`` above them."""
    from rich.table import Table

    from analysis.text.cells import NOT_ESTIMABLE

    unit = _common(lines, "unit")
    judgement = ["inside"] if narrow else ["inside", "was"]
    gap = " " if len(unit) == 1 else "\n"
    heads = ["endpoint", "arm", *(f"{what}{gap}{unit}".strip() for what in ("simulated", "published"))]
    short = "CI" if narrow and limits == "95 % CI" else limits
    heads = [*heads[:3], f"{heads[3]} ({short})", *judgement] if limits else heads[:3]
    table = Table(box=None, padding=(0, 1 if narrow else 2, 0, 0), title_justify="left")
    for head in heads:
        right = head.startswith(("simulated", "published"))
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    table.title = failed or None
    before = ""
    for line in lines:
        first = line.endpoint if line.endpoint != before else ""
        simulated = line.simulated.split(" ±")[0] if narrow else line.simulated
        simulated = simulated if unit or simulated == NOT_ESTIMABLE else f"{simulated} {line.unit}"
        judged = [line.published, line.inside, line.kind][: 1 + len(judgement)]
        table.add_row(first, line.arm, simulated, *(judged if limits else []))
        before = line.endpoint
    return table


def _common(lines: Sequence[Line], name: str) -> str:
    """What all lines have there; "" when they differ."""
    found = {getattr(line, name) for line in lines}
    return str(found.pop()) if len(found) == 1 else ""


def _inside(lines: Sequence[Line], kind: str) -> str:
    """How many judged lines of a kind lie inside, as "15 of 15"; "" when there are none."""
    judged = [line.inside for line in lines if line.inside and line.kind == kind]
    return f"{judged.count('yes')} of {len(judged)}" if judged else ""
