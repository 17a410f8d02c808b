"""From the arrays of a simulated unit to the tables of ``trial.tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cohorts.sampler import Cohort
from trial.engine.course import Decisions
from trial.engine.dosing import day_of
from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.changed import covariates
from trial.jobs.clock_hours import with_hours
from trial.jobs.compliance import Intake, intake_of, missed
from trial.jobs.ledger import doses
from trial.jobs.more_counts import LACKS, loses, more_codes, more_counts
from trial.jobs.paths import paths
from trial.jobs.rows import Ints, Keys, coded, died, last_visit, leaves, table, texts
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
    ledger = doses(unit, result, keys)
    intake = intake_of(unit, result, ledger) if unit.study.adherence.told else None
    found = {
        "patients": _patients(unit, result, cohort, keys, stratum, intake),
        "parameters": _parameters(unit, keys, units),
        "doses": ledger,
        "observations": _observations(unit, result, cohort, keys),
        "events": _events(unit, result, keys, cohort.columns["BLPLAT"]),
        "solves": _solves(result, keys),
    }
    if unit.study.stages:
        found["stages"] = paths(unit, result, keys)
    if unit.changes:
        found["covariates"] = covariates(unit, result, keys, unit.changes.pieces)
    if unit.study.adherence.missed_days and intake is not None:
        found["missed"] = missed(unit, result, keys, intake)
    return found


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
    intake: Intake | None,
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
    columns |= _deaths(unit, result) if unit.study.deaths else {}
    columns["MEALSH"], columns["TAKENSH"] = drawn.meal_share, intake.share if intake else None
    schema = patients_schema(unit.study.meals is not None, intake is not None, bool(unit.study.deaths))
    return table(schema, **columns, **keys.rows())


def _deaths(unit: Unit, result: UnitResult) -> dict[str, object]:
    """The columns of who has died, null of everybody else."""
    dies, place = died(unit, result), result.course.place
    cause = np.array(["", *unit.study.reasons_to_leave])[np.where(dies, place.leave_reason + 1, 0)]
    return {
        "DTHFL": pa.array(np.full(len(dies), "Y"), pa.string(), mask=~dies).dictionary_encode(),
        "DTHADY": pa.array(np.minimum(place.leave_day, last_visit(unit)), mask=~dies),
        "DTHCAUS": pa.array(cause, pa.string(), mask=~dies).dictionary_encode(),
    }


def _parameters(unit: Unit, keys: Keys, units: dict[str, str]) -> pa.Table:
    left_out = dict(unit.structure.optional).keys() - units.keys()
    names = tuple(name for name in unit.structure.parameters if name not in left_out)
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
ABSENT_FROM_PLAN = tuple(f"{word}, or none in the schedule" if word == "missed visit" else word for word in ABSENT)
NO_EFFECT = "takes no more of the drug: no effect"
DIES = 4
"""The kind of event that a death is."""
NO_DOSE, BELOW = len(ABSENT) - 2, len(ABSENT) - 1


def _observations(unit: Unit, result: UnitResult, cohort: Cohort, keys: Keys) -> pa.Table:
    baseline = cohort.columns["BLPLAT"], cohort.trueplat0, cohort.columns["BLBLEED"]
    count, true, grade = (
        np.column_stack([first, *(getattr(v, name) for v in result.visits)])
        for first, name in zip(baseline, ("count", "true_count", "bleeding"), strict=True)
    )
    nominal = np.array((0, *unit.study.visits.days))
    none = np.zeros(unit.drawn.n, dtype=np.int64)
    day, lacks = (
        np.column_stack([none, *(getattr(v.counts, name) for v in result.visits)]) for name in ("day", "lacks")
    )
    at = unit.drawn.visit_day, np.zeros_like(lacks)
    parts = [
        _block(unit, result, keys, code, values, truth, nominal, slice(None), np.zeros(len(nominal)), *how)
        for code, values, truth, how in ((0, count, true, (day, lacks)), (1, grade, grade, at))
    ]
    if unit.study.pk_sampling:
        day, hours = (np.array(each) for each in zip(*unit.study.pk_sampling.samples, strict=True))
        columns = np.searchsorted(nominal, day)
        drawn, true = unit.drawn, result.true_concentration
        lost = (
            np.zeros(true.shape, bool) if drawn.samples.lost_conc is None else drawn.samples.lost_conc & ~np.isnan(true)
        )
        value, true = (np.where(lost, np.nan, x) for x in (result.concentration, true))
        how = drawn.visit_day[:, columns], lost.astype(np.int8)
        parts.append(_block(unit, result, keys, 2, value, true, day, columns, hours, *how))
    found = pa.concat_tables([*parts, *more_counts(unit, result, keys, _codes(unit))])
    return found if unit.clocked is None else with_hours(unit, found)


def _codes(unit: Unit) -> tuple[str, ...]:
    return ("PLAT", "WHOBLEED", "CONC", *more_codes(unit))


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
    day: Ints,
    lacks: Ints,
) -> pa.Table:
    """Rows of one parameter, patient by patient; value and true (n, k), nominal and hours (k,), visit picks plan
    columns, day and lacks (n, k): when, and why a sample has no value. A true value that was not reported was below the
    limit.
    """
    n, k = value.shape
    below = np.isnan(value) & ~np.isnan(true)
    absent = np.isnan(value) & ~below
    why = _absence(unit, result, absent, visit, day_of(hours))  # type: ignore[arg-type]
    why = np.where(below, BELOW, np.where(absent & (why == 0), np.where(lacks > 0, BELOW + lacks, NO_DOSE), why))
    absent_words = ABSENT if unit.clocked is None else ABSENT_FROM_PLAN
    words = (*absent_words, *LACKS) if loses(unit) else absent_words
    return table(
        OBSERVATIONS,
        **keys.rows(np.repeat(np.arange(n), k)),
        PARAMCD=coded(np.full(n * k, code), _codes(unit)),
        AVISITN=np.tile(nominal, n),
        ADY=np.where(absent, np.nan, day).ravel(),
        ATPT=np.tile(hours, n),
        AVAL=value.ravel(),
        TRUEVAL=true.ravel(),
        AVALREAS=coded(why.ravel(), words),
    )


def _events(unit: Unit, result: UnitResult, keys: Keys, baseline: Array) -> pa.Table:
    """Every agent of rescue on the day it is given, dropouts with their reason, and every dose of chemotherapy."""
    reasons, place = unit.study.reasons_to_leave, result.course.place
    cycles = unit.study.chemotherapy.cycles if unit.study.chemotherapy else 0
    agents, given = unit.study.rescue.given, result.course.rescues.given
    gone = np.flatnonzero(leaves(unit, result))
    treated, chemo_day, cycle = _chemotherapy(unit, result)
    weary = np.flatnonzero(result.course.patience.gone_day < np.minimum(place.leave_day, last_visit(unit)))
    weary_day = result.course.patience.gone_day[weary]
    who = np.concatenate([*(dosage.who for dosage in given), gone, treated, weary])
    day = np.concatenate([*(dosage.day for dosage in given), place.leave_day[gone], chemo_day, weary_day])
    last_count = _reported(
        result.decisions, np.concatenate([treated, weary]), np.concatenate([chemo_day, weary_day]), baseline
    )
    count = np.concatenate([*(dosage.count for dosage in given), np.full(len(gone), np.nan), last_count])
    n_rescues = len(who) - len(gone) - len(treated) - len(weary)
    kind = np.repeat([0, 1, 2, 3], [n_rescues, len(gone), len(treated), len(weary)])
    kind[n_rescues : n_rescues + len(gone)][died(unit, result)[gone]] = DIES
    agent = np.repeat([dosage.agent for dosage in given], [len(dosage.who) for dosage in given]).astype(np.int64)
    first = len(agents), len(agents) + len(reasons)
    term = np.concatenate(
        [agent, place.leave_reason[gone] + first[0], cycle + first[1], np.full(len(weary), first[1] + cycles)]
    )
    order = np.lexsort((day, who))
    who, day, count, kind, term = (x[order] for x in (who, day, count, kind, term))
    voids = np.array([np.nan if a.voids_days is None else a.voids_days for a in agents])
    return table(
        events_schema(cycles > 0, bool(unit.study.rescue.agents), _cycles_wait(unit), bool(unit.study.deaths)),
        **keys.rows(who),
        EVENT=coded(kind, _event_words(unit)),
        ADY=day,
        TERM=coded(
            term,
            (
                *(a.term for a in agents),
                *reasons,
                *(f"chemotherapy, cycle {k + 1}" for k in range(cycles)),
                *([NO_EFFECT] if unit.study.adherence.gives_up else []),
            ),
        ),
        CYCLE=pa.array(term - first[1] + 1, mask=kind != 2),
        CHSHARE=np.where(kind == 2, _share(result, who, term - first[1]), np.nan),
        AVAL=count,
        VOIDENDY=np.where(kind == 0, day + voids[np.minimum(term, len(agents) - 1)], np.nan),
    )


def _cycles_wait(unit: Unit) -> bool:
    """Whether later cycles of chemotherapy wait for platelets."""
    return unit.study.chemotherapy is not None and unit.study.chemotherapy.next_cycle is not None


def _share(result: UnitResult, who: Ints, cycle: Ints) -> Array:
    """Share of the planned dose in a cycle of each ``who`` (k,); 1 where there is no such cycle."""
    share = np.column_stack([result.course.cycles.share, np.ones(len(result.course.cycles.share))])
    return np.asarray(share[who, np.clip(cycle, 0, share.shape[1] - 1)])


def _event_words(unit: Unit) -> tuple[str, ...]:
    """The kinds of event; those of chemotherapy, of giving up and of death of a study that has them."""
    if unit.study.deaths:
        return ("RESCUE", "DROPOUT", "CHEMO", "GAVEUP", "DEATH")
    gives_up = unit.study.adherence.gives_up is not None
    chemotherapy = ("CHEMO",) if unit.study.chemotherapy or gives_up else ()
    return ("RESCUE", "DROPOUT", *chemotherapy, *(("GAVEUP",) if gives_up else ()))


def _chemotherapy(unit: Unit, result: UnitResult) -> tuple[Ints, Ints, Ints]:
    """Every dose of chemotherapy given before the last visit: patient, day, cycle from 0."""
    chemotherapy = unit.study.chemotherapy
    if chemotherapy is None:
        nobody = np.empty(0, dtype=np.int64)
        return nobody, nobody, nobody
    cycles = np.repeat(np.arange(chemotherapy.cycles), len(chemotherapy.doses))
    days = np.tile([dose.day for dose in chemotherapy.doses], chemotherapy.cycles)
    day = result.course.cycles.day[:, cycles] + days
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
