"""The baseline summaries against numbers worked out by hand."""

import math

import numpy as np
import pytest

from analysis.statistics.baseline import ITEMS
from analysis.statistics.participants import describe

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
