"""The covariates of a unit that change during the trial, and the parameters that follow them, by piece of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohorts.brought import read_patients
from cohorts.by_day import ByDay, read_by_day
from cohorts.changing import EVERYBODY, Pieces, parameters_by_piece
from cohorts.covariates import LIMITS
from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from trial.study.acting import acting, reads_bmi
from trial.study.changes import CovariateChange
from trial.study.study import Study

Array = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Followed:
    """What holds in each piece of time: the covariates that change, and the parameters by name (n, K) that follow."""

    pieces: Pieces
    parameters: Mapping[str, Array]

    def on(self, name: str, day: NDArray[np.int64], who: NDArray[np.int64] | slice = EVERYBODY) -> Array:
        """A parameter that follows them, on days (n,) or (n, k) of the patients ``who``."""
        return self.pieces.on(self.parameters[name], day, who)

    def covariates(self, columns: Columns, day: NDArray[np.int64]) -> Columns:
        """The ``columns`` (n,) as they are on a day (n,) of each patient."""
        now = {name: self.pieces.on(values, day) for name, values in self.pieces.columns.items()}
        return {**columns, **now}

    def with_other(
        self, who: NDArray[np.bool_], other: Columns, fixed: Mapping[str, Array], own: Mapping[str, Array]
    ) -> Followed:
        """With what follows in the drug of ``who``: ``other`` by name (n, K), or the one value that is ``fixed``; of
        the other patients what follows in theirs, or their ``own`` one.
        """
        found = dict(self.parameters)
        for name in {*other, *(name for name in found if name in fixed)}:
            theirs = other.get(name, fixed[name][:, None])
            found[name] = np.where(who[:, None], theirs, found.get(name, own[name][:, None]))
        return Followed(self.pieces, found)

    @property
    def first(self) -> dict[str, Array]:
        """The parameters of day 0, (n,)."""
        return {name: values[:, 0] for name, values in self.parameters.items()}


def pieces_of(study: Study, cohort: Cohort, arm: NDArray[np.int64]) -> Pieces | None:
    """The covariates of these patients in pieces of time; None where nothing changes in the study."""
    chosen, days = study.population, study.visits.days[-1] + study.visits.window_days
    if not chosen.changing:
        return None
    told = _told(study)
    steps = {day for change in chosen.changes for day in change.steps(days)}
    grid = np.array(sorted({0, *steps, *(told.days.tolist() if told else ())}))
    grid = grid[grid < max(days, 1)]
    columns = _by_day(told, cohort, grid) if told else {}
    for change in chosen.changes:
        name, who = change.covariate, _who(study, change, cohort, arm)
        values = columns.get(name, np.repeat(cohort.columns[name][:, None], len(grid), axis=1))
        columns[name] = change.made_of(values, grid, who)
    columns = {name: _possible(name, values) for name, values in columns.items()}
    if "WEIGHT" in columns and "BMI" not in columns and reads_bmi(study):
        columns["BMI"] = _bmi(columns["WEIGHT"], cohort.columns)
    return Pieces.of(grid, columns)


def followed_by(study: Study, chosen: ParameterSet, cohort: Cohort, pieces: Pieces | None) -> Followed | None:
    """What changes in these patients, with the parameters that ``chosen`` gives them."""
    if pieces is None:
        return None
    return Followed(pieces, parameters_by_piece(chosen, cohort, pieces, study.parameter_uncertainty))


def _told(study: Study) -> ByDay | None:
    """The table of values by day."""
    chosen = study.population
    if chosen.by_day is None or chosen.file is None:
        return None
    return read_by_day(chosen.by_day, read_patients(chosen.file), acting(study))


def _by_day(told: ByDay, cohort: Cohort, grid: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Values (n, G) of the patients of a cohort on the days of the grid."""
    place = np.searchsorted(told.days, grid, side="right") - 1
    return {name: values[cohort.draws.candidate][:, place] for name, values in told.columns.items()}


def _who(study: Study, change: CovariateChange, cohort: Cohort, arm: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The patients (n,) whose covariate changes: stream "change:<covariate>" on the first day."""
    who = np.full(len(arm), True)
    if change.arms:
        who &= np.isin(arm, [study.arm_ids.index(name) for name in change.arms])
    for name, asked in change.if_.items():
        who &= asked.holds(cohort.columns[name])
    if change.share < 1:
        who &= cohort.draws.uniform(f"change:{change.covariate}", change.from_day) < change.share
    return who


def _possible(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """The values, NaN where no patient can have them."""
    low, high, _ = LIMITS.get(name, (-np.inf, np.inf, ""))
    return values if values.dtype.kind == "U" else np.where((values >= low) & (values <= high), values, np.nan)


def _bmi(weight: Array, columns: Columns) -> Array:
    """The body mass index that goes with a weight, and where that is as at enrolment the one of then."""
    as_before = weight == columns["WEIGHT"][:, None]
    return np.where(as_before, columns["BMI"][:, None], weight / (columns["HEIGHT"][:, None] / 100.0) ** 2)
