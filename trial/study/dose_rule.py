"""Dose rules as data: a ladder of doses and the steps that move along it. ``trial.engine.titration`` applies them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from trial.study.protocol import Increasing, NonNegative, Positive, Problem, Record, Whole
from trial.study.texts import Prose


class DoseStep(Record):
    """One line of a dose rule: when the last ``confirm_visits`` reported counts all lie in [at_least, below), do this.

    ``min_days_since_change`` counts from the start of treatment or the last change of dose, in the days that the rule
    counts. "stop" ends the study drug,
    not the study: visits, rescue and chemotherapy go on (ICH E9(R1) tells discontinuing treatment from leaving).
    """

    at_least_1e9L: NonNegative = Field(default=0.0, description="the step applies to reported counts from here on")
    below_1e9L: Annotated[float, Field(strict=True, gt=0)] = Field(default=float("inf"), description="and below here")
    action: Literal["increase", "decrease", "keep", "interrupt", "stop"] = Field(
        description="one rung up, one rung down, same dose, no dose until the restart, or no dose ever again"
    )
    rung: Literal["any", "highest", "lowest"] = Field(
        default="any", description="the step applies only to patients on this rung"
    )
    min_days_since_change: Annotated[Whole, Field(ge=0, le=365)] = Field(
        default=0,
        description="the step applies so long after the start or the last change of dose, counted in day_count: as a "
        "rule planned days, which a visit early in its window does not shorten",
    )
    confirm_visits: Annotated[Whole, Field(ge=1, le=10)] = Field(
        default=1,
        description="reported counts in a row that must agree; a change of dose does not restart the count of visits",
    )

    def problems(self) -> Iterator[Problem]:
        if self.at_least_1e9L >= self.below_1e9L:
            yield ("at_least_1e9L",), f"no count is at least {self.at_least_1e9L:g} and below {self.below_1e9L:g}"


class Restart(Record):
    """After an interruption: restart once the reported count is below this, at the same dose or one level lower."""

    below_1e9L: Positive = Field(description="restart once the reported count is below this")
    level: Literal["same", "lower"] = Field(default="lower", description="restart at the same dose or one rung lower")


class DoseRule(Record):
    """A ladder of doses and the steps that move along it; the first step that applies is taken.

    ``at_floor``: what "decrease" means on the lowest rung ("keep" = same dose, "interrupt" = no dose).
    "increase" on the highest rung keeps the dose. ``day_count``: planned days do not hold back a patient whose visit is
    early in its window; the ledger then shows fewer days between two changes than ``min_days_since_change``.
    """

    ladder_mg: Annotated[tuple[Positive, ...], Field(min_length=1), Increasing] = Field(
        description="the dose levels, lowest first"
    )
    steps: Annotated[tuple[DoseStep, ...], Field(min_length=1)] = Field(
        description="the first step that applies is taken"
    )
    restart: Restart | None = Field(
        default=None, description="how an interruption ends; needed if a step can interrupt"
    )
    at_floor: Literal["keep", "interrupt"] = Field(
        default="keep", description='what "decrease" means on the lowest rung'
    )
    day_count: Literal["planned", "actual"] = Field(
        default="planned",
        description="what min_days_since_change counts: planned days of the visits, or actual days from one change to "
        "the next in the dose ledger",
    )
    source: Prose = Field(description="where the thresholds come from, or that they are assumed")

    def problems(self) -> Iterator[Problem]:
        interrupts = self.at_floor == "interrupt" or any(s.action == "interrupt" for s in self.steps)
        if interrupts and self.restart is None:
            yield (
                ("steps",),
                "a rule that can interrupt needs a restart entry; to end the drug for good use action: stop",
            )
