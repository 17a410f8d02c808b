"""How the results are analysed: endpoints, the planned comparison with the reference arm, and several hypotheses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from trial.study.crossover_plan import Crossover
from trial.study.dose_response import DoseResponse
from trial.study.estimand import ESTIMATORS_BY_DEFAULT, Estimand, Estimator, Imputation, Verdict
from trial.study.exposure_response import ExposureResponse
from trial.study.protocol import Day, NonNegative, Positive, Probability, Problem, Record, Whole, not_among, twice
from trial.study.response_definition import ResponseDefinition
from trial.study.subgroups import Subgroup, subgroup_problems
from trial.study.texts import Line

WHOLE = 1.0 + 1e-9
"""Shares of the level may sum to this."""
MOST_POOLED = 1000


class ComparisonMethod(Record):
    """How every yes or no endpoint is compared with the reference arm, beside the crude comparison."""

    difference: Literal["miettinen_nurminen", "sato", "newcombe"] = Field(
        default="miettinen_nurminen",
        description="limits of the difference within strata, which has the weights of Mantel and Haenszel",
    )
    test: Literal["cmh", "cmh_corrected", "fisher", "boschloo"] = Field(
        default="cmh",
        description="test: Cochran-Mantel-Haenszel within strata, the same corrected for continuity, or an exact test, "
        "which has no strata",
    )
    odds_ratio: Literal["mantel_haenszel", "logistic", "firth"] = Field(
        default="mantel_haenszel",
        description="odds ratio within strata; logistic: of a logistic regression on arm and stratum; firth: the same "
        "penalised (Firth 1993), which is there where a cell is empty too; needs the extra firth",
    )
    strata: Literal["randomisation", "none"] = Field(
        default="randomisation", description="strata: those of the randomisation, or none"
    )
    pool_below: Annotated[Whole, Field(ge=0, le=MOST_POOLED)] = Field(
        default=0,
        description="a stratum with fewer evaluable patients than this in an arm joins the smallest of the others, the "
        "smallest first; 0: none is pooled",
    )
    exact_below: Annotated[NonNegative, Field(le=MOST_POOLED)] = Field(
        default=0.0,
        description="where the smallest expected count of the two arms is below this, the exact test stands for the "
        "test; 0: nowhere",
    )
    exact: Literal["fisher", "boschloo"] = Field(default="fisher", description="the exact test of exact_below")
    measured: Literal["none", "hodges_lehmann", "ancova", "ancova_log"] = Field(
        default="none",
        description="how measured endpoints are compared: shift of Hodges and Lehmann with van Elteren's test within "
        "strata, or means adjusted for baseline count and stratum, of values or of their logarithms; none: not at all",
    )

    def problems(self) -> Iterator[Problem]:
        if self.exact_below and self.test in ("fisher", "boschloo"):
            yield ("exact_below",), f"seen {self.exact_below:g}, but test: {self.test} is exact for any count"
        if self.exact != "fisher" and not self.exact_below:
            yield ("exact",), f"seen {self.exact!r}, which is used nowhere: exact_below is 0"
        if self.pool_below and self.strata == "none":
            yield ("pool_below",), f"seen {self.pool_below}, but strata: none leaves none to pool"


class Longitudinal(Record):
    """What is analysed over the visits of a patient, and of what happens to him; of the named replicate."""

    mmrm: bool = Field(
        default=False, description="mixed model for repeated measures: log counts at every visit, by arm and visit"
    )
    covariance: Literal["unstructured", "toeplitz", "autoregressive", "compound_symmetry"] = Field(
        default="unstructured",
        description="of mmrm: covariance of the visits that is tried first; one that cannot be fitted gives way to the "
        "next in this order, which is said",
    )
    degrees_of_freedom: Literal["kenward_roger", "satterthwaite"] = Field(
        default="kenward_roger", description="of mmrm: degrees of freedom, Kenward and Roger with their standard errors"
    )
    after_rescue: Literal["left_out", "kept"] = Field(
        default="left_out", description="of mmrm: counts on days that a rescue voids"
    )
    gee: bool = Field(
        default=False,
        description="odds ratios of response at every visit, by generalised estimating equations with robust errors",
    )
    working_correlation: Literal["exchangeable", "independence"] = Field(
        default="exchangeable", description="of gee: correlation between two visits of a patient"
    )
    restricted_mean_day: Day | None = Field(
        default=None, description="mean time without the event up to this day, and its difference; none: not shown"
    )
    competing: bool = Field(
        default=False,
        description="cumulative incidence of leaving for each reason, and of response with leaving as competing event",
    )
    recurrent: bool = Field(
        default=False,
        description="rates of rescues and of bleeding episodes per patient-year, and negative binomial rate ratios",
    )

    def problems(self) -> Iterator[Problem]:
        for name, of in OPTIONS_OF.items():
            if getattr(self, name) != type(self).model_fields[name].default and not getattr(self, of):
                yield (name,), f"seen {getattr(self, name)}, which is used nowhere: {of} is false"


OPTIONS_OF = {
    "covariance": "mmrm",
    "degrees_of_freedom": "mmrm",
    "after_rescue": "mmrm",
    "working_correlation": "gee",
}
"""Keys of ``longitudinal`` that say how, and the key that says whether."""


class Hypothesis(NamedTuple):
    """An endpoint (None: the primary) in an arm, against the reference arm; ``name`` as the config has it."""

    name: str
    endpoint: str | None
    arm: str


def hypothesis(name: str) -> Hypothesis:
    """Of "ARM" or "ENDPOINT:ARM"."""
    endpoint, _, arm = name.rpartition(":")
    return Hypothesis(name, endpoint.strip() or None, arm.strip())


class Multiplicity(Record):
    """Several hypotheses with one error, 5 %: the procedure, what it is about, and of a graph its shares."""

    procedure: Literal["holm", "hochberg", "fixed_sequence", "graphical"] = Field(
        description="how p are adjusted; graphical: the graphs of Bretz and Maurer"
    )
    hypotheses: tuple[Line, ...] = Field(
        default=(),
        description="arms, tested on the primary endpoint, or ENDPOINT:ARM; of a fixed sequence in its order; "
        "none: every arm on the primary endpoint",
    )
    weights: dict[str, Probability] = Field(
        default={}, description="of a graph: the share of the level that each hypothesis has at the start; left out: 0"
    )
    transitions: dict[str, dict[str, Probability]] = Field(
        default={},
        description="of a graph: for each hypothesis, which shares of its level go to which others when it is rejected",
    )

    def problems(self) -> Iterator[Problem]:
        if self.procedure == "graphical":
            if not self.weights:
                yield ("weights",), "needed for procedure: graphical, as in {HIGH: 0.5, LOW: 0.5}"
            return
        for name in ("weights", "transitions"):
            if getattr(self, name):
                yield (name,), f"given for procedure: {self.procedure}; allowed: for graphical"
        if self.procedure == "fixed_sequence" and not self.hypotheses:
            yield ("hypotheses",), "needed for procedure: fixed_sequence: their order is the sequence"


class Analysis(Record):
    """What the analysis calls a response, when, and against which arm."""

    response_threshold_1e9L: Positive = Field(default=50.0, description="a count at or above this is a response")
    stage: str | None = Field(
        default=None,
        description="the stage whose endpoints are reported, as of a study of its own; none: the first, the randomised",
    )
    assessment_day: Day = Field(
        description="the visit of the primary endpoint; one of visits.days, counted from the start of the stage"
    )
    reference_arm: str | None = Field(
        default=None, description="arm id that the others are compared with; none: no comparison"
    )
    primary: str = Field(default="RESPW8", description="id of the primary endpoint")
    endpoints: tuple[str, ...] = Field(
        default=(), description="ids of the endpoints; empty: every endpoint that applies"
    )
    definitions: tuple[ResponseDefinition, ...] = Field(
        default=(), description="endpoints of one's own, as keys, or a code of the library: evaluated beside the others"
    )
    estimands: tuple[Estimand, ...] = Field(
        default=(), description="what is to be known (ICH E9(R1)); vtrial estimands says how well the plan finds it"
    )
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = Field(
        default=ESTIMATORS_BY_DEFAULT,
        description="analyses that are held against the true value of each estimand",
    )
    imputation: Imputation = Field(
        default=Imputation(), description="multiple imputation of missing counts, and the tipping point of the result"
    )
    verdict: Verdict = Field(default=Verdict(), description="limits within which an estimator must stay")
    named_replicate: Annotated[Whole, Field(ge=0)] = Field(
        default=0, description="the replicate shown with its own interval, from 0"
    )
    method: ComparisonMethod = Field(
        default=ComparisonMethod(), description="how yes or no endpoints are compared with the reference arm"
    )
    multiplicity: Multiplicity | None = Field(
        default=None, description="several hypotheses with one error; none: every p stands alone"
    )
    subgroups: tuple[Subgroup, ...] = Field(
        default=(),
        description="covariates by which the primary endpoint and every hypothesis are also reported: rates, "
        "differences, a test of interaction; none by default",
    )
    dose_response: DoseResponse | None = Field(
        default=None,
        description="test and model of the response by dose, MCP-Mod, and the dose of a target effect; none: not shown",
    )
    exposure_response: ExposureResponse | None = Field(
        default=None,
        description="response by exposure, naive and true, as vtrial exposure shows it; costs runs; none: not shown",
    )
    concentrations: bool = Field(
        default=False,
        description="concentrations by nominal time in the named replicate, table and figure; needs pk_sampling",
    )
    crossover: Crossover | None = Field(
        default=None,
        description="comparison within patients of a crossover of two periods: geometric mean ratios; none: not shown",
    )
    longitudinal: Longitudinal = Field(
        default=Longitudinal(), description="analyses over the visits and of what happens to a patient; none by default"
    )

    def family(self, arms: Sequence[str]) -> tuple[Hypothesis, ...]:
        """The hypotheses that are tested together; without ``multiplicity`` the primary endpoint in every arm."""
        others = [arm for arm in arms if arm != self.reference_arm]
        named = self.multiplicity.hypotheses if self.multiplicity else ()
        found = map(hypothesis, named or others)
        return tuple(h._replace(endpoint=h.endpoint or self.primary) for h in found)


def plan_problems(plan: Analysis, arms: Sequence[str], paired: bool, stratified: bool) -> Iterator[Problem]:
    """What the planned comparison asks for and this study does not have; paths inside ``analysis``."""
    yield from subgroup_problems(plan.subgroups, paired, stratified)
    asked = [name for name in ("method", "multiplicity") if getattr(plan, name) != Analysis.model_fields[name].default]
    lacking = (
        "every patient is in every arm, and pairs have a test of their own"
        if paired
        else "nothing is compared without analysis.reference_arm"
        if plan.reference_arm is None
        else ""
    )
    if lacking:
        yield from (((name,), f"no effect: {lacking}") for name in asked)
        return
    if plan.method.pool_below and not stratified:
        yield ("method", "pool_below"), f"seen {plan.method.pool_below}, but the randomisation has no strata to pool"
    if plan.multiplicity:
        for path, text in family_problems(plan, plan.multiplicity, arms):
            yield ("multiplicity", *path), text


def longitudinal_problems(plan: Analysis, paired: bool, last_day: int, leaves: bool) -> Iterator[Problem]:
    """What ``longitudinal`` asks for and the reported stage does not have; paths inside ``analysis``. ``last_day``: of
    its visits; ``leaves``: somebody may leave.
    """
    said = plan.longitudinal
    asked = [name for name in type(said).model_fields if getattr(said, name) != type(said).model_fields[name].default]
    if paired:
        yield from (
            (("longitudinal", name), "no effect: every patient is in every arm, and these are of separate groups")
            for name in asked
        )
        return
    if said.gee and plan.reference_arm is None:
        yield ("longitudinal", "gee"), "no effect: nothing is compared without analysis.reference_arm"
    if said.restricted_mean_day is not None and not 0 < said.restricted_mean_day <= last_day:
        day = said.restricted_mean_day
        yield ("longitudinal", "restricted_mean_day"), f"seen {day}; allowed: 1 to {last_day}, the last visit"
    if said.competing and not leaves:
        yield ("longitudinal", "competing"), "no effect: nobody leaves; dropout has no reason"


def family_problems(plan: Analysis, said: Multiplicity, arms: Sequence[str]) -> Iterator[Problem]:
    """What hypotheses and shares cannot be with these arms; paths inside ``multiplicity``."""
    others = [arm for arm in arms if arm != plan.reference_arm]
    family, wrong = plan.family(arms), False
    for k, one in enumerate(family):
        if one.arm not in others:
            wrong = True
            yield ("hypotheses", k), not_among(one.arm, others, "an arm that is compared")
    repeated = list(twice([f"{h.endpoint}:{h.arm}" for h in family], ("hypotheses",), str))
    yield from repeated
    if len(family) < 2:
        yield (
            ("hypotheses",),
            f"seen {len(family)} hypothesis; allowed: two or more, of which one is adjusted for the other",
        )
    elif said.procedure == "graphical" and not wrong and not repeated:
        yield from _graph_problems(said, [h.name for h in family])


def _graph_problems(said: Multiplicity, names: Sequence[str]) -> Iterator[Problem]:
    """Names that are no hypothesis, shares that sum to more than 1, hypotheses that never get a share."""
    yield from _share_problems(("weights",), said.weights, names)
    for name, row in said.transitions.items():
        if name not in names:
            yield ("transitions", name), not_among(name, names, "a hypothesis")
            continue
        yield from _share_problems(("transitions", name), row, [other for other in names if other != name])
    reached = {name for name, share in said.weights.items() if share > 0}
    for _ in names:
        reached |= {to for name in reached for to, share in said.transitions.get(name, {}).items() if share > 0}
    never = [name for name in names if name not in reached]
    if never:
        yield ("weights",), f"{', '.join(never)} never gets a share of the level, neither at the start nor from others"


def _share_problems(path: tuple[str, ...], shares: Mapping[str, float], names: Sequence[str]) -> Iterator[Problem]:
    for name in shares:
        if name not in names:
            yield (
                (*path, name),
                not_among(name, names, "a hypothesis" if path == ("weights",) else "another hypothesis"),
            )
    if sum(shares.values()) > WHOLE:
        yield path, f"the shares sum to {sum(shares.values()):g}; allowed: at most 1"
