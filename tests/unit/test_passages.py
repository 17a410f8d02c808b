"""Passages through the stages of a trial: every count from rows written by hand, in three arms and two replicates."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_config_stages import STAGED

from analysis.statistics.passages import estimate_passages
from trial.study.load import load_study
from trial.tables import PATIENTS, STAGE_ENDS, STAGES

LOW, HIGH, SHAM = "HETROM-2.5", "HETROM-5", "Placebo"
LEFT = "lack of effect"
END, MET, _ = STAGE_ENDS
PEOPLE = [
    # replicate, arm, stages as (number, how it ended), reason to have left the study
    (0, LOW, [(1, END), (2, LEFT)], LEFT),
    (0, LOW, [(1, LEFT)], LEFT),
    (0, HIGH, [(1, END), (2, END), (3, MET), (4, END)], ""),
    (0, SHAM, [(1, END), (2, END), (4, END)], ""),
    (0, SHAM, [(1, END), (2, END), (4, END)], LEFT),
    (1, LOW, [(1, END), (2, END), (3, END)], ""),
    (1, HIGH, [(1, LEFT)], LEFT),
    (1, SHAM, [(1, END)], ""),
]
"""The last of the first replicate left after the last stage."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str, str, str], float]:
    folder = tmp_path_factory.mktemp("passages")
    (folder / "study.yaml").write_text(STAGED)
    study = load_study(folder / "study.yaml", ["replicates=2", f"dropout=[{{reason: {LEFT}, hazard_per_week: 0.01}}]"])
    patients, stages, number = [], [], {0: 0, 1: 0}
    for replicate, arm, passed, left in PEOPLE:
        number[replicate] += 1
        key = {"IREP": replicate, "SUBJID": number[replicate], "ARM": arm}
        patients.append(key | {"DCSREAS": left})
        stages += [key | {"STAGEN": k, "ENDREAS": why} for k, why in passed]
    pq.write_table(pa.Table.from_pylist(patients, schema=PATIENTS), folder / "patients.parquet")
    pq.write_table(pa.Table.from_pylist(stages[::-1], schema=STAGES), folder / "stages.parquet")
    found = estimate_passages(folder, study)
    assert estimate_passages(folder, study.model_copy(update={"stages": ()})) == []
    return {(e.PARAMCD, e.CATEGORY, e.ARM, e.STAT, e.SCOPE): e.ESTIMATE for e in found}


ARMS = (LOW, HIGH, SHAM, "ALL")


def counts(rows: dict, stage: str, what: str, scope: str = "replicate") -> list[float]:
    return [rows[f"STAGE:{stage}", what, arm, "count", scope] for arm in ARMS]


def test_who_entered_and_what_became_of_them(rows: dict) -> None:
    """The named replicate is the first one."""
    assert counts(rows, "DB", "entered") == [2, 1, 2, 5]
    assert counts(rows, "DB", "left") == counts(rows, "DB", LEFT) == [1, 0, 0, 1]
    assert counts(rows, "DB", "completed") == [1, 1, 2, 4]
    assert counts(rows, "OL", "entered") == [1, 1, 2, 4] and counts(rows, "OL", "left") == [1, 0, 0, 1]
    assert counts(rows, "OFF", "entered") == [0, 1, 0, 1] and counts(rows, "OFF", MET) == [0, 1, 0, 1]
    assert counts(rows, "AGAIN", "entered") == [0, 1, 2, 3]


def test_where_they_went_on_to(rows: dict) -> None:
    """From the open label stage to that without drug, or over it."""
    onward = {k[1]: k for k in rows if k[0] == "STAGE:OL" and k[1].startswith("went on to")}
    assert len(onward) == 2
    first, over = sorted(onward, key=lambda name: rows["STAGE:OL", name, SHAM, "count", "replicate"])
    assert counts(rows, "OL", first) == [0, 1, 0, 1] and counts(rows, "OL", over) == [0, 0, 2, 2]
    (to,) = {k[1] for k in rows if k[0] == "STAGE:DB" and k[1].startswith("went on to")}
    assert counts(rows, "DB", to) == [1, 1, 2, 4]


def test_shares_are_of_those_who_entered_and_means_are_over_replicates(rows: dict) -> None:
    assert rows["STAGE:DB", "entered", LOW, "share", "replicate"] == 100
    assert rows["STAGE:OL", "entered", LOW, "share", "replicate"] == 50, "of all randomised"
    assert rows["STAGE:OL", "left", LOW, "share", "replicate"] == 100, "of those who entered it"
    assert counts(rows, "DB", "left", "replicates") == [0.5, 0.5, 0, 1]
    assert counts(rows, "OL", "entered", "replicates") == [1, 0.5, 1, 2.5]
    assert rows["STAGE:OL", "left", LOW, "share", "replicates"] == 50


def test_who_left_after_the_last_stage_is_counted_there(rows: dict) -> None:
    """Those who are gone, less those who left in a stage."""
    assert [rows["STAGES", "left", arm, "count", "replicate"] for arm in ARMS] == [0, 0, 1, 1]
    assert rows["STAGES", "left", "ALL", "share", "replicate"] == 20
