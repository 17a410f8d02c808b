"""Taylor coefficients of a solution, order by order, from the expression graph of the right-hand side.

If y(t + h) = sum c_k h^k, every operation of the graph has a series too, and its k-th coefficient follows from those of
its arguments up to k (recurrences as in Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, Tables 13.1 and
13.2); then c_(k+1) = f_k / (k + 1). A coefficient that is zero whatever the values is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trial.solver.emit import Value, Vector
from trial.solver.graph import Level, Node

Series = list[Value | None]
SMOOTH = ("const", "parameter", "input", "state", "add", "sub", "mul", "div", "neg", "sqrt", "exp", "log", "power")
"""Operations that have a series."""


class Expansion:
    """The series of the states about ``y``; ``fixed`` holds the values of all terms that no state enters."""

    def __init__(
        self,
        v: Vector,
        nodes: Sequence[Node],
        fixed: Mapping[Node, Value],
        y: Sequence[Value],
        derivatives: Sequence[Node],
    ) -> None:
        self.v, self.fixed, self.derivatives = v, fixed, derivatives
        self.states: list[Series] = [[value] for value in y]
        self.moving = [n for n in nodes if n.level == Level.STATE and n.op != "state"]
        self.known: dict[Node, Series] = {n: [] for n in self.moving}
        self.known |= {n: self.states[int(n.value)] for n in nodes if n.op == "state"}
        self.inverse: dict[Node, Value] = {}

    def to_order(self, order: int) -> list[list[Value]]:
        """Coefficients 0 to ``order`` of every state."""
        zero = self.v.constant(0.0)
        for k in range(order):
            for node in self.moving:
                self.known[node].append(self.coefficient(node, k))
            for state, derivative in zip(self.states, self.derivatives, strict=True):
                slope = self.get(derivative, k)
                state.append(None if slope is None else self.v.mul(slope, self.v.constant(1.0 / (k + 1))))
        return [[zero if c is None else c for c in series] for series in self.states]

    def get(self, node: Node, k: int) -> Value | None:
        """Coefficient ``k`` of a term; a term without states has only the first."""
        if node.level == Level.STATE:
            return self.known[node][k]
        return self.fixed[node] if k == 0 else None

    def coefficient(self, node: Node, k: int) -> Value | None:
        """Coefficient ``k`` of an operation from those of its arguments."""
        return getattr(self, f"_{node.op}")(node, *node.args, k)

    def total(self, terms: Sequence[tuple[Value | None, Value | None]], start: Value | None = None) -> Value | None:
        """``start`` plus the sum of the products that are not zero, in order."""
        for a, b in terms:
            if a is not None and b is not None:
                start = self.v.mul(a, b) if start is None else self.v.fma(a, b, start)
        return start

    def minus(self, a: Value | None, b: Value | None) -> Value | None:
        """a - b"""
        if b is None:
            return a
        return self.v.neg(b) if a is None else self.v.sub(a, b)

    def convolution(self, a: Node, b: Node, first: int, last: int, k: int) -> Value | None:
        """Sum of a_j b_(k-j), j = first .. last."""
        return self.total([(self.get(a, j), self.get(b, k - j)) for j in range(first, last + 1)])

    def weighted(self, k: int, weight: Callable[[int], Value], a: Node, b: Node) -> Value | None:
        """Sum of weight(j) a_j b_(k-j), j = 1 .. k, over what is known."""
        scaled = [(j, self.get(a, j)) for j in range(1, k + 1)]
        terms = [(self.v.mul(weight(j), c), self.known[b][k - j]) for j, c in scaled if c is not None]
        return self.total(terms)

    def _add(self, _: Node, a: Node, b: Node, k: int) -> Value | None:
        x, y = self.get(a, k), self.get(b, k)
        return y if x is None else x if y is None else self.v.add(x, y)

    def _sub(self, _: Node, a: Node, b: Node, k: int) -> Value | None:
        return self.minus(self.get(a, k), self.get(b, k))

    def _neg(self, _: Node, a: Node, k: int) -> Value | None:
        return self.minus(None, self.get(a, k))

    def _mul(self, _: Node, a: Node, b: Node, k: int) -> Value | None:
        if a.level < Level.STATE or b.level < Level.STATE:
            fixed, moving = (a, b) if a.level < Level.STATE else (b, a)
            return self.total([(self.fixed[fixed], self.get(moving, k))])
        if a is not b:
            return self.convolution(a, b, 0, k, k)
        return self.squares(a, 0, k)

    def squares(self, a: Node, first: int, k: int) -> Value | None:
        """Sum of a_j a_(k-j), j = first .. k - first, each pair once."""
        half = self.convolution(a, a, first, (k - 1) // 2, k)
        double = None if half is None else self.v.add(half, half)
        middle = k // 2
        if k % 2 or middle < first:
            return double
        return self.total([(self.get(a, middle), self.get(a, middle))], double)

    def _div(self, node: Node, a: Node, b: Node, k: int) -> Value | None:
        if k == 0:
            self.inverse[node] = self.v.div(self.v.constant(1.0), self.first(b))
            return self.v.mul(self.first(a), self.inverse[node])
        rest = self.minus(self.get(a, k), self.convolution(b, node, 1, k, k))
        return self.total([(rest, self.inverse[node])])

    def _sqrt(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            root = self.v.sqrt(self.first(a))
            self.inverse[node] = self.v.div(self.v.constant(0.5), root)
            return root
        return self.total([(self.minus(self.get(a, k), self.squares(node, 1, k)), self.inverse[node])])

    def _exp(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            return self.v.exp(self.first(a))
        return self.weighted(k, lambda j: self.v.constant(j / k), a, node)

    def _log(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            self.inverse[node] = self.v.div(self.v.constant(1.0), self.first(a))
            return self.v.log(self.first(a))
        terms = [(self.get(a, j), self.known[node][k - j], (k - j) / k) for j in range(1, k)]
        known = [(self.v.mul(x, self.v.constant(w)), y) for x, y, w in terms if x is not None]
        return self.total([(self.minus(self.get(a, k), self.total(known)), self.inverse[node])])

    def _power(self, node: Node, a: Node, exponent: Node, k: int) -> Value | None:
        v = self.v
        if k == 0:
            self.inverse[node] = v.div(v.constant(1.0), self.first(a))
            return v.power(self.first(a), self.fixed[exponent])

        def weight(j: int) -> Value:
            return v.fma(self.fixed[exponent], v.constant(j / k), v.constant((j - k) / k))

        return self.total([(self.weighted(k, weight, a, node), self.inverse[node])])

    def first(self, node: Node) -> Value:
        """The value of a term at the point of expansion."""
        value = self.get(node, 0)
        return self.v.constant(0.0) if value is None else value
