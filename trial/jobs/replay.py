"""One patient of a finished run again, alone: the same course bit for bit, with every decision and why it was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from trial.engine.apply_dose_rule import Action, unchanged
from trial.engine.draws import Unit
from trial.engine.frozen import frozen
from trial.engine.simulate import UnitResult, simulate_unit
from trial.engine.visit_decisions import rules_of
from trial.jobs.ledger import BY_SCHEDULE, why
from trial.jobs.work import by_hours, enrolment, tabulate, unit_of
from trial.study.study import Study
from trial.tables import DECISIONS

COMPARED = ("patients", "parameters", "doses", "observations", "events", "solves")


@dataclass(frozen=True)
class Decision:
    """One visit as the investigator saw it. ``count`` 10^9/L as reported, None where there is none (``why_none``).

    ``rescue``: the agents that are given on it, in words, "" without. ``reason``: why the dose was changed;
    ``why_same``: why a count left it as it was. One of the two is empty.
    """

    planned_day: int
    day: int
    count: float | None
    why_none: str
    rescue: str
    reason: str
    why_same: str
    dose_before_mg: float
    dose_after_mg: float


@dataclass(frozen=True)
class Replay:
    """A patient's course: the rows of every table, the hourly course among them, and the decisions from the start."""

    tables: Mapping[str, pa.Table]
    decisions: tuple[Decision, ...]

    @property
    def patient(self) -> dict[str, Any]:
        """The row of the patients table."""
        return dict(self.tables["patients"].to_pylist()[0])


def replay(study: Study, replicate: int, subject: int, fixed: bool = False) -> Replay:
    """Simulate ``subject`` (from 1) of a replicate by itself; ``fixed``: then again with those doses as a plan.

    The solver works on every patient by itself and every random number is named, so the values are those of the run.
    Raises ValueError for a patient the study does not have.
    """
    if not (0 <= replicate < study.replicates and 1 <= subject <= study.subjects):
        raise ValueError(
            f"seen replicate {replicate}, patient {subject}; allowed: replicate 0 to {study.replicates - 1}, "
            f"patient 1 to {study.subjects}"
        )
    patient = enrolment(study, replicate).take(subject - 1, subject)
    unit = unit_of(study.model_copy(update={"output": "dense"}), patient)
    result = simulate_unit(unit)
    if fixed:
        unit = frozen(unit, result.decisions)
        result = simulate_unit(unit)
    tables = tabulate(unit, result, patient) | {"courses": pa.concat_tables(by_hours(unit, result, patient))}
    return Replay(tables, tuple(_decisions(unit, result, tables["observations"])))


def differences(again: Replay, stored: Mapping[str, pa.Table]) -> list[str]:
    """What differs from the stored tables that a patient has, bit for bit; one line per table. Nothing: the same."""
    found = []
    for name in (name for name in stored if name in again.tables):
        ours = again.tables[name]
        theirs = _rows_of(stored[name], again.patient)
        if theirs.to_pylist() != ours.to_pylist():
            columns = [c for c in ours.column_names if theirs[c].to_pylist() != ours[c].to_pylist()]
            found.append(f"{name}: {theirs.num_rows} stored rows, {ours.num_rows} now; differs in {', '.join(columns)}")
    return found


def decision_table(again: Replay) -> pa.Table:
    """The decision log as a table."""
    key = {name: again.patient[name] for name in ("IREP", "SUBJID", "USUBJID")}
    rows = [
        key
        | {
            "AVISITN": made.planned_day,
            "ADY": made.day,
            "AVAL": made.count,
            "AVALREAS": made.why_none,
            "RESCUEFL": "Y" if made.rescue else "N",
            "DOSEBEF": made.dose_before_mg,
            "DOSELEV": made.dose_after_mg,
            "REASON": made.reason or made.why_same,
        }
        for made in again.decisions
    ]
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def write(again: Replay, folder: Path, origin: Mapping[str, str]) -> None:
    """Every table of the patient and the decision log as Parquet (with ``origin`` as metadata) and CSV in ``folder``.

    Raises OSError when the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {**again.tables, "decisions": decision_table(again)}.items():
        pq.write_table(table.replace_schema_metadata(dict(origin)), folder / f"{name}.parquet", compression="zstd")
        pyarrow.csv.write_csv(_without_codes(table), folder / f"{name}.csv")


def _without_codes(table: pa.Table) -> pa.Table:
    """Dictionary columns as plain text, which CSV needs."""
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def _rows_of(table: pa.Table, patient: Mapping[str, Any]) -> pa.Table:
    mine = pc.and_(pc.equal(table["IREP"], patient["IREP"]), pc.equal(table["SUBJID"], patient["SUBJID"]))
    return table.filter(mine)


def _decisions(unit: Unit, result: UnitResult, observations: pa.Table) -> list[Decision]:
    """One entry for the start and one per visit."""
    seen = [(r["AVAL"], r["AVALREAS"]) for r in observations.to_pylist() if r["PARAMCD"] == "PLAT"]
    found, before, stopped = [], 0.0, False
    for visit, made in enumerate(result.decisions):
        action, step, day = Action(int(made.action[0])), int(made.step[0]), int(unit.drawn.visit_day[0, visit])
        count, why_none = seen[visit]
        if visit:
            count = None if np.isnan(made.count[0]) else float(made.count[0])
        changed, ends = action != Action.KEEP, int(result.course.place.drug_ends(unit.study.plan)[0])
        given = int(made.treatment[0])
        why_same = "treatment has ended" if day >= ends else _why_same(unit, given, step, before == 0, stopped)
        found.append(
            Decision(
                planned_day=(0, *unit.study.visits.days)[visit],
                day=day,
                count=count,
                why_none=why_none,
                rescue=", ".join(unit.study.rescue.given[dosage.agent].term for dosage in made.given),
                reason=why(unit.study.plan, rules_of(unit)[given], action, step) if changed else "",
                why_same="" if changed or count is None else why_same,
                dose_before_mg=before,
                dose_after_mg=_dose_mg(unit, float(made.dose_mg[0]), day),
            )
        )
        before, stopped = (
            found[-1].dose_after_mg,
            (stopped or action in (Action.STOP, Action.END)) and action is not Action.STAGE,
        )
    return found


def _dose_mg(unit: Unit, decided_mg: float, day: int) -> float:
    """The dose from a visit on: as decided, or what a schedule of the user's own has on its day."""
    if unit.clocked is None or unit.plan_mg is None:
        return decided_mg
    return float(unit.plan_mg[0, day]) if day < unit.plan_mg.shape[1] else 0.0


def _why_same(unit: Unit, treatment: int, step: int, held: bool, stopped: bool) -> str:
    """Why a count left the dose as it was."""
    if unit.clocked is not None:
        return BY_SCHEDULE
    given = unit.treatments[treatment].arm
    if given.start_dose_mg == 0:
        return "no study drug"
    return unchanged(rules_of(unit)[treatment], step, held, stopped) if given.dose_rule else "fixed dose"
