"""What keeps a trial from an ideal one, each as something that can be taken out of a study and put back.

In the ideal trial every dose is taken fasting, every visit takes place on its day, the laboratory reports the true
count at once (from its lower limit on), nobody is rescued, nobody leaves, and every patient stays on the dose level on
which he starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from trial.study.analytes import PLATELETS
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.habits import Adherence
from trial.study.stages import Stage
from trial.study.study import Study


@dataclass(frozen=True)
class Departure:
    """A departure from the ideal trial: ``without`` makes of a study the one that does not have it; ``parameters`` of
    the patients are then 0.
    """

    id: str
    label: str
    without: Callable[[Study], Study]
    parameters: tuple[str, ...] = ()

    def is_in(self, study: Study, values: dict[str, float]) -> bool:
        """Whether a study has it, with these typical ``values`` of its parameter set."""
        return self.without(study) != study or any(values.get(name, 0.0) != 0.0 for name in self.parameters)


def _with(**update: Any) -> Callable[[Study], Study]:
    """A study with other values of some of its keys."""
    return lambda study: study.model_copy(update=update)


def _fasting(study: Study) -> Study:
    arms = tuple(arm.model_copy(update={"meal_after_dose_h": None}) for arm in study.arms)
    return study.model_copy(update={"meals": None, "arms": arms, "stages": tuple(map(_fasting_stage, study.stages))})


def _fasting_stage(stage: Stage) -> Stage:
    """Only what a treatment says of meals becomes none, so that what it leaves out goes on as before."""
    arms = {
        name: changed.model_copy(update={"meal_after_dose_h": None})
        if "meal_after_dose_h" in changed.model_fields_set
        else changed
        for name, changed in stage.arms.items()
    }
    return stage.model_copy(update={"arms": arms})


def _exact(study: Study) -> Study:
    """Counts as they are: no rounding, no clumps; ``PLATELETS.cv`` of the patients is 0 then."""
    central = study.laboratory.central
    exact = central and central.model_copy(update={"assay_cv": central.assay_cv and 0.0})
    update = {"whole_numbers": False, "clumping": None, "central": exact}
    return study.model_copy(update={"laboratory": study.laboratory.model_copy(update=update)})


def _at_once(study: Study) -> Study:
    central = study.laboratory.central
    prompt = central and central.model_copy(update={"turnaround_days": 0})
    laboratory = study.laboratory.model_copy(update={"turnaround_days": 0, "central": prompt})
    return study.model_copy(update={"laboratory": laboratory})


def _every_visit(study: Study) -> Study:
    central = study.laboratory.central
    whole = central and central.model_copy(update={"lost_probability": 0.0})
    laboratory = study.laboratory.model_copy(update={"lost_probability": 0.0, "central": whole})
    visits = study.visits.model_copy(update={"missed_probability": 0.0, "window_days": 0})
    return study.model_copy(update={"laboratory": laboratory, "visits": visits})


def _no_rescue(study: Study) -> Study:
    return study.model_copy(update={"rescue": study.rescue.model_copy(update={"allowed": False, "agents": ()})})


def _untitrated(study: Study) -> Study:
    """Every dose rule keeps the level on which a patient starts, on the days of that level."""
    used = study.rules_in_use
    return study.model_copy(
        update={"dose_rules": {n: _kept(rule) if n in used else rule for n, rule in study.dose_rules.items()}}
    )


def _kept(rule: DoseRule) -> DoseRule:
    return rule.model_copy(update={"steps": (DoseStep(action="keep"),), "restart": None})


DEPARTURES = (
    Departure("titration", "Dose rule (titration, interruption, stop)", _untitrated),
    Departure("adherence", "Missed doses", _with(adherence=Adherence())),
    Departure("food", "Meals that bind drug", _fasting),
    Departure("assay", "Error of the counts (assay, rounding, clumps)", _exact, (PLATELETS.cv,)),
    Departure("delay", "Reporting delay", _at_once),
    Departure("visits", "Missed visits, lost samples, visit windows", _every_visit),
    Departure("rescue", "Rescue therapy", _no_rescue),
    Departure("dropout", "Leaving early", _with(dropout=())),
)
"""All of them, in the order in which they are listed where none is stronger."""


def without(study: Study, left_out: Sequence[Departure]) -> Study:
    """The study without these departures, not validated; what else the trial is made of stays."""
    return reduce(lambda one, departure: departure.without(one), left_out, study)
