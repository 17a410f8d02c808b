"""Vector code of one Taylor step: every lane expands its own solution and goes as far as its own series is good for.

The step is the largest h with |c_k| h^k <= atol + rtol |y| for every state and the last two orders k (Jorba and Zou
2005, Experimental Mathematics 14, 99-117), cut at the lane's stop. No step is rejected and none depends on the one
before, so that a solve may be cut at any event and goes on bit for bit as if it had not been.
"""

from __future__ import annotations

from trial.solver.emit import Value
from trial.solver.frame import load_system
from trial.solver.graph import Level, Node
from trial.solver.series import Expansion
from trial.solver.step import Step

ORDER = 12
SMALLEST_TERM = 1e-300


class TaylorStep(Step):
    """Emits Taylor steps."""

    def refresh(self, changed: Value) -> None:
        """After visits: the slow terms of all lanes."""
        self.refresh_slow()

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        v, b, frame, n = self.v, self.v.b, self.frame, self.system.n_states
        time, stop = frame.vector("time"), frame.vector("stop")
        left = v.sub(stop, time)
        y = self.vectors("y", n)
        series = Expansion(v, self.nodes, self.fixed(), y, self.system.derivatives).to_order(ORDER)
        h_full = self.reach(y, series)
        last = v.compare(">=", h_full, left)
        h = v.select(last, left, h_full)
        y_new = [self.horner(coefficients, h) for coefficients in series]
        zero = v.constant(0.0)
        for value in y_new:
            zero = v.fma(value, v.constant(0.0), zero)
        finite = v.compare("==", zero, v.constant(0.0))
        for i in range(n):
            frame.put(v.select(finite, y_new[i], y[i]), "y", i)
        frame.put(v.select(finite, v.select(last, stop, v.add(time, h)), time), "time")
        attempts = v.add(frame.vector("attempts"), v.constant(1.0))
        frame.put(attempts, "attempts")
        over = b.or_(v.compare(">=", attempts, self.limit), b.not_(finite))
        return b.or_(b.and_(finite, last), over)

    def fixed(self) -> dict[Node, Value]:
        """The values of all terms that no state enters."""
        constants = {n: self.v.constant(n.value) for n in self.nodes if n.level == Level.CONSTANT}
        return constants | load_system(self.v, self.frame, self.system)

    def reach(self, y: list[Value], series: list[list[Value]]) -> Value:
        """How far the series may go."""
        v = self.v
        scale = [self.scale(a, a) for a in y]
        logs = []
        for order in (ORDER, ORDER - 1):
            largest = v.constant(SMALLEST_TERM)
            for coefficients, s in zip(series, scale, strict=True):
                largest = v.maximum(v.div(v.abs(coefficients[order]), s), largest)
            logs.append(v.mul(v.log(largest), v.constant(-1.0 / order)))
        return v.exp(v.minimum(*logs))

    def horner(self, coefficients: list[Value], h: Value) -> Value:
        """The series at h."""
        total = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.v.fma(total, h, coefficient)
        return total
