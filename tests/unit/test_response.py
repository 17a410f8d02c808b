"""Response endpoints on patients small enough to judge by eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_trial import STUDY, WEEKS, Patient, records, study, tables

from analysis import endpoints
from analysis.endpoints import catalogue
from analysis.endpoints.contract import Evaluated
from analysis.endpoints.records import from_tables

LOW = 20.0


def value(code: str, patient: Patient) -> float:
    return float(evaluated(code, patient).value[0])


def evaluated(code: str, *patients: Patient) -> Evaluated:
    return endpoints.evaluate(catalogue(56)[code], records(*patients), STUDY)


def weekly(*responding: int, missed: tuple[int, ...] = (), **kwargs: object) -> Patient:
    """A patient with a count of 50 in the given weeks, 20 in the others."""
    counts = [None if week in missed else 50.0 if week in responding else LOW for week in range(1, 11)]
    return Patient(counts, **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (weekly(8), 1),
        (weekly(7, 9), 0),
        (weekly(8, missed=(1, 2)), 1),
        (weekly(7, 9, missed=(8,)), 0),
        (weekly(8, rescue_days=(14,)), 0),
        (weekly(8, rescue_days=(56,)), 0),
        (weekly(8, rescue_days=(63,)), 1),
        (weekly(8, days=(*WEEKS[:7], 58, 63, 70), rescue_days=(58,)), 0),
    ],
)
def test_week_8_response_needs_the_count_at_week_8_and_no_rescue_before_or_at_it(
    patient: Patient, expected: int
) -> None:
    assert value("RESPW8", patient) == expected


def test_the_threshold_itself_is_a_response() -> None:
    just_below = Patient([LOW] * 7 + [49.0])
    assert value("RESPW8", Patient([LOW] * 7 + [50.0])) == 1
    assert value("RESPW8", just_below) == 0


@pytest.mark.parametrize(
    ("patient", "observed", "rescue_free"),
    [
        (weekly(1), 1, 1),
        (weekly(9), 0, 0),
        (weekly(), 0, 0),
        (weekly(5, rescue_days=(28,)), 1, 0),
        (weekly(3, 5, rescue_days=(28,)), 1, 1),
        (weekly(4, rescue_days=(28,)), 1, 0),
    ],
)
def test_ever_response_as_observed_keeps_counts_after_rescue(patient: Patient, observed: int, rescue_free: int) -> None:
    assert value("RESP1", patient) == observed
    assert value("RESP1RF", patient) == rescue_free


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (weekly(1, 2, 3, 4, 5, 6), 1),
        (weekly(1, 2, 3, 4, 5), 0),
        (weekly(1, 2, 3, 4, 5, 9, 10), 0),
        (weekly(1, 2, 3, 4, 5, missed=(6, 7, 8)), 0),
        (weekly(3, 4, 5, 6, 7, 8, missed=(1, 2)), 1),
        (weekly(1, 2, 3, 4, 5, 6, 7, 8, rescue_days=(49,)), 1),
        (weekly(1, 2, 3, 4, 5, 6, 7, 8, rescue_days=(42,)), 0),
    ],
)
def test_three_quarters_of_the_eight_planned_weeks_missing_is_a_no(patient: Patient, expected: int) -> None:
    assert value("RESP75", patient) == expected


@pytest.mark.parametrize(
    ("baseline", "count", "expected"), [(10, 30, 1), (10, 29, 0), (16, 31, 0), (16, 32, 1), (5, 10, 0), (29, 58, 1)]
)
def test_doubling_needs_30_and_twice_the_baseline(baseline: float, count: float, expected: int) -> None:
    patient = Patient([3.0, count, 3.0], baseline=baseline)
    assert value("RESP2X", patient) == expected
    assert value("RESP2XRF", patient) == expected
    assert value("RESP2XRF", replace(patient, rescue_days=(14,))) == 0
    assert value("RESP2X", replace(patient, rescue_days=(14,))) == expected


@pytest.mark.parametrize(
    ("patient", "longest", "total"),
    [
        (weekly(1, 2), 7, 7),
        (weekly(1, 2, 3, 5, 6), 14, 21),
        (weekly(1, 2, 4, 5, 6, 8), 14, 21),
        (weekly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 49, 49),
        (weekly(1, 2, 4, 5, missed=(3,)), 7, 14),
        (weekly(1, 2, 3, 4, rescue_days=(21,)), 7, 7),
        (weekly(1, 2, days=(8, 14, *WEEKS[2:])), 6, 6),
        (weekly(1, 2, 3, 4, 5, 6, 7, 8, days=(5, *WEEKS[1:7], 58, 63, 70)), 53, 53),
    ],
)
def test_durations_run_from_first_to_last_actual_day(patient: Patient, longest: float, total: float) -> None:
    assert value("MAXDUR", patient) == longest
    assert value("TOTDUR", patient) == total


@pytest.mark.parametrize(
    ("patient", "reason"),
    [
        (weekly(), "no response"),
        (weekly(9, 10), "no response"),
        (weekly(2, 4), "no two consecutive visits with a response"),
        (weekly(2, 4, missed=(3,)), "no two consecutive visits with a response"),
    ],
)
def test_without_two_consecutive_responses_there_is_no_duration_but_a_reason(patient: Patient, reason: str) -> None:
    result = evaluated("MAXDUR", patient)
    assert np.isnan(result.value[0])
    assert result.reason[0] == reason


def test_rescue_counts_up_to_the_assessment_visit() -> None:
    assert value("RESCUE", weekly(rescue_days=(14, 42))) == 1
    assert value("RESCUE", weekly(rescue_days=(56,))) == 1
    assert value("RESCUE", weekly(rescue_days=(57,))) == 0
    assert value("RESCUE", weekly(rescue_days=(57,), days=(*WEEKS[:7], 58, 63, 70))) == 1
    assert value("RESCUE", weekly()) == 0


def test_bleeding_takes_the_worst_grade_after_baseline_to_week_8() -> None:
    assert value("BLEED", Patient([LOW], bleeding=(0, 0, 1, 0))) == 1
    assert value("BLEED2", Patient([LOW], bleeding=(0, 0, 1, 0))) == 0
    assert value("BLEED2", Patient([LOW], bleeding=(0, 3, 0))) == 1
    assert value("BLEED", Patient([LOW], bleeding=(0,) * 8 + (2,))) == 0
    assert evaluated("BLEED", Patient([LOW], bleeding=(None,))).reason[0] == "no bleeding assessment after baseline"


def test_completion_and_a_failed_solve() -> None:
    result = evaluated("COMPL", weekly(), weekly(completed=False), weekly(status="STEP_LIMIT"))
    assert result.value[:2].tolist() == [1, 0]
    assert result.reason.tolist() == ["", "", "solver: STEP_LIMIT"]
    assert np.isnan(result.value[2])


def test_a_failed_solve_is_not_a_non_response() -> None:
    assert evaluated("RESPW8", weekly(status="STEP_LIMIT")).reason[0] == "solver: STEP_LIMIT"


def test_codes_follow_the_assessment_day_and_unknown_ones_get_a_hint() -> None:
    assert "RESPW4" in catalogue(28)
    assert "RESPD10" in catalogue(10)
    assert endpoints.problems(["RESPW8", "COMPL"], 56) == []
    (message,) = endpoints.problems(["RESP57"], 56)
    assert "did you mean RESP75?" in message


def test_a_config_is_told_of_endpoints_it_cannot_have() -> None:
    data = {"analysis": {"assessment_day": 28, "endpoints": ["RESP1", "RESPW9", "CMAX", 3]}}
    found = dict(endpoints.config_problems(data))
    assert set(found) == {("analysis", "primary"), ("analysis", "endpoints", 1)}
    assert "did you mean RESPW4?" in found["analysis", "primary"]
    ((path, text),) = endpoints.study_problems(study(endpoints=["RESP1", "CMAX"]))
    assert path == ("analysis", "endpoints", 1) and "needs pk_sampling" in text
    wrong = ({}, {"analysis": 3}, {"analysis": {"assessment_day": "x"}})
    assert [list(endpoints.config_problems(d)) for d in wrong] == [[], [], []]  # type: ignore[arg-type]


def test_every_proxy_says_so_and_codes_are_short_and_distinct() -> None:
    registered = catalogue(56)
    assert len(registered) == len(endpoints.ENDPOINTS)
    assert all(len(code) <= 9 and code == code.upper() for code in registered)
    counted = {"PLT250", "PLT400", "PLT1000", "DAYS250", "DAYS400", "DAYS1000", "REBOUND", "REBOUND2"}
    drawn = {code for code in registered if code.startswith("AE_")}
    proxies = {"BLEED", "BLEED2", "REDUCE", "INTERRUPT"} | counted | drawn
    assert {code for code, e in registered.items() if "(proxy)" in e.label} == proxies


def test_records_refuse_rows_out_of_patient_order() -> None:
    made = tables([weekly(), weekly(8)])
    turned = made | {"observations": made["observations"].take(list(range(made["observations"].num_rows))[::-1])}
    with pytest.raises(ValueError, match="in patient order"):
        from_tables(turned)


def test_records_refuse_an_event_of_an_unknown_patient() -> None:
    made = tables([weekly(rescue_days=(7,)), weekly(rescue_days=(7,))])
    with pytest.raises(ValueError, match="subject 2 of replicate 0"):
        from_tables(tables([weekly()]) | {"events": made["events"]})


def test_the_endpoints_table_holds_every_patient_with_a_flag_and_a_reason() -> None:
    made = records(weekly(1), weekly(1, 2))
    table = endpoints.table(made, endpoints.evaluate_all(made, study(endpoints=("RESP1", "MAXDUR"))))
    rows = table.to_pylist()
    assert [(r["SUBJID"], r["PARAMCD"], r["AVAL"], r["EVALFL"]) for r in rows] == [
        (1, "RESPW8", 0.0, "Y"), (2, "RESPW8", 0.0, "Y"),
        (1, "RESP1", 1.0, "Y"), (2, "RESP1", 1.0, "Y"),
        (1, "MAXDUR", None, "N"), (2, "MAXDUR", 7.0, "Y"),
    ]  # fmt: skip
    assert rows[4]["REASON"] == "no two consecutive visits with a response"
    assert table.schema.field("AVAL").metadata[b"label"]
