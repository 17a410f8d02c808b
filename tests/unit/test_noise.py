"""What varies within a patient: moments, independence, and the ordered probit by its own sum."""

import numpy as np
import pytest
from scipy.stats import norm

from cohorts.noise import assay, bleeding_grade, fluctuation
from cohorts.streams import Draws, Streams

N = 20_000
DRAWS = Draws(Streams(11), np.zeros(N, dtype=np.int64), np.arange(N))
PROBIT = {"BLEED_A": 0.25, "BLEED_B": 0.5, "BLEED_RHO": 0.8, "BLEED_C2": 1.0, "BLEED_C3": 2.0, "BLEED_C4": 3.0}


def grades(count, rho=0.8):
    values = {name: np.full(N, value) for name, value in (PROBIT | {"BLEED_RHO": rho}).items()}
    u = DRAWS.normal("u")
    return [bleeding_grade(np.full(N, count), u, DRAWS.normal("e", day), values) for day in (1, 2)]


@pytest.mark.parametrize("rho", [0.2, 0.8])
@pytest.mark.parametrize("count", [3.0, 13.0, 60.0])
def test_grades_have_the_shares_of_a_latent_normal_of_variance_1(count, rho):
    """P(grade >= k) = Phi(A - B ln(count/13) - cut k) whatever RHO; within 4.5 Monte Carlo errors."""
    first, _ = grades(count, rho)
    for grade, cut in enumerate((0.0, 1.0, 2.0, 3.0), start=1):
        share = norm.cdf(0.25 - 0.5 * np.log(count / 13.0) - cut)
        assert (first >= grade).mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N)), grade
    assert first.min() >= 0 and first.max() <= 4


def test_two_visits_of_a_patient_agree_as_much_as_rho_says():
    """Bleeding at both visits, at the count where half bleed: 1/4 + arcsin(RHO) / (2 pi)."""
    half = 13.0 * np.exp(0.5)
    for rho in (0.2, 0.8):
        first, second = grades(half, rho)
        both = 0.25 + np.arcsin(rho) / (2 * np.pi)
        assert ((first > 0) & (second > 0)).mean() == pytest.approx(both, abs=4.5 * np.sqrt(both * (1 - both) / N))


def test_the_swing_of_a_day_is_what_is_left_of_yesterdays_and_a_new_draw():
    """By hand: x1 = phi x0 + SD sqrt(1 - phi^2) z1, for tau 2 days phi = exp(-1/2)."""
    z0, z1 = (DRAWS.normal("fluctuation", day) for day in (0, 1))
    phi = np.exp(-0.5)
    swings = fluctuation(DRAWS, range(2), 0.3, 2.0)
    assert swings[:, 0] == pytest.approx(0.3 * z0)
    assert swings[:, 1] == pytest.approx(0.3 * (phi * z0 + np.sqrt(1 - phi**2) * z1))


def test_the_latent_sum_by_hand():
    """0.25 + 0.5 ln 2 at half of 13, sqrt(0.64) u + sqrt(0.36) e: 0.5966 + 0.8 u + 0.6 e, cuts 0, 1, 2, 3.

    -0.0094, 1.0046, 1.0026, 2.0026, 3.0006, 0.0006: all but the first just above a cut.
    """
    values = {name: np.full(6, value) for name, value in (PROBIT | {"BLEED_RHO": 0.64}).items()}
    u = np.array([0.0, 0.0, 0.5, 1.0, 2.0, -1.0])
    e = np.array([-1.01, 0.68, 0.01, 1.01, 1.34, 0.34])
    assert bleeding_grade(np.full(6, 6.5), u, e, values).tolist() == [0, 2, 2, 3, 4, 1]


def test_a_count_of_0_is_taken_as_0_01():
    said = {"BLEED_A": 0.0, "BLEED_B": 1.0, "BLEED_RHO": 0.0, "BLEED_C2": 7.1, "BLEED_C3": 7.2, "BLEED_C4": 9.0}
    values = {name: np.full(2, value) for name, value in said.items()}
    assert bleeding_grade([0.0, 0.01], [0.0, 0.0], [0.0, 0.0], values).tolist() == [2, 2]  # ln 1300 = 7.17


def test_the_assay_has_median_1_and_the_coefficient_of_variation():
    measured = assay(np.full(N, 40.0), DRAWS.normal("z"), 0.3)
    assert np.median(measured) == pytest.approx(40.0, rel=4.5 * 0.3 * np.sqrt(np.pi / 2 / N))
    assert measured.std() / measured.mean() == pytest.approx(0.3, rel=0.05)
    assert assay(40.0, 1.0, 0.3) == pytest.approx(40.0 * 1.341194, rel=1e-6)  # exp(sqrt(ln 1.09)), by hand
    assert assay(40.0, 2.0, 0.0) == 40.0


def test_fluctuation_is_stationary_with_the_correlation_of_its_lag():
    x = fluctuation(DRAWS, range(21), 0.4, 10.0)
    assert x.shape == (N, 21)
    np.testing.assert_allclose(x.std(axis=0), 0.4, rtol=4.5 / np.sqrt(2 * N))
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=4.5 * 0.4 / np.sqrt(N))
    for day, lag in ((1, 1), (10, 10), (20, 20)):
        seen, expected = np.corrcoef(x[:, 0], x[:, day])[0, 1], np.exp(-lag / 10)
        assert seen == pytest.approx(expected, abs=4.5 * (1 - expected**2) / np.sqrt(N))


def test_some_days_are_those_of_all_days():
    every, some = fluctuation(DRAWS, range(8), 0.4, 5.0), fluctuation(DRAWS, (0, 3, 7), 0.4, 5.0)
    assert (some == every[:, [0, 3, 7]]).all()
    assert fluctuation(DRAWS, (), 0.4, 5.0).shape == (N, 0)
