"""The lines of the baseline table against patients counted by hand."""

import numpy as np
import pytest

from analysis.statistics.baseline import ITEMS

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


def test_a_measured_line_is_the_column_itself():
    assert BY_CODE["WEIGHT"].value(PATIENTS)[:3].tolist() == [50.0, 60.0, 70.0]
    assert np.isnan(BY_CODE["WEIGHT"].value(PATIENTS)[3])


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
    found = BY_CODE[code].value(PATIENTS)
    assert (np.nansum(found), np.isfinite(found).sum()) == (yes, known)


def test_duration_classes_cover_everybody_once():
    found = np.array([item.value(PATIENTS) for item in ITEMS if item.group == "Duration of ITP"])
    assert found.sum(axis=0).tolist() == [1, 1, 1, 1]
