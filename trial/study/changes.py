"""Covariates that change during the trial: for whom, from which day on, and to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_serializer

from cohorts.covariates import CATEGORIES, LIMITS
from cohorts.parameters import is_number
from trial.study.arms import Asked, asked_problems
from trial.study.protocol import Day, Identifier, Number, Positive, Problem, Record, VisitDay, twice
from trial.study.texts import Line


def _number_or_word(value: Any) -> Any:
    if value is None or isinstance(value, str) or is_number(value):
        return value
    raise ValueError("allowed: a number, or a word (in quotes where YAML reads it as something else)")


Said = Annotated[Number | Line | None, BeforeValidator(_number_or_word)]
WAYS = ("value", "add", "times", "per_week")
WEEK = 7


class CovariateChange(Record):
    """One covariate of some patients changes on a day; of several changes of one covariate the later in the list acts
    on what the earlier have made of it.
    """

    covariate: Identifier = Field(
        description="a covariate that the parameter set or a start dose reads: of all patients, a column of your file, "
        "or one of your own with before"
    )
    before: Said = Field(
        default=None, description="what everybody has at enrolment, of a covariate that the patients do not have"
    )
    value: Said = Field(default=None, description="it becomes this: a number, or a word")
    add: Number | None = Field(default=None, description="or so much is added to it")
    times: Positive | None = Field(default=None, description="or it is multiplied by this")
    per_week: Number | None = Field(
        default=None, description="or so much is added after each full week from from_day on; what was added stays"
    )
    from_day: Day = Field(default=0, description="first day of the change; 0: from the first dose on")
    until_day: VisitDay | None = Field(
        default=None, description="day on which it is over, and the covariate as without it; none: it lasts"
    )
    share: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=1.0, description="share of those it is for, drawn; the same patients whatever else changes"
    )
    arms: tuple[Identifier, ...] = Field(default=(), description="arms it is for; none: all")
    if_: dict[Identifier, Asked] = Field(
        default={}, alias="if", description="what is asked of covariates at enrolment; all of it must hold"
    )

    @model_serializer
    def _by_key(self) -> dict[str, Any]:
        said = {key: getattr(self, name) for name, key in _keys()}
        return said | {"arms": list(self.arms), "if": {name: asked.model_dump() for name, asked in self.if_.items()}}

    def problems(self) -> Iterator[Problem]:
        given = [way for way in WAYS if getattr(self, way) is not None]
        if len(given) != 1:
            yield (), f"give one of {', '.join(WAYS)}; seen {' and '.join(given) or 'none'}"
        elif (self.add, self.times, self.per_week).count(None) < 3 and getattr(self, given[0]) == (given[0] == "times"):
            yield (given[0],), f"seen {getattr(self, given[0]):g}: changes nothing"
        elif self.value is not None and self.value == self.before:
            yield ("value",), f"seen {self.value}, which is before: changes nothing"
        for key in ("value", "before"):
            yield from (((key,), text) for text in self._unfit(getattr(self, key)))
        for way in ("add", "times", "per_week"):
            if way in given and self.covariate in CATEGORIES:
                yield (
                    (way,),
                    f"{self.covariate} is no number; allowed: value, {' or '.join(CATEGORIES[self.covariate])}",
                )
        if self.until_day is not None and self.until_day <= self.from_day:
            yield ("until_day",), f"seen {self.until_day}, which is not after from_day {self.from_day}"
        yield from twice(self.arms, ("arms",))
        yield from ((("if", *path), text) for path, text in asked_problems(self.if_))

    def _unfit(self, said: float | str | None) -> Iterator[str]:
        """What is wrong with a value of a covariate that all patients have."""
        low, high, unit = LIMITS.get(self.covariate, (-np.inf, np.inf, ""))
        if said is None:
            return
        if self.covariate in CATEGORIES and said not in CATEGORIES[self.covariate]:
            yield f"seen {said!r}; {self.covariate} is {' or '.join(CATEGORIES[self.covariate])}"
        elif self.covariate in LIMITS and (isinstance(said, str) or not low <= said <= high):
            yield f"seen {said!r}; {self.covariate} is a number, {low:g} to {high:g} {unit}"

    def steps(self, last_day: int) -> list[int]:
        """The days before ``last_day`` on which something changes by it."""
        end = last_day if self.until_day is None else min(self.until_day, last_day)
        if self.per_week is not None:
            return list(range(self.from_day + WEEK, end + (self.until_day == end), WEEK))
        return [day for day in (self.from_day, self.until_day) if day is not None and day < last_day]

    def made_of(self, values: NDArray[Any], days: NDArray[np.int64], who: NDArray[np.bool_]) -> NDArray[Any]:
        """What the change makes of ``values`` (n, G) on ``days`` (G,) in the patients ``who`` (n,)."""
        end = np.iinfo(np.int64).max if self.until_day is None else self.until_day
        if self.per_week is not None:
            weeks = np.maximum((np.minimum(days, end) - self.from_day) // WEEK, 0)
            return np.where(who[:, None], values + self.per_week * weeks, values)
        now = who[:, None] & ((days >= self.from_day) & (days < end))
        if self.value is not None:
            return np.where(now, self.value, values)
        return np.where(now, values + self.add if self.times is None else values * self.times, values)

    def __str__(self) -> str:
        """The change in words."""
        first = "" if self.before is None else f" ({_said(self.before)} at enrolment)"
        until = "on" if self.until_day is None else f"until day {self.until_day}"
        return f"{self.covariate}{first}: {self._becomes} from day {self.from_day} {until}{self._whom}"

    @property
    def _becomes(self) -> str:
        for by, each in ((self.add, ""), (self.per_week, " after each week")):
            if by is not None:
                return f"{abs(by):g} {'more' if by > 0 else 'less'}{each}"
        return _said(self.value) if self.times is None else f"times {self.times:g}"

    @property
    def _whom(self) -> str:
        asked = " and ".join(f"{name} {what}" for name, what in self.if_.items())
        if not (self.share < 1 or self.arms or asked):
            return ""
        of = f" of {', '.join(self.arms)}" if self.arms else ""
        return f", in {100 * self.share:g} % of patients{of}{f' with {asked}' if asked else ''}"


def _said(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _keys() -> list[tuple[str, str]]:
    return [(name, field.alias or name) for name, field in CovariateChange.model_fields.items()]


def list_problems(changes: Sequence[CovariateChange]) -> Iterator[Problem]:
    """What is wrong between the changes of a study."""
    before: dict[str, float | str] = {}
    for k, change in enumerate(changes):
        if change.before is not None:
            known = before.setdefault(change.covariate, change.before)
            if known != change.before:
                yield (k, "before"), f"seen {change.before!r}; {change.covariate} is {known!r} in an earlier entry"


def given_before(changes: Sequence[CovariateChange]) -> Mapping[str, float | str]:
    """The covariates of a study's own, and what everybody has at enrolment."""
    return {x.covariate: x.before for x in changes if x.before is not None}
