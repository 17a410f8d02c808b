"""The laws of what is drawn, against closed forms and Table 1 of Mei 2021; tolerances from the Monte Carlo error."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import beta, kstest, norm

from cohorts.noise import assay, fluctuation
from cohorts.populations import population
from cohorts.sampler import sample_cohorts
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams
from cohorts.variability import covariance, occasion_factor, random_effects

SET = parameter_set("hetrombopag_wang_2022")
POPULATION = population("chronic_itp_mei_2021")
SCREENING = SimpleNamespace(
    platelets_at_least_1e9L=0.0,
    platelets_below_1e9L=30.0,
    itp_duration_at_least_y=0.5,
    age_at_least_y=18.0,
    age_at_most_y=120.0,
)
N = 60_000
Z = 4.0
"""Standard errors allowed: with about a hundred comparisons and a fixed seed, 4 leaves a false alarm of under 1 %."""

ARMS = (168, 171, 85)
PERCENTAGES = {
    "female": ('SEX == "F"', (122, 119, 60)),
    "above 65 y": ("AGE > 65", (6, 8, 3)),
    "ITP 0.5-1 y": ("0.5 <= ITPDUR < 1", (32, 35, 13)),
    "ITP 1-3 y": ("1 <= ITPDUR < 3", (53, 56, 19)),
    "ITP 3-5 y": ("3 <= ITPDUR < 5", (31, 16, 14)),
    "ITP 5 y or more": ("ITPDUR >= 5", (52, 64, 39)),
    "splenectomy": ('SPLENFL == "Y"', (14, 15, 4)),
    "WHO bleeding": ("BLBLEED >= 1", (108, 93, 52)),
    "concomitant drug": ('CONITPFL == "Y"', (168, 168, 83)),
    "platelets below 10": ("BLPLAT < 10", (64, 58, 35)),
}
MEDIANS = {
    "AGE": ((38, 41, 42), 2.0, (18, 74)),
    "WEIGHT": ((61.0, 62.5, 63.0), 2.0, (39, 115)),
    "HEIGHT": ((162.5, 161.0, 162.0), 2.0, (147, 185.5)),
    "BLPLAT": ((13, 13, 13), 1.0, (1, 29)),
    "BMI": ((23.4, 24.4, 23.6), 1.0, (16.9, 37.6)),
}


@pytest.fixture(scope="module")
def cohort():
    return sample_cohorts(SET, POPULATION, n=N, replicates=(0,), streams=Streams(11), screening=SCREENING)


def clopper_pearson(events: int, n: int) -> tuple[float, float]:
    return float(beta.ppf(0.025, events, n - events + 1)), (
        1.0 if events == n else float(beta.ppf(0.975, events + 1, n - events))
    )


def draws(n: int = N, seed: int = 5) -> Draws:
    return Draws(Streams(seed), np.zeros(n, dtype=np.int64), np.arange(n))


@pytest.mark.parametrize("name", PERCENTAGES)
def test_table_1_percentages(cohort, name):
    """Inside the Clopper-Pearson interval of all 424 patients and of every arm."""
    condition, events = PERCENTAGES[name]
    share = cohort.patients.eval(condition).mean()
    for k, n in ((sum(events), sum(ARMS)), *zip(events, ARMS, strict=True)):
        low, high = clopper_pearson(k, n)
        assert low <= share <= high, f"{k}/{n}"


@pytest.mark.parametrize("name", MEDIANS)
def test_table_1_medians_and_ranges(cohort, name):
    """Median near that of the three arms pooled by size; 1st to 99th centile inside the printed range."""
    medians, tolerance, (low, high) = MEDIANS[name]
    assert abs(cohort.patients[name].median() - np.average(medians, weights=ARMS)) <= tolerance
    assert low <= cohort.patients[name].quantile(0.01) and cohort.patients[name].quantile(0.99) <= high


def test_table_1_in_trials_of_the_real_size():
    """A trial of 424 falls in the real trial's 95 % interval about 5 times in 6, as both vary.

    P(|z1 - z2| < 1.96) with the same variance is 83 % per percentage; over ten of them and 40 trials at least 75 %.
    """
    inside = []
    for r in range(40):
        table = sample_cohorts(
            SET, POPULATION, n=424, replicates=(r,), streams=Streams(2), screening=SCREENING
        ).patients
        for condition, events in PERCENTAGES.values():
            low, high = clopper_pearson(sum(events), 424)
            inside.append(low <= table.eval(condition).mean() <= high)
    assert np.mean(inside) >= 0.75


def test_published_shares_are_met_exactly(cohort):
    """Shares that are a number of the law, within Monte Carlo error and the small pull of screening on age."""
    for name in ("female", "ITP 0.5-1 y", "ITP 1-3 y", "ITP 3-5 y", "ITP 5 y or more", "concomitant drug"):
        condition, events = PERCENTAGES[name]
        published = sum(events) / 424
        error = np.sqrt(published * (1 - published) / N)
        assert abs(cohort.patients.eval(condition).mean() - published) < Z * error + 0.003


def test_counts_follow_the_cut_log_normal(cohort):
    """The measured count has the law of the population whatever FLUCT_SD is: whole numbers, cut below 30."""
    median, sd = POPULATION.value("PLT"), POPULATION.value("PLT_LOG_SD")
    for chosen in (cohort, sample_cohorts(SET.with_values({"FLUCT_SD": 0.7}), POPULATION, n=N, replicates=(1,),
                                         streams=Streams(11), screening=SCREENING)):  # fmt: skip
        count = chosen.patients["BLPLAT"].to_numpy()
        for limit in (2, 5, 9, 13, 20):
            expected = ndtr(np.log((limit + 0.5) / median) / sd) / ndtr(np.log(29.5 / median) / sd)
            assert abs((count <= limit).mean() - expected) < Z * np.sqrt(expected * (1 - expected) / N)


def test_covariates_go_together_as_stated(cohort):
    table, error = cohort.patients, 1 / np.sqrt(N)
    male = (table["SEX"] == "M").to_numpy()
    assert table["HEIGHT"][male].mean() - table["HEIGHT"][~male].mean() == pytest.approx(11.3, abs=0.3)
    rank = table[["AGE", "ITPDUR"]].rank().corr().iloc[0, 1]
    assert rank == pytest.approx(6 / np.pi * np.arcsin(0.3 / 2), abs=Z * error + 0.03)
    assert np.corrcoef(np.log(table["WEIGHT"]), table["HEIGHT"])[0, 1] > 0.4
    assert abs(np.corrcoef(np.log(table["BMI"]), table["HEIGHT"])[0, 1]) < Z * error
    assert abs(np.corrcoef(table["AGE"], table["BLPLAT"])[0, 1]) < Z * error
    bleeds = table["BLBLEED"] > 0
    assert bleeds[table["BLPLAT"] < 10].mean() > bleeds[table["BLPLAT"] >= 10].mean() + 0.1
    splen = table["SPLENFL"] == "Y"
    assert splen[table["ITPDUR"] >= 5].mean() == pytest.approx(0.13, abs=Z * np.sqrt(0.13 * 0.87 / (0.366 * N)))
    assert (table["ITPDUR"] < table["AGE"]).all()


def test_about_a_third_fails_screening(cohort):
    """P(count of 30 or more) of the cut log-normal, times the few who pass age and duration."""
    share = 1 - N / cohort.screened["screened"]
    pass_count = ndtr(np.log(29.5 / 20.0))
    assert 1 - 0.96 * pass_count < share < 1 - 0.93 * pass_count


def test_uniforms_are_uniform_and_normals_normal():
    u = draws().uniform("law:test")
    assert kstest(u, "uniform").statistic < np.sqrt(-np.log(1e-5 / 2) / 2 / N)
    assert kstest(draws().normal("law:test"), norm.cdf).statistic < np.sqrt(-np.log(1e-5 / 2) / 2 / N)


def test_names_days_and_replicates_are_independent():
    one = draws()
    columns = [one.normal("a"), one.normal("b"), one.normal("a", 1), one.normal("a", 2)]
    columns.append(Draws(Streams(5), np.ones(N, dtype=np.int64), np.arange(N)).normal("a"))
    correlation = np.corrcoef(columns)[np.triu_indices(5, 1)]
    assert np.abs(correlation).max() < Z / np.sqrt(N)
    lagged = np.corrcoef(columns[0][1:], columns[0][:-1])[0, 1]
    assert abs(lagged) < Z / np.sqrt(N)


def test_random_effects_have_the_covariance_of_the_set():
    """Standard error of a covariance of normals: sqrt((s_ii s_jj + s_ij^2) / n)."""
    omega = covariance(SET)
    etas = np.stack(list(random_effects(SET, draws()).values()))
    diagonal = np.diag(omega)
    error = np.sqrt((np.outer(diagonal, diagonal) + omega**2) / N)
    assert (np.abs(np.cov(etas) - omega) < Z * error).all()
    assert (np.abs(etas.mean(axis=1)) < Z * np.sqrt(diagonal / N)).all()


def test_published_cv_is_recovered(cohort):
    """CV of CL/F 63.5 % after taking weight off; standard error of the log SD is sd / sqrt(2 n)."""
    clearance = np.log(cohort.parameters["CL"] / (cohort.patients["WEIGHT"].to_numpy() / 62) ** 0.75)
    sd = np.sqrt(np.log(1 + 0.635**2))
    assert abs(clearance.std() - sd) < Z * sd / np.sqrt(2 * N)
    assert abs(np.median(clearance) - np.log(7.66)) < Z * sd * np.sqrt(np.pi / 2 / N)


def test_share_of_non_responders(cohort):
    share = SET.value("NONRESP")
    assert abs((cohort.parameters["EMAX"] == 0).mean() - share) < Z * np.sqrt(share * (1 - share) / N)


def test_fluctuation_is_stationary_with_the_stated_correlation():
    """SD on every day and correlation exp(-lag / tau), tau 10 d; days may be left out without changing the others."""
    n, sd, tau = 20_000, 0.4, 10.0
    x = fluctuation(draws(n), range(71), sd, tau)
    assert (np.abs(x.std(axis=0) - sd) < Z * sd / np.sqrt(2 * n)).all()
    assert (np.abs(x.mean(axis=0)) < Z * sd / np.sqrt(n)).all()
    for first, second in ((0, 7), (20, 21), (0, 70)):
        rho = np.exp(-(second - first) / tau)
        assert abs(np.corrcoef(x[:, first], x[:, second])[0, 1] - rho) < Z * (1 - rho**2) / np.sqrt(n) + 1e-12
    assert np.array_equal(fluctuation(draws(n), [7, 70], sd, tau), x[:, [7, 70]])
    per_patient = fluctuation(draws(n), range(3), np.full(n, sd), np.full(n, tau))
    assert np.array_equal(per_patient, x[:, :3])


def test_assay_error_has_the_stated_cv_and_median_one():
    ratio = assay(1.0, draws().normal("residual:platelets"), 0.08)
    cv = ratio.std() / ratio.mean()
    assert abs(cv - 0.08) < Z * 0.08 / np.sqrt(2 * N) * 1.1
    assert abs(np.median(ratio) - 1) < Z * 0.08 * np.sqrt(np.pi / 2 / N)
    assert assay(5.0, 0.0, 0.3) == 5.0


def test_occasion_factor_has_median_one_and_the_stated_cv():
    factor = np.log(occasion_factor(draws(), SET, 3))
    assert abs(factor.std() - 0.66) < Z * 0.66 / np.sqrt(2 * N)
    assert abs(np.median(factor)) < Z * 0.66 * np.sqrt(np.pi / 2 / N)


def test_worst_bleeding_over_eight_weeks_without_drug(cohort):
    """The derived cuts and persistence give the placebo grades of Table 2 (67, 17, 1 of 85) inside their intervals.

    No drug and no rescue: counts move with the fluctuation only, so this checks the derivation, not the trial.
    """
    from cohorts.noise import bleeding_grade

    n = 20_000
    some, p = cohort.draws.take(np.arange(n)), {k: v[:n] for k, v in cohort.parameters.items()}
    weeks = np.arange(7, 57, 7)
    counts = p["BASE"][:, None] * np.exp(-fluctuation(some, weeks, p["FLUCT_SD"], p["FLUCT_TAU"]))
    u = some.normal("bleeding:propensity")
    grades = [bleeding_grade(counts[:, k], u, some.normal("bleeding:visit", int(d)), p) for k, d in enumerate(weeks)]
    worst = np.max(grades, axis=0)
    for grade, events in ((1, 67), (2, 17), (3, 1)):
        low, high = clopper_pearson(events, 85)
        assert low <= (worst >= grade).mean() <= high, grade
