"""Time to event: patients small enough to judge by eye, and the rows of estimates that are made of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import chi2
from tiny_trial import STUDY, WEEKS, Patient, records, study

from analysis import endpoints
from analysis.endpoints import catalogue
from analysis.endpoints.time_to_event import TTLOSS, TTRESC, TTRESP, times_table
from analysis.statistics.estimates import Estimate
from analysis.statistics.event_times import estimate_times, weeks_of
from trial.study.study import Study

LATE = (8, 14, 20, 28, 35, 42, 49, 56, 63, 72)
"""Actual days: visits 1 and 3 off by a day, the last two days late."""


def counts(text: str) -> list[float | None]:
    """ "--R" is two weeks below the threshold, then at it for good; "." is a missed visit."""
    return [{"-": 49.0, "R": 50.0, ".": None}[letter] for letter in text]


PEOPLE = {
    "late visit": (Patient(counts("R-"), days=LATE), (8, True), (72, False), (6, True)),
    "third visit": (Patient(counts(".-R"), days=LATE, last_day=72), (20, True), (72, False), (52, False)),
    "never": (Patient(counts("-")), (72, False), (72, False), None),
    "rescued first": (Patient(counts("--R"), rescue_days=(14,)), (72, False), (14, True), None),
    "rescued on the day": (Patient(counts("--R"), rescue_days=(21, 50)), (72, False), (21, True), None),
    "rescued later": (Patient(counts("R"), rescue_days=(30,)), (7, True), (30, True), (23, True)),
    "rescued, then left": (
        Patient(counts("-.") + [None] * 8, rescue_days=(7,), completed=False, last_day=9), (72, False), (7, True), None
    ),
    "left": (Patient(counts("-..") + [None] * 7, completed=False, last_day=12), (12, False), (12, False), None),
    "left in response": (
        Patient(counts("-R.") + [None] * 7, completed=False, last_day=20), (14, True), (20, False), (6, False)
    ),
    "missed in response": (Patient(counts("R.R-")), (7, True), (72, False), (21, True)),
    "stopped first": (Patient(counts("-----R"), actions=("start", "stop")), (72, False), (72, False), None),
    "stopped in response": (Patient(counts("R"), actions=("start", "stop")), (7, True), (72, False), (28, True)),
    "failed": (Patient(counts("R"), status="STEP_LIMIT", rescue_days=(7,)), None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("who", PEOPLE)
def test_events_of_hand_made_patients(who: str) -> None:
    """(day, event) of response, rescue, loss; None: not watched. The last visit's window ends on day 72."""
    people = list(PEOPLE)
    found = records(*(PEOPLE["third visit"][0], *(PEOPLE[name][0] for name in people)))
    for kind, expected in zip((TTRESP, TTRESC, TTLOSS), PEOPLE[who][1:], strict=True):
        times, row = kind.times(found, study(window_days=2)), 1 + people.index(who)
        seen = None if np.isnan(times.day[row]) else (times.day[row], bool(times.event[row]))
        assert seen == expected, kind.code


def test_first_responses_are_those_of_the_endpoint() -> None:
    """Patients with the event by the last planned visit that RESP1RF looks at."""
    rng = np.random.default_rng(5)
    people = [
        Patient(rng.choice([20.0, 60.0], 10, p=[0.9, 0.1]).tolist(), rescue_days=(int(rng.choice(WEEKS)),))
        for _ in range(60)
    ]
    found = records(*people)
    times = TTRESP.times(found, STUDY)
    yes = endpoints.evaluate(catalogue(56)["RESP1RF"], found, STUDY).value == 1
    assert np.array_equal(times.event & (times.day <= 56), yes)
    assert 0 < yes.sum() < 60


def test_rescue_before_response_keeps_the_share_that_of_all_patients(tmp_path: Path) -> None:
    """With nobody leaving, Kaplan-Meier of the composite is events over patients, rescued ones included."""
    people = [Patient(counts("--R"))] * 3 + [Patient(counts("--R"), rescue_days=(7,))] * 5
    row = rows_of(people, tmp_path)["TTRESP", "drug", "share by week", "8", "replicate"]
    assert pytest.approx(100 * 3 / 8) == row.ESTIMATE and row.N == 8


def rows_of(people: list[Patient], folder: Path, of: Study = STUDY) -> dict[tuple, Estimate]:
    """The estimates of these patients by event, arm, statistic, category and scope."""
    found = records(*people)
    pq.write_table(times_table(found, endpoints.times_of(found, of)), folder / "times.parquet")
    rows = estimate_times(folder / "times.parquet", of)
    named = [(r.PARAMCD, r.ARM, r.STAT, r.CATEGORY, r.SCOPE) for r in rows]
    assert len(set(named)) == len(rows)
    return dict(zip(named, rows, strict=True))


def test_every_replicate_has_its_hazard_ratio(tmp_path: Path) -> None:
    """Replicate 0 and 1: strata of two with closed forms (9 to 3 and 4 to 4); the geometric mean of 3 and 1."""
    people = [
        Patient(counts("R" if (arm == "drug") == (k < first) else "-R"), arm=arm, replicate=r, stratum=f"s{k:02d}")
        for r, (first, n) in enumerate(((9, 12), (4, 8)))
        for k in range(n)
        for arm in ("drug", "placebo")
    ]
    rows = rows_of(people, tmp_path, study(replicates=2, named_replicate=1, longitudinal={"restricted_mean_day": 28}))
    one, over = (rows["TTRESP", "drug", "hazard ratio", "", scope] for scope in ("replicate", "replicates"))
    assert pytest.approx(1) == one.ESTIMATE and one.COMPARATOR == "placebo"
    assert (one.N, over.N) == (16, 20), "of both arms: 16, and the mean of 24 and 16"
    assert pytest.approx(math.exp(1.959964 * math.sqrt(1 / 4 + 1 / 4)), rel=1e-5) == one.CI_HIGH
    assert pytest.approx(math.sqrt(3)) == over.ESTIMATE and over.R == 2
    assert pytest.approx(math.exp(0.025 * math.log(3)), rel=1e-6) == over.RANGE_LOW
    assert pytest.approx(1) == rows["TTRESP", "drug", "log-rank p", "", "replicate"].ESTIMATE
    against = rows["TTRESP", "drug", "restricted mean difference", "28", "replicates"]
    assert (pytest.approx(-3.5 / 2), "placebo", 2) == (against.ESTIMATE, against.COMPARATOR, against.R)
    assert against.N == 20 and rows["TTRESP", "drug", "restricted mean", "28", "replicates"].N == 10
    assert ("TTLOSS", "drug", "hazard ratio", "", "replicate") not in rows
    assert ("TTRESP", "placebo", "hazard ratio", "", "replicate") not in rows


def test_a_median_that_is_not_reached_everywhere_has_no_mean(tmp_path: Path) -> None:
    """Replicate 0: responses on days 7 and 14; 1: one of three responds."""
    people = [Patient(counts("R")), Patient(counts("-R"))]
    people += [replace(Patient(counts(text)), replicate=1) for text in ("R", "-", "-")]
    rows = rows_of(people, tmp_path, study(replicates=2))
    one, over = (rows["TTRESP", "drug", "median time", "", scope] for scope in ("replicate", "replicates"))
    assert one.ESTIMATE == 10.5 and over.ESTIMATE is None and over.NOTE == "not reached in 1 of 2 replicates"


def test_a_replicate_nobody_is_watched_in_counts_as_nobody(tmp_path: Path) -> None:
    """Two replicates; in the second every solve failed, and nobody is on placebo."""
    people = [Patient(counts("R")), replace(Patient(counts("R"), status="STEP_LIMIT"), replicate=1)]
    rows = rows_of(people, tmp_path, study(replicates=2))
    share = rows["TTRESP", "drug", "event rate", "", "replicates"]
    assert share.R == 1 and share.ESTIMATE == 100
    assert rows["TTRESP", "placebo", "event rate", "", "replicate"].ESTIMATE is None


def test_shares_are_told_by_the_weeks_the_visits_reach() -> None:
    """Weeks 1, 2, 4 and 8, of which a study of 28 days has three and one of 27 two."""
    base = STUDY.model_dump() | {"pk_sampling": None, "chemotherapy": None}
    for last, weeks in ((28, [1, 2, 4]), (27, [1, 2]), (56, [1, 2, 4, 8]), (7, [1])):
        analysis = base["analysis"] | {"assessment_day": last}
        changed = {"visits": base["visits"] | {"days": (last,)}, "analysis": analysis}
        assert weeks_of(Study.model_validate(base | changed)) == weeks, last


def test_loss_of_response_by_a_week_allows_the_window_of_both_its_ends(tmp_path: Path) -> None:
    """Visits within 2 days: first response on day 5 and loss on day 16, planned 7 days apart, is loss by week 1."""
    people = [Patient(counts("R-"), days=(5, 16, *WEEKS[2:])), Patient(counts("R"), days=WEEKS)]
    rows = rows_of(people, tmp_path, study(window_days=2, replicates=1))
    assert rows["TTLOSS", "drug", "share by week", "1", "replicate"].ESTIMATE == 50
    assert rows["TTRESP", "drug", "share by week", "1", "replicate"].ESTIMATE == 100


def test_restricted_means_by_hand_with_their_limits(tmp_path: Path) -> None:
    """Four on drug respond on days 7, 7, 14, 14, two on placebo on 14 and two never: no censoring before day 21, so
    that the means are those of min(day, 21), their variances sum of squares / n^2 as Kaplan-Meier has it.
    """
    people = [Patient(counts(text), arm=arm) for arm, texts in (("drug", ("R", "R", "-R", "-R")),
              ("placebo", ("-R", "-R", "-", "-"))) for text in texts]  # fmt: skip
    days = {"drug": [7, 7, 14, 14], "placebo": [14, 14, 21, 21]}
    rows = rows_of(people, tmp_path, study(replicates=1, longitudinal={"restricted_mean_day": 21}))
    mean = {arm: sum(of) / 4 for arm, of in days.items()}
    error = {arm: math.sqrt(sum((d - mean[arm]) ** 2 for d in of)) / 4 for arm, of in days.items()}
    for arm in days:
        row = rows["TTRESP", arm, "restricted mean", "21", "replicate"]
        assert (mean[arm], 4, "d") == (row.ESTIMATE, row.N, row.UNIT)
        assert pytest.approx([mean[arm] + s * 1.959964 * error[arm] for s in (-1, 1)]) == (row.CI_LOW, row.CI_HIGH)
    gap = rows["TTRESP", "drug", "restricted mean difference", "21", "replicate"]
    z = (mean["drug"] - mean["placebo"]) / math.hypot(*error.values())
    assert (gap.ESTIMATE, gap.N, gap.COMPARATOR) == (-7, 8, "placebo")
    assert pytest.approx([-7 + s * 1.959964 * -7 / z for s in (-1, 1)]) == (gap.CI_LOW, gap.CI_HIGH)
    p = rows["TTRESP", "drug", "restricted mean p", "21", "replicate"]
    assert pytest.approx(math.erfc(abs(z) / math.sqrt(2))) == p.ESTIMATE and p.N == 8
    assert ("TTRESP", "placebo", "restricted mean difference", "21", "replicate") not in rows
    share = rows["TTRESP", "placebo", "event rate", "", "replicate"]
    assert (share.ESTIMATE, share.N, share.N_EVENT) == (50, 4, 2)
    assert rows["TTRESP", "drug", "share by week", "1", "replicate"].ESTIMATE == 50


def test_a_median_not_reached_in_the_replicate_that_is_shown_says_so(tmp_path: Path) -> None:
    """On drug nobody responds in either replicate; on placebo nobody is watched, which is no median that is missed."""
    people = [replace(Patient(counts("-")), replicate=r) for r in (0, 1) for _ in range(2)]
    people += [Patient(counts("R"), arm="placebo", status="STEP_LIMIT", replicate=r) for r in (0, 1)]
    rows = rows_of(people, tmp_path, study(replicates=2))
    one, over = (rows["TTRESP", "drug", "median time", "", scope] for scope in ("replicate", "replicates"))
    assert (one.ESTIMATE, one.NOTE, over.R) == (None, "not reached", 2)
    assert over.NOTE == "not reached in 2 of 2 replicates"
    assert rows["TTRESP", "placebo", "median time", "", "replicate"].NOTE == ""


def test_incidences_are_per_hundred_patient_years(tmp_path: Path) -> None:
    """Replicate by replicate, against events and days of the watched; limits of Garwood for the named one."""
    of = study(replicates=2, adverse=["HEAD"], named_replicate=1)
    found = records(*(Patient([60.0], arm=arm, replicate=r, last_day=70) for r in (0, 1) for arm in ("drug", "drug",
                      "placebo")))  # fmt: skip
    found = replace(found, adverse={"HEAD": np.array([10.0, np.inf, np.inf, 20.0, 30.0, np.inf])})
    (code,) = [code for code in endpoints.times_of(found, of) if "HEAD" in code]
    pq.write_table(times_table(found, endpoints.times_of(found, of)), tmp_path / "times.parquet")
    rows = {(r.ARM, r.STAT, r.SCOPE): r for r in estimate_times(tmp_path / "times.parquet", of) if code == r.PARAMCD}
    times = endpoints.times_of(found, of)[code]
    day = times.day.reshape(2, 3)
    years = day[:, :2].sum(axis=1) / 365.25
    assert pytest.approx(years[1]) == rows["drug", "patient-years", "replicate"].ESTIMATE
    assert pytest.approx(years.mean()) == rows["drug", "patient-years", "replicates"].ESTIMATE
    one = rows["drug", "incidence", "replicate"]
    assert (pytest.approx(100 * 2 / years[1]), 2, 2) == (one.ESTIMATE, one.N, one.N_EVENT)
    assert pytest.approx(100 * chi2.ppf(0.025, 4) / 2 / years[1]) == one.CI_LOW
    assert pytest.approx(100 * (1 / years[0] + 2 / years[1]) / 2) == rows["drug", "incidence", "replicates"].ESTIMATE
    assert rows["placebo", "incidence", "replicate"].ESTIMATE == 0
