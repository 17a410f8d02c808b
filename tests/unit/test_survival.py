"""Kaplan-Meier, log-rank and Cox on counts by day: published leukaemia data, closed forms, statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from analysis.endpoints.time_to_event import Times
from analysis.statistics import survival
from analysis.statistics.survival import Counts, by_day

DRUG = "6,6,6,6+,7,9+,10,10+,11+,13,16,17+,19+,20+,22,23,25+,32+,32+,34+,35+"
PLACEBO = "1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23"
"""Weeks of remission, + censored: Freireich 1963, Blood 21:699, as in Cox 1972, J R Stat Soc B 34:187, Table 1."""


def read(text: str) -> Times:
    parts = text.split(",")
    return Times(np.array([float(part.strip("+")) for part in parts]), np.array(["+" not in part for part in parts]))


def counts(times: Times, group: np.ndarray | None = None, shape: tuple[int, ...] = ()) -> Counts:
    group = np.zeros(len(times.day), int) if group is None else group
    return by_day(group, shape, times.day.astype(int), times.event)


def kaplan_meier(text: str) -> survival.Curve:
    return survival.kaplan_meier(counts(read(text)))


def arms(times: Times, treated: np.ndarray, strata: np.ndarray) -> tuple[Counts, Counts]:
    """Counts (1, S, D) of the treated and of the others."""
    names, stratum = np.unique(strata, return_inverse=True)
    both = counts(times, treated * len(names) + stratum, (2, 1, len(names)))
    return Counts(both.events[1], both.at_risk[1]), Counts(both.events[0], both.at_risk[0])


def hazard_ratio(times: Times, treated: np.ndarray, strata: np.ndarray) -> list[float]:
    return [float(part[0]) for part in survival.hazard_ratio(*arms(times, treated, strata))]


def log_rank(times: Times, treated: np.ndarray, strata: np.ndarray) -> float:
    return float(survival.log_rank(*arms(times, treated, strata))[0])


def together(first: Times, second: Times) -> tuple[Times, np.ndarray]:
    both = Times(np.concatenate([first.day, second.day]), np.concatenate([first.event, second.event]))
    return both, np.arange(len(both.day)) < len(first.day)


def one_stratum(n: int) -> np.ndarray:
    return np.full(n, "")


def numbers(interval) -> list[float]:
    return [float(part) for part in interval]


def test_leukaemia_medians() -> None:
    assert numbers(kaplan_meier(DRUG).median) == pytest.approx([23, 13, np.nan], nan_ok=True)
    assert numbers(kaplan_meier(PLACEBO).median) == [8, 4, 11]


def test_leukaemia_curve_with_log_log_limits() -> None:
    """The product by hand; standard errors by Greenwood, limits 1 - S^exp(-+1.96 s / (S log S))."""
    surviving = np.array([18 / 21, 18 / 21 * 16 / 17, 18 / 21 * 16 / 17 * 14 / 15])
    greenwood = np.cumsum([3 / (21 * 18), 1 / (17 * 16), 1 / (15 * 14)])
    found = kaplan_meier(DRUG).by(np.array([6, 9, 12]))
    factor = np.exp(1.959964 * np.sqrt(greenwood) / np.abs(np.log(surviving)))
    np.testing.assert_allclose(found.estimate, 1 - surviving, rtol=1e-12)
    np.testing.assert_allclose(found.low, 1 - surviving ** (1 / factor), rtol=1e-6)
    np.testing.assert_allclose(found.high, 1 - surviving**factor, rtol=1e-6)
    assert found.low[0] < found.estimate[0] < found.high[0]


def test_a_curve_that_falls_to_nothing_has_the_median_of_r_and_sas() -> None:
    """Events on days 7, 14, 21, 28: a half from day 14 to 21, so 17.5; the upper limit is not reached (R: 7, NA)."""
    assert numbers(kaplan_meier("7,14,21,28").median) == pytest.approx([17.5, 7, np.nan], nan_ok=True)


def test_half_is_enough_for_the_median() -> None:
    """Six of twelve by day 6 and nobody later: the middle of the stretch up to the last day watched, as in R."""
    assert kaplan_meier("1,2,3,4,5,6" + ",9+" * 6).median.estimate == 7.5
    assert np.isnan(kaplan_meier("1,2,3,4,5" + ",9+" * 6).median.estimate)


def test_leukaemia_log_rank_and_cox() -> None:
    """Chi-square 16.79; Cox with Efron's ties 1.5721 (standard error 0.4124), as R's survival prints."""
    times, treated = together(read(DRUG), read(PLACEBO))
    strata = one_stratum(len(treated))
    assert chi2.isf(log_rank(times, treated, strata), 1) == pytest.approx(16.79, abs=0.005)
    limits = [math.exp(1.5721 + z * 0.4124) for z in (0, -1.96, 1.96)]
    assert hazard_ratio(times, ~treated, strata) == pytest.approx(limits, rel=2e-4)
    assert hazard_ratio(times, treated, strata)[0] == pytest.approx(1 / 4.817, rel=2e-4)


def pairs(treated_first: int, control_first: int) -> tuple[Times, np.ndarray, np.ndarray]:
    """Strata of two: both have the event, one on day 1, the other on day 2."""
    n = treated_first + control_first
    day = np.array([[1.0, 2.0]] * treated_first + [[2.0, 1.0]] * control_first).ravel()
    return Times(day, np.ones(2 * n, bool)), np.tile([True, False], n), np.repeat([f"s{k}" for k in range(n)], 2)


def test_strata_of_two_have_closed_forms() -> None:
    """Each stratum adds +-1/2 to observed minus expected and 1/4 to the variance; Cox is a conditional logistic."""
    times, treated, strata = pairs(9, 3)
    assert chi2.isf(log_rank(times, treated, strata), 1) == pytest.approx((9 - 3) ** 2 / 12)
    estimate, _, high = hazard_ratio(times, treated, strata)
    assert estimate == pytest.approx(3)
    assert high == pytest.approx(3 * math.exp(1.959964 * math.sqrt(1 / 9 + 1 / 3)), rel=1e-5)
    assert log_rank(times, treated, one_stratum(24)) != pytest.approx(log_rank(times, treated, strata), rel=0.01)


@pytest.mark.parametrize("first", ["1,2,3,4", "1,2,10+,10+"])
def test_no_hazard_ratio_where_only_one_arm_tells(first: str) -> None:
    """All events of the one arm come while the other is watched, and none the other way round."""
    times, treated = together(read(first), read("10+,10+,10+,10+,10+"))
    strata = one_stratum(len(treated))
    for arm in (treated, ~treated):
        assert np.isnan(hazard_ratio(times, arm, strata)).all()
        assert 0 < log_rank(times, arm, strata) < 0.2


def test_events_of_separate_strata_do_not_tell() -> None:
    """In each stratum the events of the one arm come when the other is no longer watched."""
    times = Times(np.array([5.0, 1.0, 1.0, 5.0]), np.array([True, False, False, True]))
    treated, strata = np.array([True, False, True, False]), np.array(["a", "a", "b", "b"])
    assert np.isnan(log_rank(times, treated, strata))
    assert np.isnan(hazard_ratio(times, treated, strata)[0])


def test_everybody_on_one_day_has_no_variance() -> None:
    times, treated = together(read("7,7"), read("7,7,7"))
    assert np.isnan(log_rank(times, treated, one_stratum(5)))
    assert hazard_ratio(times, treated, one_stratum(5))[0] == pytest.approx(1)


def test_without_events_the_share_is_zero_while_somebody_is_watched() -> None:
    curve = kaplan_meier("9+,9+,4+")
    share = curve.by(np.array([0, 9, 10]))
    assert share.estimate[:2].tolist() == [0, 0] and np.isnan(share.estimate[2])
    assert np.isnan(curve.median.estimate) and np.isnan(share.low).all()


def test_nobody() -> None:
    nobody = counts(Times(np.empty(0), np.empty(0, bool)))
    curve = survival.kaplan_meier(nobody)
    assert np.isnan(curve.by(np.array([0, 7])).estimate).all() and np.isnan(curve.median.estimate)
    assert nobody.watched(np.array([0, 5])).tolist() == [0, 0]
    times, none = Times(np.empty(0), np.empty(0, bool)), np.empty(0, bool)
    empty = counts(times, none.astype(int), (1, 1))
    assert np.isnan(survival.log_rank(empty, empty)) and np.isnan(survival.hazard_ratio(empty, empty).estimate)


def test_after_everybody_had_the_event_the_share_stays_one() -> None:
    assert kaplan_meier("2,5").by(np.array([1, 2, 5, 99])).estimate.tolist() == [0, 0.5, 1, 1]


def test_at_risk_includes_the_events_of_the_day() -> None:
    watched = counts(read("1,3,3+,8")).watched(np.array([0, 1, 2, 3, 8, 9]))
    assert watched.tolist() == [4, 4, 3, 3, 1, 0]


def test_many_replicates_at_once_are_those_of_statsmodels_one_by_one() -> None:
    """40 replicates of 60 patients in three strata, with many ties: shares, medians, p and ratios of each."""
    rng = np.random.default_rng(4)
    n, size = 40, 60
    replicate = np.repeat(np.arange(n), size)
    treated, stratum = rng.random(n * size) < 0.6, rng.integers(0, 3, n * size)
    day = np.ceil(rng.exponential(np.where(treated, 30, 18)) / 7) * 7
    end = rng.choice([56.0, 70.0], n * size)
    times = Times(np.minimum(day, end), day <= end)
    both = counts(times, np.ravel_multi_index((treated.astype(int), replicate, stratum), (2, n, 3)), (2, n, 3))
    one, other = (Counts(both.events[k], both.at_risk[k]) for k in (1, 0))
    ratio, p = survival.hazard_ratio(one, other), survival.log_rank(one, other)
    curve = survival.kaplan_meier(one.pooled(axis=1))
    for r in range(n):
        mine = replicate == r
        d, e, x, s = times.day[mine], times.event[mine].astype(float), treated[mine], stratum[mine]
        cox = PHReg(d, x[:, None].astype(float), e, strata=s, ties="efron").fit(disp=0)
        assert math.log(ratio.estimate[r]) == pytest.approx(float(cox.params[0]), abs=1e-7)
        assert math.log(ratio.high[r] / ratio.estimate[r]) == pytest.approx(1.959964 * float(cox.bse[0]), rel=1e-6)
        assert p[r] == pytest.approx(float(survdiff(d, e, x, strata=s)[1]), rel=1e-9)
        curve_there = SurvfuncRight(d[x], e[x])
        share = curve.by(curve_there.surv_times.astype(int)).estimate[r]
        assert share == pytest.approx(1 - curve_there.surv_prob, rel=1e-12)


def test_the_last_one_watched_still_counts() -> None:
    """One of two by day 5, the other watched to day 9: a half is known on day 7, and on day 9, not on day 10."""
    share = kaplan_meier("5,9+").by(np.array([4, 7, 9, 10])).estimate
    assert share[:3].tolist() == [0, 0.5, 0.5] and np.isnan(share[3])


def test_curves_of_groups_are_each_their_own() -> None:
    """A (2, 2) of groups, one with nobody; days as many as groups on no axis; nothing is divided by zero on the way."""
    texts = ["0,3+,5,7", "1,1,6+", "", "4+"]
    parts = [read(text) if text else Times(np.empty(0), np.empty(0, bool)) for text in texts]
    group = np.repeat(np.arange(4), [len(part.day) for part in parts])
    all_ = Times(np.concatenate([p.day for p in parts]), np.concatenate([p.event for p in parts]))
    with np.errstate(divide="raise", invalid="raise"):
        both = counts(all_, group, (2, 2))
        curve, days = survival.kaplan_meier(both), np.array([0, 4, 6])
        shares, median = curve.by(days), curve.median
    for k, part in enumerate(parts):
        place = divmod(k, 2)
        if not len(part.day):
            assert np.isnan(median.estimate[place]) and np.isnan(shares.estimate[place]).all()
            continue
        alone = survival.kaplan_meier(counts(part))
        np.testing.assert_allclose(np.array(shares)[:, *place], np.array(alone.by(days)))
        np.testing.assert_allclose(np.array(median)[:, *place], numbers(alone.median))
    assert median.estimate[0, 0] == 5 and median.estimate[0, 1] == 1 and curve.last.tolist()[0] == [7, 6]
    pooled = both.pooled(axis=1)
    assert pooled.events.sum(axis=1).tolist() == [5, 0] and pooled.at_risk[:, 0].tolist() == [7, 1]


def test_one_event_in_each_arm_has_an_interval_too() -> None:
    """Information below 1; the Cox of statsmodels."""
    times, treated = together(read("2,9+,9+"), read("3,9+,9+,9+,9+"))
    cox = PHReg(times.day, treated[:, None].astype(float), times.event.astype(float), ties="efron").fit(disp=0)
    estimate, low, high = hazard_ratio(times, treated, one_stratum(8))
    assert math.log(estimate) == pytest.approx(float(cox.params[0]), abs=1e-7)
    assert math.log(high / low) == pytest.approx(2 * 1.959964 * float(cox.bse[0]), rel=1e-6)


def test_a_very_large_ratio_is_found_too() -> None:
    """40 of 41 strata of two with the treated first: a ratio of 40, by conditional logistic."""
    assert hazard_ratio(*pairs(40, 1))[0] == pytest.approx(40)
    assert hazard_ratio(*pairs(1, 40))[0] == pytest.approx(1 / 40)


@pytest.mark.parametrize("day", [10, 12])
def test_a_restricted_mean_beyond_the_last_event_goes_on_with_the_last_share(day: int) -> None:
    """Events on days 2 and 6 of four, the others watched to day 20: 2 + 4 x 3/4 + (day - 6) / 2; Greenwood by hand."""
    found = counts(read("2, 6, 20+, 20+"))
    short = Counts(found.events[..., :9], found.at_risk[..., :9])
    mean, error = survival.restricted_mean(found, day)
    assert float(mean) == pytest.approx(2 + 4 * 0.75 + (day - 6) * 0.5)
    left = np.array([4 * 0.75 + (day - 6) * 0.5, (day - 6) * 0.5])
    assert float(error) == pytest.approx(np.sqrt(left[0] ** 2 / 12 + left[1] ** 2 / 6))
    assert short.events.shape[-1] < day
