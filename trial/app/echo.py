"""What a study will do, in words: the protocol as ``vtrial check`` says it back, every sentence from the values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from cohorts.episodes import in_words as moving_in_words
from cohorts.parameters import ParameterSet
from cohorts.sets import is_file_name, parameter_set
from trial.app.echo_analysis import analysis_in_words
from trial.app.wording import listed
from trial.study.analytes import Laboratory
from trial.study.arms import Arm
from trial.study.attrition import completing
from trial.study.cycle_plan import Chemotherapy
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.doubt import posterior_in_words
from trial.study.fingerprint import fingerprint
from trial.study.own_schedule import is_shared
from trial.study.rescue_agents import RescueAgent
from trial.study.stages import LEAVES
from trial.study.study import Study
from trial.study.timetable_rows import read_timetable

COUNT = "x 10^9/L"


def in_words(study: Study) -> list[str]:
    """What will run: patients, arms, rules, visits, screening, conduct, result, parameter set, population."""
    chosen = parameter_set(study.parameter_set)
    own = f" ({Path(study.parameter_set).name})" if is_file_name(study.parameter_set) else ""
    begins = [study.days_before(k) for k in range(len(study.stages))]
    return [
        _size(study),
        *([f"schedule {read_timetable(study.schedule).in_words()}"] if study.schedule else []),
        *(f"arm {_arm(study, arm)}" for arm in study.arms),
        *(f"stage {s.id}: {s.in_words(begin)}" for s, begin in zip(study.stages, begins, strict=True)),
        *(f"dose rule {name}: {_rule(study.dose_rules[name])}" for name in study.rules_in_use),
        f"visits: {_visits(study)}",
        f"treatment: days 0 to {study.treatment_days - 1}",
        f"screening: {_screening(study)}",
        f"adherence: {_adherence(study)}",
        f"rescue: {_rescue(study)}",
        f"dropout: {_dropout(study)}",
        *_extras(study),
        *analysis_in_words(study),
        f"design {fingerprint(study)}",
        f"parameter set {chosen.id}{own}, structure {chosen.structure}",
        *posterior_in_words(chosen, study.parameter_uncertainty),
        *_left_out_elsewhere(chosen),
        *(f"disease that moves: {law}" for law in moving_in_words(chosen)),
        f"population {study.population.id or study.population.file}{_margins(study)}",
        *([f"covariates by day: {Path(study.population.by_day).name}"] if study.population.by_day else []),
        *(f"covariate {change}" for change in study.population.changes),
    ]


def _left_out_elsewhere(chosen: ParameterSet) -> Iterator[str]:
    """What a set has beyond those of the catalogue."""
    has = {p.name: p.value for p in chosen.parameters}
    if "HILL" in has:
        yield f"exponent of the drug {has['HILL']:g} at its half effect"
    if "PSAT" in has:
        yield f"destruction that saturates: half of its most at a count of {has['PSAT']:g}"
    if "RECOVERS" in has:
        ahead = f", the stem cells {has['AHEAD']:g} h on their way on day 0" if "AHEAD" in has else ""
        yield (
            f"recovery by itself: {100 * has['RECOVERS']:g} % (log scale) of the production that a low count on day 0 "
            f"lacks comes back without any drug{ahead}"
        )


def _margins(study: Study) -> str:
    own = study.population.margins
    said = ", ".join(f"{name} {value:g}" for name, value in own.given.items()) if own else ""
    return f", with margins of the study's own: {said}" if said else ""


def _many(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"


def _size(study: Study) -> str:
    how = "every patient under every arm" if study.paired else "each patient in one arm"
    if study.schedule and not is_shared(study, read_timetable(study.schedule)):
        many = f"{_many(study.patients, 'patient')}, {_many(study.replicates, 'replicate')}"
        return f"{many}; {how}, as the schedule says"
    ratio = ":".join(str(arm.ratio) for arm in study.arms)
    strata = [s.covariate if s.cut is None else f"{s.covariate} below {s.cut:g}" for s in study.randomisation.strata]
    within = f" within {listed(strata)}" if strata else ""
    blocks = "" if study.paired else f", {ratio} in blocks of {study.randomisation.block_size}{within}"
    return f"{_many(study.patients, 'patient')}, {_many(study.replicates, 'replicate')}; {how}{blocks}"


def _arm(study: Study, arm: Arm) -> str:
    lines = "".join(f", {line}" for line in arm.start_dose_by)
    dose = f"{_first(study, arm)}{lines}"
    what = f"placebo, sham level {arm.start_dose_mg:g} mg{lines}" if arm.placebo else dose
    rule = [f"then by rule {arm.dose_rule}" if arm.dose_rule else "fixed"] * (study.schedule is None)
    extra = [
        *(["until chemotherapy begins, then placebo"] if arm.until_chemotherapy else []),
        *([f"a meal {arm.meal_after_dose_h:g} h after each dose"] if arm.meal_after_dose_h is not None else []),
    ]
    return ", ".join([f"{arm.id}: {what}", *rule, *extra])


def _first(study: Study, arm: Arm) -> str:
    """The level on which an arm starts."""
    if study.schedule:
        return f"doses as the schedule says, the first {arm.start_dose_mg:g} mg"
    rule = study.dose_rules.get(arm.dose_rule or "")
    rung = rule.rung_at(arm.start_dose_mg) if rule else None
    level = rule.levels[rung] if rule and rung is not None else None
    return f"{arm.start_dose_mg:g} mg once daily" if level is None or level.daily else str(level)


def _rule(rule: DoseRule) -> str:
    floor = ["at the lowest dose a decrease interrupts"] if rule.at_floor == "interrupt" else []
    restart = rule.restart
    back = [f"restart below {restart.below_1e9L:g} at {restart_in_words(restart.level)}"] if restart else []
    clock = ["days after a change are actual ones"] if rule.day_count == "actual" else []
    told = [f"of: {rule.citation}{f' (confidence {rule.confidence})' if rule.confidence else ''}"] * bool(rule.citation)
    assumed = _assumed(rule)
    does = zip(("stop for good at ", "hold at ", "go on at "), rule.alt.lines if rule.alt else (), strict=False)
    floor += [f"{what}{line}" for what, line in does if line]
    told += [f"not read there, assumed: {', '.join(assumed)}"] * bool(assumed)
    return "; ".join([levels_in_words(rule), *map(step_in_words, rule.steps), *floor, *back, *clock, *told])


def _assumed(rule: DoseRule) -> list[str]:
    """The parts of a rule that say they are assumed."""
    levels = [f"level {level}" for level in rule.ladder if level.status == "assumed"]
    steps = [f"steps.{k}" for k, step in enumerate(rule.steps) if step.status == "assumed"]
    return [*levels, *steps, *["the restart"] * (rule.restart is not None and rule.restart.status == "assumed")]


def levels_in_words(rule: DoseRule) -> str:
    """The levels of a ladder, lowest first; of those that are not daily, the days."""
    if all(level.daily for level in rule.levels):
        return f"{', '.join(f'{level.dose_mg:g}' for level in rule.levels)} mg"
    return " -> ".join(f"{level} daily" if level.daily else str(level) for level in rule.levels)


def restart_in_words(level: str) -> str:
    """Where a restart begins."""
    return f"the {level} dose" if level in ("same", "lower") else f"level {level}"


def step_in_words(step: DoseStep) -> str:
    """What a line of a dose rule does, and when."""
    low, high = step.at_least_1e9L, step.below_1e9L
    if low > 0 and high < math.inf:
        when = f"from {low:g} to below {high:g}"
    else:
        when = f"at {low:g} or more" if low > 0 else f"below {high:g}" if high < math.inf else "at any count"
    if step.action == "taper":
        when = f"a level down every {_many(step.min_days_since_change, 'day')} whatever the count, then no drug"
    limits = [
        *([f"on the {step.rung} dose"] if step.rung != "any" else []),
        *([f"{step.confirm_visits} visits in a row"] if step.confirm_visits > 1 else []),
        *([f"{step.min_days_since_change} days after a change"] if step.min_days_since_change > 0 else [])
        * (step.action != "taper"),
        *([f"no count of {step.never_at_least_1e9L:g} since the change"] if step.never_at_least_1e9L else []),
        *_days_of(step),
    ]
    far = f" {step.levels} levels" if step.levels > 1 else f" to level {step.to_level}" if step.to_level else ""
    return f"{step.action}{far} {when}{f' ({listed(limits)})' if limits else ''}"


def _days_of(step: DoseStep) -> list[str]:
    """The days of the study on which a step applies, where that are not all."""
    if step.until_day is not None:
        return [f"days {step.from_day} to {step.until_day}"]
    return [f"from day {step.from_day} on"] if step.from_day else []


def _visits(study: Study) -> str:
    days, visits = study.visits.days, study.visits
    steps = {b - a for a, b in pairwise(days)}
    regular = len(days) > 2 and len(steps) == 1
    when = f"every {steps.pop()} days from day {days[0]} to {days[-1]}" if regular else f"days {_some(days)}"
    window = f", up to {_many(visits.window_days, 'day')} early or late" if visits.window_days else ""
    missed = f", {100 * visits.missed_probability:g} % missed" if visits.missed_probability else ""
    late = study.laboratory.known_after_days
    result = f", counts reported {_many(late, 'day')} later" if late else ""
    return f"{len(days)}, {when}{window}{missed}{result}"


def _some(days: Sequence[int], most: int = 12) -> str:
    shown = list(map(str, days))
    return ", ".join(shown if len(shown) <= most else [*shown[: most - 2], "...", shown[-1]])


def _screening(study: Study) -> str:
    asked = study.screening
    count = f"below {asked.platelets_below_1e9L:g} {COUNT}"
    low = f"{asked.platelets_at_least_1e9L:g} or more and " if asked.platelets_at_least_1e9L else ""
    upper = f" to {asked.age_at_most_y:g} y" if asked.age_at_most_y < 120 else " y or more"
    itp = [f"ITP for {asked.itp_duration_at_least_y:g} y or more"] if asked.itp_duration_at_least_y else []
    return ", ".join([f"platelets {low}{count}", *itp, f"age {asked.age_at_least_y:g}{upper}"])


def _adherence(study: Study) -> str:
    mean, sd = study.adherence.mean, study.adherence.sd
    spread = f" (SD between patients {100 * sd:g} %)" if sd else ""
    every = "every dose of the schedule is taken as it stands" if study.schedule else "every dose is taken"
    taken = every if mean == 1 else f"{100 * mean:g} % of doses are taken{spread}"
    return ", ".join([taken, *_habits(study)])


def _habits(study: Study) -> Iterator[str]:
    """How doses are missed, and who gives up."""
    away, weary = study.adherence.holidays, study.adherence.gives_up
    if drift := study.adherence.log_odds_per_28_days:
        yield f"log odds of a dose taken drift by {drift:g} every 28 days"
    if clock := study.adherence.time_of_day:
        drifts = f", drifting by {clock.drift_h_per_28_days:g} h every 28 days" if clock.drift_h_per_28_days else ""
        stay = ", while meals keep their hour" if clock.meals_stay else ""
        yield (
            f"at {clock.usual_h:g} h after the hour of the visits (SD {clock.between_sd_h:g} h between patients, "
            f"{clock.within_sd_h:g} h between days{drifts}{stay})"
        )
    if away:
        yield f"{100 * away.share_of_missed:g} % of the missed ones in holidays of {away.mean_days:g} days on average"
    if weary:
        low, day = f"below {weary.below_1e9L:g}", weary.after_days
        after = f"{_many(weary.visits or 0, 'count')} {low} in a row"
        by_hazard = f"with {weary.hazard_per_week or 0:g} per week while the last count is {low}"
        yield f"given up {f'after {after}' if weary.visits else by_hazard}, from day {day} on"


def _rescue(study: Study) -> str:
    rescue = study.rescue
    if not rescue.agents:
        return f"allowed, at least {_many(rescue.min_days_between, 'day')} apart" if rescue.allowed else "not allowed"
    return "; ".join(_agent(study, agent) for agent in rescue.agents)


def _agent(study: Study, agent: RescueAgent) -> str:
    """When an agent is given, and what it does."""
    low, grade = agent.below_1e9L, agent.bleeding_at_least
    whens = [
        *(["by clinical decision"] if agent.clinical else []),
        *([f"at a count below {low:g}"] if low is not None else []),
        *([f"at bleeding of grade {grade} or more"] if grade is not None else []),
    ]
    size = "as RESCUE_DROP" if agent.log_drop is None else f"by exp(-{agent.log_drop:g})"
    fades = "RESCUE_TAU" if agent.fades is None else _many(agent.fades, "day")
    does = f"adds {agent.adds:g} {COUNT}" if agent.adds else f"lowers loss {size}, fading with {fades}"
    onset = f"from {_many(agent.onset, 'day')} later on " if agent.onset else ""
    void = "for good" if agent.voids_days is None else f"for {_many(agent.voids_days, 'day')}"
    apart = _many(study.rescue.apart(agent), "day")
    return f"{agent.term} ({agent.kind}) {' or '.join(whens)}, {apart} apart: {onset}{does}, voids a response {void}"


def _dropout(study: Study) -> str:
    """Why patients leave, and how many are expected to stay, as far as the config alone tells."""
    last, expected = study.visits.days[-1], completion(study)
    depends = [item.reason for item in study.dropout if item.conditional]
    refused = [
        f"who does not enter {stage.name}" for stage in study.stages if stage.enters and stage.otherwise == LEAVES
    ]
    if min(expected.values()) == 1 and not depends + refused:
        return f"nobody leaves before day {last}"
    shares = {f"{100 * share:.1f} %" for share in expected.values()}
    by_arm = ", ".join(f"{arm} {100 * share:.1f} %" for arm, share in expected.items())
    stay = f"expected to stay until day {last}: {shares.pop() if len(shares) == 1 else by_arm}"
    if depends + refused:
        stay += f", but for {listed(depends + refused)}: how many that are depends on stages, counts or events"
    reasons = [_reason(study, k) for k in range(len(study.dropout))]
    plain = not any(", " in reason or " (" in reason for reason in reasons)
    return "; ".join([listed(reasons) if plain else "; ".join(reasons)] * bool(reasons) + [stay])


def _reason(study: Study, k: int) -> str:
    """A reason to leave; of one whose hazard does not run always, when and at what rate, and what comes of an event."""
    item = study.dropout[k]
    death = " (death)" if item.death else ""
    if item.always:
        return f"{item.reason}{death}"
    by_arm = {arm: study.hazards(arm)[k] for arm in study.arm_ids}
    each = {f"{rate:.3g}" for rate in by_arm.values()}
    rates = each.pop() if len(each) == 1 else ", ".join(f"{arm} {rate:.3g}" for arm, rate in by_arm.items())
    how = "everybody" if item.at_once else f"{rates} per week"
    days = item.after_adverse_event.days if item.after_adverse_event else None
    most = f", {_within(by_arm, days)} within them" if days else ""
    return f"{item.reason}{death} ({how}, {item.limits}{most})"


def _within(by_arm: dict[str, float], days: int) -> str:
    """The share who leave within so many days of a hazard per week, by arm."""
    shares = {arm: f"{-100 * math.expm1(-rate * days / 7):.3g} %" for arm, rate in by_arm.items()}
    alike = set(shares.values())
    return alike.pop() if len(alike) == 1 else ", ".join(f"{arm} {share}" for arm, share in shares.items())


def completion(study: Study) -> dict[str, float]:
    """By arm, the share of patients whom no reason to leave reaches before the last planned visit, but for those that
    depend on the course of the trial.
    """
    return {arm: completing(study.dropout, arm, study.visits.days[-1]) for arm in study.arm_ids}


def _extras(study: Study) -> Iterator[str]:
    """What only some studies have: a typical patient, meals, chemotherapy, samples, adverse events."""
    if said := list(_laboratory(study.laboratory)):
        yield f"laboratory: {'; '.join(said)}"
    if study.typical_patient:
        yield "typical patient: every random number at its median"
    if study.meals:
        share = 100 * study.meals.share_mean
        drift = study.meals.log_odds_per_28_days
        drifts = f"; the log odds of such a day drift by {drift:g} every 28 days" if drift else ""
        yield f"meals: {share:g} % of days with a meal {study.meals.after_dose_h:g} h after the dose{drifts}"
    given = study.chemotherapy
    if given:
        start = given.start
        wait = (
            f", once a count of {start.at_least_1e9L:g} {COUNT} is reported by day {start.latest_day}" if start else ""
        )
        days = listed([str(dose.day) for dose in given.doses])
        each = f"{_many(given.cycles, 'cycle')} of {_many(given.cycle_days, 'day')}"
        yield f"chemotherapy: {each} from day {given.first_day}{wait}, doses on days {days} of each{_later(given)}"
    if study.pk_sampling:
        times = ", ".join(f"{time:g}" for time in study.pk_sampling.times_h)
        yield f"concentrations: day {study.pk_sampling.visit_day}, {times} h after the dose"
    if study.proxies:
        yield f"adverse events drawn as proxies: {', '.join(study.proxies)}"


def _later(given: Chemotherapy) -> str:
    """What later cycles wait for, and how the kill differs between them."""
    parts, asked = [], given.next_cycle
    if asked:
        parts.append(f"later cycles begin once {asked.at_least_1e9L:g} {COUNT} or more is reported, else not at all ")
        parts[-1] += f"after a delay of {_many(asked.latest_days, 'day')}"
    if asked and asked.reduction:
        late, low = asked.reduction.delayed_days, asked.reduction.below_1e9L
        when = [f"{_many(late or 0, 'day')} late"] * bool(late) + [f"after a count below {low or 0:g}"] * bool(low)
        parts.append(f"doses fall to {100 * asked.reduction.factor:g} % where a cycle begins {' or '.join(when)}")
    if given.between_cycles_cv:
        parts.append(f"the kill varies between cycles with a CV of {100 * given.between_cycles_cv:g} %")
    if given.accumulates:
        parts.append(f"each cycle kills {100 * given.accumulates:g} % more than the one before")
    return "".join(f"; {part}" for part in parts)


def _laboratory(laboratory: Laboratory) -> Iterator[str]:
    """What may happen to a sample."""
    clump, again, central = laboratory.clumping, laboratory.retest, laboratory.central
    if laboratory.lost_probability:
        yield f"{100 * laboratory.lost_probability:g} % of samples are lost"
    if clump:
        seen = f", seen in {100 * clump.noticed:g} % of them" if clump.noticed else ""
        yield f"platelets clump in {100 * clump.probability:g} % of samples, to {clump.factor:g} of the count{seen}"
    if again:
        low, high = again.below_1e9L, again.at_least_1e9L
        limits = [*([f"below {low:g}"] if low else []), *([f"at {high:g} or more"] if high else [])]
        after = _many(laboratory.retest_days, "day")
        yield f"a re-test {after} after a visit with a count {' or '.join([*limits, 'that is not there'])}"
    if alt := laboratory.alt:
        delay = f", reported after {_many(alt.turnaround_days, 'day')}" if alt.turnaround_days else ""
        yield (
            f"ALT of every visit{delay}: median {alt.men_median_U_L:g} U/L in men (limit {alt.men_limit_U_L:g}), "
            f"{alt.women_median_U_L:g} in women ({alt.women_limit_U_L:g}), CV {100 * alt.between_cv:g} % between and "
            f"{100 * alt.within_cv:g} % within them; 3 times the limit or more from the adverse event ALT3 on, halved "
            f"(log) by {_many(alt.half_life_days, 'day')} without drug"
        )
    if central:
        does = " and ".join(["decides"] * central.decides + ["is analysed"] * central.analysed)
        yield f"a central laboratory, which reports after {_many(central.turnaround_days, 'day')}, {does}"
