"""The line that a bench leaves."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import history

CASES = [
    {"case": "M2 weekly", "engine": "scipy", "cores": 1, "patients_per_s": 7.0, "ratio_to_scipy": None},
    {"case": "M2 weekly", "engine": "virtual-trial", "cores": 1, "patients_per_s": 7234.5, "ratio_to_scipy": 975.25},
    {"case": "M2 weekly", "engine": "virtual-trial", "cores": 2, "patients_per_s": 12600.0, "ratio_to_scipy": None},
]


def test_a_line_has_our_figures_on_one_core_and_how_many_demands_hold(tmp_path):
    for holds in ([True, False, True], [True]):
        history.append(history.line(CASES, holds, 123.456), tmp_path / "h.csv")
    with (tmp_path / "h.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["m2_patients_per_s"], first["m2_to_scipy"], first["m2_to_heyoka"]) == ("7234", "975.2", "")
    assert (first["machine"], first["held"], first["judged"], second["judged"]) == ("123.5", "2", "3", "1")


def test_the_history_can_be_read():
    with history.HISTORY.open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert tuple(reader.fieldnames) == history.COLUMNS
    assert all(float(row["machine"]) > 0 and row["commit"] for row in rows)
