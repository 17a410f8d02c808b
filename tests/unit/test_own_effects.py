"""What a user's own set or structure says has its effect: against solves by hand, or against the laws of the draws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import CovariateEffect, RandomEffect
from cohorts.sets import parameter_set
from trial.engine.dosing import days_of, loss_factor
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import start_course
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.models import Days
from trial.solver import Events, Status, solve
from trial.study.load import load_study

CASES = Path(__file__).parents[1] / "faults" / "engine"
HERE = Source(THIS_ENGINE, "test")
SET = parameter_set("hetrombopag_wang_2022")
MECHANISM = parameter_set("hetrombopag_itp_mei_2021")
DAILY = "visits.days=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,28]"


def study(*overrides, patients=12):
    return load_study(CASES / "study.yaml", [f"patients={patients}", *overrides])


def effect(name, variance, level="patient", scale="log"):
    return RandomEffect(name, variance, "test", HERE, "assumed", level, scale=scale)


def covariate(name, column, form, value, reference, **more):
    return CovariateEffect(name, column, form, value, reference, HERE, "assumed", **more)


def with_effects(*effects, base=SET):
    return replace(base, random_effects=(*base.random_effects, *effects))


def unit(chosen, *overrides, patients=12):
    asked = study(*overrides, patients=patients)
    return unit_of(asked, enrolment(asked, 0, chosen), chosen)


def observed(chosen, code, *overrides, patients=12, column="TRUEVAL"):
    table = simulate_replicates(study(*overrides, patients=patients), range(1), chosen)["observations"].to_pandas()
    return table[code == table.PARAMCD].pivot(index="SUBJID", columns=["AVISITN", "ATPT"], values=column)


def by_hand(u, end_day, times_h):
    """CONC at times, every day and week one after another: one solve per day, p of the week, no engine around it."""
    course, _ = start_course(u)
    day = np.tile(np.arange(end_day), (u.drawn.n, 1))
    dose = np.array([2.5, 7.5])[u.drawn.arm][:, None] * np.ones((1, end_day))
    factor, f = loss_factor(u, course, day), u.drawn.bioavailability[:, :end_day]
    weeks = {name: o.factor for name, o in u.drawn.occasions.items()}
    found, state = np.full((u.drawn.n, len(times_h)), np.nan), np.empty(0)
    for d in range(end_day):
        p = u.p.copy()
        for name, table in weeks.items():
            p[:, u.structure.parameters.index(name)] *= table[:, d // 7]
        events = u.structure.daily_events(
            p, Days.of(24.0 * day[:, d : d + 1], dose[:, d : d + 1], f[:, d : d + 1], factor[:, d : d + 1])
        )
        state = u.structure.steady_state(p, events.inputs[:, 0]) if d == 0 else state
        inside = np.array([t for t in times_h if 24 * d < t <= 24 * d + 24])
        asked = np.tile([24.0 * d, *inside, 24.0 * d + 24], (u.drawn.n, 1))
        states, status, _ = solve(u.structure, p, state, events, asked, rtol=1e-9, atol=1e-12)
        assert (status == Status.OK).all()
        conc = u.structure.outputs(states.transpose(2, 0, 1), p.T[:, :, None], [None] * 2)[0]
        for k, t in enumerate(inside):
            found[:, list(times_h).index(t)] = conc[:, k]
        state = states[:, -1]
    return found


def test_an_occasion_effect_on_clearance_moves_concentrations_week_by_week():
    """Engine/01: CV 732 % between weeks. Against solves of every day by hand; sampled over the end of a week."""
    chosen = with_effects(effect("CL", 4.0, "occasion"))
    sampled = ("visits.days=[7,14,20,28]", "pk_sampling.visit_day=20", "pk_sampling.times_h=[0,12,24,30,47]")
    u = unit(chosen, *sampled)
    log = np.log(u.drawn.occasions["CL"].factor)
    assert log.std() == pytest.approx(2.0, rel=4.5 / np.sqrt(2 * log.size))
    seen = simulate_unit(u).true_concentration
    assert seen == pytest.approx(by_hand(u, 22, [480 + h for h in (0, 12, 24, 30, 47)]), rel=1e-4)
    without = simulate_unit(unit(SET, *sampled)).true_concentration
    assert np.median(np.abs(np.log(seen / without))) > 0.3


@pytest.mark.parametrize("days", ["[10,20,28]", "[3,21,28]"])
def test_what_varies_between_weeks_does_not_depend_on_the_visits(days):
    """The same counts on day 28, whether a visit or nothing stands at the end of a week."""
    chosen = with_effects(effect("KIN", 0.3, "occasion"), effect("MTT", 0.2, "occasion"))
    none = "pk_sampling=null"
    a, b = (
        observed(chosen, "PLAT", f"visits.days={d}", none, "rescue.allowed=false")[28] for d in ("[7,14,21,28]", days)
    )
    assert a.to_numpy() == pytest.approx(b.to_numpy(), rel=1e-5)


def test_visits_within_windows_with_weekly_parameters_have_every_day_once():
    """Whoever comes late or early has the same number of doses: amounts of the events against the days by hand."""
    chosen = with_effects(effect("CL", 0.5, "occasion"))
    u = unit(chosen, "visits.window_days=2", "pk_sampling=null", patients=40)
    assert (simulate_unit(u).status == Status.OK).all()
    seen = simulate_unit(u).visits[-1].true_count
    plain = simulate_unit(
        unit(with_effects(effect("CL", 0.0, "occasion")), "visits.window_days=2", "pk_sampling=null", patients=40)
    )
    reference = simulate_unit(unit(SET, "visits.window_days=2", "pk_sampling=null", patients=40)).visits[-1].true_count
    assert plain.visits[-1].true_count == pytest.approx(reference, rel=1e-4)
    assert np.median(np.abs(np.log(seen / reference))) > 0.01


def test_the_hourly_course_of_weekly_parameters_is_that_of_the_visits():
    """``output: dense``: the course at the hour of a visit is the true count there; hours 1 to 672, each once."""
    chosen = with_effects(effect("KIN", 0.3, "occasion"))
    tables = simulate_replicates(study("visits.days=[10,20,28]", "pk_sampling=null", "output=dense"), range(1), chosen)
    course = tables["courses"].to_pandas().set_index(["SUBJID", "AHOUR"])["PLT"]
    assert course.index.is_unique and len(course) == 12 * 673
    seen = tables["observations"].to_pandas()
    seen = seen[(seen.PARAMCD == "PLAT") & (seen.AVISITN > 0)]
    at = [course[i, 24.0 * day] for i, day in zip(seen.SUBJID, seen.ADY, strict=True)]
    assert at == pytest.approx(seen.TRUEVAL.to_numpy(), rel=1e-5)


BEYOND = ("FLUCT_SD", "FLUCT_TAU", "ASSAY_CV", "CONC_CV", "RESCUE_H0", "RESCUE_SCALE", "RESCUE_DROP", "RESCUE_TAU",
          "BLEED_A", "BLEED_B", "BLEED_C2", "BLEED_C3", "BLEED_C4", "BLEED_RHO")  # fmt: skip


VARIED = [(name, level) for name in (*BEYOND, "EMAX", "EC50", "LAG", "KA2") for level in ("occasion", "patient")]
OFTEN = {"RESCUE_H0": 3.0, "BLEED_C2": 1.0, "BLEED_C3": 1.5, "BLEED_C4": 1.7}
"""Rescue and bleeding of every grade often enough to be seen."""


@pytest.fixture(scope="module")
def often():
    base = SET.with_values(OFTEN)
    return base, simulate_replicates(study(patients=100), range(1), base)


@pytest.mark.parametrize(("name", "level"), [*VARIED, ("BASE", "occasion"), ("F", "occasion")])
def test_a_variance_on_any_parameter_changes_a_table(often, name, level):
    base, before = often
    others = tuple(e for e in base.random_effects if (e.parameter, e.level) != (name, level))
    variance = {"LAG": 0.01, "FLUCT_SD": 0.3}.get(name, 1.0)
    varied = effect(name, variance, level, "logit" if name == "BLEED_RHO" else "log")
    chosen = replace(base, random_effects=(*others, varied))
    after = simulate_replicates(study(patients=100), range(1), chosen)
    assert any(not before[key].equals(after[key]) for key in ("observations", "events"))
    assert set(after["solves"]["STATUS"].to_pylist()) == {"OK"}


@pytest.mark.parametrize(
    ("name", "level", "variance"), [("FLUCT_SD", "patient", 0.3), ("ASSAY_CV", "patient", 1.0),
                                    ("FLUCT_SD", "occasion", 0.3), ("FLUCT_TAU", "occasion", 1.0)],
)  # fmt: skip
def test_screening_and_trial_use_the_same_value(name, level, variance):
    """Day 0: what the screening count was made of is what the trial has: the true count by BASE and the swing, the
    measured one by the patient's own assay error (the same stream on day 0).
    """
    chosen = with_effects(effect(name, variance, level))
    asked = study(patients=300)
    enrolled = enrolment(asked, 0, chosen)
    u = unit_of(asked, enrolled, chosen)
    true = u.parameters["BASE"] * np.exp(-u.drawn.log_loss[:, 0])
    assert enrolled.cohort.trueplat0 == pytest.approx(true, rel=1e-12)
    cv = u.on("ASSAY_CV", u.drawn.visit_day[:, 0])
    measured = true * np.exp(np.sqrt(np.log1p(cv**2)) * u.drawn.count_z[:, 0])
    reported = np.maximum(np.floor(measured + 0.5), 1.0)
    assert enrolled.cohort.patients["BLPLAT"].to_numpy().tolist() == reported.tolist()


def test_the_measured_counts_keep_the_spread_of_the_population_when_swings_differ_between_patients():
    """PLT_LOG_SD 1 of Mei 2021 is that of the measured count; 4.5 standard errors of 6,000 candidates."""
    from cohorts.covariates import platelets
    from cohorts.populations import population
    from cohorts.streams import Draws, Streams

    law = {p.name: p.value for p in population("chronic_itp_mei_2021").parameters} | {"PLT": 2000.0}
    draws = Draws(Streams(3), np.zeros(6000, dtype=np.int64), np.arange(6000))
    log = np.log(platelets(draws, law, with_effects(effect("FLUCT_SD", 0.3)))["BLPLAT"])
    assert log.std() == pytest.approx(law["PLT_LOG_SD"], rel=4.5 * np.sqrt(log.var() ** 2 * 4 / 6000) / 2)


def test_a_logit_effect_keeps_a_fraction_between_0_and_1_with_its_median():
    """Engine/13: log odds normal with the variance; the median of the set; nobody beyond, everybody can bleed."""
    chosen = with_effects(effect("BLEED_RHO", 1.0, scale="logit"))
    rho = enrolment(study(patients=2000), 0, chosen).cohort.parameters["BLEED_RHO"]
    odds = np.log(rho / (1 - rho)) - np.log(0.8 / 0.2)
    assert ((rho > 0) & (rho < 1)).all()
    assert abs(odds.mean()) < 4.5 / np.sqrt(2000) and odds.std() == pytest.approx(1.0, rel=4.5 / np.sqrt(4000))


def test_effects_on_categories_and_on_odds():
    """F twice, M as it is; of a fraction the odds: 0.8 has odds 4, tripled 12, which is 12/13."""
    effects = (
        covariate("CL", "SEX", "factor", 2.0, "M"),
        covariate("VC", "SEX", "factor", 3.0, "M", category="F"),
        covariate("BLEED_RHO", "SEX", "factor", 3.0, "M", scale="logit"),
        covariate("KIN", "WEIGHT", "power", 1.0, 50.0),
    )
    quiet = replace(SET, random_effects=(), correlations=(), covariate_effects=effects)
    cohort = enrolment(study(patients=50), 0, quiet).cohort
    female = (cohort.patients["SEX"] == "F").to_numpy()
    assert female.any() and not female.all()
    assert cohort.parameters["CL"] / SET.value("CL") == pytest.approx(np.where(female, 2.0, 1.0))
    assert cohort.parameters["VC"] / SET.value("VC") == pytest.approx(np.where(female, 3.0, 1.0))
    assert cohort.parameters["BLEED_RHO"] == pytest.approx(np.where(female, 12 / 13, 0.8))
    assert cohort.parameters["KIN"] / SET.value("KIN") == pytest.approx(cohort.patients["WEIGHT"].to_numpy() / 50.0)


def test_own_columns_of_the_patients_file_are_covariates():
    """Engine/06: CL (ALB / 40)^-1: the patient with albumin 25 clears 30/25 times as fast as the one with 30."""
    asked = load_study(CASES / "study_own_covariate.yaml")
    cohort = enrolment(asked, 0).cohort
    quiet = replace(parameter_set(asked.parameter_set), random_effects=(), correlations=())
    cl = enrolment(asked, 0, quiet).cohort.parameters["CL"]
    albumin = np.array([float(line.split(",")[-1]) for line in (CASES / "patients_alb.csv").read_text().split()[1:]])
    weight = cohort.patients["WEIGHT"].to_numpy()
    assert sorted(cl / SET.value("CL")) == pytest.approx(sorted(40 / albumin * (weight / 62.0) ** 0.75))


@pytest.mark.parametrize("days", ["visits.days=[7,14,21,28]", DAILY])
def test_events_after_the_next_visit_are_kept(days):
    """Engine/09: a dose that enters after 30 h, whatever the visits; against one solve of 23 days without visits."""
    u = unit(parameter_set(str(CASES / "09_late_event.py")), days)
    course, _ = start_course(u)
    span = np.tile([0, 23], (u.drawn.n, 1))
    day = days_of(span)
    dose = np.array([2.5, 7.5])[u.drawn.arm][:, None] * np.ones((1, 23))
    f = u.drawn.bioavailability[:, :23]
    events = u.structure.daily_events(u.p, Days.of(24.0 * day, dose, f, loss_factor(u, course, day)))
    times = np.tile([0.0, *(504.0 + np.array(u.study.pk_sampling.times_h))], (u.drawn.n, 1))
    state = u.structure.steady_state(u.p, events.inputs[:, 0])
    states, _, _ = solve(u.structure, u.p, state, events, times, rtol=1e-9, atol=1e-12)
    conc = u.structure.outputs(states.transpose(2, 0, 1), u.p.T[:, :, None], [None] * 2)[0]
    assert simulate_unit(u).true_concentration == pytest.approx(conc, rel=1e-4)


def test_patients_beyond_a_limit_of_the_structure_fail_with_a_reason_and_are_not_cut():
    """LAG above 23 h: with a variance of 1 around 10 h, P(ln LAG > ln 23) = 1 - Phi(0.833) = 0.202."""
    chosen = with_effects(effect("LAG", 1.0), base=SET.with_values({"LAG": 10.0, "TSWITCH": 12.0}))
    table = simulate_replicates(study(patients=400), range(1), chosen)["solves"].to_pandas()
    share = (table["STATUS"] == "OUTSIDE").mean()
    assert share == pytest.approx(0.202, abs=4.5 * np.sqrt(0.202 * 0.798 / 400))
    assert table.loc[table["STATUS"] == "OUTSIDE", "REASON"].str.contains("beyond the limits of the structure").all()


@pytest.mark.parametrize("method", ["exact", "taylor", "pair", "rosenbrock"])
def test_an_input_that_is_not_a_number_ends_a_solve_by_every_method(method):
    """Engine/12: 100 exp(-0.1 t) up to the event at 1 h, then NON_FINITE."""
    from trial.models import State, Structure

    bolus = Structure(
        f"bolus_{method}", "one", (State("Y", "1", "amount"),), ("K",), ("U",), 0, ("Y",),
        lambda y, p, u: [-p[0] * u[0] * y[0]], lambda y, p, u: [y[0]], lambda p, u: np.zeros((len(p), 1)),
        lambda p, d: None,
    )  # fmt: skip
    events = Events(np.array([[0.0, 1.0]]), np.zeros((1, 2)), np.array([[[1.0], [np.nan]]]))
    start = np.array([[100.0]]), events, np.array([[0.0, 0.5, 2.0, 3.0]])
    states, status, _ = solve(bolus, np.array([[0.1]]), *start, method=method)
    assert Status(status[0]) == Status.NON_FINITE
    assert states[0, 0, 0] == pytest.approx(100 * np.exp(-0.05), rel=1e-6) and np.isnan(states[0, 1:, 0]).all()
