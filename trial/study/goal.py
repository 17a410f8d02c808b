"""What a goal file can say: which keys of a study are searched, for what, within which limits, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from trial.study.load import Check, load_record
from trial.study.protocol import Identifier, Number, Positive, Problem, Record, Whole, twice

MOST_CHOICES = 200
"""Values of one key."""
KeyPath = Annotated[str, Field(min_length=1, max_length=200)]


class SearchedKey(Record):
    """A key of the study and the values it may take: a range, or choices."""

    key: KeyPath = Field(description="key of the study by its path, as dose_rules.titration.steps.1.at_least_1e9L")
    also: tuple[KeyPath, ...] = Field(
        default=(), description="further keys that always take the same value, as the other side of a threshold"
    )
    low: Number | None = Field(default=None, description="of a range: the smallest value")
    high: Number | None = Field(default=None, description="of a range: the largest value")
    step: Positive | None = Field(default=None, description="of a range: values lie so far apart; none: any number")
    choices: tuple[Any, ...] = Field(default=(), description="or the values themselves, lists too")

    def problems(self) -> Iterator[Problem]:
        ranged = (self.low, self.high)
        if self.choices:
            if ranged != (None, None) or self.step is not None:
                yield (), "seen choices and a range; give one of them"
            if not 2 <= len(self.choices) <= MOST_CHOICES:
                yield ("choices",), f"seen {len(self.choices)} values; allowed: 2 to {MOST_CHOICES}"
            yield from twice(self.choices, ("choices",))
        elif None in ranged:
            yield (), "give low and high, or choices"
        elif self.high <= self.low:  # type: ignore[operator]
            yield ("high",), f"seen {self.high:g}, which is not above low {self.low:g}"
        elif self.step is not None and self._off(self.step):
            yield ("step",), f"seen {self.step:g}; high must be low and a whole number of steps"
        yield from twice((self.key, *self.also), ())

    def _off(self, step: float) -> bool:
        assert self.low is not None and self.high is not None
        steps = (self.high - self.low) / step
        return steps < 1 or abs(steps - round(steps)) > 1e-9

    @property
    def whole(self) -> bool:
        """Whether the range is of whole numbers."""
        return all(value is not None and float(value).is_integer() for value in (self.low, self.high, self.step))


class Objective(Record):
    """A result in one arm that is to be high or low."""

    endpoint: Identifier = Field(description="an endpoint of the study, or VISITS: visits per patient with a count")
    arm: Identifier = Field(description="an arm of the study")
    aim: Literal["max", "min"] = Field(description="max: as high as can be; min: as low as can be")

    @property
    def name(self) -> str:
        """Endpoint and arm."""
        return f"{self.endpoint}|{self.arm}"


class ResultLimit(Record):
    """A result in one arm that must keep to a limit; a rate in percent."""

    endpoint: Identifier = Field(description="an endpoint of the study, or VISITS")
    arm: Identifier = Field(description="an arm of the study")
    at_least: Number | None = Field(default=None, description="the result is no lower; of a rate in percent")
    at_most: Number | None = Field(default=None, description="the result is no higher; of a rate in percent")

    def problems(self) -> Iterator[Problem]:
        if self.at_least is None and self.at_most is None:
            yield (), "give at_least or at_most"
        elif self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield ("at_most",), f"seen {self.at_most:g}, which is below at_least {self.at_least:g}"

    @property
    def name(self) -> str:
        """Endpoint and arm."""
        return f"{self.endpoint}|{self.arm}"

    def excess(self, value: float) -> float:
        """By how much a value breaks the limit; 0 or less where it keeps to it."""
        over = [value - self.at_most] if self.at_most is not None else []
        under = [self.at_least - value] if self.at_least is not None else []
        return max(*over, *under) if over and under else (over or under)[0]

    def __str__(self) -> str:
        """The limit in words."""
        low = [f"at least {self.at_least:g}"] if self.at_least is not None else []
        return f"{self.endpoint} in {self.arm} {' and '.join([*low, *self._most])}"

    @property
    def _most(self) -> list[str]:
        return [f"at most {self.at_most:g}"] if self.at_most is not None else []


class Confirmation(Record):
    """The candidates on the front are simulated again with another seed: the winner of a search is lucky."""

    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(description="seed of the new draws; not that of the study")
    replicates: Annotated[Whole, Field(ge=2, le=10_000)] = Field(description="replicates of each candidate")
    most: Annotated[Whole, Field(ge=1, le=100)] = Field(
        default=8, description="candidates, at most, evenly along the front"
    )


class Goal(Record):
    """A search over keys of a study."""

    id: Identifier = Field(description="name of the search")
    study: str = Field(description="the study as YAML, relative to this file; as it stands it is the published rule")
    keys: Annotated[tuple[SearchedKey, ...], Field(min_length=1, max_length=50)] = Field(description="what is searched")
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)] = Field(description="what for")
    limits: tuple[ResultLimit, ...] = Field(default=(), description="what a candidate must keep to")
    points: Annotated[Whole, Field(ge=1, le=100_000)] = Field(description="points that are tried: the budget")
    batch: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=10, description="points asked for at a time, of NSGA-II a generation; more workers change nothing"
    )
    replicates: Annotated[Whole, Field(ge=2, le=10_000)] = Field(description="replicates of each point")
    seed: Annotated[Whole, Field(ge=0, lt=2**32)] = Field(description="of the search; the draws are the study's")
    sampler: Literal["nsga2", "tpe"] = Field(default="nsga2", description="NSGA-II or TPE of optuna")
    confirm: Confirmation = Field(description="the candidates again, with new draws")

    def problems(self) -> Iterator[Problem]:
        yield from twice([one.name for one in self.objectives], ("objectives",))
        yield from twice([one.name for one in self.limits], ("limits",))
        paths = [(k, path) for k, one in enumerate(self.keys) for path in (one.key, *one.also)]
        for place, (k, path) in enumerate(paths):
            before = [other for j, other in paths[:place] if other == path and j != k]
            if before:
                yield ("keys", k), f"seen {path}, which is searched already; each key once"


def load_goal(path: Path, check: Check = lambda data: ()) -> Goal:
    """The goal of a YAML file, its study as a path. Raises ConfigError with every problem found."""
    goal = load_record(path, Goal, check)
    return goal.model_copy(update={"study": str(path.parent / goal.study)})
