"""The populations beside that of Mei 2021: medians, shares and limits against what was published or stated."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from cohorts.populations import POPULATIONS, population
from cohorts.sampler import sample_cohorts
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams

STEADY = parameter_set("hetrombopag_wang_2022").with_values({"FLUCT_SD": 0.05})
"""A set for people without an immune disease: their count hardly moves."""
ITP = parameter_set("hetrombopag_wang_2022")
N = 20_000
Z = 4.0
SCREENED_BELOW = {
    "chronic_itp_mei_2021": 30, "chronic_itp_yang_2016": 30, "chronic_itp_bussel_2007": 30,
    "healthy_zheng_2017": 342, "healthy_japanese_jscpt_2011": 351,
    "solid_tumour_cit_nct05864014": 75, "solid_tumour_winer_2015": 301,
}  # fmt: skip
WITHOUT_ITP = [p.id for p in POPULATIONS if p.disease == "none"]
WITH_ITP = [p.id for p in POPULATIONS if p.disease == "itp"]


def enrolled(name: str, n: int = N, **criteria: float):
    asked = {"platelets_below_1e9L": SCREENED_BELOW[name], "platelets_at_least_1e9L": 0.0,
             "itp_duration_at_least_y": 0.5 if name in WITH_ITP else 0.0,
             "age_at_least_y": 18.0, "age_at_most_y": 120.0} | criteria  # fmt: skip
    chosen = ITP if name in WITH_ITP else STEADY
    return sample_cohorts(chosen, population(name), n=n, replicates=(0,), streams=Streams(17),
                         screening=SimpleNamespace(**asked)).patients  # fmt: skip


@pytest.fixture(scope="module")
def patients():
    return {p.id: enrolled(p.id) for p in POPULATIONS}


def near(simulated: float, share: float, n: int = N, slack: float = 0.0) -> bool:
    """Within the Monte Carlo error of a share, and a stated slack for numbers given in words."""
    return abs(simulated - share) < Z * np.sqrt(share * (1 - share) / n) + slack


def test_every_population_has_its_screening_limit():
    assert set(SCREENED_BELOW) == {p.id for p in POPULATIONS}


@pytest.mark.parametrize("name", WITHOUT_ITP)
def test_without_itp_there_is_no_history_of_it(patients, name):
    table = patients[name]
    assert (table["ITPDUR"] == 0).all() and (table["SPLENFL"] == "N").all() and (table["CONITPFL"] == "N").all()


@pytest.mark.parametrize("name", WITH_ITP)
def test_with_itp_there_is_one(patients, name):
    table = patients[name]
    assert table["ITPDUR"].min() >= 0.5 and (table["ITPDUR"] < table["AGE"]).all()
    assert set(table["SPLENFL"]) == {"Y", "N"}


@pytest.mark.parametrize("name", ["healthy_zheng_2017", "healthy_japanese_jscpt_2011"])
def test_healthy_volunteers_keep_the_limits_of_the_registry(patients, name):
    """NCT01830660: men of 18 to 45 y, BMI 19 to 28, 50 kg or more."""
    table = patients[name]
    assert set(table["SEX"]) == {"M"}
    assert table["AGE"].min() == 18 and table["AGE"].max() == 45
    assert table["BMI"].min() >= 19 and table["BMI"].max() <= 28
    assert table["WEIGHT"].min() >= 50 - 1e-9
    assert table["HEIGHT"].mean() == pytest.approx(171.8, abs=Z * 5.5 / np.sqrt(N) + 0.01)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("healthy_zheng_2017", 127, 341), ("healthy_japanese_jscpt_2011", 150, 350)]
)
def test_counts_of_the_healthy_match_the_reference_interval(name, low, high):
    """Of all candidates: mean in the middle of the interval, SD its width over 2 x 1.96, about 95 % inside."""
    draws = Draws(Streams(3), np.zeros(N, dtype=np.int64), np.arange(N))
    count = population(name).candidates(draws, STEADY)["BLPLAT"]
    mean, sd = (low + high) / 2, (high - low) / 2 / 1.96
    assert count.mean() == pytest.approx(mean, abs=Z * sd / np.sqrt(N) + 0.5)
    assert count.std() == pytest.approx(sd, rel=0.05)
    assert 0.93 < ((count >= low) & (count <= high)).mean() < 0.97


def test_counts_are_spread_as_given_whatever_the_fluctuation():
    """The law is of the measured count: fluctuation and assay error are taken off the spread of the true one."""
    law = population("healthy_zheng_2017")
    draws = Draws(Streams(3), np.zeros(N, dtype=np.int64), np.arange(N))
    sd = law.value("PLT_LOG_SD")
    for within in (0.01, 0.15):
        count = law.candidates(draws, STEADY.with_values({"FLUCT_SD": within}))["BLPLAT"]
        assert np.log(count).std() == pytest.approx(sd, abs=Z * sd / np.sqrt(2 * N))


def test_more_fluctuation_than_spread_is_refused():
    draws = Draws(Streams(3), np.zeros(9, dtype=np.int64), np.arange(9))
    with pytest.raises(ValueError, match=r"leave no room .* log SD 0.23"):
        population("healthy_zheng_2017").candidates(draws, ITP)


def test_international_itp_as_in_the_registry_and_raise(patients):
    """McMaster: age 50 (33 to 64), 168/269 women; RAISE: half at 15 or less, 50 % concomitant, 35 % splenectomised."""
    table = patients["chronic_itp_bussel_2007"]
    quartiles = table["AGE"].quantile([0.25, 0.5, 0.75]).to_numpy()
    assert np.abs(quartiles - [33, 50, 64]).max() <= 2
    assert near((table["SEX"] == "F").mean(), 168 / 269)
    assert near((table["CONITPFL"] == "Y").mean(), 0.5)
    assert near((table["SPLENFL"] == "Y").mean(), 0.35, slack=0.02)
    assert near((table["BLPLAT"] <= 15).mean(), 0.5, slack=0.02)
    assert 15 <= table["BLPLAT"].median() <= 18
    assert 74 <= table["WEIGHT"].median() <= 78
    assert near(((table["WEIGHT"] < 43) | (table["WEIGHT"] > 122)).mean(), 0.02, slack=0.01)


def test_western_counts_follow_the_cut_log_normal(patients):
    law = population("chronic_itp_bussel_2007")
    median, sd = law.value("PLT"), law.value("PLT_LOG_SD")
    expected = median * np.exp(sd * ndtri(ndtr(np.log(29.5 / median) / sd) / 2))
    assert patients["chronic_itp_bussel_2007"]["BLPLAT"].median() == pytest.approx(expected, abs=0.6)


def test_chinese_eltrombopag_patients_are_those_of_mei_2021(patients):
    """Derived, not copied: the same numbers and, with the same streams, the same people."""
    assert population("chronic_itp_yang_2016").parameters is population("chronic_itp_mei_2021").parameters
    assert patients["chronic_itp_yang_2016"].equals(patients["chronic_itp_mei_2021"])


def test_tumour_with_a_late_cycle_as_in_the_abstract(patients):
    """NCT05864014: median age 61.0; 79.3 % at 50 or more, all below 75."""
    table = patients["solid_tumour_cit_nct05864014"]
    assert abs(table["AGE"].median() - 61) <= 1
    assert near((table["BLPLAT"] >= 50).mean(), 0.793, slack=0.003)
    assert table["BLPLAT"].max() < 75


def test_tumour_before_gemcitabine(patients):
    """Winer 2015: counts of at most 300; spread of Perez-Ruixo 2015, 237 with 32.9 %."""
    table = patients["solid_tumour_winer_2015"]
    counts = table["BLPLAT"][table["BLPLAT"] >= 100]
    sd = np.sqrt(np.log1p(0.329**2))
    low, high = ndtr(np.log(np.array([99.5, 300.5]) / 237) / sd)
    assert counts.max() <= 300
    assert counts.median() == pytest.approx(237 * np.exp(sd * ndtri((low + high) / 2)), abs=3)
