"""A level of a ladder: a dose and the days on which it is taken, counted from the day on which the level begins."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trial.study.protocol import Identifier, Increasing, NonNegative, Positive, Problem, Record, Whole

WeekDay = Annotated[Whole, Field(ge=0, le=6)]
Status = Literal["read", "assumed"]
RESERVED = ("same", "lower")
"""What a restart calls levels by."""
NUMBERS = ("", "once", "twice", "three times", "four times", "five times", "six times")


class DoseLevel(Record):
    """A dose (mg) on its days: on every one, every so many, or days of the week after the start of the level.

    A plain number in a config is that dose on every day. The first day of a level is day 0 of it, whatever day of the
    study that is, so that a change of level begins its days anew.
    """

    dose_mg: Positive = Field(description="dose on the days of the level; a number in place of these keys is daily")
    every_days: Annotated[Whole, Field(ge=1, le=28)] = Field(
        default=1, description="the dose is taken every so many days, first on the day on which the level begins"
    )
    days_of_week: Annotated[tuple[WeekDay, ...], Increasing] = Field(
        default=(), description="or on these days of each week after the start of the level; 0 is the day it begins"
    )
    otherwise_mg: NonNegative = Field(default=0.0, description="dose on the other days of that week")
    name: Identifier | None = Field(default=None, description="name of the level, for to_level and restart.level")
    status: Status | None = Field(default=None, description="of a library: read in the source, or assumed")

    @model_validator(mode="before")
    @classmethod
    def _daily(cls, data: Any) -> Any:
        number = isinstance(data, int | float) and not isinstance(data, bool)
        return {"dose_mg": data} if number else data

    def problems(self) -> Iterator[Problem]:
        if self.name in RESERVED:
            yield ("name",), f"seen {self.name!r}; a restart calls another level so"
        if self.every_days > 1 and self.days_of_week:
            yield ("every_days",), f"seen {self.every_days} beside days_of_week; give one of the two"
        if self.otherwise_mg and not self.days_of_week:
            yield ("otherwise_mg",), f"seen {self.otherwise_mg:g} without days_of_week: there are no other days"
        elif self.otherwise_mg and len(self.days_of_week) == 7:
            yield ("otherwise_mg",), f"seen {self.otherwise_mg:g}; days_of_week leaves no other day"
        elif isclose(self.otherwise_mg, self.dose_mg):
            yield ("otherwise_mg",), f"seen {self.otherwise_mg:g}, which is dose_mg: give the number alone"

    @property
    def cycle_mg(self) -> tuple[float, ...]:
        """The doses (mg) of the days of one cycle, over and over from the day on which the level begins."""
        if self.days_of_week:
            return tuple(self.dose_mg if day in self.days_of_week else self.otherwise_mg for day in range(7))
        return (self.dose_mg, *[0.0] * (self.every_days - 1))

    @property
    def daily(self) -> bool:
        """Whether the same dose is taken on every day."""
        return len(set(self.cycle_mg)) == 1

    @property
    def weekly_mg(self) -> float:
        """The dose of a week on average (mg)."""
        return 7 * sum(self.cycle_mg) / len(self.cycle_mg)

    @property
    def per_day_mg(self) -> float:
        """The dose of a day on average (mg): of a daily level its dose."""
        return self.dose_mg if self.daily else self.weekly_mg / 7

    @property
    def names(self) -> tuple[str, ...]:
        """What the level may be called: its name, or of a daily one its dose."""
        return tuple(name for name in (self.name, f"{self.dose_mg:g}" if self.daily else None) if name)

    @property
    def interval(self) -> str:
        """The days of the level in words."""
        if self.daily:
            return "daily"
        if not self.days_of_week:
            return "every other day" if self.every_days == 2 else f"every {self.every_days} days"
        often = NUMBERS[len(self.days_of_week)]
        days = ", ".join(map(str, self.days_of_week))
        other = f", {self.otherwise_mg:g} mg on the others" if self.otherwise_mg else ""
        return f"{often} a week (day{'s' if len(self.days_of_week) > 1 else ''} {days} of the level's week{other})"

    def __str__(self) -> str:
        """The level in words: the dose alone where it is daily."""
        return f"{self.dose_mg:g} mg" if self.daily else f"{self.dose_mg:g} mg {self.interval}"


def in_order(levels: tuple[DoseLevel, ...]) -> Iterator[Problem]:
    """Levels whose weekly dose does not increase; names that are given twice."""
    for k in range(1, len(levels)):
        before, level = levels[k - 1 : k + 1]
        if level.weekly_mg <= before.weekly_mg or isclose(level.weekly_mg, before.weekly_mg):
            seen = f"{level} ({level.weekly_mg:.4g} mg a week) comes after {before} ({before.weekly_mg:.4g} mg a week)"
            yield (k,), f"out of order: {seen}; the weekly dose must increase"
    found: dict[str, int] = {}
    for k, level in enumerate(levels):
        if level.name and found.setdefault(level.name, k) != k:
            first = found[level.name]
            yield (k, "name"), f"seen {level.name!r}, which is already the name of level {first}; names must differ"


def level_text(value: Any) -> Any:
    """A level that is named by its daily dose as text, as levels are named."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if number else value
