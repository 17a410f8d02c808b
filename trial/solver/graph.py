"""A right-hand side as an expression graph: traced by operator overloading, equal terms merged, constants folded.

Every node has a level, the fastest thing it depends on: constants, parameters (one patient), inputs (between two
events) or states (every stage of every step). A term below STATE needs no evaluation inside a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

MAX_UNROLLED_POWER = 16
FOLD: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "power": math.pow,
    "min": min,
    "max": max,
    "pick": lambda a, b, c, d: c if a < b else d,
}


class Level(IntEnum):
    """How often a term changes."""

    CONSTANT = 0
    PARAMETER = 1
    INPUT = 2
    STATE = 3


LEAVES = {"const": Level.CONSTANT, "parameter": Level.PARAMETER, "input": Level.INPUT, "state": Level.STATE}


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph; arithmetic on nodes makes new nodes of the same graph.

    op: "const", "parameter", "input", "state" with the number or index in ``value``; else a key of FOLD with ``args``.
    """

    graph: Graph
    op: str
    args: tuple[Node, ...]
    value: float
    level: Level
    index: int

    def __add__(self, other: Any) -> Node:
        return self.graph.add(self, self.graph.lift(other))

    def __radd__(self, other: Any) -> Node:
        return self.graph.add(self.graph.lift(other), self)

    def __sub__(self, other: Any) -> Node:
        return self.graph.subtract(self, self.graph.lift(other))

    def __rsub__(self, other: Any) -> Node:
        return self.graph.subtract(self.graph.lift(other), self)

    def __mul__(self, other: Any) -> Node:
        return self.graph.multiply(self, self.graph.lift(other))

    def __rmul__(self, other: Any) -> Node:
        return self.graph.multiply(self.graph.lift(other), self)

    def __truediv__(self, other: Any) -> Node:
        return self.graph.divide(self, self.graph.lift(other))

    def __rtruediv__(self, other: Any) -> Node:
        return self.graph.divide(self.graph.lift(other), self)

    def __pow__(self, other: Any) -> Node:
        return self.graph.power(self, self.graph.lift(other))

    def __rpow__(self, other: Any) -> Node:
        return self.graph.power(self.graph.lift(other), self)

    def __neg__(self) -> Node:
        return self.graph.node("neg", self)

    def __pos__(self) -> Node:
        return self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Node:
        """numpy's functions of nodes and numbers; TypeError names those that a right-hand side may use."""
        if ufunc.__name__ not in UFUNCS or method != "__call__" or kwargs:
            raise TypeError(f"a right-hand side must not use numpy.{ufunc.__name__}: use one of {sorted(UFUNCS)}")
        if any(isinstance(x, np.ndarray) and x.ndim for x in inputs):
            raise TypeError(f"numpy.{ufunc.__name__} of an array in a right-hand side: take its elements one by one")
        return UFUNCS[ufunc.__name__](self.graph, *(self.graph.lift(x) for x in inputs))

    def __bool__(self) -> bool:
        raise TypeError(
            "a right-hand side must not branch on a value (if, <, ==, !=, in): make the switch an event that sets an "
            "input"
        )

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self)

    def __hash__(self) -> int:
        """By identity; while a right-hand side is being read, looking a value up is a branch too."""
        return int(bool(self)) if self.graph.reading else id(self)

    __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: bool(self)  # type: ignore[assignment]


class Graph:
    """All nodes made so far, arguments before results; an operation on the same arguments is one node."""

    def __init__(self) -> None:
        self.reading = False
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], Node] = {}

    def leaf(self, op: str, value: float) -> Node:
        """The constant of that value, or the parameter, input or state of that index."""
        return self._intern((op, repr(value)), op, (), value, LEAVES[op])

    def lift(self, value: Any) -> Node:
        """A node for a number; nodes pass."""
        return value if isinstance(value, Node) else self.leaf("const", float(value))

    def node(self, op: str, *args: Node) -> Node:
        """The node of that operation, a constant when all arguments are."""
        if all(a.op == "const" for a in args):
            try:
                return self.lift(FOLD[op](*(a.value for a in args)))
            except (ValueError, ArithmeticError):
                pass
        if op in ("add", "mul"):
            args = tuple(sorted(args, key=lambda a: a.index))
        level = max(a.level for a in args)
        return self._intern((op, *(a.index for a in args)), op, args, math.nan, level)

    def _intern(self, key: tuple[Any, ...], op: str, args: tuple[Node, ...], value: float, level: Level) -> Node:
        if key not in self._known:
            self._known[key] = Node(self, op, args, value, level, len(self.nodes))
            self.nodes.append(self._known[key])
        return self._known[key]

    def add(self, a: Node, b: Node) -> Node:
        """a + b, without adding zero."""
        if is_constant(a, 0.0):
            return b
        return a if is_constant(b, 0.0) else self.node("add", a, b)

    def subtract(self, a: Node, b: Node) -> Node:
        """a - b, without subtracting zero."""
        if is_constant(b, 0.0):
            return a
        return self.node("neg", b) if is_constant(a, 0.0) else self.node("sub", a, b)

    def multiply(self, a: Node, b: Node) -> Node:
        """a b, without multiplying by one."""
        if is_constant(a, 1.0):
            return b
        return a if is_constant(b, 1.0) else self.node("mul", a, b)

    def divide(self, a: Node, b: Node) -> Node:
        """a / b; by the reciprocal where that leaves no division inside a step."""
        if is_constant(b, 1.0):
            return a
        if a.level == Level.STATE and b.level < Level.STATE:
            return self.multiply(a, self.node("div", self.lift(1.0), b))
        return self.node("div", a, b)

    def power(self, a: Node, b: Node) -> Node:
        """a ** b: a square root for 0.5, products for small whole exponents, exp(b ln a) where the exponent moves."""
        if b.op == "const" and b.value == 0.5:
            return self.node("sqrt", a)
        if b.op == "const" and b.value.is_integer() and abs(b.value) <= MAX_UNROLLED_POWER:
            product = self._whole_power(a, int(abs(b.value)))
            return product if b.value >= 0 else self.divide(self.lift(1.0), product)
        if b.level == Level.STATE:
            return self.node("exp", self.multiply(b, self.node("log", a)))
        return self.node("power", a, b)

    def _whole_power(self, a: Node, exponent: int) -> Node:
        if exponent == 0:
            return self.lift(1.0)
        half = self._whole_power(self.multiply(a, a), exponent // 2)
        return self.multiply(half, a) if exponent % 2 else half


UFUNCS: dict[str, Callable[..., Node]] = {
    "add": Graph.add,
    "subtract": Graph.subtract,
    "multiply": Graph.multiply,
    "divide": Graph.divide,
    "power": Graph.power,
    "float_power": Graph.power,
    "negative": lambda graph, a: graph.node("neg", a),
    "positive": lambda graph, a: a,
    "square": lambda graph, a: graph.multiply(a, a),
    "reciprocal": lambda graph, a: graph.divide(graph.lift(1.0), a),
    "sqrt": lambda graph, a: graph.node("sqrt", a),
    "exp": lambda graph, a: graph.node("exp", a),
    "log": lambda graph, a: graph.node("log", a),
    "minimum": lambda graph, a, b: graph.node("min", a, b),
    "maximum": lambda graph, a, b: graph.node("max", a, b),
}
"""The numpy functions a right-hand side may use."""


def is_constant(node: Node, value: float) -> bool:
    """Whether the node is that number."""
    return node.op == "const" and node.value == value


def needed(roots: Iterable[Node]) -> list[Node]:
    """Every node the roots depend on, arguments before results."""
    found: dict[int, Node] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.index not in found:
            found[node.index] = node
            waiting.extend(node.args)
    return [found[index] for index in sorted(found)]


def slow_terms(nodes: Sequence[Node], roots: Sequence[Node]) -> list[Node]:
    """Terms of parameters and inputs that are read inside a step: they are computed when a patient's inputs change."""
    read = {a for node in nodes if node.level == Level.STATE for a in node.args} | set(roots)
    return [n for n in nodes if n in read and Level.CONSTANT < n.level < Level.STATE]


def trace(
    rhs: Callable[..., Sequence[Any]],
    n_states: int,
    n_parameters: int,
    n_inputs: int,
    outputs: Callable[..., Sequence[Any]] | None = None,
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The derivatives of a structure's ``rhs(y, p, u)`` and its ``outputs(y, p, u)`` as nodes of one graph."""
    graph = Graph()
    graph.reading = True
    y = [graph.leaf("state", i) for i in range(n_states)]
    p = [graph.leaf("parameter", i) for i in range(n_parameters)]
    u = [graph.leaf("input", i) for i in range(n_inputs)]
    derivatives = tuple(graph.lift(d) for d in rhs(y, p, u))
    if len(derivatives) != n_states:
        raise ValueError(f"the right-hand side returns {len(derivatives)} derivatives for {n_states} states")
    stored = tuple(graph.lift(o) for o in outputs(y, p, u)) if outputs else ()
    graph.reading = False
    return derivatives, stored
