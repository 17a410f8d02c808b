"""How the study is conducted, in words: doses, chemotherapy and meals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from analysis.report.grid import AS_RESCUE, arm_name, listed
from analysis.report.number_origins import Text, joined, label, said, shown
from analysis.report.runfolder import RunFolder
from analysis.text import cells


def treatment(run: RunFolder) -> Text:
    """How long the study drug is taken, on which days, and in which arms only until chemotherapy."""
    plan, several = run.study.chemotherapy, run.study.treatment_days > 1
    days = shown(cells.whole, run.config("treatment_days"))
    parts: list[Text] = [said("once daily by mouth for {} days", days) if several else SINGLE]
    if run.study.schedule:
        parts = [
            said("by mouth at the times of a schedule of the user's own, which is beside the tables; {} days", days)
        ]
    if plan and plan.drug_days:
        drug = shown(cells.runs_of_days, run.config("chemotherapy", "drug_days"))
        parts.append(said("only on days {} from the first day of each chemotherapy cycle", drug))
    switched = [arm_name(run, arm.id)[0] for arm in run.study.arms if arm.until_chemotherapy]
    if switched:
        parts.append(said("placebo from the first day of chemotherapy: {}", listed([label(name) for name in switched])))
    return joined("; ", parts)


SINGLE = "a single dose by mouth, on day 0"


def stopping(run: RunFolder) -> str:
    """What a stop by the dose rule means; "" when no rule of the study can stop."""
    meaning = "no study drug from then on; the patient stays in the study, with visits and rescue"
    return f"{meaning}; {AS_RESCUE}" if run.study.can_stop else ""


def chemotherapy(run: RunFolder) -> Text:
    """Cycles and doses of chemotherapy and what cycle 1 waits for; "" without chemotherapy."""
    plan, at = run.study.chemotherapy, partial(run.config, "chemotherapy")
    if plan is None:
        return ""
    cycles = shown(cells.plural, at("cycles"), one="cycle")
    parts = [said("{} of {} days, the same in every arm", cycles, shown(cells.whole, at("cycle_days")))]
    doses = [said("day {}{}", shown(cells.whole, at("doses", k, "day")), _strength(run, k)) for k in _each(plan.doses)]
    parts.append(said("given on {} of the cycle, whose first day is day 0", listed(doses)))
    first = shown(cells.whole, at("first_day"))
    if plan.start is None:
        return joined("; ", [*parts, said("cycle 1 begins on day {} of the study", first), *_later_cycles(run)])
    count = shown(cells.general, at("start", "at_least_1e9L"))
    latest = shown(cells.whole, at("start", "latest_day"))
    wait = "cycle 1 begins when a visit reports {} × 10⁹/L or more{}; after the visits planned up to day {}, never"
    starts = said(wait, count, said(", not before day {}", first) if plan.first_day else "", latest)
    return joined("; ", [*parts, starts, *_later_cycles(run)])


def _later_cycles(run: RunFolder) -> Iterator[Text]:
    """What later cycles wait for, when doses are lowered, and how the kill differs between them."""
    plan, at = run.study.chemotherapy, partial(run.config, "chemotherapy")
    if plan and plan.next_cycle:
        count = shown(cells.general, at("next_cycle", "at_least_1e9L"))
        latest = shown(cells.plural, at("next_cycle", "latest_days"), one="day")
        yield said("a later cycle begins when a visit reports {} × 10⁹/L or more, at most {} late", count, latest)
    if plan and plan.next_cycle and plan.next_cycle.reduction:
        lowered = partial(at, "next_cycle", "reduction")
        when: list[Text] = []
        if plan.next_cycle.reduction.delayed_days:
            when.append(said("begins {} late or more", shown(cells.plural, lowered("delayed_days"), one="day")))
        if plan.next_cycle.reduction.below_1e9L:
            when.append(said("follows a count below {}", shown(cells.general, lowered("below_1e9L"))))
        yield said("doses fall to {} % where a cycle {}", shown(cells.percent, lowered("factor")), joined(" or ", when))
    if plan and plan.between_cycles_cv:
        yield said("the kill varies between cycles, CV {} %", shown(cells.percent, at("between_cycles_cv")))
    if plan and plan.accumulates:
        yield said("each cycle kills {} % more than the one before", shown(cells.percent, at("accumulates")))


def _each(entries: Sequence[object]) -> range:
    return range(len(entries))


def _strength(run: RunFolder, dose: int) -> Text:
    at = run.config("chemotherapy", "doses", dose, "intensity")
    return "" if at.value == 1 else said(" ({} % of a full dose)", shown(cells.percent, at))


def meals(run: RunFolder) -> Text:
    """Meals that bind drug: those of the arms, and the habits of the patients; "" when there are none."""
    parts = [
        said("{}: {}", label(arm_name(run, arm.id)[0]), _after(run, "arms", k, "meal_after_dose_h"))
        for k, arm in enumerate(run.study.arms)
        if arm.meal_after_dose_h is not None
    ]
    if run.study.meals:
        mean, sd = (shown(cells.percent, run.config("meals", name)) for name in ("share_mean", "share_sd"))
        spread = said(" (SD {} %)", sd) if run.study.meals.share_sd else ""
        drift: Text = ""
        if run.study.meals.log_odds_per_28_days:
            each = shown(cells.general, run.config("meals", "log_odds_per_28_days"))
            drift = said(" (log odds drift by {} every 28 days)", each)
        parts.append(said("on a mean {} %{} of days {}{}", mean, spread, _after(run, "meals", "after_dose_h"), drift))
    return said("{}, a meal that binds drug", joined("; ", parts)) if parts else ""


def _after(run: RunFolder, *path: str | int) -> Text:
    hours = run.config(*path)
    return "with the dose" if hours.value == 0 else said("{} h after the dose", shown(cells.general, hours))
