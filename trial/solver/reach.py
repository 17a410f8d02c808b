"""What can be read off the traced derivatives: which states a state acts on, and whether a series starts at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trial.solver.graph import FOLD, Level, Node, needed

if TYPE_CHECKING:
    from trial.solver.structure import Structure


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


def acting_on(derivatives: Sequence[Node], end: int) -> set[int]:
    """The states that move state ``end``, itself included, directly or through others."""
    found = {end}
    while more := states_of(derivatives[k] for k in found) - found:
        found |= more
    return found


def starts_without_series(structure: Structure, derivatives: Sequence[Node]) -> bool:
    """Whether a power, root or logarithm of the states is taken of 0 at the drug-free start: it has no series there.

    Seen at parameters and inputs of 1; a start that cannot be computed there says nothing.
    """
    p, u = np.ones((1, len(structure.parameters))), np.ones((1, len(structure.inputs)))
    try:
        with np.errstate(all="ignore"):
            y = np.asarray(structure.steady_state(p, u), dtype=float)[0].tolist()
    except Exception:
        return False
    values = numbers(derivatives, y, p[0].tolist(), u[0].tolist())
    taken_of = [n.args[0] for n in values if n.op in ("power", "sqrt", "log")]
    return any(a.level == Level.STATE and values[a] == 0 for a in taken_of)


def numbers(nodes: Iterable[Node], y: Sequence[float], p: Sequence[float], u: Sequence[float]) -> dict[Node, float]:
    """The value of each node and of all they need, at one state of one patient; NaN where there is none."""
    leaves = {"state": y, "parameter": p, "input": u}
    values: dict[Node, float] = {}
    for node in needed(nodes):
        if node.op in leaves:
            values[node] = float(leaves[node.op][int(node.value)])
        else:
            values[node] = _value(node, [values[a] for a in node.args])
    return values


def _value(node: Node, given: Sequence[float]) -> float:
    """A constant, or an operation on numbers; NaN where it has no value."""
    if node.op == "const":
        return node.value
    try:
        return FOLD[node.op](*given)
    except (ValueError, ArithmeticError):
        return math.nan
