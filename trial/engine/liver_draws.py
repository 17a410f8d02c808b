"""What is random about the ALT of the patients of a unit, drawn before the simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from cohorts.adverse_events import Rates, proxy
from cohorts.sampler import Cohort
from trial.engine.adverse import event_clock, rates_of
from trial.study.liver_tests import EVENT, RISES_TO
from trial.study.study import Study

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LiverDraws:
    """limit (n,): upper limit of normal, U/L. base (n,): ALT without a rise, U/L. top (n,): what it rises to, times the
    limit. error (n, V+1): what multiplies it at each visit. clock (n,) and rates: those of the adverse event.
    """

    limit: Array
    base: Array
    top: Array
    error: Array
    clock: Array
    rates: Rates


def draw_liver(study: Study, cohort: Cohort) -> LiverDraws | None:
    """Streams "alt:level", "alt:rise" and, by nominal day, "residual:alt"; None where nobody measures ALT."""
    alt, draws = study.laboratory.alt, cohort.draws
    if alt is None:
        return None
    men = cohort.columns["SEX"] == "M"
    median = np.where(men, alt.men_median_U_L, alt.women_median_U_L)
    z = np.stack([draws.normal("residual:alt", day) for day in (0, *study.visits.days)], axis=1)
    beyond = -alt.beyond_log_mean * elementary.log(draws.uniform("alt:rise"))
    return LiverDraws(
        limit=np.where(men, alt.men_limit_U_L, alt.women_limit_U_L),
        base=median * elementary.exp(_log_sd(alt.between_cv) * draws.normal("alt:level")),
        top=RISES_TO * elementary.exp(beyond),
        error=elementary.exp(_log_sd(alt.within_cv) * z),
        clock=event_clock(proxy(EVENT), draws),
        rates=rates_of(proxy(EVENT), study, draws),
    )


def _log_sd(cv: float) -> float:
    return float(np.sqrt(np.log1p(cv**2)))
