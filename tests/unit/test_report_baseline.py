"""The baseline summaries against numbers worked out by hand."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from analysis.statistics.baseline import ITEMS, ITP
from analysis.statistics.participants import describe

CONFIGS = Path(__file__).parents[2] / "configs"
PATIENTS = {
    "AGE": np.array([18.0, 65.0, 66.0, 40.0]),
    "SEX": np.array(["F", "M", "F", "F"]),
    "WEIGHT": np.array([50.0, 60.0, 70.0, np.nan]),
    "HEIGHT": np.array([160.0, 170.0, 165.0, 150.0]),
    "BMI": np.array([19.5, 20.8, 25.7, 22.0]),
    "ITPDUR": np.array([0.5, 1.0, 4.99, 5.0]),
    "SPLENFL": np.array(["N", "N", "Y", ""]),
    "CONITPFL": np.array(["Y", "Y", "Y", "Y"]),
    "BLBLEED": np.array([0, 1, 4, 0]),
    "BLPLAT": np.array([1.0, 10.0, 9.0, 29.0]),
}
BY_CODE = {item.code: item for item in ITEMS}


def test_described_by_hand():
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, SD sqrt(32/7), median 4.5; then one value, then none."""
    values = np.array([2, 4, 4, 4, 5, 5, 7, 9, 3, np.nan])
    found = describe(np.array([0] * 8 + [1, 2]), values, 3)
    assert [found[name][0] for name in ("n", "missing", "mean", "median", "minimum", "maximum")] == [8, 0, 5, 4.5, 2, 9]
    assert found["SD"][0] == pytest.approx(math.sqrt(32 / 7), rel=1e-15)
    assert found["median"][1] == 3 and math.isnan(found["SD"][1])
    assert (found["n"][2], found["missing"][2]) == (0, 1) and math.isnan(found["median"][2])


@pytest.mark.parametrize(
    ("code", "yes", "known"),
    [
        ("AGE65", 1, 4),  # older than 65: 65 itself is not
        ("FEMALE", 3, 4),
        ("ITPDUR_0.5", 1, 4),
        ("ITPDUR_1", 1, 4),  # 1 y belongs to "1 to below 3"
        ("ITPDUR_3", 1, 4),
        ("ITPDUR_5", 1, 4),
        ("SPLENFL", 1, 3),
        ("BLBLEED", 2, 4),
        ("CONITPFL", 4, 4),
        ("BLPLAT_LT10", 2, 4),  # 10 is not below 10
    ],
)
def test_categories(code, yes, known):
    values = np.asarray(BY_CODE[code].value(PATIENTS), dtype=float)
    assert (np.nansum(values), np.sum(~np.isnan(values))) == (yes, known)


def test_duration_classes_cover_everybody_once():
    total = sum(item.value(PATIENTS).sum() for item in ITEMS if item.group == "Duration of ITP")
    assert total == 4


def test_decimals_are_those_of_the_printed_table():
    """Table 1 of Mei 2021 as copied: a value and its limits of each measured line."""
    with (CONFIGS / "published" / "hetrombopag_itp_phase3_baseline.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["statistic"] == "median"]
    printed: dict[str, int] = {}
    for row in rows:
        decimals = max(len(row[name].partition(".")[2]) for name in ("published", "ci_low", "ci_high"))
        code = row["endpoint"].removeprefix("BASE:")
        printed[code] = max(printed.get(code, 0), decimals)
    assert printed == {item.code: item.printed for item in ITEMS if item.unit != "%"}


def test_lines_of_itp_and_of_everybody():
    assert ITP == ("ITPDUR_0.5", "ITPDUR_1", "ITPDUR_3", "ITPDUR_5", "SPLENFL", "CONITPFL")
    assert [item.code for item in ITEMS if item.group] == list(ITP[:4])


@pytest.mark.parametrize(
    ("code", "column", "values", "expected"),
    [
        ("AGE65", "AGE", [65.0, 65.0001, np.nan], [0, 1, np.nan]),
        ("BLPLAT_LT10", "BLPLAT", [0, 9.99, 10, np.nan], [1, 1, 0, np.nan]),
        ("ITPDUR_0.5", "ITPDUR", [0.49, 0.5, 0.99, 1.0], [0, 1, 1, 0]),
        ("ITPDUR_3", "ITPDUR", [2.99, 3, 4.99, 5], [0, 1, 1, 0]),
        ("ITPDUR_5", "ITPDUR", [4.99, 5, 60], [0, 1, 1]),
        ("BLBLEED", "BLBLEED", [0, 1, 4, np.nan], [0, 1, 1, np.nan]),
        ("SPLENFL", "SPLENFL", ["Y", "N", "", "None"], [1, 0, np.nan, np.nan]),
        ("FEMALE", "SEX", ["F", "M"], [1, 0]),
    ],
)
def test_each_line_at_its_edges(code, column, values, expected):
    np.testing.assert_array_equal(BY_CODE[code].value({column: np.array(values)}), expected)
