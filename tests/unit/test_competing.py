"""Cumulative incidence of competing events, and restricted means, against R's survival and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from analysis.statistics.competing import cumulative_incidence
from analysis.statistics.estimators import Z95
from analysis.statistics.survival import by_day, kaplan_meier, restricted_mean

DAY = np.array([2, 3, 3, 5, 5, 5, 8, 8, 9, 11, 12, 12, 14, 14, 14, 14])
KIND = np.array([1, 2, 0, 1, 1, 2, 0, 1, 2, 1, 1, 0, 2, 0, 0, 0])
AT = [3, 5, 9, 12]


def counts(kinds: tuple[int, ...] = (1, 2)) -> tuple[np.ndarray, np.ndarray]:
    found = [by_day(np.zeros(16, dtype=np.int64), (1,), DAY, kind == KIND) for kind in kinds]
    return np.stack([one.events[0] for one in found]), found[0].at_risk[0]


def errors(found) -> np.ndarray:
    """The standard error that the limits are of."""
    inside = np.isfinite(found.low)
    share, low = np.where(inside, found.estimate, 0.5), np.where(inside, found.low, 0.5)
    return np.where(inside, np.log(np.log(low) / np.log(share)) / Z95 * share * np.abs(np.log(share)), np.nan)


def test_shares_and_errors_are_those_of_r() -> None:
    """R 4.2.2, survival 3.5.3: summary(survfit(Surv(t, factor(k, 0:2)) ~ 1), times = c(3, 5, 9, 12))."""
    found = cumulative_incidence(*counts())
    shares = [[0.0625, 0.197115384615, 0.264423076923, 0.415865384615],
              [0.0625, 0.129807692308, 0.205528846154, 0.205528846154]]  # fmt: skip
    assert found.estimate[:, AT] == pytest.approx(np.array(shares), abs=1e-11)
    wanted = [[0.0605153647845, 0.1021710752471, 0.1135923700051, 0.1309617884377],
              [0.0605153647845, 0.0857820274554, 0.1064805137899, 0.1064805137899]]  # fmt: skip
    assert errors(found)[:, AT] == pytest.approx(np.array(wanted), abs=1e-9)


def test_errors_are_those_of_statsmodels() -> None:
    theirs = CumIncidenceRight(DAY, KIND)
    ours = errors(cumulative_incidence(*counts()))
    for k in range(2):
        told = np.isfinite(ours[k][theirs.times])
        assert told.sum() > 5
        assert ours[k][theirs.times][told] == pytest.approx(theirs.cinc_se[k][told], abs=1e-9)


def test_one_kind_of_event_is_kaplan_meier() -> None:
    events, at_risk = counts((1,))
    found = cumulative_incidence(events, at_risk)
    curve = kaplan_meier(by_day(np.zeros(16, dtype=np.int64), (1,), DAY, KIND == 1)).share
    assert found.estimate[0] == pytest.approx(curve.estimate[0])
    share = curve.estimate[0, 12]
    greenwood = np.log(np.log(1 - curve.high[0, 12]) / np.log(1 - share)) / Z95 * (1 - share) * -np.log(1 - share)
    assert errors(found)[0, 12] == pytest.approx(greenwood, rel=1e-9)


def test_kinds_and_those_without_an_event_sum_to_one_and_nobody_is_nan() -> None:
    events, at_risk = counts()
    found = cumulative_incidence(np.stack([events, 0 * events]), np.stack([at_risk, 0 * at_risk]))
    surviving = np.cumprod(1 - events.sum(axis=0) / np.maximum(at_risk, 1))
    assert found.estimate[0].sum(axis=0) + surviving == pytest.approx(np.ones(15))
    assert np.isnan(found.estimate[1]).all()
    assert np.isnan(found.low[0, :, 0]).all()


def test_the_restricted_mean_is_that_of_r() -> None:
    """R 4.2.2, survival 3.5.3: summary(survfit(Surv(t, k == 1) ~ 1), rmean = 10)."""
    one = by_day(np.zeros(16, dtype=np.int64), (1,), DAY, KIND == 1)
    mean, error = restricted_mean(one, 10)
    assert (float(mean[0]), float(error[0])) == pytest.approx((8.620192307692, 0.638782222539), abs=1e-11)


def test_without_censoring_it_is_the_mean_of_the_shortened_times() -> None:
    day = np.array([1, 4, 4, 7, 20, 30])
    mean, error = restricted_mean(by_day(np.zeros(6, dtype=np.int64), (1,), day, np.ones(6, dtype=bool)), 12)
    short = np.minimum(day, 12)
    assert float(mean[0]) == pytest.approx(short.mean())
    assert float(error[0]) == pytest.approx(short.std() / np.sqrt(6))


def test_there_is_no_mean_beyond_the_last_day_watched_unless_all_had_the_event() -> None:
    group, day = np.array([0, 0, 1, 1]), np.array([3, 5, 3, 5])
    event = np.array([True, True, True, False])
    mean, error = restricted_mean(by_day(group, (3,), day, event), 9)
    assert (float(mean[0]), float(error[0])) == pytest.approx((4.0, 1 / np.sqrt(2)))
    assert np.isnan(mean[1:]).all() and np.isnan(error[1:]).all()
    assert np.isfinite(restricted_mean(by_day(group, (3,), day, event), 5)[0][:2]).all()
