"""One compiled kernel per structure and number of lanes: ``solve(*frame.ARGUMENTS)`` as a C function.

Every lane holds one patient and takes the next one when it is done, so lanes never wait for each other.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llvmlite import binding as llvm
from llvmlite import ir

from trial.solver import kept
from trial.solver.emit import BIT, DOUBLE, INT64, POINTER, Value, Vector
from trial.solver.exact import Exact, affine_matrix
from trial.solver.frame import ARGUMENTS, LANE_INTEGERS, Frame, System, const, each_bit, repeat, slot_numbers, while_
from trial.solver.graph import needed, trace
from trial.solver.lanes import lane_functions
from trial.solver.reach import starts_without_series
from trial.solver.rosenbrock import Rosenbrock
from trial.solver.series import SMOOTH
from trial.solver.step import Pair
from trial.solver.stepper import Stepper
from trial.solver.taylor import Taylor

if TYPE_CHECKING:
    from trial.solver.structure import Structure

C_TYPES = {INT64: ctypes.c_int64, DOUBLE: ctypes.c_double, POINTER: ctypes.c_void_p}
COMPILING = threading.Lock()
STEPPERS: dict[str, type[Stepper]] = {"exact": Exact, "taylor": Taylor, "pair": Pair, "rosenbrock": Rosenbrock}


def system_of(structure: Structure, outputs: bool = False) -> System:
    """The traced structure."""
    sizes = len(structure.states), len(structure.parameters), len(structure.inputs)
    derivatives, stored = trace(structure.rhs, *sizes, structure.outputs if outputs else None)
    return System(derivatives, stored, sizes[1], sizes[2], structure.dose_state)


@cache
def method_of(structure: Structure) -> str:
    """How a structure is solved.

    "exact" when its derivatives are affine in the states, "taylor" when they are smooth and have a series at the start,
    else "pair"; unless the structure names a method itself. "rosenbrock" is never chosen: the equations do not
    say how fast the rates are.
    """
    if structure.method:
        return structure.method
    system = system_of(structure)
    if affine_matrix(system.derivatives) is not None:
        return "exact"
    smooth = all(node.op in SMOOTH for node in needed(system.derivatives))
    return "taylor" if smooth and not starts_without_series(structure, system.derivatives) else "pair"


def solve_module(system: System, lanes: int, method: str) -> ir.Module:
    """The kernel as LLVM code."""
    module = ir.Module("kernel")
    stepper = STEPPERS[method]
    system = stepper.prepared(system)
    slots = slot_numbers(system, stepper.slots(system))
    visit, record = lane_functions(module, system, slots, lanes, stepper.kind)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [kind for _, kind in ARGUMENTS]), "solve")
    arg = dict(zip((name for name, _ in ARGUMENTS), function.args, strict=True))
    b = ir.IRBuilder(function.append_basic_block("entry"))
    doubles = b.alloca(ir.VectorType(DOUBLE, lanes), size=const(slots["all"]))
    integers = b.alloca(INT64, size=const(len(LANE_INTEGERS) * lanes + 2))
    frame = Frame(b, slots, lanes, doubles, integers)
    prepare(b, frame)
    step = stepper(Vector(b, lanes), frame, system, arg, record)
    changed = b.alloca(INT64)
    b.store(const((1 << lanes) - 1), changed)
    with while_(b, lambda: b.icmp_unsigned("!=", frame.integer("active"), const(0))):
        with each_bit(b, b.load(changed, typ=INT64)) as lane:
            b.call(visit, [lane, doubles, integers, *function.args])
        advance(b, step, frame, changed)
    b.ret_void()
    return module


def prepare(b: ir.IRBuilder, frame: Frame) -> None:
    """All memory zero, no lane has a patient, all lanes are active."""
    lanes = frame.lanes
    zero = ir.Constant(frame.type, [0.0] * lanes)
    with repeat(b, const(0), const(frame.slots["all"])) as slot:
        b.store(zero, b.gep(frame.doubles, [slot], source_etype=frame.type))
    with repeat(b, const(0), const(lanes)) as lane:
        frame.put_integer(const(-1), "patient", lane)
    frame.put_integer(const(0), "waiting")
    frame.put_integer(const((1 << lanes) - 1), "active")


def advance(b: ir.IRBuilder, step: Stepper, frame: Frame, changed: Value) -> None:
    """Refresh the visited lanes, then step until an active lane must be visited."""
    lanes = frame.lanes
    step.refresh(b.bitcast(b.trunc(b.load(changed, typ=INT64), ir.IntType(lanes)), ir.VectorType(BIT, lanes)))
    active = frame.integer("active")
    again, after = b.append_basic_block("step"), b.append_basic_block("stepped")
    b.cbranch(b.icmp_unsigned("!=", active, const(0)), again, after)
    b.position_at_end(again)
    due = b.and_(step.attempt(), active)
    b.store(due, changed)
    b.cbranch(b.icmp_unsigned("==", due, const(0)), again, after)
    b.position_at_end(after)


def native_lanes() -> int:
    """Lanes that fill one vector register of this machine's processor; at least 4."""
    return 8 if llvm.get_host_cpu_features().get("avx512f") else 4


def target() -> llvm.TargetMachine:
    """This machine's processor; one for each engine, which owns it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=2
    )


def optimised(module: ir.Module) -> tuple[Any, Any]:
    """The module with its local memory in registers, and the machine it is for.

    Shared terms are shared already, so the rest of LLVM's pipeline only takes time (docs/solver.md).
    """
    machine = target()
    parsed = llvm.parse_assembly(str(module))
    parsed.triple, parsed.data_layout = machine.triple, str(machine.target_data)
    parsed.verify()
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(parsed, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return parsed, machine


def compiled(module: ir.Module) -> bytes:
    """The machine code of a kernel."""
    parsed, machine = optimised(module)
    return bytes(machine.emit_object(parsed))


def loaded(code: bytes) -> tuple[Callable[..., None], Any]:
    """The kernel as a C function, and the engine that owns its code."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kinds: list[Any] = [C_TYPES[kind] for _, kind in ARGUMENTS]
    return ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address("solve")), engine


@cache
def _kernel(structure: Structure, lanes: int, method: str, outputs: bool) -> tuple[Callable[..., None], Any]:
    system = system_of(structure, outputs)
    name = kept.name_of(system, lanes, method)
    code = kept.code_of(name)
    if code is None:
        code = compiled(solve_module(system, lanes, method))
        kept.keep(name, code)
    return loaded(code)


def kernel(structure: Structure, lanes: int, method: str, outputs: bool = False) -> Callable[..., None]:
    """The compiled kernel; compiled once per structure, number of lanes, method and what is stored."""
    with COMPILING:
        return _kernel(structure, lanes, method, outputs)[0]
