"""A work unit made by hand: no population, no randomness, so that a test can see the right answer."""

from dataclasses import replace

import numpy as np

from cohorts.sampler import Cohort
from cohorts.streams import Draws, Streams
from trial.engine.draws import Drawn, Unit
from trial.models import TMDD_LIFESPAN, Days, Structure
from trial.solver import Events
from trial.study.study import Study

NEVER = np.iinfo(np.int64).max
PARAMETERS = {
    "CL": 7.66, "VC": 30.0, "Q": 2.27, "VP": 142.0, "LAG": 1.47, "KA1": 0.0622, "TSWITCH": 3.28, "KA2": 0.0661,
    "R0": 0.324, "KDEG_T": 0.693, "KSS": 0.0237, "KINT": 4.36, "KIN": 1.43, "BASE": 13.0, "MTT": 150.0, "EMAX": 9.0,
    "EC50": 15.0, "ASSAY_CV": 0.0, "CONC_CV": 0.0, "RESCUE_H0": 0.0, "RESCUE_SCALE": 8.0, "RESCUE_DROP": 1.8,
    "RESCUE_TAU": 14.0, "BLEED_A": 0.25, "BLEED_B": 0.5, "BLEED_RHO": 0.8, "BLEED_C2": 1.0, "BLEED_C3": 2.0,
    "BLEED_C4": 3.0,
}  # fmt: skip
STUDY = {
    "id": "hand_made",
    "title": "hand made",
    "seed": 1,
    "patients": 4,
    "parameter_set": "none",
    "population": {"id": "none"},
    "arms": [
        {"id": "DRUG", "ratio": 1, "start_dose_mg": 5, "dose_rule": "ladder"},
        {"id": "SHAM", "ratio": 1, "start_dose_mg": 5, "dose_rule": "ladder", "placebo": True},
    ],
    "randomisation": {"block_size": 2},
    "treatment_days": 70,
    "visits": {"days": list(range(7, 71, 7))},
    "laboratory": {"whole_numbers": False, "lower_limit_1e9L": 0},
    "dose_rules": {
        "ladder": {
            "ladder_mg": [2.5, 5, 7.5],
            "steps": [{"below_1e9L": 50, "action": "increase", "min_days_since_change": 14}],
            "source": "test",
        }
    },
    "analysis": {"assessment_day": 56},
}


def taking(seen: list[Days]) -> Structure:
    """A made-up structure that takes both and keeps the days it is told: a kill of 1 doubles the loss of platelets of
    that day, a meal h hours after the dose leaves h/24 of it.
    """

    def daily_events(p: np.ndarray, days: Days) -> Events:
        seen.append(days)
        left = days.dose_mg * np.minimum(days.meal_h, 24.0) / 24.0
        changed = replace(days, dose_mg=left, loss_factor=days.loss_factor * (1.0 + days.kill))
        return TMDD_LIFESPAN.daily_events(p, changed)

    return replace(TMDD_LIFESPAN, id="taking", takes=("kill", "meal"), daily_events=daily_events)


def unit(arm=(0, 1), parameters=None, study=None, structure=TMDD_LIFESPAN, **plan) -> Unit:
    """A unit with the typical parameters, everybody perfectly adherent and present, no fluctuation, no error."""
    chosen = Study.model_validate(STUDY | (study or {}))
    n, nominal = len(arm), np.array([0, *chosen.visits.days])
    visits, days = len(nominal), int(nominal[-1])
    samples = len(chosen.pk_sampling.times_h) if chosen.pk_sampling else 0
    quiet = dict(
        arm=np.array(arm),
        visit_day=np.tile(nominal, (n, 1)),
        missed=np.zeros((n, visits), bool),
        taken=np.ones((n, days), bool),
        adherence=np.ones(n),
        early_meal=np.zeros((n, days), bool),
        meal_share=np.zeros(n),
        bioavailability=np.ones((n, days)),
        log_loss=np.zeros((n, days)),
        count_z=np.zeros((n, visits)),
        bleeding_u=np.zeros(n),
        bleeding_e=np.zeros((n, visits)),
        conc_z=np.zeros((n, samples)),
        rescue_clock=np.full((n, 4), np.inf),
        leave_day=np.full(n, NEVER),
        leave_reason=np.full(n, -1),
    )
    values = {
        name: np.broadcast_to(np.asarray(v, float), n).copy() for name, v in (PARAMETERS | (parameters or {})).items()
    }
    return Unit(chosen, structure, values, Drawn(**(quiet | plan)))


FOUR_WEEKLY = {"treatment_days": 112, "visits": {"days": [28, 56, 84, 112]}}
"""Visits as far apart as in the long phase of a trial: an interval is not one week."""


def people(n: int, seed: int = 7, **parameters: float) -> Cohort:
    """A cohort of ``n`` alike patients (count 13, grade 1) with random streams of their own."""
    said = {"AGE": 40.0, "SEX": "F", "HEIGHT": 160.0, "WEIGHT": 60.0, "BMI": 23.4, "ITPDUR": 2.0, "SPLENFL": "N",
            "CONITPFL": "N", "BLBLEED": 1, "BLPLAT": 13.0, "RESPCLS": "responder", "OUTDOM": ""}  # fmt: skip
    values = {"FLUCT_SD": 0.0, "FLUCT_TAU": 10.0} | parameters
    draws = Draws(Streams(seed), np.zeros(n, dtype=np.int64), np.arange(n))
    columns = {name: np.array([value] * n) for name, value in said.items()}
    return Cohort(columns, {name: np.full(n, v) for name, v in values.items()}, {}, draws, np.full(n, 12.5))
