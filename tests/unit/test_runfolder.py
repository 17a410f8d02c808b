"""What a report reads of a run folder: columns, arms, rows by name, words for codes; on tables of a few rows."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bare_run import NAMED, OVER, bare_run, changed, row
from made_run import make_run_folder, study_of

from analysis.evidence.scorecard import Published, Score
from analysis.report import runfolder
from analysis.report.runfolder import plain, read_run

PRINTED = Published("a", "S", "drug", "RESPW8", "rate", "w", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", "")
SCORE = Score("a", "S", "drug", "RESPW8", "w", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")


def chunks(*parts):
    return pa.chunked_array(
        [pa.array(part, pa.string()).dictionary_encode() for part in parts], pa.dictionary(pa.int32(), pa.string())
    )


def test_columns_become_text_and_numbers():
    assert plain(chunks(["b", "a"], ["c", "a"])).tolist() == ["b", "a", "c", "a"]
    assert plain(chunks(["b", None], ["a"])).tolist() == ["b", "", "a"]
    assert plain(chunks([])).tolist() == [] and plain(pa.chunked_array([pa.array(["x", None])])).tolist() == ["x", ""]
    np.testing.assert_array_equal(plain(pa.chunked_array([pa.array([1.5, None])])), [1.5, np.nan])
    assert plain(pa.chunked_array([pa.array([1, 2])])).tolist() == [1, 2]
    assert plain(pa.chunked_array([pa.array([True, False])])).tolist() == [True, False]


def test_placebo_arms_are_grey_and_the_others_count_up():
    arms = [
        {"id": name, "start_dose_mg": 5, "placebo": name == "P", "label": "Label" * (name == "A")}
        for name in ("P", "A", "B")
    ]
    run = bare_run(changed(arms=arms, randomisation={"block_size": 3}, analysis={"assessment_day": 56}))
    assert [(arm.id, arm.hue, arm.label) for arm in run.arms] == [("P", 0, "P"), ("A", 1, "Label"), ("B", 2, "B")]


def test_rows_are_found_by_all_that_names_them():
    rows = (
        row("X", "drug", "rate", 1.0),
        row("X", "drug", "rate", 2.0, OVER),
        row("X", "drug", "difference", 3.0, COMPARATOR="placebo"),
        row("X", "drug", "share", 4.0, category="2"),
        row("B", "drug", "rate", 5.0, PARCAT1="baseline"),
        row("X", "ALL", "not evaluable", 6.0, OVER, "why"),
    )
    run = bare_run(estimates=rows)
    assert run.one("X", "drug", "rate").SCOPE == NAMED and run.over("X", "drug", "rate").ESTIMATE == 2.0
    assert run.one("X", "drug", "difference", "placebo").ESTIMATE == 3.0 and run.one("X", "drug", "difference") is None
    assert run.one("X", "drug", "share", category="2").ESTIMATE == 4.0 and run.one("X", "sham", "rate") is None
    assert {e.PARAMCD for e in run.of_endpoints} == {"X"} == set(run.labels)
    assert [e.ESTIMATE for e in run.not_evaluable] == [6.0]


def test_a_published_row_has_the_score_of_its_name():
    other = Score(**{**vars(SCORE), "row_id": "b"})
    run = bare_run(scores=(other, SCORE))
    assert run.score_of(PRINTED) is run.scores[1] and run.score_of(None) is None
    assert bare_run(scores=(other,)).score_of(PRINTED) is None


def test_codes_of_failures_in_words():
    run = bare_run()
    run.__dict__["failures"] = {"STEP_LIMIT": "more steps than allowed"}
    assert run.in_words("missed visit") == "missed visit" and run.in_words("") == ""
    assert run.in_words("solver: STEP_LIMIT") == "solve failed: more steps than allowed"
    assert run.in_words("solver: NON_FINITE") == "solve failed: non finite"
    solves = pa.table(
        {"STATUS": ["OK", "STEP_LIMIT", "STEP_LIMIT"], "REASON": ["", "why: T1 at 2 /h", "why: T2 at 3 /h"]}
    )
    assert bare_run(tables={"solves": solves}).failures == {"STEP_LIMIT": "why"}


def test_settings_and_facts_by_their_path():
    run = bare_run(manifest={"files": {"a": [5, 7]}, "patients_simulated": 12, "patients_failed": 3})
    assert run.config("arms", 1, "id").value == "placebo" and run.fact("files", "a", 1).value == 7
    assert run.replicates.value == 3
    assert (run.n_patients, run.n_failed, run.n_replicates) == (12, 3, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run_folder(tmp_path_factory.mktemp("run") / "made", pk=False)


def test_a_folder_is_read_whole(folder):
    run = read_run(folder, study_of(folder))
    assert run.absent == {} and run.named.sum() == 30 and run.kept == (0, 1, 2)
    assert {key[0] for key in run.published} >= {"RESPW8", "BASE:AGE"} and len(run.scores) == 6
    assert run.rows_of("patients", 0, 1)[0]["SEX"] in ("F", "M") and run.column("patients", "IREP")[0] == 0


def test_what_is_needed_and_what_may_be_absent(folder, tmp_path):
    study = study_of(folder)
    with pytest.raises(
        FileNotFoundError,
        match=r"no config\.resolved\.yaml, manifest\.json, estimates\.parquet, endpoints\.parquet, patients\.parquet",
    ):
        read_run(tmp_path, study)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        if path.name not in runfolder.OPTIONAL:
            (copy / path.name).write_bytes(path.read_bytes())
    run = read_run(copy, study)
    assert set(run.absent) == set(runfolder.OPTIONAL) and run.published == {} and run.scores == ()
    assert "screening" not in run.tables and json.loads((copy / "manifest.json").read_text())["seed"] == 7


def test_patients_outside_the_domain_the_commonest_reason_first(tmp_path):
    pq.write_table(pa.table({"OUTDOM": ["", "AGE", "WEIGHT", "WEIGHT", ""]}), tmp_path / "p.parquet")
    found = runfolder._outside(tmp_path / "p.parquet")
    assert [(why, number.value) for why, number in found.items()] == [("WEIGHT", 2), ("AGE", 1)]
