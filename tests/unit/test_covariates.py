"""Laws of the covariates: moments, shares and correlations of 20,000 candidates within 4.5 Monte Carlo errors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import truncnorm

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import (
    CATEGORIES,
    LIMITS,
    Population,
    demography,
    itp_duration,
    itp_history,
    mean_square,
    no_itp,
    platelets,
    truncated_normal,
)  # fmt: skip
from cohorts.parameters import RandomEffect
from cohorts.populations import population
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams

N = 20_000
DRAWS = Draws(Streams(3), np.zeros(N, dtype=np.int64), np.arange(N))
SET = parameter_set("hetrombopag_wang_2022")
HERE = Source(THIS_ENGINE, "test")
LAW = {
    "AGE": 40.0, "AGE_SD": 15.0, "AGE_LOW": 18.0, "AGE_HIGH": 75.0, "FEMALE": 0.7,
    "HEIGHT_F": 160.0, "HEIGHT_M": 172.0, "HEIGHT_SD": 5.0, "HEIGHT_LOW": 100.0, "HEIGHT_HIGH": 240.0,
    "BMI": 24.0, "BMI_LOG_SD": 0.14, "BMI_LOW": 10.0, "BMI_HIGH": 60.0,
    "ITPDUR_SHORT": 0.1, "ITPDUR_LOW": 0.25, "ITPDUR_05_1": 0.2, "ITPDUR_1_3": 0.3, "ITPDUR_3_5": 0.1,
    "ITPDUR_TAIL": 6.0, "CORR_AGE_ITPDUR": 0.3, "SPLEN_0_1": 0.02, "SPLEN_1_3": 0.1, "SPLEN_3_5": 0.3,
    "SPLEN_5_UP": 0.6, "CONITP": 0.8, "PLT": 20.0, "PLT_LOG_SD": 1.0,
}  # fmt: skip


def near(seen, share, n=N):
    assert seen == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n))


def test_a_cut_normal_law_has_the_quantiles_of_scipy():
    u = np.linspace(0.001, 0.999, 50)
    law = truncnorm((18 - 40) / 15, (75 - 40) / 15, 40, 15)
    np.testing.assert_allclose(truncated_normal(u, 40.0, 15.0, 18.0, 75.0), law.ppf(u), rtol=1e-9)


def test_age_sex_height_and_weight():
    found = demography(DRAWS, LAW)
    law = truncnorm((18 - 40) / 15, (75 - 40) / 15, 40, 15)
    for age in (25, 40, 60):
        near((found["AGE"] < age).mean(), law.cdf(age))
    assert (found["AGE"] == np.floor(found["AGE"])).all() and found["AGE"].min() == 18 and found["AGE"].max() == 74
    near((found["SEX"] == "F").mean(), 0.7)
    for sex, mean in (("F", 160), ("M", 172)):
        height = found["HEIGHT"][found["SEX"] == sex]
        assert height.mean() == pytest.approx(mean, abs=4.5 * 5 / np.sqrt(len(height)))
        assert height.std() == pytest.approx(5, rel=4.5 / np.sqrt(2 * len(height)))
    np.testing.assert_allclose(found["WEIGHT"], found["BMI"] * (found["HEIGHT"] / 100) ** 2, rtol=1e-12)
    log_bmi = np.log(found["BMI"])
    assert log_bmi.mean() == pytest.approx(np.log(24), abs=4.5 * 0.14 / np.sqrt(N))
    assert log_bmi.std() == pytest.approx(0.14, rel=4.5 / np.sqrt(2 * N))
    assert abs(np.corrcoef(log_bmi, found["HEIGHT"])[0, 1]) < 4.5 / np.sqrt(N)


def test_nobody_lies_outside_the_limits_of_the_law():
    tight = LAW | {"HEIGHT_LOW": 158.0, "HEIGHT_HIGH": 170.0, "BMI_LOW": 22.0, "BMI_HIGH": 26.0}
    found = demography(DRAWS, tight)
    assert found["HEIGHT"].min() >= 158 and found["HEIGHT"].max() <= 170
    assert found["BMI"].min() >= 22 - 1e-9 and found["BMI"].max() <= 26 + 1e-9


def test_a_lowest_weight_raises_the_lowest_bmi_of_the_short():
    """At 150 cm 54 kg are a BMI of 24; the tall, for whom that is less than 22, keep the law's lowest."""
    found = demography(DRAWS, LAW | {"BMI_LOW": 22.0, "WEIGHT_LOW": 54.0})
    assert found["WEIGHT"].min() >= 54 - 1e-9
    tall, short = found["HEIGHT"] > 170, found["HEIGHT"] < 155
    assert 22 - 1e-9 <= found["BMI"][tall].min() < 22.2
    assert found["BMI"][short].min() >= 54 / 1.55**2 - 1e-9 and found["WEIGHT"][short].min() < 54.5


def test_durations_by_hand():
    """Shares: 10 % below half a year, then 18, 27, 9 % of all, 36 % of 5 years or more."""
    age = np.full(7, 60.0)
    u = np.array([0.0, 0.05, 0.1, 0.19, 0.28, 0.55, 0.64])
    assert itp_duration(u, age, LAW) == pytest.approx([0.25, 0.375, 0.5, 0.75, 1.0, 3.0, 5.0])


def test_the_tail_is_exponential_and_ends_after_the_first_birthday():
    """Half of those of 5 years or more: -6 ln(1 - (1 - exp(-54/6)) / 2) beyond 5 at age 60; at most 59 years."""
    age = np.array([60.0, 60.0, 20.0, 6.5])
    u = np.array([0.82, 1.0, 1.0, 1.0])
    middle = -6 * np.log(1 - (1 - np.exp(-9)) / 2)
    assert itp_duration(u, age, LAW) == pytest.approx([5 + middle, 59.0, 19.0, 6.0])


def test_the_history_of_itp():
    found = itp_history(DRAWS, LAW)
    classes = np.searchsorted([0.5, 1, 3, 5], found["ITPDUR"], side="right")
    for k, share in enumerate((0.1, 0.18, 0.27, 0.09, 0.36)):
        near((classes == k).mean(), share)
    for lowest, highest, share in ((0, 1, 0.02), (1, 3, 0.1), (3, 5, 0.3), (5, 99, 0.6)):
        inside = (found["ITPDUR"] >= lowest) & (found["ITPDUR"] < highest)
        near((found["SPLENFL"][inside] == "Y").mean(), share, inside.sum())
    near((found["CONITPFL"] == "Y").mean(), 0.8)
    assert set(found["SPLENFL"]) == set(found["CONITPFL"]) == {"Y", "N"}


def test_the_share_of_splenectomies_changes_at_the_ends_of_the_classes():
    """Where nobody below 5 y has lost his spleen and everybody from then on has, the day of 5 y tells."""
    shares = dict.fromkeys(("SPLEN_0_1", "SPLEN_1_3", "SPLEN_3_5"), 0.0) | {"SPLEN_5_UP": 1.0}
    found = itp_history(DRAWS, LAW | shares)
    assert ((found["SPLENFL"] == "Y") == (found["ITPDUR"] >= 5)).all()
    assert ((found["ITPDUR"] >= 5) & (found["ITPDUR"] < 5.5)).sum() > 50


@pytest.mark.parametrize("r", [0.0, 0.3, 0.8])
def test_age_and_duration_are_correlated_as_normal_scores(r):
    """Both at most their quantile 0.5: 1/4 + arcsin(r) / (2 pi). Durations below 5 y do not depend on age."""
    law = LAW | {"CORR_AGE_ITPDUR": r, "ITPDUR_1_3": 0.5}
    found, exact = itp_history(DRAWS, law), truncated_normal(DRAWS.uniform("covariate:age"), 40.0, 15.0, 18.0, 75.0)
    u = np.interp(0.5, [0.0, 0.1, 0.28, 0.73], [0.25, 0.5, 1.0, 3.0])
    both = (exact < truncated_normal(0.5, 40.0, 15.0, 18.0, 75.0)) & (found["ITPDUR"] < u)
    near(both.mean(), 0.25 + np.arcsin(r) / (2 * np.pi))
    near((found["ITPDUR"] < u).mean(), 0.5)


def test_without_itp_there_is_no_history():
    found = no_itp(DRAWS)
    assert (found["ITPDUR"] == 0).all() and set(found["SPLENFL"]) == set(found["CONITPFL"]) == {"N"}


def test_the_measured_count_has_the_spread_of_the_law():
    """BASE has what fluctuation and assay leave of it; day 0 and the assay move it, halves are rounded up."""
    found = platelets(DRAWS, LAW | {"PLT": 2000.0}, SET)
    fluctuation, cv = SET.value("FLUCT_SD"), SET.value("ASSAY_CV")
    rest = np.sqrt(1 - fluctuation**2 - np.log(1 + cv**2))
    for name, sd in (("BASE", rest), ("TRUEPLAT0", np.hypot(rest, fluctuation)), ("BLPLAT", 1.0)):
        assert np.log(found[name]).std() == pytest.approx(sd, rel=4.5 / np.sqrt(2 * N)), name
        assert np.log(found[name]).mean() == pytest.approx(np.log(2000), abs=4.5 / np.sqrt(N) + 1e-3), name
    assert np.log(found["TRUEPLAT0"] / found["BASE"]).std() == pytest.approx(fluctuation, rel=4.5 / np.sqrt(2 * N))
    assert np.log(found["BLPLAT"] / found["TRUEPLAT0"]).std() == pytest.approx(cv, rel=0.05)


def test_no_room_for_patients_is_refused_and_a_little_is_enough():
    """What is left must be more than 0: 0.6^2 + 0.8^2 = 1 leaves nothing of 1 (a hair more, for rounding)."""
    for fluctuation, error in ((0.6, np.sqrt(np.expm1(0.640001))), (1.2, 0.1)):
        with pytest.raises(ValueError, match="leave no room"):
            platelets(DRAWS, LAW, SET.with_values({"FLUCT_SD": fluctuation, "ASSAY_CV": float(error)}))
    assert platelets(DRAWS, LAW, SET.with_values({"FLUCT_SD": 0.99}))["BASE"].std() > 0


def test_a_population_screens_by_its_disease():
    itp, none = population("chronic_itp_mei_2021"), population("healthy_zheng_2017")
    steady = SET.with_values({"FLUCT_SD": 0.1})
    assert itp.candidates(DRAWS, SET)["ITPDUR"].max() > 5 and (none.candidates(DRAWS, steady)["ITPDUR"] == 0).all()
    assert itp.value("AGE_LOW") == 17 and itp.size is None and Population("x", "", ()).disease == "itp"
    with pytest.raises(KeyError, match="did you mean AGE_LOW"):
        itp.value("AGELOW")


def test_the_limits_outside_which_a_value_is_a_mistake():
    assert LIMITS == {
        "AGE": (0, 120, "y"), "HEIGHT": (40, 250, "cm"), "WEIGHT": (2, 400, "kg"), "ITPDUR": (0, 100, "y"),
        "BLPLAT": (1, 2000, "10^9/L"), "BLBLEED": (0, 4, "1"),
    }  # fmt: skip
    assert CATEGORIES == {"SEX": ("F", "M"), "SPLENFL": ("Y", "N"), "CONITPFL": ("Y", "N")}


def test_no_room_at_all_is_none():
    """Days that differ as much as the measured counts, and no error of the assay: a variance of exactly 0 is left."""
    equal = SET.with_values({"FLUCT_SD": 0.5, "ASSAY_CV": 0.0})
    with pytest.raises(
        ValueError, match=r"FLUCT_SD 0\.5 and ASSAY_CV 0 leave no room .* \(.*log SD 0\.5\) they must stay"
    ):
        platelets(DRAWS, LAW | {"PLT_LOG_SD": 0.5}, equal)


def test_the_mean_square_of_what_differs_between_patients():
    """SD 0.4 times a log-normal of log variance v: the mean of its square is 0.16 exp(2 v); two effects add up."""

    def varied(*effects):
        made = [RandomEffect("FLUCT_SD", v, "1", HERE, "assumed", level=level, note="x") for v, level in effects]
        return replace(SET, random_effects=tuple(made), correlations=()).with_values({"FLUCT_SD": 0.4})

    square = lambda sd: sd**2  # noqa: E731
    assert mean_square(varied(), "FLUCT_SD", square) == pytest.approx(0.16, rel=1e-15)
    assert mean_square(varied((0.09, "patient")), "FLUCT_SD", square) == pytest.approx(0.16 * np.exp(0.18), rel=1e-12)
    both = varied((0.09, "patient"), (0.04, "occasion"))
    assert mean_square(both, "FLUCT_SD", square) == pytest.approx(0.16 * np.exp(0.26), rel=1e-12)
    assert mean_square(both, "ASSAY_CV", square) == SET.value("ASSAY_CV") ** 2
