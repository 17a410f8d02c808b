"""How patients take their doses and their meals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from trial.study.protocol import (
    AfterDose,
    Day,
    NonNegative,
    Number,
    Positive,
    Probability,
    Problem,
    Record,
    Whole,
)
from trial.study.schedule import Visits


class Holidays(Record):
    """Runs of days without a dose, a chain of two states: a holiday ends with probability 1 / mean_days each day, and
    begins as often as the share of missed doses asks.
    """

    mean_days: Annotated[Number, Field(ge=1, le=365)] = Field(
        description="mean length of a holiday; longer in who misses so many doses that holidays of it cannot hold them"
    )
    share_of_missed: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=1.0, description="share of the missed doses that holidays make; the others are missed by chance"
    )


LogOdds = Annotated[Number, Field(ge=-2, le=2)]


class GivingUp(Record):
    """A patient who sees no effect takes no more of the study drug, sham or active; visits go on."""

    below_1e9L: Positive = Field(description="a reported count below this is no effect to the patient")
    after_days: Day = Field(default=28, description="nobody gives up before this day")
    hazard_per_week: Positive | None = Field(
        default=None, description="hazard while the last reported count is below; or else visits"
    )
    visits: Annotated[Whole, Field(ge=1, le=20)] | None = Field(
        default=None, description="so many reported counts in a row below, and everybody gives up; or else a hazard"
    )

    def problems(self) -> Iterator[Problem]:
        if (self.hazard_per_week is None) == (self.visits is None):
            which = "neither is given" if self.visits is None else "both are given"
            yield ("hazard_per_week",), f"give either hazard_per_week or visits; {which}"


class TimeOfDay(Record):
    """When doses are taken: hours after the hour of the visits, at which day begins and at which they are taken without
    this; each patient's own hour, and each day's around it, normal, kept between 0 and 23 h. On the day of a profile
    the dose is taken at the visit.
    """

    usual_h: Annotated[Number, Field(ge=0, le=23)] = Field(description="mean over patients of the usual hour")
    between_sd_h: Annotated[Number, Field(ge=0, le=12)] = Field(
        default=0.0, description="standard deviation of the usual hour between patients; assumed"
    )
    within_sd_h: Annotated[Number, Field(ge=0, le=12)] = Field(
        default=0.0, description="standard deviation from day to day; assumed"
    )
    drift_h_per_28_days: Annotated[Number, Field(ge=-6, le=6)] = Field(
        default=0.0, description="how fast everybody's usual hour drifts; assumed"
    )
    meals_stay: bool = Field(
        default=False, description="meals keep their hour of the day: a dose later than usual is nearer to its meal"
    )

    def problems(self) -> Iterator[Problem]:
        if not (self.usual_h or self.between_sd_h or self.within_sd_h or self.drift_h_per_28_days):
            yield (
                ("usual_h",),
                "seen 0: without a spread or a drift every dose is at the hour of the visits, as without",
            )
        if self.meals_stay and not (self.within_sd_h or self.drift_h_per_28_days):
            yield ("meals_stay",), "seen true; the hour of nobody's dose changes; allowed with within_sd_h or a drift"


def time_of_day_problems(said: TimeOfDay | None, visits: Visits, scheduled: bool, meals: bool) -> Iterator[Problem]:
    """Hours beside those of a schedule; visits so near that doses three days ago were of three decisions ago."""
    path, least = ("adherence", "time_of_day"), 3
    if said is None:
        return
    if scheduled:
        yield path, "the schedule says when doses are taken; leave it out (null)"
    shortest = visits.nearest
    if not scheduled and shortest < least:
        yield path, f"visits may be {shortest} days apart; allowed with visits {least} days apart or more"
    if said.meals_stay and not meals:
        yield (*path, "meals_stay"), "seen true; the study has no meals"


class Adherence(Record):
    """Each patient's probability of taking a day's dose is Beta distributed with this mean and SD."""

    mean: Probability = Field(default=1.0, description="mean over patients of the probability of taking a day's dose")
    sd: NonNegative = Field(default=0.0, description="standard deviation over patients of that probability")
    holidays: Holidays | None = Field(
        default=None, description="missed doses come in runs, with the same mean and SD; none: each by chance"
    )
    gives_up: GivingUp | None = Field(
        default=None, description="patients stop the drug for lack of effect; none: nobody does"
    )
    log_odds_per_28_days: LogOdds = Field(
        default=0.0,
        description="how fast the habit drifts: change of each patient's log odds of taking a day's dose every 28 "
        "days, from day 0 on, on which mean and sd hold",
    )
    time_of_day: TimeOfDay | None = Field(
        default=None, description="the hour at which doses are taken; none: that of the visits"
    )
    missed_days: bool = Field(
        default=False, description="a table of the days on which a dose was missed, and why: missed.parquet"
    )

    def problems(self) -> Iterator[Problem]:
        yield from _too_wide("sd", self.mean, self.sd)
        if self.holidays and self.mean in (0, 1):
            what = "every dose is taken" if self.mean else "no dose is ever taken"
            yield ("holidays",), f"mean: {self.mean:g}: {what}, with holidays or without"
        yield from _no_drift(self.log_odds_per_28_days, "mean", self.mean)
        if self.holidays and self.log_odds_per_28_days:
            text = f"seen {self.log_odds_per_28_days:g}; holidays keep their share; allowed: one of the two"
            yield ("log_odds_per_28_days",), text

    @property
    def told(self) -> bool:
        """Whether the patients table says which share of the prescribed doses each has taken."""
        return bool(self.holidays or self.gives_up or self.missed_days or self.log_odds_per_28_days)


class Meals(Record):
    """Intake habits: on some days a meal or dairy comes too early after the dose and binds what is not yet absorbed.

    Each patient's share of such days is Beta distributed with this mean and SD.
    """

    share_mean: Probability = Field(description="mean over patients of the share of days with a meal too early")
    share_sd: NonNegative = Field(default=0.0, description="standard deviation over patients of that share")
    after_dose_h: AfterDose = Field(description="on such a day the meal comes so long after the dose; 0: with it")
    log_odds_per_28_days: LogOdds = Field(
        default=0.0,
        description="how fast the habit drifts: change of each patient's log odds of such a day every 28 days, from "
        "day 0 on, on which share_mean and share_sd hold",
    )

    def problems(self) -> Iterator[Problem]:
        yield from _too_wide("share_sd", self.share_mean, self.share_sd)
        yield from _no_drift(self.log_odds_per_28_days, "share_mean", self.share_mean)


def _no_drift(drift: float, key: str, mean: float) -> Iterator[Problem]:
    """The problem of odds that are 0 or infinite and stay so."""
    if drift and mean in (0, 1):
        yield ("log_odds_per_28_days",), f"seen {drift:g}; {key}: {mean:g} has no odds that could drift"


def _too_wide(key: str, mean: float, sd: float) -> Iterator[Problem]:
    """The problem of a Beta law that does not exist."""
    if sd > 0 and (sd >= 1 or sd**2 >= mean * (1 - mean)):
        largest = (mean * (1 - mean)) ** 0.5
        yield (key,), f"seen {sd:g}: probabilities with mean {mean:g} have an SD below {largest:.3g}"
