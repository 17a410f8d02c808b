"""Rows of the covariates that change during the trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.changing import FAR, Pieces, unknown
from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.rows import Keys, coded, last_visit, table, texts
from trial.tables import COVARIATES


def covariates(unit: Unit, result: UnitResult, keys: Keys, pieces: Pieces) -> pa.Table:
    """A row per patient and covariate with the value of day 0, and for each day on which it becomes another, up to the
    last one in the study.
    """
    ends = np.minimum(result.course.place.leave_day, last_visit(unit) + 1)
    parts = [_rows(keys, name, values, pieces.first_day, ends) for name, values in pieces.columns.items()]
    return pa.concat_tables(parts).unify_dictionaries()


def _rows(
    keys: Keys, name: str, values: NDArray[Any], first_day: NDArray[np.int64], ends: NDArray[np.int64]
) -> pa.Table:
    another = np.column_stack([np.full(len(values), True), _differ(values[:, 1:], values[:, :-1])])
    who, piece = np.nonzero(another & (first_day < FAR) & ((first_day < ends[:, None]) | (first_day == 0)))
    said = values[who, piece]
    words = said.dtype.kind == "U"
    return table(
        COVARIATES,
        **keys.rows(who),
        ADY=first_day[who, piece],
        PARAMCD=coded(np.zeros(len(who), dtype=np.int64), (name,)),
        AVAL=np.full(len(who), np.nan) if words else said,
        AVALC=texts(said if words else np.full(len(who), "")),
    )


def _differ(now: NDArray[Any], before: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((now != before) & ~(unknown(now) & unknown(before)))
