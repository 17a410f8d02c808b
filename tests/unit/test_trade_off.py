"""Points of a trade-off: whose colour they have."""

from analysis.figures.palette import hue
from analysis.figures.trade_off import Design, trade_off


def drawn(*designs: Design) -> str:
    return trade_off("one", "Trade-off", "x", "y", designs).lower()


def test_without_a_front_every_point_has_the_colour_of_its_arm():
    svg = drawn(Design(1.0, 2.0, arm=1), Design(2.0, 1.0, arm=2))
    assert hue(1).lower() in svg and hue(2).lower() in svg


def test_beside_a_front_only_the_front_and_the_study_as_it_stands_have_one():
    svg = drawn(Design(1.0, 2.0, arm=1, front=True), Design(2.0, 1.0, arm=2), Design(1.5, 1.5, arm=3, stands=True))
    assert hue(1).lower() in svg and hue(3).lower() in svg and hue(2).lower() not in svg
