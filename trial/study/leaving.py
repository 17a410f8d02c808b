"""Leaving the study early: competing reasons, each with a hazard per week or the share who leave for it by the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from trial.study.protocol import NonNegative, Number, Problem, Problems, Record, not_among
from trial.study.texts import Line

Share = Annotated[Number, Field(ge=0, lt=1)]
DAYS = 7.0


def _form(value: Any) -> str:
    return "per_arm" if isinstance(value, dict) else "all_arms"


Hazard = Annotated[
    Annotated[NonNegative, Tag("all_arms")] | Annotated[dict[str, NonNegative], Tag("per_arm")], Discriminator(_form)
]
ShareByEnd = Annotated[
    Annotated[Share, Tag("all_arms")] | Annotated[dict[str, Share], Tag("per_arm")], Discriminator(_form)
]


class Dropout(Record):
    """A competing reason to leave with a constant hazard: as such, or as the share of patients who have left for this
    reason by the last planned visit, the other reasons being what they are. One number for all arms or one per arm id.
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
        "number for all arms, or one per arm id",
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
        if (self.hazard_per_week is None) == (self.share_by_end is None):
            which = "neither is given" if self.share_by_end is None else "both are given"
            yield ("hazard_per_week",), f"give either hazard_per_week or share_by_end; {which}"

    def of_arm(self, name: str, arm: str) -> float:
        """``hazard_per_week`` or ``share_by_end`` of one arm; 0 where it is not given."""
        value = getattr(self, name)
        return float((value.get(arm, 0.0) if isinstance(value, dict) else value) or 0.0)

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


def shares(dropout: Sequence[Dropout], arm: str) -> tuple[float, ...]:
    """Share of an arm that leaves for each reason by the end, 0 of a reason that is told as a hazard."""
    return tuple(item.of_arm("share_by_end", arm) for item in dropout)


def hazards(dropout: Sequence[Dropout], arm: str, days: int) -> tuple[float, ...]:
    """Hazard per week of every reason in an arm of a study of so many ``days``.

    With the sum H of all hazards the share who leave for a reason by the end T is (h / H) (1 - exp(-H T)); H follows
    from the hazards that are given and the sum of the shares, which must stay below 1.
    """
    told, by_end = [item.of_arm("hazard_per_week", arm) for item in dropout], shares(dropout, arm)
    factor = _hazard_of_a_share(sum(told), sum(by_end), days / DAYS) if any(by_end) else 0.0
    return tuple(hazard + share * factor for hazard, share in zip(told, by_end, strict=True))


def _hazard_of_a_share(given: float, leaving: float, weeks: float) -> float:
    """H / (1 - exp(-H T)): what a share is multiplied with to be a hazard; H is the sum of all hazards per week.

    ``given``: sum of the hazards that are told, ``leaving``: sum of the shares; H is the first plus the second times
    this.
    """
    from scipy.optimize import brentq

    def factor(total: float) -> float:
        return float(total / -np.expm1(-total * weeks))

    least = -np.log1p(-leaving) / weeks
    most = least + given
    while most - leaving * factor(most) < given:
        most *= 2.0
    if given == 0:
        return factor(least)
    return factor(brentq(lambda total: total - leaving * factor(total) - given, least, most, xtol=1e-15, rtol=1e-14))


def completing(dropout: Sequence[Dropout], arm: str, days: int) -> float:
    """Share of an arm that is expected to stay to the last planned visit."""
    return float(np.exp(-sum(hazards(dropout, arm, days)) * days / DAYS))


def dropout_problems(dropout: Sequence[Dropout], arms: Sequence[str]) -> Iterator[Problem]:
    """A reason twice, which would be one clock; arms that are not named; more leaving than there are."""
    reasons = [item.reason for item in dropout]
    for k, item in enumerate(dropout):
        first = reasons.index(item.reason)
        if first < k:
            seen = f"seen {item.reason!r}, which is already the reason of dropout.{first}"
            yield ("dropout", k, "reason"), f"{seen}; reasons must differ"
        for name in ("hazard_per_week", "share_by_end"):
            if isinstance(by_arm := getattr(item, name), dict):
                yield from _by_arm_problems(("dropout", k, name), list(by_arm), arms)
    for arm in arms:
        total = sum(shares(dropout, arm))
        if total >= 1:
            yield ("dropout",), f"the shares by the end of arm {arm} sum to {total:g}; allowed: less than 1"
            break


def _by_arm_problems(path: tuple[str | int, ...], named: Sequence[str], arms: Sequence[str]) -> Iterator[Problem]:
    for name in named:
        if name not in arms:
            yield (*path, name), not_among(name, arms, "the id of an arm")
    missing = [name for name in arms if name not in named]
    if missing:
        what = "share" if path[-1] == "share_by_end" else "hazard"
        yield path, f"no {what} for {', '.join(missing)}; give one number for all arms or one for each arm"
