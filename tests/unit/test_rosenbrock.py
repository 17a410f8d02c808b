"""The Rosenbrock method: its coefficients, Jacobian, linear systems, order, and stiff problems of the literature."""

import ctypes
import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding as llvm
from llvmlite import ir
from test_solver_door import table, toy

from trial.models import structure
from trial.solver import Status, solve
from trial.solver.emit import INT64, POINTER, Vector
from trial.solver.graph import FOLD, Node, needed
from trial.solver.jacobian import jacobian
from trial.solver.kernel import compiled, system_of, target
from trial.solver.rodas import GAMMA, ORDER, POINTS, SLOPES
from trial.solver.sparse import Factors, Place, elimination_order
from trial.solver.structure import Array, Structure

LANES = 4


def full_tables() -> tuple[Array, Array]:
    """POINTS and SLOPES as square matrices."""
    s = len(SLOPES)
    a, c = np.zeros((s, s)), np.zeros((s, s))
    for i in range(s):
        c[i, : len(SLOPES[i])] = SLOPES[i]
        if i < len(POINTS):
            a[i, : len(POINTS[i])] = POINTS[i]
        else:
            a[i], a[i, i - 1] = a[i - 1], 1.0
    return a, c


def test_the_coefficients_are_those_of_the_paper() -> None:
    """Steinebach 2023, Table 2: the nodes, sums of alpha = A (I / gamma - C)^-1, and that of the last three stages."""
    a, c = full_tables()
    alpha = a @ np.linalg.inv(np.eye(len(c)) / GAMMA - c)
    nodes = [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(alpha.sum(axis=1), nodes, atol=1e-13)


def test_the_conditions_of_order_five_on_linear_equations() -> None:
    """b beta^k 1 = 1 / (k + 1)! up to order 5 (4 of the estimate), and R(infinity) = 0: stiffly accurate."""
    a, c = full_tables()
    to_slopes = np.linalg.inv(np.eye(len(c)) / GAMMA - c)
    beta, one = a @ to_slopes + to_slopes, np.ones(len(c))
    weights = np.append(a[-1, :-1], 1.0) @ to_slopes
    embedded = a[-1] @ to_slopes
    for k in range(5):
        power = np.linalg.matrix_power(beta, k) @ one
        assert weights @ power == pytest.approx(1.0 / math.factorial(k + 1), abs=1e-12)
        if k < 4:
            assert embedded @ power == pytest.approx(1.0 / math.factorial(k + 1), abs=1e-12)
    assert 1.0 - weights @ np.linalg.solve(beta, one) == pytest.approx(0.0, abs=1e-11)


LOTKA = toy(lambda y, p, u: [y[0] * (1.0 - y[1]), y[1] * (y[0] - 1.0)], 2)


def test_the_order_is_five() -> None:
    """Steps of equal length, from output to output: the error falls as h^5."""
    found = []
    y, end = np.array([[1.5, 0.7]]), 4.0
    truth = solve(LOTKA, [[1.0]], y, table([(0, 0, 0)]), [[0.0, end]], rtol=1e-13, atol=1e-16, method="taylor")[0]
    for n in (40, 80):
        times = np.linspace(0.0, end, n + 1)[None]
        got, _, steps = solve(LOTKA, [[1.0]], y, table([(0, 0, 0)]), times, rtol=0.1, method="rosenbrock")
        assert steps[0] <= n + 2
        found.append(np.abs(got[0, -1] - truth[0, -1]).max())
    assert math.log2(found[0] / found[1]) == pytest.approx(ORDER, abs=0.2)


def numbers(nodes: Sequence[Node], y: Array, p: Array, u: Array) -> list[float]:
    """The values of nodes."""
    values: dict[Node, float] = {}
    given_ = {"state": y, "parameter": p, "input": u}
    for node in needed(nodes):
        if node.op == "const":
            values[node] = node.value
        elif node.op in given_:
            values[node] = given_[node.op][int(node.value)]
        else:
            values[node] = FOLD[node.op](*(values[a] for a in node.args))
    return [values[n] for n in nodes]


EVERYTHING = toy(
    lambda y, p, u: [
        np.exp(-y[0] * p[0]) + np.log(y[1]) / y[2] - u[0] * y[0],
        np.sqrt(y[0] * y[1]) + (y[2] / p[0]) ** p[1] + 2.0 ** y[0] + y[1] ** 3,
        np.minimum(y[0], y[1] * y[1]) - np.maximum(y[2], p[0] * y[0]) + np.minimum(y[1], 0.1),
    ],
    3,
    2,
)


@pytest.mark.parametrize("model", [EVERYTHING, structure("tmdd_lifespan"), structure("tpo_mechanism")])
def test_the_jacobian_is_that_of_finite_differences(model: Structure) -> None:
    derivatives = system_of(model).derivatives
    n, rng = len(derivatives), np.random.default_rng(4)
    y, p, u = (rng.uniform(0.5, 1.5, k) for k in (n, len(model.parameters), len(model.inputs)))
    matrix = jacobian(derivatives)
    found = np.zeros((n, n))
    found[tuple(np.array(list(matrix)).T)] = numbers(list(matrix.values()), y, p, u)
    step = 1e-6
    ends = [[numbers(derivatives, y + sign * step * e, p, u) for sign in (1.0, -1.0)] for e in np.eye(n)]
    expected = np.array([np.subtract(up, down) / (2.0 * step) for up, down in ends]).T
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    missing = np.ones((n, n), dtype=bool)
    missing[tuple(np.array(list(matrix)).T)] = False
    assert (expected[missing] == 0.0).all(), "what is left out is zero"


def linear_solver(pattern: Sequence[Place], n: int) -> tuple[Callable[..., None], object]:
    """Compiled code of (entries, right side, solution), each in vectors of LANES, and what owns it."""
    module = ir.Module("linear")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * 3), "linear")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    v = Vector(b, LANES)

    def at(pointer: ir.Value, k: int) -> ir.Value:
        return b.gep(pointer, [ir.Constant(INT64, k)], source_etype=v.type)

    entries, right, solution = function.args
    matrix = {place: b.load(at(entries, k), typ=v.type, align=8) for k, place in enumerate(pattern)}
    x = Factors(v, matrix, n).solve([b.load(at(right, k), typ=v.type, align=8) for k in range(n)])
    for k, value in enumerate(x):
        b.store(value, at(solution, k), align=8)
    b.ret_void()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(compiled(module)))
    engine.finalize_object()
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(engine.get_function_address("linear")), engine


@cache
def flows(n: int) -> tuple[Array, list[Place], Callable[..., None], object]:
    """Which state flows into which, a third of the pairs; the entries; and the code for that pattern."""
    moved = (np.random.default_rng(n).random((n, n)) < 0.33) & ~np.eye(n, dtype=bool)
    pattern = [(i, j) for i in range(n) for j in range(n) if moved[i, j] or i == j]
    return moved, pattern, *linear_solver(pattern, n)


@settings(max_examples=40, deadline=None)
@given(n=st.sampled_from([1, 4, 9]), seed=st.integers(0, 10**6), h=st.floats(1e-6, 1e6))
def test_linear_systems_of_flows_are_solved_as_by_numpy(n: int, seed: int, h: float) -> None:
    """I / h - J with what leaves one state entering another: the pivots may come in any order. Errors backward."""
    moved, pattern, run, _ = flows(n)
    rng = np.random.default_rng(seed)
    rates = 10.0 ** rng.uniform(-3.0, 3.0, (LANES, n, n)) * moved
    matrix = np.eye(n) * (1.0 / h + rates.sum(axis=1)[:, None, :]) - rates
    right = rng.standard_normal((LANES, n))
    entries, columns = (np.ascontiguousarray(x) for x in ([matrix[:, i, j] for i, j in pattern], right.T))
    solution = np.empty((n, LANES))
    run(entries.ctypes.data, columns.ctypes.data, solution.ctypes.data)
    expected = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    for a, b, x, numpy_x in zip(matrix, right, solution.T, expected, strict=True):
        allowed = 1e-14 * (np.abs(a).sum(axis=0).max() * np.abs(x).sum() + np.abs(b).sum())
        assert np.abs(a @ x - b).max() <= allowed
        np.testing.assert_allclose(x, numpy_x, rtol=0.0, atol=1e-14 * np.linalg.cond(a, 1) * np.abs(numpy_x).max())


def test_the_order_of_pivots_spares_what_needs_no_room() -> None:
    """An arrow: eliminating its tip first would fill everything. A chain: none fills."""
    arrow = {(0, k) for k in range(6)} | {(k, 0) for k in range(6)} | {(k, k) for k in range(6)}
    assert elimination_order(arrow, 6) == [1, 2, 3, 4, 0, 5]
    assert elimination_order({(k, k) for k in range(5)} | {(k + 1, k) for k in range(4)}, 5) == [0, 1, 2, 3, 4]


ROBERTSON = toy(
    lambda y, p, u: [
        -0.04 * y[0] + p[0] * y[1] * y[2],
        0.04 * y[0] - p[0] * y[1] * y[2] - 3e7 * y[1] * y[1],
        3e7 * y[1] * y[1],
    ],
    3,
)


def test_robertson_over_eleven_orders_of_magnitude() -> None:
    """t = 40: the example of CVODE (Hindmarsh and Serban); t = 1e11: Test Set for IVP Solvers (Mazzia, Magherini)."""
    times = np.array([[0.0, 40.0, 1e11]])
    got, status, steps = solve(
        ROBERTSON, [[1e4]], [[1.0, 0.0, 0.0]], table([(0, 0, 0)]), times, rtol=1e-8, atol=1e-18, method="rosenbrock"
    )
    assert status[0] == Status.OK and steps[0] < 1000
    np.testing.assert_allclose(got[0, 0], [7.158270688e-1, 9.185534765e-6, 2.841637457e-1], rtol=1e-7)
    np.testing.assert_allclose(got[0, 1], [2.083340149701255e-08, 8.333360770334713e-14, 0.9999999791665050], rtol=1e-6)
    np.testing.assert_allclose(got[0].sum(axis=1), 1.0, rtol=1e-13)


def hires(y: Sequence, p: Sequence, u: Sequence) -> list:
    """High irradiance responses of photomorphogenesis (Schaefer 1975)."""
    back = 280.0 * y[5] * y[7]
    return [
        -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
        1.71 * y[0] - 8.75 * y[1],
        -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
        8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
        -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
        -back + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
        back - 1.81 * y[6],
        -back + 1.81 * y[6],
    ]


def test_hires_at_the_end_of_its_interval() -> None:
    """Reference solution of the Test Set for IVP Solvers."""
    start, times = np.array([[1.0, 0, 0, 0, 0, 0, 0, 0.0057]]), np.array([[0.0, 321.8122]])
    got, _, _ = solve(toy(hires, 8), [[1.0]], start, table([(0, 0, 0)]), times, rtol=1e-9, method="rosenbrock")
    expected = [
        0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
        0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
    ]  # fmt: skip
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-6)


VAN_DER_POL = toy(lambda y, p, u: [(y[1] + (y[0] - 5.0) - (y[0] - 5.0) ** 3 / 3.0 - 5.0) * p[0], 5.0 - y[0]], 2)
"""Van der Pol's oscillator in the plane of Lienard, raised above zero: the door calls a negative state a failure."""


def test_van_der_pol() -> None:
    """Test Set for IVP Solvers: stiffness 1e6, from (2, 0) to t = 2, through two jumps."""
    start, times = np.array([[7.0, 5.0 + 2.0 / 3.0]]), np.array([[0.0, 2.0]])
    got, status, _ = solve(VAN_DER_POL, [[1e6]], start, table([(0, 0, 0)]), times, rtol=1e-9, method="rosenbrock")
    assert status[0] == Status.OK
    assert got[0, 0, 0] - 5.0 == pytest.approx(1.706167732170469, abs=1e-6)


PAIRS = [(i, j) for i in range(4) for j in range(4) if i != j]


def moving(y: Sequence, p: Sequence, u: Sequence) -> list:
    """Mass that only moves, at rate p[k] from j to i = PAIRS[k]; every other flow is helped by the receiver."""
    flow = {(i, j): p[k] * y[j] * (1.0 + y[i] if k % 2 else 1.0) for k, (i, j) in enumerate(PAIRS)}
    return [sum(flow[i, j] - flow[j, i] for j in range(4) if j != i) for i in range(4)]


MOVING = toy(moving, 4, len(PAIRS))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), rtol=st.sampled_from([1e-3, 1e-6, 1e-9]))
def test_mass_that_only_moves_is_kept_to_rounding(seed: int, rtol: float) -> None:
    """Every stage keeps a linear invariant, whatever its error: J has it too. Rounding grows as h rate, here 5e4."""
    rng = np.random.default_rng(seed)
    p = 10.0 ** rng.uniform(-2.0, 3.0, (3, len(PAIRS))) * (rng.random((3, len(PAIRS))) < 0.6)
    start, times = rng.uniform(0.1, 2.0, (3, 4)), np.tile([0.0, 0.01, 1.0, 50.0], (3, 1))
    got, status, _ = solve(MOVING, p, start, table(*[[(0, 0, 0)]] * 3), times, rtol=rtol, method="rosenbrock")
    assert (status == Status.OK).all()
    np.testing.assert_allclose(got.sum(axis=2), np.tile(start.sum(axis=1)[:, None], 3), rtol=1e-10)


@pytest.mark.parametrize("fast", [1e2, 1e5, 1e8])
def test_a_fast_decay_bounds_no_step(fast: float) -> None:
    """y' = -fast (y - cos t) - sin t about its slow solution (Prothero and Robinson 1974), cos t from an oscillator."""
    model = toy(lambda y, p, u: [-p[0] * (y[0] - y[1]) - (y[2] - 2.0), 2.0 - y[2], y[1] - 2.0], 3)
    times = np.array([[0.0, 10.0]])
    got, status, steps = solve(
        model, [[fast]], [[3.0, 3.0, 2.0]], table([(0, 0, 0)]), times, rtol=1e-7, method="rosenbrock"
    )
    assert status[0] == Status.OK and steps[0] < 200
    assert got[0, 0, 0] - 2.0 == pytest.approx(math.cos(10.0), abs=1e-6)


def test_a_power_of_a_state_that_starts_at_zero() -> None:
    """y' = sqrt(y) + 1 from 0, and y' = 1 + y^1.7: no series, no Jacobian there, but a solution."""
    model = toy(lambda y, p, u: [y[0] ** 0.5 + 1.0, 1.0 + y[1] ** p[0]], 2)
    args = [[1.7]], [[0.0, 0.0]], table([(0, 0, 0)]), np.array([[0.0, 0.5, 1.0]])
    got, status, _ = solve(model, *args, rtol=1e-8, atol=1e-11, method="rosenbrock")
    truth, _, _ = solve(model, *args, rtol=1e-11, atol=1e-13, method="pair")
    assert status[0] == Status.OK
    np.testing.assert_allclose(got, truth, rtol=1e-6)
