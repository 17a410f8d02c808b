"""When patients leave, drawn before the simulation: the day where only time tells it, else the clocks that decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from cohorts.adverse_events import Rates, proxy
from cohorts.streams import Draws
from trial.engine.adverse import event_clock, rates_of
from trial.study.leaving import Dropout
from trial.study.study import Study

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class LeaveClocks:
    """What decides on the way who leaves: time (n,) exact, in days, of leaving for the other reasons (inf: never);
    clock (n, K) cumulative hazards at which a patient leaves for each conditional reason of the study, in its order.
    events: by code, the clock (n,) of the first adverse event of a kind that a reason waits for, and its rates.
    """

    time: Array
    clock: Array
    events: tuple[tuple[str, Array, Rates], ...] = ()


def draw_leaving(study: Study, arm: Ints, draws: Draws) -> tuple[Ints, Ints, LeaveClocks | None]:
    """Day of leaving (n,) and index of the reason (n,), of those that only time tells; -1 stays. The clocks of the
    others, None where there are none. One stream "dropout:<reason>" each.

    The first of the competing exponential clocks, compared before they are rounded up to days.
    """
    first, reason = np.full(len(arm), np.inf), np.full(len(arm), -1)
    rates = np.array([study.hazards(arm_id) for arm_id in study.arm_ids]).reshape(len(study.arm_ids), -1)
    clocks = []
    for k, item in enumerate(study.dropout):
        clock = -elementary.log(draws.uniform(f"dropout:{item.reason}"))
        if item.conditional:
            clocks.append(clock)
            continue
        hazard = rates[arm, k]
        weeks = np.divide(clock, hazard, out=np.full(len(arm), np.inf), where=hazard > 0)
        if not item.always:
            weeks = _on_its_days(item, weeks, study.visits.days[-1] + study.visits.window_days)
        reason, first = np.where(weeks < first, k, reason), np.minimum(weeks, first)
    day = np.ceil(np.minimum(7 * first, 1e6)).astype(np.int64)
    day = np.where(np.isfinite(first), day, NEVER)
    if not clocks:
        return day, reason, None
    waits = dict.fromkeys(c for item in study.dropout if (a := item.after_adverse_event) for c in a.codes)
    events = tuple((code, event_clock(proxy(code), draws), rates_of(proxy(code), study, draws)) for code in waits)
    return day, reason, LeaveClocks(7 * first, np.stack(clocks, axis=1), events)


def _on_its_days(item: Dropout, weeks: Array, days: int) -> Array:
    """When the hazard of a reason, which differs from day to day, has come to what it would have come to after so many
    ``weeks`` on every day; inf after so many ``days``.
    """
    factor = np.append(item.factors(days), 0.0)
    reached = np.cumsum(factor)
    day = np.searchsorted(reached, 7 * weeks)
    over = day >= len(factor)
    day = np.minimum(day, days)
    before = reached[day] - factor[day]
    part = np.divide(7 * weeks - before, factor[day], out=np.zeros(len(weeks)), where=factor[day] > 0)
    return np.where(over | ~np.isfinite(weeks), np.inf, (day + part) / 7)
