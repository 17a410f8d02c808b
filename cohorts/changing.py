"""Covariates that change during a trial: from values by day to the pieces of time in which nothing of a patient does.

What a parameter set makes of the values of a piece are the patient's parameters in it, with the random effects and the
classes that he has for life.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohorts.believed import Believed
from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.switched import parameters_of

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FAR = int(np.iinfo(np.int64).max)
"""A day after all."""
EVERYBODY = slice(None)
FIRST = "first "
"""Before the name of a covariate: its value at enrolment, which decides the classes of a patient for life."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """first_day (n, K): the first day of each piece of a patient, 0 in column 0 and FAR after the last. columns: the
    covariates that change, by name (n, K).
    """

    first_day: Ints
    columns: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, days: Ints, columns: Mapping[str, NDArray[Any]]) -> Pieces:
        """From values (n, G) on ``days`` (G,), which increase from 0; each stays until the next."""
        changed = np.logical_or.reduce([x[:, 1:] != x[:, :-1] for x in columns.values()])
        changed = np.column_stack([np.full(len(changed), True), changed])
        order = np.argsort(~changed, axis=1, kind="stable")[:, : changed.sum(axis=1).max(initial=1)]
        there = np.take_along_axis(changed, order, axis=1)
        found = {name: np.take_along_axis(x, order, axis=1) for name, x in columns.items()}
        return cls(np.where(there, days[order], FAR), found)

    def place(self, day: Ints, who: Ints | slice = EVERYBODY) -> Ints:
        """The piece of each ``day`` (n, k) of the patients ``who``; days before the first are in the first."""
        begun = (self.first_day[who][:, None, :] <= day[:, :, None]).sum(axis=2)
        return np.asarray(np.maximum(begun - 1, 0))

    def on(self, values: NDArray[Any], day: Ints, who: Ints | slice = EVERYBODY) -> NDArray[Any]:
        """Of ``values`` by piece (n, K) those on ``day`` (n,) or (n, k)."""
        found = np.take_along_axis(values[who], self.place(day.reshape(len(day), -1), who), axis=1)
        return found.reshape(day.shape)

    def begins(self, values: Collection[Array]) -> Ints:
        """The first day (n, K) of each piece in which one of ``values`` (n, K) is another than before; else FAR."""
        none = np.zeros(self.first_day[:, 1:].shape, dtype=bool)
        changed = np.logical_or.reduce([none, *(x[:, 1:] != x[:, :-1] for x in values)])
        return np.where(changed, self.first_day[:, 1:], FAR)


def moved_by(chosen: ParameterSet, covariates: Collection[str]) -> tuple[str, ...]:
    """The parameters of a patient that follow these covariates; not those that are read once, at enrolment."""
    for_life = {c.share for c in chosen.classes}
    found = {x.parameter: None for x in chosen.covariate_effects if x.covariate in covariates}
    found |= {c.parameter: None for c in chosen.classes if c.value in found}
    return tuple(name for name in found if name not in for_life)


def parameters_by_piece(
    chosen: ParameterSet, cohort: Cohort, pieces: Pieces, uncertainty: Believed = False
) -> dict[str, Array]:
    """The parameters that follow the covariates of ``pieces``, by name (n, K)."""
    names, fixed = moved_by(chosen, pieces.columns), _for_life(chosen)
    if not names:
        return {}
    found = [
        parameters_of(fixed, replace(cohort, columns=columns), uncertainty) for columns in _by_piece(cohort, pieces)
    ]
    lost = np.logical_or.reduce([unknown(values) for values in pieces.columns.values()])
    return {name: np.where(lost, np.nan, np.stack([values[name] for values in found], axis=1)) for name in names}


def unknown(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where there is no value: a number that no patient can have."""
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)


def _for_life(chosen: ParameterSet) -> ParameterSet:
    """The set, with the shares of its classes by the values at enrolment."""
    shares = {c.share for c in chosen.classes}
    effects = (
        replace(x, covariate=FIRST + x.covariate) if x.parameter in shares else x for x in chosen.covariate_effects
    )
    return replace(chosen, covariate_effects=tuple(effects))


def _by_piece(cohort: Cohort, pieces: Pieces) -> Iterator[dict[str, NDArray[Any]]]:
    first = {FIRST + name: values for name, values in cohort.columns.items()}
    for k in range(pieces.first_day.shape[1]):
        yield first | cohort.columns | _in_place(pieces, k)


def _in_place(pieces: Pieces, k: int) -> dict[str, NDArray[Any]]:
    """The values of a piece; a 1 stands in for the unknown ones, whose parameters are taken away later."""
    values = {name: column[:, k] for name, column in pieces.columns.items()}
    return {
        name: np.where(unknown(x), np.ones(1, x.dtype), x) if x.dtype.kind == "f" else x for name, x in values.items()
    }
