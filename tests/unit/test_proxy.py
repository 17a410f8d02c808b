"""Rates of a simulated adverse event by hand: medians, spread, the step from 150 on."""

import numpy as np
import pytest

from cohorts.adverse_events import proxy
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
    z = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, -1.0], [0.0, 1.0]])
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


TABLE_4 = {
    "URTI": (89, 143), "UTI": (48, 58), "HEAD": (25, 33), "DIARR": (30, 39), "ALT": (24, 32), "LDH": (33, 40),
    "HYPOK": (17, 24), "PROTU": (18, 19), "ANY": (316, 332), "SAE": (31, 49),
}  # fmt: skip
"""Patients of 339 on hetrombopag with the event in weeks 0 to 10 and in weeks 0 to 24 (Mei 2021, Table 4)."""


@pytest.mark.parametrize("code", TABLE_4)
def test_the_shares_of_10_and_24_weeks_on_drug_are_the_printed_ones(code):
    """1 - exp(-H) after 70 and after 168 days on drug, at the medians."""
    rates = proxy(code).rates(np.zeros((4, 1)))
    hazard = rates.daily(np.ones((1, 168), bool), np.ones((1, 1)))[0]
    early, late = (1 - np.exp(-hazard[:days].sum()) for days in (70, 168))
    assert 339 * early == pytest.approx(TABLE_4[code][0], rel=1e-9)
    assert 339 * late == pytest.approx(TABLE_4[code][1], rel=1e-9)
    assert hazard[0] == hazard[69] > hazard[70] == hazard[167]


def test_the_spread_of_the_later_ratio():
    """54 of 250 against 89 of 339, by hand: the variances of ln(-ln(1 - p)) add up."""
    p, q = 89 / 339, 54 / 250
    spread = p / (339 * (1 - p)) / np.log(1 - p) ** 2 + q / (250 * (1 - q)) / np.log(1 - q) ** 2
    later = proxy("URTI").later
    assert later.value == pytest.approx(np.log(1 - q) / 98 / (np.log(1 - p) / 70))
    assert later.log_sd == pytest.approx(np.sqrt(spread))
    one_up = proxy("URTI").rates(np.array([[0.0]] * 3 + [[1.0]]))
    assert one_up.later[0] == pytest.approx(later.value * np.exp(later.log_sd))


def test_on_drug_the_days_with_drug_count_and_without_those_of_the_trial():
    """Twice as rare later: drug on days 30 to 99, off to 139, on again: day 71 of drug is day 140."""
    rates = Rates(np.array([1.0]), np.array([3.0]), np.array([1.0]), np.array([0.5]))
    drug = np.zeros((1, 150), bool)
    drug[0, 30:100] = drug[0, 140:] = True
    daily = rates.daily(drug, np.ones((1, 1)))[0] * 365.25
    expected = np.concatenate([np.full(30, 1.0), np.full(70, 3.0), np.full(40, 0.5), np.full(10, 1.5)])
    assert daily == pytest.approx(expected)
    later_on = rates.daily(drug[:, 90:], np.ones((1, 1)), np.arange(90, 150), np.array([60]))[0] * 365.25
    assert later_on == pytest.approx(expected[90:])
