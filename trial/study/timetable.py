"""A schedule of the user's own: who takes which dose when, and when counts are measured; what its rows came to.

``trial.study.timetable_rows`` reads the file. Time 0 is the start of the study, at the drug-free steady state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HOURS = 24.0
STEADY_DAYS = 84
"""So many days of doses come before an SS dose; typical patients of all published sets have settled to 2e-5 by then."""


class TimetableError(ValueError):
    """Everything wrong with a schedule, one problem a line; ``problems`` holds all of them."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(f"{path.name}: {problem}" for problem in problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, eq=False)
class Timetable:
    """The plan of every person, or of every arm where the file has no ids.

    persons (P,): ids, or arms, or one name for everybody. arms (P,): "" where the file says none. places: where each
    person's first row stands. dose_h, dose_mg: of each person, in order; doses of 0 mg are none. seen_h: when counts
    are measured, after time 0, and seen_day: the planned day of each, the nearest where the file gives none. by_id: the
    file has a column ID. steady: SS doses. others: columns that change nothing. idle: rows on which nothing happens.
    remarks: what is allowed but hardly meant.
    covariates: of each of the others person, place and cell, row by row.
    """

    path: Path
    by_id: bool
    persons: tuple[str, ...]
    arms: tuple[str, ...]
    places: tuple[str, ...]
    dose_h: tuple[Array, ...]
    dose_mg: tuple[Array, ...]
    seen_h: tuple[Array, ...]
    seen_day: tuple[NDArray[np.int64], ...]
    steady: int = 0
    others: tuple[str, ...] = ()
    idle: int = 0
    remarks: tuple[str, ...] = ()
    covariates: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)

    @cached_property
    def visits(self) -> tuple[int, ...]:
        """The planned days of the visits of all persons."""
        return tuple(sorted({day for days in self.seen_day for day in days.tolist()}))

    @cached_property
    def measured_h(self) -> Array:
        """(P, V): when each person's count of each planned visit is measured, NaN where it is not."""
        found = np.full((len(self.persons), len(self.visits)), np.nan)
        for row, seen, days in zip(found, self.seen_h, self.seen_day, strict=True):
            row[np.searchsorted(self.visits, days)] = seen
        return found

    @cached_property
    def doses(self) -> tuple[Array, Array]:
        """Hours (P, K), in order, inf where a person has fewer, and mg (P, K)."""
        most = max((len(hours) for hours in self.dose_h), default=0)
        hour, mg = np.full((len(self.persons), most), np.inf), np.zeros((len(self.persons), most))
        for k, (hours, amounts) in enumerate(zip(self.dose_h, self.dose_mg, strict=True)):
            hour[k, : len(hours)], mg[k, : len(hours)] = hours, amounts
        return hour, mg

    @property
    def treatment_days(self) -> int:
        """Days from the start to the last dose, its own included."""
        last = max(float(hours[-1]) for hours in self.dose_h if len(hours))
        return 1 + int(last // HOURS)

    def daily_mg(self, days: int) -> Array:
        """(P, days): what the doses of each day add up to."""
        total = np.zeros((len(self.persons), days))
        for row, hours, amounts in zip(total, self.dose_h, self.dose_mg, strict=True):
            day = (hours // HOURS).astype(np.int64)
            np.add.at(row, day[day < days], amounts[day < days])
        return total

    def first_mg(self, arm: str) -> float:
        """The first dose of the first person of an arm who takes any; 0 without."""
        mine = (mg for mg, own in zip(self.dose_mg, self.arms, strict=True) if own in ("", arm) and len(mg))
        return float(next(mine, [0.0])[0])

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits of a hash over all that is simulated of it; how it is written does not enter."""
        said = hashlib.sha256(repr((self.by_id, self.persons, self.arms)).encode())
        for each in (*self.dose_h, *self.dose_mg, *self.seen_h):
            said.update(f"{len(each)}:".encode() + np.asarray(each, dtype="<f8").tobytes())
        for days, hours in zip(self.seen_day, self.seen_h, strict=True):
            if (days != nearest_days(hours)).any():
                said.update(f"days {days.tolist()}".encode())
        return said.hexdigest()[:12]

    def in_words(self) -> str:
        """How many persons, doses and measurements, when the first and the last, and what is not read."""
        whose = _many(len(self.persons), "patient") if self.by_id else self._for_whom()
        doses = np.concatenate([np.empty(0), *self.dose_h])
        seen = np.concatenate([np.empty(0), *self.seen_h])
        parts = [f"{self.path.name}: {whose}", f"{_many(len(doses), 'dose')}{_between(doses)}"]
        parts.append(
            f"{_many(len(seen), 'count')} measured{_between(seen)}, on {_many(len(self.visits), 'planned day')}"
        )
        parts += [f"{_many(self.steady, 'SS dose')}, each after {STEADY_DAYS} days of doses"] * bool(self.steady)
        parts += [f"{_many(self.idle, 'row')} on which nothing happens"] * bool(self.idle)
        parts += [f"columns that change nothing: {', '.join(self.others)}"] * bool(self.others)
        return "; ".join(parts)

    def _for_whom(self) -> str:
        if self.arms == ("",):
            return "one plan for everybody"
        return f"one plan for each patient of {', '.join(self.arms)}"


def nearest_days(hours: Array) -> NDArray[np.int64]:
    """The whole day that is nearest to each time; 12 h after a day begins it is the next."""
    return np.floor(np.asarray(hours) / HOURS + 0.5).astype(np.int64)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _between(hours: Array) -> str:
    if not len(hours):
        return ""
    return f" from {hours.min():g} h to {hours.max():g} h (day {hours.max() / HOURS:.4g})"
