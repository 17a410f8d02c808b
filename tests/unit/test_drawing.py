"""The drawing of a structure as geometry: arrows begin and end on the edges of the boxes they join."""

from itertools import pairwise

import pytest
from drawn_axes import Drawn

from analysis.evidence.model import Box, Model, positions
from analysis.figures import drawing
from analysis.figures.drawing import BUS, FLOW, HIGH, INFLUENCE, STEP_X, STEP_Y, WIDE, structure_figure

CLOSE = 1e-9
LINE = "ABCDEFGH"
ALONG = tuple(pairwise(LINE))
"""A chain of eight: A to D in the first row, E below D, back to H below A."""


def model(names=LINE, flows=ALONG, influences=(), sources=(), losses=(), units=None):
    states = tuple(Box(name, (units or {}).get(name, "1"), "") for name in names)
    return Model(
        "s", "S", states, names[0], (), tuple(flows), tuple(influences), tuple(sources), tuple(losses), (), (), ()
    )


@pytest.fixture
def draw(monkeypatch):
    def drawn(made):
        seen = Drawn(monkeypatch, drawing)
        assert structure_figure(made) == "<svg structure>"
        arrows = [(k["xytext"], k["xy"], k["arrowprops"]) for _, k in seen.of("structure", "annotate")]
        return seen, arrows, {n: (STEP_X * c, -STEP_Y * r) for n, (c, r) in positions(made).items()}

    return drawn


def side(point, centre):
    """The edge of a box on which a point lies; "" for none."""
    x, y = point[0] - centre[0], point[1] - centre[1]
    if abs(abs(x) - WIDE / 2) < CLOSE and abs(y) < HIGH / 2:
        return "right" if x > 0 else "left"
    if abs(abs(y) - HIGH / 2) < CLOSE and abs(x) < WIDE / 2:
        return "top" if y > 0 else "bottom"
    return ""


def sides(arrows, at, a, b, colour):
    """The edges on which the arrows of a colour from ``a`` to ``b`` begin and end."""
    ends = [(side(start, at[a]), side(end, at[b])) for start, end, how in arrows if how["color"] == colour]
    return [pair for pair in ends if all(pair)]


def test_a_box_for_each_state_around_its_place(draw):
    seen, _, at = draw(model(units={"B": "10^9/L"}))
    boxes = [(min(x), max(x), min(y), max(y)) for (x, y), _ in seen.of("structure", "fill")]
    assert boxes == [pytest.approx((x - WIDE / 2, x + WIDE / 2, y - HIGH / 2, y + HIGH / 2)) for x, y in at.values()]
    assert all(len(set(zip(*corners, strict=True))) == 4 for corners, _ in seen.of("structure", "fill"))
    words = {args[2]: args[:2] for args, _ in seen.of("structure", "text")}
    assert set(words) == {*LINE, "10⁹/L", "dose"}, "a state without a unit shows none"
    assert words["A"] == pytest.approx(at["A"]) and words["B"][1] > at["B"][1] > words["10⁹/L"][1]


def test_everything_lies_inside_the_figure(draw):
    seen, arrows, at = draw(model(sources="A", losses="H"))
    (((left, right), _),), (((low, high), _),) = seen.of("structure", "set_xlim"), seen.of("structure", "set_ylim")
    points = [p for start, end, _ in arrows for p in (start, end)]
    points += [(x + dx * WIDE / 2, y + dy * HIGH / 2) for x, y in at.values() for dx in (-1, 1) for dy in (-1, 1)]
    assert left < min(x for x, _ in points) and max(x for x, _ in points) < right
    assert low < min(y for _, y in points) and max(y for _, y in points) < high
    assert seen.sizes["structure"] == pytest.approx((right - left, high - low)), "an inch is an inch"


def test_long_names_are_written_smaller(draw):
    size = {
        args[2]: k["fontsize"]
        for args, k in draw(model(("A", "NINE_LONG", "EIGHTEEN_LETTERS_X"), ()))[0].of("structure", "text")
    }
    assert size["A"] == size["NINE_LONG"] == 9 and size["EIGHTEEN_LETTERS_X"] == pytest.approx(4.5)


def test_flows_join_facing_edges(draw):
    _, arrows, at = draw(model())
    for a, b in pairwise(LINE):
        expected = {"ABCD": ("right", "left"), "DE": ("bottom", "top"), "EFGH": ("left", "right")}
        (kind,) = (edges for letters, edges in expected.items() if f"{a}{b}" in letters)
        assert sides(arrows, at, a, b, FLOW).count(kind) == 1, (a, b)
    flat = [(start, end) for start, end, how in arrows if how["color"] == FLOW]
    assert all(start[0] == end[0] or start[1] == end[1] for start, end in flat), "a flow one way is drawn straight"
    assert not any(how["connectionstyle"] != "arc3,rad=0.0" for *_, how in arrows)


def test_a_flow_up_goes_from_the_top_to_the_bottom(draw):
    _, arrows, at = draw(model(flows=(*pairwise(LINE), ("E", "D"))))
    assert sides(arrows, at, "E", "D", FLOW) == [("top", "bottom")]


def test_both_ways_are_two_arrows_beside_each_other(draw):
    _, arrows, at = draw(model("AB", (("A", "B"), ("B", "A"))))
    (there,) = [s for s in arrows if side(s[0], at["A"]) == "right" and side(s[1], at["B"]) == "left"]
    (back,) = [s for s in arrows if side(s[0], at["B"]) == "left" and side(s[1], at["A"]) == "right"]
    assert there[0][1] == there[1][1] > at["A"][1] > back[0][1] == back[1][1]


@pytest.mark.parametrize("flow", ["AC", "CA", "AD"])
def test_a_flow_past_a_box_goes_over_the_top_of_it(draw, flow):
    """From top to top, ends towards each other, bent upwards: to the right a negative arc is above."""
    a, b = flow
    _, arrows, at = draw(model("ABCD", (*pairwise("ABCD"), (a, b))))
    (over,) = [s for s in arrows if side(s[0], at[a]) == side(s[1], at[b]) == "top"]
    assert abs(over[1][0] - over[0][0]) == pytest.approx(abs(at[b][0] - at[a][0]) - 0.2)
    rad = float(over[2]["connectionstyle"].removeprefix("arc3,rad="))
    assert (rad < 0) == (at[b][0] > at[a][0]) and abs(rad) == pytest.approx(0.22)


def test_sources_come_from_above_and_losses_go_below(draw):
    seen, arrows, at = draw(model("ABC", (), sources="B", losses="C"))
    (source,) = [s for s in arrows if side(s[1], at["B"]) == "top"]
    assert source[0][0] == source[1][0] < at["B"][0] and source[0][1] > source[1][1]
    (loss,) = [s for s in arrows if side(s[0], at["C"]) == "bottom"]
    assert loss[0][0] == loss[1][0] > at["C"][0] and loss[1][1] < loss[0][1]
    assert source[2]["color"] == loss[2]["color"] == FLOW
    (dose,) = [s for s in arrows if s[2]["color"] not in (FLOW, INFLUENCE)]
    assert side(dose[1], at["A"]) == "left" and dose[0][1] == dose[1][1] and dose[0][0] < dose[1][0]
    ((word, _),) = [call for call in seen.of("structure", "text") if call[0][2] == "dose"]
    assert word[0] == pytest.approx(dose[0][0]) and word[1] > dose[0][1]


def test_influences_in_a_row_are_dashed_arcs_below_to_the_right_and_above_to_the_left(draw):
    _, arrows, at = draw(model("ABCD", (), influences=(("B", "D"), ("D", "C"))))
    assert sides(arrows, at, "B", "D", INFLUENCE) == [("bottom", "bottom")]
    assert sides(arrows, at, "D", "C", INFLUENCE) == [("top", "top")]
    dashed = [(start, end, how) for start, end, how in arrows if how["color"] == INFLUENCE]
    assert all(how["linestyle"] != "solid" for *_, how in dashed)
    for (start, end, _), (a, b) in zip(dashed, ("BD", "DC"), strict=True):
        assert abs(end[0] - start[0]) == pytest.approx(abs(at[b][0] - at[a][0]) - 0.3), "the ends lean to each other"


def test_an_influence_on_itself_stays_on_its_box(draw):
    _, arrows, at = draw(model("AB", (), influences=(("B", "B"),)))
    assert sides(arrows, at, "B", "B", INFLUENCE) == [("bottom", "bottom")]


def test_influences_between_rows_down_on_the_right_and_up_on_the_left(draw):
    """A feedback up and one down between the same two boxes do not lie on each other."""
    _, arrows, at = draw(model(influences=(("D", "E"), ("E", "D"))))
    assert sides(arrows, at, "D", "E", INFLUENCE) == [("bottom", "top")]
    assert sides(arrows, at, "E", "D", INFLUENCE) == [("top", "bottom")]
    down, up = [start[0] - at["D"][0] for start, _, how in arrows if how["color"] == INFLUENCE]
    assert down == pytest.approx(0.16) and up == pytest.approx(-0.16)


def test_three_influences_from_one_row_below_meet_in_one_arrow(draw):
    """F, G and H of the second row set the rate of A: stubs from their tops, one line over them, one arrow."""
    seen, arrows, at = draw(model(influences=[(n, "A") for n in "FGH"]))
    (arrow,) = [s for s in arrows if s[2]["color"] == INFLUENCE]
    assert side(arrow[1], at["A"]) == "bottom" and arrow[1][0] < at["A"][0]
    lines = [args for args, k in seen.of("structure", "plot") if k["color"] == INFLUENCE]
    bus = at["F"][1] + HIGH / 2 + BUS
    meet = (at["A"][0] - STEP_X / 2, at["A"][1] - HIGH / 2 - BUS)
    assert arrow[0] == pytest.approx(meet)
    assert (pytest.approx([meet[0], at["F"][0]]), pytest.approx([bus, bus])) == tuple(map(list, lines[0]))
    for name, line in zip("FGH", lines[1:4], strict=True):
        assert line == (pytest.approx([at[name][0]] * 2), pytest.approx([at[name][1] + HIGH / 2, bus]))
    assert lines[4] == (pytest.approx([meet[0]] * 2), pytest.approx([bus, meet[1]])) and len(lines) == 5


def test_two_from_a_row_or_three_from_above_or_beside_stay_arrows_of_their_own(draw):
    for influences in ([(n, "A") for n in "FG"], [(n, "E") for n in "ABC"], [(n, "A") for n in "BCD"]):
        seen, arrows, _ = draw(model(influences=influences))
        assert len([s for s in arrows if s[2]["color"] == INFLUENCE]) == len(influences)
        assert not seen.of("structure", "plot")
