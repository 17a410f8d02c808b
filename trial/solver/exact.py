"""Exact maps for linear structures: between two events y' = A y + b, so y(t + h) = F y(t) + g.

(F g) is the top of exp(h (A b; 0 0)), by scaling, a Taylor polynomial and squaring (Moler and Van Loan 2003, SIAM
Review 45, 3-49, method 3 with Taylor); entries that are zero whatever the values are left out. Every lane squares as
often as its own matrix needs. The last maps of a patient are kept, for intervals of the same length and inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from trial.solver.emit import DOUBLE, INT64, Value
from trial.solver.frame import System, const, repeat, while_
from trial.solver.graph import Level, Node
from trial.solver.lanes import Kind
from trial.solver.reach import acting_on
from trial.solver.stepper import Stepper, Trial, as_integer

MAPS = 4
DEGREE, LARGEST_NORM, MOST_SQUARINGS = 14, 0.5, 60.0
"""0.5^15 / 15! is 2e-17."""
GRID = 2.0**36
"""Intervals are rounded to 2^-36 h, so that equal intervals of different days are equal numbers."""

Matrix = dict[tuple[int, int], Node]
Values = dict[tuple[int, int], Value]
Terms = dict[int, Node]


def affine_matrix(derivatives: Sequence[Node]) -> Matrix | None:
    """Coefficients of y' = A y + b as nodes, b in column n; None when the derivatives are not affine in the states."""
    n = len(derivatives)
    try:
        rows = [affine_terms(d, n) for d in derivatives]
    except NotAffineError:
        return None
    return {(i, j): node for i, row in enumerate(rows) for j, node in row.items()}


def linear_block(derivatives: Sequence[Node]) -> frozenset[int]:
    """States that only each other move, by affine equations; none where those are all the states."""
    affine = {i for i, d in enumerate(derivatives) if affine_matrix([d]) is not None}
    found = {i for i in affine if acting_on(derivatives, i) <= affine}
    return frozenset(found) if len(found) < len(derivatives) else frozenset()


class NotAffineError(Exception):
    """A term is not a sum of states with coefficients."""


def affine_terms(node: Node, n: int) -> Terms:
    """Coefficient by state, the rest under n."""
    if node.level < Level.STATE:
        return {n: node}
    if node.op == "state":
        return {int(node.value): node.graph.lift(1.0)}
    if node.op == "mul":
        slow, fast = sorted(node.args, key=lambda a: a.level)
        if slow.level < Level.STATE:
            return {j: c * slow for j, c in affine_terms(fast, n).items()}
    if node.op == "neg":
        return {j: -c for j, c in affine_terms(node.args[0], n).items()}
    if node.op in ("add", "sub"):
        a, b = (affine_terms(x, n) for x in node.args)
        b = {j: -c for j, c in b.items()} if node.op == "sub" else b
        return a | {j: a[j] + c if j in a else c for j, c in b.items()}
    raise NotAffineError(node.op)


def pattern(matrix: Matrix, n: int) -> list[tuple[int, int]]:
    """Entries of the map that can be other than zero."""
    reached = set(matrix) | {(i, i) for i in range(n)}
    for k in range(n):
        into, out = [i for i in range(n) if (i, k) in reached], [j for j in range(n + 1) if (k, j) in reached]
        reached |= {(i, j) for i in into for j in out}
    return sorted(reached)


class Exact(Stepper):
    """Emits steps from stop to stop."""

    kind = Kind(outputs_are_stops=True, maps=MAPS)

    @staticmethod
    def prepared(system: System) -> System:
        """The system with its coefficients among the terms kept between events."""
        matrix = affine_matrix(system.derivatives)
        if matrix is None:
            raise ValueError("exact maps need derivatives that are affine in the states")
        return replace(system, extra=tuple(matrix.values()))

    @staticmethod
    def slots(system: System) -> dict[str, int]:
        """A generator, a map in the making, and the kept maps with their intervals and inputs."""
        size = len(pattern(affine_matrix(system.derivatives) or {}, system.n_states))
        kept = {"maps": MAPS * size, "interval": MAPS, "given": MAPS * system.n_inputs}
        return {"generator": size, "map": size, "squarings": 1, "oldest": 1, **kept}

    def attempt(self) -> Value:
        """Bring every lane to its stop; no map fits an input that is not a number: the lane is lost."""
        v, b, frame, n = self.v, self.v.b, self.frame, self.system.n_states
        left = v.sub(frame.vector("stop"), frame.vector("time"))
        h = v.mul(v.intrinsic("rint", v.mul(left, v.constant(GRID))), v.constant(1.0 / GRID))
        moves = v.compare(">", h, v.constant(0.0))
        missing = b.and_(moves, b.not_(self.any_of(self.hits(h))))
        with b.if_then(b.icmp_unsigned("!=", as_integer(v, missing), const(0))):
            self.make(h)
            self.keep(h, missing)
        y = start = frame.vectors("y", n)
        hits = self.hits(h)
        for kept, hit in enumerate(hits):
            y = [v.select(hit, a, c) for a, c in zip(self.apply(kept, start), y, strict=True)]
        y = [v.select(moves, a, c) for a, c in zip(y, start, strict=True)]
        none_fits = b.and_(moves, b.not_(self.any_of(hits)))
        lost = b.or_(none_fits, b.not_(self.finite(y)))
        always = v.compare("==", v.constant(0.0), v.constant(0.0))
        return self.conclude(Trial(y, left, b.not_(lost), always, lost))

    @property
    def entries(self) -> list[tuple[int, int]]:
        """Entries of a map in the order of its slots."""
        return pattern(affine_matrix(self.system.derivatives) or {}, self.system.n_states)

    def any_of(self, masks: list[Value]) -> Value:
        """Bits set in any mask."""
        total = masks[0]
        for mask in masks[1:]:
            total = self.v.b.or_(total, mask)
        return total

    def hits(self, h: Value) -> list[Value]:
        """Per kept map: the lanes whose interval and inputs it fits."""
        v, n_inputs = self.v, self.system.n_inputs
        masks = []
        for kept in range(MAPS):
            mask = v.compare("==", h, self.frame.vector("interval", kept))
            for i in range(n_inputs):
                given = self.frame.vector("given", kept * n_inputs + i)
                mask = v.b.and_(mask, v.compare("==", self.frame.vector("u", i), given))
            masks.append(mask)
        return masks

    def apply(self, kept: int, y: list[Value]) -> list[Value]:
        """F y + g"""
        size, n = len(self.entries), self.system.n_states
        total: list[Value] = [self.v.constant(0.0)] * n
        for slot, (i, j) in reversed(list(enumerate(self.entries))):
            entry = self.frame.vector("maps", kept * size + slot)
            total[i] = self.v.add(total[i], entry) if j == n else self.v.fma(entry, y[j], total[i])
        return total

    def keep(self, h: Value, missing: Value) -> None:
        """The new map takes the place of the oldest."""
        v, frame, size, n_inputs = self.v, self.frame, len(self.entries), self.system.n_inputs
        oldest = frame.vector("oldest")
        for kept in range(MAPS):
            here = v.b.and_(missing, v.compare("==", oldest, v.constant(kept)))
            pairs = [("interval", kept, h)]
            pairs += [("given", kept * n_inputs + i, frame.vector("u", i)) for i in range(n_inputs)]
            pairs += [("maps", kept * size + slot, frame.vector("map", slot)) for slot in range(size)]
            for name, index, value in pairs:
                frame.put(v.select(here, value, frame.vector(name, index)), name, index)
        following = v.add(oldest, v.constant(1.0))
        following = v.select(v.compare("<", following, v.constant(MAPS)), following, v.constant(0.0))
        frame.put(v.select(missing, following, oldest), "oldest")

    def make(self, h: Value) -> None:
        """The map of an interval of every lane, in "map"."""
        v, b, frame = self.v, self.v.b, self.frame
        self.scale_down(h)
        self.write("map", self.identity())
        with repeat(b, const(0), const(DEGREE)) as done:
            order = b.sitofp(b.sub(const(DEGREE), done), DOUBLE)
            inverse = v.broadcast(b.fdiv(ir.Constant(DOUBLE, 1.0), order))
            product = self.product(self.read("generator"), self.read("map"))
            one = self.identity()
            self.write("map", {e: v.fma(value, inverse, one[e]) for e, value in product.items()})
        squarings, count = frame.vector("squarings"), b.alloca(INT64)
        b.store(const(0), count)

        def todo() -> Value:
            return v.compare("<", v.broadcast(b.sitofp(b.load(count, typ=INT64), DOUBLE)), squarings)

        with while_(b, lambda: b.icmp_unsigned("!=", as_integer(v, todo()), const(0))):
            mask, now = todo(), self.read("map")
            squared = self.product(now, now)
            self.write("map", {e: v.select(mask, value, now[e]) for e, value in squared.items()})
            b.store(b.add(b.load(count, typ=INT64), const(1)), count)

    def scale_down(self, h: Value) -> None:
        """h (A b) 2^-s in "generator", s in "squarings": the row sums of |h A| 2^-s are at most LARGEST_NORM."""
        v, n, matrix = self.v, self.system.n_states, affine_matrix(self.system.derivatives) or {}
        slow, zero = self.slow(), v.constant(0.0)
        values = {e: v.mul(slow[c] if c in slow else v.constant(c.value), h) for e, c in matrix.items()}
        norm = zero
        for i in range(n):
            row = zero
            for j in range(n):
                row = v.add(row, v.abs(values[i, j])) if (i, j) in values else row
            norm = v.maximum(row, norm)
        ratio = v.maximum(v.mul(norm, v.constant(1.0 / LARGEST_NORM)), v.constant(1.0))
        exponent, _ = v.split(ratio)
        squarings = v.minimum(v.add(exponent, v.constant(1.0)), v.constant(MOST_SQUARINGS))
        squarings = v.select(v.compare(">", ratio, v.constant(1.0)), squarings, zero)
        shrink = v.power_of_two(v.b.sub(v.integer(0), v.b.fptosi(squarings, v.int_type)))
        self.frame.put(squarings, "squarings")
        self.write("generator", {e: v.mul(values[e], shrink) if e in values else zero for e in self.entries})

    def identity(self) -> Values:
        """1 on the diagonal."""
        return {(i, j): self.v.constant(float(i == j)) for i, j in self.entries}

    def product(self, a: Values, c: Values) -> Values:
        """The product of two maps, whose last row is 0 ... 0 1."""
        n, total = self.system.n_states, {}
        for i, j in self.entries:
            value = a[i, j] if j == n else self.v.constant(0.0)
            for k in range(n):
                if (i, k) in a and (k, j) in c:
                    value = self.v.fma(a[i, k], c[k, j], value)
            total[i, j] = value
        return total

    def read(self, name: str) -> Values:
        """A matrix from its slots."""
        return {entry: self.frame.vector(name, slot) for slot, entry in enumerate(self.entries)}

    def write(self, name: str, values: Values) -> None:
        """A matrix into its slots."""
        for slot, entry in enumerate(self.entries):
            self.frame.put(values[entry], name, slot)
