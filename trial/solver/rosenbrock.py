"""Vector code of one Rosenbrock step: every lane solves with its own Jacobian, of its own length at its own time.

The Jacobian is that of the graph at the beginning of the step, and I / gamma - h J is factored once for all stages.
Nothing else enters the formulas: parameters and inputs are constant within a step, because steps end at events. A fast
decay bounds no step.
"""

from __future__ import annotations

from dataclasses import replace

from trial.solver.embedded import Embedded
from trial.solver.emit import Value
from trial.solver.frame import System, const
from trial.solver.graph import Node
from trial.solver.jacobian import jacobian
from trial.solver.rodas import GAMMA, ORDER, POINTS, SLOPES
from trial.solver.sparse import Factors, Place
from trial.solver.stepper import Trial, as_integer

Slow = dict[Node, Value]
Entries = dict[Place, Value]


class Rosenbrock(Embedded):
    """Emits steps of the Rosenbrock method."""

    order, first, safety, memory, most = ORDER, 0.1, 0.9, 0.0, 10.0

    @staticmethod
    def prepared(system: System) -> System:
        """The system with its Jacobian, of which all that no state enters is kept between events."""
        return replace(system, extra=tuple(jacobian(system.derivatives).values()))

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        v, b, frame = self.v, self.v.b, self.frame
        y, slow = frame.vectors("y", self.system.n_states), self.slow()
        slope, matrix = self.slope_and_matrix(y, slow)
        anew = v.compare("<", frame.vector("step"), v.constant(0.0))
        with b.if_then(b.icmp_unsigned("!=", as_integer(v, anew), const(0))):
            self.restart(y, slope)
        h_full, left = frame.vector("step"), v.sub(frame.vector("stop"), frame.vector("time"))
        last = v.compare(">=", h_full, left)
        h = v.select(last, left, h_full)
        y_new, estimate = self.stages(y, slope, self.shifted(matrix, h), h, slow)
        scale = [self.scale(a, c) for a, c in zip(y, y_new, strict=True)]
        square = self.sum_of_squares(estimate, scale)
        accepted = v.compare("<=", square, v.constant(1.0))
        lost = self.choose_step(square, accepted, last, h, h_full)
        y = [v.select(accepted, a, c) for a, c in zip(y_new, y, strict=True)]
        return self.conclude(Trial(y, h, accepted, last, lost))

    def slope_and_matrix(self, y: list[Value], slow: Slow) -> tuple[list[Value], Entries]:
        """The derivatives at y and their Jacobian."""
        derivatives, matrix = self.system.derivatives, jacobian(self.system.derivatives)
        values = self.terms((*derivatives, *matrix.values()), y, slow)
        return [values[d] for d in derivatives], {place: values[d] for place, d in matrix.items()}

    def shifted(self, matrix: Entries, h: Value) -> Entries:
        """I / gamma - h J; equal entries are one value."""
        v, less, shift = self.v, self.v.neg(h), self.v.constant(1.0 / GAMMA)
        entries: Entries = {(i, i): shift for i in range(self.system.n_states)}
        known: dict[tuple[int, bool], Value] = {}
        for (i, j), value in matrix.items():
            kind = id(value), i == j
            if kind not in known:
                known[kind] = v.fma(less, value, shift) if i == j else v.mul(less, value)
            entries[i, j] = known[kind]
        return entries

    def stages(
        self, y: list[Value], slope: list[Value], shifted: Entries, h: Value, slow: Slow
    ) -> tuple[list[Value], list[Value]]:
        """Where the step leads, and the estimate of its error; ``slope`` is that at y."""
        v, states = self.v, range(len(y))
        factors, point = Factors(v, shifted, len(y)), y
        parts = [factors.solve([v.mul(h, a) for a in slope])]

        def combined(weights: tuple[float, ...]) -> list[Value]:
            return [v.weighted_sum(weights, [part[i] for part in parts]) for i in states]

        for stage, weights in enumerate(SLOPES[1:], 1):
            base, move = (y, combined(POINTS[stage])) if stage < len(POINTS) else (point, parts[-1])
            point = [v.add(a, c) for a, c in zip(base, move, strict=True)]
            right = zip(combined(weights), self.slope(point, slow), strict=True)
            parts.append(factors.solve([v.fma(h, c, a) for a, c in right]))
        return [v.add(a, c) for a, c in zip(point, parts[-1], strict=True)], parts[-1]
