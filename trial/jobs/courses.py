"""The hourly courses of a unit as rows, some patients at a time: together they would fill most of the memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.rows import Keys
from trial.tables import COURSES

AT_ONCE = 128
"""Patients whose rows are made at once."""


def courses(unit: Unit, result: UnitResult, keys: Keys) -> Iterator[pa.Table]:
    """Hour by hour and patient by patient, until the patient leaves, the study ends or the solve fails; in pieces, and
    none where no hour was kept.
    """
    few = range(0, unit.drawn.n if result.hourly else 0, AT_ONCE)
    return (_courses(unit, result, keys, slice(k, k + AT_ONCE)) for k in few)


def _courses(unit: Unit, result: UnitResult, keys: Keys, few: slice) -> pa.Table:
    hour = np.hstack([part.first[few, None] + np.arange(part.plt.shape[1]) for part in result.hourly])
    conc, plt = (np.hstack([getattr(part, name)[few] for part in result.hourly]) for name in ("conc", "plt"))
    here = (hour <= 24.0 * result.course.place.leave_day[few, None]) & ~np.isnan(plt)
    who = np.repeat(np.arange(unit.drawn.n)[few], here.sum(axis=1))
    columns = {**keys.rows(who), "AHOUR": hour[here], "CONC": conc[here], "PLT": plt[here]}
    return pa.Table.from_pydict(columns, schema=COURSES)
