"""The engine against an independent reader's rebuild of both structures and sets: twenty patients over 70 days each."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import rebuilt_tmdd_lifespan
import rebuilt_tpo_mechanism
from sizes import size

from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from cohorts.streams import Streams
from cohorts.variability import random_effects
from trial.engine.enrolment import candidates, enrol
from trial.models import Days, structure_of
from trial.solver import Status, solve
from trial.study.study import Study

PATIENTS, DAYS, AGREE = 20, 70, 1e-6
MODELS = {
    "hetrombopag_itp_mei_2021": rebuilt_tpo_mechanism,
    "hetrombopag_wang_2022": rebuilt_tmdd_lifespan,
}
CHEMOTHERAPY = {14: 1.0, 21: 0.8, 35: 1.0}
"""Day and intensity; only the mechanism knows of it, and of meals."""
TIMES_H = np.array([5.0, 24.0, 30.5, *(24.0 * day for day in range(7, DAYS + 1, 7)), 24.0 * DAYS - 3.0])
TIMES_H.sort()


@pytest.fixture(scope="module", params=MODELS)
def model(request) -> tuple[ParameterSet, ModuleType]:
    return parameter_set(request.param), MODELS[request.param]


def cohort_of(chosen: ParameterSet) -> Cohort:
    """Patients of the ITP population, drawn by the engine."""
    study = Study.model_validate(
        {
            "id": "qc", "title": "qc", "seed": 20260101, "patients": PATIENTS, "parameter_set": chosen.id,
            "population": {"id": "chronic_itp_mei_2021"}, "arms": [{"id": "A", "start_dose_mg": 5.0}],
            "randomisation": {"block_size": 1}, "treatment_days": DAYS, "visits": {"days": [DAYS]},
            "screening": {"platelets_below_1e9L": 30.0}, "analysis": {"assessment_day": DAYS},
        }
    )  # fmt: skip
    return enrol(study, chosen, candidates(study), Streams(study.seed), [0])


def rebuilt_patient(chosen: ParameterSet, rebuilt: ModuleType, cohort: Cohort, k: int) -> dict[str, float]:
    """Parameters of patient k by the rebuild, from his covariates, random effects and classes."""
    etas = {name: float(values[k]) for name, values in random_effects(chosen, cohort.draws).items()}
    row = cohort.patients.iloc[k]
    covariates = {"WEIGHT": row["WEIGHT"], "SPLENFL": row["SPLENFL"], "BASE": cohort.parameters["BASE"][k]}
    member = {c.name: cohort.draws.uniform(f"class:{c.name}")[k] < rebuilt.THETA[c.share] for c in chosen.classes}
    return rebuilt.individual(covariates, etas, {name for name, is_in in member.items() if is_in})


def what_happens() -> dict[str, np.ndarray]:
    """Doses (5 to 40 mg, one in eight missed), bioavailability, loss, chemotherapy and meals, (patients, days)."""
    rng, shape = np.random.default_rng(7), (PATIENTS, DAYS)
    kill = np.zeros(DAYS)
    kill[list(CHEMOTHERAPY)] = list(CHEMOTHERAPY.values())
    return {
        "dose_mg": rng.choice([5.0, 7.5, 15.0, 40.0], (PATIENTS, 1)) * (rng.random(shape) > 0.125),
        "bioavailability": np.exp(0.3 * rng.standard_normal(shape)),
        "loss_factor": np.exp(0.4 * rng.standard_normal(shape)),
        "kill": np.tile(kill, (PATIENTS, 1)),
        "meal_h": rng.choice([np.inf, np.inf, 0.0, 0.5, 4.0], shape),
    }


def test_the_sets_are_typed_alike(model):
    chosen, rebuilt = model
    assert {p.name: p.value for p in chosen.parameters} == rebuilt.THETA
    assert {e.parameter: e.variance for e in chosen.effects("patient")} == rebuilt.OMEGA2
    assert {(c.a, c.b): c.value for c in chosen.correlations} == rebuilt.CORRELATION


def test_patients_have_the_same_parameters(model):
    """From the same covariates, random effects and classes; KAB and GPROD from two ways to solve the balance."""
    chosen, rebuilt = model
    cohort, structure = cohort_of(chosen), structure_of(chosen)
    ours = structure.individual(cohort.parameters)
    classes = set()
    for k in range(PATIENTS):
        theirs = rebuilt_patient(chosen, rebuilt, cohort, k)
        for name in structure.parameters:
            assert ours[name][k] == pytest.approx(theirs[name], rel=1e-9, abs=1e-13), (k, name)
        classes |= {(theirs.get("ETA", theirs.get("EMAX")) == 0.0, theirs.get("GPROD", 1.0))}
    assert len(classes) > 1, "patients of more than one class"


@pytest.mark.slow
def test_courses_agree(model):
    """Largest difference of each output over its largest value, the engine at rtol 1e-10, the rebuild at 1e-10."""
    chosen, rebuilt = model
    cohort, structure, given = cohort_of(chosen), structure_of(chosen), what_happens()
    whole = structure.individual(cohort.parameters)
    p = np.stack([whole[name] for name in structure.parameters], axis=1)
    knows = [name for name in given if name not in {"kill", "meal_h"} or "kill" in structure.takes]
    days = Days.of(np.tile(24.0 * np.arange(DAYS), (PATIENTS, 1)), **{name: given[name] for name in knows})
    events = structure.daily_events(p, days)
    start = structure.steady_state(p, events.inputs[:, 0])
    times = np.tile(np.concatenate([[0.0], TIMES_H]), (PATIENTS, 1))
    states, status, _ = solve(structure, p, start, events, times, rtol=1e-10, atol=1e-13, max_steps=500_000)
    assert (status == Status.OK).all()
    outputs = structure.outputs(np.moveaxis(states, 2, 0), p.T[:, :, None], [None] * len(structure.inputs))
    worst = dict.fromkeys(structure.output_names, 0.0)
    for k in range(size(8, PATIENTS)):
        plan = [rebuilt.Day(**{name: float(given[name][k, d]) for name in knows}) for d in range(DAYS)]
        there = rebuilt.simulate(rebuilt_patient(chosen, rebuilt, cohort, k), plan, TIMES_H.tolist())
        for name, values in zip(structure.output_names, outputs, strict=True):
            apart = np.abs(values[k] - there[name]).max() / np.abs(there[name]).max()
            worst[name] = max(worst[name], float(apart))
    print({name: f"{value:.1e}" for name, value in worst.items()})
    assert max(worst.values()) < AGREE
