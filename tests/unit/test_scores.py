"""The forest of all studies: what is drawn, on which scale, and where on the page; numbers by hand."""

import itertools
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import MagicMock

import matplotlib.figure
import pytest

from analysis.evidence.scorecard import Score
from analysis.evidence.scoring import ScoredStudy
from analysis.figures import scores
from analysis.figures.charts import hue
from analysis.figures.scores import LABELS_IN, MISS, PREDICTED, ROW_IN, SEEN, WIDTH_IN, Mark, ScorePanel, forest, panels

HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
DAYS = replace(HIT, row_id="d", endpoint="MAXDUR", unit="d", simulated=26.0, published=20.0, ci_low=16.0, ci_high=25.0)
MARK = Mark("RESPW8  drug", 0.6, 0.5, 0.7, 0.65, 0.64, 0.66, True, True)


def test_rates_stay_in_percent_below_zero_too_and_the_rest_is_a_ratio_not_below_a_hundredth():
    """Two errors of 0.5 either way are 0.98 points; a change may be negative, a ratio on a logarithm may not."""
    (rates, ratios) = panels([ScoredStudy("one_study", (HIT, replace(DAYS, ci_low=-4.0, inside="no", seen="no")))])
    (mark,), (ratio,) = rates.groups[0][1], ratios.groups[0][1]
    assert (mark.label, mark.seen, mark.inside) == ("RESPW8  drug", True, True)
    assert (mark.published, mark.low, mark.high, mark.simulated) == (58.9, 51.1, 66.4, 60.0)
    assert (mark.simulated_low, mark.simulated_high) == pytest.approx((60 - 0.98, 60 + 0.98), abs=1e-3)
    assert (ratio.low, ratio.high, ratio.simulated) == (0.01, 1.25, 1.3) and not (ratio.seen or ratio.inside)
    assert rates.groups[0][0] == "one study" and (rates.logarithmic, ratios.logarithmic) == (False, True)
    ((low,),) = [panel.groups[0][1] for panel in panels([ScoredStudy("s", (replace(HIT, ci_low=-4.0),))])]
    assert low.low == -4.0


def test_what_has_no_verdict_or_no_ratio_is_not_drawn_and_no_error_is_no_line():
    silent, zero = replace(HIT, inside=""), replace(DAYS, published=0.0)
    assert panels([ScoredStudy("s", (silent, zero, replace(DAYS, inside="")))]) == []
    ((exact,),) = [p.groups[0][1] for p in panels([ScoredStudy("s", (replace(HIT, mcse=None, published=0.0),))])]
    assert exact.simulated_low == exact.simulated_high == 60.0 and exact.published == 0.0
    (only,) = panels([ScoredStudy("s", (DAYS,)), ScoredStudy("empty", (silent,))])
    assert [title for title, _ in only.groups] == ["s"] and only.axis == "Ratio to the published value"


def drawn(monkeypatch, *made):
    """The places of the axes (left, bottom, width, height in inches) and the height of the page."""
    figure = MagicMock()
    monkeypatch.setattr(matplotlib.figure, "Figure", lambda figsize: (setattr(figure, "size", figsize), figure)[1])
    forest(made, "note", [SimpleNamespace(suffix=".svg"), SimpleNamespace(suffix=".png")])
    width, height = figure.size
    placed = [call.args[0] for call in figure.add_axes.call_args_list]
    return [(x * width, y * height, w * width, h * height) for x, y, w, h in placed], figure.size, figure


def test_panels_stand_below_each_other_and_inside_the_page(monkeypatch):
    one, two = (
        ScorePanel("%", False, (("a", (MARK,) * 3),)),
        ScorePanel("ratio", True, (("a", (MARK,)), ("b", (MARK,)))),
    )
    (first, second, legend), (width, height), figure = drawn(monkeypatch, one, two)
    assert width == WIDTH_IN and height == pytest.approx(ROW_IN * (4 + 4) + 2 * 0.75 + 0.95)
    for x, y, w, h in (first, second):
        assert x == pytest.approx(LABELS_IN) and x + w == pytest.approx(WIDTH_IN - 0.75)
        assert h == pytest.approx(ROW_IN * 4 + 0.15), "the rows and a little more"
        assert y > 0.4 and y + h < height - 0.5
    assert second[1] + second[3] < first[1], "the second is below the first"
    assert first[1] - second[1] == pytest.approx(ROW_IN * 4 + 0.75)
    assert legend[1] + legend[3] == pytest.approx(height) and legend[1] > first[1] + first[3]
    kept = [call.kwargs["metadata"] for call in figure.savefig.call_args_list]
    assert kept == [{"Date": None}, {"Software": None}], "nothing in a file says when or by what it was written"


def test_rows_go_down_by_one_and_a_group_has_a_line_of_its_own():
    axes = MagicMock()
    scores._panel(axes, ScorePanel("%", False, (("a", (MARK, replace(MARK, label="second"))), ("b", (MARK,)))))
    assert axes.set_yticks.call_args.args == ([3, 2, 0], ["RESPW8  drug", "second", "RESPW8  drug"])
    assert [call.args[:2] for call in axes.annotate.call_args_list] == [("a", (0, 4)), ("b", (0, 1))]
    axes.set_xlim.assert_called_once_with(0, 100)
    axes.set_xscale.assert_not_called()


def test_the_axis_of_ratios_holds_every_line():
    def limits(*marks):
        axes = MagicMock()
        scores._panel(axes, ScorePanel("ratio", True, (("a", marks),)))
        axes.set_xscale.assert_called_once_with("log")
        return axes.set_xlim.call_args.args, axes.set_xticks.call_args.args

    wide = replace(MARK, low=0.3, simulated_low=0.2 / 0.9, high=3.0, simulated_high=5.0 / 1.1)
    (low, high), (ticks, words) = limits(MARK, wide)
    assert (low, high) == pytest.approx((0.2, 5.0)) and words == [f"{t:g}" for t in ticks]
    assert set(ticks) >= {0.5, 0.8, 1, 1.25, 2}
    (low, high), (ticks, _) = limits(replace(MARK, low=0.9, high=1.1, simulated_low=0.95, simulated_high=1.05))
    assert (low, high) == (0.5, 2.0) and ticks == [0.5, 0.8, 1, 1.25, 2], "a tick at either end is a tick"


@pytest.mark.parametrize(("seen", "k"), [(True, SEEN), (False, PREDICTED)])
def test_a_miss_is_said_in_red_and_a_hit_has_the_colour_of_its_kind(seen, k):
    axes = MagicMock()
    scores._mark(axes, 2, replace(MARK, seen=seen))
    assert axes.plot.call_args_list[2].kwargs["color"] == hue(k)
    axes.annotate.assert_not_called()
    scores._mark(axes, 2, replace(MARK, seen=seen, inside=False))
    assert axes.annotate.call_args.args[:2] == ("miss", (1, 2))
    assert axes.plot.call_args_list[-1].kwargs["mec"] == axes.plot.call_args_list[-2].kwargs["color"] == MISS
    assert [call.args[0] for call in axes.plot.call_args_list[:4]] == [[0.5, 0.7], [0.6], [0.64, 0.66], [0.65]]


def test_the_words_of_the_legend_do_not_run_into_each_other():
    axes = MagicMock()
    scores._legend(axes)
    words = [(call.args[0], call.args[2]) for call in axes.text.call_args_list]
    assert [text for _, text in words] == ["calibration target", "predicted", "missed"]
    for (x, text), (following, _) in itertools.pairwise(words):
        assert following > x + 0.07 * len(text)
    assert words[-1][0] + 0.07 * len("missed") < WIDTH_IN
