"""The hour of the day at which each dose is taken, drawn before the simulation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.streams import Draws
from trial.study.study import Study

Array = NDArray[np.float64]
DRIFT_DAYS = 28.0
LATEST_H = 23.0


def hours_of_doses(study: Study, draws: Draws, days: int, visit_day: NDArray[np.int64]) -> dict[str, Array]:
    """``dose_h`` and ``late_h`` of ``Drawn``, (n, D): streams "time of day:usual" and, by day, "time of day"; nothing
    without the habit. On the day of a profile, of ``visit_day`` (n, V+1), the dose is taken at the visit.
    """
    said = study.adherence.time_of_day
    if said is None:
        return {}
    usual = said.usual_h + said.between_sd_h * draws.normal("time of day:usual")
    hour = usual[:, None] + said.drift_h_per_28_days / DRIFT_DAYS * np.arange(days)
    if said.within_sd_h:
        hour = hour + said.within_sd_h * np.stack([draws.normal("time of day", day) for day in range(days)], axis=1)
    hour = np.clip(hour, 0.0, LATEST_H)
    for day in study.pk_sampling.days if study.pk_sampling else ():
        visit = (0, *study.visits.days).index(day)
        hour[np.arange(len(hour)), np.minimum(visit_day[:, visit], days - 1)] = 0.0
    return {"dose_h": hour, "late_h": hour - np.clip(usual, 0.0, LATEST_H)[:, None]}
