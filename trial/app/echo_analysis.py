"""The analysis of a study in words: endpoints of its own, estimands, comparison, subgroups, and over visits."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.statistics.planned import LIMITS, TESTS
from trial.study.crossover_plan import within_patients
from trial.study.dose_response import by_dose
from trial.study.estimand import deaths_in_words, imputation_in_words
from trial.study.exposure_response import by_exposure, levels_of
from trial.study.study import Study
from trial.study.subgroups import in_subgroups

COUNT = "x 10^9/L"


def analysis_in_words(study: Study) -> Iterator[str]:
    """What is reported and compared, a sentence each."""
    yield f"result: {_result(study)}"
    yield from _definitions(study)
    yield from _estimands(study)
    yield from _comparison(study)
    yield from in_subgroups(study.analysis.subgroups)
    if study.analysis.concentrations:
        yield "concentrations: by nominal time in the named replicate"
    yield from within_patients(study.analysis.crossover)
    yield from by_dose(study.analysis.dose_response, study.analysis.primary)
    if said := study.analysis.exposure_response:
        levels = levels_of(study.arms, study.dose_rules)
        yield from by_exposure(said, study.analysis.primary, study.replicates, levels)
    yield from _over_visits(study)


def _estimands(study: Study) -> Iterator[str]:
    plan = study.analysis
    of = f", of stage {study.plan[study.analysed_stage].id}" * bool(study.stages)
    yield from (f"estimand {one.id}{of}: {one.in_words(plan.primary, plan.assessment_day)}" for one in plan.estimands)
    if plan.estimands:
        limits, names = plan.verdict, ", ".join(name.replace("_", " ") for name in plan.estimators)
        yield (
            f"estimators: {names}; limits: bias {limits.bias_points:g} points, coverage {100 * limits.coverage:g} %, "
            f"type I error {100 * limits.type1_error:g} %"
        )
        yield from (f"estimand {said}" for said in deaths_in_words(plan.estimands, study.deaths))
        yield from (f"estimators: {said}" for said in imputation_in_words(plan.imputation, plan.estimators))


def _result(study: Study) -> str:
    analysis = study.analysis
    against = f", against {analysis.reference_arm}" if analysis.reference_arm else ""
    response = f"a response is {analysis.response_threshold_1e9L:g} {COUNT} or more"
    of = f" of stage {study.plan[study.analysed_stage].id}" if study.stages else ""
    return f"{analysis.primary} on day {analysis.assessment_day}{of}{against}; {response}"


def _definitions(study: Study) -> Iterator[str]:
    for one in (plan := study.analysis).definitions:
        yield f"endpoint {one.id}: {one.in_words(plan.response_threshold_1e9L, plan.assessment_day)}"


MEASURED = {
    "hodges_lehmann": "shift of Hodges and Lehmann, van Elteren's test",
    "ancova": "means adjusted for baseline and stratum",
    "ancova_log": "geometric means adjusted for baseline and stratum",
}
PROCEDURES = {"holm": "Holm", "hochberg": "Hochberg", "fixed_sequence": "fixed sequence", "graphical": "graph"}


def _over_visits(study: Study) -> Iterator[str]:
    """What is analysed over the visits of a patient and of what happens to him."""
    said = study.analysis.longitudinal
    rescue = "without" if said.after_rescue == "left_out" else "with"
    freedom = said.degrees_of_freedom.replace("_", "-").title()
    parts = (
        (f"mixed model ({said.covariance.replace('_', ' ')}, {freedom}, {rescue} counts that a rescue voids)",)
        * said.mmrm
        + (f"odds ratios at every visit (GEE, {said.working_correlation})",) * said.gee
        + (f"mean time without the event to day {said.restricted_mean_day}",) * (said.restricted_mean_day is not None)
        + ("cumulative incidence of leaving and of response",) * said.competing
        + ("rates of rescues and bleeding episodes",) * said.recurrent
    )
    if parts:
        yield f"over the visits: {'; '.join(parts)}"


def _comparison(study: Study) -> Iterator[str]:
    """How yes or no endpoints are compared with the reference arm, and several hypotheses; nothing of pairs."""
    plan, method = study.analysis, study.analysis.method
    if study.paired or plan.reference_arm is None:
        return
    strata = ("within strata",) * bool(study.randomisation.strata and method.strata == "randomisation")
    pooled = (f"strata below {method.pool_below} per arm pooled",) * bool(method.pool_below)
    exact = (f"{method.exact.title()}'s where fewer than {method.exact_below:g} are expected",) * bool(
        method.exact_below
    )
    parts = (*strata, *pooled, f"limits by {LIMITS[method.difference]}", f"test {TESTS[method.test]}", *exact)
    odds = method.odds_ratio.replace("mantel_haenszel", "Mantel-Haenszel")
    measured = f"; measured endpoints: {MEASURED[method.measured]}" if method.measured != "none" else ""
    yield f"comparison: {', '.join(parts)}; odds ratio {odds}{measured}"
    if plan.multiplicity:
        names = ", ".join(f"{h.endpoint} in {h.arm}" for h in plan.family(study.arm_ids))
        yield f"hypotheses: {PROCEDURES[plan.multiplicity.procedure]} over {names}"
