"""What a design may say of assurance: what is not known, how many draws of it, which results may be seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from trial.study.protocol import Identifier, Positive, Probability, Problem, Record, Whole, not_among, twice
from trial.study.texts import Line

KeyOfStudy = Annotated[str, Field(min_length=1, max_length=200)]
FEWEST = 200
"""Patients of a draw, at least, where nothing is said."""


class Behaviour(Record):
    """A key of the study that is not known: how patients take doses, leave, eat."""

    key: KeyOfStudy = Field(description="key of the study by its path, a number above 0, as adherence.mean")
    also: tuple[KeyOfStudy, ...] = Field(default=(), description="further keys that are moved by the same factor")
    scale: Literal["log", "logit"] = Field(
        description="the number is log-normal about that of the study; logit: a share, its log odds are normal"
    )
    sd: Annotated[Positive, Field(le=3)] = Field(description="SD on that scale: the width of the prior")
    reason: Line = Field(description="where the width comes from")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that is moved."""
        return (self.key, *self.also)


class ArmResult(Record):
    """What is seen in an arm."""

    arm: str = Field(description="an arm of the design")
    events: Annotated[Whole, Field(ge=0)] = Field(description="patients with the endpoint")
    patients: Annotated[Whole, Field(ge=1)] = Field(description="patients whose endpoint is known")

    def problems(self) -> Iterator[Problem]:
        if self.events > self.patients:
            yield ("events",), f"seen {self.events} of {self.patients} patients; allowed: at most all of them"


class SeenResult(Record):
    """A result of a trial of these arms that may be seen, or was."""

    id: Identifier = Field(description="name of the result")
    arms: Annotated[tuple[ArmResult, ...], Field(min_length=1)] = Field(description="arms that were seen")

    def problems(self) -> Iterator[Problem]:
        yield from twice([one.arm for one in self.arms], ("arms",))


class AssurancePlan(Record):
    """Power over what is not known."""

    parameters: Literal["none", "fitted", "all"] = Field(
        default="all",
        description="numbers of the parameter set that are drawn: fitted ones by their standard errors, assumed ones "
        "by their priors too",
    )
    structures: Literal["own", "both"] = Field(
        default="own", description="both: also the set that stands in for that of the study in the other structure"
    )
    behaviour: tuple[Behaviour, ...] = Field(default=(), description="keys of the study that are not known")
    draws: Annotated[Whole, Field(ge=10, le=10_000)] = Field(default=100, description="draws of what is not known")
    patients: Annotated[Whole, Field(ge=50, le=100_000)] | None = Field(
        default=None,
        description=f"patients of the small pool of a draw; none: twice the largest trial, {FEWEST} or more",
    )
    trials: Annotated[Whole, Field(ge=20, le=100_000)] = Field(
        default=200, description="trials of each size in each small pool"
    )
    target: Probability = Field(default=0.8, description="power whose chance is told")
    given: tuple[SeenResult, ...] = Field(
        default=(), description="results of this trial: assurance of the next one, were they seen"
    )

    def of_a_draw(self, largest: float) -> int:
        """Patients of the small pool of a draw, under every arm."""
        return self.patients or max(FEWEST, int(-(-2 * largest // 1)))

    def problems(self) -> Iterator[Problem]:
        if self.parameters == "none" and self.structures == "own" and not self.behaviour:
            yield (), "nothing is left open; give parameters, structures: both or behaviour"
        yield from twice([one.id for one in self.given], ("given",))
        paths = [(k, path) for k, one in enumerate(self.behaviour) for path in one.keys]
        for place, (k, path) in enumerate(paths):
            if path in [other for _, other in paths[:place]]:
                yield ("behaviour", k), f"seen {path}, which is moved already; each key once"


def unfit_assurance(plan: AssurancePlan, arms: tuple[str, ...], largest: float) -> Iterator[Problem]:
    """What does not go with the arms of the design and its largest trial."""
    if plan.patients is not None and plan.patients < largest:
        yield ("patients",), f"seen {plan.patients}; allowed: {largest:g} or more, the patients of the largest trial"
    for k, one in enumerate(plan.given):
        for j, seen in enumerate(one.arms):
            if seen.arm not in arms:
                yield ("given", k, "arms", j, "arm"), not_among(seen.arm, arms, "an arm of the design")
