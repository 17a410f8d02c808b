"""The doses that a run prescribed, as a plan: what the rules made of the counts, again without asking them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trial.engine.course import Decisions
from trial.engine.draws import Unit
from trial.engine.prescribed import days_apart, planned_mg


def frozen(unit: Unit, decisions: Sequence[Decisions]) -> Unit:
    """The unit with the doses of those ``decisions`` as its plan: each day's is known before the first one.

    Rules are still applied, for the words of the ledger and for stages, but what they decide is not taken. A unit
    with a schedule of the user's own has its plan.
    """
    if unit.clocked is not None:
        return unit
    steps = [(made.day, made.after) for made in decisions]
    return replace(unit, plan_mg=planned_mg(steps, unit.drawn.taken.shape[1], days_apart(unit.study)))
