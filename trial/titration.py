"""Dose rules as data, and the one function that applies them to what the laboratory reports."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trial.protocol import NonNegative, Positive, Record


class DoseStep(Record):
    """One line of a dose rule: when the last ``confirm_visits`` reported counts all lie in [at_least, below), do this.

    ``min_days_since_change`` counts from the start of treatment or the last change of dose.
    """

    at_least_1e9L: NonNegative = 0.0
    below_1e9L: Annotated[float, Field(gt=0)] = float("inf")
    action: Literal["increase", "decrease", "keep", "interrupt"]
    min_days_since_change: Annotated[int, Field(ge=0, le=365)] = 0
    confirm_visits: Annotated[int, Field(ge=1, le=10)] = 1

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.at_least_1e9L >= self.below_1e9L:
            raise ValueError(f"the range [{self.at_least_1e9L}, {self.below_1e9L}) is empty")
        return self


class Restart(Record):
    """After an interruption: restart once the reported count is below this, at the same dose or one level lower."""

    below_1e9L: Positive
    level: Literal["same", "lower"] = "lower"


class DoseRule(Record):
    """A ladder of doses and the steps that move along it; the first step that applies is taken.

    ``at_floor``: what "decrease" means on the lowest rung ("keep" = same dose, "interrupt" = no dose).
    "increase" on the highest rung keeps the dose.
    """

    ladder_mg: Annotated[tuple[Positive, ...], Field(min_length=1)]
    steps: Annotated[tuple[DoseStep, ...], Field(min_length=1)]
    restart: Restart | None = None
    at_floor: Literal["keep", "interrupt"] = "keep"
    source: str = Field(..., description="where the thresholds come from, or that they are assumed")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(b <= a for a, b in pairwise(self.ladder_mg)):
            raise ValueError(f"ladder_mg must increase strictly, seen {list(self.ladder_mg)}")
        interrupts = self.at_floor == "interrupt" or any(s.action == "interrupt" for s in self.steps)
        if interrupts and self.restart is None:
            raise ValueError("a rule that can interrupt needs a restart entry, or the patient never gets drug again")
        return self
