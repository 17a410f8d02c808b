"""Taylor coefficients of a solution, order by order, from the expression graph of the right-hand side.

If y(t + h) = sum c_k h^k, every operation of the graph has a series too, and its k-th coefficient follows from those of
its arguments up to k (recurrences as in Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, Tables 13.1 and
13.2); then c_(k+1) = f_k / (k + 1). A coefficient that is zero whatever the values is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trial.solver.emit import Value, Vector, single_use_products
from trial.solver.graph import Level, Node, needed

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
        products = single_use_products(nodes, derivatives)
        self.fused = {n for n in products if any(a.level < Level.STATE for a in n.args)}
        self.moving = [n for n in nodes if n.level == Level.STATE and n.op != "state" and n not in self.fused]
        self.known: dict[Node, Series] = {n: [] for n in self.moving}
        self.known |= {n: self.states[int(n.value)] for n in nodes if n.op == "state"}
        self.inverse: dict[Node, Value] = {}
        self.multiples: dict[tuple[Node, int], Value | None] = {}

    def extend(self, states: Iterable[int], order: int) -> None:
        """Coefficients up to ``order`` of these states, which no other state moves."""
        chosen = sorted(states)
        inside = set(needed(self.derivatives[i] for i in chosen))
        moving = [n for n in self.moving if n in inside]
        for k in range(len(self.states[chosen[0]]) - 1, order) if chosen else ():
            for node in moving:
                self.known[node].append(self.coefficient(node, k))
            for i in chosen:
                slope = self.get(self.derivatives[i], k)
                self.states[i].append(None if slope is None else self.v.mul(slope, self.v.constant(1.0 / (k + 1))))

    def coefficients(self) -> list[list[Value]]:
        """Of every state, as far as they are known."""
        zero = self.v.constant(0.0)
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

    def multiple(self, node: Node, j: int) -> Value | None:
        """j times coefficient ``j``."""
        if (node, j) not in self.multiples:
            c = self.get(node, j)
            self.multiples[node, j] = None if c is None else self.v.mul(c, self.v.constant(float(j)))
        return self.multiples[node, j]

    def rising(self, a: Node, b: Node, k: int) -> Value | None:
        """Sum of j a_j b_(k-j), j = 1 .. k."""
        return self.total([(self.multiple(a, j), self.get(b, k - j)) for j in range(1, k + 1)])

    def falling(self, a: Node, b: Node, k: int) -> Value | None:
        """Sum of a_j (k - j) b_(k-j), j = 1 .. k - 1."""
        return self.total([(self.get(a, j), self.multiple(b, k - j)) for j in range(1, k)])

    def _add(self, _: Node, a: Node, b: Node, k: int) -> Value | None:
        if a in self.fused:
            a, b = b, a
        if b in self.fused:
            return self.total(self.factors(b, k), self.get(a, k))
        x, y = self.get(a, k), self.get(b, k)
        return y if x is None else x if y is None else self.v.add(x, y)

    def _sub(self, _: Node, a: Node, b: Node, k: int) -> Value | None:
        if b in self.fused:
            negative = [(self.minus(None, x), y) for x, y in self.factors(b, k)]
            return self.total(negative, self.get(a, k))
        if a in self.fused:
            return self.total(self.factors(a, k), self.minus(None, self.get(b, k)))
        return self.minus(self.get(a, k), self.get(b, k))

    def factors(self, product: Node, k: int) -> list[tuple[Value | None, Value | None]]:
        """Pairs whose products add up to coefficient ``k`` of a product of two different terms."""
        a, b = product.args
        if a.level < Level.STATE or b.level < Level.STATE:
            fixed, moving = (a, b) if a.level < Level.STATE else (b, a)
            return [(self.fixed[fixed], self.get(moving, k))]
        return [(self.get(a, j), self.get(b, k - j)) for j in (*range(1, k), *sorted({0, k}))]

    def _neg(self, _: Node, a: Node, k: int) -> Value | None:
        return self.minus(None, self.get(a, k))

    def _mul(self, node: Node, a: Node, b: Node, k: int) -> Value | None:
        if a is not b:
            return self.total(self.factors(node, k))
        first = self.get(a, 0)
        if k == 0:
            return self.total([(first, first)])
        return self.total([(self.twice(a), self.get(a, k))], self.squares(a, k))

    def twice(self, a: Node) -> Value | None:
        """Two times the first coefficient."""
        return self.total([(self.get(a, 0), self.v.constant(2.0))])

    def squares(self, a: Node, k: int) -> Value | None:
        """Sum of a_j a_(k-j), j = 1 .. k - 1, each pair once."""
        half = self.total([(self.get(a, j), self.get(a, k - j)) for j in range(1, (k + 1) // 2)])
        double = None if half is None else self.v.add(half, half)
        return double if k % 2 else self.total([(self.get(a, k // 2), self.get(a, k // 2))], double)

    def _div(self, node: Node, a: Node, b: Node, k: int) -> Value | None:
        if k == 0:
            self.inverse[node] = self.v.div(self.v.constant(1.0), self.first(b))
            return self.v.mul(self.first(a), self.inverse[node])
        known = self.total([(self.get(b, j), self.get(node, k - j)) for j in range(1, k)])
        rest = self.minus(self.get(a, k), known)
        rest = self.total([(self.minus(None, self.get(b, k)), self.get(node, 0))], rest)
        return self.total([(rest, self.inverse[node])])

    def _sqrt(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            root = self.v.sqrt(self.first(a))
            self.inverse[node] = self.v.div(self.v.constant(0.5), root)
            return root
        return self.total([(self.minus(self.get(a, k), self.squares(node, k)), self.inverse[node])])

    def _exp(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            return self.v.exp(self.first(a))
        return self.total([(self.rising(a, node, k), self.v.constant(1.0 / k))])

    def _log(self, node: Node, a: Node, k: int) -> Value | None:
        if k == 0:
            self.inverse[node] = self.v.div(self.v.constant(1.0), self.first(a))
            return self.v.log(self.first(a))
        known = self.total([(self.falling(a, node, k), self.v.constant(1.0 / k))])
        return self.total([(self.minus(self.get(a, k), known), self.inverse[node])])

    def _power(self, node: Node, a: Node, exponent: Node, k: int) -> Value | None:
        v = self.v
        if k == 0:
            self.inverse[node] = v.div(v.constant(1.0), self.first(a))
            return v.power(self.first(a), self.fixed[exponent])
        known = self.minus(None, self.falling(a, node, k))
        rest = self.total([(self.fixed[exponent], self.rising(a, node, k))], known)
        return None if rest is None else v.mul(v.mul(rest, self.inverse[node]), v.constant(1.0 / k))

    def first(self, node: Node) -> Value:
        """The value of a term at the point of expansion."""
        value = self.get(node, 0)
        return self.v.constant(0.0) if value is None else value
