"""Targets of a calibration: which rows can be one, what they become, and how the work is cut; by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_trial import study

import trial.app.targets as targets
from analysis.evidence.calibration import Measure, Target
from analysis.evidence.scorecard import Published
from trial.app.targets import Job, Wanted, cut, jobs_of, simulate_targets, target_problems

RATE = Published(
    "r", "S", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", ""
)
MEDIAN = replace(RATE, row_id="m", endpoint="MAXDUR", statistic="median", unit="d", published=20.0, n=None, events=None,
                 ci_low=10.0, ci_high=40.0, interval="printed95")  # fmt: skip


def test_a_rate_with_counts_is_judged_by_them():
    assert targets._target(RATE) == Target("r", 99, 168)
    assert targets._target(replace(RATE, events=None, published=25.0)) == Target("r", 42.0, 168)


def test_a_rate_without_counts_or_with_a_tolerance_is_a_proportion_with_its_limits():
    """Half of 15.3 points over 1.96."""
    for row in (replace(RATE, n=None), replace(RATE, interval="tolerance")):
        made = targets._target(row)
        assert isinstance(made, Measure) and (made.value, made.log) == (pytest.approx(0.589), False)
        assert made.sd == pytest.approx(0.153 / 2 / 1.959964, rel=1e-6)


def test_a_median_is_measured_on_the_log_scale():
    assert targets._target(MEDIAN) == Measure("m", 20.0, pytest.approx(np.log(4) / 2 / 1.959964, rel=1e-6), True)
    assert Wanted(Target("r", 1, 2), RATE, 0).percent == 100 and Wanted(Target("r", 1, 2), MEDIAN, 0).percent == 1


def unusable(row, **said):
    return list(targets._unusable(row, study(**said)))


def test_why_a_row_cannot_be_a_target():
    assert unusable(RATE) == unusable(MEDIAN) == unusable(replace(RATE, interval="none")) == []
    assert "which is not an arm of the study" in unusable(replace(RATE, arm="x"))[0]
    (said,) = unusable(replace(RATE, endpoint="RESPW9"))
    assert "not an endpoint of the study" in said and "did you mean RESPW8?" in said
    (said,) = unusable(replace(MEDIAN, statistic="mean"))
    assert said == "seen statistic mean; the endpoint MAXDUR is summarised as median"
    (said,) = unusable(replace(RATE, statistic="median"))
    assert said == "seen statistic median; the endpoint RESPW8 is summarised as rate"
    for row in (
        replace(MEDIAN, interval="range"),
        replace(MEDIAN, n=8, interval="none"),
        replace(RATE, n=None, interval="none"),
    ):
        (said,) = unusable(row)
        assert said.startswith(f"seen interval {row.interval}; a target needs n (of a rate) or one of printed95")


def test_an_exposure_needs_samples():
    row = replace(MEDIAN, endpoint="CMAX", statistic="geomean")
    assert unusable(row) == ["the endpoint CMAX needs pk_sampling, which the study does not have"]
    assert unusable(row, pk_sampling=True) == []


def test_seen_rows_that_count_or_those_named():
    rows = [RATE, replace(RATE, row_id="shown", counted=False), replace(RATE, row_id="new", seen=False)]
    assert [row.row_id for row in targets._chosen("seen", rows)] == ["r"]
    assert [row.row_id for row in targets._chosen(["new", "shown"], rows)] == ["shown", "new"]


def ranges(jobs):
    return [(job.replicates.start, job.replicates.stop) for _, job in jobs]


def test_every_worker_has_something_to_do_and_no_job_is_too_large(monkeypatch):
    """10 replicates of 7 patients for 3 workers: 4, 4 and 2; at most 20 patients in a job: 2 replicates."""
    many = study(replicates=10)
    assert ranges(cut(2, many, ("RESPW8",), 3)) == [(0, 4), (4, 8), (8, 10)]
    assert ranges(cut(2, many, ("RESPW8",))) == [(0, 10)] and ranges(cut(2, many, ("RESPW8",), 99))[:2] == [
        (0, 1),
        (1, 2),
    ]
    assert cut(2, many, ("RESPW8",))[0][1].study == 2
    monkeypatch.setattr(targets, "CHUNK_PATIENTS", 20)
    assert ranges(cut(0, many, ("RESPW8",))) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    monkeypatch.setattr(targets, "CHUNK_PATIENTS", 6)
    assert len(cut(0, many, ("RESPW8",))) == 10


def test_samples_are_taken_only_where_an_endpoint_needs_them():
    sampled = study(pk_sampling=True)
    assert cut(0, sampled, ("RESPW8",))[0][0].pk_sampling is None
    assert cut(0, sampled, ("RESPW8", "CMAX"))[0][0].pk_sampling is not None


def test_each_study_is_simulated_for_its_own_targets():
    wanted = [
        Wanted(Target("r", 1, 2), RATE, 0),
        Wanted(Target("m", 1, 2), MEDIAN, 2),
        Wanted(Target("s", 1, 2), RATE, 0),
    ]
    jobs = jobs_of([study()] * 3, wanted, 1)
    assert [(job.study, job.codes) for _, job in jobs] == [(0, ("RESPW8",)), (2, ("MAXDUR",))]


def test_a_target_is_the_mean_over_the_replicates_of_its_arm(monkeypatch):
    """Two jobs of the first study, one of the second: per replicate and arm, where one has no value."""
    table = {
        (0, 0): [[0.1, 0.5], [0.3, 0.5]], (0, 2): [[0.8, 0.5]], (1, 0): [[7.0, 30.0], [9.0, np.nan], [9.0, 50.0]],
    }  # fmt: skip
    fake = lambda _, job, values: {job.codes[0]: np.array(table[job.study, job.replicates.start]) + values["X"]}  # noqa: E731
    monkeypatch.setattr(targets, "job_values", fake)
    jobs = [
        (study(), Job(0, ("RESPW8",), range(2))),
        (study(), Job(0, ("RESPW8",), range(2, 3))),
        (study(), Job(1, ("MAXDUR",), range(3))),
    ]
    wanted = [Wanted(Target("r", 1, 2), RATE, 0), Wanted(Target("m", 1, 2), replace(MEDIAN, arm="placebo"), 1)]
    each = lambda call, jobs: [(job, call(design, job)) for design, job in reversed(jobs)]  # noqa: E731
    assert simulate_targets(jobs, wanted, each, {"X": 1.0}) == {"r": pytest.approx(1.4), "m": pytest.approx(41.0)}
    table[1, 0] = [[7.0, np.nan]] * 3
    assert np.isnan(simulate_targets(jobs, wanted, each, {"X": 1.0})["m"])


@pytest.fixture
def two_studies(tmp_path, monkeypatch):
    """Files a and b, each with the rows given for it."""
    rows = {"a": [RATE], "b": [replace(MEDIAN, row_id="other")]}
    for name in rows:
        (tmp_path / name).write_text("")
    monkeypatch.setattr(targets, "set_name", lambda name, base: name)
    monkeypatch.setattr(targets, "_study", lambda path, *_: path.name)
    monkeypatch.setattr(targets, "_rows", lambda made: rows[made])
    monkeypatch.setattr(targets, "_unusable", lambda row, made: ["no"] if row.unit == "" else [])
    return rows, lambda **said: list(
        target_problems({"studies": ["a", "b"], "parameter_set": "s", "targets": "seen"} | said, tmp_path)
    )


def test_what_is_wrong_with_the_targets_and_where(two_studies):
    rows, found = two_studies
    assert found() == [] and found(targets=["r", "other"]) == []
    (((where, at), said),) = found(targets=["r", "rr"])
    assert (where, at) == ("targets", 1) and "seen 'rr'" in said and "did you mean r?" in said
    rows["a"] = [replace(RATE, unit="")]
    assert found() == [(("targets",), "r: no")] and found(targets=["other", "r"]) == [(("targets", 1), "r: no")]
    assert found(targets=["other"]) == [], "a row that is no target may be as it is"


def test_a_name_may_stand_once_and_some_row_must_be_seen(two_studies):
    rows, found = two_studies
    rows["b"] = [RATE]
    assert found() == [(("studies",), "row r stands in two of the studies; the names of rows must differ")]
    for row in (replace(RATE, seen=False), replace(RATE, counted=False)):
        rows["a"], rows["b"] = [row], []
        (((where,), said),) = found()
        assert where == "targets" and said.startswith("no published row of the studies is marked seen and counted")
        assert found(targets=["r"]) == []


@pytest.mark.parametrize(
    "said", [{"studies": 7}, {"parameter_set": 7}, {"targets": 7}, {"studies": [7]}, {"studies": ["c"]}]
)
def test_what_another_check_says_is_not_said_here(two_studies, said):
    assert two_studies[1](**{"targets": ["nothing"]} | said) == []
