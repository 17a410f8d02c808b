"""Concentrations by nominal time, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from bare_run import bare_run

from analysis.report import concentrations as page
from analysis.statistics.concentrations import summary_rows
from analysis.statistics.estimates import Estimate

BLANK = Estimate(STUDYID="S", PARAMCD="CONC", PARAM="", ARM="A", COMPARATOR=None, POPULATION="PKS", STAT="",
                 UNIT="ng/mL", SCOPE="replicate")  # fmt: skip
VALUES = np.array([[0.0, 4.0, 0.0], [0.0, 1.0, 8.0], [2.0, 16.0, 2.0], [0.0, np.nan, 4.0]])
"""0: below the limit; NaN: no sample."""


def at(t: int) -> dict[str, float | None]:
    return {e.STAT: e.ESTIMATE for e in summary_rows(BLANK, VALUES, t)}


def test_a_time_with_all_quantifiable() -> None:
    """4, 1, 16: mean 7, SD 7.937, geometric mean 4, variance of logs (ln 4)^2: CV 100 sqrt(exp(1.9218) - 1)."""
    found = at(1)
    assert (found["n"], found["n quantifiable"], found["median"], found["minimum"], found["maximum"]) == (
        3,
        3,
        4,
        1,
        16,
    )
    assert (found["Q1"], found["Q3"]) == (2.5, 10)
    assert (
        found["mean"] == 7
        and found["SD"] == pytest.approx(np.sqrt(63))
        and found["CV"] == pytest.approx(113.39, abs=0.01)
    )
    assert found["geometric mean"] == pytest.approx(4)
    assert found["geometric CV"] == pytest.approx(100 * np.sqrt(np.exp(np.log(4) ** 2) - 1))


def test_below_the_limit_before_the_first_quantifiable_sample_is_zero_and_no_mean_stands() -> None:
    """0, 0, 2, 0 at the first time: one of four quantifiable, so no mean; median 0; geometric mean of the 2 alone."""
    found = at(0)
    assert (found["n"], found["n quantifiable"], found["median"], found["geometric mean"]) == (
        4,
        1,
        0,
        pytest.approx(2),
    )
    assert "mean" not in found and found["geometric CV"] is None


def test_below_the_limit_after_a_quantifiable_sample_is_missing() -> None:
    """8, 2, 4 and one below, which had been above before: three of four are quantifiable, mean of those three."""
    found = at(2)
    assert (found["n"], found["n quantifiable"]) == (4, 3)
    assert (
        found["mean"] == pytest.approx(14 / 3) and found["minimum"] == 2 and found["geometric mean"] == pytest.approx(4)
    )


def test_the_table_has_each_time_of_each_arm(monkeypatch) -> None:
    """Arms that are sampled at other times have their own lines, in the order of the estimates."""
    monkeypatch.setattr(page, "_line", lambda run, arm, time, hue: (arm, time))
    places = [("drug", "0"), ("drug", "2"), ("drug", "2"), ("placebo", "4")]
    table = page.table(bare_run(), [SimpleNamespace(ARM=arm, CATEGORY=time) for arm, time in places])
    assert [row for row in table.rows if isinstance(row, tuple)] == [("drug", "0"), ("drug", "2"), ("placebo", "4")]
