"""One patient of a finished run again, alone: the same course bit for bit, with every decision and why it was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trial.config import Study
from trial.plan import Unit
from trial.rules import rules_of
from trial.simulate import UnitResult, simulate_unit
from trial.titration import Action, reason
from trial.units import enrolment, tabulate, unit_of

COMPARED = ("patients", "doses", "observations", "events", "solves")


@dataclass(frozen=True)
class Decision:
    """One visit as the investigator saw it. ``count`` 10^9/L as reported, None where there is none (``why_none``)."""

    planned_day: int
    day: int
    count: float | None
    why_none: str
    rescued: bool
    reason: str
    dose_before_mg: float
    dose_after_mg: float


@dataclass(frozen=True)
class Replay:
    """A patient's course: the rows of every table, and the decisions from the start on."""

    tables: Mapping[str, pa.Table]
    decisions: tuple[Decision, ...]

    @property
    def patient(self) -> dict[str, Any]:
        """The row of the patients table."""
        return dict(self.tables["patients"].to_pylist()[0])


def replay(study: Study, replicate: int, subject: int) -> Replay:
    """Simulate ``subject`` (from 1) of a replicate by itself.

    The solver works on every patient by itself and every random number is named, so the values are those of the run.
    Raises ValueError for a patient the study does not have.
    """
    if not (0 <= replicate < study.replicates and 1 <= subject <= study.subjects):
        raise ValueError(
            f"seen replicate {replicate}, patient {subject}; allowed: replicate 0 to {study.replicates - 1}, "
            f"patient 1 to {study.subjects}"
        )
    patient = enrolment(study, replicate).take(subject - 1, subject)
    unit = unit_of(study, patient)
    result = simulate_unit(unit)
    tables = tabulate(unit, result, patient)
    return Replay(tables, tuple(_decisions(unit, result, tables["observations"])))


def differences(again: Replay, stored: Mapping[str, pa.Table]) -> list[str]:
    """What differs from the stored tables, bit for bit; one line per table. Nothing: the same."""
    found = []
    for name in (name for name in (*COMPARED, "adverse") if name in stored):
        ours = again.tables[name]
        theirs = _rows_of(stored[name], again.patient)
        if theirs.to_pylist() != ours.to_pylist():
            columns = [c for c in ours.column_names if theirs[c].to_pylist() != ours[c].to_pylist()]
            found.append(f"{name}: {theirs.num_rows} stored rows, {ours.num_rows} now; differs in {', '.join(columns)}")
    return found


def _rows_of(table: pa.Table, patient: Mapping[str, Any]) -> pa.Table:
    mine = pc.and_(pc.equal(table["REPLICATE"], patient["REPLICATE"]), pc.equal(table["SUBJID"], patient["SUBJID"]))
    return table.filter(mine)


def _decisions(unit: Unit, result: UnitResult, observations: pa.Table) -> list[Decision]:
    """One entry for the start and one per visit."""
    rule = rules_of(unit.study)[int(unit.plan.arm[0])]
    seen = [(r["AVAL"], r["AVALREAS"]) for r in observations.to_pylist() if r["PARAMCD"] == "PLAT"]
    found, before = [], 0.0
    for visit, made in enumerate(result.decisions):
        action = Action(int(made.action[0]))
        changed = action != Action.KEEP
        after = float(made.dose_mg[0])
        found.append(
            Decision(
                planned_day=(0, *unit.study.visits.days)[visit],
                day=int(unit.plan.visit_day[0, visit]),
                count=seen[visit][0],
                why_none=seen[visit][1],
                rescued=bool(made.rescued[0]),
                reason=reason(rule, action, int(made.step[0])) if changed else "",
                dose_before_mg=before,
                dose_after_mg=after,
            )
        )
        before = after
    return found
