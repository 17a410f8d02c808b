"""What a protocol says: arms, visits, randomisation, rescue, dropout. Records only; behaviour lives beside its subject.

Every record is frozen and refuses unknown keys. A plain number carries its unit in its name
(``_mg``, ``_days``, ``_h``, ``_y``; ``_1e9L`` is a platelet count in 10^9/L).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=60)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[int, Field(ge=0, le=3650)]
Dose = Annotated[float, Field(ge=0, le=200, allow_inf_nan=False)]


class Record(BaseModel):
    """A frozen record that refuses unknown keys; the base of everything a config can say."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Arm(Record):
    """One treatment arm. ``placebo`` titrates the dose level like any arm but gives no drug (sham titration)."""

    id: Identifier
    label: str = ""
    ratio: Annotated[int, Field(ge=1, le=100)] = 1
    start_dose_mg: Dose
    placebo: bool = False
    dose_rule: str | None = Field(None, description="name of an entry of dose_rules; none: the dose is fixed")


class Visits(Record):
    """Planned visits as whole days after the first dose (day 0). A visit is read before that day's dose."""

    days: Annotated[tuple[Annotated[int, Field(ge=1, le=3650)], ...], Field(min_length=1)]
    window_days: Annotated[int, Field(ge=0, le=14)] = 0
    missed_probability: Probability = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        gaps = [b - a for a, b in pairwise((0, *self.days))]
        if min(gaps) <= 0:
            raise ValueError(f"visit days must increase strictly, seen {list(self.days)}")
        if 2 * self.window_days >= min(gaps):
            raise ValueError(
                f"window_days {self.window_days} lets visits {min(gaps)} days apart change order; "
                f"at most {(min(gaps) - 1) // 2} is allowed"
            )
        return self


class Stratum(Record):
    """A stratification factor: a patient covariate, cut in two at ``cut`` when it is continuous."""

    covariate: str
    cut: float | None = None


class Randomisation(Record):
    """Permuted blocks within strata. ``block_size`` must be a multiple of the sum of the arms' ratios."""

    block_size: Annotated[int, Field(ge=1, le=200)]
    strata: tuple[Stratum, ...] = ()


class Screening(Record):
    """Eligibility, judged on the measured screening count, which is also the baseline."""

    platelets_below_1e9L: Positive = 30.0
    itp_duration_at_least_y: NonNegative = 0.5
    age_at_least_y: NonNegative = 18.0
    age_at_most_y: Annotated[float, Field(gt=0, le=120)] = 120.0


class Adherence(Record):
    """Each patient's probability of taking a day's dose is Beta distributed with this mean and SD."""

    mean: Probability = 1.0
    sd: NonNegative = 0.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.sd > 0 and self.sd**2 >= self.mean * (1 - self.mean):
            raise ValueError(f"no Beta distribution has mean {self.mean} and sd {self.sd}; sd^2 must be below mean*(1-mean)")
        return self


class Rescue(Record):
    """Rescue therapy: its hazard and effect are in the parameter set; the protocol says when it may be given."""

    allowed: bool = True
    min_days_between: Annotated[int, Field(ge=0, le=365)] = 28


class Dropout(Record):
    """A competing reason to leave, constant hazard per week; one number for all arms or one per arm id."""

    reason: str
    hazard_per_week: NonNegative | dict[str, NonNegative]


class Laboratory(Record):
    """How counts are reported: whole numbers not below ``lower_limit_1e9L``, ``turnaround_days`` after the visit."""

    turnaround_days: Annotated[int, Field(ge=0, le=7)] = 0
    lower_limit_1e9L: Annotated[float, Field(ge=0, le=20)] = 1.0
    whole_numbers: bool = True


class PKSampling(Record):
    """A concentration profile over one dosing interval, from the dose given at the visit of ``visit_day``."""

    visit_day: Day
    times_h: Annotated[tuple[NonNegative, ...], Field(min_length=3)] = (0, 1, 2, 4, 6, 8, 10, 12, 16, 20, 24)

    @model_validator(mode="after")
    def _one_interval(self) -> Self:
        if any(b <= a for a, b in pairwise(self.times_h)) or self.times_h[0] != 0 or self.times_h[-1] != 24:
            raise ValueError(f"times_h must increase strictly from 0 to 24 (one dosing interval), seen {list(self.times_h)}")
        return self


class SolverSettings(Record):
    """Error control of the ODE solver; a patient who needs more than ``max_steps_per_day`` fails with a reason."""

    rtol: Annotated[float, Field(ge=1e-12, le=1e-2)] = 1e-6
    atol: Annotated[float, Field(ge=1e-14, le=1e-2)] = 1e-9
    max_steps_per_day: Annotated[int, Field(ge=10, le=100_000)] = 2000


class Analysis(Record):
    """What the analysis calls a response, when, and against which arm."""

    response_threshold_1e9L: Positive = 50.0
    assessment_day: Day
    reference_arm: str | None = None
    primary: str = "RESPW8"
    endpoints: tuple[str, ...] = ()
    named_replicate: Annotated[int, Field(ge=0)] = 0


class Published(Record):
    """Published results to show beside the simulated ones: CSV files beside the config."""

    rows: str
    baseline: str | None = None
    label: str = ""


Allocation = Literal["parallel"]
