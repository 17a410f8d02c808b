"""Scalar code of one lane: record an output; or, arrived, take what happens there or the next patient.

A lane has arrived when its time equals its stop (an event, the end of its outputs, or for some methods any output).
The step has read the outputs up to there before events act, in the order of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from llvmlite import ir

from trial.solver.emit import DOUBLE, INT8, INT64, POINTER, Value
from trial.solver.events import Status
from trial.solver.frame import ARGUMENTS, Frame, System, const, element, number, repeat, status_code, while_

INFINITY = number(math.inf)


@dataclass(frozen=True)
class Kind:
    """What a method asks of the lanes: to stop at outputs, to forget that many maps when a patient begins."""

    outputs_are_stops: bool
    maps: int = 0


class Lane:
    """Emits the code for one lane; ``arg`` holds the kernel's arguments."""

    def __init__(
        self, b: ir.IRBuilder, system: System, frame: Frame, lane: Value, arg: dict[str, Value], kind: Kind
    ) -> None:
        self.b, self.system, self.frame, self.lane, self.arg, self.kind = b, system, frame, lane, arg, kind
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
        names = ("arrived", "close", "take", "begin", "idle", "depart")
        blocks = {name: b.append_basic_block(name) for name in names}
        b.cbranch(b.icmp_signed("<", self.count("patient"), const(0)), blocks["take"], blocks["arrived"])
        b.position_at_end(blocks["arrived"])
        finished = b.fcmp_ordered("==", self.get("next_output_time"), INFINITY)
        b.store(self.judge(finished), self.status)
        b.cbranch(b.or_(b.not_(self.well()), finished), blocks["close"], blocks["depart"])
        b.position_at_end(blocks["close"])
        self.close()
        b.branch(blocks["take"])
        b.position_at_end(blocks["take"])
        waiting = self.frame.integer("waiting")
        b.cbranch(b.icmp_signed("<", waiting, self.arg["n"]), blocks["begin"], blocks["idle"])
        b.position_at_end(blocks["begin"])
        self.begin(waiting)
        b.ret_void()
        b.position_at_end(blocks["idle"])
        self.retire()
        b.ret_void()
        b.position_at_end(blocks["depart"])
        self.apply_events()
        b.ret_void()

    def well(self) -> Value:
        """Whether nothing has gone wrong."""
        return self.b.icmp_signed("==", self.b.load(self.status, typ=INT8), status_code(Status.OK))

    def judge(self, finished: Value) -> Value:
        """The lane's status: what the step said, or that no step is left for the way that is left."""
        b = self.b
        code = b.fptosi(self.get("code"), INT8)
        limit = b.sitofp(self.arg["max_steps"], DOUBLE)
        well = b.icmp_signed("==", code, status_code(Status.OK))
        exhausted = b.and_(b.fcmp_ordered(">=", self.get("attempts"), limit), b.and_(well, b.not_(finished)))
        return b.select(exhausted, status_code(Status.STEP_LIMIT), code)

    def record(self) -> None:
        """The row computed for this lane becomes its next output."""
        output = self.count("output")
        self.write_row(output, lambda i: self.get("row", i))
        self.put_count(self.b.add(output, const(1)), "output")
        self.look_ahead_output()
        self.b.ret_void()

    def write_row(self, output: Value, value: Callable[[int], Value]) -> None:
        """One row of the patient's outputs."""
        base = self.b.mul(self.row(self.arg["n_outputs"], output), const(self.system.width))
        for i in range(self.system.width):
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
        end = self.get("next_output_time" if self.kind.outputs_are_stops else "end")
        event_time = self.get("next_event_time")
        self.put(b.select(b.fcmp_ordered("<", event_time, end), event_time, end), "stop")

    def apply_event(self, index: Value) -> None:
        """Add the amount, set the inputs, forget the step (-inf says so)."""
        amount = self.read("event_amount", index)
        self.put(self.b.fadd(self.get("y", self.system.dose_state), amount), "y", self.system.dose_state)
        self.put(number(-math.inf), "step")
        self.set_inputs(index)

    def set_inputs(self, index: Value) -> None:
        """The inputs of an event."""
        b = self.b
        for i in range(self.system.n_inputs):
            address = b.add(b.mul(index, const(self.system.n_inputs)), const(i))
            self.put(self.read("event_inputs", address), "u", i)

    def begin(self, patient: Value) -> None:
        """Take a patient: state, parameters, first inputs; a step of no length follows and reads the outputs there."""
        b, system = self.b, self.system
        self.frame.put_integer(b.add(patient, const(1)), "waiting")
        self.put_count(patient, "patient")
        for i in range(system.n_states):
            self.put(self.read("state", b.add(b.mul(patient, const(system.n_states)), const(i))), "y", i)
            self.put(number(0.0), "peak", i)
        with repeat(b, const(0), const(system.n_parameters)) as i:
            self.put(self.read("parameters", b.add(b.mul(patient, const(system.n_parameters)), i)), "p", i)
        start, end = (
            self.read("times", self.row(b.add(self.arg["n_outputs"], const(1)), i))
            for i in (const(0), self.arg["n_outputs"])
        )
        zero = number(0.0)
        begin = {"time": start, "stop": start, "end": end, "step": number(-math.inf), "attempts": zero, "code": zero}
        for name, value in begin.items():
            self.put(value, name)
        for name in ("event", "output"):
            self.put_count(const(0), name)
        self.set_inputs(self.row(self.arg["n_events"], const(0)))
        if self.kind.maps:
            with repeat(b, const(0), const(self.kind.maps)) as i:
                self.put(number(-1.0), "interval", i)
        self.look_ahead_output()
        self.look_ahead_event()

    def close(self) -> None:
        """Outputs never reached are not numbers; the state where the patient is, status and steps are handed out."""
        b = self.b
        with repeat(b, self.count("output"), self.arg["n_outputs"]) as output:
            self.write_row(output, lambda i: number(math.nan))
        patient = self.count("patient")
        first = b.mul(patient, const(self.system.n_states))
        for i in range(self.system.n_states):
            b.store(self.get("y", i), element(b, self.arg["state"], b.add(first, const(i)), DOUBLE))
        b.store(b.load(self.status, typ=INT8), element(b, self.arg["status"], patient, INT8))
        b.store(b.fptosi(self.get("attempts"), INT64), element(b, self.arg["steps"], patient, INT64))

    def retire(self) -> None:
        """No patient is left for this lane: it stands still, on a step of length 0, and is never visited again."""
        b = self.b
        self.put(number(0.0), "step")
        for name, value in (("stop", self.get("time")), ("next_output_time", INFINITY)):
            self.put(value, name)
        self.put_count(const(-1), "patient")
        bit = b.shl(const(1), self.lane)
        self.frame.put_integer(b.and_(self.frame.integer("active"), b.not_(bit)), "active")


def lane_functions(
    module: ir.Module, system: System, slots: dict[str, int], lanes: int, kind: Kind
) -> list[ir.Function]:
    """``visit`` and ``record``, both of (lane, doubles, integers, *ARGUMENTS)."""
    functions = []
    for name in ("visit", "record"):
        kinds = [INT64, POINTER, POINTER, *(kind for _, kind in ARGUMENTS)]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "internal"
        number_, doubles, integers, *arguments = function.args
        b = ir.IRBuilder(function.append_basic_block("entry"))
        arg = dict(zip((name for name, _ in ARGUMENTS), arguments, strict=True))
        lane = Lane(b, system, Frame(b, slots, lanes, doubles, integers), number_, arg, kind)
        getattr(lane, name)()
        functions.append(function)
    return functions
