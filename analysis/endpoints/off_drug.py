"""After the drug: who had a response when it ended, and the time until it is gone.

The drug ends on ``stop_day``, the day after each patient's last day with active drug prescribed (sham, of who never has
any). A count of that day still belongs to the drug.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from analysis.endpoints.records import Flags, Records
from analysis.endpoints.time_to_event import Times, TimeTo, first_day, last_watched, watched
from trial.study.study import Study

NO_RESPONSE = "no response on the last count on drug"
LEVELS_1E9L = (30, 50)
"""Below which a response is lost: that of the IWG (Rodeghiero 2009), and that of the trials of the class."""


def had_one(response: Flags, records: Records) -> Flags:
    """(n,) whose last count on drug is a ``response`` (n, V); the drug has ended, and nobody without a count."""
    on_drug = records.days <= records.stop_day[:, None]
    last = np.where(on_drug, records.days, -np.inf).argmax(axis=1)
    found = np.take_along_axis(response & on_drug, last[:, None], axis=1)[:, 0]
    return found & on_drug.any(axis=1)


def relapse(level: float, records: Records, study: Study) -> Times:
    """Days from the end of the drug to the first count below ``level`` or rescue after it, of who was at or above it on
    the last count on drug, which no rescue voids. A stop by the dose rule is an end of the drug like any other.
    """
    start = records.stop_day
    at_risk = had_one((records.counts >= level) & ~_voided(records), records)
    below = (records.counts < level) & (records.days > start[:, None])
    rescued = np.where(records.rescues > start[:, None], records.rescues, np.inf).min(axis=1, initial=np.inf)
    lost = np.minimum(first_day(below, records.days), rescued)
    last = last_watched(records, study) - start
    return watched(np.where(at_risk, lost - start, np.inf), np.where(at_risk & (last >= 0), last, np.nan), records)


def _voided(records: Records) -> Flags:
    """(n, V) visits that a rescue voids."""
    each = records.days[:, :, None]
    inside = (records.void_from[:, None] <= each) & (each < records.void_to[:, None])
    return np.asarray(inside.any(axis=2))


def _registered(level: int) -> TimeTo:
    return TimeTo(
        code=f"TTREL{level}",
        label=f"Time to relapse off drug: below {level} × 10⁹/L",
        source=f"the first count below {level} as relapse; rescue as one, and no confirmation: assumed",
        estimand=f"of patients at or above {level} on the last count on drug, from the day after the last dose to the "
        f"first reported count below {level}, or rescue. Leaving censors. Who responds depends on the arm, so that "
        "arms are not compared.",
        times=partial(relapse, float(level)),
        compared=False,
    )


RELAPSE_TIMES: tuple[TimeTo, ...] = tuple(_registered(level) for level in LEVELS_1E9L)
