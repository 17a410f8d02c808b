"""Design points side by side: rows by hand from replicates, and the tables they are written to."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.endpoints import catalogue
from analysis.evidence.design_points import Simulated, point_rows, said, write_long, write_wide

KNOWN = {code: catalogue(56)[code] for code in ("RESPW8", "PLTW8", "MAXDUR")}
BASE = Simulated("f0", ("A", "P"), {
    "RESPW8": np.array([[0.5, 0.0], [0.7, 0.1], [0.9, np.nan]]), "PLTW8": np.array([[50.0, 10.0], [60, 12], [70, 14]]),
})  # fmt: skip
OTHER = Simulated("f1", ("A", "B"), {"RESPW8": np.array([[0.6, 0.2], [0.9, 0.4], [np.nan, 0.9]])})
LONGER = Simulated("f2", ("A", "P"), {"RESPW8": np.full((2, 2), 0.5)})
SETTINGS = [{"k": "1", "l": "x"}, {"k": "2", "l": "x"}, {"k": "3", "l": "y"}]


def rows():
    return point_rows("s", [BASE, OTHER, LONGER], KNOWN)


def test_a_row_for_every_endpoint_and_arm_that_a_point_has():
    assert [row.key for row in rows()] == [
        "0|A|RESPW8", "0|P|RESPW8", "0|A|PLTW8", "0|P|PLTW8", "1|A|RESPW8", "1|B|RESPW8", "2|A|RESPW8", "2|P|RESPW8",
    ]  # fmt: skip


def test_numbers_of_a_row_by_hand():
    """Rates in %, 70 with SD 20 over 3 replicates; a change is over the replicates with both: +10 and +20."""
    found = {row.key: row for row in rows()}
    base, placebo, count = (found[key] for key in ("0|A|RESPW8", "0|P|RESPW8", "0|A|PLTW8"))
    assert (base.estimate, base.mcse, base.replicates) == pytest.approx((70, 20 / np.sqrt(3), 3))
    assert (base.difference, base.difference_mcse, base.unit, base.folder) == (0, 0, "%", "f0")
    assert (placebo.estimate, placebo.replicates) == (5, 2)
    assert (count.estimate, count.mcse, count.unit) == pytest.approx((60, 10 / np.sqrt(3), "10^9/L"))
    changed, new, longer = (found[key] for key in ("1|A|RESPW8", "1|B|RESPW8", "2|A|RESPW8"))
    assert (changed.estimate, changed.difference, changed.difference_mcse) == pytest.approx((75, 15, 5))
    assert (new.estimate, new.difference, new.difference_mcse) == (pytest.approx(50), None, None), "no such arm at 0"
    assert (longer.estimate, longer.difference) == (50, None), "other replicates"
    assert said(base) == ("70.0 ± 11.5", "") and said(changed)[1] == "+15.0 ± 5.0"


def test_the_long_table_has_the_values_of_the_keys_beside_the_point(tmp_path: Path):
    table = pq.read_table(write_long(rows(), SETTINGS, tmp_path / "scan.parquet"))
    assert table.column_names[:5] == ["study", "point", "k", "l", "folder"]
    assert table["k"].to_pylist() == ["1"] * 4 + ["2"] * 2 + ["3"] * 2
    assert table["l"].to_pylist() == ["x"] * 6 + ["y"] * 2
    assert table["estimate"].to_pylist() == [row.estimate for row in rows()]


def test_the_wide_table_has_a_line_per_point_and_is_empty_where_there_is_nothing(tmp_path: Path):
    with write_wide(rows(), SETTINGS, tmp_path / "scan.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["point"], line["k"], line["l"]) for line in lines] == [
        ("0", "1", "x"),
        ("1", "2", "x"),
        ("2", "3", "y"),
    ]
    found = {row.key: row for row in rows()}
    for k, line in enumerate(lines):
        for name in ("RESPW8|A", "RESPW8|P", "RESPW8|B", "PLTW8|A"):
            code, arm = name.split("|")
            for number in ("estimate", "mcse", "difference", "difference_mcse"):
                row = found.get(f"{k}|{arm}|{code}")
                value = getattr(row, number) if row else None
                assert line[f"{name}|{number}"] == ("" if value is None or np.isnan(value) else repr(float(value)))
