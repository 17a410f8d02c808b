"""What is asked of the response by exposure in the report, and the fixed levels on which its true curve stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from trial.study.arms import Arm
from trial.study.dose_level import DoseLevel
from trial.study.dose_rule import DoseRule
from trial.study.protocol import Record, Whole


class ExposureResponse(Record):
    """Response by exposure as the trial shows it, beside the true curve of fixed doses, which is simulated for it."""

    endpoint: str | None = Field(default=None, description="id of a yes or no endpoint; none: the primary")
    replicates: Annotated[Whole, Field(ge=1, le=10000)] = Field(
        default=20, description="replicates, at most those of the study; each is simulated again on every fixed level"
    )


def levels_of(arms: Sequence[Arm], rules: Mapping[str, DoseRule]) -> tuple[DoseLevel, ...]:
    """The levels on which everybody is put beside no drug, least a day first: the doses of arms without a dose rule,
    and every level, with its days, of the rules of the others.
    """
    found: dict[DoseLevel, None] = {}
    for arm in arms:
        if not arm.placebo:
            fixed = tuple(DoseLevel(dose_mg=dose) for dose in arm.start_doses_mg if dose > 0)
            levels = rules[arm.dose_rule].levels if arm.dose_rule else fixed
            found |= dict.fromkeys(map(_plain, levels))
    return tuple(sorted(found, key=lambda level: level.per_day_mg))


def _plain(level: DoseLevel) -> DoseLevel:
    """A level by its doses alone."""
    if level.daily:
        return DoseLevel(dose_mg=level.dose_mg)
    return level.model_copy(update={"name": None, "status": None})


def lacking_for_curves(staged: bool, own_schedule: bool, arms: Sequence[Arm], rules: Mapping[str, DoseRule]) -> str:
    """Why there is no curve of fixed doses; "" where there is one."""
    if staged or own_schedule:
        return "of studies with stages or a schedule of their own there is no curve of fixed doses"
    many = len(levels_of(arms, rules))
    return f"seen {many} dose beside none; allowed: two or more" if many < 2 else ""


def by_exposure(said: ExposureResponse, primary: str, replicates: int, levels: Sequence[DoseLevel]) -> Iterator[str]:
    """What is asked, and what it costs, as ``vtrial check`` says it."""
    many = min(said.replicates, replicates)
    yield (
        f"exposure response: {said.endpoint or primary} by what patients reached, beside the true curve of "
        f"{', '.join(map(str, levels))} and no drug, for which {many} replicates are simulated {len(levels) + 2} times "
        "more"
    )
