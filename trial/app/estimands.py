"""Does the planned analysis find what the team wants to know? True values by simulation, beside the estimators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product, zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis import endpoints
from analysis.endpoints import endpoints_of
from analysis.endpoints.records import Records, from_tables
from analysis.endpoints.strategies import as_observed, composite_no, has_event, judged, measured_value, under
from analysis.evidence import estimands as pure
from analysis.evidence import tipping
from analysis.evidence.estimands import Found, Judged, Truth
from analysis.statistics import measured_estimands, planned, summaries
from analysis.text import cells
from trial.app import imputed as imputing
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.targets import Job, cut
from trial.engine.laboratory import whole_counts
from trial.engine.simulate import simulate_unit
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.work import enrolment, simulate_replicates, tabulate, unit_of
from trial.study.estimand import IMPUTED, IMPUTING, Estimand, Verdict, deaths_in_words
from trial.study.ideal import DEPARTURES, without
from trial.study.study import Study

Array = NDArray[np.float64]
FILES = (pure.ESTIMANDS_FILE, tipping.TIPPING_FILE)
TRUE_REPLICATES = 50
"""Replicates of everybody under every arm, at most: they have no noise of who is in which arm."""
TRIAL, NULL, TRUTH = "trial", "null", "truth"
TIPPING = "tipping"
OUT_OF = {"rescue": "rescue", "leaving": "dropout"}
"""The departure from the ideal trial that a hypothetical strategy takes out."""


@dataclass(frozen=True)
class Task:
    """What a job is for: trials, trials without a difference, or the truth of estimands that take out ``without``."""

    kind: str
    job: Job
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}, {self.job}"


def write_estimands(
    study: Study,
    folder: Path,
    workers: int | None = None,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> list[Judged]:
    """Simulate the trial, the trial without a difference, and everybody under every arm as each estimand asks; write
    estimands.parquet into ``folder``. ``workers``: threads; ``dask``: a cluster instead. Raises Refused without any.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    if not study.analysis.estimands:
        raise Refused(f"{study.id} has no estimands: give analysis.estimands, as in [{{id: PRIMARY}}]")
    study = of_first_stage(study)
    tasks = list(_tasks(study))
    patients = {task: one.subjects * len(task.job.replicates) for one, task in tasks}
    total, done = sum(patients.values()), 0
    count = len(study.analysis.estimands)
    say(f"estimands: {count}; {study.replicates} trials, as many without a difference, and the truth")
    parts: dict[Task, Mapping[tuple[str, str], Array]] = {}
    with progress("estimands, patients") as tell, hands(workers or cores(), dask) as ours:
        for task, result in ours.each(partial(_result, study.analysis.estimands), tasks, str):
            parts[task] = result
            done += patients[task]
            tell(done, total)
    rows = _rows(study, [task for _, task in tasks], parts)
    folder.mkdir(parents=True, exist_ok=True)
    pure.write(rows, folder)
    if study.analysis.imputation.deltas:
        tipping.write(_tipping(study, [task for _, task in tasks], parts), folder)
    return rows


def of_first_stage(study: Study) -> Study:
    """A study with stages as the study that its first one is, with the reasons to leave that run in it; not validated.
    What comes later changes nothing before.
    """
    if not study.stages:
        return study
    first = study.stages[0].id
    leaving = (item for item in study.dropout if not item.stages or first in item.stages)
    return study.analysed.model_copy(
        update={"dropout": tuple(item.model_copy(update={"stages": ()}) for item in leaving)}
    )


def _tasks(study: Study) -> Iterator[tuple[Study, Task]]:
    """Every job with its study, the truths first."""
    everybody = study.model_copy(
        update={"allocation": "counterfactual", "replicates": min(TRUE_REPLICATES, study.replicates)}
    )
    for names in dict.fromkeys(taken_out(one) for one in study.analysis.estimands):
        changed = without(everybody, [d for d in DEPARTURES if d.id in names])
        yield from ((one, Task(TRUTH, job, names)) for one, job in cut(0, changed, (study.analysis.primary,)))
    for kind, trial in ((TRIAL, study), (NULL, no_difference(study))):
        yield from ((one, Task(kind, job)) for one, job in cut(0, trial, (study.analysis.primary,)))


def taken_out(one: Estimand) -> tuple[str, ...]:
    """The departures from the ideal trial that its hypothetical strategies take out."""
    return tuple(name for event, name in OUT_OF.items() if getattr(one, event) == "hypothetical")


def no_difference(study: Study) -> Study:
    """The trial in which every arm has the treatment, the ways of leaving and the covariates of the reference arm."""
    same = next(arm for arm in study.arms if arm.id == study.analysis.reference_arm)
    arms = tuple(same.model_copy(update={"id": a.id, "label": a.label, "ratio": a.ratio}) for a in study.arms)
    leaving = tuple(item.as_of_arm(same.id, study.arm_ids) for item in study.dropout)
    its_own = (change for change in study.population.changes if not change.arms or same.id in change.arms)
    changes = tuple(change.model_copy(update={"arms": ()}) for change in its_own)
    population = study.population.model_copy(update={"changes": changes})
    return study.model_copy(update={"arms": arms, "dropout": leaving, "population": population})


def _result(estimands: Sequence[Estimand], study: Study, task: Task) -> Mapping[tuple[str, str], Array]:
    """Of a truth the shares (R, A) by estimand, else what each estimator finds, (R, A - 1, 4), by endpoint."""
    if task.kind == TRUTH:
        mine = [one for one in estimands if taken_out(one) == task.without]
        return _truths(mine, study, task.job.replicates)
    tables = simulate_replicates(study, task.job.replicates)
    records, plan = from_tables(tables, study.arm_ids), study.analysis
    variables = {variable_of(one, study): one for one in estimands}
    tips = bool(plan.imputation.deltas) and task.kind == TRIAL
    imputed = (
        imputing.drawn(records, tables["patients"], study) if tips or set(plan.estimators) & set(IMPUTING) else None
    )
    result: dict[tuple[str, str], Array] = {}
    for (code, one), name in product(variables.items(), plan.estimators):
        if not one.finds(name):
            continue
        if imputed is not None and name in IMPUTING:
            result[code, name] = imputing.found(one, name, imputed, study)
        elif one.measured:
            result[code, name] = measured_estimands.found(one, name, records, study)
        else:
            result[code, name] = _found(code, name, records, study)
    return result | ({(plan.primary, TIPPING): imputing.tipped(imputed, study)} if tips and imputed else {})


def variable_of(one: Estimand, study: Study) -> str:
    """What is evaluated of a patient."""
    return one.variable_of(study.analysis.primary, study.analysis.assessment_day)


def _truths(estimands: Sequence[Estimand], study: Study, replicates: range) -> dict[tuple[str, str], Array]:
    """The share with a yes, the mean or the median (R, A) of each estimand, of everybody under every arm. The dead have
    no count.
    """
    patients = enrolment(study, replicates)
    unit = unit_of(study, patients)
    result = simulate_unit(unit)
    tables = tabulate(unit, result, patients)
    records = from_tables(tables, study.arm_ids)
    days = unit.drawn.visit_day[:, 1:].astype(np.float64)
    whole = whole_counts(unit, [visit.truth for visit in result.visits])
    if study.deaths:
        died = tables["patients"]["DTHADY"].cast(pa.float64()).to_numpy()
        whole = np.where(days >= died[:, None], np.nan, whole)
    shape = len(replicates), len(study.arm_ids), study.patients
    found = {}
    for one in estimands:
        value, assessed = _value(one, records, whole, days, study), one.day or study.analysis.assessment_day
        if one.stratum:
            has = has_event(records, one.stratum, assessed).reshape(shape)
            value = np.where(np.broadcast_to(has.any(axis=1, keepdims=True), shape).ravel(), np.nan, value)
        found[one.id, ""] = (_medians if one.summary == "median" else _means)(value.reshape(shape))
    return found


def _value(one: Estimand, records: Records, whole: Array, days: Array, study: Study) -> Array:
    """(n,) the variable of an estimand, after its strategies: a composite event makes a no, or the count of baseline,
    of the dead too.
    """
    seen, assessed = under(records, whole, days, one), one.day or study.analysis.assessment_day
    no = composite_no(records, days, one, assessed)
    if one.measured:
        back = replace(seen, counts=np.where(no[:, None], records.baseline[:, None], seen.counts))
        return measured_value(back, one, assessed)
    endpoint = endpoints_of(study.analysis)[one.variable or study.analysis.primary]
    value = endpoints.evaluate(endpoint, seen, study).value
    return np.where(no, 0.0 * value, value)


def _means(values: Array) -> Array:
    """Mean (R, A) of the known values (R, A, n); NaN of none."""
    known = ~np.isnan(values)
    n = known.sum(axis=2)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=2) / np.maximum(n, 1), np.nan)


def _medians(values: Array) -> Array:
    """Median (R, A) of the known values (R, A, n); NaN of none."""
    return np.array([[np.median(v[~np.isnan(v)]) if (~np.isnan(v)).any() else np.nan for v in r] for r in values])


def _found(code: str, estimator: str, records: Records, study: Study) -> Array:
    """(R, A - 1, 4) estimate, limits and p of the planned comparison, from the records as an estimator takes them."""
    seen = as_observed(records, estimator)
    result = endpoints.evaluate(endpoints_of(study.analysis)[code], seen, study)
    result = judged(result, records, estimator, study.analysis.assessment_day)
    first = {"named_replicate": int(records.replicate[0])}
    of_these = study.model_copy(update={"analysis": study.analysis.model_copy(update=first)})
    interval, p = planned.compared(summaries.of_records(seen, {code: result}, of_these)[code], of_these)
    return np.stack([*interval, p], axis=-1)


def _rows(study: Study, tasks: Sequence[Task], parts: Mapping[Task, Mapping[tuple[str, str], Array]]) -> list[Judged]:
    """Every estimand in every arm but the reference arm, by every estimator."""

    def whole(kind: str, key: tuple[str, str], out: tuple[str, ...] = ()) -> Array:
        return np.concatenate([parts[t][key] for t in tasks if (t.kind, t.without) == (kind, out)])

    known, arms, reference = endpoints_of(study.analysis), study.arm_ids, str(study.analysis.reference_arm)
    rows = []
    for one in study.analysis.estimands:
        code, scale, limits = variable_of(one, study), 1.0 if one.measured else 100.0, _limits(one, study)
        true = scale * whole(TRUTH, (one.id, ""), taken_out(one))
        better = -1 if not one.measured and known[code].benefit == "lower" else 1
        for k, arm in enumerate(planned.compared_arms(study)):
            truth = Truth(true[:, arms.index(arm)], true[:, arms.index(reference)])
            for name in filter(one.finds, study.analysis.estimators):
                found, null = (_of_arm(whole(kind, (code, name)), k, better, scale) for kind in (TRIAL, NULL))
                names = one.id, one.name, code, arm, reference
                rows.append(pure.judged(names, name, truth, found, null, limits, one.unit))
    return rows


def _limits(one: Estimand, study: Study) -> Verdict:
    """What a bias of this estimand is held against, in its unit, beside coverage and type I error."""
    said = study.analysis.verdict
    return said.model_copy(update={"bias_points": one.bias_limit}) if one.measured else said


def _tipping(
    study: Study, tasks: Sequence[Task], parts: Mapping[Task, Mapping[tuple[str, str], Array]]
) -> list[tipping.Tipping]:
    """The primary endpoint at every delta, of every arm but the reference arm."""
    plan, reference = study.analysis, str(study.analysis.reference_arm)
    key, trials = (plan.primary, TIPPING), [task for task in tasks if task.kind == TRIAL]
    found = np.concatenate([parts[task][key] for task in trials])
    better = -1 if endpoints_of(plan)[plan.primary].benefit == "lower" else 1
    rows: list[tipping.Tipping] = []
    for k, arm in enumerate(planned.compared_arms(study)):
        each = [_of_arm(found[:, :, d], k, better) for d in range(len(plan.imputation.deltas))]
        names = plan.primary, arm, reference, plan.imputation.tipping
        rows += tipping.rows(names, plan.imputation.deltas, each, plan.named_replicate)
    return rows


def _of_arm(found: Array, k: int, better: int, scale: float = 100.0) -> Found:
    """What an estimator finds (R, A - 1, 4) of one arm, in points or the unit of a measured variable."""
    estimate, low, high = (scale * found[:, k, j] for j in range(3))
    return Found(estimate, low, high, found[:, k, 3], better)


def lines(rows: Sequence[Judged]) -> list[tuple[str, ...]]:
    """One line per estimator: what it is about (estimand, arm, truth, one below the other), estimator, bias, coverage,
    type I error and verdict, as text.
    """
    found: list[tuple[str, ...]] = []
    for first, group in pure.by_truth(rows):
        about = (first.estimand, first.arm, cells.change(first.truth, first.truth_mcse, pure.shown_unit(first)))
        both = zip_longest(about, map(_judgement, group))
        found += [(name or "", *(judgement or ("",) * 5)) for name, judgement in both]
    return found


def _points(folder: Path) -> list[str]:
    """Of every arm where the conclusion turns in the named replicate, and in how many trials."""
    found = []
    for of_arm in tipping.by_arm(tipping.read(folder)):
        first, last = of_arm[0], of_arm[-1]
        trials = f"of {first.in_favour} trials in favour {last.tipped} have turned by delta {last.delta:g}"
        found.append(f"Tipping point, {first.arm}: {tipping.point_in_words(of_arm)}; {trials}.")
    return found


def _judgement(row: Judged) -> tuple[str, ...]:
    shares = (cells.rounded(100 * share, 1) for share in (row.coverage, row.type1))
    return (row.estimator, cells.change(row.bias, row.bias_mcse, pure.shown_unit(row)), *shares, row.verdict)


def notes(rows: Sequence[Judged], study: Study, folder: Path) -> list[str]:
    """What stands below the lines: what each estimand is, and what the verdict is about."""
    plan = study.analysis
    limits = plan.verdict
    units = ", ".join(dict.fromkeys(row.unit for row in rows))
    return [
        *(f"{one.id}: {one.in_words(plan.primary, plan.assessment_day)}." for one in plan.estimands),
        *(f"{said}." for said in deaths_in_words(plan.estimands, study.deaths)),
        *([f"{IMPUTED}; {plan.imputation.imputations} imputations."] * bool(set(plan.estimators) & set(IMPUTING))),
        *(_points(folder) if plan.imputation.deltas else []),
        f"\nTruth (below the arm) and bias in {units}; coverage of the 95 % intervals and type I error (nominal 2.5 %, "
        f"one side) in %, over {rows[0].replicates} trials and {rows[0].null_replicates} without a difference.",
        f"Limits: bias {limits.bias_points:g}, coverage {100 * limits.coverage:g} %, type I error "
        f"{100 * limits.type1_error:g} %. PASS: the whole Monte Carlo 95 % interval keeps the limit; FAIL: none of it; "
        "RISK: more replicates would tell; NE: no trial gave a result.",
    ]
