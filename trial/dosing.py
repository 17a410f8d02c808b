"""Once-daily dosing: the days between two visits, what is prescribed and taken on each, and how fast platelets are
lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trial.models import Days
from trial.plan import Plan, Unit
from trial.rules import Course
from trial.solver import Events

Array = NDArray[np.float64]


def days_between(plan: Plan, visit: int) -> NDArray[np.int64]:
    """(n, longest) days from visit ``visit - 1`` to the day before ``visit``; days that do not exist are -1."""
    first, last = plan.visit_day[:, visit - 1 : visit], plan.visit_day[:, visit : visit + 1]
    day = first + np.arange((last - first).max())
    return np.where(day < last, day, -1)


def dose_mg(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """Active drug taken on each day (mg): prescribed, taken, on treatment, still in the study, not placebo."""
    study, plan = unit.study, unit.plan
    active = np.array([not arm.placebo for arm in study.arms])[plan.arm]
    prescribed = np.where(day >= course.effective_day[:, None], course.dose_mg[:, None], course.dose_before_mg[:, None])
    given = (day >= 0) & (day < study.treatment_days) & (day < plan.leave_day[:, None]) & active[:, None]
    return np.where(given & _of_day(plan.taken, day), prescribed, 0.0)


def loss_factor(unit: Unit, course: Course, day: NDArray[np.int64]) -> Array:
    """Daily multiplier of platelet loss: within-patient fluctuation, and rescue therapy, which lowers loss for
    weeks.
    """
    since = day - course.rescue_day[:, None]
    fading = np.exp(-np.maximum(since, 0) / unit.parameters["RESCUE_TAU"][:, None])
    drop = np.where(since >= 0, unit.parameters["RESCUE_DROP"][:, None] * fading, 0.0)
    return np.exp(_of_day(unit.plan.log_loss, day) - drop)


def daily_events(unit: Unit, course: Course, day: NDArray[np.int64]) -> Events:
    """The event table of those days, for the solver."""
    days = Days.of(
        np.where(day >= 0, 24.0 * day, np.inf),
        dose_mg(unit, course, day),
        _of_day(unit.plan.bioavailability, day),
        loss_factor(unit, course, day),
    )
    return unit.structure.daily_events(unit.p, days)


def _of_day(table: NDArray, day: NDArray[np.int64]) -> NDArray:
    """Entries of a (n, D) table at (n, k) days; the last day stands in for days beyond the table."""
    return np.take_along_axis(table, np.clip(day, 0, table.shape[1] - 1), axis=1)
