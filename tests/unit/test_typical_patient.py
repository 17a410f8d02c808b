"""One key makes everybody the typical patient: medians of the population, typical values of the set, no noise."""

import numpy as np
import pytest

from cohorts.populations import population
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams
from trial.jobs.work import enrolment, simulate_replicates
from trial.models.typical import course
from trial.study.fingerprint import fingerprint
from trial.study.load import load_study
from trial.study.study import Study

SMOKE = "configs/smoke.yaml"
ONE = ("typical_patient=true", "patients=1", "allocation=counterfactual", "replicates=1", "dropout=[]",
       "published=null", "rescue={allowed: false}",
       "laboratory={whole_numbers: false, lower_limit_1e9L: 0}")  # fmt: skip


def test_every_number_is_a_median():
    draws = Draws(Streams(7, median=True), np.zeros(3, dtype=np.int64), np.arange(3))
    assert draws.uniform("x").tolist() == [0.5] * 3 and draws.normal("x", 4).tolist() == [0] * 3


def test_the_patient_is_the_median_of_the_population_with_the_typical_values_of_the_set():
    study = load_study(SMOKE, ONE)
    cohort = enrolment(study, 0).cohort
    law, chosen = population(study.population.id), parameter_set(study.parameter_set)
    patient = cohort.patients.iloc[0]
    assert (patient.AGE, patient.SEX) == (40, "F")
    assert abs(patient.HEIGHT - law.value("HEIGHT_F")) < 0.5, "the median of a law that is cut at 147 cm"
    counts = [patient.BLPLAT, cohort.trueplat0[0], cohort.parameters["BASE"][0]]
    assert counts == pytest.approx([law.value("PLT")] * 3, rel=1e-12)
    moved = {e.parameter for e in chosen.covariate_effects} | {"BASE"}
    assert all(cohort.parameters[p.name][0] == p.value for p in chosen.parameters if p.name not in moved)
    assert patient.RESPCLS == "responder"


def test_all_patients_of_an_arm_have_one_course_whatever_the_seed():
    settings = ("typical_patient=true", "patients=30", "replicates=1", "published=null")
    tables = [simulate_replicates(load_study(SMOKE, settings, seed=seed), range(1)) for seed in (1, 2)]
    found = [t["observations"].to_pandas().merge(t["patients"].to_pandas()[["SUBJID", "ARM"]]) for t in tables]
    assert found[0].equals(found[1])
    per_visit = found[0].groupby(["ARM", "PARAMCD", "AVISITN", "ATPT"], observed=True).AVAL.nunique()
    assert (per_visit <= 1).all() and found[0].ADY.dropna().isin([0, *load_study(SMOKE).visits.days]).all()


def test_on_a_fixed_dose_it_is_the_course_of_the_typical_patient():
    """The same as the course of the set with the same count, weight and sex, solved without a trial around it."""
    arms = "arms=[{id: A, start_dose_mg: 5}]"
    study = load_study(SMOKE, (*ONE, "parameter_set=hetrombopag_wang_2022", arms, "dose_rules={}",
                               "analysis.reference_arm=null", "randomisation={block_size: 1}"))  # fmt: skip
    table = simulate_replicates(study, range(1))["observations"].to_pandas()
    seen = table[table.PARAMCD == "PLAT"].AVAL.to_numpy()
    chosen = parameter_set("hetrombopag_wang_2022")
    own = {name: values[0] for name, values in enrolment(study, 0).cohort.parameters.items()}
    alone = course(chosen.with_values(own), 5.0, days=71)["PLT"]
    np.testing.assert_allclose(seen, alone[[0, *study.visits.days]], rtol=1e-5)


def test_it_is_another_design_and_cannot_be_uncertain():
    usual, typical = load_study(SMOKE), load_study(SMOKE, ["typical_patient=true"])
    assert fingerprint(usual) != fingerprint(typical)
    with pytest.raises(ValueError, match="nothing is drawn"):
        Study.model_validate(typical.model_dump() | {"parameter_uncertainty": True})
