"""The model of the report: its equations as lines, and where its boxes stand, on made-up structures."""

import json
from itertools import pairwise

import pytest

from analysis.evidence.model import Box, Equation, Model, PatientClassSaid, lines, model_of, positions, read_model


def model(names, flows=(), dose="A", equations=()):
    states = tuple(Box(name, "1", "") for name in names)
    return Model("made", "Made", states, dose, (), tuple(flows), (), (), (), tuple(equations), (), ())


def test_equations_are_aligned_and_carry_their_units():
    said = [Equation("term", "a", "x + y", "1/h"), Equation("term", "long", "z", ""), Equation("output", "o", "x", "")]
    said += [Equation("derivative", "A", "-a", "ug/h"), Equation("derivative", "BB", "a", "")]
    made = model("A", equations=said)
    assert lines(made, "term") == "a    = x + y   [1/h]\nlong = z"
    assert lines(made, "derivative") == "dA/dt  = -a   [ug/h]\ndBB/dt = a"
    assert lines(made, "output") == "o = x" and lines(model("A"), "term") == ""


def test_a_long_equation_goes_on_below_its_own_beginning():
    """96 columns: "x = " and 31 times "a +" fill them to the last place."""
    text = " + ".join(["a"] * 24)
    assert lines(model("A", equations=[Equation("term", "x", text[: 96 - 4], "")]), "term").count("\n") == 0
    first, second = lines(model("A", equations=[Equation("term", "xy", text, "")]), "term").splitlines()
    assert len(first) <= 96 < len(first) + 2 + 2 and second.startswith(" " * 5) and second[5] != " "
    word = "a-" * 60
    assert lines(model("A", equations=[Equation("term", "x", word, "")]), "term").splitlines()[-1].strip() == word


def test_states_stand_in_the_order_of_the_flow_the_dose_first_then_those_alone():
    """B gives to A, the dose goes to D; L and K have no flow."""
    made = model("LABDEK", [("B", "A"), ("D", "E")], dose="D")
    assert positions(made) == {"D": (0, 0), "E": (1, 0), "L": (0, 1), "K": (1, 1), "B": (0, 2), "A": (1, 2)}
    assert positions(model("AB", [("A", "B")], dose="B")) == {"A": (0, 0), "B": (1, 0)}
    assert positions(model("AB", dose="B")) == {"B": (0, 0), "A": (0, 1)}
    assert positions(model("A")) == {"A": (0, 0)}


def test_a_circle_begins_with_its_first_state():
    assert positions(model("ABC", pairwise("ABCA"))) == {"A": (0, 0), "B": (1, 0), "C": (2, 0)}
    assert positions(model("BAC", pairwise("BCAB"), dose="B")) == {"B": (0, 0), "C": (1, 0), "A": (2, 0)}


@pytest.mark.parametrize(
    ("n", "rows"),
    [(7, ["ABCDEFG"]), (8, ["ABCD", "HGFE"]), (9, ["ABCDE", " IHGF"]), (15, ["ABCDE", "JIHGF", "KLMNO"])],
)
def test_a_chain_of_more_than_seven_turns_around(n, rows):
    names = "ABCDEFGHIJKLMNO"[:n]
    expected = {name: (k, row) for row, line in enumerate(rows) for k, name in enumerate(line) if name != " "}
    assert positions(model(names, pairwise(names))) == expected


def test_what_stands_below_a_chain_of_two_rows_is_in_the_third():
    names = "ABCDEFGH"
    assert positions(model(names + "XYZ", [*pairwise(names), ("Y", "Z")]))["X"] == (0, 2)
    assert positions(model(names + "XYZ", [*pairwise(names), ("Y", "Z")]))["Z"] == (1, 3)


def test_a_model_file_read_back(tmp_path):
    assert read_model(tmp_path) is None
    box = {"name": "A", "unit": "ug", "meaning": "drug"}
    content = {
        "structure": "s", "title": "S", "states": [box], "dose_state": "A", "inputs": ["U"], "flows": [["A", "B"]],
        "influences": [["B", "A"]], "sources": ["B"], "losses": ["A"], "derived": [box | {"name": "K"}],
        "equations": [{"kind": "term", "name": "t", "text": "A", "unit": "ug"}],
        "classes": [{"name": "c", "share": "P", "parameter": "EMAX", "value": "V"}],
    }  # fmt: skip
    (tmp_path / "model.json").write_text(json.dumps(content))
    assert read_model(tmp_path) == model_of(content) == Model(
        "s", "S", (Box("A", "ug", "drug"),), "A", ("U",), (("A", "B"),), (("B", "A"),), ("B",), ("A",),
        (Equation("term", "t", "A", "ug"),), (Box("K", "ug", "drug"),), (PatientClassSaid("c", "P", "EMAX", "V"),),
    )  # fmt: skip
