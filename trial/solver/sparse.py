"""Linear systems of one pattern for all lanes: LU factors in straight-line vector code, without pivoting.

The pivots stay on the diagonal, in an order of little fill chosen when the code is written (Markowitz 1957, Management
Science 3, 255-269). That is safe for I / gamma - h J: see docs/solver.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trial.solver.emit import Value, Vector

Place = tuple[int, int]


def elimination_order(pattern: Iterable[Place], n: int) -> list[int]:
    """The pivots of an n x n matrix with these entries: at each turn the one with the fewest products, the first of
    equals.
    """
    filled, left, order = set(pattern), set(range(n)), []
    while left:
        around = {k: _around(filled, k, left - {k}) for k in sorted(left)}
        pivot = min(around, key=lambda k: (len(around[k][0]) * len(around[k][1]), k))
        rows, columns = around[pivot]
        filled |= {(i, j) for i in rows for j in columns}
        left.remove(pivot)
        order.append(pivot)
    return order


def _around(filled: set[Place], k: int, left: set[int]) -> tuple[list[int], list[int]]:
    """Rows with an entry in column k, and columns with one in row k."""
    return [i for i in sorted(left) if (i, k) in filled], [j for j in sorted(left) if (k, j) in filled]


class Factors:
    """LU factors of a matrix given by its entries, the whole diagonal among them: L with ones, U with its inverse
    diagonal in ``inverse``. Equal pivots are inverted once.
    """

    def __init__(self, v: Vector, entries: Mapping[Place, Value], n: int) -> None:
        self.v, self.order, self.entries = v, elimination_order(entries, n), dict(entries)
        self.inverse: dict[int, Value] = {}
        one, known = v.constant(1.0), dict[int, Value]()
        for turn, k in enumerate(self.order):
            pivot, later = self.entries[k, k], self.order[turn + 1 :]
            self.inverse[k] = known[id(pivot)] = known.get(id(pivot)) or v.div(one, pivot)
            for i in later:
                if (i, k) in self.entries:
                    self._eliminate(i, k, later)

    def _eliminate(self, i: int, k: int, later: Sequence[int]) -> None:
        """Row i less its multiple of row k."""
        v, entries = self.v, self.entries
        factor = entries[i, k] = v.mul(entries[i, k], self.inverse[k])
        less = v.neg(factor)
        for j in later:
            if (k, j) in entries:
                at = i, j
                entries[at] = v.fma(less, entries[k, j], entries[at]) if at in entries else v.mul(less, entries[k, j])

    def solve(self, right: Sequence[Value]) -> list[Value]:
        """x of A x = right."""
        v, entries, x = self.v, self.entries, list(right)
        for turn, k in enumerate(self.order):
            for i in self.order[turn + 1 :]:
                if (i, k) in entries:
                    x[i] = v.fma(v.neg(entries[i, k]), x[k], x[i])
        for turn, k in reversed(list(enumerate(self.order))):
            for j in self.order[turn + 1 :]:
                if (k, j) in entries:
                    x[k] = v.fma(v.neg(entries[k, j]), x[j], x[k])
            x[k] = v.mul(x[k], self.inverse[k])
        return x
