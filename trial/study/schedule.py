"""When patients come: planned visits, one by one or as a series, their windows, and how often one is missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from trial.study.protocol import Increasing, Probability, Problem, Problems, Record, VisitDay, Whole
from trial.study.slips import number_meant

SERIES = ("every", "from", "to")
LAST_DAY = 3650


def _either(schema: dict[str, Any]) -> None:
    """In JSON Schema, which does not know that a series is spelt out: days are needed, or a series."""
    schema["anyOf"] = [{"required": ["days"]}, {"required": ["every", "to"]}]
    del schema["required"]


class Visits(Record):
    """Planned visits as whole days after the first dose (day 0). A visit is read before that day's dose.

    A series (``every``, ``from``, ``to``) is spelt out as ``days`` when the record is made, after those given.
    """

    model_config = ConfigDict(json_schema_extra=_either)

    days: Annotated[tuple[VisitDay, ...], Field(min_length=1), Increasing] = Field(
        description="planned visits after the first dose, which is on day 0; or a series: every, from and to"
    )
    window_days: Annotated[Whole, Field(ge=0, le=14)] = Field(
        default=0, description="a visit takes place up to so many days early or late, each day equally likely"
    )
    missed_probability: Probability = Field(default=0.0, description="probability that a visit does not take place")
    every: VisitDay | None = Field(
        default=None, exclude=True, description="a series of visits so many days apart, after those of days"
    )
    from_: VisitDay | None = Field(
        default=None, alias="from", exclude=True, description="first day of the series; none: one step after the last"
    )
    to: VisitDay | None = Field(default=None, exclude=True, description="last day of the series")

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        series = {key: data[key] for key in SERIES if data.get(key) is not None}
        rest = {key: value for key, value in data.items() if key not in SERIES}
        if not series:
            return rest
        listed = rest.get("days") or ()
        if not isinstance(listed, list | tuple) or not all(_is_day(day) for day in listed):
            return rest
        found = list(_series_problems(series, tuple(listed)))
        if found:
            raise Problems(found)
        start = series.get("from", series["every"] + (listed[-1] if listed else 0))
        return rest | {"days": (*listed, *range(start, series["to"] + 1, series["every"]))}

    @property
    def nearest(self) -> int:
        """How few days may lie between two visits, day 0 among them."""
        return min(b - a for a, b in pairwise((0, *self.days))) - 2 * self.window_days

    def problems(self) -> Iterator[Problem]:
        gap = min(b - a for a, b in pairwise((0, *self.days)))
        widest = (gap - 1) // 2
        if self.window_days > widest:
            seen = f"seen {self.window_days}: visits {gap} days apart could change order"
            yield ("window_days",), f"{seen}; allowed: {f'0 to {widest}' if widest else 0}"


def _is_day(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LAST_DAY


def _series_problems(series: Mapping[str, Any], listed: tuple[int, ...]) -> Iterator[Problem]:
    """What is wrong with a series: a part that is missing or no day, a wrong order, an end that it does not hit."""
    for key in ("every", "to"):
        if key not in series:
            yield (key,), f"a series of visits needs every and to, as in every: 14, from: 56, to: 168; {key} is missing"
    for key, seen in series.items():
        if not _is_day(seen):
            meant = number_meant(seen, "days", whole=True)
            yield (key,), f"seen {seen!r}; allowed: a plain whole number in days, 1 to {LAST_DAY}{meant}"
    if not {"every", "to"} <= set(series) or not all(_is_day(day) for day in series.values()):
        return
    step, last = series["every"], listed[-1] if listed else 0
    start, end = series.get("from", step + last), series["to"]
    if start <= last:
        yield (
            ("from",),
            f"seen {start}; days goes on to {last}, and the series comes after it; allowed: {last + 1} or later, "
            "or days: null for the series alone",
        )
    elif end < start:
        yield ("to",), f"seen {end}; the series begins on day {start}; allowed: that or later"
    elif (end - start) % step:
        before = end - (end - start) % step
        yield ("to",), f"seen {end}; visits every {step} days from day {start} fall on {before} and {before + step}"
