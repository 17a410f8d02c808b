"""What a design is about: its endpoints, its hypotheses, and the doses of a test of the response by dose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.designs.plan import Claim, DoseTest
from analysis.endpoints import endpoints_of
from analysis.statistics.dose_finding import flat_shapes, shape_of
from trial.study.analysis_plan import Hypothesis, hypothesis
from trial.study.design_plan import DesignPlan
from trial.study.dose_response import DoseResponse, dose_of, doses_of
from trial.study.study import Study


def endpoint_of(plan: DesignPlan, study: Study) -> str:
    """The endpoint of a design: its own, of a test by dose that of the study's, or the primary one."""
    said = study.analysis.dose_response if plan.test == "mcp_mod" else None
    return plan.endpoint or (said.endpoint if said else None) or study.analysis.primary


def endpoints_said(plan: DesignPlan, study: Study) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every endpoint of a design with its place in the file."""
    yield (("endpoint",) if plan.endpoint else ("study",)), endpoint_of(plan, study)
    for k, name in enumerate(plan.multiplicity.hypotheses if plan.multiplicity else ()):
        if code := hypothesis(name).endpoint:
            yield ("multiplicity", "hypotheses", k), code


def is_measured(study: Study, code: str) -> bool:
    """Whether an endpoint is measured, which a yes or no is not."""
    known = endpoints_of(study.analysis)
    return code in known and known[code].summary != "rate"


def family_of(plan: DesignPlan, study: Study) -> tuple[Hypothesis, ...]:
    """The hypotheses of the design, of a fixed sequence in its order; ``study``: with the arms of the design alone."""
    several = study.analysis.multiplicity
    named = several.hypotheses if several else ()
    others = [arm for arm in study.arm_ids if arm != study.analysis.reference_arm]
    code, ours = endpoint_of(plan, study), plan.multiplicity is not None
    return tuple(
        h._replace(endpoint=h.endpoint if ours and h.endpoint else code) for h in map(hypothesis, named or others)
    )


def claims_of(plan: DesignPlan, study: Study) -> tuple[Claim, ...]:
    """The hypotheses as trials test them."""
    family = family_of(plan, study)
    several = len({h.endpoint for h in family}) > 1
    return tuple(_claim(h, h.name if several else h.arm, plan, study) for h in family)


def _claim(h: Hypothesis, name: str, plan: DesignPlan, study: Study) -> Claim:
    endpoint, measured = endpoints_of(study.analysis)[str(h.endpoint)], is_measured(study, str(h.endpoint))
    log = study.analysis.method.measured == "ancova_log"
    unit = "share" if not measured else "log ratio" if log else endpoint.unit
    arm, better = study.arm_ids.index(h.arm), -1 if endpoint.benefit == "lower" else 1
    return Claim(name, endpoint.code, arm, better, plan.margin, measured, unit)


def by_shapes(plan: DesignPlan, study: Study, claims: tuple[Claim, ...]) -> tuple[tuple[Claim, ...], DoseTest | None]:
    """The claims of a test of the response by dose, one a shape, with the test; of another test as they are."""
    said = _asked(plan, study)
    if said is None:
        return claims, None
    doses, first = doses_of(study.arms), claims[0]
    of_arm = np.array([doses.index(dose_of(arm)) for arm in study.arms], dtype=np.int64)
    shapes = tuple(shape_of(one) for one in said.shapes)
    test = DoseTest(np.array(doses), of_arm, shapes, first.better, plan.level)
    return tuple(
        Claim(one.name, first.endpoint, first.arm, first.better, 0.0, first.measured) for one in said.shapes
    ), test


def untold_shapes(plan: DesignPlan, study: Study) -> list[str]:
    """The shapes of a test by dose that are flat over the doses of the design, or beyond what a number can say."""
    said = _asked(plan, study)
    return [said.shapes[k].name for k in flat_shapes(said, study.arms)] if said else []


def _asked(plan: DesignPlan, study: Study) -> DoseResponse | None:
    return study.analysis.dose_response if plan.test == "mcp_mod" else None
