"""What the steps of all methods share: terms kept between events, judging what a step reached, reading outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from llvmlite import ir

from trial.solver.emit import DOUBLE, INT64, Value, Vector, evaluate
from trial.solver.events import Status
from trial.solver.frame import Frame, System, const, each_bit, while_
from trial.solver.graph import Level, Node, needed
from trial.solver.lanes import Kind

NEGATIVE_RTOL, NEGATIVE_ATOL = 10.0, 1000.0
"""A state is negative below -(10 rtol peak + 1000 atol), peak being its largest size so far in this call."""
SMALLEST_STEP = 1e-10
"""Hours; a lane whose step is not a number, or too long, even at this length has failed."""


@dataclass(frozen=True)
class Trial:
    """A step of every lane: the state it leads to, its length, and bits per lane.

    accepted: it counts; last: it ends at the stop; lost: there is no way on.
    """

    y: list[Value]
    h: Value
    accepted: Value
    last: Value
    lost: Value


class Stepper:
    """Emits steps; ``arg`` holds the kernel's arguments, ``record`` emits the call that stores one lane's row."""

    kind: ClassVar[Kind]

    @staticmethod
    def prepared(system: System) -> System:
        """The system with what the method reads beside the derivatives."""
        return system

    @staticmethod
    def slots(system: System) -> dict[str, int]:
        """The method's own groups of doubles per lane."""
        return {}

    def __init__(self, v: Vector, frame: Frame, system: System, arg: dict[str, Value], record: ir.Function) -> None:
        self.v, self.frame, self.system, self.arg, self.record_function = v, frame, system, arg, record
        self.rtol, self.atol = v.broadcast(arg["rtol"]), v.broadcast(arg["atol"])
        self.limit = v.broadcast(v.b.sitofp(arg["max_steps"], DOUBLE))
        self.due = v.b.alloca(INT64)

    def attempt(self) -> Value:
        """One step of all lanes; a bit per lane that must be visited (arrived, failed or out of steps)."""
        raise NotImplementedError

    def refresh(self, changed: Value) -> None:
        """After visits: terms of parameters and inputs of all lanes."""
        nodes = [n for n in needed(self.system.roots) if n.level < Level.STATE]
        leaves = {"parameter": "p", "input": "u"}
        values = {n: self.frame.vector(leaves[n.op], int(n.value)) for n in nodes if n.op in leaves}
        values = evaluate(self.v, nodes, values, set())
        for i, node in enumerate(self.system.slow):
            self.frame.put(values[node], "slow", i)

    def slow(self) -> dict[Node, Value]:
        """The slow terms of all lanes."""
        return {node: self.frame.vector("slow", i) for i, node in enumerate(self.system.slow)}

    def scale(self, a: Value, b: Value) -> Value:
        """The tolerated error: atol + rtol max(|a|, |b|)."""
        return self.v.fma(self.rtol, self.v.maximum(self.v.abs(a), self.v.abs(b)), self.atol)

    def conclude(self, trial: Trial) -> Value:
        """Move on, judge, read the outputs on the way; a bit per lane that must be visited."""
        v, b, frame = self.v, self.v.b, self.frame
        time, stop = frame.vector("time"), frame.vector("stop")
        there = v.select(trial.accepted, v.select(trial.last, stop, v.add(time, trial.h)), time)
        counted = v.select(v.compare("<", time, stop), v.constant(1.0), v.constant(0.0))
        attempts = v.add(frame.vector("attempts"), counted)
        for name, value in (("from", time), ("time", there), ("attempts", attempts)):
            frame.put(value, name)
        for i, value in enumerate(trial.y):
            frame.put(value, "y", i)
        arrived = b.and_(trial.accepted, trial.last)
        exhausted = b.and_(v.compare(">=", attempts, self.limit), b.not_(arrived))
        code = v.select(exhausted, v.constant(Status.STEP_LIMIT), v.constant(Status.OK))
        code = v.select(self.negative(trial.y), v.constant(Status.NEGATIVE), code)
        code = v.select(b.or_(trial.lost, b.not_(self.finite(trial.y))), v.constant(Status.NON_FINITE), code)
        frame.put(code, "code")
        ill = v.compare(">", code, v.constant(0.0))
        self.read_outputs(b.not_(v.compare("==", code, v.constant(Status.NEGATIVE))), trial)
        return as_integer(v, b.or_(arrived, ill))

    def finite(self, values: list[Value]) -> Value:
        """Whether all values are finite numbers."""
        zero = self.v.constant(0.0)
        for value in values:
            zero = self.v.fma(value, self.v.constant(0.0), zero)
        return self.v.compare("==", zero, self.v.constant(0.0))

    def negative(self, y: list[Value]) -> Value:
        """Whether a state is below zero by more than the tolerance."""
        v, lowest = self.v, self.v.constant(0.0)
        relative = v.mul(self.rtol, v.constant(NEGATIVE_RTOL))
        absolute = v.mul(self.atol, v.constant(NEGATIVE_ATOL))
        for i, value in enumerate(y):
            peak = v.maximum(v.abs(value), self.frame.vector("peak", i))
            self.frame.put(peak, "peak", i)
            lowest = v.minimum(v.add(value, v.fma(peak, relative, absolute)), lowest)
        return v.compare("<", lowest, v.constant(0.0))

    def read_outputs(self, well: Value, trial: Trial) -> None:
        """Record every output up to the lane's time."""
        v, b, frame = self.v, self.v.b, self.frame
        well = b.and_(b.and_(well, trial.accepted), b.and_(b.not_(trial.lost), self.finite(trial.y)))

        def waiting() -> Value:
            due = b.and_(well, v.compare("<=", frame.vector("next_output_time"), frame.vector("time")))
            b.store(as_integer(v, due), self.due)
            return b.icmp_unsigned("!=", b.load(self.due, typ=INT64), const(0))

        with while_(b, waiting):
            x = v.sub(frame.vector("next_output_time"), frame.vector("from"))
            for i, value in enumerate(self.row(x, trial)):
                frame.put(value, "row", i)
            with each_bit(b, b.load(self.due, typ=INT64)) as lane:
                b.call(self.record_function, [lane, frame.doubles, frame.integers, *self.arg.values()])

    def row(self, x: Value, trial: Trial) -> list[Value]:
        """What is stored of the states at x after the step's beginning."""
        if not self.system.outputs:
            return [self.state_at(i, x, trial) for i in range(self.system.n_states)]
        nodes = needed(self.system.outputs)
        values = self.slow() | {n: self.state_at(int(n.value), x, trial) for n in nodes if n.op == "state"}
        leaves = {"parameter": "p", "input": "u"}
        values |= {
            n: self.frame.vector(leaves[n.op], int(n.value)) for n in nodes if n.op in leaves and n not in values
        }
        values = evaluate(self.v, nodes, values, set())
        return [values[o] for o in self.system.outputs]

    def state_at(self, i: int, x: Value, trial: Trial) -> Value:
        """State i at x after the step's beginning: for a method that stops at outputs, where it is now."""
        return trial.y[i]


def as_integer(v: Vector, mask: Value) -> Value:
    """A mask of lanes as the low bits of an integer."""
    return v.b.zext(v.b.bitcast(mask, ir.IntType(v.lanes)), INT64)
