"""What a design asks for and its study does not have."""

from __future__ import annotations

from collections.abc import Iterator

from trial.study.analysis_plan import hypothesis
from trial.study.design_plan import BIASES, OF_ONE_WITH_LOOKS, DesignPlan, criterion
from trial.study.protocol import Problem, did_you_mean, not_among
from trial.study.study import Study


def unfit(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    """What the design asks for and the study does not have."""
    arms = study.arm_ids
    for k, arm in enumerate(plan.arms):
        if arm not in arms:
            yield ("arms", k), not_among(arm, arms, "an arm of the study")
    mine = [arm for arm in plan.arms if arm in arms] or list(arms)
    reference = plan.reference_arm or study.analysis.reference_arm
    if plan.reference_arm is not None and plan.reference_arm not in mine:
        yield ("reference_arm",), not_among(plan.reference_arm, mine, "an arm of the design")
    elif reference not in mine:
        yield ("reference_arm",), f"needed: one of {', '.join(mine)}{did_you_mean(str(reference), mine)}"
    for arm in plan.ratio:
        if arm not in mine:
            yield ("ratio", arm), not_among(arm, mine, "an arm of the design")
    if len(mine) < 2:
        yield ("arms",), f"seen {len(mine)} arm; allowed: two or more"
    active = len(mine) - 1
    if plan.adapt and plan.adapt.kind == "select" and active <= (plan.adapt.keep or 1):
        yield ("adapt", "keep"), f"seen {plan.adapt.keep} of {active} arms beside the reference; allowed: fewer"
    if plan.adapt and plan.adapt.kind == "sample_size" and active > 1:
        yield ("adapt", "kind"), f"seen sample_size with {active} arms beside the reference; allowed: one"
    if plan.adapt and plan.adapt.kind == "select" and plan.multiplicity:
        yield ("multiplicity",), "given beside adapt.kind: select, whose closed test is its own"
    if plan.adapt and plan.adapt.kind == "drop_arms" and active == 1:
        yield ("adapt", "kind"), "no effect: one arm is compared, and without it the trial stops"
    if plan.multiplicity:
        named = [hypothesis(name) for name in plan.multiplicity.hypotheses]
        for k, h in enumerate(named):
            if h.arm not in mine or h.arm == reference:
                yield ("multiplicity", "hypotheses", k), not_among(h.arm, [a for a in mine if a != reference], "an arm")
        if active < 2 and not any(h.endpoint for h in named):
            yield ("multiplicity",), "no effect: one arm is compared"
        if plan.adapt and plan.adapt.kind == "sample_size":
            yield ("multiplicity",), "given beside adapt.kind: sample_size, which is of one hypothesis"
    yield from _unfit_endpoints(plan)
    yield from _unfit_doses(plan, study)


def _unfit_doses(plan: DesignPlan, study: Study) -> Iterator[Problem]:
    """What does not go with a test of the response by dose."""
    if plan.test != "mcp_mod":
        return
    said = study.analysis.dose_response
    if said is None:
        yield ("test",), "seen mcp_mod, whose shapes are analysis.dose_response of the study, which it does not have"
        return
    if said.level != plan.level:
        what = f"seen {plan.level:g}, and analysis.dose_response.level of the study is {said.level:g}"
        yield ("level",), f"{what}; allowed: the same"
    for name in ("looks", "adapt", "multiplicity", "margin"):
        if getattr(plan, name):
            yield (name,), "seen with test: mcp_mod, one test at the end of all shapes; allowed: without"


def _unfit_endpoints(plan: DesignPlan) -> Iterator[Problem]:
    """What does not go with hypotheses on several endpoints."""
    named = plan.multiplicity.hypotheses if plan.multiplicity else ()
    if not any(hypothesis(name).endpoint for name in named):
        return
    text = "seen with hypotheses on endpoints of their own (ENDPOINT:ARM); allowed: without"
    if plan.margin:
        yield ("margin",), text
    if plan.assurance:
        yield ("assurance",), text
    if plan.adapt and plan.adapt.kind == "drop_arms":
        yield ("adapt", "kind"), f"drop_arms {text}"


def unfit_kinds(plan: DesignPlan, study: Study, measured: bool) -> Iterator[Problem]:
    """What does not go with yes or no endpoints, or with ``measured`` ones."""
    method = study.analysis.method
    if measured:
        if plan.margin and method.measured == "ancova_log":
            what = "seen with analysis.method.measured: ancova_log; allowed: with ancova or hodges_lehmann"
            yield ("margin",), what
        if plan.assurance:
            yield ("assurance",), "seen with a measured endpoint; allowed: with a yes or no one"
        return
    if plan.margin and method.test != "cmh":
        yield ("margin",), f"seen with analysis.method.test: {method.test}; allowed: with cmh"
    elif plan.margin >= 1:
        yield ("margin",), f"seen {plan.margin:g}; allowed: from 0 to below 1, a share"


def unmeasured(plan: DesignPlan, hypotheses: int, measured: bool) -> Iterator[Problem]:
    """What a design with so many hypotheses, on yes or no or ``measured`` endpoints, does not have: a stop on all of
    them, and criteria.
    """
    if plan.looks and plan.looks.stop_on == "all" and hypotheses < 2:
        yield ("looks", "stop_on"), "no effect: there is one hypothesis"
    for k, text in enumerate(plan.criteria):
        measure, _, limit = criterion(text)
        if plan.test == "mcp_mod" and measure in (*BIASES, *OF_ONE_WITH_LOOKS):
            yield ("criteria", k), f"{measure} is of a difference, which test: mcp_mod does not estimate"
        if measure in BIASES and not measured and not 0 <= limit <= 1:
            yield ("criteria", k), f"seen {text}; allowed: a share from 0 to 1"
        if measure == "power_all" and hypotheses < 2:
            yield ("criteria", k), "power_all needs two or more hypotheses, and there is one; did you mean power?"
        if measure in OF_ONE_WITH_LOOKS and hypotheses > 1:
            yield ("criteria", k), f"{measure} is of one hypothesis, and there are {hypotheses}"
