"""Estimands as data (ICH E9(R1)): population, variable, a strategy for each intercurrent event; and how a plan is
judged against their true values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import Field

from trial.study.protocol import (
    Identifier,
    NonNegative,
    Number,
    Positive,
    Problem,
    Record,
    VisitDay,
    Whole,
    did_you_mean,
    twice,
)
from trial.study.stages import Stage
from trial.study.texts import Line

Strategy = Literal["composite", "treatment_policy", "hypothetical", "while_on_treatment"]
Imputing = Literal["missing_at_random", "jump_to_reference", "copy_increments"]
Estimator = Literal[
    "planned",
    "complete_cases",
    "last_observation",
    "rescue_ignored",
    "while_on_treatment",
    "baseline_observation",
    "ancova",
    "mmrm",
    Imputing,
]
IMPUTING: tuple[Imputing, ...] = get_args(Imputing)
STRATEGIES = {
    "composite": "{} makes the variable a no",
    "treatment_policy": "the variable whatever happens after {}",
    "hypothetical": "as if there had been no {}",
    "while_on_treatment": "the last count before {} stands",
}
MEASURED = {
    "count": "the count",
    "change": "the change of the count from baseline",
    "log_change": "the change of the natural log of the count from baseline",
}
"""Variables that are measured, of the count at a visit."""
UNITS = {"count": "10^9/L", "change": "10^9/L", "log_change": "log"}
TO_BASELINE = "{} makes the count that of baseline"
"""The composite strategy, of a measured variable."""
EVENTS = {"rescue": "rescue", "stop": "a stop by the dose rule", "leaving": "leaving"}
ESTIMATORS = {
    "planned": "the planned analysis, rescue, a stop and missing counts as the endpoint is defined",
    "complete_cases": "only patients with a count at the assessment visit",
    "last_observation": "a missing count is the last one before it (LOCF)",
    "rescue_ignored": "counts after rescue as they are, missing ones as the endpoint is defined",
    "while_on_treatment": "the last count before rescue, a stop or leaving stands from then on, of the dead too",
    "baseline_observation": "a missing count, or one that rescue or a stop voids, is that of baseline (BOCF); ANCOVA",
    "ancova": "counts as they are, after rescue too, of those who have one; means adjusted for baseline and stratum",
    "mmrm": "mixed model of the counts of all visits, as analysis.longitudinal says, at the visit of the estimand",
    "missing_at_random": "multiple imputation of missing counts, as of those in the same arm who were alike and stayed",
    "jump_to_reference": "multiple imputation; after leaving, log counts as of the reference arm (J2R)",
    "copy_increments": "multiple imputation; after leaving, log counts change as those of the reference arm (CIR)",
}
IMPUTED = (
    "Multiple imputation: log counts, the baseline first, as multivariate normal by arm, mean and covariance drawn "
    "for each imputation; counts that rescue or a stop voids are left out of the model; counts missed now and then "
    "are at random; the dead have none. Rubin's rules for the difference of shares, on its own scale, with Sato's "
    "variance; of a measured variable for the difference of means adjusted for baseline and stratum"
)
OF_SHARES = ("complete_cases", "rescue_ignored")
OF_MEASURED = ("baseline_observation", "ancova", "mmrm")
"""Estimators of yes or no variables alone, and of measured ones alone; after the others a measured variable is
compared by analysis of covariance, by ``planned`` as analysis.method.measured says.
"""


class Estimand(Record):
    """What is to be known of every arm against the reference arm: the difference of the shares with a yes, or of the
    means or medians of what is measured.
    """

    id: Identifier = Field(description="name of the estimand in the tables")
    label: Line = Field(default="", description="name of the estimand in the report")
    variable: Line | None = Field(
        default=None,
        description="code of a yes or no endpoint, or count, change or log_change, from baseline, at a visit; "
        "none: the primary",
    )
    day: VisitDay | None = Field(
        default=None, description="of a measured variable: the planned day of its visit; none: the assessment day"
    )
    summary: Literal["mean", "median"] | None = Field(
        default=None, description="of a measured variable: what is compared; none: means"
    )
    bias_limit: Positive | None = Field(
        default=None,
        description="of a measured variable, needed: largest bias of its difference, in its unit, 10^9/L or log",
    )
    rescue: Strategy = Field(
        default="composite",
        description="rescue before the assessment: composite, treatment_policy, hypothetical, while_on_treatment",
    )
    stop: Literal["composite", "treatment_policy", "while_on_treatment"] = Field(
        default="composite", description="the same of a stop for good by the dose rule, but for hypothetical"
    )
    leaving: Strategy = Field(
        default="composite",
        description="the same of leaving early, by death too: hypothetical is refused where somebody can die, "
        "while_on_treatment lets the last count of the dead stand",
    )
    stratum: tuple[Literal["rescue", "stop", "leaving"], ...] = Field(
        default=(),
        description="principal stratum: only patients who would have none of these to the assessment day in any arm; "
        "none: everybody",
    )

    def problems(self) -> Iterator[Problem]:
        yield from twice(self.stratum, ("stratum",), str)
        if self.measured and self.bias_limit is None:
            unit = UNITS[str(self.variable)]
            yield ("bias_limit",), f"needed for variable: {self.variable}: the largest bias that may stay, in {unit}"
        for name in ("day", "summary", "bias_limit"):
            if not self.measured and getattr(self, name) is not None:
                of = f"no effect: of a measured variable ({', '.join(MEASURED)}), not of a yes or no"
                seen = f"; variable is {self.variable}{did_you_mean(self.variable, MEASURED)}" if self.variable else ""
                yield (name,), f"seen {getattr(self, name)!r}; {of}{seen}"
        for event in self.stratum:
            if getattr(self, event) != "composite":
                text = f"seen {getattr(self, event)!r}; nobody of the stratum has it; leave the strategy out"
                yield (event,), text

    @property
    def measured(self) -> bool:
        """Whether the variable is measured."""
        return self.variable in MEASURED

    @property
    def name(self) -> str:
        """The label, or the id."""
        return self.label or self.id

    @property
    def unit(self) -> str:
        """Unit of the difference."""
        return UNITS[str(self.variable)] if self.measured else "points"

    def variable_of(self, primary: str, day: int) -> str:
        """What is evaluated of a patient, of a study with this ``primary`` and assessment ``day``."""
        return f"{self.variable}, day {self.day or day}" if self.measured else self.variable or primary

    def finds(self, estimator: str) -> bool:
        """Whether an estimator is one of such variables."""
        return estimator not in (OF_SHARES if self.measured else OF_MEASURED)

    def in_words(self, primary: str, day: int) -> str:
        """The estimand in a sentence, of a study with this ``primary`` and assessment ``day``."""
        told = [event for event in EVENTS if event not in self.stratum]
        strategies = STRATEGIES | ({"composite": TO_BASELINE} if self.measured else {})
        parts = [strategies[getattr(self, event)].format(EVENTS[event]) for event in told]
        whom = "everybody randomised"
        if self.stratum:
            whom = f"those who would have no {' and no '.join(self.stratum)} in any arm"
        what = f"{self.variable or primary}, difference of shares"
        if self.measured:
            what = f"{MEASURED[str(self.variable)]} on day {self.day or day}, difference of {self.summary or 'mean'}s"
            parts.append(f"limit of the bias {self.bias_limit:g} {self.unit}")
        return f"{what}, of {whom}; {'; '.join(parts)}"


class Imputation(Record):
    """How missing counts are imputed, and the grid on which imputed ones are worsened until the conclusion turns."""

    imputations: Annotated[Whole, Field(ge=2, le=1000)] = Field(default=20, description="imputations of each trial")
    seed: Annotated[Whole, Field(ge=0)] | None = Field(
        default=None, description="seed of the imputations; none: that of the study"
    )
    deltas: tuple[Annotated[NonNegative, Field(le=20)], ...] = Field(
        default=(),
        description="tipping point: what is taken from the natural log of counts imputed after the last one, in every "
        "arm but the reference arm, rising, as in [0, 0.35, 0.7]; 0.69 halves a count; none: not looked for",
    )
    tipping: Imputing = Field(default="missing_at_random", description="of deltas: the imputation that is worsened")

    def problems(self) -> Iterator[Problem]:
        for k, (one, two) in enumerate(pairwise(self.deltas), start=1):
            if two <= one:
                yield ("deltas", k), f"seen {two:g} after {one:g}; allowed: numbers that rise"
        if self.tipping != "missing_at_random" and not self.deltas:
            yield ("tipping",), f"seen {self.tipping!r}, which is used nowhere: deltas has none"


class Verdict(Record):
    """Limits, set before the run, within which an estimator must stay: bias, coverage, type I error."""

    bias_points: Annotated[NonNegative, Field(le=100)] = Field(
        default=2.0,
        description="largest bias of a difference of shares, in percentage points; bias_limit of a measured estimand",
    )
    coverage: Annotated[Number, Field(gt=0, lt=1)] = Field(
        default=0.93, description="least share of the 95 % intervals that hold the true value"
    )
    type1_error: Annotated[Number, Field(gt=0, lt=1)] = Field(
        default=0.03, description="largest share of trials without a difference that find one in favour; nominal 0.025"
    )


def estimand_problems(
    estimands: Sequence[Estimand],
    estimators: Sequence[str],
    imputation: Imputation,
    happens: Mapping[str, bool],
    deaths: Sequence[str],
) -> Iterator[Problem]:
    """Names given twice, and strategies and estimators for what does not happen in the study, by event of EVENTS; paths
    inside ``analysis``.
    """
    yield from twice([one.id for one in estimands], ("estimands",))
    yield from twice(estimators, ("estimators",), str)
    if estimands and "rescue_ignored" in estimators and not happens["rescue"]:
        yield ("estimators", estimators.index("rescue_ignored")), "seen rescue_ignored; the study has no rescue"
    if estimands and imputation != Imputation() and not imputation.deltas and not set(estimators) & set(IMPUTING):
        yield ("imputation",), f"no effect: neither deltas nor an estimator among {', '.join(IMPUTING)}"
    yield from _of_no_estimand(estimands, estimators)
    yield from _of_the_dead(estimands, deaths)
    for k, one in enumerate(estimands):
        for event, there in happens.items():
            default = Estimand.model_fields[event].default
            if not there and (getattr(one, event) != default or event in one.stratum):
                seen = getattr(one, event) if event not in one.stratum else f"stratum: {event}"
                what = EVENTS[event].removeprefix("a ")
                yield ("estimands", k, event), f"seen {seen!r}; no effect: the study has no {what}"


def _of_no_estimand(estimands: Sequence[Estimand], estimators: Sequence[str]) -> Iterator[Problem]:
    """Estimators that are those of no estimand here; by default there may be such."""
    for k, name in enumerate(estimators if estimands and tuple(estimators) != ESTIMATORS_BY_DEFAULT else ()):
        if not any(one.finds(name) for one in estimands):
            kind = "measured variables" if name in OF_MEASURED else "yes or no variables"
            yield ("estimators", k), f"seen {name!r}; no effect: it is of {kind}, and no estimand has one"


def _of_the_dead(estimands: Sequence[Estimand], deaths: Sequence[str]) -> Iterator[Problem]:
    """Nobody can be asked what a patient's count would be had nobody died."""
    for k, one in enumerate(estimands if deaths else ()):
        if one.measured and one.leaving == "treatment_policy":
            why = f"the dead (dropout reason {deaths[0]}) have no count to compare"
            text = f"seen 'treatment_policy' of {one.variable}: {why}; allowed: composite, while_on_treatment"
            yield ("estimands", k, "leaving"), text
        if one.leaving == "hypothetical":
            allowed = "allowed: composite, treatment_policy, while_on_treatment"
            why = f"of death (dropout reason {deaths[0]}) it has no meaning: nobody lives on because he does not leave"
            yield ("estimands", k, "leaving"), f"seen 'hypothetical'; {why}; {allowed}"


ESTIMATORS_BY_DEFAULT: tuple[Estimator, ...] = ("planned", "complete_cases", "last_observation")
OF_THE_DEAD = {
    "composite": "death makes the variable a no, as leaving does",
    "treatment_policy": "there are no counts after death, and missing counts are as the endpoint is defined",
    "while_on_treatment": "the last count before death stands: what a patient had while alive",
}


def deaths_in_words(estimands: Sequence[Estimand], deaths: Sequence[str]) -> list[str]:
    """What each estimand makes of death, where somebody can die; nothing else."""
    if not deaths:
        return []
    said = []
    for one in estimands:
        what = OF_THE_DEAD.get(one.leaving, "")
        what = TO_BASELINE.format("death") if one.measured and one.leaving == "composite" else what
        what = "who would die in any arm is not in the stratum" if "leaving" in one.stratum else what
        said.append(f"{one.id}, of death: {what}")
    return said


def imputation_in_words(said: Imputation, estimators: Sequence[str]) -> list[str]:
    """How many imputations there are, their seed, and how the tipping point is looked for; nothing without any."""
    used = set(estimators) & set(IMPUTING) or said.deltas
    seed = "that of the study" if said.seed is None else str(said.seed)
    found = [f"{said.imputations} imputations of each trial, seed {seed}, pooled by Rubin's rules"] * bool(used)
    if said.deltas:
        deltas = ", ".join(f"{delta:g}" for delta in said.deltas)
        how = said.tipping.replace("_", " ")
        found.append(f"tipping point of the primary endpoint: log counts imputed {how}, less {deltas}")
    return found


def lacking_for_estimands(
    stages: Sequence[Stage], analysed: int, own_schedule: bool, paired: bool, others: int, reference: str | None
) -> str:
    """Why the truth of estimands is not simulated in a study, which reports the stage with that number; "" where it is:
    everybody is put under every arm from day 0 on, to the end of the first stage.
    """
    if stages and analysed:
        return (
            f"seen stage {stages[analysed].id}; who comes so far, and from which treatment, follows from the stage "
            f"before, so that its arms are no randomised groups; allowed: estimands of {stages[0].id}, the first"
        )
    if stages and (stages[0].until or stages[0].enters or not stages[0].drug):
        why = "without drug" if not stages[0].drug else "begun or ended by a condition"
        return f"stage {stages[0].id} is {why}, so that its visits are not there for all; allowed: a whole first stage"
    if own_schedule:
        return "the schedule says who takes what on which day, so that nobody can be put under another arm"
    if paired:
        return "counterfactual allocation: a trial has every patient in one arm; allowed: parallel"
    if reference is None:
        return "no analysis.reference_arm to compare with"
    return "no other arm than the reference arm" if not others else ""
