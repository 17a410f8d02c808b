"""Screening, disposition and baseline as estimates, from tables written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_trial import study

from analysis.statistics.participants import describe, estimate_participants
from trial.study.study import Study
from trial.tables import PATIENTS, SCREENING


@dataclass(frozen=True)
class Stops:
    """As much of a summary as the disposition reads: patients (R, A) whose treatment was stopped."""

    events: np.ndarray


LEFT = {"DISCONTINUED": "adverse event"}
PEOPLE = [
    # replicate, arm, age, sex, years of ITP, status
    (0, "drug", 30.0, "F", 2.0, "COMPLETED"),
    (0, "drug", 50.0, "M", 4.0, "DISCONTINUED"),
    (0, "drug", 70.0, "F", np.nan, "SOLVE FAILED"),
    (0, "placebo", 20.0, "F", 1.0, "COMPLETED"),
    (1, "drug", 40.0, "M", 0.6, "COMPLETED"),
    (1, "drug", 44.0, "M", 9.0, "COMPLETED"),
    (1, "drug", 42.0, "", 2.0, "COMPLETED"),
    (1, "placebo", 60.0, "F", 6.0, "DISCONTINUED"),
]
SCREENED = [(0, "screened", 9), (0, "age below 18", 2), (0, "no ITP", 3), (0, "randomised", 4),
            (1, "screened", 6), (1, "age below 18", 2), (1, "randomised", 4)]  # fmt: skip


def rows_of(folder: Path, of: Study, people: list[tuple] = PEOPLE) -> dict[tuple, object]:
    names = ("IREP", "ARM", "AGE", "SEX", "ITPDUR", "EOSSTT")
    patients = [dict(zip(names, row, strict=True)) for row in people]
    patients = [row | {"SUBJID": k, "DCSREAS": LEFT.get(row["EOSSTT"], "")} for k, row in enumerate(patients)]
    pq.write_table(pa.Table.from_pylist(patients, schema=PATIENTS), folder / "patients.parquet")
    screening = [dict(zip(("IREP", "REASON", "N"), row, strict=True)) for row in SCREENED]
    pq.write_table(pa.Table.from_pylist(screening, schema=SCREENING), folder / "screening.parquet")
    rows = estimate_participants(folder, of, {"STOPPED": Stops(np.array([[1.0, 0.0], [2.0, 1.0]]))})
    named = [(r.PARAMCD, r.CATEGORY, r.ARM, r.STAT, r.SCOPE) for r in rows]
    assert len(set(named)) == len(rows)
    return dict(zip(named, rows, strict=True))


def two(**changes: object) -> Study:
    made = study(replicates=2, **changes)
    return made.model_copy(update={"dropout": (LEAVING,)})


LEAVING = Study.model_validate(
    study().model_dump() | {"dropout": [{"reason": "adverse event", "hazard_per_week": 0.1}]}
).dropout[0]


def test_disposition_counts_everybody_once(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, two())

    def values(category: str, arm: str, stat: str = "count") -> list[float]:
        return [rows["DISP", category, arm, stat, scope].ESTIMATE for scope in ("replicate", "replicates")]

    assert values("randomised", "drug") == [3, 3] and values("randomised", "ALL") == [4, 4]
    assert values("completed", "drug") == [1, 2] and values("completed", "ALL") == [2, 2.5]
    assert values("left: adverse event", "drug") == [1, 0.5] == values("discontinued", "drug")
    assert values("solve failed", "drug") == [1, 0.5] and values("analysed", "drug") == [2, 2.5]
    share = rows["DISP", "completed", "drug", "share", "replicate"]
    assert pytest.approx(100 / 3) == share.ESTIMATE and (share.N, share.N_EVENT) == (3, 1)
    assert values("completed", "drug", "share")[1] == pytest.approx((100 / 3 + 100) / 2)
    assert not any("stopped" in category for _, category, *_ in rows)


def test_only_a_study_that_can_stop_says_how_often(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, two(stops=True))
    assert rows["DISP", "stopped by the dose rule", "drug", "count", "replicates"].ESTIMATE == 1.5
    assert rows["DISP", "stopped by the dose rule", "ALL", "count", "replicate"].ESTIMATE == 1


def test_a_reason_nobody_was_excluded_for_counts_as_none(tmp_path: Path) -> None:
    """Without ITP: 3 in replicate 0, not recorded in replicate 1."""
    rows = rows_of(tmp_path, two())
    found = {c: rows["SCREEN", c, "ALL", "count", "replicates"].ESTIMATE for p, c, *_ in rows if p == "SCREEN"}
    assert found == {"screened": 7.5, "age below 18": 2, "no ITP": 1.5, "excluded": 3.5, "randomised": 4}
    assert rows["SCREEN", "excluded", "ALL", "count", "replicate"].ESTIMATE == 5


def test_baseline_by_arm_and_of_all_arms_together(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, two(named_replicate=0))
    age = {stat: rows["BASE:AGE", "", "drug", stat, "replicate"].ESTIMATE for stat in ("mean", "SD", "median")}
    assert age == {"mean": 50, "SD": 20, "median": 50}
    assert rows["BASE:AGE", "", "ALL", "median", "replicate"].ESTIMATE == 40
    assert rows["BASE:AGE", "", "ALL", "median", "replicates"].ESTIMATE == (40 + 43) / 2
    assert rows["BASE:AGE", "", "ALL", "maximum", "replicates"].ESTIMATE == 65
    female = rows["BASE:FEMALE", "", "drug", "rate", "replicate"]
    assert (female.N, female.N_EVENT) == (3, 2) and pytest.approx(200 / 3) == female.ESTIMATE
    assert rows["BASE:FEMALE", "", "drug", "missing", "replicates"].ESTIMATE == 0.5
    assert rows["BASE:ITPDUR_1", "", "drug", "rate", "replicate"].N == 2


def test_patients_without_itp_have_no_lines_of_it(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, two(), [(*row[:4], np.nan, row[5]) for row in PEOPLE])
    assert not any(code.startswith("BASE:ITPDUR") or code == "BASE:SPLENFL" for code, *_ in rows)


def test_descriptions_are_those_of_pandas() -> None:
    rng = np.random.default_rng(2)
    cell, values = rng.integers(0, 9, 200), rng.normal(size=200)
    cell[cell == 4] = 5
    values[rng.random(200) < 0.1] = np.nan
    values[cell == 7] = np.nan
    found = describe(cell, values, 10)
    groups = pd.Series(values).groupby(cell)
    there = {"n": groups.count(), "mean": groups.mean(), "SD": groups.std(), "median": groups.median(),
             "minimum": groups.min(), "maximum": groups.max()}  # fmt: skip
    for name, expected in there.items():
        whole = expected.reindex(range(10))
        whole = whole.fillna(0) if name == "n" else whole
        np.testing.assert_allclose(found[name], whole, rtol=1e-12, err_msg=name)
    assert found["missing"].sum() == np.isnan(values).sum()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_description_of_few_divides_by_nothing(n: int) -> None:
    """One value has no SD, and of nobody there is nothing; the cell beside it is not touched."""
    values, cell = np.array([7.0, *[1.0, 2.0, 6.0][:n], np.nan]), np.array([0, *[2] * n, 2])
    with np.errstate(all="raise"):
        found = {name: column.tolist() for name, column in describe(cell, values, 3).items()}
    mine = np.array([1.0, 2.0, 6.0][:n])
    assert (found["n"], found["missing"], found["sum"]) == ([1, 0, n], [0, 0, 1], [7, 0, mine.sum()])
    wanted = {"mean": mine.mean, "median": lambda: np.median(mine), "minimum": mine.min, "maximum": mine.max}
    for name, of in wanted.items():
        np.testing.assert_allclose(found[name], [7, np.nan, of() if n else np.nan], err_msg=name)
    np.testing.assert_allclose(found["SD"], [np.nan, np.nan, mine.std(ddof=1) if n > 1 else np.nan])
