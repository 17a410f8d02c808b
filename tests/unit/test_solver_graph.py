"""The expression graph: what is merged, what is hoisted, what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from trial.solver.emit import single_use_products
from trial.solver.graph import Graph, Level, needed, slow_terms, trace
from trial.solver.reach import numbers, starts_without_series


def test_equal_terms_are_one_node() -> None:
    a, b = trace(lambda y, p, u: [y[0] * p[0] + 1.0, 1.0 + p[0] * y[0]], 2, 1, 0)[0]
    assert a is b


def test_constants_fold_and_neutral_elements_vanish() -> None:
    (a,) = trace(lambda y, p, u: [(y[0] * 1.0 + 0.0 - 0.0) / 1.0], 1, 0, 0)[0]
    assert a.op == "state"
    (b,) = trace(lambda y, p, u: [y[0] + (2.0 * u[0].graph.lift(3.0)) ** 2], 1, 0, 1)[0]
    assert 36.0 in [node.value for node in needed([b])]


def test_levels_say_how_often_a_term_changes() -> None:
    (d,) = trace(lambda y, p, u: [y[0] * (p[0] / p[1]) * (u[0] * p[0])], 1, 2, 1)[0]
    levels = [node.level for node in slow_terms(needed([d]), [d])]
    assert levels == [Level.PARAMETER, Level.INPUT]
    assert d.level == Level.STATE


def test_division_by_a_slow_term_becomes_a_product() -> None:
    (d,) = trace(lambda y, p, u: [y[0] / p[0]], 1, 1, 0)[0]
    assert d.op == "mul"
    assert {a.op for a in d.args} == {"state", "div"}


@pytest.mark.parametrize(
    ("exponent", "operations"),
    [
        (0.5, ["sqrt"]),
        (1, []),
        (2, ["mul"]),
        (5, ["mul"] * 3),
        (16, ["mul"] * 4),
        (17, ["const", "power"]),
        (1.5, ["const", "power"]),
    ],
)
def test_powers_with_cheap_forms(exponent: float, operations: list[str]) -> None:
    (d,) = trace(lambda y, p, u: [y[0] ** exponent], 1, 0, 0)[0]
    assert [node.op for node in needed([d]) if node.op != "state"] == operations


def test_branching_on_a_value_is_refused() -> None:
    with pytest.raises(TypeError, match="event that sets an input"):
        trace(lambda y, p, u: [max(y[0], 0.0)], 1, 0, 0)


def test_number_of_derivatives_is_checked() -> None:
    with pytest.raises(ValueError, match="1 derivatives for 2 states"):
        trace(lambda y, p, u: [y[0]], 2, 0, 0)


def test_numpy_functions_reach_the_graph() -> None:
    (d,) = trace(lambda y, p, u: [np.exp(np.log(np.sqrt(y[0])))], 1, 0, 0)[0]
    assert [node.op for node in needed([d])] == ["state", "sqrt", "log", "exp"]


def test_numpy_operators_and_the_smaller_and_larger_reach_the_graph() -> None:
    (d,) = trace(lambda y, p, u: [np.float64(2.0) * np.maximum(y[0], 0.0) - np.minimum(1.0, y[0])], 1, 0, 0)[0]
    assert {"max", "min", "sub"} <= {node.op for node in needed([d])}


def test_other_numpy_functions_are_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"must not use numpy.sin: use one of \['add'"):
        trace(lambda y, p, u: [np.sin(y[0])], 1, 0, 0)
    with pytest.raises(TypeError, match="take its elements one by one"):
        trace(lambda y, p, u: [np.add(np.ones(2), y[0])], 1, 0, 0)


@pytest.mark.parametrize(
    ("op", "values", "expected"),
    [
        ("add", (5.0, 3.0), 8.0), ("sub", (5.0, 3.0), 2.0), ("mul", (5.0, 3.0), 15.0), ("div", (6.0, 3.0), 2.0),
        ("neg", (5.0,), -5.0), ("sqrt", (9.0,), 3.0), ("exp", (0.0,), 1.0), ("log", (1.0,), 0.0),
        ("power", (2.0, 3.0), 8.0), ("min", (5.0, 3.0), 3.0), ("max", (5.0, 3.0), 5.0),
    ],
)  # fmt: skip
def test_constants_are_folded_as_the_operation_says(op, values, expected):
    graph = Graph()
    node = graph.node(op, *(graph.lift(value) for value in values))
    assert node.op == "const" and node.value == expected


def test_products_that_one_sum_reads_become_part_of_it() -> None:
    """y0 y1 + y0 is one; a product that two sums read, or that is itself a derivative, is not."""

    def fused(rhs) -> int:
        roots = trace(rhs, 2, 0, 0)[0]
        return len(single_use_products(needed(roots), roots))

    assert fused(lambda y, p, u: [y[0] * y[1] + y[0], y[1]]) == 1
    assert fused(lambda y, p, u: [y[0] * y[1] + y[0], y[0] * y[1] - y[1]]) == 0
    assert fused(lambda y, p, u: [y[0] * y[1] + y[0], y[0] * y[1]]) == 0
    assert fused(lambda y, p, u: [y[0] * y[1] - y[0] * y[0], y[1]]) == 1, "only the second of two products"
    assert fused(lambda y, p, u: [y[0] * y[1], y[0] + y[1]]) == 0


def test_the_value_of_a_term_at_one_state_of_one_patient() -> None:
    (d,) = trace(lambda y, p, u: [p[0] * y[0] + u[0] / y[0]], 1, 1, 1)[0]
    assert numbers([d], [4.0], [3.0], [2.0])[d] == 12.5
    assert np.isnan(numbers([d], [0.0], [3.0], [2.0])[d])


@pytest.mark.parametrize(
    ("rhs", "start", "without"),
    [
        (lambda y, p, u: [np.sqrt(y[0])], 0.0, True),
        (lambda y, p, u: [np.sqrt(y[0])], 2.0, False),
        (lambda y, p, u: [np.log(p[0] * y[0])], 0.0, True),
        (lambda y, p, u: [y[0] * np.sqrt(p[0] - 1.0)], 2.0, False),
        (lambda y, p, u: [y[0] * y[0]], 0.0, False),
    ],
)
def test_a_root_of_a_state_that_starts_at_0_has_no_series(rhs, start: float, without: bool) -> None:
    """A root of a parameter of 1 less 1 is one of 0 as well, but moves with no state."""
    made = SimpleNamespace(parameters=("P",), inputs=(), steady_state=lambda p, u: np.array([[start]]))
    assert starts_without_series(made, trace(rhs, 1, 1, 0)[0]) == without
