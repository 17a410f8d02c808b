"""Figures: the same bytes for the same numbers, own ids, nothing loaded from elsewhere."""

import re
import subprocess
import sys

import numpy as np
import pytest

from analysis.figures import charts as figures
from analysis.figures.charts import ForestRow, PatientCourse, QuartileCurve, Rungs, Trace

WEEKS = np.arange(11.0)


def drawn() -> list[str]:
    growth = np.outer([0.6, 1.0, 1.6], 13 * np.exp(0.2 * WEEKS))
    curves = [QuartileCurve("one & <two>", 1, WEEKS, growth), QuartileCurve("two", 0, WEEKS, growth * 0.5)]
    rungs = [Rungs("one", 1, ("interrupted", "5 mg"), np.full((2, 70), 0.4))]
    course = PatientCourse(
        2, np.array([0.0, 7, 14]), np.array([10.0, np.nan, 60]), ((0, 14, 5.0), (14, 28, 0.0)), (7.0,), 28
    )
    held = [ForestRow("one", 1, 58.9, 51.1, 66.4, 59.0, 52.0, 66.0, True)]
    return [
        *figures.platelets(curves, (50, 250)),
        *figures.dose_levels(rungs),
        figures.shares_over_time("rescue", "Rescue", [Trace("one", 1, WEEKS, WEEKS / 20)]),
        *figures.forest([("Response", held)]),
        figures.patient("patient-0-1", course, (50, 250)),
    ]


def test_same_numbers_same_bytes():
    assert drawn() == drawn()


def test_svg_stands_alone_in_a_page():
    ids = []
    for svg in drawn():
        assert svg.startswith("<svg ") and svg.endswith("</svg>")
        assert "<style" not in svg and "<?xml" not in svg and "<metadata" not in svg
        own = set(re.findall(r'\bid="([^"]+)"', svg))
        assert set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg)) <= own
        assert not re.search(r'(href|src)="(?!#)', svg)
        ids += own
    assert len(ids) == len(set(ids))


def test_labels_are_escaped_text():
    svg = drawn()[0]
    assert "one &amp; &lt;two&gt;" in svg


def test_thresholds_are_named_on_the_axis():
    words = re.findall(r">(\d+)</text>", drawn()[0])
    assert {"50", "250"} <= set(words)


@pytest.mark.parametrize("k", range(8))
def test_hues(k):
    assert re.fullmatch("#[0-9a-f]{6}", figures.hue(k))
    assert figures.tint(k, 0) == "#ffffff" and figures.tint(k, 1) == figures.hue(k)


def test_placebo_is_grey_and_arms_differ():
    assert len({figures.hue(k) for k in range(6)}) == 6


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, analysis.report.page; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
