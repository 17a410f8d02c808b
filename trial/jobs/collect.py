"""From the arrays of a simulated unit to the tables of ``trial.tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.sampler import Cohort
from trial.engine.dosing import active, day_of, drug_day
from trial.engine.draws import Unit
from trial.engine.prescribed import days_apart
from trial.engine.rules import NEVER, Decisions, rules_of
from trial.engine.simulate import UnitResult
from trial.engine.titration import Action, reason
from trial.jobs.intake import intake
from trial.solver import REASON, Status
from trial.tables import (
    OBSERVATIONS,
    SCREENING,
    SOLVES,
    doses_schema,
    events_schema,
    parameters_schema,
    patients_schema,
)

Array = NDArray[np.float64]
Ints = NDArray[np.integer]
PLACEBO, PAUSE, RESUME = (len(Action) + k for k in range(3))
BY_CHEMOTHERAPY = {
    PLACEBO: "placebo: chemotherapy begins",
    PAUSE: "pause: not a drug day of chemotherapy",
    RESUME: "resume: drug days of chemotherapy",
}
"""What the ledger has beside the actions: active drug ends with cycle 1; the drug is taken on some days only."""


@dataclass(frozen=True)
class Keys:
    """Replicate and number (n,) of each patient, and the unique subject identifiers."""

    replicate: Ints
    subject: Ints
    identifier: pa.Array

    @classmethod
    def of(cls, study_id: str, replicate: Ints, subject: Ints) -> Keys:
        """Identifiers name study, replicate and patient."""
        both = zip(replicate.tolist(), subject.tolist(), strict=True)
        return cls(replicate, subject, pa.array([f"{study_id}-{r:05d}-{s:05d}" for r, s in both], pa.string()))

    def rows(self, who: Ints | None = None) -> dict[str, object]:
        """The key columns of a table whose rows belong to patients ``who``; None: one row per patient."""
        who = np.arange(len(self.subject)) if who is None else who
        usubjid = pa.DictionaryArray.from_arrays(pa.array(who.astype(np.int32)), self.identifier)
        return {"IREP": self.replicate[who], "SUBJID": self.subject[who], "USUBJID": usubjid}


def collect(
    unit: Unit, result: UnitResult, cohort: Cohort, subject: Ints, stratum: NDArray[np.str_], units: dict[str, str]
) -> dict[str, pa.Table]:
    """Every table of a unit but ``screening`` and ``courses``.

    ``subject`` (n,) numbers the patients within their replicate, from 1.
    """
    keys = Keys.of(unit.study.id, cohort.draws.replicate, subject)
    return {
        "patients": _patients(unit, result, cohort, keys, stratum),
        "parameters": _parameters(unit, keys, units),
        "doses": _doses(unit, result, keys),
        "observations": _observations(unit, result, cohort, keys),
        "events": _events(unit, result, keys, cohort.columns["BLPLAT"]),
        "solves": _solves(result, keys),
    }


def screening_table(flows: Mapping[int, Mapping[str, int]]) -> pa.Table:
    """The CONSORT counts of each replicate, in the order of screening."""
    rows = [(replicate, reason, n) for replicate, flow in flows.items() for reason, n in flow.items()]
    replicate, reason, n = zip(*rows, strict=True) if rows else ((), (), ())
    return _table(SCREENING, IREP=replicate, REASON=_texts(reason), N=n)


def _table(schema: pa.Schema, **columns: object) -> pa.Table:
    arrays = [
        c if isinstance(c, pa.Array) else pa.array(c, from_pandas=True) for c in (columns[f.name] for f in schema)
    ]
    cast = [a if a.type == f.type else a.cast(f.type) for a, f in zip(arrays, schema, strict=True)]
    return pa.Table.from_arrays(cast, schema=schema)


def _coded(codes: NDArray, words: Sequence[str]) -> pa.Array:
    """A dictionary column from integer codes; equal words share an entry."""
    distinct = list(dict.fromkeys(words))
    entry = np.array([distinct.index(word) for word in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(entry[codes.astype(np.int64)]), pa.array(distinct, pa.string()))


def _texts(values: Sequence[str] | NDArray) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def _last_visit(unit: Unit) -> Ints:
    return unit.drawn.visit_day[:, -1]


def _leaves(unit: Unit) -> NDArray[np.bool_]:
    """Left before the last planned day."""
    return unit.drawn.leave_day <= _last_visit(unit)


def _patients(
    unit: Unit,
    result: UnitResult,
    cohort: Cohort,
    keys: Keys,
    stratum: NDArray[np.str_],
) -> pa.Table:
    drawn, n = unit.drawn, unit.drawn.n
    leaves = _leaves(unit)
    reasons = [item.reason for item in unit.study.dropout] or [""]
    columns: dict[str, object] = dict(cohort.columns)
    for name in ("SEX", "SPLENFL", "CONITPFL", "RESPCLS", "OUTDOM"):
        columns[name] = _texts(cohort.columns[name])
    columns |= dict(
        STUDYID=_coded(np.zeros(n), [unit.study.id]),
        ARM=_coded(drawn.arm, unit.study.arm_ids),
        STRATUM=_texts(stratum),
        ADHER=drawn.adherence,
        EOSSTT=_coded(
            np.where(result.status > 0, 2, leaves.astype(int)), ["COMPLETED", "DISCONTINUED", "SOLVE FAILED"]
        ),
        DCSREAS=_coded(np.where(leaves, drawn.leave_reason + 1, 0), ["", *reasons]),
        EOSDY=np.minimum(drawn.leave_day, _last_visit(unit)),
    )
    columns["MEALSH"] = drawn.meal_share
    return _table(patients_schema(meals=unit.study.meals is not None), **columns, **keys.rows())


def _parameters(unit: Unit, keys: Keys, units: dict[str, str]) -> pa.Table:
    names = unit.structure.parameters
    return _table(parameters_schema(names, units), **keys.rows(), **{name: unit.parameters[name] for name in names})


def _absence(
    unit: Unit, result: UnitResult, absent: NDArray[np.bool_], visit: slice | int, after: Ints
) -> NDArray[np.int32]:
    """Code into ABSENT: why there is no value ``after`` (k,) days; 0 where there is one. Leaving comes before missing,
    missing before failing.
    """
    failed = np.where(result.status > 0, 2 + result.status, 0)
    left = unit.drawn.visit_day[:, visit] + after >= unit.drawn.leave_day.reshape((-1,) + (1,) * (absent.ndim - 1))
    why = np.where(
        left, 2, np.where(unit.drawn.missed[:, visit], 1, failed.reshape(failed.shape + (1,) * (absent.ndim - 1)))
    )
    return np.where(absent, why, 0).astype(np.int32)


ABSENT = (
    "",
    "missed visit",
    "discontinued",
    *(f"solver: {REASON[Status(k)]}" for k in range(1, len(Status))),
    "no active dose",
    "below the limit of quantification",
)
NO_DOSE, BELOW = len(ABSENT) - 2, len(ABSENT) - 1


def _observations(unit: Unit, result: UnitResult, cohort: Cohort, keys: Keys) -> pa.Table:
    baseline = cohort.columns["BLPLAT"], cohort.trueplat0, cohort.columns["BLBLEED"]
    count, true, grade = (
        np.column_stack([first, *(getattr(v, name) for v in result.visits)])
        for first, name in zip(baseline, ("count", "true_count", "bleeding"), strict=True)
    )
    nominal = np.array((0, *unit.study.visits.days))
    parts = [
        _block(unit, result, keys, code, values, truth, nominal, slice(None), np.zeros(len(nominal)))
        for code, values, truth in ((0, count, true), (1, grade, grade))
    ]
    if unit.study.pk_sampling:
        visit = int(np.flatnonzero(nominal == unit.study.pk_sampling.visit_day)[0])
        hours = np.array(unit.study.pk_sampling.times_h)
        day = np.full(len(hours), unit.study.pk_sampling.visit_day)
        columns = np.full(len(hours), visit)
        parts.append(
            _block(unit, result, keys, 2, result.concentration, result.true_concentration, day, columns, hours)
        )
    return pa.concat_tables(parts)


def _block(
    unit: Unit,
    result: UnitResult,
    keys: Keys,
    code: int,
    value: Array,
    true: Array,
    nominal: Ints,
    visit: object,
    hours: Array,
) -> pa.Table:
    """Rows of one parameter, patient by patient; value and true (n, k), nominal and hours (k,), visit picks plan
    columns. A true value that was not reported was below the limit.
    """
    n, k = value.shape
    below = np.isnan(value) & ~np.isnan(true)
    absent = np.isnan(value) & ~below
    why = _absence(unit, result, absent, visit, day_of(hours))  # type: ignore[arg-type]
    why = np.where(below, BELOW, np.where(absent & (why == 0), NO_DOSE, why))
    day = unit.drawn.visit_day[:, visit].astype(float)  # type: ignore[index]
    return _table(
        OBSERVATIONS,
        **keys.rows(np.repeat(np.arange(n), k)),
        PARAMCD=_coded(np.full(n * k, code), ("PLAT", "WHOBLEED", "CONC")),
        AVISITN=np.tile(nominal, n),
        ADY=np.where(absent, np.nan, day).ravel(),
        ATPT=np.tile(hours, n),
        AVAL=value.ravel(),
        TRUEVAL=true.ravel(),
        AVALREAS=_coded(why.ravel(), ABSENT),
    )


def _doses(unit: Unit, result: UnitResult, keys: Keys) -> pa.Table:
    """The ledger: one row per start or change of dose, ended by the next one, the end of treatment or leaving.

    Where the drug is taken around chemotherapy only, every run of such days and every pause between them is a row.
    """
    every_day = np.broadcast_to(np.arange(unit.drawn.taken.shape[1]), unit.drawn.taken.shape)
    due = drug_day(unit, result.course, every_day)
    changes = [*_changes(result.decisions), _placebo_from_chemotherapy(unit, result), *_pauses(unit, due)]
    last = np.minimum.reduce(
        [np.full(unit.drawn.n, unit.study.treatment_days), unit.drawn.leave_day, _last_visit(unit)]
    )
    who, day, action, step, count, level = _in_order(changes, due, last)
    end = np.where(np.append(who[1:] == who[:-1], False), np.append(day[1:], 0), last[who])
    code, words = _reason_codes(unit, who, action, step)
    return _table(
        doses_schema(bool(days_apart(unit.study))),
        **keys.rows(who),
        **intake(unit, result.decisions, due, (who, day, end), level),
        ASTDY=day,
        AENDY=end,
        EXDOSE=np.where(active(unit, result.course, every_day)[who, day], level, 0.0),
        DOSELEV=level,
        ACTION=_coded(action, _action_words(unit)),
        REASON=_coded(code, words),
        TRIGCNT=count,
    )


def _in_order(changes: Sequence[tuple[NDArray, ...]], due: NDArray[np.bool_], last: Ints) -> tuple[NDArray, ...]:
    """The changes before each patient's ``last`` day, patient after patient and day after day, with the level to take:
    0 on a day that is not ``due`` (n, D).

    A pause or its end has the level in force; on the day of another change, or where that level is 0, it is no row.
    """
    who, day, action, step, count, level = (np.concatenate(column) for column in zip(*changes, strict=True))
    order = np.lexsort((action > PLACEBO, day, who))
    order = order[day[order] < last[who[order]]]
    who, day, action, step, count, level = (x[order] for x in (who, day, action, step, count, level))
    in_force = np.maximum.accumulate(np.where(np.isnan(level), 0, np.arange(len(level))))
    level, again = level[in_force], np.append(False, (who[1:] == who[:-1]) & (day[1:] == day[:-1]))
    keep = (action <= PLACEBO) | ((level > 0) & ~again)
    who, day, action, step, count, level = (x[keep] for x in (who, day, action, step, count, level))
    return who, day, action, step, count, np.where(due[who, day], level, 0.0)


def _changes(decisions: Sequence[Decisions]) -> list[tuple[NDArray, ...]]:
    """Every start or change of dose, a tuple per visit: patient, day, action, step, count, dose after (mg)."""
    rows: list[tuple[NDArray, ...]] = []
    for made in decisions:
        who = np.flatnonzero(made.action != Action.KEEP)
        rows.append((who, made.day[who], made.action[who], made.step[who], made.count[who], made.dose_mg[who]))
    return rows


def _placebo_from_chemotherapy(unit: Unit, result: UnitResult) -> tuple[NDArray, ...]:
    """As ``_changes``: where active drug ends with cycle 1, unless the dose changes on that very day or the rule has
    stopped it before.
    """
    begins, level = result.course.chemo_day, np.zeros(unit.drawn.n)
    ends = np.array([arm.until_chemotherapy for arm in unit.study.arms])[unit.drawn.arm]
    for made in result.decisions:
        level = np.where(made.day <= begins, made.dose_mg, level)
        ends &= ~((made.action != Action.KEEP) & (made.day == begins))
        ends &= ~((made.action == Action.STOP) & (made.day < begins))
    who = np.flatnonzero(ends & (begins != NEVER))
    action, no_step = np.full(len(who), PLACEBO, dtype=np.int8), np.zeros(len(who), dtype=np.int16)
    return who, begins[who], action, no_step, np.full(len(who), np.nan), level[who]


def _pauses(unit: Unit, due: NDArray[np.bool_]) -> list[tuple[NDArray, ...]]:
    """As ``_changes``: where days around chemotherapy on which the drug is ``due`` (n, D) begin or end, level NaN."""
    if not (unit.study.chemotherapy and unit.study.chemotherapy.drug_days):
        return []
    who, before = np.nonzero(due[:, 1:] != due[:, :-1])
    day, none, no_step = before + 1, np.full(len(who), np.nan), np.zeros(len(who), dtype=np.int16)
    action = np.where(due[who, day], RESUME, PAUSE).astype(np.int8)
    return [(who, day, action, no_step, none, none)]


def _action_words(unit: Unit) -> list[str]:
    """The actions by name, and those of chemotherapy that a study can have."""
    until = any(arm.until_chemotherapy for arm in unit.study.arms)
    around = bool(unit.study.chemotherapy and unit.study.chemotherapy.drug_days)
    return [a.name.lower() for a in Action] + ["placebo"] * (until or around) + ["pause", "resume"] * around


def _reason_codes(unit: Unit, who: Ints, action: NDArray[np.int8], step: NDArray[np.int16]) -> tuple[Ints, list[str]]:
    """A code per row and the words: one text per distinct (arm, action, step)."""
    rules = rules_of(unit.study)
    shape = (len(rules), RESUME + 1, 1 + max(len(rule.steps) for rule in rules))
    triples = unit.drawn.arm[who], action.astype(np.int64), step.astype(np.int64) + 1
    distinct, code = np.unique(np.ravel_multi_index(triples, shape), return_inverse=True)
    words = [
        BY_CHEMOTHERAPY.get(act) or reason(rules[arm], Action(act), index - 1)
        for arm, act, index in zip(*(part.tolist() for part in np.unravel_index(distinct, shape)), strict=True)
    ]
    return code, words


def _events(unit: Unit, result: UnitResult, keys: Keys, baseline: Array) -> pa.Table:
    """Rescues on the day they are given, dropouts with their reason, and every dose of chemotherapy."""
    reasons = [item.reason for item in unit.study.dropout]
    cycles = unit.study.chemotherapy.cycles if unit.study.chemotherapy else 0
    rescued = [(np.flatnonzero(made.rescued), visit) for visit, made in enumerate(result.decisions)]
    gone = np.flatnonzero(_leaves(unit))
    treated, chemo_day, cycle = _chemotherapy(unit, result)
    who = np.concatenate([*(w for w, _ in rescued), gone, treated])
    late = unit.study.laboratory.turnaround_days
    given = [unit.drawn.visit_day[w, v] + late for w, v in rescued]
    day = np.concatenate([*given, unit.drawn.leave_day[gone], chemo_day])
    at_rescue = [result.decisions[v].count[w] for w, v in rescued]
    last_count = _reported(result.decisions, treated, chemo_day, baseline)
    count = np.concatenate([*at_rescue, np.full(len(gone), np.nan), last_count])
    n_rescues = len(who) - len(gone) - len(treated)
    kind = np.repeat([0, 1, 2], [n_rescues, len(gone), len(treated)])
    term = np.concatenate([np.zeros(n_rescues, int), unit.drawn.leave_reason[gone] + 1, cycle + 1 + len(reasons)])
    order = np.lexsort((day, who))
    who, day, count, kind, term = (x[order] for x in (who, day, count, kind, term))
    return _table(
        events_schema(cycles > 0),
        **keys.rows(who),
        EVENT=_coded(kind, ("RESCUE", "DROPOUT", "CHEMO")[: 3 if cycles else 2]),
        ADY=day,
        TERM=_coded(term, ("rescue therapy", *reasons, *(f"chemotherapy, cycle {k + 1}" for k in range(cycles)))),
        CYCLE=pa.array(term - len(reasons), mask=kind < 2),
        AVAL=count,
    )


def _chemotherapy(unit: Unit, result: UnitResult) -> tuple[Ints, Ints, Ints]:
    """Every dose of chemotherapy given before the last visit: patient, day, cycle from 0."""
    chemotherapy = unit.study.chemotherapy
    if chemotherapy is None:
        nobody = np.empty(0, dtype=np.int64)
        return nobody, nobody, nobody
    cycles = np.repeat(np.arange(chemotherapy.cycles), len(chemotherapy.doses))
    days = np.tile([dose.day for dose in chemotherapy.doses], chemotherapy.cycles)
    day = result.course.chemo_day[:, None] + cycles * chemotherapy.cycle_days + days
    until = np.minimum(unit.drawn.leave_day, _last_visit(unit))
    who, dose = np.nonzero(day < until[:, None])
    return who, day[who, dose], cycles[dose]


def _reported(decisions: Sequence[Decisions], who: Ints, day: Ints, baseline: Array) -> Array:
    """The last count that was reported to each ``who`` by ``day``, day included; at first the baseline count."""
    count = baseline[who]
    for made in decisions:
        known = (made.day[who] <= day) & ~np.isnan(made.count[who])
        count = np.where(known, made.count[who], count)
    return count


def _solves(result: UnitResult, keys: Keys) -> pa.Table:
    why, code = [REASON[s] for s in Status], result.status.astype(np.int64)
    code[list(result.fastest)] = len(why) + np.arange(len(result.fastest))
    return _table(
        SOLVES,
        **keys.rows(),
        STATUS=_coded(result.status, [s.name for s in Status]),
        REASON=_coded(code, [*why, *(f"{REASON[Status.STEP_LIMIT]}: {said}" for said in result.fastest.values())]),
        NSTEPS=result.steps,
    )
