"""The design of the study in words, every number of it a setting of the config."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from analysis.report.conduct import chemotherapy, meals, stopping, treatment
from analysis.report.grid import listed, threshold
from analysis.report.number_origins import Number, Text, joined, label, said, shown
from analysis.report.planned import family_note, method_notes
from analysis.report.runfolder import RunFolder
from analysis.report.summary import primary_label, ratio
from analysis.text import cells
from trial.tables import PATIENTS

OLDEST = 120
ACTIONS = {
    "increase": "one level higher",
    "decrease": "one level lower",
    "keep": "keep the dose",
    "interrupt": "interrupt (no dose)",
    "stop": "stop for good (no dose, no restart)",
    "taper": "one level lower whatever the count; from the lowest level stop for good",
}


@dataclass(frozen=True)
class RuleTable:
    """One dose rule in words: its name, arms, lines of (reported count, what is done, when) and its source."""

    name: str
    arms: Text
    ladder: Text
    lines: tuple[tuple[Text, Text, Text], ...]
    source: str
    citation: str
    confidence: str


def design_facts(run: RunFolder) -> list[tuple[str, Text]]:
    """The design as label and text."""
    study = run.study
    facts: list[tuple[str, Text]] = [
        ("Patients", _patients(run)),
        ("Allocation", _allocation(run)),
        ("Eligibility", _eligibility(run)),
        ("Treatment", treatment(run)),
        *_stages(run),
        ("Chemotherapy", chemotherapy(run)),
        ("Meals", meals(run)),
        ("Visits", _visits(run)),
        ("Laboratory", _laboratory(run)),
        ("PK sampling", _pk_sampling(run)),
        ("Primary endpoint", _primary(run)),
        *_defined(run),
        ("Planned comparison", _comparison(run)),
        ("Adherence", _adherence(run)),
        ("Rescue", _rescue(run)),
        ("Stop by the dose rule", stopping(run)),
        ("Leaving early", joined("; ", [_hazard(run, k) for k in range(len(study.dropout))]) or "nobody"),
        ("Parameter set", shown(cells.as_is, run.config("parameter_set"))),
        ("Population", shown(cells.as_is, run.config("population", "id" if study.population.id else "file"))),
        ("Margins of the study's own", _margins(run)),
        ("Covariates that change", _changes(run)),
    ]
    return [fact for fact in facts if fact[1]]


def _stages(run: RunFolder) -> list[tuple[str, Text]]:
    """Every stage in a sentence, those of the study alone."""
    study = run.study
    said_of = [(stage, label(stage.in_words(study.days_before(k)))) for k, stage in enumerate(study.stages)]
    reported = study.analysed_stage
    return [
        (f"Stage: {stage.name}", said("{}{}", text, "; its endpoints are reported" if k == reported else ""))
        for k, (stage, text) in enumerate(said_of)
    ]


def _defined(run: RunFolder) -> list[tuple[str, Text]]:
    """Every endpoint that the study defines, in words."""
    plan = run.study.analysis
    words = {one.id: one.in_words(plan.response_threshold_1e9L, plan.assessment_day) for one in plan.definitions}
    return [(f"Endpoint {code}", label(text)) for code, text in words.items()]


def _margins(run: RunFolder) -> Text:
    """What the study asks of the population in place of what the catalogue has."""
    own = run.study.population.margins
    found = {name: run.config("population", "margins", name) for name in (own.given if own else {})}
    said_as = {name: name.replace("_1e9L", " (10^9/L)").replace("_y", " (y)").replace("_", " ") for name in found}
    return joined("; ", [said("{} {}", said_as[name], shown(cells.general, value)) for name, value in found.items()])


def _changes(run: RunFolder) -> Text:
    """Which covariates change during the trial, for whom and to what."""
    chosen = run.study.population
    told = [label(f"by day, as {chosen.by_day} says")] if chosen.by_day else []
    return joined("; ", [*told, *(label(str(change)) for change in chosen.changes)])


def _patients(run: RunFolder) -> Text:
    replicates = shown(cells.plural, run.replicates, one="replicate")
    return said("{} per replicate, {}", shown(cells.whole, run.config("patients")), replicates)


def _allocation(run: RunFolder) -> Text:
    if len(run.arms) == 1:
        return "one arm"
    if run.study.paired:
        return "counterfactual: every patient under every arm"
    size = shown(cells.whole, run.config("randomisation", "block_size"))
    return said("{}, permuted blocks of {}{}", ratio(run), size, _strata(run))


def _strata(run: RunFolder) -> Text:
    strata = run.study.randomisation.strata
    cuts = [
        said(" (cut at {})", shown(cells.general, run.config("randomisation", "strata", k, "cut")))
        if stratum.cut is not None
        else ""
        for k, stratum in enumerate(strata)
    ]
    named = [said("{}{}", _covariate(s.covariate), cut) for s, cut in zip(strata, cuts, strict=True)]
    return said(", stratified by {}", listed(named)) if named else ""


def _covariate(name: str) -> str:
    text = PATIENTS.field(name).metadata[b"label"].decode()
    return text[0].lower() + text[1:]


def _eligibility(run: RunFolder) -> Text:
    rules = run.study.screening

    def text(template: str, name: str) -> Text:
        return said(template, shown(cells.general, run.config("screening", name)))

    parts: list[Text] = []
    limits = [text("at least {}", "platelets_at_least_1e9L")] * bool(rules.platelets_at_least_1e9L)
    if rules.platelets_below_1e9L is not None:
        limits.append(text("below {}", "platelets_below_1e9L"))
    if limits:
        parts.append(said("measured platelets {} × 10⁹/L", joined(" and ", limits)))
    if rules.itp_duration_at_least_y:
        parts.append(text("ITP for {} y or longer", "itp_duration_at_least_y"))
    if rules.age_at_least_y:
        parts.append(text("age {} y or older", "age_at_least_y"))
    if rules.age_at_most_y < OLDEST:
        parts.append(text("at most {} y", "age_at_most_y"))
    return joined("; ", parts)


def _visits(run: RunFolder) -> Text:
    at = partial(run.config, "visits")
    days, window, missed = shown(cells.listing, at("days")), at("window_days"), at("missed_probability")
    when = said("up to {} days early or late", shown(cells.whole, window)) if window.value else "on the day"
    share = said("{} %", shown(cells.percent, missed)) if missed.value else "none"
    return said("day {}; {}; {} missed", days, when, share)


def _laboratory(run: RunFolder) -> Text:
    whole = "as whole numbers " if run.study.laboratory.whole_numbers else ""
    days = run.config("laboratory", "turnaround_days")
    late = said("{} after the visit", shown(cells.plural, days, one="day"))
    limit = shown(cells.general, run.config("laboratory", "lower_limit_1e9L"))
    when = late if days.value else "on the day of the visit"
    line = said("counts reported {}not below {} × 10⁹/L; results {}", whole, limit, when)
    return joined("; ", [line, *_samples(run)])


def _samples(run: RunFolder) -> Iterator[Text]:
    """What may happen to a sample."""
    at, laboratory = partial(run.config, "laboratory"), run.study.laboratory
    if laboratory.lost_probability:
        yield said("{} % of samples lost", shown(cells.percent, at("lost_probability")))
    if laboratory.clumping:
        share, factor = (at("clumping", name) for name in ("probability", "factor"))
        form = "platelets clump in {} % of samples, counted as {} of them"
        yield said(form, shown(cells.percent, share), shown(cells.general, factor))
    if laboratory.retest:
        forms = {"below_1e9L": "below {}", "at_least_1e9L": "at {} or more"}
        asked = [n for n in forms if getattr(laboratory.retest, n) is not None]
        limits = [said(forms[n], shown(cells.general, at("retest", n))) for n in asked]
        days = shown(cells.plural, at("retest", "after_days"), one="day")
        yield said("re-test {} after a report {} or of no count", days, joined(" or ", limits))
    if laboratory.central:
        does = " and ".join(["decides"] * laboratory.central.decides + ["is analysed"] * laboratory.central.analysed)
        days = shown(cells.plural, at("central", "turnaround_days"), one="day")
        yield said("a central laboratory, which reports after {}, {}", days, does)


def turnaround(run: RunFolder) -> Text:
    """When a change of dose takes effect, if not on the day of the visit."""
    central = run.study.laboratory.central
    where = ("central", "turnaround_days") if central and central.decides else ("turnaround_days",)
    days = run.config("laboratory", *where)
    return said("A change takes effect {} after the visit.", shown(cells.plural, days, one="day")) if days.value else ""


def _pk_sampling(run: RunFolder) -> Text:
    if run.study.pk_sampling is None:
        return ""
    days, hours = days_sampled(run), run.config("pk_sampling", "times_h")
    lloq = run.config("pk_sampling", "lloq_ng_mL")
    limit = said("; limit of quantification {} ng/mL", shown(cells.general, lloq)) if lloq.value else ""
    when = said(", ".join(["{}"] * len(days)), *(shown(cells.whole, day) for day in days))
    return said("day {}; {} h after the dose of that day{}", when, shown(cells.listing, hours), limit)


def days_sampled(run: RunFolder) -> list[Number]:
    """The days of the profiles, each by its key."""
    more = run.study.pk_sampling.more_days if run.study.pk_sampling else ()
    return [
        run.config("pk_sampling", "visit_day"), *(run.config("pk_sampling", "more_days", k) for k in range(len(more)))
    ]  # fmt: skip


def _primary(run: RunFolder) -> Text:
    """The primary endpoint; with the response threshold, where it is a rate."""
    name = label(primary_label(run))
    rate = run.over(run.study.analysis.primary, run.study.arm_ids[0], "rate")
    return said("{} (threshold {} × 10⁹/L)", name, threshold(run)) if rate else name


def _comparison(run: RunFolder) -> Text:
    """How yes or no endpoints are compared with the reference arm, where they are, and several hypotheses."""
    compared = any(e.STAT == "planned difference" for e in run.estimates)
    return joined(" ", [*method_notes(run), *filter(None, (family_note(run),))]) if compared else ""


def _adherence(run: RunFolder) -> Text:
    if run.study.adherence.mean == 1:
        return joined("; ", ["every dose is taken", *_habits(run)])
    mean, sd = run.config("adherence", "mean"), run.config("adherence", "sd")
    line = said("mean {} % of doses, SD {} %", shown(cells.percent, mean), shown(cells.percent, sd, figures=3))
    return joined("; ", [line, *_habits(run)])


def _habits(run: RunFolder) -> Iterator[Text]:
    """How doses are missed, and who gives up."""
    away, weary = run.study.adherence.holidays, run.study.adherence.gives_up
    if run.study.adherence.log_odds_per_28_days:
        drift = shown(cells.general, run.config("adherence", "log_odds_per_28_days"))
        yield said("log odds of a dose taken drift by {} every 28 days", drift)
    if away:
        share, days = (run.config("adherence", "holidays", name) for name in ("share_of_missed", "mean_days"))
        form = "{} % of the missed ones in holidays of {} days on average"
        yield said(form, shown(cells.percent, share), shown(cells.general, days))
    if weary:
        low = shown(cells.general, run.config("adherence", "gives_up", "below_1e9L"))
        name, form = ("visits", "given up after {} counts below {} × 10⁹/L in a row")
        if weary.visits is None:
            name, form = ("hazard_per_week", "given up with a hazard of {} per week while a count is below {} × 10⁹/L")
        yield said(form, shown(cells.general, run.config("adherence", "gives_up", name)), low)


def _rescue(run: RunFolder) -> Text:
    if not run.study.rescue.allowed:
        return "not allowed"
    between = shown(cells.whole, run.config("rescue", "min_days_between"))
    when = "; given when the count is reported" * bool(run.study.laboratory.known_after_days)
    if run.study.rescue.agents:
        return joined("; ", [_agent(run, k) for k in range(len(run.study.rescue.agents))])
    return said("allowed at visits, {} days or more apart{}", between, when)


def _agent(run: RunFolder, k: int) -> Text:
    """When an agent of rescue is given, and how long it voids a response."""
    agent = run.study.rescue.agents[k]
    at = partial(run.config, "rescue", "agents", k)
    forms = (("below_1e9L", "count below {} × 10⁹/L"), ("bleeding_at_least", "bleeding of grade {} or more"))
    whens = [said(form, shown(cells.general, at(name))) for name, form in forms if getattr(agent, name) is not None]
    when = "clinical decision" if agent.clinical else joined(" or ", whens)
    void = "for good" if agent.voids_days is None else said("{} days", shown(cells.whole, at("voids_days")))
    return said("{}: {}; voids a response {}", label(agent.term), when, void)


def _hazard(run: RunFolder, k: int) -> Text:
    item = run.study.dropout[k]
    who = said("{}{}{}", label(item.reason), " (death)" * item.death, label(f", {item.limits}" if item.limits else ""))
    if item.at_once:
        return said("{}: everybody", who)
    name, words = ("hazard_per_week", "{} %/week") if item.share_by_end is None else ("share_by_end", "{} % by the end")
    value = getattr(item, name)

    def rate(*arm: str) -> Text:
        return said(words, shown(cells.percent, run.config("dropout", k, name, *arm), figures=3))

    if not isinstance(value, Mapping):
        return said("{}: {}", who, rate())
    by_arm = [said("{} ({})", rate(arm), label(arm)) for arm in value]
    return said("{}: {}", who, joined(", ", by_arm))


def start_dose(run: RunFolder, arm: int) -> Text:
    """The start dose of an arm, and those of who is told apart by covariates."""
    at = partial(run.config, "arms", arm)
    lines = [
        said("{} if {}", shown(cells.general, at("start_dose_by", k, "dose_mg")), label(line.asks))
        for k, line in enumerate(run.study.arms[arm].start_dose_by)
    ]
    return joined("; ", [shown(cells.general, at("start_dose_mg")), *lines])


def dose_rules(run: RunFolder) -> list[RuleTable]:
    """The dose rules of the study, in words."""
    return [_rule(run, name) for name in run.study.dose_rules]


CONFIDENCE = {
    "A": "A, read in the source",
    "B": "B, quoted by others",
    "C": "C, inferred or from memory",
}


def _rule(run: RunFolder, name: str) -> RuleTable:
    rule = run.study.dose_rules[name]
    lines = [
        (said("{}{}", _limits(run, name, k), _rung(step.rung)), _action(run, name, k), _waiting(run, name, k))
        for k, step in enumerate(rule.steps)
    ]
    if rule.restart:
        known = {"same": "at the same dose", "lower": "one level lower"}
        level = known.get(rule.restart.level) or said("at level {}", label(rule.restart.level))
        below = shown(cells.general, run.config("dose_rules", name, "restart", "below_1e9L"))
        restart = said("restart {}{}", level, _status(rule.restart.status))
        lines.append((said("below {} while interrupted", below), restart, "at the visit"))
    floor = {"keep": "keep the dose", "interrupt": "interrupt"}[rule.at_floor]
    lines.append((said("“one level lower” on the lowest level"), floor, ""))
    arms = listed([label(arm.label) for arm in run.arms if arm.id in run.study.rules_in_use.get(name, ())])
    sure = CONFIDENCE[rule.confidence] if rule.confidence else ""
    return RuleTable(name, arms, _ladder(run, name), tuple(lines), rule.source, rule.citation, sure)


def _ladder(run: RunFolder, name: str) -> Text:
    """The levels of a rule; of those that are not daily, the days."""
    rule = run.study.dose_rules[name]
    if rule.ladder_mg:
        return said("Levels {} mg", shown(cells.listing, run.config("dose_rules", name, "ladder_mg")))
    parts = [
        said("{} mg {}{}", shown(cells.general, run.config("dose_rules", name, "ladder", k, "dose_mg")),
             label(level.interval), _status(level.status))
        for k, level in enumerate(rule.ladder)
    ]  # fmt: skip
    return said("Levels, lowest first: {}", joined("; ", parts))


def _status(status: str | None) -> str:
    return " (assumed)" if status == "assumed" else ""


def _action(run: RunFolder, rule: str, k: int) -> Text:
    """What a line does to the dose, and whether that is assumed."""
    step = run.study.dose_rules[rule].steps[k]
    if step.action == "move":
        return said("to level {}{}", label(step.to_level or ""), _status(step.status))
    if step.levels > 1:
        levels = shown(cells.whole, run.config("dose_rules", rule, "steps", k, "levels"))
        return said("{} levels {}{}", levels, "higher" if step.shift > 0 else "lower", _status(step.status))
    return f"{ACTIONS[step.action]}{_status(step.status)}"


def _limits(run: RunFolder, rule: str, step: int) -> Text:
    if run.study.dose_rules[rule].steps[step].action == "taper":
        return "any count, or none"
    at = partial(run.config, "dose_rules", rule, "steps", step)
    low, high = at("at_least_1e9L"), at("below_1e9L")
    if math.isinf(high.value):
        return said("{} or more", shown(cells.general, low)) if low.value > 0 else "any count"
    below = said("below {}", shown(cells.general, high))
    return said("{} to {}", shown(cells.general, low), below) if low.value > 0 else below


def _rung(rung: str) -> str:
    return f", on the {rung} level" if rung != "any" else ""


def _waiting(run: RunFolder, rule: str, step: int) -> Text:
    at = partial(run.config, "dose_rules", rule, "steps", step)
    days, visits = at("min_days_since_change"), at("confirm_visits")
    never, first, last = at("never_at_least_1e9L"), at("from_day"), at("until_day")
    kind = run.study.dose_rules[rule].day_count
    since = said("{} days or more after the last change ({} days)", shown(cells.whole, days), kind)
    parts = [since] * bool(days.value)
    parts += [said("at {} visits in a row", shown(cells.whole, visits))] * (visits.value > 1)
    if never.value is not None:
        parts.append(said("no count of {} or more since the last change", shown(cells.general, never)))
    if first.value:
        parts.append(said("from day {} on", shown(cells.whole, first)))
    if last.value is not None:
        parts.append(said("until day {}", shown(cells.whole, last)))
    return joined("; ", parts) or "at the visit"
