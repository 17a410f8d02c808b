"""How patients take their doses and their meals."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from trial.study.protocol import AfterDose, NonNegative, Probability, Problem, Record


class Adherence(Record):
    """Each patient's probability of taking a day's dose is Beta distributed with this mean and SD."""

    mean: Probability = Field(default=1.0, description="mean over patients of the probability of taking a day's dose")
    sd: NonNegative = Field(default=0.0, description="standard deviation over patients of that probability")

    def problems(self) -> Iterator[Problem]:
        yield from _too_wide("sd", self.mean, self.sd)


class Meals(Record):
    """Intake habits: on some days a meal or dairy comes too early after the dose and binds what is not yet absorbed.

    Each patient's share of such days is Beta distributed with this mean and SD.
    """

    share_mean: Probability = Field(description="mean over patients of the share of days with a meal too early")
    share_sd: NonNegative = Field(default=0.0, description="standard deviation over patients of that share")
    after_dose_h: AfterDose = Field(description="on such a day the meal comes so long after the dose; 0: with it")

    def problems(self) -> Iterator[Problem]:
        yield from _too_wide("share_sd", self.share_mean, self.share_sd)


def _too_wide(key: str, mean: float, sd: float) -> Iterator[Problem]:
    """The problem of a Beta law that does not exist."""
    if sd > 0 and (sd >= 1 or sd**2 >= mean * (1 - mean)):
        largest = (mean * (1 - mean)) ** 0.5
        yield (key,), f"seen {sd:g}: probabilities with mean {mean:g} have an SD below {largest:.3g}"
