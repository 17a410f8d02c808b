"""From the arrays of a simulated unit to the tables of ``trial.tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.sampler import Cohort
from trial.engine.dosing import day_of
from trial.engine.draws import Unit
from trial.engine.rules import Decisions
from trial.engine.simulate import UnitResult
from trial.jobs.ledger import doses
from trial.jobs.paths import paths
from trial.jobs.rows import Ints, Keys, coded, last_visit, leaves, table, texts
from trial.solver import REASON, Status
from trial.tables import (
    OBSERVATIONS,
    SCREENING,
    SOLVES,
    events_schema,
    parameters_schema,
    patients_schema,
)

Array = NDArray[np.float64]


def collect(
    unit: Unit, result: UnitResult, cohort: Cohort, subject: Ints, stratum: NDArray[np.str_], units: dict[str, str]
) -> dict[str, pa.Table]:
    """Every table of a unit but ``screening`` and ``courses``.

    ``subject`` (n,) numbers the patients within their replicate, from 1.
    """
    keys = Keys.of(unit.study.id, cohort.draws.replicate, subject)
    found = {
        "patients": _patients(unit, result, cohort, keys, stratum),
        "parameters": _parameters(unit, keys, units),
        "doses": doses(unit, result, keys),
        "observations": _observations(unit, result, cohort, keys),
        "events": _events(unit, result, keys, cohort.columns["BLPLAT"]),
        "solves": _solves(result, keys),
    }
    return found | ({"stages": paths(unit, result, keys)} if unit.study.stages else {})


def screening_table(flows: Mapping[int, Mapping[str, int]]) -> pa.Table:
    """The CONSORT counts of each replicate, in the order of screening."""
    rows = [(replicate, reason, n) for replicate, flow in flows.items() for reason, n in flow.items()]
    replicate, reason, n = zip(*rows, strict=True) if rows else ((), (), ())
    return table(SCREENING, IREP=replicate, REASON=texts(reason), N=n)


def _patients(
    unit: Unit,
    result: UnitResult,
    cohort: Cohort,
    keys: Keys,
    stratum: NDArray[np.str_],
) -> pa.Table:
    drawn, n, place = unit.drawn, unit.drawn.n, result.course.place
    gone = leaves(unit, result)
    columns: dict[str, object] = dict(cohort.columns)
    for name in ("SEX", "SPLENFL", "CONITPFL", "RESPCLS", "OUTDOM"):
        columns[name] = texts(cohort.columns[name])
    columns |= dict(
        STUDYID=coded(np.zeros(n), [unit.study.id]),
        ARM=coded(drawn.arm, unit.study.arm_ids),
        STRATUM=texts(stratum),
        ADHER=drawn.adherence,
        EOSSTT=coded(np.where(result.status > 0, 2, gone.astype(int)), ["COMPLETED", "DISCONTINUED", "SOLVE FAILED"]),
        DCSREAS=coded(np.where(gone, place.leave_reason + 1, 0), ["", *unit.study.reasons_to_leave]),
        EOSDY=np.minimum(place.leave_day, last_visit(unit)),
    )
    columns["MEALSH"] = drawn.meal_share
    return table(patients_schema(meals=unit.study.meals is not None), **columns, **keys.rows())


def _parameters(unit: Unit, keys: Keys, units: dict[str, str]) -> pa.Table:
    names = unit.structure.parameters
    return table(parameters_schema(names, units), **keys.rows(), **{name: unit.parameters[name] for name in names})


def _absence(
    unit: Unit, result: UnitResult, absent: NDArray[np.bool_], visit: slice | int, after: Ints
) -> NDArray[np.int32]:
    """Code into ABSENT: why there is no value ``after`` (k,) days; 0 where there is one. Leaving comes before missing,
    missing before failing.
    """
    failed = np.where(result.status > 0, 2 + result.status, 0)
    leave_day = result.course.place.leave_day.reshape((-1,) + (1,) * (absent.ndim - 1))
    left = unit.drawn.visit_day[:, visit] + after >= leave_day
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
    return table(
        OBSERVATIONS,
        **keys.rows(np.repeat(np.arange(n), k)),
        PARAMCD=coded(np.full(n * k, code), ("PLAT", "WHOBLEED", "CONC")),
        AVISITN=np.tile(nominal, n),
        ADY=np.where(absent, np.nan, day).ravel(),
        ATPT=np.tile(hours, n),
        AVAL=value.ravel(),
        TRUEVAL=true.ravel(),
        AVALREAS=coded(why.ravel(), ABSENT),
    )


def _events(unit: Unit, result: UnitResult, keys: Keys, baseline: Array) -> pa.Table:
    """Rescues on the day they are given, dropouts with their reason, and every dose of chemotherapy."""
    reasons, place = unit.study.reasons_to_leave, result.course.place
    cycles = unit.study.chemotherapy.cycles if unit.study.chemotherapy else 0
    rescued = [(np.flatnonzero(made.rescued), visit) for visit, made in enumerate(result.decisions)]
    gone = np.flatnonzero(leaves(unit, result))
    treated, chemo_day, cycle = _chemotherapy(unit, result)
    who = np.concatenate([*(w for w, _ in rescued), gone, treated])
    late = unit.study.laboratory.turnaround_days
    given = [unit.drawn.visit_day[w, v] + late for w, v in rescued]
    day = np.concatenate([*given, place.leave_day[gone], chemo_day])
    at_rescue = [result.decisions[v].count[w] for w, v in rescued]
    last_count = _reported(result.decisions, treated, chemo_day, baseline)
    count = np.concatenate([*at_rescue, np.full(len(gone), np.nan), last_count])
    n_rescues = len(who) - len(gone) - len(treated)
    kind = np.repeat([0, 1, 2], [n_rescues, len(gone), len(treated)])
    term = np.concatenate([np.zeros(n_rescues, int), place.leave_reason[gone] + 1, cycle + 1 + len(reasons)])
    order = np.lexsort((day, who))
    who, day, count, kind, term = (x[order] for x in (who, day, count, kind, term))
    return table(
        events_schema(cycles > 0),
        **keys.rows(who),
        EVENT=coded(kind, ("RESCUE", "DROPOUT", "CHEMO")[: 3 if cycles else 2]),
        ADY=day,
        TERM=coded(term, ("rescue therapy", *reasons, *(f"chemotherapy, cycle {k + 1}" for k in range(cycles)))),
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
    until = np.minimum(result.course.place.leave_day, last_visit(unit))
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
    return table(
        SOLVES,
        **keys.rows(),
        STATUS=coded(result.status, [s.name for s in Status]),
        REASON=coded(code, [*why, *(f"{REASON[Status.STEP_LIMIT]}: {said}" for said in result.fastest.values())]),
        NSTEPS=result.steps,
    )
