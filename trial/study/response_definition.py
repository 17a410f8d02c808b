"""An endpoint of the platelet counts as data: what is a response at a visit, at which visits, how often, and what
rescue and a missed visit mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trial.study.protocol import Day, Identifier, Number, Positive, Problem, Problems, Record, Whole, not_among, twice
from trial.study.response_library import library_codes, library_definition
from trial.study.texts import Line

MOST_LETTERS = 8
"""Of a PARAMCD (ADaM)."""
RESCUE_WORDS = {
    "voids": "a visit that a rescue voids is no response",
    "ignored": "counts after rescue are taken as they are",
    "fails": "any rescue up to the end of the window makes it a no",
    "clock": "a visit within so many days after a rescue is no response",
}


class ResponseDefinition(Record):
    """A responder, or a number of visits or weeks with a response. A stop for good by the dose rule counts as a rescue
    that lasts, but where rescue is ignored. A code in place of the keys is one of the library.
    """

    id: Annotated[Identifier, Field(max_length=MOST_LETTERS)] = Field(
        description="code of the endpoint in all tables, at most 8 letters"
    )
    label: Annotated[Line, Field(min_length=1)] = Field(description="name of the endpoint in the report")
    source: Line = Field(default="defined in the config of the study", description="where the definition comes from")
    at_least_1e9L: Positive | None = Field(
        default=None, description="a response is a count of at least this; none: response_threshold_1e9L"
    )
    below_1e9L: Positive | None = Field(default=None, description="and below this")
    times_baseline: Annotated[Number, Field(gt=1, le=100)] | None = Field(
        default=None, description="and at least so many times the baseline"
    )
    above_baseline_1e9L: Positive | None = Field(default=None, description="and above the baseline by at least this")
    bleeding_below: Annotated[Whole, Field(ge=1, le=4)] | None = Field(
        default=None, description="and no WHO bleeding of this grade or more at that visit"
    )
    from_day: Day | None = Field(
        default=None, description="first planned day of the window; none: that of the first visit after baseline"
    )
    until_day: Day | None = Field(default=None, description="last planned day of it; none: assessment_day")
    last_days: Annotated[Whole, Field(ge=1, le=3650)] | None = Field(
        default=None, description="in place of both: so many days up to the last visit of treatment"
    )
    off_drug_days: Annotated[Whole, Field(ge=1, le=3650)] | None = Field(
        default=None,
        description="in place of them: so many days from the day after each patient's last day with study drug; who is "
        "not watched so long is no responder; only without stages",
    )
    of_responders: bool = Field(
        default=False,
        description="of off_drug_days: only who had a response on the last count on drug; the others are not evaluable",
    )
    visits: Annotated[Whole, Field(ge=1, le=1000)] | None = Field(
        default=None, description="so many responses in the window; none: 1, or what share asks"
    )
    share: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        default=None, description="and at this share of the visits of the window"
    )
    in_a_row: bool = Field(default=False, description="the visits follow one another; a missed one breaks the row")
    days_apart: Annotated[Whole, Field(ge=1, le=365)] | None = Field(
        default=None, description="and two of the responses are at least so many actual days apart"
    )
    rescue: Literal["voids", "ignored", "fails", "clock"] = Field(
        default="voids",
        description="voids: as the agents say, for good where they say nothing; ignored; fails: any rescue up to the "
        "end of the window; clock: rescue_days after each",
    )
    rescue_days: Annotated[Whole, Field(ge=1, le=365)] | None = Field(
        default=None, description="of rescue: clock: a count on fewer days than this after a rescue is no response"
    )
    missing: Literal["no_response", "left_out"] = Field(
        default="no_response",
        description="a planned visit without a count: no response, or left out of the share; with no count at all "
        "then not evaluable",
    )
    result: Literal["responder", "visits", "weeks"] = Field(
        default="responder",
        description="yes or no, the number of responses, or weeks: each response stands for the planned days to the "
        "next visit, at most 7",
    )
    unless: Line | None = Field(
        default=None, description="code of a yes or no endpoint that must be a no: of the catalogue, or defined before"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_library(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        if data not in library_codes():
            raise Problems(
                [((), not_among(data, library_codes(), "a definition of the library, nor keys of one's own"))]
            )
        return library_definition(data)

    @property
    def needed(self) -> int:
        """How many responses are needed, beside what ``share`` asks."""
        return 1 if self.visits is None else self.visits

    def problems(self) -> Iterator[Problem]:
        if self.below_1e9L is not None and self.at_least_1e9L is not None and self.at_least_1e9L >= self.below_1e9L:
            yield ("at_least_1e9L",), f"no count is at least {self.at_least_1e9L:g} and below {self.below_1e9L:g}"
        yield from self._window_problems()
        if (self.rescue == "clock") != (self.rescue_days is not None):
            what = "needed for rescue: clock" if self.rescue == "clock" else f"given for rescue: {self.rescue}"
            yield ("rescue_days",), f"{what}; allowed: a number of days, with rescue: clock"
        if self.of_responders and (self.off_drug_days is None or self.result != "responder"):
            yield ("of_responders",), "seen true; allowed: with off_drug_days, of a responder"
        if self.result != "responder":
            for name in ("visits", "share", "days_apart", "unless"):
                if (value := getattr(self, name)) is not None:
                    yield (name,), f"seen {value}; result: {self.result} counts responses; allowed: with a responder"
            if self.in_a_row:
                yield ("in_a_row",), f"seen true; result: {self.result} counts responses; allowed: with a responder"
        if self.in_a_row and (self.needed < 2 or self.share is not None):
            yield ("in_a_row",), "seen true; allowed: with visits of 2 or more, and no share"
        if self.missing == "left_out" and self.share is None:
            yield ("missing",), "seen 'left_out'; without share nothing is divided by the number of visits"

    def _window_problems(self) -> Iterator[Problem]:
        windows = {
            "from_day, until_day": self.from_day is not None or self.until_day is not None,
            "last_days": self.last_days is not None,
            "off_drug_days": self.off_drug_days is not None,
        }
        given = [name for name, there in windows.items() if there]
        if len(given) > 1:
            yield (given[1],), f"a window is given by {' and by '.join(given)}; allowed: one of them"
        if self.from_day is not None and self.until_day is not None and self.from_day > self.until_day:
            yield ("from_day",), f"seen {self.from_day}; the window ends on day {self.until_day}"

    def in_words(self, threshold: float, assessment_day: int) -> str:
        """What is computed, in sentences."""
        response = f"A response is a count {self._limits(threshold)}."
        end = assessment_day if self.until_day is None else self.until_day
        start = "after baseline" if self.from_day is None else f"from day {self.from_day}"
        where = f"at the planned visits {start} to day {end}"
        if self.last_days is not None:
            where = f"at the planned visits of the last {self.last_days} days of treatment"
        if self.off_drug_days is not None:
            where = f"at the planned visits of the {self.off_drug_days} days after the last day with study drug"
        counted = {"visits": "Number of visits with a response", "weeks": "Weeks with a response"}.get(self.result)
        what = f"{counted} {where}." if counted else f"Yes with {self._often()} {where}{self._also()}."
        rescue = RESCUE_WORDS[self.rescue].replace("so many", f"{self.rescue_days}")
        missed = "is no response" if self.missing == "no_response" else "is left out"
        what += (
            " Of patients whose last count on drug is a response; the others are not evaluable."
            if self.of_responders
            else ""
        )
        return f"{what} {response} {rescue[0].upper()}{rescue[1:]}; a planned visit without a count {missed}."

    def _limits(self, threshold: float) -> str:
        low = threshold if self.at_least_1e9L is None else self.at_least_1e9L
        below = "" if self.below_1e9L is None else f" and below {self.below_1e9L:g}"
        told = (
            (self.times_baseline, "at least {:g} times the baseline"),
            (self.above_baseline_1e9L, "at least {:g} × 10⁹/L above the baseline"),
            (self.bleeding_below, "without bleeding of grade {:g} or more"),
        )
        parts = [f"of at least {low:g}{below} × 10⁹/L"]
        parts += [words.format(value) for value, words in told if value is not None]
        return ", ".join(parts)

    def _often(self) -> str:
        row = " in a row" if self.in_a_row else ""
        number = f"{self.needed} or more responses{row}" if self.needed > 1 or self.share is None else ""
        share = f"responses at {100 * self.share:g} % or more of the visits" if self.share is not None else ""
        return " and ".join(filter(None, (number.replace("1 or more responses", "a response"), share)))

    def _also(self) -> str:
        apart = f", two of them {self.days_apart} or more days apart" if self.days_apart is not None else ""
        return apart + (f", who is not a {self.unless}" if self.unless else "")


@dataclass(frozen=True)
class HeldAgainst:
    """What definitions are held against: planned ``visits``, their window, the day on which treatment ends and the
    earliest on which it may, the assessment day, the threshold, and whether the stage reported is the first of several,
    a later one, or the only one (0, 1 or None).
    """

    visits: Sequence[int]
    window_days: int
    treatment_days: int
    earliest_end: int
    assessment_day: int
    threshold: float
    stage: int | None


def definition_problems(definitions: Sequence[ResponseDefinition], frame: HeldAgainst) -> Iterator[Problem]:
    """Codes given twice, windows without a visit, and responses that nobody can have; paths from ``analysis``."""
    yield from twice([one.id for one in definitions], ("definitions",))
    for k, one in enumerate(definitions):
        path = ("definitions", k)
        if one.below_1e9L is not None and one.at_least_1e9L is None and one.below_1e9L <= frame.threshold:
            least = f"{frame.threshold:g} (response_threshold_1e9L)"
            text = f"seen {one.below_1e9L:g}; no count is at least {least} and below it"
            yield (*path, "below_1e9L"), text
        if one.rescue == "clock" and frame.stage:
            text = "seen 'clock'; rescues of earlier stages are not known in a later one; allowed: of the first stage"
            yield (*path, "rescue"), text
        if one.off_drug_days is not None:
            yield from (((*path, "off_drug_days"), text) for text in _off_drug_problems(one.off_drug_days, frame))
        else:
            yield from (((*path, *more), text) for more, text in _visit_problems(one, frame))


def _off_drug_problems(days: int, frame: HeldAgainst) -> Iterator[str]:
    if frame.stage is not None:
        yield f"seen {days}; days off drug go beyond a stage; allowed: in a study without stages"
    elif frame.earliest_end + days > frame.visits[-1]:
        last = frame.visits[-1]
        yield f"seen {days}; nobody is watched so long: drug ends on day {frame.earliest_end}, visits on day {last}"


def _visit_problems(one: ResponseDefinition, frame: HeldAgainst) -> Iterator[Problem]:
    inside = [d for d in frame.visits if in_window(one, d, frame.visits, frame.treatment_days, frame.assessment_day)]
    if not inside:
        days = ", ".join(map(str, frame.visits))
        yield (), f"no visit is in the window of {one.id}; visits are on days {days}"
        return
    span = inside[-1] - inside[0] + 2 * frame.window_days
    if one.needed > len(inside):
        yield ("visits",), f"seen {one.needed}; the window of {one.id} has {len(inside)} visits"
    if one.days_apart is not None and one.days_apart > span:
        text = f"seen {one.days_apart}; the visits of the window of {one.id} are {span} days apart at most"
        yield ("days_apart",), text


def in_window(
    one: ResponseDefinition, day: int, visits: Sequence[int], treatment_days: int, assessment_day: int
) -> bool:
    """Whether a planned visit is in the window of a definition, which is not that of the days off drug."""
    if one.last_days is not None:
        last = max((v for v in visits if v <= treatment_days), default=0)
        return last - one.last_days < day <= last
    return (one.from_day or 0) <= day <= (assessment_day if one.until_day is None else one.until_day)
