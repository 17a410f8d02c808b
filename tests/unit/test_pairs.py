"""The same patients on both sides of a comparison, by hand: who they are, and what changes within them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_trial import Patient, study, tables

from analysis.endpoints import catalogue
from analysis.evidence.comparison import Side, same_arms
from analysis.evidence.pairs import in_pairs
from analysis.evidence.results import evaluate_tables

SETTINGS = study(endpoints=["RESPW8", "PLTW8"])
KNOWN = catalogue(56)
A = [[60.0], [20.0], [70.0], [90.0]]
B = [[20.0], [20.0], [80.0], [None]]
"""Counts of four patients on drug in each of two runs; the last has none in the second."""


def folder(path: Path, counts, ages=(30.0, 40.0, 50.0, 60.0), arm="drug", paired=False) -> Side:
    """A run of one replicate with these patients, and one on placebo who has a count of 5."""
    path.mkdir()
    people = [*(Patient(count, arm=arm) for count in counts), Patient([5.0], arm="placebo")]
    made = tables(people)
    patients = made["patients"]
    for name, values in (("AGE", [*ages[: len(counts)], ages[0]]), ("WEIGHT", [60.0] * len(people))):
        patients = patients.set_column(patients.schema.get_field_index(name), name, pa.array(values, pa.float64()))
    pq.write_table(patients, path / "patients.parquet")
    settings = study(endpoints=["RESPW8", "PLTW8"], paired=paired).model_copy(update={"patients": len(counts)})
    pq.write_table(evaluate_tables(settings, made)["endpoints"], path / "endpoints.parquet")
    return Side(path, settings, {}, (), {})


def test_what_changes_within_the_patients_of_both(tmp_path: Path) -> None:
    """Drug: yes, no, yes, yes; then no, no, yes, missing as no. Counts change by -40, 0, +10."""
    a, b = folder(tmp_path / "a", A), folder(tmp_path / "b", B)
    found = in_pairs(a, b, same_arms(a, b), KNOWN)
    rows = {(row.endpoint, row.arm): row for row in found.rows}
    rate, count = rows["RESPW8", "drug"], rows["PLTW8", "drug"]
    assert (rate.patients, rate.only_a, rate.only_b, rate.difference) == (4, 50.0, 0.0, -50.0)
    assert (count.patients, count.only_a, count.only_b, count.difference) == (3, None, None, -10.0)
    assert rate.mcse is None and rows["RESPW8", "placebo"].difference == 0.0
    assert found.said[0] == "drug: 4 patients are on both sides, all replicates together"


def test_an_endpoint_of_one_side_alone_is_no_pair(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", A), folder(tmp_path / "b", B)
    fewer = study(endpoints=["RESPW8"]).model_copy(update={"patients": len(B)})
    made = tables([*(Patient(count) for count in B), Patient([5.0], arm="placebo")])
    pq.write_table(evaluate_tables(fewer, made)["endpoints"], b.path / "endpoints.parquet")
    for sides in ((a, b), (b, a)):
        assert {row.endpoint for row in in_pairs(*sides, same_arms(*sides), KNOWN).rows} == {"RESPW8"}


def test_others_of_the_same_number_are_left_out(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", A), folder(tmp_path / "b", B, ages=(30.0, 41.0, 50.0, 60.0))
    found = in_pairs(a, b, [("drug", "drug")], KNOWN)
    assert found.said == ("drug: 3 patients are on both sides, all replicates together; 1 of one number are others and "
                          "are left out",)  # fmt: skip
    assert next(row for row in found.rows if row.endpoint == "RESPW8").patients == 3


def test_two_arms_of_one_run_have_no_patient_in_common_but_where_each_is_in_both(tmp_path: Path) -> None:
    apart = folder(tmp_path / "a", A)
    assert in_pairs(apart, apart, [("drug", "placebo")], KNOWN).said == ("drug / placebo: no patient is on both sides",)
    both = folder(tmp_path / "b", [[60.0]], paired=True)
    found = in_pairs(both, both, [("drug", "placebo")], KNOWN)
    (rate, count) = (next(row for row in found.rows if row.endpoint == code) for code in ("RESPW8", "PLTW8"))
    assert (rate.arm, rate.only_a, rate.difference) == ("drug / placebo", 100.0, -100.0)
    assert count.difference == -55.0


def test_the_error_is_that_of_the_replicates(tmp_path: Path) -> None:
    """Changes of -100 and 0 % in two replicates of one patient each."""
    sides = []
    for name, counts in (("a", ([60.0], [60.0])), ("b", ([20.0], [60.0]))):
        made = tables([Patient(count, replicate=k) for k, count in enumerate(counts)])
        (tmp_path / name).mkdir()
        pq.write_table(made["patients"], tmp_path / name / "patients.parquet")
        pq.write_table(evaluate_tables(SETTINGS, made)["endpoints"], tmp_path / name / "endpoints.parquet")
        sides.append(Side(tmp_path / name, SETTINGS, {}, (), {}))
    rate = next(row for row in in_pairs(*sides, [("drug", "drug")], KNOWN).rows if row.endpoint == "RESPW8")
    assert (rate.patients, rate.difference, rate.mcse) == (1, -50.0, pytest.approx(100 / math.sqrt(2) / math.sqrt(2)))
    elsewhere = replace(sides[1], path=tmp_path / "b", endpoints=tmp_path / "a" / "endpoints.parquet")
    rate = next(
        row for row in in_pairs(sides[0], elsewhere, [("drug", "drug")], KNOWN).rows if row.endpoint == "RESPW8"
    )
    assert rate.difference == 0.0


def test_an_endpoint_of_one_side_alone_is_left_out(tmp_path: Path) -> None:
    """The other run never asked for it, whichever of the two that is."""
    a, b = folder(tmp_path / "a", A), folder(tmp_path / "b", B)
    table = pq.read_table(tmp_path / "b" / "endpoints.parquet")
    rows = [row for row in table.to_pylist() if row["PARAMCD"] == "PLTW8"]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "less.parquet")
    less = replace(b, endpoints=tmp_path / "less.parquet")
    for sides in ((a, less), (less, a)):
        assert {row.endpoint for row in in_pairs(*sides, [("drug", "drug")], KNOWN).rows} == {"PLTW8"}
