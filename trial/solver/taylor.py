"""Vector code of one Taylor step: every lane expands its own solution and goes as far as its own series is good for.

The step is the largest h with |c_k| h^k <= atol + rtol |y| for every state and the last two orders k (Jorba and Zou
2005, Experimental Mathematics 14, 99-117) times SAFETY, cut at the lane's stop. No step is rejected and none depends on
the one before, so that a solve may be cut at any event and goes on bit for bit as if it had not been. Outputs are read
off the series on the way.

Two things let a step go further. States that only constant linear equations move (drug at the site of absorption) have
a longer series, which costs next to nothing. And where the last terms are those of a fast decay too small to matter,
the plain series would only make it grow (from h rate = 5 on): its last two terms are damped, as the last stages of a
stabilised Runge-Kutta method are, and the step may be twice as long (docs/solver.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import itemgetter

from trial.solver.emit import Value, Vector
from trial.solver.exact import linear_block
from trial.solver.graph import Level, needed
from trial.solver.lanes import Kind
from trial.solver.series import Expansion
from trial.solver.stepper import SMALLEST_STEP, Stepper, Trial

ORDER, SAFETY = 10, 0.88
"""Measured on tmdd_lifespan and M2 at rtol 1e-6: orders 10 to 14 cost the same within 20 %."""
LINEAR_ORDER, LINEAR_CAUTION = 14, 100.0
"""Order of states that only linear equations move, and the share of the tolerance that their last term may take."""
DAMPED_ORDER, STABLE = 8, 9.7
"""Order that is left when the later terms are damped; decays are then damped up to h rate = STABLE."""
DAMPING = (0.768150118549394, 0.281454189933086)
"""Factors of the later terms: 1 + z + z^2 / 2! + ... stays within 0.8 for -9.9 < z < -0.3 (by linear programming)."""
CAUTION = 50.0
"""Times the first damped term: the error is then as small as that of a plain step."""
SMALLEST_TERM = 1e-300
Row = tuple[list[Value], Value]
"""Coefficients of a state, and one over its tolerance."""


class Taylor(Stepper):
    """Emits Taylor steps."""

    kind = Kind(outputs_are_stops=False)
    series: list[list[Value]]

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        v, b = self.v, self.v.b
        left = v.sub(self.frame.vector("stop"), self.frame.vector("time"))
        linear = linear_block(self.system.derivatives)
        self.series = self.expanded(linear)
        reach = self.reach(linear)
        last = v.compare(">=", reach, left)
        h = v.select(last, left, reach)
        there = [self.horner(coefficients, h) for coefficients in self.series]
        tiny = b.not_(v.compare(">", reach, v.constant(SMALLEST_STEP)))
        lost = b.or_(b.not_(self.finite(there)), b.and_(tiny, b.not_(last)))
        return self.conclude(Trial(there, h, b.not_(lost), last, lost))

    def expanded(self, linear: Iterable[int]) -> list[list[Value]]:
        """The series of all states."""
        y, derivatives = self.frame.vectors("y", self.system.n_states), self.system.derivatives
        nodes = needed(derivatives)
        fixed = {n: self.v.constant(n.value) for n in nodes if n.level == Level.CONSTANT} | self.slow()
        expansion = Expansion(self.v, nodes, fixed, y, derivatives)
        expansion.extend(range(len(y)), ORDER)
        expansion.extend(linear, LINEAR_ORDER)
        return expansion.coefficients()

    def reach(self, linear: frozenset[int]) -> Value:
        """How far the series may go; damps them where that is further."""
        v = self.v
        rows = [(c, v.div(v.constant(1.0), self.scale(c[0], c[0]))) for c in self.series]
        others = [row for i, row in enumerate(rows) if i not in linear]
        top, below = (largest(v, others, itemgetter(k)) for k in (ORDER, ORDER - 1))
        log_top, log_below = v.rough_log2(top), v.rough_log2(below)
        reach = v.minimum(log_reach(v, log_top, ORDER), log_reach(v, log_below, ORDER - 1))
        error, quiet = self.damped_error(others, top, below)
        slowest = v.add(v.sub(log_below, log_top), v.constant(math.log2(STABLE / SAFETY / ORDER)))
        damped_reach = v.minimum(log_reach(v, v.rough_log2(error), DAMPED_ORDER + 1), slowest)
        damped = v.b.and_(quiet, v.compare(">", damped_reach, reach))
        self.damp(damped, [c for c, _ in others])
        reach = v.select(damped, damped_reach, reach)
        if linear:
            end = largest(v, [rows[i] for i in sorted(linear)], itemgetter(LINEAR_ORDER))
            end = v.rough_log2(v.mul(end, v.constant(LINEAR_CAUTION)))
            reach = v.minimum(log_reach(v, end, LINEAR_ORDER), reach)
        return v.mul(v.constant(SAFETY), v.rough_exp2(reach))

    def damped_error(self, rows: list[Row], top: Value, below: Value) -> tuple[Value, Value]:
        """The error of damped terms, in tolerances over h^(DAMPED_ORDER + 1), and the lanes that may be damped.

        The terms of a decay a e^(-rate h) are a (-rate h)^k / k!: the last two tell rate and a, which may be a
        tolerance at most. Its share of the first damped term is no error, and is taken off where that makes it smaller.
        """
        v, k = self.v, DAMPED_ORDER + 1
        rate = v.div(v.mul(v.constant(ORDER), top), below)
        square = v.mul(rate, rate)
        fourth = v.mul(square, square)
        size = v.mul(top, v.constant(math.factorial(ORDER)))
        quiet = v.compare("<", size, v.mul(v.mul(fourth, fourth), square))
        share = v.mul(rate, v.constant(1.0 / k))

        def slow_part(c: list[Value]) -> Value:
            return v.minimum(v.abs(c[k]), v.abs(v.fma(share, c[k - 1], c[k])))

        return v.mul(largest(v, rows, slow_part), v.constant(CAUTION * (1.0 - DAMPING[0]))), quiet

    def damp(self, damped: Value, series: list[list[Value]]) -> None:
        """The later terms of these lanes times DAMPING."""
        v = self.v
        for k, factor in enumerate(DAMPING, DAMPED_ORDER + 1):
            weight = v.select(damped, v.constant(factor), v.constant(1.0))
            for coefficients in series:
                coefficients[k] = v.mul(coefficients[k], weight)

    def state_at(self, i: int, x: Value, trial: Trial) -> Value:
        """State i at x after the step's beginning, from its series."""
        return self.horner(self.series[i], x)

    def horner(self, coefficients: list[Value], h: Value) -> Value:
        """The series at h."""
        total = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.v.fma(total, h, coefficient)
        return total


def largest(v: Vector, rows: list[Row], term: Callable[[list[Value]], Value]) -> Value:
    """The largest size of a term over the states, in tolerances."""
    found = v.constant(SMALLEST_TERM)
    for coefficients, weight in rows:
        found = v.maximum(v.mul(v.abs(term(coefficients)), weight), found)
    return found


def log_reach(v: Vector, log_term: Value, k: int) -> Value:
    """log2 of the h at which m h^k is one, from log2 m."""
    return v.mul(log_term, v.constant(-1.0 / k))
