"""Vector code of one Taylor step: every lane expands its own solution and goes as far as its own series is good for.

The step is the largest h with |c_k| h^k <= atol + rtol |y| for every state and the last two orders k (Jorba and Zou
2005, Experimental Mathematics 14, 99-117) times SAFETY, cut at the lane's stop. No step is rejected and none depends on
the one before, so that a solve may be cut at any event and goes on bit for bit as if it had not been. Outputs are read
off the series on the way.
"""

from __future__ import annotations

from trial.solver.emit import Value
from trial.solver.graph import Level, needed
from trial.solver.lanes import Kind
from trial.solver.series import Expansion
from trial.solver.stepper import SMALLEST_STEP, Stepper, Trial

ORDER, SAFETY = 10, 0.9
"""Measured on tmdd_lifespan and M2 at rtol 1e-6: orders 10 to 14 cost the same within 20 %; errors near 3e-7."""
SMALLEST_TERM = 1e-300


class Taylor(Stepper):
    """Emits Taylor steps."""

    kind = Kind(outputs_are_stops=False)
    series: list[list[Value]]

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        v, b = self.v, self.v.b
        left = v.sub(self.frame.vector("stop"), self.frame.vector("time"))
        y = self.frame.vectors("y", self.system.n_states)
        nodes = needed(self.system.derivatives)
        fixed = {n: v.constant(n.value) for n in nodes if n.level == Level.CONSTANT} | self.slow()
        self.series = Expansion(v, nodes, fixed, y, self.system.derivatives).to_order(ORDER)
        reach = self.reach(y)
        last = v.compare(">=", reach, left)
        h = v.select(last, left, reach)
        there = [self.horner(coefficients, h) for coefficients in self.series]
        tiny = b.not_(v.compare(">", reach, v.constant(SMALLEST_STEP)))
        lost = b.or_(b.not_(self.finite(there)), b.and_(tiny, b.not_(last)))
        return self.conclude(Trial(there, h, b.not_(lost), last, lost))

    def state_at(self, i: int, x: Value, trial: Trial) -> Value:
        """State i at x after the step's beginning, from its series."""
        return self.horner(self.series[i], x)

    def reach(self, y: list[Value]) -> Value:
        """How far the series may go."""
        v = self.v
        weights = [v.div(v.constant(1.0), self.scale(a, a)) for a in y]
        logs = []
        for order in (ORDER, ORDER - 1):
            largest = v.constant(SMALLEST_TERM)
            for coefficients, weight in zip(self.series, weights, strict=True):
                largest = v.maximum(v.mul(v.abs(coefficients[order]), weight), largest)
            logs.append(v.mul(v.rough_log2(largest), v.constant(-1.0 / order)))
        return v.mul(v.constant(SAFETY), v.rough_exp2(v.minimum(*logs)))

    def horner(self, coefficients: list[Value], h: Value) -> Value:
        """The series at h."""
        total = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.v.fma(total, h, coefficient)
        return total
