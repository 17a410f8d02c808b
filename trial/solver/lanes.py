"""Scalar code of one lane that has arrived: judge it, write outputs, apply events, or take the next patient.

A lane has arrived when its time equals its stop (next output or next event); a lane that was sent here before its stop
has failed. At equal times outputs are written first, then events act, in the order of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from llvmlite import ir

from trial.solver.emit import BIT, DOUBLE, INT8, INT64, POINTER, Value
from trial.solver.events import Status
from trial.solver.frame import ARGUMENTS, Frame, System, const, element, number, repeat, status_code, while_

NEGATIVE_RTOL, NEGATIVE_ATOL = 10.0, 1000.0
"""A state is negative below -(10 rtol peak + 1000 atol), peak being its largest size so far in this call."""

INFINITY = number(math.inf)


class Lane:
    """Emits the code for one lane; ``arg`` holds the kernel's arguments."""

    def __init__(self, b: ir.IRBuilder, system: System, frame: Frame, lane: Value, arg: dict[str, Value]) -> None:
        self.b, self.system, self.frame, self.lane, self.arg = b, system, frame, lane, arg
        self.status = b.alloca(INT8)

    def get(self, name: str, index: int | Value = 0) -> Value:
        """The lane's number in a slot."""
        return self.frame.lane(self.lane, name, index)

    def put(self, value: Value, name: str, index: int | Value = 0) -> None:
        """Set the lane's number in a slot."""
        self.frame.put_lane(value, self.lane, name, index)

    def count(self, name: str) -> Value:
        """The lane's integer."""
        return self.frame.integer(name, self.lane)

    def put_count(self, value: Value, name: str) -> None:
        """Set the lane's integer."""
        self.frame.put_integer(value, name, self.lane)

    def read(self, array: str, index: Value) -> Value:
        """A double of an argument array."""
        return self.b.load(element(self.b, self.arg[array], index, DOUBLE), typ=DOUBLE)

    def row(self, width: Value, row: Value) -> Value:
        """Index of ``row`` of the lane's patient in an array of ``width`` rows per patient."""
        return self.b.add(self.b.mul(self.count("patient"), width), row)

    def visit(self) -> None:
        """The whole function."""
        b = self.b
        blocks = {name: b.append_basic_block(name) for name in ("arrived", "close", "take", "begin", "idle", "depart")}
        b.cbranch(b.icmp_signed("<", self.count("patient"), const(0)), blocks["take"], blocks["arrived"])
        b.position_at_end(blocks["arrived"])
        b.store(self.judge(), self.status)
        self.write_outputs()
        finished = b.fcmp_ordered("==", self.get("next_output_time"), INFINITY)
        spent = b.and_(self.well(), b.and_(self.exhausted(), b.not_(finished)))
        b.store(b.select(spent, status_code(Status.STEP_LIMIT), b.load(self.status, typ=INT8)), self.status)
        b.cbranch(b.or_(b.not_(self.well()), finished), blocks["close"], blocks["depart"])
        b.position_at_end(blocks["close"])
        self.close()
        b.branch(blocks["take"])
        b.position_at_end(blocks["take"])
        waiting = self.frame.integer("waiting")
        b.cbranch(b.icmp_signed("<", waiting, self.arg["n"]), blocks["begin"], blocks["idle"])
        b.position_at_end(blocks["begin"])
        self.begin(waiting)
        b.branch(blocks["arrived"])
        b.position_at_end(blocks["idle"])
        self.retire()
        b.ret_void()
        b.position_at_end(blocks["depart"])
        self.apply_events()
        b.ret_void()

    def well(self) -> Value:
        """Whether nothing has gone wrong."""
        return self.b.icmp_signed("==", self.b.load(self.status, typ=INT8), status_code(Status.OK))

    def exhausted(self) -> Value:
        """Whether no attempt is left."""
        return self.b.fcmp_ordered(">=", self.get("attempts"), self.b.sitofp(self.arg["max_steps"], DOUBLE))

    def judge(self) -> Value:
        """The lane's status on arrival."""
        b = self.b
        finite, negative = ir.Constant(BIT, 1), ir.Constant(BIT, 0)
        for i in range(self.system.n_states):
            y = self.get("y", i)
            size = b.select(b.fcmp_ordered("<", y, number(0.0)), b.fneg(y), y)
            peak = self.get("peak", i)
            peak = b.select(b.fcmp_ordered(">", size, peak), size, peak)
            self.put(peak, "peak", i)
            allowed = b.fadd(
                b.fmul(b.fmul(number(NEGATIVE_RTOL), self.arg["rtol"]), peak),
                b.fmul(number(NEGATIVE_ATOL), self.arg["atol"]),
            )
            finite = b.and_(finite, b.fcmp_ordered("<", size, INFINITY))
            negative = b.or_(negative, b.fcmp_ordered("<", y, b.fneg(allowed)))
        failed = b.select(self.exhausted(), status_code(Status.STEP_LIMIT), status_code(Status.NON_FINITE))
        arrived = b.select(negative, status_code(Status.NEGATIVE), status_code(Status.OK))
        arrived = b.select(finite, arrived, status_code(Status.NON_FINITE))
        return b.select(b.fcmp_ordered("==", self.get("time"), self.get("stop")), arrived, failed)

    def write_outputs(self) -> None:
        """Write the state to every output at or before the lane's time."""
        b = self.b

        def due() -> Value:
            return b.and_(self.well(), b.fcmp_ordered("<=", self.get("next_output_time"), self.get("time")))

        with while_(b, due):
            output = self.count("output")
            self.write_row(output, lambda i: self.get("y", i))
            self.put_count(b.add(output, const(1)), "output")
            self.look_ahead_output()

    def write_row(self, output: Value, value: Callable[[int], Value]) -> None:
        """One row of the patient's outputs."""
        base = self.b.mul(self.row(self.arg["n_outputs"], output), const(self.system.n_states))
        for i in range(self.system.n_states):
            address = element(self.b, self.arg["out"], self.b.add(base, const(i)), DOUBLE)
            self.b.store(value(i), address)

    def look_ahead_output(self) -> None:
        """Set the time of the next output, infinity after the last."""
        b = self.b
        following = b.add(self.count("output"), const(1))
        exists = b.icmp_signed("<=", following, self.arg["n_outputs"])
        index = self.row(b.add(self.arg["n_outputs"], const(1)), b.select(exists, following, const(0)))
        self.put(b.select(exists, self.read("times", index), INFINITY), "next_output_time")

    def look_ahead_event(self) -> None:
        """Set the time of the next event, infinity after the last."""
        b = self.b
        event = self.count("event")
        exists = b.icmp_signed("<", event, self.arg["n_events"])
        index = self.row(self.arg["n_events"], b.select(exists, event, const(0)))
        self.put(b.select(exists, self.read("event_time", index), INFINITY), "next_event_time")

    def apply_events(self) -> None:
        """Apply every event at or before the lane's time and set the next stop."""
        b = self.b
        with while_(b, lambda: b.fcmp_ordered("<=", self.get("next_event_time"), self.get("time"))):
            event = self.count("event")
            self.apply_event(self.row(self.arg["n_events"], event))
            self.put_count(b.add(event, const(1)), "event")
            self.look_ahead_event()
        output, event_time = self.get("next_output_time"), self.get("next_event_time")
        self.put(b.select(b.fcmp_ordered("<", event_time, output), event_time, output), "stop")

    def apply_event(self, index: Value) -> None:
        """Add the amount, set the inputs; after a dose the step starts anew (a negative step says so)."""
        b = self.b
        amount = self.read("event_amount", index)
        self.put(b.fadd(self.get("y", self.system.dose_state), amount), "y", self.system.dose_state)
        with b.if_then(b.fcmp_unordered("!=", amount, number(0.0))):
            step = self.get("step")
            self.put(b.select(b.fcmp_ordered(">", step, number(0.0)), b.fneg(step), step), "step")
        for i in range(self.system.n_inputs):
            address = b.add(b.mul(index, const(self.system.n_inputs)), const(i))
            self.put(self.read("event_inputs", address), "u", i)

    def begin(self, patient: Value) -> None:
        """Take a patient: state, parameters, start time; no step yet."""
        b, system = self.b, self.system
        self.frame.put_integer(b.add(patient, const(1)), "waiting")
        self.put_count(patient, "patient")
        for i in range(system.n_states):
            self.put(self.read("state", b.add(b.mul(patient, const(system.n_states)), const(i))), "y", i)
            self.put(number(0.0), "peak", i)
        with repeat(b, const(0), const(system.n_parameters)) as i:
            self.put(self.read("parameters", b.add(b.mul(patient, const(system.n_parameters)), i)), "p", i)
        start = self.read("times", self.row(b.add(self.arg["n_outputs"], const(1)), const(0)))
        for name, value in (("time", start), ("stop", start), ("step", number(-math.inf)), ("attempts", number(0.0))):
            self.put(value, name)
        for name in ("event", "output"):
            self.put_count(const(0), name)
        self.look_ahead_output()
        self.look_ahead_event()

    def close(self) -> None:
        """Outputs never reached are not numbers; status and steps are handed out."""
        b = self.b
        with repeat(b, self.count("output"), self.arg["n_outputs"]) as output:
            self.write_row(output, lambda i: number(math.nan))
        patient = self.count("patient")
        b.store(b.load(self.status, typ=INT8), element(b, self.arg["status"], patient, INT8))
        b.store(b.fptosi(self.get("attempts"), INT64), element(b, self.arg["steps"], patient, INT64))

    def retire(self) -> None:
        """No patient is left for this lane: it stands still, on a step of length 0, and is never visited again."""
        b = self.b
        self.put(number(0.0), "step")
        self.put_count(const(-1), "patient")
        bit = b.shl(const(1), self.lane)
        self.frame.put_integer(b.and_(self.frame.integer("active"), b.not_(bit)), "active")


def visit_function(module: ir.Module, system: System, lanes: int) -> ir.Function:
    """``visit(lane, doubles, integers, *ARGUMENTS)``"""
    kinds = [INT64, POINTER, POINTER, *(kind for _, kind in ARGUMENTS)]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "visit")
    function.linkage = "internal"
    lane, doubles, integers, *arguments = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    frame = Frame(b, system, lanes, doubles, integers)
    arg = dict(zip((name for name, _ in ARGUMENTS), arguments, strict=True))
    Lane(b, system, frame, lane, arg).visit()
    return function
