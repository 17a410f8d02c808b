"""A statistical analysis plan in words: every sentence from the values of the config and the registered definitions.

What the config does not plan is said to be none. A key of ``analysis`` that has no sentence here is listed with its
meaning and its value, so that no part of the plan is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from analysis.endpoints import chosen, chosen_times
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.count_proxies import TOLERABILITY_ENDPOINTS
from analysis.statistics.planned import LIMITS, ODDS, TESTS, compared_arms
from analysis.statistics.subgroups import subgroup_endpoints
from analysis.statistics.summaries import LOCATION, compares_arms
from cohorts.adverse_events import proxy
from trial.app.echo import in_words
from trial.app.sap_responses import responses_in_words
from trial.app.versions import engine_version
from trial.app.wording import at_cut, covariate, listed, listed_keys, lower, one_line
from trial.errors import Refused, Stopped
from trial.study.estimand import ESTIMATORS, IMPUTED, IMPUTING, deaths_in_words, imputation_in_words
from trial.study.fingerprint import fingerprint
from trial.study.study import Study

COUNT = "x 10^9/L"
OF_THE_RESULT = (
    "result:",
    "endpoint ",
    "estimand ",
    "estimators:",
    "comparison:",
    "hypotheses:",
    "subgroups:",
    "dose response:",
    "exposure response:",
    "concentrations:",
    "over the visits:",
    "design ",
    "parameter set ",
    "adverse events ",
)
"""Lines of ``vtrial check`` that this plan says in its own sections."""
BETTER = {"higher": "higher is better", "lower": "lower is better", "none": "no direction is better"}
PROCEDURES = {
    "holm": "Holm's procedure",
    "hochberg": "Hochberg's procedure",
    "fixed_sequence": "a fixed sequence, in this order",
    "graphical": "a graphical procedure (Bretz and Maurer)",
}
MEASURED = {
    "hodges_lehmann": "shift of location (Hodges and Lehmann)",
    "ancova": "difference of adjusted means",
    "ancova_log": "ratio of adjusted geometric means",
}
EVENTS = {
    "rescue": r"\brescues?\b|\bvoids?\b",
    "a stop by the dose rule": r"\bstop(s|ped|ping)?\b",
    "leaving": r"\bleft\b|\bleav|\bcomplet|\bmissing\b|\bmissed\b|\bwithout (a|that) count\b",
    "a missed visit": r"\bmissing\b|\bmissed\b|\bwithout (a|that) count\b",
}
"""Intercurrent events, and the words by which a definition speaks of them."""


def plan_in_words(study: Study) -> str:
    """The plan as Markdown."""
    sections = (
        ("Objectives and design", _design(study)),
        ("Sample size", _size(study)),
        ("Analysis sets", _sets(study)),
        ("Randomisation and strata", _randomisation(study)),
        ("Endpoints", _endpoints(study)),
        ("Estimand of the primary endpoint", (*_estimand(study), *_estimands(study))),
        ("Statistical methods", _methods(study)),
        ("Multiplicity", _multiplicity(study)),
        ("Missing data", _missing(study)),
        ("Interim analyses", iter(["None is planned: every patient is followed to the end before any analysis."])),
        ("Subgroups", _subgroups(study)),
        ("Dose and exposure response", responses_in_words(study)),
        ("Longitudinal and other analyses", _others(study)),
        ("Tolerability", _tolerability(study)),
        ("Simulation and software", _software(study)),
    )
    lines = [
        f"# Statistical analysis plan: {' '.join(study.title.split())}",
        "",
        f"Study `{study.id}`, design {fingerprint(study)}. A virtual trial: simulated subjects, not clinical data.",
    ]
    for k, (title, body) in enumerate(sections, start=1):
        lines += ["", f"## {k}. {title}", "", *body]
    return "\n".join(lines) + "\n"


def write_plan(text: str, out: Path, overwrite: bool = False) -> None:
    """Raises Refused for another kind of file or one that is there, Stopped where it cannot be written."""
    if out.suffix != ".md":
        raise Refused(f"--out: seen {str(out)!r}; allowed: a file of Markdown, as in {out.stem or 'sap'}.md")
    if out.exists() and not overwrite:
        raise Refused(f"{out}: there is something already; --overwrite replaces it")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stopped(f"{out}: cannot be written ({error.strerror})") from None


def _design(study: Study) -> Iterator[str]:
    plan, primary = study.analysis, _primary(study)
    drugs = [arm.name for arm in study.arms if arm.id != plan.reference_arm]
    reference = next((arm.name for arm in study.arms if arm.id == plan.reference_arm), "")
    aim = f"compare {listed(drugs)} with {reference}" if reference else f"estimate, in {listed(drugs)},"
    what = f"the primary endpoint {plan.primary}: {lower(primary.label)}"
    yield f"The objective is to {aim}{' in' if reference else ''} {what}."
    yield ""
    yield "The design, as the config has it:"
    yield ""
    yield from (f"- {line}" for line in in_words(study) if not line.startswith(OF_THE_RESULT))


def _size(study: Study) -> Iterator[str]:
    power = (
        f" The power of this plan is a result of the simulation: the share of {study.replicates} simulated trials of "
        "this size in which the planned test succeeds."
    )
    compared = study.analysis.reference_arm is not None and _primary(study).summary == "rate"
    yield f"{study.patients} patients, as configured; the number is not computed here.{power * compared}"


def _sets(study: Study) -> Iterator[str]:
    who = "every patient, under every arm" if study.paired else "every randomised patient, in the arm of the allocation"
    if study.stages:
        stage = study.plan[study.analysed_stage]
        who += f", who entered stage {stage.id} ({stage.name}), whose endpoints are reported on the days since it began"
    yield f"- Full analysis set (FAS): {who}. All analyses but those of concentrations are of this set."
    if study.pk_sampling:
        days = list(map(str, study.pk_sampling.days))
        yield f"- Pharmacokinetic set (PKS): patients with a profile on day {listed(days)}, on drug then."
    yield "- There is no per-protocol set, and no safety set of its own: every patient takes what the allocation says."


def _randomisation(study: Study) -> Iterator[str]:
    if study.paired:
        yield "Nobody is randomised: every patient is simulated under every arm (counterfactual allocation)."
        return
    if len(study.arms) == 1:
        yield "There is one arm."
        return
    ratio = ":".join(str(arm.ratio) for arm in study.arms)
    blocks = f"in permuted blocks of {study.randomisation.block_size}"
    yield f"Patients are allocated {ratio} to {listed([arm.id for arm in study.arms])} {blocks}{_strata(study)}."


def _strata(study: Study) -> str:
    cut = [f"{covariate(s.covariate)}{at_cut(s.cut)}" for s in study.randomisation.strata]
    return f", within the strata of {listed(cut)}" if cut else ", without strata"


def _primary(study: Study) -> Endpoint:
    return chosen(study.analysed)[study.analysis.primary]


def _endpoints(study: Study) -> Iterator[str]:
    plan, known = study.analysis, chosen(study.analysed)
    yield (
        f"A response is a count of {plan.response_threshold_1e9L:g} {COUNT} or more. The assessment day is day "
        f"{plan.assessment_day}{' of the stage' if study.stages else ''}."
    )
    yield ""
    for code, endpoint in sorted(known.items(), key=lambda item: item[0] != plan.primary):
        yield f"- {'Primary' if code == plan.primary else 'Secondary'}: {_endpoint(code, endpoint)}"
    for time in chosen_times(study.analysed).values():
        yield f"- Time to event: {time.code}, {time.label}. {one_line(time.estimand)} Source: {time.source}."


def _endpoint(code: str, endpoint: Endpoint) -> str:
    kind = "yes or no" if endpoint.summary == "rate" else f"{LOCATION[endpoint.summary]}, {endpoint.unit}"
    definition = one_line(endpoint.definition)
    return f"{code}, {endpoint.label} ({kind}; {BETTER[endpoint.benefit]}). {definition} Source: {endpoint.source}."


def _estimand(study: Study) -> Iterator[str]:
    """ICH E9(R1): population, treatments, variable, intercurrent events, summary; what the definition says of each."""
    plan, primary = study.analysis, _primary(study)
    screened = next(line for line in in_words(study) if line.startswith("screening: "))
    yield f"- Population: patients eligible by the screening of the protocol ({screened.removeprefix('screening: ')})."
    yield f"- Treatments: {listed([arm.name for arm in study.arms])}, as allocated."
    yield f"- Variable: {plan.primary}. {one_line(primary.definition)}"
    said = re.split(r"(?<=\.) ", one_line(primary.definition))
    for event, happens in _intercurrent(study):
        mine = [sentence for sentence in said if re.search(EVENTS[event], sentence, re.IGNORECASE)]
        strategy = (
            f"as the definition says: {' '.join(mine)}"
            if mine
            else "the definition does not name it: the value is used as it is observed (treatment policy)."
        )
        yield f"- Intercurrent event, {event} ({happens}): {strategy}"
    if study.rules_in_use:
        yield "- Intercurrent event, a change of dose by the dose rule: part of the treatment (treatment policy)."
    summary = "share of patients" if primary.summary == "rate" else LOCATION[primary.summary]
    compared = primary.summary == "rate" and plan.reference_arm is not None
    versus = f"difference of the {summary} to {plan.reference_arm}{', of pairs' * study.paired}"
    of_measured = MEASURED.get(plan.method.measured, "") if compares_arms(study) and primary.summary != "rate" else ""
    versus = versus if compared else f"{of_measured} to {plan.reference_arm}" if of_measured else f"{summary} by arm"
    yield f"- Summary: {versus}."


def _estimands(study: Study) -> Iterator[str]:
    """The estimands that the config names, and what is held against their true values."""
    plan = study.analysis
    if not plan.estimands:
        return
    limits = plan.verdict
    yield ""
    of = f" of stage {study.plan[study.analysed_stage].id}" * bool(study.stages)
    yield f"Estimands{of} whose true value is simulated (`vtrial estimands`):"
    yield ""
    yield from (f"- {one.name}: {one.in_words(plan.primary, plan.assessment_day)}." for one in plan.estimands)
    yield ""
    yield "Held against them:"
    yield ""
    yield from (f"- {name.replace('_', ' ')}: {ESTIMATORS[name]}" for name in plan.estimators)
    more = [*deaths_in_words(plan.estimands, study.deaths), *imputation_in_words(plan.imputation, plan.estimators)]
    more += [IMPUTED] * bool(set(plan.estimators) & set(IMPUTING) or plan.imputation.deltas)
    yield from (f"- {said[0].upper()}{said[1:]}." for said in more)
    yield ""
    yield (
        f"An estimator passes with a bias of at most {limits.bias_points:g} percentage points, a coverage of at least "
        f"{100 * limits.coverage:g} % and a type I error of at most {100 * limits.type1_error:g} %."
    )


def _intercurrent(study: Study) -> Iterator[tuple[str, str]]:
    """Events that may come between in this study, and how."""
    if study.rescue.allowed:
        agents = ", ".join(agent.term for agent in study.rescue.agents)
        yield "rescue", agents or f"at least {study.rescue.min_days_between} days apart"
    if study.can_stop:
        yield "a stop by the dose rule", "the patient stays in the study"
    if study.reasons_to_leave:
        yield "leaving", ", ".join(study.reasons_to_leave)
    if study.visits.missed_probability:
        yield "a missed visit", f"{100 * study.visits.missed_probability:g} % of visits"


def _methods(study: Study) -> Iterator[str]:
    plan, method = study.analysis, study.analysis.method
    yield "- Rates: exact limits of Clopper and Pearson, 95 %."
    yield "- Measured endpoints: median, mean or geometric mean by arm."
    if study.paired and plan.reference_arm:
        yield f"- Differences from {plan.reference_arm}: of pairs, limits of Tango, 95 %; test of McNemar, two-sided."
    if not compares_arms(study):
        if plan.reference_arm is None:
            yield "- Arms are not compared: there is no reference arm."
        return
    within = method.strata == "randomisation" and bool(study.randomisation.strata)
    how = "within the strata of the randomisation, weights of Mantel and Haenszel" if within else "without strata"
    exact = method.test in ("fisher", "boschloo")
    yield (
        f"- Yes or no endpoints, {listed(compared_arms(study))} against {plan.reference_arm}: difference {how}, 95 % "
        f"limits by {LIMITS[method.difference]}."
    )
    yield f"- Test: {TESTS[method.test]}, two-sided, level 5 %{', without strata' * (exact and within)}."
    if method.exact_below:
        yield f"- Where the smallest expected count is below {method.exact_below:g}: {TESTS[method.exact]} instead."
    if method.pool_below:
        yield (
            f"- A stratum with fewer than {method.pool_below} evaluable patients in an arm joins the smallest of the "
            "others, the smallest first."
        )
    yield f"- Odds ratio: {ODDS[method.odds_ratio]}, 95 % limits."
    yield "- Beside it the crude difference, limits by Miettinen-Nurminen, and the crude odds ratio, limits by Woolf."
    yield from listed_keys(method, "method")
    if any(kind.compared for kind in chosen_times(study.analysed).values()):
        strata = "within the strata of the randomisation" if study.randomisation.strata else "without strata"
        yield (
            f"- Times to event: Kaplan-Meier, limits log-log; arms compared {strata} by the log-rank test and Cox's "
            "hazard ratio, but for times of which not everybody randomised is watched."
        )


def _multiplicity(study: Study) -> Iterator[str]:
    plan = study.analysis.multiplicity
    if plan is None:
        alone = "every p stands alone; those of other endpoints than the primary are nominal"
        yield f"None: {alone if study.analysis.reference_arm else 'arms are not compared'}."
        return
    names = [f"{h.endpoint} in {h.arm}" for h in study.analysis.family(study.arm_ids)]
    yield f"The family-wise error of 5 % is kept by {PROCEDURES[plan.procedure]} over: {'; '.join(names)}."
    if plan.weights:
        yield f"Weights at the start: {', '.join(f'{name} {share:g}' for name, share in plan.weights.items())}."
    for name, row in plan.transitions.items():
        yield f"When {name} is rejected, its level goes to {', '.join(f'{to} {share:g}' for to, share in row.items())}."


def _missing(study: Study) -> Iterator[str]:
    visits = study.visits.missed_probability
    lost = study.laboratory.lost_probability
    yield f"- Expected: {100 * visits:g} % of visits missed, {100 * lost:g} % of samples lost."
    plan, imputed = study.analysis, "No value is imputed."
    if set(plan.estimators) & set(IMPUTING) or plan.imputation.deltas:
        imputed = "The planned analysis imputes no value; those held against the estimands do (section 6)."
    yield f"- What a missing count means for an endpoint is in its definition (section 5). {imputed}"
    yield (
        "- A patient for whom an endpoint has no value is not evaluable: left out of numerator and denominator, and "
        "counted with the reason."
    )
    yield "- Times to event are censored at the last day watched."


def _subgroups(study: Study) -> Iterator[str]:
    asked = study.analysis.subgroups
    if not asked:
        yield "None are planned."
        return
    yield f"Of {listed(list(subgroup_endpoints(study.analysed)))}, by:"
    yield ""
    yield from (f"- {covariate(one.covariate)}{at_cut(one.cut)}" for one in asked)
    yield ""
    if compares_arms(study):
        yield (
            "In each subgroup the rate by arm and the difference by the planned method, 95 % limits, not corrected for "
            "several comparisons. Interaction: Cochran's Q of the differences of the subgroups, variances of Miettinen "
            "and Nurminen under one common difference, two-sided, 5 %. Over replicates: the share in which a subgroup "
            "has the sign of all patients. A subgroup in which an arm has nobody is not estimable."
        )
    else:
        yield "In each subgroup the rate by arm; arms are not compared."


def _others(study: Study) -> Iterator[str]:
    found = list(listed_keys(study.analysis, ""))
    if study.analysis.concentrations:
        found.append(
            "- concentrations by nominal time, active arms: n, n quantifiable, mean (SD, CV), geometric mean and CV, "
            "median and range; below the limit of quantification zero before the first quantifiable sample, missing "
            "after it"
        )
    yield from found or ["None are planned."]


def _tolerability(study: Study) -> Iterator[str]:
    made = {endpoint.evaluate for endpoint in TOLERABILITY_ENDPOINTS}
    known = [code for code, endpoint in chosen(study.analysed).items() if endpoint.evaluate in made]
    yield f"Proxies of tolerability, made of counts and doses (section 5): {listed(known) or 'none'}."
    if study.proxies:
        yield ""
        yield "Adverse events are drawn as proxies, not predicted: their rates have priors, and the report prints them."
        yield ""
        yield from (f"- AE_{code}: {proxy(code).term}" for code in study.proxies)
    else:
        yield ""
        yield "No adverse events are simulated."


def _software(study: Study) -> Iterator[str]:
    yield (
        f"{study.replicates} replicates of the trial, seed {study.seed}; replicate {study.analysis.named_replicate} is "
        "reported with its own limits, as if it were the trial. Over replicates: mean, its Monte Carlo error, and the "
        "2.5 to 97.5 % range."
    )
    yield ""
    yield from (f"- {line}" for line in in_words(study) if line.startswith(("parameter set ", "posterior ")))
    uncertain = "each replicate draws its own" if study.parameter_uncertainty else "the same in every replicate"
    uncertain += ", assumed numbers by their prior" if study.parameter_uncertainty == "all" else ""
    yield f"- population parameters: {uncertain}"
    yield f"- vtrial {engine_version()}; versions of all packages are in the manifest of each run"
