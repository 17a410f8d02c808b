"""What a design file can say: the study it stands on, the pool, sizes, looks, what is adapted, scenarios, criteria."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from typing import Annotated, Literal

from pydantic import Field

from trial.study.analysis_plan import Multiplicity
from trial.study.assurance_plan import AssurancePlan
from trial.study.protocol import (
    Identifier,
    NonNegative,
    Number,
    Probability,
    Problem,
    Record,
    Whole,
    not_among,
    twice,
)
from trial.study.texts import Line, Name

GROUPS = 20
"""Sub-pools, whose spread tells the error."""
MEASURES = (
    "power", "power_all", "type1", "expected_n", "maximal_n", "largest_seen", "duration", "overrun", "bias_naive",
    "bias_adjusted", "coverage_adjusted", "coverage_repeated", "untested", "assurance",
)  # fmt: skip
"""What a criterion may be about."""
BIASES = ("bias_naive", "bias_adjusted")
SHARES = tuple(name for name in MEASURES if not name.endswith(("_n", "_seen", "duration", "overrun", *BIASES)))
OF_ONE_WITH_LOOKS = ("bias_adjusted", "coverage_adjusted", "coverage_repeated")
"""Measures of one hypothesis with looks."""
NEED_A_PARAMETER = ("hwang_shih_decani", "kim_demets", "wang_tsiatis")
Share = Annotated[Number, Field(gt=0, lt=1)]
Level = Annotated[Number, Field(gt=0, lt=0.5)]
Size = Annotated[Whole, Field(ge=2, le=100_000)]
Information = Annotated[Number, Field(gt=0, le=1)]


class PoolPlan(Record):
    """The patients that are simulated once, under every arm."""

    patients: Annotated[Whole, Field(ge=200, le=1_000_000)] = Field(
        default=40_000, description=f"patients of the pool, rounded up to {GROUPS} sub-pools of equal size"
    )
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] | None = Field(
        default=None, description="seed of the pool and of the trials; none: that of the study"
    )


class Efficacy(Record):
    """The upper bounds of the looks."""

    kind: Literal[
        "obrien_fleming",
        "pocock",
        "hwang_shih_decani",
        "kim_demets",
        "obrien_fleming_exact",
        "pocock_exact",
        "wang_tsiatis",
    ] = Field(
        default="obrien_fleming",
        description="spending function of the level (O'Brien-Fleming or Pocock type, Hwang-Shih-DeCani, Kim-DeMets), "
        "or bounds of exact shape (O'Brien-Fleming, Pocock, Wang-Tsiatis)",
    )
    parameter: Annotated[Number, Field(ge=-20, le=20)] | None = Field(
        default=None, description="gamma of Hwang-Shih-DeCani, rho of Kim-DeMets, delta of Wang-Tsiatis (-1 to 1)"
    )

    def problems(self) -> Iterator[Problem]:
        yield from parameter_problems(self.kind, self.parameter)
        if self.kind == "wang_tsiatis" and self.parameter is not None and not -1 <= self.parameter <= 1:
            yield ("parameter",), f"seen {self.parameter:g}; allowed: -1 to 1, the delta of Wang-Tsiatis (0.5: Pocock)"


class Futility(Record):
    """The lower bounds of the looks: type II error that is spent, or a conditional power, or values of Z."""

    kind: Literal["obrien_fleming", "pocock", "hwang_shih_decani", "kim_demets", "conditional_power", "z"] = Field(
        description="spending function of the type II error; conditional_power: below it, as the trial has begun; z"
    )
    beta: Annotated[Number, Field(gt=0, lt=0.9)] | None = Field(
        default=None, description="type II error that is spent, of a spending function"
    )
    parameter: Annotated[Number, Field(ge=-20, le=20)] | None = Field(
        default=None, description="gamma of Hwang-Shih-DeCani, rho of Kim-DeMets"
    )
    below: Annotated[tuple[Number, ...], Field(max_length=10)] = Field(
        default=(), description="of conditional_power and z: the limit of each look but the last, or one for all"
    )
    binding: bool = Field(
        default=False,
        description="whether a trial below the bound must stop, so that the upper bounds may count on it; not with "
        "multiplicity",
    )

    def problems(self) -> Iterator[Problem]:
        spends = self.kind not in ("conditional_power", "z")
        if spends:
            yield from parameter_problems(self.kind, self.parameter)
            if self.beta is None:
                yield ("beta",), f"needed for kind: {self.kind}, the type II error that is spent, as in 0.1"
            if self.below:
                yield ("below",), f"given for kind: {self.kind}; allowed: for conditional_power and z"
            return
        if not self.below:
            yield ("below",), f"needed for kind: {self.kind}, as in [0.1]"
        for name in ("beta", "parameter"):
            if getattr(self, name) is not None:
                yield (name,), f"given for kind: {self.kind}; allowed: for a spending function"
        for k, limit in enumerate(self.below):
            if self.kind == "conditional_power" and not 0 < limit < 1:
                yield ("below", k), f"seen {limit:g}; allowed: between 0 and 1"


def parameter_problems(kind: str, parameter: float | None) -> Iterator[Problem]:
    """A parameter that is missing, or that nothing takes, or that spends nothing."""
    if kind in NEED_A_PARAMETER and parameter is None:
        yield ("parameter",), f"needed for kind: {kind}"
    elif kind not in NEED_A_PARAMETER and parameter is not None:
        yield ("parameter",), f"seen {parameter:g}, which kind: {kind} does not have"
    elif kind == "kim_demets" and parameter is not None and parameter <= 0:
        yield ("parameter",), f"seen {parameter:g}; allowed: more than 0"


class Looks(Record):
    """When the data are looked at before the end, and what stops the trial."""

    information: Annotated[tuple[Information, ...], Field(min_length=1, max_length=10)] = Field(
        description="shares of the patients whose endpoint is known at each look, rising; the last is 1"
    )
    efficacy: Efficacy = Field(default=Efficacy(), description="upper bounds")
    futility: Futility | None = Field(default=None, description="lower bounds; none: no stop for futility")
    stop_on: Literal["any", "all"] = Field(
        default="any", description="of several hypotheses: the first rejection ends the trial, or that of all"
    )

    def problems(self) -> Iterator[Problem]:
        for k, (one, other) in enumerate(pairwise(self.information)):
            if other <= one:
                yield ("information", k + 1), f"seen {other:g} after {one:g}; allowed: rising shares"
        if self.information[-1] != 1:
            yield ("information", len(self.information) - 1), f"seen {self.information[-1]:g}; the last look is at 1"
        if len(self.information) == 1:
            for name in ("futility", "efficacy", "stop_on"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    yield (name,), "no effect: there is one look, at the end"
        below = self.futility.below if self.futility else ()
        if len(below) > 1 and len(below) != len(self.information) - 1:
            yield ("futility", "below"), f"seen {len(below)}; allowed: 1, or {len(self.information) - 1}, one a look"


class Adaptation(Record):
    """What is changed at a look."""

    kind: Literal["sample_size", "drop_arms", "select"] = Field(
        description="sample_size: more patients where the look is promising; drop_arms: arms below the lower bound "
        "leave, the others have their patients; select: the best arms of the first stage go on"
    )
    at: Share | None = Field(
        default=None, description="of sample_size and select: share of the patients known at the look"
    )
    keep: Annotated[Whole, Field(ge=1, le=20)] | None = Field(default=None, description="of select: arms that go on")
    intersections: Literal["simes", "bonferroni"] | None = Field(
        default=None, description="of select: test of intersections of the closed test; none: simes"
    )
    promising: Annotated[tuple[Probability, Probability], Field()] | None = Field(
        default=None, description="of sample_size: conditional power from which and below which patients are added"
    )
    most: Annotated[Number, Field(gt=1, le=10)] | None = Field(
        default=None, description="of sample_size: at most so many times the planned patients"
    )
    wanted: Share | None = Field(default=None, description="of sample_size: conditional power that is aimed at")
    futility_z: Number | None = Field(
        default=None,
        description="of sample_size and select: at this Z or below the trial stops at the look (one outcome alone has "
        "Z = 0); none: never",
    )

    def problems(self) -> Iterator[Problem]:
        needed = {"sample_size": ("at", "promising", "most", "wanted"), "select": ("at", "keep"), "drop_arms": ()}
        allowed = {
            "sample_size": (*needed["sample_size"], "futility_z"),
            "select": (*needed["select"], "intersections", "futility_z"), "drop_arms": (),
        }  # fmt: skip
        for name in needed[self.kind]:
            if getattr(self, name) is None:
                yield (name,), f"needed for kind: {self.kind}"
        for name in type(self).model_fields:
            if name != "kind" and name not in allowed[self.kind] and getattr(self, name) is not None:
                yield (name,), f"given for kind: {self.kind}, which does not use it"
        if self.promising and self.promising[0] >= self.promising[1]:
            yield ("promising",), f"seen {self.promising[0]:g} to {self.promising[1]:g}; allowed: from less to more"


class AccrualPlan(Record):
    """How patients come in, for durations and overrun."""

    per_month: Annotated[Number, Field(ge=0.01, le=1e6)] = Field(
        description="patients per month once all sites are open"
    )
    ramp_months: NonNegative = Field(default=0.0, description="months over which the rate rises to that, in a line")
    reporting_days: NonNegative = Field(default=0.0, description="days from the assessment until it is known")


class Scenario(Record):
    """A truth in which the design is tried: the study with other values."""

    id: Identifier = Field(description="name of the scenario")
    settings: tuple[Line, ...] = Field(default=(), description="changed values of the study, as key=value")


class DesignPlan(Record):
    """A design file, fully resolved."""

    id: Identifier = Field(description="name of the design")
    title: Line = Field(default="", description="what it is, in a line")
    study: Name = Field(description="config of the study, relative to this file")
    settings: tuple[Line, ...] = Field(default=(), description="changed values of the study, as key=value")
    pool: PoolPlan = Field(default=PoolPlan(), description="the patients that are simulated once")
    trials: Annotated[Whole, Field(ge=GROUPS, le=10_000_000)] = Field(
        default=10_000, description="trials that are drawn of each size"
    )
    arms: tuple[str, ...] = Field(default=(), description="arms of the design; none: every arm of the study")
    reference_arm: str | None = Field(default=None, description="none: that of the study")
    ratio: dict[str, Annotated[Whole, Field(ge=1, le=20)]] = Field(
        default={}, description="patients of each arm in a block; left out: as in the study"
    )
    endpoint: str | None = Field(
        default=None,
        description="an endpoint: a yes or no, or a measured one, compared by analysis.method.measured of the study; "
        "none: the primary one of the study",
    )
    margin: Annotated[Number, Field(ge=0, le=1e6)] = Field(
        default=0.0,
        description="how much worse an arm may be and still win, as a share, of a measured endpoint in its unit; 0: it "
        "has to be better",
    )
    test: Literal["pairwise", "mcp_mod"] = Field(
        default="pairwise",
        description="each arm against the reference arm, or whether there is a response by dose: MCP-Mod with the "
        "shapes of analysis.dose_response of the study, on its endpoint",
    )
    level: Level = Field(
        default=0.025,
        description="one-sided level of the whole trial; of several hypotheses without multiplicity that of each, "
        "so that the error of the family may be up to as many times it",
    )
    multiplicity: Multiplicity | None = Field(
        default=None, description="several hypotheses with one error; none: that of the study, if it has one"
    )
    sizes: Annotated[tuple[Size, ...], Field(min_length=1, max_length=50)] = Field(
        description="numbers of patients to try, all arms"
    )
    looks: Looks | None = Field(default=None, description="looks before the end; none: one analysis")
    adapt: Adaptation | None = Field(default=None, description="what is changed at a look; none: nothing")
    accrual: AccrualPlan | None = Field(default=None, description="how patients come in; none: no durations")
    scenarios: tuple[Scenario, ...] = Field(default=(), description="truths; none: the study as it is")
    assurance: AssurancePlan | None = Field(
        default=None, description="power over what is not known of model and behaviour; none: not asked"
    )
    criteria: tuple[Line, ...] = Field(
        default=(), description="what a design must keep, as power >= 0.9, type1 <= 0.025, expected_n <= 300"
    )

    @property
    def largest(self) -> float:
        """Patients of the largest trial that may come."""
        return max(self.sizes) * (self.adapt.most if self.adapt and self.adapt.most else 1)

    def at_looks(self, size: int) -> tuple[int, ...]:
        """Patients whose endpoint is known at each look of a trial of ``size``."""
        adapts = self.adapt and self.adapt.kind != "drop_arms"
        at = (self.adapt.at, 1.0) if self.adapt and adapts else self.looks.information if self.looks else (1.0,)
        return tuple(max(2, round(float(t or 1.0) * size)) for t in at)

    def problems(self) -> Iterator[Problem]:
        yield from twice(self.arms, ("arms",))
        yield from twice(self.sizes, ("sizes",))
        yield from twice([one.id for one in self.scenarios], ("scenarios",))
        each = -(-self.pool.patients // GROUPS)
        if self.largest > each:
            yield (
                ("sizes",),
                f"seen {self.largest:g}; allowed: at most {each}, the patients of one of {GROUPS} sub-pools",
            )
        for k, size in enumerate(self.sizes):
            if any(other <= one for one, other in pairwise(self.at_looks(size))):
                seen = ", ".join(map(str, self.at_looks(size)))
                shares = "looks.information" if self.looks else "adapt.at"
                yield ("sizes", k), f"seen {size}, whose looks ({shares}) are at {seen} patients; allowed: rising"
        for k, text in enumerate(self.criteria):
            yield from _criterion_problems(("criteria", k), text, self)
        yield from self._adaptation_problems()

    def _adaptation_problems(self) -> Iterator[Problem]:
        if self.adapt is None:
            return
        if self.adapt.kind == "drop_arms" and (self.looks is None or self.looks.futility is None):
            yield ("adapt",), "no effect: arms are dropped below looks.futility, which is not given"
        if self.adapt.kind != "drop_arms" and self.looks is not None:
            yield ("looks",), f"given beside adapt.kind: {self.adapt.kind}, which has its own look (at)"
        if self.margin and self.adapt.kind == "drop_arms":
            yield ("margin",), "seen with adapt.kind: drop_arms; allowed: without"


CRITERION = re.compile(r"\s*([A-Za-z_0-9]+)\s*(>=|<=)\s*(-?[0-9.]+(?:[eE]-?\d+)?)\s*")


def criterion(text: str) -> tuple[str, str, float]:
    """Measure, sign and limit of "power >= 0.9". Raises ValueError."""
    match = CRITERION.fullmatch(text)
    if not match:
        raise ValueError(text)
    return match[1], match[2], float(match[3])


def _criterion_problems(path: tuple[str | int, ...], text: str, plan: DesignPlan) -> Iterator[Problem]:
    try:
        measure, sign, limit = criterion(text)
    except ValueError:
        yield path, f"seen {text!r}; allowed: a measure, >= or <=, and a number, as in power >= 0.9"
        return
    if not isfinite(limit):
        yield path, f"seen {text!r}; allowed: a limit that is finite"
        return
    if measure in SHARES and not 0 <= limit <= 1:
        meant = f"; did you mean {limit / 100:g}?" if 1 < limit <= 100 else ""
        yield path, f"seen {measure} {sign} {limit:g}; allowed: a share from 0 to 1{meant}"
    elif measure not in MEASURES:
        yield path, not_among(measure, MEASURES, "a measure")
    elif measure in ("duration", "overrun") and plan.accrual is None:
        yield path, f"{measure} needs accrual, which is not given"
    elif measure == "assurance" and plan.assurance is None:
        yield path, "assurance needs the section assurance, which is not given"
    elif measure in OF_ONE_WITH_LOOKS and (plan.looks is None or len(plan.looks.information) < 2 or plan.adapt):
        yield path, f"{measure} needs looks before the end, and nothing adapted"
