"""Count, durable and chemotherapy endpoints on patients small enough to judge by eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_trial import STUDY, WEEKS, Patient, records, study

from analysis import endpoints
from analysis.endpoints import catalogue, chosen
from analysis.endpoints.contract import Evaluated

TREATED = study(treatment_days=70)
MISSED = "no count at the assessment visit"


def evaluated(code: str, *patients: Patient, settings=TREATED) -> Evaluated:
    return endpoints.evaluate(catalogue(settings.analysis.assessment_day)[code], records(*patients), settings)


def value(code: str, patient: Patient, settings=TREATED) -> float:
    return float(evaluated(code, patient, settings=settings).value[0])


def at_week_8(count: float | None) -> Patient:
    return Patient([20.0] * 7 + [count, 20.0, 20.0])


@pytest.mark.parametrize(
    ("count", "change", "band", "over"),
    [(49, 390, 0, 0), (50, 400, 1, 0), (150, 1400, 1, 0), (151, 1410, 0, 0), (250, 2400, 0, 0), (251, 2410, 0, 1),
     (4, -60, 0, 0)],
)  # fmt: skip
def test_the_count_at_the_assessment_visit(count: float, change: float, band: int, over: int) -> None:
    """Baseline 10: a count of 49 is a change of +390 %."""
    patient = at_week_8(count)
    found = [value(code, patient) for code in ("PLTW8", "CHGW8", "BANDW8", "OVER250W8")]
    assert found == pytest.approx([count, change, band, over])


@pytest.mark.parametrize("code", ["PLTW8", "CHGW8", "BANDW8", "OVER250W8"])
def test_without_the_assessment_visit_nobody_is_evaluable(code: str) -> None:
    assert evaluated(code, at_week_8(None), at_week_8(60)).reason.tolist() == [MISSED, ""]


def test_counts_at_the_visit_are_as_observed_and_named_after_its_day() -> None:
    assert value("PLTW8", replace(at_week_8(80), rescue_days=(14,))) == 80
    assert {"PLTW6", "CHGW6", "BANDW6", "OVER250W6"} < set(catalogue(42))
    assert {"PLTD43", "CHGD43", "BANDD43", "OVER250D43"} < set(catalogue(43))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([49.0], 0), ([20.0, 50.0, 20.0], 1), ([400.0], 1), ([401.0], 0), ([20.0, 401.0, 399.0], 1),
     ([20.0] * 8 + [60.0], 0), ([None], 0)],
)  # fmt: skip
def test_a_count_of_50_to_400_to_the_assessment_day_counts_even_after_rescue(counts, expected: int) -> None:
    assert value("RESP400", Patient(counts)) == expected
    assert value("RESP400", Patient(counts, rescue_days=(7,))) == expected


def test_largest_rise_and_its_day_over_the_whole_study() -> None:
    patient = Patient(
        [5.0, 30.0, None, 45.0, 45.0, 20.0, 20.0, 20.0, 20.0, 15.0], days=(8, *WEEKS[1:3], 29, *WEEKS[4:])
    )
    assert value("MAXRISE", patient) == 350
    assert value("PEAKDAY", patient) == 29
    assert value("MAXRISE", Patient([8.0, 9.0])) == pytest.approx(-10)
    assert value("PEAKDAY", Patient([20.0] * 9 + [21.0])) == 70
    for code in ("MAXRISE", "PEAKDAY"):
        assert evaluated(code, Patient([None])).reason[0] == "no count after baseline"


@pytest.mark.parametrize(
    ("patient", "weeks"),
    [
        (Patient([50.0]), 10),
        (Patient([49.0]), 0),
        (Patient([20.0, 60.0, None, 60.0, 20.0]), 2),
        (Patient([50.0], rescue_days=(28,)), 3),
        (Patient([20.0] * 9 + [50.0]), 1),
    ],
)
def test_cumulative_weeks_before_any_rescue(patient: Patient, weeks: float) -> None:
    assert value("CUMWK", patient) == weeks


def test_a_visit_stands_for_the_days_to_the_next_but_at_most_a_week() -> None:
    made = records(Patient([50.0] * 3 + [20.0]))
    made = replace(made, planned=np.array([3, 7, 14, 42, 49, 56, 63, 70, 77, 84]))
    found = endpoints.evaluate(catalogue(56)["CUMWK"], made, TREATED).value[0]
    assert found == pytest.approx((4 + 7 + 7) / 7)


LAST = (3, 4, 5, 6, 7, 8, 9, 10)


def responding(*weeks: int, **kwargs) -> Patient:
    return Patient([50.0 if week in weeks else 20.0 for week in range(1, 11)], **kwargs)


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (responding(*LAST), 1),
        (responding(*LAST[:6]), 1),
        (responding(*LAST[:5]), 0),
        (responding(1, 2, *LAST[:5]), 0),
        (responding(*LAST, rescue_days=(7,)), 0),
        (responding(*LAST, rescue_days=(70,)), 0),
        (Patient([20.0, 20.0, None, None] + [50.0] * 6), 1),
        (Patient([20.0, 20.0, None, None, None] + [50.0] * 5), 0),
    ],
)
def test_durable_response_needs_6_of_the_last_8_weeks_and_no_rescue_at_all(patient: Patient, expected: int) -> None:
    assert value("DURRESP", patient) == expected


def test_the_last_8_weeks_end_with_the_treatment_and_later_rescue_does_not_matter() -> None:
    stopped = study(treatment_days=56)
    early, late = responding(1, 2, 3, 4, 5, 6), responding(*LAST[:5], 9, 10)
    assert (value("DURRESP", early, stopped), value("DURRESP", late, stopped)) == (1, 0)
    assert value("DURRESP", replace(early, rescue_days=(63,)), stopped) == 1
    short = evaluated("DURRESP", early, settings=study(treatment_days=35))
    assert short.reason[0] == "fewer than 6 visits planned in the last 8 weeks of treatment"


CYCLES = ((1, 14), (1, 21), (2, 35), (3, 56))


def test_nadir_is_the_mean_lowest_count_of_the_cycles_after_the_first() -> None:
    """Cycle 2 is day 36 to 56 (weeks 6, 7, 8), cycle 3 from day 57 on (weeks 9, 10); week 5 belongs to cycle 1."""
    counts = [90.0, 80.0, 10.0, 60.0, 20.0, 50.0, 40.0, 30.0, 70.0, 44.0]
    assert value("NADIR", Patient(counts, chemo=CYCLES)) == (30 + 44) / 2
    assert value("NADIR", Patient(counts, chemo=CYCLES[:3])) == 30
    assert value("NADIR", Patient([*counts[:8], None, None], chemo=CYCLES)) == 30


def test_nadir_says_why_there_is_none() -> None:
    made = (
        Patient([50.0]),
        Patient([50.0], chemo=CYCLES[:2]),
        Patient([50.0] * 5 + [None], chemo=CYCLES),
        Patient([50.0], chemo=CYCLES),
    )
    why = ["no chemotherapy", "only one cycle of chemotherapy", "no count in a cycle after the first", ""]
    assert evaluated("NADIR", *made).reason.tolist() == why
    assert evaluated("NADIR", made[0]).reason.tolist() == why[:1]


def test_a_cycle_that_was_skipped_leaves_the_others_where_they_are() -> None:
    made = records(Patient([50.0], chemo=((1, 14), (3, 56))), Patient([50.0]))
    assert np.array_equal(made.chemotherapy, [[14, np.nan, 56], [np.nan] * 3], equal_nan=True)


@pytest.mark.parametrize(
    ("counts", "chemo", "rescue", "expected"),
    [
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 14),), (), 1),
        ([60.0, 99.0, 100.0, 30.0, 75.0], ((1, 14),), (), 0),
        ([60.0, 100.0, 80.0, 30.0, 74.0, 90.0], ((1, 14),), (), 0),
        ([60.0, 100.0, 80.0, 30.0, 75.0], (), (), 0),
        ([60.0, 100.0, 80.0, 30.0, None, 90.0], ((1, 14),), (), 0),
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 14),), (28,), 0),
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 14),), (35,), 0),
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 14),), (42,), 1),
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 10), (2, 31)), (), 1),
        ([60.0, 100.0, 80.0, 30.0, 75.0], ((1, 9),), (), 0),
    ],
)
def test_chemotherapy_response_needs_100_early_a_first_cycle_and_75_at_its_day_21(counts, chemo, rescue, expected):
    """With the first dose on day 14 day 21 of the cycle is day 35, week 5; with day 9 its window has no visit."""
    assert value("CITRESP", Patient(counts, chemo=chemo, rescue_days=rescue)) == expected


def test_only_a_study_with_chemotherapy_has_its_endpoints() -> None:
    of_chemotherapy = {"NADIR", "CITRESP"}
    assert not of_chemotherapy & set(chosen(STUDY))
    assert of_chemotherapy < set(chosen(study(chemotherapy=True)))
    assert [text for _, text in endpoints.study_problems(study(endpoints=["NADIR"]))] == [
        "endpoint NADIR needs chemotherapy, which this study does not have"
    ]
    assert not list(endpoints.study_problems(study(endpoints=["NADIR"], chemotherapy=True)))
