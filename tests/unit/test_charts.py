"""What the charts put where: values, limits, ticks and room for letters, read from axes that keep their calls."""

from unittest.mock import MagicMock

import numpy as np
import pytest
from drawn_axes import Drawn

from analysis.figures import charts
from analysis.figures.charts import (
    LINE_OF_TEXT,
    ForestRow,
    Lever,
    Panel,
    PatientCourse,
    QuartileCurve,
    Rungs,
    Trace,
    forest,
    platelets,
    shares_over_time,
    tornado,
)
from analysis.figures.palette import HUES, hue, line_style, swatch, tint


def test_arms_differ_in_colour_and_dashes_or_stripes():
    """Eleven colours, then again with other dashes; placebo arms are grey; 44 active arms have looks of their own."""
    assert [hue(k) for k in range(13)] == [*HUES, HUES[1]] and hue(-1) == HUES[0]
    assert len({(hue(k), str(line_style(k))) for k in range(1, 45)}) == 44 == len({swatch(k) for k in range(1, 45)})
    assert line_style(1) == "-" != line_style(6) and line_style(0) == "-" != line_style(-1)
    assert swatch(1) == hue(1) and hue(6) in swatch(6) and swatch(-1) != swatch(0)
    assert tint(0, 0.5) == "#afb5bc", "half of the way from #5f6b7a to white"


def test_quartiles_and_medians_of_the_other_arms(monkeypatch):
    weeks = np.arange(3.0)
    curves = [
        QuartileCurve("one", 1, weeks, np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), (1.0,)),
        QuartileCurve("two", 0, weeks, np.array([[10.0, 20, 30], [40, 50, 60], [70, 80, 90]])),
    ]
    seen = Drawn(monkeypatch)
    assert platelets(curves, (50, 250)) == ["<svg platelets0>", "<svg platelets1>"]
    ((band, _),) = seen.of("platelets0", "fill_between")
    assert [list(values) for values in band] == [[0, 1, 2], [1, 2, 3], [7, 8, 9]]
    lines = [list(args[1]) for args, _ in seen.of("platelets0", "plot")]
    everyone, *others = lines
    assert np.array_equal(everyone, [4, 5, 6, np.nan, 40, 50, 60, np.nan], equal_nan=True)
    assert others == [[4, 5, 6], [0.03]]
    (((low, high), _),) = seen.of("platelets0", "set_ylim")
    assert (low, high) == (pytest.approx(1 / 1.25), pytest.approx(1.2 * 275)), "the thresholds too have their place"


def test_dose_levels_in_percent_with_the_last_day_to_its_end(monkeypatch):
    seen = Drawn(monkeypatch)
    charts.dose_levels([Rungs("one", 1, ("none", "5 mg"), np.array([[0.25, 0.5], [0.75, 0.5]]))])
    (((days, steps), kept),) = seen.of("doses0", "stackplot")
    assert days.tolist() == pytest.approx([0, 1 / 7, 2 / 7]) and steps.tolist() == [[25, 50, 50], [75, 50, 50]]
    assert kept["step"] == "post" and len(kept["colors"]) == 2


def test_a_dose_level_that_nobody_takes_has_no_band_and_the_others_keep_their_colours(monkeypatch):
    seen = Drawn(monkeypatch)
    charts.dose_levels([Rungs("one", 1, ("none", "5 mg", "10 mg"), np.array([[0.25], [0.0], [0.75]]))])
    (((_, steps), kept),) = seen.of("doses0", "stackplot")
    none, _, highest = charts.rung_colours(1, 3)
    assert steps.tolist() == [[25, 25], [75, 75]] and kept["colors"] == [none, highest]


@pytest.mark.parametrize(
    ("highest", "top", "limit"), [(0.4, 0.0, 50.0), (0.01, 0.0, 10.0), (0.9, 0.0, 100.0), (0.4, 100.0, 100.0)]
)
def test_the_axis_of_shares_ends_above_the_highest_line(monkeypatch, highest, top, limit):
    weeks = np.arange(3.0)
    seen = Drawn(monkeypatch)
    shares_over_time("x", "X", [Trace("one", 1, weeks, np.array([0, highest, np.nan]))], top)
    (((low, high), _),) = seen.of("x", "set_ylim")
    assert low == 0 and high == pytest.approx(limit)
    assert [args[0] for args, _ in seen.of("x", "annotate")] == ["one"], "the name, and no numbers at risk"
    assert seen.sizes["x"][1] == pytest.approx(2.9 + 2 * LINE_OF_TEXT / 72)


def test_numbers_at_risk_stand_below_the_ticks_a_line_for_each_arm(monkeypatch):
    """Days 0 to 14 of two weeks; at week 1 the number of day 7, up to the last week and not beyond."""
    weeks = np.arange(15) / 7
    traces = [Trace(f"arm {k}", k, weeks, weeks / 4, 100.0 * k + np.arange(15)) for k in (1, 2)]
    seen = Drawn(monkeypatch, ticks=(0.0, 1.0, 2.0, 3.0))
    shares_over_time("x", "X", traces)
    said = [(*args, k["color"]) for args, k in seen.of("x", "annotate")]
    assert [text for text, *_ in said] == ["At risk", "100", "107", "114", "200", "207", "214", "arm 1", "arm 2"]
    assert [place for _, place, *_ in said[1:4]] == [(0.0, 0), (1.0, 0), (2.0, 0)]
    heights = [offset[1] for _, _, offset, _ in said]
    first, second = heights[1], heights[4]
    assert heights[0] > heights[7] > first == heights[3] > heights[8] > second == heights[6], (
        "names above their numbers"
    )
    assert [said[k][3] for k in (1, 4, 7, 8)] == [hue(1), hue(2), hue(1), hue(2)]
    wide, high = charts.points(3.7, seen.sizes["x"][1], "X", 0.45 + seen.sizes["x"][1] - 2.9)
    pieces = [args for args, k in seen.of("x", "plot")]
    for (x, y), below in zip(pieces, (heights[7], heights[8]), strict=True):
        assert x * wide == pytest.approx([0, 22]) and y * high == pytest.approx([below + 2.5] * 2), "points"
    lines, room = 5.5, seen.sizes["x"][1] - 2.9
    assert room == pytest.approx(LINE_OF_TEXT / 72 * lines), "for the heading, and two lines of each arm"
    assert seen.margins["x"]["bottom"] * seen.sizes["x"][1] == pytest.approx(0.45 + room)


def row(label, **said):
    usual = dict(
        hue=1, published=50.0, low=40.0, high=60.0, simulated=55.0, range_low=45.0, range_high=65.0, inside=True
    )
    return ForestRow(label, **(usual | said))


def test_a_forest_has_its_first_row_on_top(monkeypatch):
    seen = Drawn(monkeypatch)
    forest([("Response", [row("A"), row("B", published=10.0, inside=False)]), ("Two\nlines", [row("C")])])
    (((places, labels), _),) = seen.of("forest0", "set_yticks")
    assert list(places) == [0, 1] and labels == ["B", "A"]
    lines = [(args[0], args[1], k) for args, k in seen.of("forest0", "plot")]
    bar, tick, spread, dot = lines[4:]
    assert (bar[0], tick[0], spread[0], dot[0]) == ([40, 60], [50], [45, 65], [55]) and dot[1] == [1]
    assert [dot[2]["mfc"] for dot in (lines[3], lines[7])] == ["white", hue(1)], "open when outside"
    heights = [seen.sizes[name][1] for name in ("forest0", "forest1")]
    assert heights == pytest.approx([0.8 + 2 * 0.3, 0.8 + 0.3 + 0.18]), "a place for each row and each line of a title"


def test_a_tornado_has_bars_to_the_change_and_lines_of_its_error(monkeypatch):
    seen = Drawn(monkeypatch)
    levers = [Lever("STRONG", (-5.0, 1.0), (4.0, 0.5)), Lever("WEAK", (1.0, 0.25), (-2.0, 0.0))]
    tornado("t", "One\ntwo", levers, 2, "Change, d", 7.5)
    assert [args[:2] for args, _ in seen.of("t", "barh")] == [
        (pytest.approx(0.18), 1.0), (pytest.approx(-0.18), -2.0),
        (pytest.approx(1.18), -5.0), (pytest.approx(0.82), 4.0),
    ]  # fmt: skip
    assert [args for args, _ in seen.of("t", "plot")] == [
        ([0.75, 1.25], [pytest.approx(0.18)] * 2), ([-2.0, -2.0], [pytest.approx(-0.18)] * 2),
        ([-6.0, -4.0], [pytest.approx(1.18)] * 2), ([3.5, 4.5], [pytest.approx(0.82)] * 2),
    ]  # fmt: skip
    assert seen.of("t", "set_xlim") == [((-7.5, 7.5), {})]
    (((_, labels), _),) = seen.of("t", "set_yticks")
    assert labels == ["WEAK", "STRONG"] and seen.sizes["t"][1] == pytest.approx(0.8 + 0.18 + 2 * 0.24)


def ticks_of(last_week):
    axes = MagicMock()
    charts._week_axis(axes, np.array([0.0, last_week]))
    ((placed,),) = [call.args[:1] for call in axes.set_xticks.call_args_list]
    return np.round(placed, 3).tolist(), axes.set_xlabel.call_args.args[0]


def test_weeks_from_two_weeks_on_and_days_before():
    days = [round(k / 7, 3) for k in range(0, 15, 2)]
    assert ticks_of(2.0) == (days, "Day")
    assert ticks_of(2.1) == ([0, 1, 2], "Week")
    assert ticks_of(5.0) == ([0, 1, 2, 3, 4, 5], "Week") and ticks_of(5.2) == ([0, 2, 4], "Week")
    assert ticks_of(14.0) == ([0, 2, 4, 6, 8, 10, 12, 14], "Week") and ticks_of(14.2) == ([0, 3, 6, 9, 12], "Week")


def count_axis(values, thresholds):
    axes = MagicMock()
    charts._count_axis(axes, thresholds, [np.array(values, dtype=float)])
    return *axes.set_ylim.call_args.args, axes.set_yticks.call_args.args[0]


def test_the_axis_of_counts_holds_what_is_drawn_and_the_thresholds():
    """A logarithm knows neither 0 nor what is not a number."""
    assert count_axis([0.0, np.nan, np.inf, 20, 400], (50,)) == (16.0, 480.0, [30, 50, 100, 250])
    assert count_axis([60.0, 70], (50, 250)) == (40.0, pytest.approx(330), [50, 100, 250])
    assert count_axis([60.0, 70], ()) == (8.0, pytest.approx(132), [10, 30, 50, 100])
    assert count_axis([np.nan], (50,))[:2] == (0.8, 120.0)
    assert count_axis([12.5, 250 / 1.2], ())[2] == [10, 30, 50, 100, 250], "a tick at the upper end is a tick"
    assert count_axis([12.5, 30], (12.5,))[2] == [10, 12.5, 30], "and one at the lower"


def test_labels_of_axes_stand_as_far_from_them_in_points_whatever_their_size():
    """21 points below and 32 to the left, in shares of axes of 3.16 by 1.06 inches and of 1.16 by 2.1."""
    for width, height, left, bottom in ((4.0, 2.0, 0.7, 0.6), (2.0, 3.0, 0.7, 0.6)):
        with Panel("x", width, height, "", left=left, bottom=bottom) as (axes, made):
            wide = width * (made.margins["right"] - made.margins["left"])
            high = height * (made.margins["top"] - made.margins["bottom"])
            x, y = axes.xaxis.label.get_position(), axes.yaxis.label.get_position()
        assert x == pytest.approx((0.5, -21 / 72 / high)) and y == pytest.approx((-32 / 72 / wide, 0.5))


def test_margins_leave_room_for_labels_and_each_line_of_the_title():
    made = Panel("x", 4.0, 2.0, "", left=1.0, bottom=0.5)
    assert made.margins == pytest.approx({"left": 0.25, "right": 0.965, "bottom": 0.25, "top": 1 - 0.15})
    assert Panel("x", 4.0, 2.0, "One\ntwo").margins["top"] == pytest.approx(1 - 0.24)
    assert Panel("x", 4.0, 2.0, "", margins=(0, 1, 0, 1)).margins == {"left": 0, "right": 1, "bottom": 0, "top": 1}


@pytest.mark.parametrize("share", [0.0, np.nan])
def test_an_arm_without_patients_has_an_empty_panel_of_dose_levels(share):
    """Eight patients in four arms may leave one empty: its report ended with an error of the drawing library."""
    empty = Rungs("nobody", 1, ("none", "5 mg"), np.full((2, 70), share))
    assert "nobody" in charts.dose_levels([empty])[0]


def test_a_patient_with_rescue_chemotherapy_and_dose_levels(monkeypatch):
    """Unknown counts are left out; levels are evenly spaced, 0 among them."""
    seen = Drawn(monkeypatch)
    periods = ((0.0, 14.0, 5.0), (14.0, 21.0, 0.0), (21.0, 28.0, 2.5))
    course = PatientCourse(1, np.array([0.0, 7, 14]), np.array([10.0, np.nan, 60]), periods, (7.0,), 28.0, (21.0,))
    charts.patient("p", course, (50,))
    counts, chemo = [args for args, _ in seen.of("p", "plot")]
    assert counts[0].tolist() == [0, 2] and counts[1].tolist() == [10, 60] and chemo[0] == [3]
    assert [args for args, k in seen.of("p", "axvline")] == [(1.0,)]
    assert [args for args, _ in seen.of("p/1", "plot")] == [([0, 2], [2, 2]), ([2, 3], [0, 0]), ([3, 4], [1, 1])]
    (((places, labels), _),) = seen.of("p/1", "set_yticks")
    assert list(places) == [0, 1, 2] and labels == ["0", "2.5", "5"]
    assert seen.of("p", "set_xlim") == seen.of("p/1", "set_xlim") == [((0, 4.0), {})]


def test_five_colours_in_a_row_have_the_same_dashes_and_the_next_turn_begins_one_later():
    """Eleven colours; whole, dashed, dotted, both: 5, 5 and 1 of them, then from dashed on."""
    looks = [[(), (5.0, 2.0), (1.2, 1.6), (6.0, 2.0, 1.2, 2.0)].index(() if line_style(k) == "-" else line_style(k)[1])
             for k in range(-3, 23)]  # fmt: skip
    assert looks == [3, 2, 1, 0, *[0] * 5, *[1] * 5, 2, *[1] * 5, *[2] * 5, 3]
