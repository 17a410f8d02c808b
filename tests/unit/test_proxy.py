"""Rates of a simulated adverse event by hand: medians, spread, the step from 150 on."""

import numpy as np
import pytest

from cohorts.adverse_events.proxy import Prior, Proxy, Rates
from cohorts.adverse_events.special import log_sd_of
from cohorts.citations import THIS_ENGINE, Source

CHOICE = Source(THIS_ENGINE, "assumed")


def prior(value, log_sd):
    return Prior(value, log_sd, "1/y", CHOICE, "assumed")


def test_a_prior_is_log_normal():
    """exp(0.5 x 2) = e times the median two SD up; 2.5 % lies 1.96 SD below."""
    assert prior(3.0, 0.5).at([0.0, 2.0, -2.0]) == pytest.approx([3.0, 3 * np.e, 3 / np.e])
    low, high = prior(3.0, 0.5).range95
    assert (low, high) == pytest.approx((3 * np.exp(-0.979982), 3 * np.exp(0.979982)), rel=1e-6)


def test_the_spread_behind_a_printed_interval():
    """An interval from 1/2 to 8: ln 16 is 3.92 SD."""
    assert log_sd_of(0.5, 8.0) == pytest.approx(np.log(16) / 3.919928)


def test_a_rate_on_drug_is_its_own_or_a_multiple_of_the_background():
    z = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, -1.0]])
    own = Proxy("A", "a", prior(2.0, np.log(2)), on_drug=prior(5.0, np.log(3))).rates(z)
    assert own.background == pytest.approx([2, 4]) and own.on_drug == pytest.approx([5, 45])
    assert own.doubling.tolist() == [1, 1]
    times = Proxy("B", "b", prior(2.0, np.log(2)), ratio=prior(5.0, np.log(3)), doubling=prior(1.5, np.log(2)))
    assert times.rates(z).on_drug == pytest.approx([10, 180])
    assert times.rates(z).doubling == pytest.approx([1.5, 0.75])


def test_the_ratio_of_two_rates_has_the_spread_of_both():
    """SDs of 0.3 and 0.4 make one of 0.5."""
    of_two = Proxy("A", "a", prior(2.0, 0.3), on_drug=prior(5.0, 0.4)).drug_ratio
    assert of_two == pytest.approx((2.5, 2.5 * np.exp(-0.979982), 2.5 * np.exp(0.979982)), rel=1e-6)
    one = Proxy("B", "b", prior(2.0, 0.3), ratio=prior(5.0, 0.5)).drug_ratio
    assert one == pytest.approx((5.0, 5 * np.exp(-0.979982), 5 * np.exp(0.979982)), rel=1e-6)


def test_the_hazard_of_a_day_doubles_with_the_count_from_150_on():
    """Up to 150 the yearly rate over 365.25; at 300 one doubling, at 600 two."""
    rates = Rates(np.array([1.0]), np.array([3.0]), np.array([2.0]))
    drug = np.array([[False, True, True, True, True]])
    daily = rates.daily(drug, np.array([[20.0, 20.0, 150.0, 300.0, 600.0]]))
    assert daily[0] * 365.25 == pytest.approx([1, 3, 3, 6, 12])


@pytest.mark.parametrize("given", [{}, {"on_drug": prior(1.0, 1.0), "ratio": prior(1.0, 1.0)}])
def test_a_rate_and_a_ratio_cannot_both_be_given_or_missing(given):
    with pytest.raises(ValueError, match="either on_drug or ratio"):
        Proxy("A", "a", prior(1.0, 1.0), **given)
