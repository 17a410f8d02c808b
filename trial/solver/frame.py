"""The working memory of a kernel: what every lane carries, and how vector and scalar code reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from llvmlite import ir

from trial.solver.emit import BIT, DOUBLE, INT8, INT64, POINTER, Value
from trial.solver.graph import Node, needed, slow_terms

ARGUMENTS: tuple[tuple[str, ir.Type], ...] = (
    ("n", INT64), ("n_events", INT64), ("n_outputs", INT64), ("max_steps", INT64), ("rtol", DOUBLE), ("atol", DOUBLE),
    ("parameters", POINTER), ("state", POINTER), ("event_time", POINTER), ("event_amount", POINTER),
    ("event_inputs", POINTER), ("times", POINTER), ("out", POINTER), ("status", POINTER), ("steps", POINTER),
)  # fmt: skip
LANE_DOUBLES = (
    "time", "from", "stop", "end", "step", "attempts", "log_error", "next_output_time", "next_event_time", "code",
)  # fmt: skip
LANE_INTEGERS = ("patient", "event", "output")


@dataclass(frozen=True)
class System:
    """A traced structure: what the kernel needs to know about it.

    outputs: what is stored; empty to store the states. extra: other terms that the method reads inside a step.
    """

    derivatives: tuple[Node, ...]
    outputs: tuple[Node, ...]
    n_parameters: int
    n_inputs: int
    dose_state: int
    extra: tuple[Node, ...] = ()

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.derivatives)

    @property
    def width(self) -> int:
        """Numbers stored per patient and output time."""
        return len(self.outputs) or self.n_states

    @property
    def roots(self) -> tuple[Node, ...]:
        """Every term that is wanted."""
        return self.derivatives + self.outputs + self.extra

    @property
    def slow(self) -> list[Node]:
        """Terms kept between two events."""
        return slow_terms(needed(self.roots), self.roots)


class Frame:
    """Named slots of one double per lane, named slots of one integer per lane, and two integers for all lanes.

    The same memory is read as vectors (``vector``, ``put``) and lane by lane (``lane``, ``put_lane``).
    """

    def __init__(self, b: ir.IRBuilder, slots: dict[str, int], lanes: int, doubles: Value, integers: Value) -> None:
        self.b, self.slots, self.lanes, self.doubles, self.integers = b, slots, lanes, doubles, integers
        self.type = ir.VectorType(DOUBLE, lanes)

    def vector_address(self, name: str, index: int = 0) -> Value:
        """Address of a slot as a vector."""
        return self.b.gep(self.doubles, [const(self.slots[name] + index)], source_etype=self.type)

    def at(self, name: str, index: Value) -> Value:
        """Address of a slot as a vector, the index computed by the kernel."""
        return self.b.gep(self.doubles, [self.b.add(const(self.slots[name]), index)], source_etype=self.type)

    def vectors(self, name: str, count: int) -> list[Value]:
        """A group of slots."""
        return [self.vector(name, i) for i in range(count)]

    def vector(self, name: str, index: int = 0) -> Value:
        """The slot of all lanes."""
        return self.b.load(self.vector_address(name, index), typ=self.type)

    def put(self, value: Value, name: str, index: int = 0) -> None:
        """Set the slot of all lanes."""
        self.b.store(value, self.vector_address(name, index))

    def lane_address(self, lane: Value, name: str, index: int | Value = 0) -> Value:
        """Address of one lane's number in a slot."""
        slot = const(self.slots[name] + index) if isinstance(index, int) else self.b.add(const(self.slots[name]), index)
        return element(self.b, self.doubles, self.b.add(self.b.mul(slot, const(self.lanes)), lane), DOUBLE)

    def lane(self, lane: Value, name: str, index: int | Value = 0) -> Value:
        """One lane's number in a slot."""
        return self.b.load(self.lane_address(lane, name, index), typ=DOUBLE)

    def put_lane(self, value: Value, lane: Value, name: str, index: int | Value = 0) -> None:
        """Set one lane's number in a slot."""
        self.b.store(value, self.lane_address(lane, name, index))

    def integer_address(self, name: str, lane: Value | None = None) -> Value:
        """Address of a lane's integer, or of "waiting" (the next patient to start) and "active" (one bit per lane)."""
        if lane is None:
            offset = const(len(LANE_INTEGERS) * self.lanes + ("waiting", "active").index(name))
        else:
            offset = self.b.add(const(LANE_INTEGERS.index(name) * self.lanes), lane)
        return element(self.b, self.integers, offset, INT64)

    def integer(self, name: str, lane: Value | None = None) -> Value:
        """A lane's integer, or one for all lanes."""
        return self.b.load(self.integer_address(name, lane), typ=INT64)

    def put_integer(self, value: Value, name: str, lane: Value | None = None) -> None:
        """Set a lane's integer, or one for all lanes."""
        self.b.store(value, self.integer_address(name, lane))


def slot_numbers(system: System, own: Mapping[str, int]) -> dict[str, int]:
    """First slot of every named group of doubles, ``own`` being the method's; "end" is their number."""
    n = system.n_states
    sizes = {"y": n, "peak": n, "p": system.n_parameters, "u": system.n_inputs, "slow": len(system.slow)}
    sizes |= {"row": system.width, **own}
    numbers, end = {}, 0
    for name, size in (*sizes.items(), *((name, 1) for name in LANE_DOUBLES)):
        numbers[name] = end
        end += size
    return {**numbers, "all": end}


def const(value: int) -> Value:
    """A 64-bit integer."""
    return ir.Constant(INT64, value)


def number(value: float) -> Value:
    """A double."""
    return ir.Constant(DOUBLE, value)


def status_code(value: int) -> Value:
    """A status as stored."""
    return ir.Constant(INT8, value)


def element(b: ir.IRBuilder, base: Value, index: Value, typ: ir.Type) -> Value:
    """Address of an element of an array."""
    return b.gep(base, [index], source_etype=typ)


@contextmanager
def repeat(b: ir.IRBuilder, start: Value, end: Value) -> Iterator[Value]:
    """Code for index = start .. end - 1."""
    before = b.block
    head, body, after = (b.append_basic_block(name) for name in ("repeat", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(INT64)
    index.add_incoming(start, before)
    b.cbranch(b.icmp_signed("<", index, end), body, after)
    b.position_at_end(body)
    yield index
    index.add_incoming(b.add(index, const(1)), b.block)
    b.branch(head)
    b.position_at_end(after)


@contextmanager
def while_(b: ir.IRBuilder, condition: Callable[[], Value]) -> Iterator[None]:
    """Code repeated as long as ``condition()`` holds."""
    head, body, after = (b.append_basic_block(name) for name in ("while", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    b.cbranch(condition(), body, after)
    b.position_at_end(body)
    yield
    b.branch(head)
    b.position_at_end(after)


@contextmanager
def each_bit(b: ir.IRBuilder, bits: Value) -> Iterator[Value]:
    """Code for the number of every set bit, the lowest first."""
    before = b.block
    head, body, after = (b.append_basic_block(name) for name in ("bits", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    left = b.phi(INT64)
    left.add_incoming(bits, before)
    b.cbranch(b.icmp_unsigned("!=", left, const(0)), body, after)
    b.position_at_end(body)
    yield b.cttz(left, ir.Constant(BIT, 1))
    left.add_incoming(b.and_(left, b.sub(left, const(1))), b.block)
    b.branch(head)
    b.position_at_end(after)
