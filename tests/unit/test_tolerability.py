"""Tolerability proxies on hand-made patients."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_trial import STUDY, WEEKS, Patient, records, study

from analysis import endpoints
from analysis.endpoints import catalogue
from analysis.endpoints.contract import Evaluated
from analysis.endpoints.count_proxies import _by_chemotherapy, days_above


@pytest.mark.parametrize(
    ("counts", "above_250", "above_400"),
    [([250.0], 0, 0), ([20.0, 251.0, 20.0], 1, 0), ([20.0] * 9 + [401.0], 1, 1), ([400.0], 1, 0)],
)
def test_high_counts_over_the_whole_period(counts: list[float], above_250: int, above_400: int) -> None:
    made = records(Patient(counts))
    values = [endpoints.evaluate(catalogue(56)[code], made, STUDY).value[0] for code in ("PLT250", "PLT400")]
    assert values == [above_250, above_400]


@pytest.mark.parametrize(("drug_days", "expected"), [([1, 2], [True, True]), (None, [True, False])])
def test_chemotherapy_says_when_drug_is_taken_in_all_arms_or_in_those_until_it(
    drug_days: list[int] | None, expected: list[bool]
) -> None:
    arms = [SimpleNamespace(until_chemotherapy=True), SimpleNamespace(until_chemotherapy=False)]
    around = SimpleNamespace(chemotherapy=SimpleNamespace(drug_days=drug_days), arms=arms)
    assert _by_chemotherapy(around).tolist() == expected  # type: ignore[arg-type]


def test_no_count_after_baseline_is_not_evaluable() -> None:
    result = endpoints.evaluate(catalogue(56)["PLT250"], records(Patient([None])), STUDY)
    assert result.reason[0] == "no count after baseline"


@pytest.mark.parametrize(
    ("actions", "reduced", "interrupted"),
    [
        (("start", "increase"), 0, 0),
        (("start", "increase", "decrease"), 1, 0),
        (("start", "interrupt", "restart"), 0, 1),
        (("start", "decrease", "interrupt"), 1, 1),
    ],
)
def test_reductions_and_interruptions_are_counted_apart(
    actions: tuple[str, ...], reduced: int, interrupted: int
) -> None:
    made = records(Patient([20.0]), Patient([20.0], actions=actions))
    for code, expected in (("REDUCE", reduced), ("INTERRUPT", interrupted)):
        assert endpoints.evaluate(catalogue(56)[code], made, STUDY).value.tolist() == [0, expected]


def test_above_1000() -> None:
    made = records(Patient([1000.0]), Patient([20.0, 1001.0, 20.0]))
    assert endpoints.evaluate(catalogue(56)["PLT1000"], made, STUDY).value.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("counts", "days"),
    [
        ([100.0], 0),
        ([250.0], 0),
        ([100.0] * 2 + [1000.0] + [100.0] * 7, 2 * 7 * np.log(4) / np.log(10)),
        ([100.0] * 9 + [1000.0], 7 * np.log(4) / np.log(10)),
        ([25.0, 2500.0, 2500.0, 25.0], 3.5 + 7 + 3.5),
        ([25.0, None, 2500.0, 25.0], 7 + 3.5),
        ([25.0, 2500.0, 25.0] + [None] * 7, 7),
    ],
)
def test_days_above_join_log_counts_by_straight_lines(counts: list[float | None], days: float) -> None:
    """From 25 to 2,500 the line crosses 250 half way; from 100 to 1,000 it is above for log 4 / log 10 of the way."""
    found = endpoints.evaluate(catalogue(56)["DAYS250"], records(Patient(counts)), STUDY)
    assert found.value[0] == pytest.approx(days)


def test_days_above_start_at_baseline_and_need_a_count() -> None:
    made = records(Patient([25.0] * 10, baseline=2500.0), Patient([None]))
    found = endpoints.evaluate(catalogue(56)["DAYS250"], made, STUDY)
    assert found.value[0] == pytest.approx(3.5)
    assert found.reason.tolist() == ["", "no count after baseline"]


COUNTS = st.lists(st.one_of(st.none(), st.floats(1, 3000)), min_size=10, max_size=10)


@given(COUNTS, st.floats(1, 3000), st.floats(2, 1000), st.floats(1.0, 3.0))
def test_laws_of_days_above(counts, baseline: float, limit: float, factor: float) -> None:
    """Within the study, fewer for a higher limit, the same when counts and limit are scaled, all for a limit below."""
    made = records(Patient(counts, baseline=baseline))
    days = days_above(made, limit)[0]
    last = max((day for day, count in zip(WEEKS, counts, strict=True) if count is not None), default=0)
    assert -1e-9 <= days <= last + 1e-9
    assert days_above(made, factor * limit)[0] <= days + 1e-9
    scaled = replace(made, counts=made.counts * factor, baseline=made.baseline * factor)
    assert days_above(scaled, factor * limit)[0] == pytest.approx(days, abs=1e-6)
    assert days_above(made, 0.5)[0] == pytest.approx(last)


STOPPED = study(treatment_days=35)


def stopped(code: str, *patients: Patient, settings=STOPPED) -> Evaluated:
    return endpoints.evaluate(catalogue(56)[code], records(*patients), settings)


@pytest.mark.parametrize(
    ("after", "baseline", "absolute", "relative"),
    [
        ([60.0, 20.0, 20.0, 20.0], 20, 0, 0),
        ([60.0, 9.0, 20.0, 20.0], 20, 1, 1),
        ([60.0, 10.0, 20.0, 20.0], 20, 0, 1),
        ([60.0, 9.0, 20.0, 20.0], 18, 0, 1),
        ([60.0, 20.0, 20.0, 15.0], 20, 0, 0),
        ([60.0, 20.0, 20.0, 14.0], 20, 0, 1),
    ],
)
def test_rebound_within_28_days_of_the_last_dose(after, baseline: float, absolute: int, relative: int) -> None:
    """Doses on days 0 to 34; weeks 6 to 9 are the 28 days, week 5 is still treatment and week 10 is too late."""
    patient = Patient([60.0] * 4 + [5.0, *after, 5.0], baseline=baseline, treated_days=35)
    assert stopped("REBOUND", patient).value[0] == absolute
    assert stopped("REBOUND2", patient).value[0] == relative


def test_rebound_needs_visits_after_treatment() -> None:
    during = stopped("REBOUND", Patient([5.0]), settings=study(treatment_days=70))
    assert during.reason[0] == "no visit planned after the end of treatment"
    missed = Patient([60.0] * 5 + [None] * 4 + [60.0], treated_days=35)
    never = Patient([60.0], actions=("interrupt",), treated_days=35)
    why = "no count within 28 days of the last dose"
    assert stopped("REBOUND", missed, never).reason.tolist() == [why, why]


@pytest.mark.parametrize("code", ["PLT250", "DAYS1000", "AE_TE", "RESPW8"])
def test_an_endpoint_says_what_it_computes_whether_or_not_it_shares_its_function(code: str) -> None:
    words = {"PLT250": "count above the limit", "DAYS1000": "log counts joined", "AE_TE": "simulated event"}
    assert words.get(code, "Count at or above") in catalogue(56)[code].definition
