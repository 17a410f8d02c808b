"""The baseline summaries against numbers worked out by hand."""

import math

import numpy as np
import pytest

from analysis.statistics.baseline import ITEMS, Continuous, Share, continuous, share, summary

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


def test_continuous_by_hand():
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, SD sqrt(32/7), median 4.5."""
    found = continuous(np.array([2, 4, 4, 4, 5, 5, 7, 9.0]))
    assert found == Continuous(8, 0, 5.0, pytest.approx(math.sqrt(32 / 7), rel=1e-15), 4.5, 2.0, 9.0)


def test_missing_values_are_counted_not_used():
    found = summary(BY_CODE["WEIGHT"], PATIENTS)
    assert isinstance(found, Continuous)
    assert (found.n, found.missing, found.mean, found.sd, found.median) == (3, 1, 60.0, 10.0, 60.0)
    assert share(np.array([1.0, 0.0, np.nan])) == Share(2, 1, 1)


def test_one_and_no_value():
    assert math.isnan(continuous(np.array([3.0])).sd)
    assert continuous(np.array([np.nan])).n == 0


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
    found = summary(BY_CODE[code], PATIENTS)
    assert isinstance(found, Share)
    assert (found.yes, found.n) == (yes, known)


def test_duration_classes_cover_everybody_once():
    total = sum(summary(item, PATIENTS).yes for item in ITEMS if item.group == "Duration of ITP")
    assert total == 4
