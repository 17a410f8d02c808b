"""The dose ledger: one row per start or change of dose, with the reason, in the order of the days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.apply_dose_rule import Action, reason
from trial.engine.course import Decisions
from trial.engine.dosing import drug_day, is_active, takes
from trial.engine.draws import Unit
from trial.engine.passage import NEVER
from trial.engine.prescribed import days_apart
from trial.engine.simulate import UnitResult
from trial.engine.visit_decisions import rules_of
from trial.jobs.intake import intake
from trial.jobs.rows import Ints, Keys, coded, last_visit, table
from trial.study.dose_rule import DoseRule
from trial.study.stages import Stage
from trial.tables import doses_schema

PLACEBO, PAUSE, RESUME = (len(Action) + k for k in range(3))
BY_CHEMOTHERAPY = {
    PLACEBO: "placebo: chemotherapy begins",
    PAUSE: "pause: not a drug day of chemotherapy",
    RESUME: "resume: drug days of chemotherapy",
}
"""What the ledger has beside the actions: active drug ends with cycle 1; the drug is taken on some days only."""
BY_SCHEDULE = "as the schedule says"
"""Of a schedule of the user's own, whose later doses are no action of a rule."""


def doses(unit: Unit, result: UnitResult, keys: Keys) -> pa.Table:
    """The ledger: one row per start or change of dose, ended by the next one, the end of treatment or leaving.

    Where the drug is taken around chemotherapy only, every run of such days and every pause between them is a row.
    """
    every_day = np.broadcast_to(np.arange(unit.drawn.taken.shape[1]), unit.drawn.taken.shape)
    due = drug_day(unit, result.course, every_day)
    decided = _changes(result.decisions) if unit.clocked is None else [_of_schedule(unit)]
    changes = [*decided, _placebo_from_chemotherapy(unit, result), *_pauses(unit, due)]
    place = result.course.place
    last = np.minimum.reduce([place.drug_ends(unit.study.plan), place.leave_day, last_visit(unit)])
    who, day, action, step, count, treatment, level = _in_order(changes, due, last)
    end = np.where(np.append(who[1:] == who[:-1], False), np.append(day[1:], 0), last[who])
    code, words = _reason_codes(unit, treatment, action, step)
    drug = is_active(unit, treatment, result.course.cycles.first_day[who], day)
    return table(
        doses_schema(bool(days_apart(unit.study))),
        **keys.rows(who),
        **intake(unit, result.decisions, due, takes(unit, result.course, every_day), (who, day, end), level),
        ASTDY=day,
        AENDY=end,
        EXDOSE=np.where(drug, level, 0.0),
        DOSELEV=level,
        ACTION=coded(action, _action_words(unit)),
        REASON=coded(code, words),
        TRIGCNT=count,
    )


def _in_order(changes: Sequence[tuple[NDArray, ...]], due: NDArray[np.bool_], last: Ints) -> tuple[NDArray, ...]:
    """The changes before each patient's ``last`` day, patient after patient and day after day, with the level to take:
    0 on a day that is not ``due`` (n, D).

    A pause or its end has the treatment and level in force; on the day of another change, or where that level is 0, it
    is no row.
    """
    columns: Sequence[NDArray] = [np.concatenate(column) for column in zip(*changes, strict=True)]
    who, day, action, *_ = columns
    order = np.lexsort((action > PLACEBO, day, who))
    order = order[day[order] < last[who[order]]]
    who, day, action, step, count, treatment, level = (x[order] for x in columns)
    in_force = np.maximum.accumulate(np.where(np.isnan(level), 0, np.arange(len(level))))
    again = np.append(False, (who[1:] == who[:-1]) & (day[1:] == day[:-1]))
    treatment, level = treatment[in_force], level[in_force]
    keep = (action <= PLACEBO) | ((level > 0) & ~again)
    who, day, action, step, count, treatment, level = (
        x[keep] for x in (who, day, action, step, count, treatment, level)
    )
    return who, day, action, step, count, treatment, np.where(due[who, day], level, 0.0)


def _changes(decisions: Sequence[Decisions]) -> list[tuple[NDArray, ...]]:
    """Every start or change of dose, a tuple per visit: who, day, action, step, count, treatment, dose after (mg)."""
    rows: list[tuple[NDArray, ...]] = []
    for made in decisions:
        who = np.flatnonzero(made.action != Action.KEEP)
        said = (made.day, made.action, made.step, made.count, made.treatment, made.dose_mg)
        rows.append((who, *(values[who] for values in said)))
    return rows


def _of_schedule(unit: Unit) -> tuple[NDArray, ...]:
    """As ``_changes``: day 0, and every day whose doses of the schedule add up to more or less than the day before."""
    assert unit.plan_mg is not None
    before = np.concatenate([np.full((unit.drawn.n, 1), np.nan), unit.plan_mg[:, :-1]], axis=1)
    who, day = np.nonzero(unit.plan_mg != before)
    action = np.where(day == 0, Action.START, Action.KEEP).astype(np.int8)
    none, no_step = np.full(len(who), np.nan), np.full(len(who), -1, dtype=np.int16)
    return who, day, action, no_step, none, unit.drawn.arm[who], unit.plan_mg[who, day]


def _placebo_from_chemotherapy(unit: Unit, result: UnitResult) -> tuple[NDArray, ...]:
    """As ``_changes``: where active drug ends with cycle 1, unless the dose changes on that very day or the rule has
    stopped it before.
    """
    begins, level = result.course.cycles.first_day, np.zeros(unit.drawn.n)
    ends = np.array([arm.until_chemotherapy for arm in unit.study.arms])[unit.drawn.arm]
    treatment = result.decisions[0].treatment
    for made in result.decisions:
        level = np.where(made.day <= begins, made.dose_mg, level)
        treatment = np.where(made.day <= begins, made.treatment, treatment)
        ends &= ~((made.action != Action.KEEP) & (made.day == begins))
        ends &= ~(np.isin(made.action, (Action.STOP, Action.END)) & (made.day < begins))
    who = np.flatnonzero(ends & (begins != NEVER))
    action, no_step = np.full(len(who), PLACEBO, dtype=np.int8), np.zeros(len(who), dtype=np.int16)
    return who, begins[who], action, no_step, np.full(len(who), np.nan), treatment[who], level[who]


def _pauses(unit: Unit, due: NDArray[np.bool_]) -> list[tuple[NDArray, ...]]:
    """As ``_changes``: where days around chemotherapy on which the drug is ``due`` (n, D) begin or end, level NaN."""
    if not (unit.study.chemotherapy and unit.study.chemotherapy.drug_days):
        return []
    who, before = np.nonzero(due[:, 1:] != due[:, :-1])
    day, none, no_step = before + 1, np.full(len(who), np.nan), np.zeros(len(who), dtype=np.int16)
    action = np.where(due[who, day], RESUME, PAUSE).astype(np.int8)
    return [(who, day, action, no_step, none, np.zeros(len(who), dtype=np.int64), none)]


def _action_words(unit: Unit) -> list[str]:
    """The actions by name, and those of stages and of chemotherapy that a study can have."""
    until = any(arm.until_chemotherapy for arm in unit.study.arms)
    around = bool(unit.study.chemotherapy and unit.study.chemotherapy.drug_days)
    tapers = any(step.action == "taper" for rule in unit.study.dose_rules.values() for step in rule.steps)
    unused = (*((Action.STAGE,) * (not unit.study.stages)), *((Action.END,) * (not tapers)))
    words = [Action.START.name.lower() if a in unused else a.name.lower() for a in Action]
    words[Action.KEEP] = "schedule" if unit.clocked else words[Action.KEEP]
    return words + ["placebo"] * (until or around) + ["pause", "resume"] * around


def _reason_codes(
    unit: Unit, treatment: Ints, action: NDArray[np.int8], step: NDArray[np.int16]
) -> tuple[Ints, list[str]]:
    """A code per row and the words: one text per distinct (treatment, action, step)."""
    rules = rules_of(unit)
    shape = (len(rules), RESUME + 1, 2 + max(len(unit.study.plan), *(len(rule.steps) + 3 for rule in rules)))
    triples = treatment, action.astype(np.int64), step.astype(np.int64) + 1
    distinct, code = np.unique(np.ravel_multi_index(triples, shape), return_inverse=True)
    words = [
        BY_CHEMOTHERAPY.get(act) or why(unit.study.plan, rules[of], Action(act), index - 1)
        for of, act, index in zip(*(part.tolist() for part in np.unravel_index(distinct, shape)), strict=True)
    ]
    return code, words


def why(plan: Sequence[Stage], rule: DoseRule, action: Action, step: int) -> str:
    """The reason of a change of dose in words; of a STAGE, ``step`` is the stage that begins."""
    if action is Action.KEEP:
        return BY_SCHEDULE
    if action is not Action.STAGE:
        return reason(rule, action, step)
    return f"start of stage {plan[step].name}" if step < len(plan) else f"end of stage {plan[-1].name}"
