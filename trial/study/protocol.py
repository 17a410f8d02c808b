"""What a protocol says: arms, visits, randomisation, rescue, dropout. Records only; behaviour lives beside its subject.

Every record is frozen and refuses unknown keys. A plain number carries its unit in its name
(``_mg``, ``_days``, ``_h``, ``_y``; ``_1e9L`` is a platelet count in 10^9/L).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from trial.errors import cut
from trial.study.texts import MOST_TEXT, Line, Name

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=60)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Day = Annotated[Whole, Field(ge=0, le=3650)]
VisitDay = Annotated[Whole, Field(ge=1, le=3650)]
SampleTime = Annotated[Number, Field(ge=0, le=1440)]
DrugDay = Annotated[Whole, Field(ge=-364, le=364)]
Dose = Annotated[Number, Field(ge=0, le=200)]
AfterDose = Annotated[Number, Field(ge=0, lt=24)]
Problem = tuple[tuple[str | int, ...], str]

CONTINUOUS = ("AGE", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "BLPLAT")
CATEGORICAL = ("SEX", "SPLENFL", "CONITPFL")
STRATIFIERS = (*CONTINUOUS, *CATEGORICAL, "BLBLEED")


class Problems(ValueError):
    """What is wrong with a record: each entry a path inside the record and a sentence."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(text for _, text in problems))


class OutOfOrder(Problems):
    """Numbers of a list that do not increase."""


def not_among(seen: str, allowed: Iterable[str], what: str, meant: str = "") -> str:
    """The sentence for a name that does not exist: what was seen, what is allowed, what was ``meant`` or is nearest."""
    names = list(allowed)
    allowed = cut(", ".join(cut(" ".join(name.split())) for name in names), 2000) or "none exist"
    return f"seen {cut(repr(seen))}, which is not {what}; allowed: {allowed}{meant or did_you_mean(seen, names)}"


def did_you_mean(seen: str, allowed: Iterable[str]) -> str:
    """``"; did you mean x?"`` with the nearest valid spelling, or nothing."""
    by_lower = {name.lower(): name for name in allowed}
    if len(seen) > MOST_TEXT:
        return ""
    near = [x for x in get_close_matches(seen.lower(), by_lower, n=3, cutoff=0.5) if not _another(seen.lower(), x)]
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


def _another(seen: str, known: str) -> bool:
    """Whether two names differ in nothing but the number in them: HETROM-5 is no slip for HETROM-2.5."""
    (letters, digits), (others, known_digits) = (
        (re.sub(r"[\W\d_]", "", x), re.sub(r"\D", "", x)) for x in (seen, known)
    )
    return letters == others and 0 < len(digits) != len(known_digits) > 0


def twice(entries: Sequence[Any], path: tuple[str | int, ...], name: Callable[[Any], str] = repr) -> Iterator[Problem]:
    """The problem of an entry that stands in a list at ``path`` for a second time."""
    for k, entry in enumerate(entries):
        first = list(entries).index(entry)
        if first < k:
            yield (*path, k), f"seen {name(entry)}, which is already {'.'.join(map(str, (*path, first)))}"


def _fall(a: float, b: float) -> str:
    what = f"out of order: {b:g} comes after {a:g}" if b < a else f"{a:g} is given twice"
    return f"{what}; the values must increase"


def _increasing(values: tuple[float, ...]) -> tuple[float, ...]:
    falls = [(k, a, b) for k, (a, b) in enumerate(pairwise(values), start=1) if b <= a]
    if found := [((k,), _fall(a, b)) for k, a, b in falls]:
        raise OutOfOrder(found)
    return values


Increasing = AfterValidator(_increasing)


class Record(BaseModel):
    """A frozen record that refuses unknown keys; the base of everything a config can say."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def config_keys(cls) -> dict[str, FieldInfo]:
        """Every field by the name it has in a config."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    def problems(self) -> Iterator[Problem]:
        """What is wrong between the fields of this record; none by default."""
        return iter(())

    @model_validator(mode="after")
    def _sound(self) -> Self:
        found = list(self.problems())
        if found:
            raise Problems(found)
        return self


class Stratum(Record):
    """A stratification factor: a patient covariate, cut in two at ``cut`` when it is continuous."""

    covariate: str = Field(description="column of the patients table: " + ", ".join(STRATIFIERS))
    cut: Number | None = Field(
        default=None, description="two strata: below it, and at or above it; in the covariate's own unit"
    )

    def problems(self) -> Iterator[Problem]:
        if self.covariate not in STRATIFIERS:
            yield ("covariate",), not_among(self.covariate, STRATIFIERS, "a covariate to stratify by")
        elif self.covariate in CONTINUOUS and self.cut is None:
            yield ("covariate",), f"{self.covariate} is continuous: it needs a cut, for example cut: 10"
        elif self.covariate in CATEGORICAL and self.cut is not None:
            yield ("cut",), f"{self.covariate} is not a number and cannot be cut; leave cut out"


class Randomisation(Record):
    """Permuted blocks within strata. ``block_size`` must be a multiple of the sum of the arms' ratios."""

    block_size: Annotated[Whole, Field(ge=1, le=200)] = Field(
        description="patients per permuted block; a multiple of the sum of the ratios"
    )
    strata: tuple[Stratum, ...] = Field(default=(), description="factors; every combination has its own list of blocks")

    def problems(self) -> Iterator[Problem]:
        yield from twice(self.strata, ("strata",), lambda factor: factor.covariate)


class Screening(Record):
    """Eligibility, judged on the measured screening count, which is also the baseline."""

    platelets_at_least_1e9L: NonNegative = Field(default=0.0, description="lowest measured screening count")
    platelets_below_1e9L: Positive = Field(default=30.0, description="measured screening count must be below this")
    itp_duration_at_least_y: NonNegative = Field(
        default=0.5, description="shortest duration of ITP; 0: it is not asked, as in people without ITP"
    )
    age_at_least_y: NonNegative = Field(default=18.0, description="youngest patient")
    age_at_most_y: Annotated[Number, Field(gt=0, le=120)] = Field(default=120.0, description="oldest patient")

    def problems(self) -> Iterator[Problem]:
        low, high = self.platelets_at_least_1e9L, self.platelets_below_1e9L
        if low >= high:
            yield ("platelets_at_least_1e9L",), f"seen {low:g}: no count is at least {low:g} and below {high:g}"
        if self.age_at_least_y >= self.age_at_most_y:
            yield (
                ("age_at_least_y",),
                f"seen {self.age_at_least_y:g}: nobody of that age is at most {self.age_at_most_y:g} years old",
            )


class PKSampling(Record):
    """A concentration profile from the dose given at the visit of ``visit_day``: one dosing interval (24 h) or longer.

    In a longer one the doses of the following days are taken as planned. The same again at ``more_days``, each in a
    stage of its own.
    """

    visit_day: Day = Field(description="the visit whose dose is followed: 0, the first dose, or one of visits.days")
    more_days: Annotated[tuple[Day, ...], Increasing] = Field(
        default=(),
        description="further visits with the same samples, each in another stage: periods of a crossover",
    )
    times_h: Annotated[tuple[SampleTime, ...], Field(min_length=3), Increasing] = Field(
        default=(0, 1, 2, 4, 6, 8, 10, 12, 16, 20, 24),
        description="times after that dose, from 0; 24, the end of the dosing interval, is one of them",
    )
    lloq_ng_mL: NonNegative = Field(
        default=0.0,
        description="limit of quantification: a lower concentration is reported as below it; in an area it is 0 before "
        "the first quantifiable sample and missing after it",
    )
    lost_probability: Probability = Field(default=0.0, description="share of the samples that give no concentration")
    partial_auc_h: Annotated[tuple[SampleTime, ...], Field(min_length=2, max_length=2), Increasing] | None = Field(
        default=None, description="from and to: the times of the partial AUC, AUCINT; none: there is none"
    )

    @property
    def days(self) -> tuple[int, ...]:
        """Every day with a profile (P,)."""
        return (self.visit_day, *self.more_days)

    @property
    def samples(self) -> tuple[tuple[int, float], ...]:
        """Day of the profile and hour after its dose of every sample (P T,), profile by profile."""
        return tuple((day, hour) for day in self.days for hour in self.times_h)

    def of_days(self, begin: int, end: int) -> PKSampling | None:
        """The profile of a stage from day ``begin`` to before ``end``, on the days since then, or None."""
        inside = [day - begin for day in self.days if begin <= day < end]
        return self.model_copy(update={"visit_day": inside[0], "more_days": ()}) if inside else None

    def problems(self) -> Iterator[Problem]:
        if self.more_days and self.more_days[0] <= self.visit_day:
            yield ("more_days", 0), f"seen {self.more_days[0]}; allowed: days after visit_day, {self.visit_day}"
        if self.partial_auc_h and self.partial_auc_h[1] > self.times_h[-1]:
            end, last = self.partial_auc_h[1], self.times_h[-1]
            yield ("partial_auc_h", 1), f"seen {end:g}; the profile ends at {last:g} h; allowed: at most that"
        if self.times_h[0] != 0 or 24 not in self.times_h:
            seen = f"seen {self.times_h[0]:g} to {self.times_h[-1]:g}"
            without = "" if self.times_h[-1] <= 24 or 24 in self.times_h else ", without 24"
            allowed = "allowed: from 0 to 24, one whole dosing interval, or to a later time with 24 among them"
            yield ("times_h",), f"{seen}{without}; {allowed}"


class SolverSettings(Record):
    """Error control of the ODE solver; a patient who needs more than ``max_steps_per_day`` fails with a reason."""

    rtol: Annotated[Number, Field(ge=1e-12, le=1e-2)] = Field(
        default=1e-6, description="relative error allowed in one step"
    )
    atol: Annotated[Number, Field(ge=1e-14, le=1e-2)] = Field(
        default=1e-9, description="absolute error allowed in one step"
    )
    max_steps_per_day: Annotated[Whole, Field(ge=10, le=100_000)] = Field(
        default=2000, description="a patient who needs more fails"
    )


class PublishedRows(Record):
    """PublishedRows results to show beside the simulated ones: CSV files beside the config."""

    rows: Name = Field(description="CSV file of published results, relative to the file this key stands in")
    baseline: Name | None = Field(default=None, description="CSV file of the published baseline table, likewise")
    design: Line | None = Field(
        default=None,
        description="design the rows belong to (vtrial check prints it); another one is not judged by them",
    )
    label: Line = Field(default="", description="name of the publication in the report")

    def problems(self) -> Iterator[Problem]:
        if self.design is not None and not re.fullmatch("[0-9a-f]{12}", self.design):
            yield (
                ("design",),
                f"seen {self.design!r}; allowed: the twelve digits of a design, as vtrial check prints them",
            )


Allocation = Literal["parallel", "counterfactual"]
Output = Literal["endpoints", "visits", "dense"]
KeptTable = Literal["parameters", "doses", "observations", "events", "adverse", "missed", "covariates"]
