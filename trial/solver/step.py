"""Vector code of one step of the explicit pair: every lane tries its own step at its own time, cut at its stop."""

from __future__ import annotations

from trial.solver.embedded import Embedded
from trial.solver.emit import Value
from trial.solver.frame import System
from trial.solver.stepper import Trial
from trial.solver.tableau import ERROR, ORDER, STAGES


class Pair(Embedded):
    """Emits steps of the embedded pair."""

    order, first, safety, memory, most = ORDER, 0.01, 0.8, 0.04, 5.0

    @staticmethod
    def slots(system: System) -> dict[str, int]:
        """The slope at the lane's time."""
        return {"slope": system.n_states}

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
        lost = self.choose_step(square, accepted, last, h, h_full)
        y = [v.select(accepted, a, b) for a, b in zip(y_new, y, strict=True)]
        return self.conclude(Trial(y, h, accepted, last, lost))
