"""The printed equations evaluated as text against the right-hand side, and the flows found in them."""

import math
import re
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from analysis.evidence.model import lines, model_of, positions
from analysis.figures.drawing import INFLUENCE, _bundles, structure_figure
from cohorts.sets import parameter_set
from trial.app.model_file import described
from trial.models import STRUCTURES, State, Structure
from trial.models.equations import equations
from trial.models.flows import MOST_TERMS, _multiplied, flows

FUNCTIONS = {"sqrt": math.sqrt, "exp": math.exp, "ln": math.log, "min": min, "max": max}


def made(rhs, states, parameters, inputs=(), outputs=None):
    """A structure of these equations only."""
    return Structure(
        id="made", title="", states=tuple(State(s, "1", "") for s in states), parameters=parameters, inputs=inputs,
        dose_state=0, output_names=("PLT",) if outputs else (), rhs=rhs, outputs=outputs or (lambda y, p, u: []),
        steady_state=None, daily_events=None,
    )  # fmt: skip


def awkward(y, p, u):
    a, b = y
    k, m, n = p
    (w,) = u
    return [
        -(a - b) - (k - (m + a * 1e-7)) * -3.5 + (a + b) ** 3 - a / (b * m) / (k / w),
        k**n * np.exp(-(a + 1) / b) - 2 ** (a / 10) + np.minimum(a, b - a) * np.maximum(k, w) - np.log(b) / (a - 5 - b),
    ]


def shared(y, p, u):
    (a,) = y
    (k,) = p
    lambda_ = a * k + 1
    a_ = lambda_ * lambda_
    return [a_ - lambda_ * 2 + a_ / k]


AWKWARD = made(awkward, ("A", "B"), ("K", "M", "N"), ("W",), lambda y, p, u: [y[0] - (y[1] - p[0])])
SHARED = made(shared, ("A",), ("K",))


def evaluated(structure, y, p, u):
    """Every printed derivative and output, evaluated by Python in the order of the lines."""
    said = equations(structure)
    known = dict(zip((s.name for s in structure.states), y, strict=True))
    known |= dict(zip(structure.parameters, p, strict=True)) | dict(zip(structure.inputs, u, strict=True)) | FUNCTIONS
    for name, text in said.terms:
        known[name] = eval(text.replace("^", "**"), {}, known)
    return [eval(text.replace("^", "**"), {}, known) for _, text in (*said.derivatives, *said.outputs)]


@pytest.mark.parametrize("structure", [*STRUCTURES, AWKWARD, SHARED], ids=lambda s: s.id)
@pytest.mark.parametrize("draw", range(5))
def test_the_printed_text_gives_the_numbers_of_the_right_hand_side(structure, draw):
    sizes = len(structure.states), len(structure.parameters), len(structure.inputs)
    values = [0.2 + np.modf(np.sqrt(np.arange(2, size + 2)) * (draw + 1.3))[0] for size in sizes]
    y, p, u = (v.tolist() for v in values)
    expected = [*structure.rhs(y, p, u), *structure.outputs(y, p, u)]
    assert evaluated(structure, y, p, u) == pytest.approx(expected, rel=1e-9)


def test_terms_have_the_names_of_the_source_and_no_text_more_parentheses_than_it_needs():
    said = equations(STRUCTURES[0])
    terms = dict(said.terms)
    assert terms["ktr"] == "4 / MTT" and terms["free"] == "2 * KSS * CTOT / (s - b)"
    derivatives = dict(said.derivatives)
    assert derivatives["CP"] == "Q * (free - CP) / VP"
    assert derivatives["T1"] == "KIN * (1 + EMAX * free / (EC50 + free)) - ktr * T1"
    assert derivatives["PLT"] == "ktr * T4 - KIN * LOSS_FACTOR * PLT / BASE"
    assert dict(said.outputs) == {"CONC": "free", "PLT": "PLT"}


def test_a_word_of_python_is_not_a_name():
    assert [name for name, _ in equations(SHARED).terms] == ["X1", "a"]


def test_a_profiler_at_work_is_left_alone():
    def watch(*_):
        return None

    sys.setprofile(watch)
    try:
        terms = [name for name, _ in equations(SHARED).terms]
        assert sys.getprofile() is watch
    finally:
        sys.setprofile(None)
    assert terms == ["X1", "X2"]


def named(structure):
    found, names = flows(structure), [s.name for s in structure.states]
    pairs = [{(names[a], names[b]) for a, b in some} for some in (found.flows, found.influences)]
    return (*pairs, {names[k] for k in found.sources}, {names[k] for k in found.losses})


def test_flows_of_the_lifespan_model():
    """The docstring of trial.models.tmdd_lifespan: absorption, exchange, elimination, target turnover, the chain."""
    moves, influences, sources, losses = named(STRUCTURES[0])
    chain = ["T1", "T2", "T3", "T4", "PLT"]
    assert moves == {("DEPOT", "CTOT"), ("CTOT", "CP"), ("CP", "CTOT"), *pairwise(chain)}
    assert influences == {("CTOT", "RTOT"), ("RTOT", "CTOT"), ("CTOT", "T1"), ("RTOT", "T1")}
    assert (sources, losses) == ({"RTOT", "T1"}, {"CTOT", "RTOT", "PLT"})


def test_what_is_lost_in_a_time_arrives_where_it_is_a_gain_in_the_same_time():
    def rhs(y, p, u):
        here, there = p
        return [-y[0] / here, y[0] / here, y[0] / there]

    moves, influences, sources, losses = named(made(rhs, ("A", "B", "C"), ("T", "S")))
    assert (moves, influences, sources, losses) == ({("A", "B")}, {("A", "C")}, {"C"}, set())


def test_a_feedback_is_an_influence_and_binding_flows_from_both():
    def rhs(y, p, u):
        drug, target, bound, cells = y
        on, off, k, birth = p
        net = on * drug * target - off * bound
        return [-net, -net, net - k * bound, birth / (1 + cells) - k * cells]

    moves, influences, sources, losses = named(made(rhs, ("C", "R", "RC", "N"), ("ON", "OFF", "K", "BIRTH")))
    assert moves == {("C", "RC"), ("R", "RC"), ("RC", "C"), ("RC", "R")}
    assert (influences, sources, losses) == (set(), {"N"}, {"RC", "N"})


def test_cells_that_multiply_on_the_way_still_flow_and_the_signal_is_an_influence():
    def rhs(y, p, u):
        signal, stem, cell, product = y
        k, amp, out = p
        made = k * stem
        return [out * (product - signal), -made, amp * made * (1 + signal) - out * cell, -k * product + out * cell]

    moves, influences, _, losses = named(made(rhs, ("S", "STEM", "CELL", "PROD"), ("K", "AMP", "OUT")))
    assert moves == {("STEM", "CELL"), ("CELL", "PROD")}
    assert influences == {("S", "CELL"), ("PROD", "S")} and losses == {"S", "PROD"}


def test_a_minus_is_one_sign_however_it_is_written():
    def rhs(y, p, u):
        return [-p[0] * y[0] + 3 * (-y[0]) * -p[0] - -2 * y[0]]

    assert dict(equations(made(rhs, ("A",), ("K",))).derivatives)["A"] == "-K * A + 3 * K * A + 2 * A"


def test_a_sum_of_one_term_needs_no_parentheses_in_a_product():
    """-(-A) is one term with a sign, where A - K in the same place is a sum."""

    def rhs(y, p, u):
        return [np.exp(-y[0]) * p[0], (y[0] - p[0]) * y[1]]

    found = dict(equations(made(rhs, ("A", "B"), ("K",))).derivatives)
    assert found == {"A": "K * exp(-A)", "B": "B * (A - K)"}


def test_every_state_has_a_place_of_its_own_and_a_long_chain_turns_around():
    chain = [f"S{k}" for k in range(17)]
    content = described(parameter_set("hetrombopag_wang_2022")) | {
        "states": [{"name": n, "unit": "1", "meaning": ""} for n in ("DEPOT", "ALONE", *chain)],
        "flows": [[a, b] for a, b in pairwise(chain)],
    }
    at = positions(model_of(content))
    assert len(set(at.values())) == len(at) == 19
    assert at["DEPOT"] == (0, 0) and at["ALONE"] == (0, 1)
    assert {row for _, row in at.values()} == {0, 1, 2, 3, 4} and max(column for column, _ in at.values()) == 5
    steps = [abs(at[a][0] - at[b][0]) + abs(at[a][1] - at[b][1]) for a, b in pairwise(chain)]
    assert set(steps) == {1}


def test_equations_of_the_report_are_wrapped_and_carry_units():
    text = lines(model_of(described(parameter_set("hetrombopag_wang_2022"))), "derivative")
    assert max(map(len, text.splitlines())) <= 96
    assert re.search(r"^dDEPOT/dt = -absorbed   \[ug/h\]$", text, flags=re.M)


def test_influences_of_a_whole_row_are_drawn_as_one_arrow():
    """Three stages of a chain set the rate of a state above them; two stay two arrows."""
    names = ("DEPOT", "ALONE", "A", "B", "C")
    content = described(parameter_set("hetrombopag_wang_2022")) | {
        "states": [{"name": n, "unit": "1", "meaning": ""} for n in names],
        "flows": [["A", "B"], ["B", "C"]],
        "influences": [[n, "ALONE"] for n in "ABC"],
        "sources": [],
        "losses": [],
    }
    three, two = model_of(content), model_of(content | {"influences": [[n, "ALONE"] for n in "AB"]})
    at = {name: (x, -y) for name, (x, y) in positions(three).items()}
    assert _bundles(three, at) == {"ALONE": ["A", "B", "C"]} and _bundles(two, at) == {}
    assert structure_figure(three).count(INFLUENCE) > 0


def test_products_of_sums_are_written_out_up_to_so_many_terms():
    """MOST_TERMS times 1 is written out; one term more is not."""
    term = (1, Counter())
    assert len(_multiplied([term] * MOST_TERMS, [term])) == MOST_TERMS
    assert _multiplied([term] * (MOST_TERMS + 1), [term]) == []
