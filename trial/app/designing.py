"""Designs on a pool: what power, size and duration a design has, in every scenario and under every null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from analysis.designs import measures
from analysis.designs.assurance import ASSURANCE_FILE
from analysis.designs.draw import Uniforms
from analysis.designs.measures import AS_SIMULATED, Operating
from analysis.designs.nulls import named, nulls, under_null
from analysis.designs.plan import Accrual, Trials
from analysis.designs.pool import Pool
from analysis.designs.seen import truth
from analysis.designs.tried import conducted
from analysis.designs.verdicts import Criterion
from analysis.endpoints import chosen
from analysis.endpoints.contract import when
from analysis.endpoints.records import Array
from analysis.statistics import sequential as gs
from analysis.statistics.planned import adjusted
from analysis.statistics.sequential_estimates import z_of_conditional_power
from analysis.statistics.spending import EXPONENTS, shape, spent
from trial.app.attempt import How
from trial.app.design_family import (
    by_shapes,
    claims_of,
    endpoint_of,
    endpoints_said,
    family_of,
    is_measured,
    untold_shapes,
)
from trial.app.design_pool import pool_study, pooled
from trial.app.loading import load_checked
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.unknowns import Unknown, unknown_of, unknown_problems
from trial.errors import ConfigError
from trial.study.analysis_plan import Multiplicity, family_problems
from trial.study.assurance_plan import unfit_assurance
from trial.study.design_fit import unfit, unfit_kinds, unmeasured
from trial.study.design_plan import DesignPlan, Looks, Scenario, criterion
from trial.study.dose_response import dose_response_problems
from trial.study.load import load_record
from trial.study.protocol import Problem, not_among
from trial.study.study import Study

FILES = (measures.DESIGNS_FILE, ASSURANCE_FILE, "design.html")
PLANNED = Scenario(id="planned")


@dataclass(frozen=True)
class Posed:
    """A checked design: what its file says, the study of each scenario, and what is ``unknown`` of it."""

    plan: DesignPlan
    studies: tuple[tuple[str, Study], ...]
    warnings: tuple[str, ...] = ()
    unknown: Mapping[str, Unknown] = field(default_factory=dict)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """What the design must keep."""
        return tuple(Criterion(*criterion(text)) for text in self.plan.criteria)

    def with_trials(self, trials: int) -> Posed:
        """The same with so many trials of each size."""
        return replace(self, plan=self.plan.model_copy(update={"trials": trials}))


def load_design(path: Path) -> Posed:
    """The design of a YAML file, checked with its study. Raises ConfigError with every problem found."""
    loaded: dict[str, Study] = {}
    unknown: dict[str, Unknown] = {}
    said: list[str] = []

    def fits(plan: DesignPlan) -> Iterator[Problem]:
        for k, one in enumerate(plan.scenarios or (PLANNED,)):
            where = ("scenarios", k, "settings") if one.settings else ("settings",) if plan.settings else ("study",)
            file, settings = path.parent / plan.study, [*plan.settings, *one.settings]
            try:
                config = load_checked(file, settings)
            except ConfigError as error:
                yield from ((where, line) for line in error.messages)
                continue
            loaded[one.id] = config.study
            said.extend(line for line in config.warnings if line not in said)
            for place, text in design_problems(plan, config.study):
                if not k:
                    first.append((place, text))
                    yield place, text
                elif (place, text) not in first:
                    yield where, f"in this scenario {'.'.join(map(str, place))}: {text}"
            if plan.assurance:
                for place, text in unknown_problems(plan.assurance, file, settings, config):
                    yield ("assurance", *place) if not k else where, text
                unknown[one.id] = unknown_of(plan.assurance, file, settings, config)

    first: list[Problem] = []
    plan = load_record(path, DesignPlan, lambda data: (), fits)
    return Posed(plan, tuple(loaded.items()), tuple(said), unknown)


def design_problems(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    """What the design asks for and the study does not have, its endpoint among it."""
    found = [*unfit(plan, study), *_unfit_endpoint(plan, study), *_unfit_kinds(plan, study)]
    yield from found or _unfit_family(plan, in_design(plan, study))
    if plan.assurance and not found:
        yield from _within("assurance", unfit_assurance(plan.assurance, plan.arms or study.arm_ids, plan.largest))


def _within(section: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    return (((section, *place), text) for place, text in problems)


def _unfit_family(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    """What does not go with the hypotheses; ``study``: with the arms of the design alone."""
    family = family_of(plan, study)
    yield from unmeasured(plan, len(family), any(map(partial(is_measured, study), {str(h.endpoint) for h in family})))
    if study.analysis.multiplicity and plan.looks and plan.looks.futility and plan.looks.futility.binding:
        yield (
            ("looks", "futility", "binding"),
            "seen true with multiplicity, whose bounds do not count on it; allowed: false",
        )
    if plan.test == "mcp_mod":
        yield from (
            (("arms",), text) for _, text in dose_response_problems(study.analysis.dose_response, study.arms, False)
        )
        yield from (
            (("test",), f"seen mcp_mod with {name}, which is flat or without bound over the doses of the design")
            for name in untold_shapes(plan, study)
        )
    if plan.multiplicity:
        for path, text in family_problems(study.analysis, plan.multiplicity, study.arm_ids):
            yield ("multiplicity", *path), text


def _unfit_endpoint(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    if study.allocation != "parallel" or study.typical_patient:
        yield ("study",), "a study whose patients are randomised is needed"
    mine = {name: e for name, e in chosen(study).items() if not e.needs_profile}
    allowed = [name for name, e in mine.items() if e.benefit != "none"]
    method = study.analysis.method
    if method.measured == "none" and plan.test == "pairwise":
        allowed = [name for name in allowed if mine[name].summary == "rate"]
    for place, code in endpoints_said(plan, study):
        if code not in mine:
            yield place, not_among(code, allowed, "an endpoint of the study that its arms are compared by")
        elif mine[code].benefit == "none":
            what = f"seen {code!r}, of which neither more nor less is better; allowed: {', '.join(allowed)}"
            yield place, what
        elif code not in allowed:
            yield (
                place,
                f"seen {code!r}, which is measured, and analysis.method.measured says no comparison; allowed: with "
                f"settings: [analysis.method.measured=ancova], hodges_lehmann or ancova_log, or {', '.join(allowed)}",
            )


def _unfit_kinds(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    """What does not go with the kinds of the endpoints."""
    for measured in dict.fromkeys(is_measured(study, code) for _, code in endpoints_said(plan, study)):
        yield from unfit_kinds(plan, study, measured)


def pool_of(
    plan: DesignPlan, study: Study, folder: Path, how: How, say: Say = silent, progress: Progress = unseen
) -> tuple[Pool, Study]:
    """The pool of a design, and the study with the arms of the design alone."""
    narrow = in_design(plan, study)
    return pooled(study_of_pool(plan, study), codes_of(plan, narrow), folder, how, say, progress), narrow


def study_of_pool(plan: DesignPlan, study: Study) -> Study:
    """The study that is the pool of a design in the scenario of ``study``."""
    study = in_design(plan, study)
    return pool_study(study, codes_of(plan, study), plan.pool.patients, plan.pool.seed)


def codes_of(plan: DesignPlan, study: Study) -> list[str]:
    """The endpoints of a design; ``study``: with the arms of the design alone."""
    return list(dict.fromkeys(str(h.endpoint) for h in family_of(plan, study)))


def in_design(plan: DesignPlan, study: Study) -> Study:
    """The study with the arms, the ratio, the reference arm and the hypotheses of the design."""
    arms = tuple(arm for arm in study.arms if not plan.arms or arm.id in plan.arms)
    given = [arm.id for arm in arms]
    others = [arm for arm in study.arm_ids if arm not in given]
    arms = tuple(arm.model_copy(update={"ratio": plan.ratio.get(arm.id, arm.ratio)}) for arm in arms)
    reference = plan.reference_arm or study.analysis.reference_arm
    analysis = {"reference_arm": reference, "multiplicity": _procedure(plan, study, given, str(reference))}
    total = sum(arm.ratio for arm in arms)
    block = max(1, study.randomisation.block_size // total) * total
    return study.model_copy(
        update={
            "arms": arms,
            "analysis": study.analysis.model_copy(update=analysis),
            "randomisation": study.randomisation.model_copy(update={"block_size": block}),
            "dropout": tuple(_of_these(item, others) for item in study.dropout),
        }
    )


def _of_these(item: object, others: Sequence[str]) -> object:
    """A reason to leave without its hazards in arms that the design does not have."""
    update = {}
    for name in ("hazard_per_week", "share_by_end"):
        value = getattr(item, name, None)
        if isinstance(value, dict):
            update[name] = {arm: hazard for arm, hazard in value.items() if arm not in others}
    return item.model_copy(update=update) if update else item  # type: ignore[attr-defined]


def _procedure(plan: DesignPlan, study: Study, arms: Sequence[str], reference: str) -> Multiplicity | None:
    """The multiplicity of the design; that of the study where it is about arms of the design on its endpoint."""
    if plan.multiplicity or plan.test == "mcp_mod" or (plan.adapt and plan.adapt.kind in ("select", "sample_size")):
        return plan.multiplicity
    theirs, code = study.analysis.multiplicity, plan.endpoint or study.analysis.primary
    if theirs is None or len(arms) < 3:
        return None
    family = study.analysis.family(study.arm_ids)
    fits = all(h.arm in arms and h.arm != reference and h.endpoint == code for h in family)
    return theirs if fits else None


def unadjusted(plan: DesignPlan, study: Study) -> str:
    """What is to be said of several hypotheses without multiplicity; "" where there is nothing."""
    study = in_design(plan, study)
    many = len(family_of(plan, study))
    if (
        many < 2
        or plan.test == "mcp_mod"
        or study.analysis.multiplicity
        or (plan.adapt and plan.adapt.kind == "select")
    ):
        return ""
    return (
        f"no multiplicity: each of {many} hypotheses at the full level; the type I error of the family may be up to "
        f"{many} times it"
    )


def cautions(plan: DesignPlan, study: Study) -> tuple[str, ...]:
    """What durations and looks leave out, as sentences."""
    said, code = [], endpoint_of(plan, study)
    if plan.accrual and plan.adapt and plan.adapt.kind in ("drop_arms", "select"):
        said.append(
            "Enrolment goes on as if the look were known at once: nobody is in for an arm that leaves, so overrun and "
            "duration are too low."
        )
    if (plan.accrual or plan.looks) and not code.endswith(when(study.analysis.assessment_day)[0]):
        said.append(
            f"{code} counts as known on the assessment day; where it is of a longer period, looks come later, and "
            "durations and overrun are too low."
        )
    return tuple(said)


def trials_of(plan: DesignPlan, study: Study, size: int, known_after: int) -> Trials:
    """The design at one size."""
    family, arms = family_of(plan, study), study.arm_ids
    claims, by_dose = by_shapes(plan, study, claims_of(plan, study))
    sizes = plan.at_looks(size)
    ratio = tuple(arm.ratio for arm in study.arms)
    design = Trials(
        arms.index(str(study.analysis.reference_arm)), ratio, study.randomisation.block_size // sum(ratio), claims,
        sizes, _bounds(plan, sizes), plan.level,
        adjust=partial(adjusted, family=family, study=study) if study.analysis.multiplicity and not by_dose else None,
        stop_on=plan.looks.stop_on if plan.looks else "any", dose=by_dose,
    )  # fmt: skip
    if design.adjust and len(sizes) > 1:
        design = replace(design, levels=partial(_upper, plan.looks, _information(sizes)))
    if plan.accrual:
        lag = known_after + plan.accrual.reporting_days
        design = replace(design, accrual=Accrual(plan.accrual.per_month, plan.accrual.ramp_months, lag))
    return _adapted(design, plan, size)


def _adapted(design: Trials, plan: DesignPlan, size: int) -> Trials:
    """With what is adapted at the look."""
    one = plan.adapt
    if one is None:
        return design
    if one.kind == "drop_arms":
        return replace(design, adapt="drop_arms")
    low = -np.inf if one.futility_z is None else one.futility_z
    bounds = replace(design.bounds, futility=np.array([low, -np.inf]))
    if one.kind == "select":
        return replace(
            design, adapt="select", bounds=bounds, keep=one.keep or 1, rule=one.intersections or "simes", adjust=None,
            levels=None,
        )  # fmt: skip
    most = round((one.most or 1.0) * size)
    return replace(
        design, adapt="sample_size", bounds=bounds, most=most, promising=one.promising or (0.3, 0.9),
        wanted=one.wanted or 0.9,
    )  # fmt: skip


def _information(sizes: Sequence[int]) -> Array:
    return np.array(sizes) / sizes[-1]


def _upper(looks: Looks | None, t: Array, level: float) -> Array:
    """Efficacy bounds (K,) at a one-sided level, when no lower bound binds."""
    if looks is None:
        return gs.efficacy_bounds(list(t), np.full(len(t), level))
    kind, number = looks.efficacy.kind, looks.efficacy.parameter
    if kind in (*EXPONENTS, "wang_tsiatis"):
        return gs.shaped_bounds(list(t), shape(kind, t, number), level)  # type: ignore[arg-type]
    return gs.efficacy_bounds(list(t), spent(kind, t, level, number))  # type: ignore[arg-type]


def _bounds(plan: DesignPlan, sizes: Sequence[int]) -> gs.Bounds:
    """Upper and lower bounds at the shares of information of these sizes."""
    t, looks = _information(sizes), plan.looks
    if looks is None:
        none = np.full(len(t), -np.inf)
        return gs.Bounds(t, np.append(np.full(len(t) - 1, gs.HIGHEST), -_quantile(plan.level)), none)
    high, said = _upper(looks, t, plan.level), looks.futility
    if said is None:
        return gs.Bounds(t, high, np.full(len(t), -np.inf))
    if said.kind not in ("conditional_power", "z"):
        used = gs.crossed(gs.Bounds(t, high, np.full(len(t), -np.inf))).efficacy.cumsum()
        missed = spent(said.kind, t, float(said.beta or 0.1), said.parameter)  # type: ignore[arg-type]
        return gs.with_futility(list(t), used, missed, said.binding, None if said.binding else high).bounds
    limits = said.below if len(said.below) == len(t) - 1 else said.below * (len(t) - 1)
    if said.kind == "conditional_power":
        limits = tuple(z_of_conditional_power(c, float(x), float(high[-1])) for c, x in zip(limits, t, strict=False))
    low = np.append(np.array(limits), -np.inf)
    if said.binding:
        used = gs.crossed(gs.Bounds(t, high, np.full(len(t), -np.inf))).efficacy.cumsum()
        high = gs.efficacy_bounds(list(t), used, low)
    return gs.Bounds(t, high, low, said.binding)


def _quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(level))


def rows_of(
    plan: DesignPlan, scenario: str, pool: Pool, design: Trials, study: Study, uniforms: Uniforms
) -> Iterator[Operating]:
    """Every row of one size in one scenario: as simulated, and under every null."""
    blank = Operating(plan.id, scenario, AS_SIMULATED, design.sizes[-1], "", "", 0.0, 0.0, 0.0, 0.0, 0, "share")
    found = conducted(pool, design, study.analysis.method, plan.trials, uniforms)
    method = study.analysis.method
    yield from measures.power_rows(blank, found, design)
    yield from measures.conduct_rows(blank, found, design)
    if not design.dose:
        each = np.stack([truth(pool, c, design.reference, method) for c in design.claims], axis=1)
        yield from measures.estimate_rows(blank, found, design, each)
    for true in nulls(len(design.claims), together=design.dose is not None):
        equal = claims_of(plan, study) if design.dose else [design.claims[k] for k in true]
        changed = under_null(pool, equal, design.reference, uniforms)
        if changed is not None:
            under = replace(blank, truth=named(design.claims, true))
            here = conducted(changed, design, method, plan.trials, uniforms, estimated=False)
            yield from measures.power_rows(under, here, design, true)
            yield from (row for row in measures.conduct_rows(under, here, design) if row.measure == "expected_n")
