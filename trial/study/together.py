"""What laboratory, habits, visits and dose rules of a study say against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trial.study.analytes import Laboratory, laboratory_problems
from trial.study.arms import Arm
from trial.study.dose_rule import DoseRule
from trial.study.habits import Adherence, Meals, time_of_day_problems
from trial.study.protocol import Problem
from trial.study.schedule import Visits
from trial.study.stages import Stage


def conduct_problems(
    laboratory: Laboratory,
    habits: tuple[Adherence, Meals | None],
    visits: Visits,
    plan: tuple[Mapping[str, DoseRule], Sequence[Arm], Sequence[Stage], str | None],
) -> Iterator[Problem]:
    """As of ``laboratory_problems`` and ``time_of_day_problems``; ``plan``: dose rules, arms, stages and schedule."""
    rules, arms, stages, schedule = plan
    on_alt = {name: rule.alt for name, rule in rules.items()}
    yield from laboratory_problems(laboratory, visits, bool(stages), on_alt)
    meals = habits[1] is not None or any(arm.meal_after_dose_h is not None for arm in arms)
    yield from time_of_day_problems(habits[0].time_of_day, visits, schedule is not None, meals)
