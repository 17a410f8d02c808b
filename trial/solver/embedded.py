"""What methods with an embedded error estimate share: the first step, accepting a step, the length of the next one.

The error is the Euclidean norm over the states of estimate / (atol + rtol |y|), accepted up to 1: no state's estimate
exceeds its tolerance. The next step is h safety err^-gain err_before^memory (Gustafsson's controller as in Hairer's
DOPRI5), within a factor of 0.2 to ``most``, and not larger after a rejection. A step cut at a stop never shrinks the
next one.
"""

from __future__ import annotations

import math
from typing import ClassVar

from trial.solver.emit import Value, evaluate, single_use_products
from trial.solver.graph import Level, Node, needed
from trial.solver.lanes import Kind
from trial.solver.stepper import SMALLEST_STEP, Stepper

SMALLEST_FACTOR = 0.2
SMALLEST_ERROR = 1e-8
FIRST_LOG_ERROR = math.log(1e-4)


class Embedded(Stepper):
    """Steps that are judged by an error estimate, which falls as h^order.

    first: the first step, as a share of size over speed. most: the largest factor from one step to the next.
    """

    kind = Kind(outputs_are_stops=True)
    order: ClassVar[int]
    first: ClassVar[float]
    safety: ClassVar[float]
    memory: ClassVar[float]
    most: ClassVar[float]

    def terms(self, roots: tuple[Node, ...], y: list[Value], slow: dict[Node, Value]) -> dict[Node, Value]:
        """The values at y of these terms and all they need."""
        nodes = needed(roots)
        states = {n: y[int(n.value)] for n in nodes if n.op == "state"}
        fast = [n for n in nodes if n.level in (Level.CONSTANT, Level.STATE)]
        return evaluate(self.v, fast, slow | states, single_use_products(nodes, roots))

    def slope(self, y: list[Value], slow: dict[Node, Value]) -> list[Value]:
        """The derivatives at y."""
        values = self.terms(self.system.derivatives, y, slow)
        return [values[d] for d in self.system.derivatives]

    def restart(self, y: list[Value], slope: list[Value]) -> None:
        """Where the step is negative: the shorter of the step before and a share of size over speed, in tolerances.

        A size below one tolerance counts as one, so that a patient who starts from nothing still moves.
        """
        v = self.v
        scale = [self.scale(a, a) for a in y]
        size, speed = (v.sqrt(self.sum_of_squares(x, scale)) for x in (y, slope))
        size = v.maximum(size, v.constant(1.0))
        estimate = v.div(v.mul(v.constant(self.first), size), v.maximum(speed, v.constant(1e-300)))
        step = self.frame.vector("step")
        anew = v.compare("<", step, v.constant(0.0))
        self.frame.put(v.select(anew, v.minimum(estimate, v.neg(step)), step), "step")
        error = self.frame.vector("log_error")
        self.frame.put(v.select(anew, v.constant(FIRST_LOG_ERROR), error), "log_error")

    def sum_of_squares(self, values: list[Value], scale: list[Value]) -> Value:
        """Sum of (value / scale)^2."""
        total = self.v.constant(0.0)
        for value, s in zip(values, scale, strict=True):
            ratio = self.v.div(value, s)
            total = self.v.fma(ratio, ratio, total)
        return total

    def choose_step(self, square: Value, accepted: Value, last: Value, h: Value, h_full: Value) -> Value:
        """The next step, and the error it will be compared with; a bit per lane for which no step is short enough."""
        v, b = self.v, self.v.b
        gain = 1.0 / self.order - 0.75 * self.memory
        before = self.frame.vector("log_error")
        error = v.mul(v.constant(0.5), v.log(v.maximum(square, v.constant(SMALLEST_ERROR**2))))
        exponent = v.fma(error, v.constant(-gain), v.mul(before, v.constant(self.memory)))
        factor = v.mul(v.constant(self.safety), v.exp(exponent))
        ceiling = v.select(accepted, v.constant(self.most), v.constant(1.0))
        factor = v.maximum(v.minimum(factor, ceiling), v.constant(SMALLEST_FACTOR))
        finite = v.compare("<", square, v.constant(math.inf))
        factor = v.select(finite, factor, v.constant(SMALLEST_FACTOR))
        cut = b.and_(accepted, last)
        h_next = v.mul(h, factor)
        self.frame.put(v.select(cut, v.maximum(h_full, h_next), h_next), "step")
        keep = b.or_(cut, b.not_(accepted))
        self.frame.put(v.select(keep, before, error), "log_error")
        return b.and_(b.not_(finite), b.not_(v.compare(">", h, v.constant(SMALLEST_STEP))))
