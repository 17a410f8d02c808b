"""What is asked of the response by dose: candidate shapes with their guesses, level, choice of a model, target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from trial.study.arms import Arm
from trial.study.protocol import Number, Positive, Problem, Record, twice

GUESSES = {
    "linear": (),
    "log_linear": ("offset",),
    "quadratic": ("delta",),
    "exponential": ("delta",),
    "emax": ("ed50",),
    "sigmoid_emax": ("ed50", "hill"),
    "logistic": ("ed50", "delta"),
}
"""The guesses that each shape needs."""
NAMES = ("ed50", "hill", "delta", "offset")
NUMBERS = {"linear": 2, "log_linear": 2, "sigmoid_emax": 4, "logistic": 4}
"""How many numbers a curve of a shape has; of the others 3."""
FEWEST_DOSES = 3
BIAS = (
    "doses are the randomised start doses, which the dose rule moves: arms grow alike, so that the curve is flatter "
    "than that of fixed doses"
)
"""What is said wherever titrated arms are taken by their start doses."""


Guess = Annotated[Number, Field(ge=1e-6, le=1e6)]


class CandidateShape(Record):
    """A shape that the response by dose may have, with guesses of what it has beside its place and scale."""

    shape: Literal["linear", "log_linear", "quadratic", "exponential", "emax", "sigmoid_emax", "logistic"] = Field(
        description="the shape; its guesses are needed, others are refused"
    )
    ed50: Guess | None = Field(default=None, description="dose of half the largest effect, mg: emax, logistic")
    hill: Guess | None = Field(default=None, description="steepness of sigmoid_emax")
    delta: Annotated[Number, Field(ge=-1e6, le=1e6)] | None = Field(
        default=None,
        description="of quadratic: factor of the squared dose, below 0 for an umbrella, 1/mg; of exponential and "
        "logistic: how slowly it bends, mg",
    )
    offset: Guess | None = Field(default=None, description="of log_linear: what is added to the dose, mg")

    def problems(self) -> Iterator[Problem]:
        needed = GUESSES[self.shape]
        for name in NAMES:
            given = getattr(self, name)
            if name in needed and given is None:
                yield (name,), f"needed for shape: {self.shape}"
            elif name not in needed and given is not None:
                yield (name,), f"seen {given:g}, but shape: {self.shape} has {' and '.join(needed) or 'no guesses'}"
        if self.shape in ("exponential", "logistic") and self.delta is not None and self.delta <= 0:
            yield ("delta",), f"seen {self.delta:g}; allowed: above 0 for shape: {self.shape}"

    @property
    def name(self) -> str:
        """What tells it from others: the shape and its guesses."""
        said = [f"{name} {getattr(self, name):g}" for name in GUESSES[self.shape]]
        return f"{self.shape} ({', '.join(said)})" if said else self.shape


class DoseResponse(Record):
    """Test and model of the response by dose, by MCP-Mod."""

    endpoint: str | None = Field(default=None, description="id of the endpoint; none: the primary")
    shapes: Annotated[tuple[CandidateShape, ...], Field(min_length=1, max_length=10)] = Field(
        description="candidate shapes"
    )
    level: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.025, description="one-sided level of the test of all shapes together"
    )
    select: Literal["aic", "largest_t"] = Field(
        default="aic", description="the model among the shapes with a signal: least generalised AIC, or largest t"
    )
    target: Positive | None = Field(
        default=None,
        description="effect over no drug whose dose is sought: percentage points of a yes or no, else the unit of the "
        "endpoint; needs an arm at dose 0; none: no dose is sought",
    )
    titrated: Literal["refused", "start_dose"] = Field(
        default="refused",
        description="arms with a dose rule are no doses and refused, or taken by their randomised start dose, which "
        "flattens the curve",
    )


def dose_response_problems(
    said: DoseResponse | None, arms: Sequence[Arm], paired: bool, scheduled: bool = False
) -> Iterator[Problem]:
    """What ``dose_response`` asks for and this study does not have; paths inside ``analysis``."""
    if said is None:
        return
    at = "dose_response"
    yield from twice([one.name for one in said.shapes], (at, "shapes"), str)
    if scheduled:
        yield (at,), "no effect: the schedule says who takes what, so that arms are no doses"
        return
    if paired:
        yield (at,), "no effect: every patient is in every arm, and the doses here are of separate groups"
        return
    titrated = [arm.id for arm in arms if arm.dose_rule is not None]
    if titrated and said.titrated == "refused":
        yield (
            (at, "titrated"),
            f"{', '.join(titrated)} {'has' if len(titrated) == 1 else 'have'} a dose rule, so that arms are no doses; "
            "allowed: titrated: start_dose takes them by their randomised start dose, which flattens the curve, or "
            "arms on fixed doses",
        )
    elif not titrated and said.titrated != "refused":
        yield (at, "titrated"), f"seen {said.titrated}, but no arm has a dose rule"
    several = [arm.id for arm in arms if not arm.placebo and len(arm.start_doses_mg) > 1]
    if several:
        yield (at,), f"{', '.join(several)}: patients of one arm start on several doses (start_dose_by)"
    elif len(found := doses_of(arms)) < FEWEST_DOSES:
        seen = ", ".join(f"{dose:g}" for dose in found)
        yield (
            (at,),
            f"seen {len(found)} doses ({seen} mg); allowed: {FEWEST_DOSES} or more; a placebo arm counts as dose 0",
        )
    else:
        if said.target and found[0] > 0:
            yield (
                (at, "target"),
                f"seen {said.target:g}, an effect over no drug, but the lowest dose is {found[0]:g} mg; allowed: "
                "with an arm at dose 0 (placebo: true)",
            )
        for k, one in enumerate(said.shapes):
            if (needed := NUMBERS.get(one.shape, 3)) > len(found):
                text = f"seen {one.shape}, whose curve has {needed} numbers; {len(found)} doses do not tell them"
                yield (at, "shapes", k, "shape"), text


def dose_of(arm: Arm) -> float:
    """The randomised dose of an arm, mg."""
    return 0.0 if arm.placebo else arm.start_dose_mg


def doses_of(arms: Sequence[Arm]) -> list[float]:
    """The doses (mg) of all arms, rising."""
    return sorted({dose_of(arm) for arm in arms})


def by_dose(said: DoseResponse | None, primary: str) -> Iterator[str]:
    """What is asked, as ``vtrial check`` says it."""
    if said is None:
        return
    target = f"; dose with an effect of {said.target:g}" if said.target else ""
    bias = f"; {BIAS}" if said.titrated == "start_dose" else ""
    yield (
        f"dose response: MCP-Mod of {said.endpoint or primary}, {', '.join(one.name for one in said.shapes)}; "
        f"one-sided {said.level:g}; model by {'least gAIC' if said.select == 'aic' else 'largest t'}{target}{bias}"
    )
