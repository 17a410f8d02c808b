"""Which states a state acts on, read off the traced derivatives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trial.solver.graph import Node, needed


def states_of(nodes: Iterable[Node]) -> set[int]:
    """The indices of the states that these terms depend on."""
    return {int(n.value) for n in needed(nodes) if n.op == "state"}


def reached(derivatives: Sequence[Node], start: int) -> set[int]:
    """The states that a change of state ``start`` moves, itself included, directly or through others."""
    reads = [states_of([d]) for d in derivatives]
    found = {start}
    while more := {k for k, read in enumerate(reads) if read & found} - found:
        found |= more
    return found
