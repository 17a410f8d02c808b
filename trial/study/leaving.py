"""Leaving the study early: competing reasons, each with a hazard per week or the share who leave for it by the end; for
whom and when the hazard runs; and which of them is death.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, model_validator

from trial.study.protocol import Day, NonNegative, Number, Problem, Problems, Record, VisitDay, Whole
from trial.study.stages import Condition
from trial.study.texts import Line

Share = Annotated[Number, Field(ge=0, lt=1)]


def _form(value: Any) -> str:
    return "per_arm" if isinstance(value, dict) else "all_arms"


Hazard = Annotated[
    Annotated[NonNegative, Tag("all_arms")] | Annotated[dict[str, NonNegative], Tag("per_arm")], Discriminator(_form)
]
ShareByEnd = Annotated[
    Annotated[Share, Tag("all_arms")] | Annotated[dict[str, Share], Tag("per_arm")], Discriminator(_form)
]
MOST = 1e9
"""Hazard per week with which everybody leaves at once."""
TOLD = ("hazard_per_week", "share_by_end", "at_once")


class Change(Record):
    """The hazard from a day on, until the next change."""

    from_day: VisitDay = Field(description="first day on which it holds")
    factor: Annotated[Number, Field(ge=0, le=1000)] = Field(
        description="what the hazard is multiplied by from then on; 0: it does not run"
    )


class AfterEvent(Record):
    """The days from the first simulated adverse event of a kind on."""

    codes: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="codes of tolerability proxies of the study whose rates do not depend on the count"
    )
    days: Annotated[Whole, Field(ge=1, le=3650)] | None = Field(
        default=None, description="so many days from that of the event on, that day included; none: to the end"
    )

    @property
    def in_words(self) -> str:
        """When that is, for a sentence."""
        long = "" if self.days is None else f"for {self.days} day{'' if self.days == 1 else 's'} "
        return f"{long}from the first {' or '.join(self.codes)} on"


class Dropout(Record):
    """A competing reason to leave with a hazard: as such, or as the share of patients who have left for this reason by
    the last planned visit, the other reasons being what they are. One number for all arms or one per arm id. It runs on
    every day, or on those days, in those stages and for those patients that the other keys say, all together.
    """

    reason: Annotated[Line, Field(min_length=1)] = Field(
        description="the reason in the tables, for example adverse event"
    )
    hazard_per_week: Hazard | None = Field(
        default=None, description="one number for all arms, or one per arm id; or else share_by_end"
    )
    share_by_end: ShareByEnd | None = Field(
        default=None,
        description="share of patients who leave for this reason by the last planned visit, in place of a hazard; one "
        "number for all arms, or one per arm id; not of a reason with stages, when or after_adverse_event",
    )
    at_once: bool = Field(
        default=False,
        description="in place of a hazard: everybody leaves on the day on which the report of a count meets when",
    )
    death: bool = Field(default=False, description="the patient has died; deaths are counted apart")
    from_day: Day = Field(default=0, description="first day on which the hazard runs")
    until_day: Day | None = Field(default=None, description="last day on which it runs; none: to the end")
    changes: tuple[Change, ...] = Field(
        default=(), description="what the hazard is multiplied by from some days on; share_by_end keeps the share"
    )
    stages: tuple[Line, ...] = Field(default=(), description="ids of the stages in which it runs; none: in all")
    when: Condition | None = Field(
        default=None,
        description="it runs from a report on that meets this until one that does not; asked at every visit as it is "
        "reported, of the counts of the whole trial; none: whatever the counts",
    )
    after_adverse_event: AfterEvent | None = Field(
        default=None, description="it runs only after a simulated adverse event; none: whatever happens"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_percentage(cls, data: Any) -> Any:
        """A share is not a hazard: "10 %" is answered with the key that takes it."""
        seen = data.get("hazard_per_week") if isinstance(data, dict) else None
        told: dict[tuple[str, ...], Any] = {("hazard_per_week",): seen}
        if isinstance(seen, dict):
            told = {("hazard_per_week", str(arm)): value for arm, value in seen.items()}
        found = [
            (path, f"seen {value!r}, a share of patients, which is no hazard; share_by_end takes {_by_end(value)}")
            for path, value in told.items()
            if isinstance(value, str) and value.strip().endswith("%")
        ]
        if found:
            raise Problems(found)
        return data

    def problems(self) -> Iterator[Problem]:
        if not self.reason.strip():
            yield ("reason",), f"seen {self.reason!r}; allowed: a text"
        given = [name for name in TOLD[:2] if getattr(self, name) is not None] + [TOLD[2]] * self.at_once
        if len(given) != 1:
            which = "neither is given" if not given else "both are given"
            at_once = ", or at_once: true" * bool(self.when)
            yield ("hazard_per_week",), f"give either hazard_per_week or share_by_end{at_once}; {which}"
        yield from self._day_problems()
        asked = [name for name in ("stages", "when", "after_adverse_event") if getattr(self, name)]
        if self.share_by_end is not None and asked:
            seen = f"with {' and '.join(asked)} nobody can tell beforehand who leaves by the end"
            yield ("share_by_end",), f"{seen}; allowed: hazard_per_week"
        if self.at_once and (self.when is None or self.changes or self.after_adverse_event):
            needs = "changes and after_adverse_event go with a hazard" if self.when else "it needs when, a condition"
            yield ("at_once",), f"seen true; {needs}"

    def _day_problems(self) -> Iterator[Problem]:
        """Days that do not follow each other."""
        first, last = self.from_day, self.until_day
        if last is not None and last < first:
            yield ("until_day",), f"seen {last}; the hazard runs from day {first} on; allowed: {first} or later"
        for k, change in enumerate(self.changes):
            if change.from_day <= first or (last is not None and change.from_day > last):
                runs = f"from day {first} on" if last is None else f"on days {first} to {last}"
                yield ("changes", k, "from_day"), f"seen {change.from_day}; the hazard runs {runs}; allowed: later days"
        for k, (one, two) in enumerate(pairwise(self.changes), start=1):
            if two.from_day <= one.from_day:
                yield ("changes", k, "from_day"), f"seen {two.from_day} after {one.from_day}; the days must increase"

    @property
    def always(self) -> bool:
        """Whether the hazard is the same on all days and for all patients of an arm."""
        return not (self.conditional or self.from_day or self.until_day is not None or self.changes)

    @property
    def conditional(self) -> bool:
        """Whether it depends on what happens to the patient, so that only the course of the trial tells who leaves."""
        return bool(self.stages or self.when or self.after_adverse_event)

    @property
    def limits(self) -> str:
        """When and for whom the hazard runs, for a sentence; "" where it does on every day and for all."""
        first, last = self.from_day, self.until_day
        parts = [f"from day {first} on" if last is None else f"on days {first} to {last}"] * (
            first > 0 or last is not None
        )
        parts += [f"times {change.factor:g} from day {change.from_day} on" for change in self.changes]
        parts += [f"in {' and '.join(self.stages)}"] * bool(self.stages)
        parts += [f"{'once' if self.at_once else 'while'} {self.when.in_words}"] if self.when else []
        parts += [f"{self.after_adverse_event.in_words}"] if self.after_adverse_event else []
        return ", ".join(parts)

    def factors(self, days: int) -> NDArray[np.float64]:
        """What the hazard is multiplied by on days 0 to ``days`` - 1; 0 on those on which it does not run."""
        factor = np.ones(days)
        for change in self.changes:
            factor[change.from_day :] = change.factor
        factor[: self.from_day] = 0.0
        if self.until_day is not None:
            factor[self.until_day + 1 :] = 0.0
        return factor

    def of_arm(self, name: str, arm: str) -> float:
        """``hazard_per_week`` or ``share_by_end`` of one arm; 0 where it is not given. A larger hazard than MOST is as
        soon as that.
        """
        value = getattr(self, name)
        return min(float((value.get(arm, 0.0) if isinstance(value, dict) else value) or 0.0), MOST)

    def as_of_arm(self, arm: str, others: Sequence[str]) -> Dropout:
        """The same where everybody leaves as those of one arm do."""
        alike = {
            name: dict.fromkeys(others, value[arm])
            for name in ("hazard_per_week", "share_by_end")
            if isinstance(value := getattr(self, name), dict)
        }
        return self.model_copy(update=alike)


def _by_end(text: str) -> str:
    """What ``share_by_end`` takes, and a percentage as it takes it."""
    taken = "the share who leave by the end"
    try:
        return f"{taken}; did you mean share_by_end: {float(text.strip()[:-1].replace(',', '.')) / 100:g}?"
    except ValueError:
        return taken
