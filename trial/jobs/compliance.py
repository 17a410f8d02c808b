"""What patients took of what was prescribed: the share of each, and the days on which a dose was missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.dosing import drug_day, takes
from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.intake import on_days_of_levels
from trial.jobs.rows import Keys, coded, table
from trial.tables import MISSED, on_days

Flags = NDArray[np.bool_]
HOLIDAY, CHANCE, GAVE_UP = "holiday", "by chance", "gave up"


@dataclass(frozen=True)
class Intake:
    """Days (n, D) on which a dose is due, sham included, and days on which one is taken if it is due."""

    due: Flags
    taken: Flags

    @property
    def share(self) -> NDArray[np.float64]:
        """(n,) share of the prescribed doses that were taken; NaN where none was prescribed."""
        planned = self.due.sum(axis=1)
        taken = (self.due & self.taken).sum(axis=1)
        return np.divide(taken, planned, out=np.full(len(planned), np.nan), where=planned > 0)


def intake_of(unit: Unit, result: UnitResult, ledger: pa.Table) -> Intake:
    """What the ledger prescribes, and what is taken of it."""
    shape = unit.drawn.taken.shape
    who = ledger["USUBJID"].combine_chunks().indices.to_numpy()
    given = ledger["DOSELEV"].to_numpy() > 0
    first, after = (ledger[name].to_numpy()[given] for name in ("ASTDY", "AENDY"))
    day = np.broadcast_to(np.arange(shape[1]), shape)
    due = (on_days(who[given], first, after, shape) > 0) & drug_day(unit, result.course, day)
    return Intake(on_days_of_levels(unit, result.decisions, due), takes(unit, result.course, day))


def missed(unit: Unit, result: UnitResult, keys: Keys, intake: Intake) -> pa.Table:
    """A row per day on which a prescribed dose was missed, patient after patient, and why."""
    who, day = np.nonzero(intake.due & ~intake.taken)
    gone = day >= result.course.patience.gone_day[who]
    away = np.zeros(len(who), bool) if unit.drawn.holiday is None else unit.drawn.holiday[who, day]
    why = np.where(gone, 2, np.where(away, 0, 1))
    return table(MISSED, **keys.rows(who), ADY=day, REASON=coded(why, (HOLIDAY, CHANCE, GAVE_UP)))
