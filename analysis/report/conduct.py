"""How the study is conducted, in words: doses, chemotherapy and meals."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.report.grid import AS_RESCUE, arm_name, plural
from analysis.report.runfolder import RunFolder
from trial.study.protocol import Chemotherapy


def listed(names: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"; with commas inside a name "A, b; C; and D"."""
    if len(names) < 2:
        return "".join(names)
    comma = any("," in name for name in names)
    return f"{('; ' if comma else ', ').join(names[:-1])}{'; and ' if comma else ' and '}{names[-1]}"


def treatment(run: RunFolder) -> str:
    """How long the study drug is taken, on which days, and in which arms only until chemotherapy."""
    days, plan = run.study.treatment_days, run.study.chemotherapy
    said = [f"once daily by mouth for {days} days" if days > 1 else "a single dose by mouth, on day 0"]
    if plan and plan.drug_days:
        said.append(f"only on days {_days(plan.drug_days)} from the first day of each chemotherapy cycle")
    switched = [arm_name(run, arm.id)[0] for arm in run.study.arms if arm.until_chemotherapy]
    if switched:
        said.append(f"placebo from the first day of chemotherapy: {listed(switched)}")
    return "; ".join(said)


def stopping(run: RunFolder) -> str:
    """What a stop by the dose rule means; "" when no rule of the study can stop."""
    meaning = "no study drug from then on; the patient stays in the study, with visits and rescue"
    return f"{meaning}; {AS_RESCUE}" if run.study.can_stop else ""


def _days(days: Sequence[int]) -> str:
    """Whole numbers, neighbours joined: [-5, -4, -3, 2, 3, 4] -> "−5 to −3, 2 to 4"."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    texts = [f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in runs]
    return ", ".join(texts).replace("-", "−")


def chemotherapy(plan: Chemotherapy | None) -> str:
    """Cycles and doses of chemotherapy and what cycle 1 waits for; "" without chemotherapy."""
    if plan is None:
        return ""
    cycles, first, start = plan.cycles, plan.first_day, plan.start
    said = [f"{plural(cycles, 'cycle')} of {plan.cycle_days} days, the same in every arm"]
    doses = [f"day {d.day}" + _strength(d.intensity) for d in plan.doses]
    said.append(f"given on {listed(doses)} of the cycle, whose first day is day 0")
    if start:
        wait = f"cycle 1 begins when a visit reports {start.at_least_1e9L:g} × 10⁹/L or more"
        late = f"; after the visits planned up to day {start.latest_day}, never"
        said.append(f"{wait}{f', not before day {first}' * bool(first)}{late}")
    else:
        said.append(f"cycle 1 begins on day {first} of the study")
    return "; ".join(said)


def _strength(intensity: float) -> str:
    return "" if intensity == 1 else f" ({100 * intensity:g} % of a full dose)"


def meals(run: RunFolder) -> str:
    """Meals that bind drug: those of the arms, and the habits of the patients; "" when there are none."""
    timed = [(arm_name(run, a.id)[0], a.meal_after_dose_h) for a in run.study.arms]
    said = [f"{name}: {_after(hours)}" for name, hours in timed if hours is not None]
    habit = run.study.meals
    if habit:
        sd = f" (SD {100 * habit.share_sd:g} %)" if habit.share_sd else ""
        said.append(f"on a mean {100 * habit.share_mean:g} %{sd} of days {_after(habit.after_dose_h)}")
    return "; ".join(said) + ", a meal that binds drug" if said else ""


def _after(hours: float) -> str:
    return "with the dose" if hours == 0 else f"{hours:g} h after the dose"
