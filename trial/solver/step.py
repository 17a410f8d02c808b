"""Vector code of one step: every lane tries its own step of the embedded pair at its own time.

The step is cut at the lane's stop. The error is the Euclidean norm over the states of estimate / (atol + rtol |y|),
accepted up to 1: no state's estimate exceeds its tolerance. The next step is h 0.8 err^-0.17 err_before^0.04
(Gustafsson's controller as in Hairer's DOPRI5), within a factor of 0.2 to 5, and not larger after a rejection. A step
cut at a stop never shrinks the next one.
"""

from __future__ import annotations

import math

from trial.solver.emit import Value, evaluate, single_use_products
from trial.solver.frame import System
from trial.solver.graph import Level, Node, needed
from trial.solver.lanes import Kind
from trial.solver.stepper import SMALLEST_STEP, Stepper, Trial
from trial.solver.tableau import ERROR, ORDER, STAGES

SAFETY, SMALLEST_FACTOR, LARGEST_FACTOR = 0.8, 0.2, 5.0
MEMORY = 0.04
GAIN = 1.0 / ORDER - 0.75 * MEMORY
SMALLEST_ERROR = 1e-8
FIRST_LOG_ERROR = math.log(1e-4)


class Pair(Stepper):
    """Emits steps of the embedded pair."""

    kind = Kind(outputs_are_stops=True)

    @staticmethod
    def slots(system: System) -> dict[str, int]:
        """The slope at the lane's time."""
        return {"slope": system.n_states}

    def slope(self, y: list[Value], slow: dict[Node, Value]) -> list[Value]:
        """The derivatives at y."""
        nodes = needed(self.system.derivatives)
        states = {n: y[int(n.value)] for n in nodes if n.op == "state"}
        fast = [n for n in nodes if n.level in (Level.CONSTANT, Level.STATE)]
        fused = single_use_products(nodes, self.system.derivatives)
        values = evaluate(self.v, fast, slow | states, fused)
        return [values[d] for d in self.system.derivatives]

    def refresh(self, changed: Value) -> None:
        """After visits: slow terms of all lanes, slope and, where it is to start anew, step of the changed ones."""
        v, n = self.v, self.system.n_states
        super().refresh(changed)
        slow = self.slow()
        y, before = self.frame.vectors("y", n), self.frame.vectors("slope", n)
        slope = [v.select(changed, a, b) for a, b in zip(self.slope(y, slow), before, strict=True)]
        for i in range(n):
            self.frame.put(slope[i], "slope", i)
        self.restart(y, slope)

    def restart(self, y: list[Value], slope: list[Value]) -> None:
        """Where the step is negative: the shorter of the step before and 1 % of size over speed, both in tolerances.

        A size below one tolerance counts as one, so that a patient who starts from nothing still moves.
        """
        v = self.v
        scale = [self.scale(a, a) for a in y]
        size, speed = (v.sqrt(self.sum_of_squares(x, scale)) for x in (y, slope))
        size = v.maximum(size, v.constant(1.0))
        estimate = v.div(v.mul(v.constant(0.01), size), v.maximum(speed, v.constant(1e-300)))
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

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        v, frame, n = self.v, self.frame, self.system.n_states
        time, stop, h_full = (frame.vector(name) for name in ("time", "stop", "step"))
        left = v.sub(stop, time)
        last = v.compare(">=", h_full, left)
        h = v.select(last, left, h_full)
        y, slopes = self.frame.vectors("y", n), [self.frame.vectors("slope", n)]
        slow = self.slow()
        y_new = y
        for weights in STAGES[1:]:
            y_new = [v.fma(h, v.weighted_sum(weights, [k[i] for k in slopes]), y[i]) for i in range(n)]
            slopes.append(self.slope(y_new, slow))
        estimate = [v.mul(h, v.weighted_sum(ERROR, [k[i] for k in slopes])) for i in range(n)]
        scale = [self.scale(a, b) for a, b in zip(y, y_new, strict=True)]
        square = self.sum_of_squares(estimate, scale)
        accepted = v.compare("<=", square, v.constant(1.0))
        for i in range(n):
            frame.put(v.select(accepted, slopes[-1][i], slopes[0][i]), "slope", i)
        self.choose_step(square, accepted, last, h, h_full)
        infinite = v.b.not_(v.compare("<", square, v.constant(math.inf)))
        lost = v.b.and_(infinite, v.b.not_(v.compare(">", h, v.constant(SMALLEST_STEP))))
        y = [v.select(accepted, a, b) for a, b in zip(y_new, y, strict=True)]
        return self.conclude(Trial(y, h, accepted, last, lost))

    def choose_step(self, square: Value, accepted: Value, last: Value, h: Value, h_full: Value) -> None:
        """The next step, and the error it will be compared with."""
        v, b = self.v, self.v.b
        before = self.frame.vector("log_error")
        error = v.mul(v.constant(0.5), v.log(v.maximum(square, v.constant(SMALLEST_ERROR**2))))
        exponent = v.fma(error, v.constant(-GAIN), v.mul(before, v.constant(MEMORY)))
        factor = v.mul(v.constant(SAFETY), v.exp(exponent))
        ceiling = v.select(accepted, v.constant(LARGEST_FACTOR), v.constant(1.0))
        factor = v.maximum(v.minimum(factor, ceiling), v.constant(SMALLEST_FACTOR))
        factor = v.select(v.compare("<", square, v.constant(math.inf)), factor, v.constant(SMALLEST_FACTOR))
        cut = b.and_(accepted, last)
        h_next = v.mul(h, factor)
        self.frame.put(v.select(cut, v.maximum(h_full, h_next), h_next), "step")
        keep = b.or_(cut, b.not_(accepted))
        self.frame.put(v.select(keep, before, error), "log_error")
