"""Alanine aminotransferase (ALT) as a measured analyte, and what a dose rule does about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from trial.study.protocol import Number, Positive, Problem, Record, Whole
from trial.study.schedule import Visits

EVENT = "ALT3"
"""The simulated adverse event whose day is that on which ALT rises: ALT of 3 times the upper limit or more."""
RISES_TO = 3.0
"""Times the upper limit of normal, at least."""


class MeasuredALT(Record):
    """ALT of every visit, by sex around a value of the patient's own; it rises on the day of the adverse event ALT3,
    to 3 times the upper limit of normal or more, and falls again on days without drug.
    """

    men_limit_U_L: Positive = Field(default=50.0, description="upper limit of normal of men; assumed")
    women_limit_U_L: Positive = Field(default=40.0, description="upper limit of normal of women; assumed")
    men_median_U_L: Positive = Field(default=22.0, description="median of men without a rise; assumed")
    women_median_U_L: Positive = Field(default=16.0, description="median of women without a rise; assumed")
    between_cv: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.282,
        description="coefficient of variation between people, log-normal; 28.2 %: Carobene 2017, abstract",
    )
    within_cv: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.093, description="within one from week to week, log-normal, assay included; 9.3 %: Carobene 2017"
    )
    beyond_log_mean: Annotated[Number, Field(ge=0, le=3)] = Field(
        default=0.5, description="mean of the log by which a rise is beyond 3 times the limit, exponential; assumed"
    )
    half_life_days: Positive = Field(
        default=14.0, description="a rise halves (log scale) on so many days without drug; assumed"
    )
    turnaround_days: Annotated[Whole, Field(ge=0, le=60)] = Field(
        default=0, description="reported so long after the visit; a rule acts once count and ALT are there"
    )

    def problems(self) -> Iterator[Problem]:
        for who in ("men", "women"):
            limit, median = getattr(self, f"{who}_limit_U_L"), getattr(self, f"{who}_median_U_L")
            if median >= limit:
                yield (f"{who}_median_U_L",), f"seen {median:g}; allowed: below the upper limit of normal, {limit:g}"


class AltLines(Record):
    """Lines of a dose rule that act on ALT, before those on counts: a hold, which ends by ALT alone, and a stop for
    good. Limits are multiples of the upper limit of normal (ULN).
    """

    hold_at_least_uln: Positive | None = Field(default=None, description="no dose once ALT is reported this high")
    restart_below_uln: Positive | None = Field(
        default=None, description="a hold ends once ALT is reported below this, at the same level"
    )
    stop_at_least_uln: Positive | None = Field(
        default=None, description="no dose ever again once ALT is reported this high"
    )

    def problems(self) -> Iterator[Problem]:
        hold, back, stop = self.hold_at_least_uln, self.restart_below_uln, self.stop_at_least_uln
        if hold is None and stop is None:
            yield (), "nothing is done; give hold_at_least_uln (with restart_below_uln), stop_at_least_uln or both"
        if (hold is None) != (back is None):
            yield ("restart_below_uln",), "needed where ALT holds the drug, and only there"
        elif hold is not None and back is not None and back > hold:
            yield ("restart_below_uln",), f"seen {back:g}; allowed: at most hold_at_least_uln, {hold:g}"
        if hold is not None and stop is not None and stop <= hold:
            yield ("stop_at_least_uln",), f"seen {stop:g}; allowed: more than hold_at_least_uln, {hold:g}"

    @property
    def lines(self) -> tuple[str, ...]:
        """In words: stop, hold, restart; "" where there is none."""
        said = (self.stop_at_least_uln, "{:g} x ULN or more"), (self.hold_at_least_uln, "{:g} x ULN or more")
        words = [f"ALT {text.format(value)}" if value is not None else "" for value, text in said]
        return (*words, f"ALT below {self.restart_below_uln:g} x ULN" if self.restart_below_uln is not None else "")


def alt_problems(alt: MeasuredALT | None, rules: Mapping[str, AltLines | None], visits: Visits) -> Iterator[Problem]:
    """Rules that wait for an ALT that nobody measures; an ALT that is reported after the next visit."""
    for name, lines in rules.items():
        if lines is not None and alt is None:
            yield (
                ("dose_rules", name, "alt"),
                "nobody measures ALT; allowed: with laboratory.alt (alt: {} has defaults)",
            )
    if alt is not None:
        shortest = visits.nearest
        if alt.turnaround_days > shortest:
            text = f"seen {alt.turnaround_days}; visits may be {shortest} days apart; allowed: at most that"
            yield ("laboratory", "alt", "turnaround_days"), text
