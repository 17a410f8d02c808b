"""NCA against the published analysis of R's Theoph subject 1, closed forms, and hand-made profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_trial import PK_HOURS, STUDY, Patient, records

from analysis import endpoints
from analysis.endpoints import catalogue, nca

THEOPH_1_H = np.array([0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37])
THEOPH_1 = np.array([0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28])


def test_theoph_subject_1_as_in_pknca_and_noncompart() -> None:
    log_down = nca.exposure(THEOPH_1_H, THEOPH_1)
    linear = nca.exposure(THEOPH_1_H, THEOPH_1, log_down=False)
    assert (log_down.cmax, log_down.tmax) == (10.5, 1.12)
    assert log_down.auc_last == pytest.approx(147.2347, abs=5e-5)
    assert linear.auc_last == pytest.approx(148.923, abs=5e-4)
    assert log_down.terminal.lambda_z == pytest.approx(0.048457, abs=5e-7)
    assert log_down.terminal.points == 3
    assert log_down.terminal.half_life == pytest.approx(14.304, abs=5e-4)
    assert linear.auc_inf == pytest.approx(216.61, abs=5e-3)


def test_log_down_is_exact_for_an_exponential_decay() -> None:
    times = np.array([0.0, 1.0, 4.0, 12.0, 24.0])
    area = nca.auc(times, 100 * np.exp(-0.1 * times))
    assert area == pytest.approx(100 * (1 - np.exp(-2.4)) / 0.1, rel=1e-12)


def test_rising_and_zero_segments_are_linear_and_profiles_are_handled_together() -> None:
    times = np.array([0.0, 2.0, 4.0])
    profiles = np.array([[0.0, 10.0, 0.0], [5.0, 5.0, 5.0], [0.0, 4.0, 2.0]])
    assert nca.auc(times, profiles) == pytest.approx([20, 20, 4 + 2 * 2 / np.log(2)])
    assert nca.cmax(profiles).tolist() == [10, 5, 4]
    assert nca.tmax(times, profiles).tolist() == [2, 0, 2]


def test_a_missing_sample_is_bridged_and_an_empty_profile_has_no_area() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0])
    profiles = np.array([[0.0, np.nan, 2.0, 4.0], [np.nan] * 4, [np.nan, 3.0, 3.0, np.nan]])
    assert nca.auc(times, profiles) == pytest.approx([8, np.nan, 3], nan_ok=True)
    assert np.isnan(nca.tmax(times, profiles)[1])


def test_below_lloq_is_zero_before_the_first_quantifiable_sample_and_missing_after_it() -> None:
    values = np.array([0.1, 0.4, 3.0, 0.2, 1.0, 0.3])
    assert nca.below_lloq(values, 0.5) == pytest.approx([0, 0, 3, np.nan, 1, np.nan], nan_ok=True)
    assert nca.below_lloq(np.array([0.1, 0.2]), 0.5).tolist() == [0, 0]


def test_the_terminal_phase_leaves_out_tmax_and_takes_more_points_when_the_fit_is_as_good() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0])
    phase = nca.terminal(times, np.array([0.0, 10.0, *(8 * np.exp(-0.2 * times[2:]))]))
    assert phase.points == 5
    assert phase.lambda_z == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "reason"),
    [([1.0, 2, 3, 2, 1], "fewer than 3"), ([9.0, 1, 2, 3, 4], "does not fall"), ([0.0] * 5, "fewer than 3")],
)
def test_without_a_terminal_phase_there_is_a_reason_and_no_auc_to_infinity(values: list[float], reason: str) -> None:
    result = nca.exposure(np.arange(5.0), np.array(values))
    assert reason in result.terminal.reason
    assert np.isnan(result.auc_inf)


def test_pk_endpoints_are_for_complete_profiles_of_patients_on_active_drug() -> None:
    made = records(
        Patient([20.0], profile=(4.0, 10.0, 5.0)),
        Patient([20.0], arm="placebo", profile=(0.0, 0.0, 0.0)),
        Patient([20.0], profile=(4.0, None, 5.0)),
        Patient([20.0], profile=(4.0, 10.0, 5.0), actions=("interrupt",)),
    )
    expected = {"CMAX": 10, "CTROUGH": 5, "AUCTAU": 8 * 7 + 16 * 5 / np.log(2)}
    for code, value in expected.items():
        result = endpoints.evaluate(catalogue(56)[code], made, STUDY)
        assert result.value == pytest.approx([value, np.nan, np.nan, np.nan], nan_ok=True)
        assert result.reason.tolist() == [
            "",
            "placebo: no drug",
            "missed visit",
            "no dose prescribed on the sampling day",
        ]
    assert made.profile is not None
    assert made.profile.times.tolist() == list(PK_HOURS)


def test_a_study_without_pk_sampling_says_so() -> None:
    result = endpoints.evaluate(catalogue(56)["CMAX"], records(Patient([20.0])), STUDY)
    assert result.reason[0] == "no PK sampling in this study"


def test_a_profile_longer_than_a_day_has_interval_and_whole_area() -> None:
    """8 h at a mean of 7, 16 h falling from 10 to 5, and 24 h falling from 5 to 2.5."""
    made = records(Patient([20.0], profile=(4.0, 10.0, 5.0)))
    assert made.profile is not None
    times, values = np.array([0.0, 8.0, 24.0, 48.0]), np.array([[4.0, 10.0, 5.0, 2.5]])
    longer = replace(made.profile, times=times, values=values, reasons=np.full(values.shape, ""))
    made = replace(made, profile=longer)
    interval = 8 * 7 + 16 * 5 / np.log(2)
    expected = {"CMAX": 10, "CTROUGH": 5, "AUCTAU": interval, "AUCLST": interval + 24 * 2.5 / np.log(2)}
    for code, value in expected.items():
        assert endpoints.evaluate(catalogue(56)[code], made, STUDY).value[0] == pytest.approx(value)


def test_whoever_leaves_during_a_long_profile_keeps_the_endpoints_of_the_first_day() -> None:
    """The first leaves after a day, the second missed the sample at 8 h: only the first has Cmax, neither AUClast."""
    made = records(*[Patient([20.0], profile=(4.0, 10.0, 5.0))] * 2)
    assert made.profile is not None
    values = np.array([[4.0, 10.0, 5.0, np.nan], [4.0, np.nan, 5.0, np.nan]])
    reasons = np.array([["", "", "", "discontinued"], ["", "missed visit", "", "discontinued"]])
    times = np.array([0.0, 8.0, 24.0, 48.0])
    made = replace(made, profile=replace(made.profile, times=times, values=values, reasons=reasons))
    first = {"CMAX": 10, "CTROUGH": 5, "AUCTAU": 8 * 7 + 16 * 5 / np.log(2)}
    for code, value in first.items():
        result = endpoints.evaluate(catalogue(56)[code], made, STUDY)
        assert result.value == pytest.approx([value, np.nan], nan_ok=True), code
        assert result.reason.tolist() == ["", "missed visit"], code
    whole = endpoints.evaluate(catalogue(56)["AUCLST"], made, STUDY)
    assert np.isnan(whole.value).all() and whole.reason.tolist() == ["discontinued", "missed visit"]
