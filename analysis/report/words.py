"""The sentences of the report: what was simulated, how it went, the design in words, what to beware of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.evidence.scorecard import CONFIDENCE, STAT, Published
from analysis.report.conduct import chemotherapy, listed, meals, stopping, treatment
from analysis.report.grid import INSIDE, arm_name, courses, mean_over, plural, published_name, replicate_name
from analysis.report.runfolder import BASELINE_FILE, RunFolder
from analysis.statistics.estimates import FEW_REPLICATES, Estimate
from analysis.text import cells
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.protocol import (
    Adherence,
    Dropout,
    Laboratory,
    PKSampling,
    Randomisation,
    Rescue,
    Screening,
    Visits,
)
from trial.tables import PATIENTS

OLDEST = 120


@dataclass(frozen=True)
class KeyResult:
    """The primary endpoint of one arm: texts for a card."""

    label: str
    hue: int | None
    simulated: str
    range: str
    published: str
    inside: str
    fitted: bool


def summary(run: RunFolder) -> str:
    """One paragraph for somebody who reads nothing else."""
    n, r = run.n_patients, run.n_replicates
    people = n // len(run.arms) if run.study.paired else n
    parts = [
        f"This report describes {plural(r, 'virtual trial')} of {plural(people // r, 'patient')}"
        + (f" each ({people:,} patients in all), " if r > 1 else ", ")
        + _arms(run),
        _solved(run),
        _evaluated(run),
    ]
    return " ".join([*parts, *_score(run)])


def _arms(run: RunFolder) -> str:
    names = listed([arm.label for arm in run.arms])
    if run.study.paired:
        return f"every one under {names}."
    return f"randomised {_ratio(run)} to {names}." if len(run.arms) > 1 else f"all in one arm, {names}."


def _score(run: RunFolder) -> list[str]:
    """How many published results are met, fitted ones and predictions told apart."""
    judged = [s for s in run.scores if s["inside"]]
    if not judged:
        unjudged = "Simulated and published results are shown side by side without a verdict."
        return [unjudged] if run.scores else []
    inside = sum(s["inside"] == "yes" for s in judged)
    said = [
        f"For {inside} of {plural(len(judged), 'published result')} named for comparison before calibration, the "
        f"simulated mean lies inside {_limits_of(judged)}."
    ]
    new = [s for s in judged if s["seen"] != "yes"]
    if len(new) < len(judged):
        met = sum(s["inside"] == "yes" for s in new)
        said.append(
            f"The model was calibrated on {len(judged) - len(new)} of them: there agreement is a fit. "
            f"Predictions: {met} of {len(new)} inside."
            if new
            else "The model was calibrated on all of them, so that agreement is a fit and no prediction."
        )
    return said


def _limits_of(judged: Sequence[Mapping[str, str]]) -> str:
    """What the judged rows are held against."""
    tolerances = sum(s["interval"] not in CONFIDENCE for s in judged)
    if not tolerances:
        return "the published 95 % interval"
    set_here = "a tolerance set in advance"
    return set_here if tolerances == len(judged) else f"the published 95 % interval or, for {tolerances}, {set_here}"


def _solved(run: RunFolder) -> str:
    n, failed = run.n_patients, run.n_failed
    if not failed:
        return f"All {n:,} solves of the model succeeded."
    counted = "are not evaluable and are counted as such."
    return f"{failed:,} of {n:,} solves of the model failed; those {courses(run)} {counted}"


def _evaluated(run: RunFolder) -> str:
    absent = sum(n for why, n in run.primary.items() if why)
    if not absent:
        return f"Every patient is evaluable for the primary endpoint ({run.study.analysis.primary})."
    who = plural(absent, f"{courses(run)[:-1]} is", f"{courses(run)} are")
    return f"{who} not evaluable for the primary endpoint ({run.study.analysis.primary})."


def key_results(run: RunFolder) -> list[KeyResult]:
    """The primary endpoint per arm, simulated beside published."""
    found = []
    for arm in run.study.arm_ids:
        for said, stat in STAT.items():
            over = run.over(run.study.analysis.primary, arm, stat)
            if over is not None:
                found.append(_key_result(run, over, run.published.get((run.study.analysis.primary, said, arm))))
    return found


def _key_result(run: RunFolder, over: Estimate, printed: Published | None) -> KeyResult:
    label, hue = arm_name(run, over.ARM)
    decimals = cells.decimals(over.ESTIMATE)
    score = next((s for s in run.scores if printed and s["row_id"] == printed.row_id), None)
    published = f"{cells.rounded(printed.published, decimals)} {printed.unit}" if printed else ""
    if printed and printed.interval in CONFIDENCE:
        published += f" {cells.interval(printed.ci_low, printed.ci_high, decimals)}"
    inside = INSIDE.get(score["inside"], "") if score else ""
    fitted = bool(score and score["seen"] == "yes")
    simulated = _with_unit(mean_over(over, decimals), over.UNIT)
    return KeyResult(label, hue, simulated, _known_range(over, decimals), published, inside, fitted)


def _known_range(over: Estimate, decimals: int) -> str:
    return "" if over.RANGE_LOW is None else cells.interval(over.RANGE_LOW, over.RANGE_HIGH, decimals)


def _with_unit(text: str, unit: str) -> str:
    return text if text == cells.NOT_ESTIMABLE else f"{text} {unit}"


def primary_label(run: RunFolder) -> str:
    """Label of the primary endpoint."""
    primary = run.study.analysis.primary
    return next((e.PARAM for e in run.of_endpoints if primary == e.PARAMCD), primary)


def warnings(run: RunFolder) -> list[str]:
    """What to beware of: what the run said, what failed, who lies outside the validity domain, what is absent."""
    said = [str(text) for text in run.manifest.get("warnings") or []]
    if run.n_kept < run.n_replicates:
        said.append(
            f"Results are over all {run.n_replicates:,} replicates; what is counted or drawn patient by patient is of "
            f"the {plural(run.n_kept, 'replicate')} whose tables were kept (output: endpoints)."
        )
    said += [f"{plural(n, 'solve')} failed: {why}." for why, n in Counter(run.unsolved).most_common()]
    outside = Counter(run.column("patients", "OUTDOM").tolist())
    of = f" of the {plural(run.n_kept, 'replicate')} kept" if run.n_kept < run.n_replicates else ""
    said += [
        f"{plural(n, f'patient{of} lies', f'patients{of} lie')} outside the validity domain of the parameter set: "
        f"{why}."
        for why, n in outside.most_common()
        if why
    ]
    if run.n_replicates == 1:
        said.append("One replicate only: there is no Monte Carlo error and no range of replicates.")
    elif run.n_replicates < FEW_REPLICATES:
        said.append(
            f"{run.n_replicates} replicates are few: the 2.5 to 97.5 % range is close to the smallest and the largest."
        )
    return said + [f"{name} is not there: {what}." for name, what in run.absent.items() if _expected(run, name)]


def _expected(run: RunFolder, name: str) -> bool:
    """Whether the study should have this optional file."""
    published = run.study.published
    return bool({"screening.parquet": True, BASELINE_FILE: published and published.baseline}.get(name, published))


def design_facts(run: RunFolder) -> list[tuple[str, str]]:
    """The design as label and text."""
    study = run.study
    facts = [
        ("Patients", f"{study.patients:,} per replicate, {plural(run.n_replicates, 'replicate')}"),
        ("Allocation", _allocation(run)),
        ("Eligibility", _eligibility(study.screening)),
        ("Treatment", treatment(run)),
        ("Chemotherapy", chemotherapy(study.chemotherapy)),
        ("Meals", meals(run)),
        ("Visits", _visits(study.visits)),
        ("Laboratory", _laboratory(study.laboratory)),
        ("PK sampling", _pk_sampling(study.pk_sampling)),
        ("Primary endpoint", primary_label(run) + _threshold(run)),
        ("Adherence", _adherence(study.adherence)),
        ("Rescue", _rescue(study.rescue)),
        ("Stop by the dose rule", stopping(run)),
        ("Leaving early", "; ".join(map(_hazard, study.dropout)) or "nobody"),
        ("Parameter set", study.parameter_set),
        ("Population", str(study.population.id or study.population.file)),
    ]
    return [fact for fact in facts if fact[1]]


@dataclass(frozen=True)
class RuleTable:
    """One dose rule in words: its name, arms, lines of (reported count, what is done, when) and its source."""

    name: str
    arms: str
    ladder: str
    lines: tuple[tuple[str, str, str], ...]
    source: str


def dose_rules(run: RunFolder) -> list[RuleTable]:
    """The dose rules of the study, in words."""
    return [_rule(run, name, rule) for name, rule in run.study.dose_rules.items()]


def _rule(run: RunFolder, name: str, rule: DoseRule) -> RuleTable:
    lines = [(_limits(step) + _rung(step), ACTIONS[step.action], _waiting(step)) for step in rule.steps]
    if rule.restart:
        level = {"same": "at the same dose", "lower": "one level lower"}[rule.restart.level]
        lines.append((f"below {rule.restart.below_1e9L:g} while interrupted", f"restart {level}", "at the visit"))
    floor = {"keep": "keep the dose", "interrupt": "interrupt"}[rule.at_floor]
    lines.append(("“one level lower” on the lowest level", floor, ""))
    arms = listed([arm.label for arm in run.arms if arm.rule == name])
    ladder = ", ".join(f"{dose:g}" for dose in rule.ladder_mg)
    return RuleTable(name, arms, ladder, tuple(lines), rule.source)


ACTIONS = {
    "increase": "one level higher",
    "decrease": "one level lower",
    "keep": "keep the dose",
    "interrupt": "interrupt (no dose)",
    "stop": "stop for good (no dose, no restart)",
}


def _limits(step: DoseStep) -> str:
    low, high = step.at_least_1e9L, step.below_1e9L
    if math.isinf(high):
        return f"{low:g} or more" if low > 0 else "any count"
    return f"{low:g} to below {high:g}" if low > 0 else f"below {high:g}"


def _rung(step: DoseStep) -> str:
    return f", on the {step.rung} level" if step.rung != "any" else ""


def _waiting(step: DoseStep) -> str:
    days, visits = step.min_days_since_change, step.confirm_visits
    parts = [f"{days} days or more after the last change"] * bool(days)
    parts += [f"at {visits} visits in a row"] * (visits > 1)
    return "; ".join(parts) or "at the visit"


def _ratio(run: RunFolder) -> str:
    return ":".join(str(arm.ratio) for arm in run.arms)


def _threshold(run: RunFolder) -> str:
    """The response threshold, where the primary endpoint is a rate."""
    rate = run.over(run.study.analysis.primary, run.study.arm_ids[0], "rate")
    return f" (threshold {run.study.analysis.response_threshold_1e9L:g} × 10⁹/L)" if rate else ""


def _allocation(run: RunFolder) -> str:
    if len(run.arms) == 1:
        return "one arm"
    if run.study.paired:
        return "counterfactual: every patient under every arm"
    return f"{_ratio(run)}, permuted blocks of {run.study.randomisation.block_size}{_strata(run.study.randomisation)}"


def _strata(randomisation: Randomisation) -> str:
    cuts = [(s.covariate, "" if s.cut is None else f" (cut at {s.cut:g})") for s in randomisation.strata]
    named = [_covariate(name) + cut for name, cut in cuts]
    return f", stratified by {listed(named)}" if named else ""


def _covariate(name: str) -> str:
    label = PATIENTS.field(name).metadata[b"label"].decode()
    return label[0].lower() + label[1:]


def _eligibility(screening: Screening) -> str:
    said = []
    low, high = screening.platelets_at_least_1e9L, screening.platelets_below_1e9L
    if low or high is not None:
        limits = [f"at least {low:g}"] * bool(low) + [f"below {high or 0:g}"] * (high is not None)
        said.append(f"measured platelets {' and '.join(limits)} × 10⁹/L")
    if screening.itp_duration_at_least_y:
        said.append(f"ITP for {screening.itp_duration_at_least_y:g} y or longer")
    if screening.age_at_least_y:
        said.append(f"age {screening.age_at_least_y:g} y or older")
    if screening.age_at_most_y < OLDEST:
        said.append(f"at most {screening.age_at_most_y:g} y")
    return "; ".join(said)


def _visits(visits: Visits) -> str:
    window, missed = visits.window_days, visits.missed_probability
    when = f"up to {window} days early or late" if window else "on the day"
    return f"day {', '.join(map(str, visits.days))}; {when}; {f'{100 * missed:g} %' if missed else 'none'} missed"


def _laboratory(laboratory: Laboratory) -> str:
    numbers = "as whole numbers " if laboratory.whole_numbers else ""
    days = laboratory.turnaround_days
    when = f"{plural(days, 'day')} after the visit" if days else "on the day of the visit"
    return f"counts reported {numbers}not below {laboratory.lower_limit_1e9L:g} × 10⁹/L; results {when}"


def _pk_sampling(sampling: PKSampling | None) -> str:
    if sampling is None:
        return ""
    times = ", ".join(f"{hour:g}" for hour in sampling.times_h)
    return f"day {sampling.visit_day}; {times} h after the dose of that day"


def turnaround(run: RunFolder) -> str:
    """When a change of dose takes effect, if not on the day of the visit."""
    days = run.study.laboratory.turnaround_days
    return f"A change takes effect {plural(days, 'day')} after the visit." if days else ""


def _adherence(adherence: Adherence) -> str:
    mean, sd = adherence.mean, adherence.sd
    return "every dose is taken" if mean == 1 else f"mean {100 * mean:g} % of doses, SD {100 * sd:.3g} %"


def _rescue(rescue: Rescue) -> str:
    if not rescue.allowed:
        return "not allowed"
    return f"allowed at visits, {rescue.min_days_between} days or more apart"


def _hazard(item: Dropout) -> str:
    hazard = item.hazard_per_week
    if isinstance(hazard, Mapping):
        return f"{item.reason}: " + ", ".join(f"{100 * v:.3g} %/week ({arm})" for arm, v in hazard.items())
    return f"{item.reason}: {100 * hazard:.3g} %/week"


def kinds_of_uncertainty(run: RunFolder) -> list[tuple[str, str]]:
    """The three kinds, never mixed."""
    n = int(np.sum(run.named)) // (len(run.arms) if run.study.paired else 1)
    doubt = (
        "and, as every replicate drew its own population parameters, those drawn ones too (see the warnings)"
        if run.study.parameter_uncertainty
        else "when the model is right; it does not hold doubt about the model"
    )
    one = (
        (
            "Interval of one replicate",
            f"What the paper of one trial would print: {n:,} patients, {replicate_name(run)}, its own "
            "95 % confidence interval. It depends on the number of patients in the trial, not on the computer.",
        ),
    )
    if run.n_replicates == 1:
        absent = "Not known: this run has one replicate."
        return [*one, ("Mean ± Monte Carlo error", absent), ("Range of replicates", absent)]
    return [
        *one,
        (
            "Mean ± Monte Carlo error",
            f"The mean result of {plural(run.n_replicates, 'replicate')}, and how far that mean may be off because "
            "only so many were run: the standard deviation of the replicates over the square root of their number. "
            "More replicates make it as small as wanted; it says nothing about real patients.",
        ),
        (
            "Range of replicates",
            "Between which results 95 % of the virtual trials lie (2.5 to 97.5 %). It shows how much a trial of this "
            f"size varies by chance {doubt}.",
        ),
    ]


def reproduce(run: RunFolder) -> str:
    """The command that makes this run again."""
    said = run.manifest.get("command")
    return str(said) if said else "vtrial run config.resolved.yaml --out another_folder"


def publication(run: RunFolder) -> str:
    """Name of the publication, for headings."""
    return published_name(run)
