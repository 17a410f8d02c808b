"""Chemotherapy as data: its cycles, what they wait for, and when their doses are lowered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from trial.study.arms import Arm
from trial.study.protocol import Day, DrugDay, Increasing, Number, Positive, Problem, Record, VisitDay, Whole


class ChemotherapyDose(Record):
    """One dose of a cycle; the intensity is what the structure of the parameter set multiplies its kill with."""

    day: Annotated[Whole, Field(ge=0, le=364)] = Field(description="day inside the cycle; 0 is its first day")
    intensity: Annotated[Number, Field(gt=0, le=10)] = Field(default=1.0, description="1 is a full dose")


class ChemotherapyStart(Record):
    """Cycle 1 waits for platelets: it begins on the day on which a visit's count is reported to be high enough."""

    at_least_1e9L: Positive = Field(description="cycle 1 begins once a visit after day 0 reports a count at least this")
    latest_day: VisitDay = Field(description="last planned visit that may start it; later ones do not: no chemotherapy")


class DoseReduction(Record):
    """A cycle that was delayed, or a count that was too low in the one before, lowers the doses from then on."""

    factor: Annotated[Number, Field(gt=0, lt=1)] = Field(description="what the doses of this and later cycles become")
    delayed_days: Annotated[Whole, Field(ge=1, le=365)] | None = Field(
        default=None, description="the cycle begins so many days late or more"
    )
    below_1e9L: Positive | None = Field(
        default=None, description="or a count below this was reported since the cycle before began"
    )

    def problems(self) -> Iterator[Problem]:
        if self.delayed_days is None and self.below_1e9L is None:
            yield (), "nothing lowers a dose; give delayed_days, below_1e9L or both"


class NextCycle(Record):
    """Cycle 2 and later wait for platelets too: each begins at a visit that reports enough of them."""

    at_least_1e9L: Positive = Field(description="a cycle begins once a visit reports a count at least this")
    early_days: Annotated[Whole, Field(ge=0, le=28)] = Field(
        default=3, description="a count reported up to so many days before its planned first day decides it too"
    )
    latest_days: Annotated[Whole, Field(ge=0, le=365)] = Field(
        default=28, description="after a longer delay than this there are no more cycles"
    )
    reduction: DoseReduction | None = Field(default=None, description="when doses are lowered; none: never")


class Chemotherapy(Record):
    """Cycles of chemotherapy, in every arm alike, until a patient leaves; on schedule unless ``next_cycle`` waits."""

    first_day: Day = Field(default=0, description="day of the first dose of cycle 1; with start the earliest such day")
    cycle_days: Annotated[Whole, Field(ge=1, le=365)] = Field(description="from one cycle's first day to the next")
    cycles: Annotated[Whole, Field(ge=1, le=100)] = Field(description="how many cycles")
    doses: Annotated[tuple[ChemotherapyDose, ...], Field(min_length=1)] = Field(description="doses of each cycle")
    start: ChemotherapyStart | None = Field(
        default=None, description="cycle 1 waits for platelets; none: it begins on first_day"
    )
    next_cycle: NextCycle | None = Field(
        default=None, description="later cycles wait for platelets; none: they begin on schedule, whatever the count"
    )
    between_cycles_cv: Annotated[Number, Field(ge=0, le=2)] = Field(
        default=0.0,
        description="coefficient of variation of the kill between a patient's cycles, log-normal; assumed",
    )
    accumulates: Annotated[Number, Field(ge=0, le=2)] = Field(
        default=0.0, description="by what share each cycle kills more than the one before; assumed"
    )
    drug_days: Annotated[tuple[DrugDay, ...], Increasing] = Field(
        default=(),
        description="days from each cycle's first day on which the study drug is taken, before it negative; "
        "none: every treatment day",
    )

    @property
    def days_of_drug(self) -> tuple[int, ...]:
        """``drug_days`` of all cycles, counted from the first day of cycle 1; empty: every day."""
        return tuple(cycle * self.cycle_days + day for cycle in range(self.cycles) for day in self.drug_days)

    def problems(self) -> Iterator[Problem]:
        days = [dose.day for dose in self.doses]
        for k, day in enumerate(days):
            if day >= self.cycle_days:
                yield ("doses", k, "day"), f"seen {day}; a cycle has days 0 to {self.cycle_days - 1}"
            elif k and day <= days[k - 1]:
                yield ("doses", k, "day"), f"out of order: {day} comes after {days[k - 1]}; the days must increase"
        if self.next_cycle and self.cycles == 1:
            yield ("next_cycle",), "there is one cycle, and none that could wait"
        if self.accumulates and self.cycles == 1:
            yield ("accumulates",), f"seen {self.accumulates:g}; there is one cycle"
        if self.start and self.start.latest_day < self.first_day:
            seen = f"seen {self.start.latest_day}; cycle 1 begins on day {self.first_day} at the earliest"
            yield ("start", "latest_day"), f"{seen}; allowed: {self.first_day} or later"


def chemotherapy_problems(
    chemotherapy: Chemotherapy | None, arms: Sequence[Arm], visits: Sequence[int], treatment_days: int
) -> Iterator[Problem]:
    """Chemotherapy that nobody would get, a study drug that nobody would take, an arm that waits for none."""
    if chemotherapy is None:
        for k, arm in enumerate(arms):
            if arm.until_chemotherapy:
                yield ("arms", k, "until_chemotherapy"), "seen true; the study has no chemotherapy"
        return
    last = visits[-1]
    if chemotherapy.first_day >= last:
        seen = f"seen {chemotherapy.first_day}; the study ends at the last visit, on day {last}"
        yield ("chemotherapy", "first_day"), f"{seen}; allowed: 0 to {last - 1}"
    if chemotherapy.start and chemotherapy.start.latest_day < visits[0]:
        seen = f"seen {chemotherapy.start.latest_day}; the first visit that can start it is on day"
        yield ("chemotherapy", "start", "latest_day"), f"{seen} {visits[0]}; allowed: that or later"
    treated = [0 <= chemotherapy.first_day + day < treatment_days for day in chemotherapy.days_of_drug]
    if treated and not any(treated) and not chemotherapy.start:
        yield ("chemotherapy", "drug_days"), f"none of them falls on days 0 to {treatment_days - 1} of treatment"
