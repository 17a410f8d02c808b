"""From the arrays of a simulated unit to the tables of ``trial.tables``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.sampler import Cohort
from trial.plan import Unit
from trial.rules import Decisions, rules_of
from trial.simulate import UnitResult
from trial.solver import REASON, Status
from trial.tables import COURSES, DOSES, EVENTS, OBSERVATIONS, SCREENING, SOLVES, patients_schema
from trial.titration import Action, reason

Array = NDArray[np.float64]
Ints = NDArray[np.integer]


def collect(
    unit: Unit, result: UnitResult, cohort: Cohort, subject: Ints, stratum: NDArray[np.str_], units: dict[str, str]
) -> dict[str, pa.Table]:
    """Every table of a unit but ``screening``. ``subject`` (n,) numbers the patients within their replicate, from 1."""
    keys = (cohort.draws.replicate, subject)
    dense = {"courses": _courses(unit, result, keys)} if result.hourly else {}
    found = {
        "patients": _patients(unit, result, cohort, keys, stratum, units),
        "doses": _doses(unit, result, keys),
        "observations": _observations(unit, result, cohort, keys),
        "events": _events(unit, result, keys),
        "solves": _solves(result, keys),
    }
    return found | dense


def screening_table(replicate: int, screened: dict[str, int]) -> pa.Table:
    """The CONSORT counts of one replicate, in the order of screening."""
    return _table(
        SCREENING, REPLICATE=[replicate] * len(screened), REASON=_texts(list(screened)), N=list(screened.values())
    )


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
    return pa.array(list(values), pa.string()).dictionary_encode()


def _last_visit(unit: Unit) -> Ints:
    return unit.plan.visit_day[:, -1]


def _leaves(unit: Unit) -> NDArray[np.bool_]:
    """Left before the last planned day."""
    return unit.plan.leave_day <= _last_visit(unit)


def _patients(
    unit: Unit,
    result: UnitResult,
    cohort: Cohort,
    keys: tuple[Ints, Ints],
    stratum: NDArray[np.str_],
    units: dict[str, str],
) -> pa.Table:
    replicate, subject = keys
    table, plan, n = cohort.patients, unit.plan, unit.plan.n
    leaves = _leaves(unit)
    reasons = [item.reason for item in unit.study.dropout] or [""]
    columns: dict[str, object] = {name: table[name].to_numpy() for name in table.columns}
    for name in ("SEX", "SPLENFL", "CONITPFL", "RESPCLASS", "OUTDOM"):
        columns[name] = _texts(table[name].to_numpy())
    columns |= dict(
        STUDYID=_coded(np.zeros(n), [unit.study.id]),
        REPLICATE=replicate,
        SUBJID=subject,
        USUBJID=[f"{unit.study.id}-{r:05d}-{s:05d}" for r, s in zip(replicate.tolist(), subject.tolist(), strict=True)],
        ARM=_coded(plan.arm, unit.study.arm_ids),
        STRATUM=_texts(stratum),
        ADHER=plan.adherence,
        EOSSTT=_coded(
            np.where(result.status > 0, 2, leaves.astype(int)), ["COMPLETED", "DISCONTINUED", "SOLVE FAILED"]
        ),
        DCSREAS=_coded(np.where(leaves, plan.leave_reason + 1, 0), ["", *reasons]),
        EOSDY=np.minimum(plan.leave_day, _last_visit(unit)),
    )
    schema = patients_schema(unit.structure.parameters, units)
    return _table(schema, **columns, **{name: unit.parameters[name] for name in unit.structure.parameters})


def _absence(unit: Unit, result: UnitResult, absent: NDArray[np.bool_], visit: slice | int) -> NDArray[np.int32]:
    """Code into ABSENT: why there is no value; 0 where there is one. Leaving comes before missing, missing before
    failing.
    """
    failed = np.where(result.status > 0, 2 + result.status, 0)
    left = unit.plan.visit_day[:, visit] >= unit.plan.leave_day.reshape((-1,) + (1,) * (absent.ndim - 1))
    why = np.where(
        left, 2, np.where(unit.plan.missed[:, visit], 1, failed.reshape(failed.shape + (1,) * (absent.ndim - 1)))
    )
    return np.where(absent, why, 0).astype(np.int32)


ABSENT = (
    "",
    "missed visit",
    "discontinued",
    *(f"solver: {REASON[Status(k)]}" for k in range(1, len(Status))),
    "no active dose",
)


def _observations(unit: Unit, result: UnitResult, cohort: Cohort, keys: tuple[Ints, Ints]) -> pa.Table:
    baseline = cohort.patients["BLPLAT"].to_numpy(), cohort.trueplat0, cohort.patients["BLBLEED"].to_numpy()
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
    keys: tuple[Ints, Ints],
    code: int,
    value: Array,
    true: Array,
    nominal: Ints,
    visit: object,
    hours: Array,
) -> pa.Table:
    """Rows of one parameter, patient by patient; value and true (n, k), nominal and hours (k,), visit picks plan
    columns.
    """
    n, k = value.shape
    absent = np.isnan(value)
    why = _absence(unit, result, absent, visit)  # type: ignore[arg-type]
    why = np.where(absent & (why == 0), len(ABSENT) - 1, why)
    day = unit.plan.visit_day[:, visit].astype(float)  # type: ignore[index]
    return _table(
        OBSERVATIONS,
        REPLICATE=np.repeat(keys[0], k),
        SUBJID=np.repeat(keys[1], k),
        PARAMCD=_coded(np.full(n * k, code), ("PLAT", "WHOBLEED", "CONC")),
        AVISITN=np.tile(nominal, n),
        ADY=np.where(absent, np.nan, day).ravel(),
        ATPT=np.tile(hours, n),
        AVAL=value.ravel(),
        TRUEVAL=true.ravel(),
        AVALREAS=_coded(why.ravel(), ABSENT),
    )


def _doses(unit: Unit, result: UnitResult, keys: tuple[Ints, Ints]) -> pa.Table:
    """The ledger: one row per start or change of dose, ended by the next one, the end of treatment or leaving."""
    who, day, action, step, count, level = _changes(result.decisions)
    last = np.minimum.reduce([np.full(unit.plan.n, unit.study.treatment_days), unit.plan.leave_day, _last_visit(unit)])
    keep = day < last[who]
    who, day, action, step, count, level = (x[keep] for x in (who, day, action, step, count, level))
    order = np.lexsort((day, who))
    who, day, action, step, count, level = (x[order] for x in (who, day, action, step, count, level))
    end = np.where(np.append(who[1:] == who[:-1], False), np.append(day[1:], 0), last[who])
    taken = np.concatenate([np.zeros((unit.plan.n, 1), int), np.cumsum(unit.plan.taken, axis=1)], axis=1)
    final = taken.shape[1] - 1
    n_taken = np.where(level > 0, taken[who, np.minimum(end, final)] - taken[who, np.minimum(day, final)], 0)
    active = np.array([not arm.placebo for arm in unit.study.arms])[unit.plan.arm[who]]
    code, words = _reason_codes(unit, who, action, step)
    return _table(
        DOSES,
        REPLICATE=keys[0][who],
        SUBJID=keys[1][who],
        ASTDY=day,
        AENDY=end,
        EXDOSE=np.where(active, level, 0.0),
        DOSELEV=level,
        ACTION=_coded(action, [a.name.lower() for a in Action]),
        REASON=_coded(code, words),
        TRIGCNT=count,
        NTAKEN=n_taken,
    )


def _changes(decisions: Sequence[Decisions]) -> list[NDArray]:
    """Every start or change of dose: patient, day, action, step, count, dose after (mg)."""
    rows = []
    for made in decisions:
        who = np.flatnonzero(made.action != Action.KEEP)
        rows.append((who, made.day[who], made.action[who], made.step[who], made.count[who], made.dose_mg[who]))
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def _reason_codes(unit: Unit, who: Ints, action: NDArray[np.int8], step: NDArray[np.int16]) -> tuple[Ints, list[str]]:
    """A code per row and the words: one text per distinct (arm, action, step)."""
    triples = np.stack([unit.plan.arm[who], action, step], axis=1).astype(np.int64)
    distinct, code = np.unique(triples, axis=0, return_inverse=True)
    rules = rules_of(unit.study)
    return code.ravel(), [reason(rules[arm], Action(act), index) for arm, act, index in distinct.tolist()]


def _events(unit: Unit, result: UnitResult, keys: tuple[Ints, Ints]) -> pa.Table:
    """Rescues at their visits, and dropouts with their reason."""
    reasons = [item.reason for item in unit.study.dropout]
    rescued = [(np.flatnonzero(made.rescued), visit) for visit, made in enumerate(result.decisions)]
    gone = np.flatnonzero(_leaves(unit))
    who = np.concatenate([*(w for w, _ in rescued), gone])
    day = np.concatenate([*(unit.plan.visit_day[w, v] for w, v in rescued), unit.plan.leave_day[gone]])
    count = np.concatenate([*(result.decisions[v].count[w] for w, v in rescued), np.full(len(gone), np.nan)])
    n_rescues = len(who) - len(gone)
    kind = np.repeat([0, 1], [n_rescues, len(gone)])
    term = np.concatenate([np.zeros(n_rescues, int), unit.plan.leave_reason[gone] + 1])
    order = np.lexsort((day, who))
    who, day, count, kind, term = (x[order] for x in (who, day, count, kind, term))
    return _table(
        EVENTS,
        REPLICATE=keys[0][who],
        SUBJID=keys[1][who],
        EVENT=_coded(kind, ("RESCUE", "DROPOUT")),
        ADY=day,
        TERM=_coded(term, ("rescue therapy", *reasons)),
        AVAL=count,
    )


def _solves(result: UnitResult, keys: tuple[Ints, Ints]) -> pa.Table:
    names = [s.name for s in Status]
    return _table(
        SOLVES,
        REPLICATE=keys[0],
        SUBJID=keys[1],
        STATUS=_coded(result.status, names),
        REASON=_coded(result.status, [REASON[s] for s in Status]),
        NSTEPS=result.steps,
    )


def _courses(unit: Unit, result: UnitResult, keys: tuple[Ints, Ints]) -> pa.Table:
    """Hour by hour and patient by patient, until the patient leaves, the study ends or the solve fails."""
    hour, conc, plt = (np.hstack([getattr(part, name) for part in result.hourly]) for name in ("hour", "conc", "plt"))
    here = (hour <= 24.0 * unit.plan.leave_day[:, None]) & ~np.isnan(plt)
    many = here.sum(axis=1)
    who = [np.repeat(key, many) for key in keys]
    return _table(COURSES, REPLICATE=who[0], SUBJID=who[1], AHOUR=hour[here], CONC=conc[here], PLT=plt[here])
