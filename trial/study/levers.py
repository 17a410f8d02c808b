"""What of a trial's conduct and rules may be otherwise, each as one number that a study is multiplied by.

Odds of a missed dose, of an early meal, of leaving and of a visit or sample that is missing; thresholds of the dose
rules, all together. Log-normal about 1: how patients and sites behave is carried from other trials (log SD 0.4, one
border of ``cohorts.widths``), thresholds are written in a protocol and another would choose others nearby (0.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from scipy.special import ndtri

from trial.study.dose_rule import DoseRule
from trial.study.study import Study

BEHAVIOUR, LABORATORY, RULE = "behaviour", "laboratory", "rule"


@dataclass(frozen=True)
class StudyLever:
    """``moved`` makes of a study the one with this multiplied by a factor."""

    id: str
    label: str
    group: str
    log_sd: float
    moved: Callable[[Study, float], Study]

    def at(self, study: Study, u: float) -> Study:
        """The study at a share u of the lever's distribution; not validated."""
        return self.moved(study, self.factor(u))

    def factor(self, u: float) -> float:
        """The factor at a share u of the distribution."""
        return float(np.exp(self.log_sd * ndtri(u)))


def odds_times(share: float, factor: float) -> float:
    """A share whose odds are multiplied."""
    return share * factor / (1.0 - share + share * factor)


def _beta(record: Any, mean: str, sd: str, share: float) -> Any:
    """A record with another mean share; its SD keeps its part of the largest that such a share can have."""
    old = getattr(record, mean)
    widest = np.sqrt(share * (1 - share) / (old * (1 - old))) if 0 < old < 1 else 1.0
    return record.model_copy(update={mean: share, sd: getattr(record, sd) * float(widest)})


def _adherence(study: Study, factor: float) -> Study:
    share = 1.0 - odds_times(1.0 - study.adherence.mean, factor)
    return study.model_copy(update={"adherence": _beta(study.adherence, "mean", "sd", share)})


def _meals(study: Study, factor: float) -> Study:
    if study.meals is None:
        return study
    share = odds_times(study.meals.share_mean, factor)
    return study.model_copy(update={"meals": _beta(study.meals, "share_mean", "share_sd", share)})


def _dropout(study: Study, factor: float) -> Study:
    def times(told: Any, change: Callable[[float], float]) -> Any:
        return {arm: change(x) for arm, x in told.items()} if isinstance(told, dict) else told and change(told)

    reasons = tuple(
        item.model_copy(
            update={
                "hazard_per_week": times(item.hazard_per_week, lambda x: x * factor),
                "share_by_end": times(item.share_by_end, lambda x: odds_times(x, factor)),
            }
        )
        for item in study.dropout
    )
    return study.model_copy(update={"dropout": reasons})


def _missing(study: Study, factor: float) -> Study:
    visits, laboratory = study.visits, study.laboratory
    visits = visits.model_copy(update={"missed_probability": odds_times(visits.missed_probability, factor)})
    laboratory = laboratory.model_copy(update={"lost_probability": odds_times(laboratory.lost_probability, factor)})
    return study.model_copy(update={"visits": visits, "laboratory": laboratory})


def _thresholds(study: Study, factor: float) -> Study:
    rules = {name: _other_thresholds(rule, factor) for name, rule in study.dose_rules.items()}
    return study.model_copy(update={"dose_rules": rules})


def _other_thresholds(rule: DoseRule, factor: float) -> DoseRule:
    def times(record: Any, *names: str) -> Any:
        return record.model_copy(update={n: x * factor for n in names if (x := getattr(record, n)) is not None})

    steps = tuple(times(step, "at_least_1e9L", "below_1e9L", "never_at_least_1e9L") for step in rule.steps)
    return rule.model_copy(update={"steps": steps, "restart": rule.restart and times(rule.restart, "below_1e9L")})


LEVERS = (
    StudyLever("adherence", "Odds of a missed dose", BEHAVIOUR, 0.4, _adherence),
    StudyLever("meals", "Odds of a meal too early", BEHAVIOUR, 0.4, _meals),
    StudyLever("dropout", "Hazard or odds of leaving", BEHAVIOUR, 0.4, _dropout),
    StudyLever("missing", "Odds of a missed visit or lost sample", LABORATORY, 0.4, _missing),
    StudyLever("thresholds", "Thresholds of the dose rules", RULE, 0.2, _thresholds),
)


def levers_of(study: Study) -> tuple[StudyLever, ...]:
    """Those that change anything in this study."""
    return tuple(lever for lever in LEVERS if lever.moved(study, 2.0) != study)


def pulled(study: Study, factors: dict[str, float], known: tuple[StudyLever, ...]) -> Study:
    """The study with every lever at its share of its distribution."""
    return reduce(lambda one, lever: lever.at(one, factors[lever.id]), known, study)
