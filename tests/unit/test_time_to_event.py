"""Time to event: published leukaemia data, closed forms, and patients small enough to judge by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2
from tiny_trial import STUDY, WEEKS, Patient, records

from analysis import endpoints
from analysis.endpoints import catalogue
from analysis.endpoints.time_to_event import (
    TTLOSS,
    TTRESC,
    TTRESP,
    Times,
    at_risk,
    hazard_ratio,
    kaplan_meier,
    log_rank,
)

DRUG = "6,6,6,6+,7,9+,10,10+,11+,13,16,17+,19+,20+,22,23,25+,32+,32+,34+,35+"
PLACEBO = "1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23"
"""Weeks of remission, + censored: Freireich 1963, Blood 21:699, as in Cox 1972, J R Stat Soc B 34:187, Table 1."""


def read(text: str) -> Times:
    parts = text.split(",")
    return Times(np.array([float(part.strip("+")) for part in parts]), np.array(["+" not in part for part in parts]))


def together(first: Times, second: Times) -> tuple[Times, np.ndarray]:
    both = Times(np.concatenate([first.day, second.day]), np.concatenate([first.event, second.event]))
    return both, np.arange(len(both.day)) < len(first.day)


def one_stratum(n: int) -> np.ndarray:
    return np.full(n, "")


def test_leukaemia_medians() -> None:
    drug, placebo = kaplan_meier(read(DRUG)).median, kaplan_meier(read(PLACEBO)).median
    assert (drug.estimate, drug.low, drug.high) == (23, 13, np.inf)
    assert (placebo.estimate, placebo.low, placebo.high) == (8, 4, 11)


def test_leukaemia_curve_with_log_log_limits() -> None:
    """The product by hand; standard errors by Greenwood, limits 1 - S^exp(-+1.96 s / (S log S))."""
    survival = np.array([18 / 21, 18 / 21 * 16 / 17, 18 / 21 * 16 / 17 * 14 / 15])
    greenwood = np.cumsum([3 / (21 * 18), 1 / (17 * 16), 1 / (15 * 14)])
    found = kaplan_meier(read(DRUG)).by(np.array([6.0, 9.5, 12.0]))
    factor = np.exp(1.959964 * np.sqrt(greenwood) / np.abs(np.log(survival)))
    np.testing.assert_allclose(found.estimate, 1 - survival, rtol=1e-12)
    np.testing.assert_allclose(found.low, 1 - survival ** (1 / factor), rtol=1e-6)
    np.testing.assert_allclose(found.high, 1 - survival**factor, rtol=1e-6)
    assert found.low[0] < found.estimate[0] < found.high[0]


def test_leukaemia_log_rank_and_cox() -> None:
    """Chi-square 16.79; Cox with Efron's ties 1.5721 (standard error 0.4124), as R's survival prints."""
    times, treated = together(read(DRUG), read(PLACEBO))
    strata = one_stratum(len(treated))
    assert chi2.isf(log_rank(times, treated, strata), 1) == pytest.approx(16.79, abs=0.005)
    ratio = hazard_ratio(times, ~treated, strata)
    limits = [math.exp(1.5721 + z * 0.4124) for z in (0, -1.96, 1.96)]
    assert [float(part) for part in ratio] == pytest.approx(limits, rel=2e-4)
    assert hazard_ratio(times, treated, strata).estimate == pytest.approx(1 / 4.817, rel=2e-4)


def pairs(treated_first: int, control_first: int) -> tuple[Times, np.ndarray, np.ndarray]:
    """Strata of two: both have the event, one on day 1, the other on day 2."""
    n = treated_first + control_first
    day = np.array([[1.0, 2.0]] * treated_first + [[2.0, 1.0]] * control_first).ravel()
    return Times(day, np.ones(2 * n, bool)), np.tile([True, False], n), np.repeat([f"s{k}" for k in range(n)], 2)


def test_strata_of_two_have_closed_forms() -> None:
    """Each stratum adds +-1/2 to observed minus expected and 1/4 to the variance; Cox is a conditional logistic."""
    times, treated, strata = pairs(9, 3)
    assert chi2.isf(log_rank(times, treated, strata), 1) == pytest.approx((9 - 3) ** 2 / 12)
    ratio = hazard_ratio(times, treated, strata)
    error = math.sqrt(1 / 9 + 1 / 3)
    assert float(ratio.estimate) == pytest.approx(3)
    assert float(ratio.high) == pytest.approx(3 * math.exp(1.959964 * error), rel=1e-5)
    assert log_rank(times, treated, one_stratum(24)) != pytest.approx(log_rank(times, treated, strata), rel=0.01)


@pytest.mark.parametrize("first", ["1,2,3,4", "1,2,10+,10+"])
def test_no_hazard_ratio_where_only_one_arm_tells(first: str) -> None:
    """All events of the one arm come while the other is watched, and none the other way round."""
    times, treated = together(read(first), read("10+,10+,10+,10+,10+"))
    strata = one_stratum(len(treated))
    for arm in (treated, ~treated):
        assert all(np.isnan(part) for part in hazard_ratio(times, arm, strata))
        assert 0 < log_rank(times, arm, strata) < 0.2


def test_events_of_separate_strata_do_not_tell() -> None:
    """In each stratum the events of the one arm come when the other is no longer watched."""
    times = Times(np.array([5.0, 1.0, 1.0, 5.0]), np.array([True, False, False, True]))
    treated, strata = np.array([True, False, True, False]), np.array(["a", "a", "b", "b"])
    assert np.isnan(log_rank(times, treated, strata))
    assert np.isnan(hazard_ratio(times, treated, strata).estimate)


def test_everybody_on_one_day_has_no_variance() -> None:
    times, treated = together(read("7,7"), read("7,7,7"))
    assert np.isnan(log_rank(times, treated, one_stratum(5)))
    assert hazard_ratio(times, treated, one_stratum(5)).estimate == pytest.approx(1)


def test_half_is_enough_for_the_median() -> None:
    """Six of twelve by day 6: exactly half, whatever the rounding of the product."""
    assert kaplan_meier(read("1,2,3,4,5,6" + ",9+" * 6)).median.estimate == 6
    assert np.isnan(kaplan_meier(read("1,2,3,4,5" + ",9+" * 6)).median.estimate)


def test_without_events_the_share_is_zero_while_somebody_is_watched() -> None:
    curve = kaplan_meier(read("9+,9+,4+"))
    share = curve.by(np.array([0.0, 9.0, 10.0]))
    assert share.estimate[:2].tolist() == [0, 0] and np.isnan(share.estimate[2])
    assert np.isnan(curve.median.estimate) and np.isnan(share.low).all()


def test_nobody() -> None:
    nobody = Times(np.empty(0), np.empty(0, bool))
    assert np.isnan(kaplan_meier(nobody).by(np.array([0.0, 7.0])).estimate).all()
    assert np.isnan(log_rank(nobody, np.empty(0, bool), np.empty(0, str)))
    assert at_risk(nobody, np.array([0.0])).tolist() == [0]


def test_after_everybody_had_the_event_the_share_stays_one() -> None:
    assert kaplan_meier(read("2,5")).by(np.array([1.0, 2.0, 5.0, 99.0])).estimate.tolist() == [0, 0.5, 1, 1]


def test_at_risk_includes_the_events_of_the_day() -> None:
    assert at_risk(read("1,3,3+,8"), np.array([0.0, 1.0, 1.5, 3.0, 8.0, 9.0])).tolist() == [4, 4, 3, 3, 1, 0]


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
    """(day, event) of response, rescue, loss; None: not watched. The study ends on day 72, the latest last visit."""
    people = list(PEOPLE)
    found = records(*(PEOPLE["third visit"][0], *(PEOPLE[name][0] for name in people)))
    for kind, expected in zip((TTRESP, TTRESC, TTLOSS), PEOPLE[who][1:], strict=True):
        times, row = kind.times(found, STUDY), 1 + people.index(who)
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


def test_rescue_before_response_keeps_the_share_that_of_all_patients() -> None:
    """With nobody leaving, Kaplan-Meier of the composite is events over patients, rescued ones included."""
    people = [Patient(counts("--R"))] * 3 + [Patient(counts("--R"), rescue_days=(7,))] * 5
    curve = kaplan_meier(TTRESP.times(records(*people), STUDY))
    assert curve.by(np.array([70.0])).estimate[0] == pytest.approx(3 / 8)
