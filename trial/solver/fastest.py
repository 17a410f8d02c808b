"""Which state bounds the steps of an explicit method: the largest rate on the diagonal of the Jacobian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from trial.solver.graph import Node
from trial.solver.jacobian import jacobian
from trial.solver.kernel import system_of
from trial.solver.reach import numbers
from trial.solver.structure import Structure


def fastest_state(
    structure: Structure, y: Sequence[float], p: Sequence[float], u: Sequence[float]
) -> tuple[str, float]:
    """The state that by itself decays or grows fastest at y, and its rate (1/h); ("", nan) where no rate is a number.

    A rate that is not finite is none.
    """
    diagonal = _diagonal(structure)
    values = numbers(diagonal.values(), y, p, u)
    rates = {i: abs(values[node]) for i, node in diagonal.items() if math.isfinite(values[node])}
    if not rates:
        return "", math.nan
    i = max(rates, key=lambda k: rates[k])
    return structure.states[i].name, rates[i]


@cache
def _diagonal(structure: Structure) -> dict[int, Node]:
    """How the derivative of a state changes with itself, where it does."""
    matrix = jacobian(system_of(structure).derivatives)
    return {i: node for (i, j), node in matrix.items() if i == j}
