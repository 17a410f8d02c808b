"""The Jacobian of a right-hand side, term by term from its graph, in the same graph: what both share is one node."""

from __future__ import annotations

from collections.abc import Sequence

from trial.solver.graph import Node, is_constant, needed
from trial.solver.reach import states_of

Matrix = dict[tuple[int, int], Node]


def jacobian(derivatives: Sequence[Node]) -> Matrix:
    """Entry (i, j): how derivative i changes with state j; entries that are zero whatever the values are left out."""
    found: Matrix = {}
    for j in sorted(states_of(derivatives)):
        slopes = _slopes(derivatives, j)
        found |= {(i, j): slopes[d] for i, d in enumerate(derivatives) if d in slopes}
    return found


def _slopes(roots: Sequence[Node], state: int) -> dict[Node, Node]:
    """The derivative by one state of every term that depends on it."""
    found: dict[Node, Node] = {}
    for node in needed(roots):
        if node.op == "state":
            slope = node.graph.lift(float(node.value == state))
        elif any(a in found for a in node.args):
            slope = _slope(node, [found.get(a, node.graph.lift(0.0)) for a in node.args])
        else:
            continue
        if not is_constant(slope, 0.0):
            found[node] = slope
    return found


def _slope(node: Node, slopes: Sequence[Node]) -> Node:
    """The derivative of an operation from those of its arguments.

    Of a root or power of 0 it is taken as 0: it may be infinite there, and a step is judged by its error.
    """
    graph, args = node.graph, node.args
    zero = graph.lift(0.0)
    if node.op in ("add", "sub"):
        return graph.add(*slopes) if node.op == "add" else graph.subtract(*slopes)
    if node.op == "neg":
        return -slopes[0]
    if node.op == "mul":
        return graph.add(_times(slopes[0], args[1]), _times(slopes[1], args[0]))
    if node.op == "div":
        return _over(graph.subtract(slopes[0], _times(slopes[1], node)), args[1])
    if node.op == "exp":
        return _times(slopes[0], node)
    if node.op == "log":
        return _over(slopes[0], args[0])
    if node.op == "sqrt":
        return graph.node("pick", zero, args[0], _over(_times(slopes[0], graph.lift(0.5)), node), zero)
    if node.op == "power":
        return graph.node("pick", zero, args[0], _over(_times(slopes[0], _times(args[1], node)), args[0]), zero)
    lower, upper = args if node.op == "min" else args[::-1]
    return graph.node("pick", lower, upper, *slopes)


def _times(a: Node, b: Node) -> Node:
    """a b; nothing where one is 0."""
    if is_constant(a, 0.0) or is_constant(b, 0.0):
        return a.graph.lift(0.0)
    return a.graph.multiply(a, b)


def _over(a: Node, b: Node) -> Node:
    """a / b; nothing where a is 0."""
    return a if is_constant(a, 0.0) else a.graph.divide(a, b)
