"""What a study asks for over the visits of its patients, as estimates of the named replicate.

Mixed model for log counts, odds ratios of response at every visit, cumulative incidence of events that exclude each
other, and events that come again. A fit of every replicate would take as long as the trial; restricted means, which
need none, are of all replicates (``event_times``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.endpoints.columns import distinct
from analysis.endpoints.records import COLUMNS, MORE, Array, Codes, Flags, Records, Texts, from_tables, key_of
from analysis.endpoints.stage_view import in_stage
from analysis.endpoints.strategies import SMALLEST
from analysis.endpoints.time_to_event import first_response, last_watched
from analysis.statistics import mmrm
from analysis.statistics.competing import cumulative_incidence
from analysis.statistics.estimates import ALL, NAMED, PERCENT, Estimate, alone, with_interval
from analysis.statistics.estimators import Interval, poisson_rate
from analysis.statistics.event_times import weeks_of
from analysis.statistics.least_squares import Contrast, dummies
from analysis.statistics.recurrent import rate_ratios
from analysis.statistics.repeated_response import OddsRatio, odds_ratios, responses
from analysis.statistics.summaries import compares_arms, decoded
from analysis.statistics.survival import SAME, by_day
from cohorts import elementary
from cohorts.adverse_events import DAYS_PER_YEAR
from trial.study.study import Study

KIND = "longitudinal"
"""PARCAT1 of the rows."""
MODEL, VISITS, LEFT = "LOGPLT", "RESPVIS", "LEFT"
RECURRENT = {"RESCUES": "Rescues", "BLEEDS": "Bleeding episodes, WHO grade 1 or more"}
"""Events that may come again, by PARAMCD."""
AVERAGE = "average"
NOBODY = Interval(*(np.asarray(np.nan),) * 3)
LABELS = {MODEL: "Platelet count, mixed model", VISITS: "Response at every visit", LEFT: "Left the study"} | RECURRENT
FREEDOM = {"kenward_roger": "Kenward-Roger", "satterthwaite": "Satterthwaite"}


@dataclass(frozen=True)
class NamedPatients:
    """Patients of the named replicate whose solve did not fail: ``records`` of them (n,), ``left`` (n,) why they left,
    "" who did not; ``stratum`` (n,) as codes; ``rescues`` (n,) days with a rescue after day 0.
    """

    records: Records
    left: Texts
    stratum: Codes
    rescues: Array


def estimate_longitudinal(folder: Path, study: Study) -> list[Estimate]:
    """Every row that the study asks for, from the tables of a run; none without ``analysis.longitudinal``."""
    said, reported = study.analysis.longitudinal, study.analysed
    if not (said.mmrm or said.gee or said.competing or said.recurrent):
        return []
    seen = _seen(folder, study)
    rows: list[Estimate] = []
    for asked, of in (
        (said.mmrm, model_rows),
        (said.gee, response_rows),
        (said.competing, incidence_rows),
        (said.recurrent, recurrent_rows),
    ):
        rows += of(seen, reported) if asked else ()
    return rows


def _seen(folder: Path, study: Study) -> NamedPatients:
    tables = named_tables(folder, study)
    records = from_tables(tables, study.arm_ids)
    solved: Flags = np.asarray(records.unsolved == "")
    patients = tables["patients"]
    left = np.where(decoded(patients["EOSSTT"]) == "DISCONTINUED", decoded(patients["DCSREAS"]), "")
    _, stratum = distinct([records.stratum])
    return NamedPatients(only(records, solved), left[solved], stratum[solved], _rescues(tables)[solved])


def named_tables(folder: Path, study: Study) -> Mapping[str, pa.Table]:
    """The tables of the named replicate, in the stage that is reported."""
    mine = [("IREP", "==", study.analysis.named_replicate)]
    wanted = {name: [*columns] for name, columns in COLUMNS.items()}
    wanted["patients"].append("DCSREAS")
    tables = {}
    for name, columns in wanted.items():
        path = folder / f"{name}.parquet"
        there = pq.read_schema(path).names
        more = [column for column in MORE if column in there]
        tables[name] = pq.read_table(path, columns=[*columns, *more], filters=mine)
    if study.stages:
        tables["stages"] = pq.read_table(folder / "stages.parquet", filters=mine)
    return in_stage(tables, study)


def _rescues(tables: Mapping[str, pa.Table]) -> Array:
    """(n,) days after day 0 on which each patient was rescued."""
    events = tables["events"]
    chosen = events.filter(pc.and_(pc.equal(events["EVENT"].cast(pa.string()), "RESCUE"), pc.greater(events["ADY"], 0)))
    days = np.unique(np.column_stack([key_of(chosen), chosen["ADY"].to_numpy()]), axis=0)
    key, count = np.unique(days[:, 0], return_counts=True)
    found = dict(zip(key.tolist(), count.tolist(), strict=True))
    return np.array([float(found.get(k, 0)) for k in key_of(tables["patients"]).tolist()])


def only(records: Records, chosen: Flags) -> Records:
    """Some of the patients, without adverse events and profiles."""
    every = {one.name: getattr(records, one.name) for one in fields(records) if one.name != "planned"}
    some: dict[str, Any] = {name: value[chosen] for name, value in every.items() if isinstance(value, np.ndarray)}
    return replace(records, **some, adverse={}, profile=None)


def _row(study: Study, code: str, stat: str, arm: str, **more: object) -> Estimate:
    return replace(
        Estimate(
            STUDYID=study.id, PARAMCD=code, PARAM=LABELS.get(code, code), ARM=arm, COMPARATOR=None, POPULATION="FAS",
            STAT=stat, UNIT="", SCOPE=NAMED, PARCAT1=KIND,
        ),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


@dataclass(frozen=True)
class MixedModel:
    """The mixed model of a study: its fit (None: none) and ``note``, which structure, and why none before it; the
    ``cells`` {(arm, visit): column}, and how many patients are ``seen`` (A, V).
    """

    fit: mmrm.FittedModel | None
    note: str
    cells: Mapping[tuple[int, int], int]
    seen: Array


def mixed_model(seen: NamedPatients, study: Study, logs: bool = True) -> MixedModel:
    """Log counts (or counts) by arm and visit, adjusted for log baseline (or baseline) at every visit and for stratum,
    both about their means in the patients analysed: the coefficient of an arm at a visit is its mean there.
    """
    said, records = study.analysis.longitudinal, seen.records
    scale = _log if logs else np.asarray
    y = np.where(np.isnan(records.counts), np.nan, scale(records.counts))
    if said.after_rescue == "left_out":
        day = records.days[..., None]
        y[((records.void_from[:, None] <= day) & (day < records.void_to[:, None])).any(axis=-1)] = np.nan
    some: Flags = np.asarray(~np.isnan(y).all(axis=1))
    y, arm = y[some], records.arm[some]
    known, visits = ~np.isnan(y), y.shape[1]
    columns: list[Array] = []
    cells: dict[tuple[int, int], int] = {}
    for k in range(len(study.arm_ids)):
        for v in range(visits):
            if known[arm == k, v].any():
                cells[k, v] = len(columns)
                columns.append(np.outer(arm == k, np.arange(visits) == v).astype(np.float64))
    covariates = _covariates(scale(records.baseline[some]), seen.stratum[some], visits)
    sizes = _by_arm(known, arm, len(study.arm_ids))
    order = [kind.__name__ for kind in mmrm.ORDER].index(said.covariance)
    try:
        fit = mmrm.fit(y, _independent(columns, covariates, known), mmrm.ORDER[order:])
    except mmrm.NotFitted as error:
        return MixedModel(None, f"none can be fitted: {error}", cells, sizes)
    return MixedModel(fit, "; not ".join((fit.structure, *fit.why)), cells, sizes)


def _log(counts: Array) -> Array:
    return np.asarray(elementary.log(np.maximum(counts, SMALLEST)))


def _by_arm(known: Flags, arm: Codes, arms: int) -> Array:
    """(A, V) patients with a value."""
    return np.array([known[arm == k].sum(axis=0) for k in range(arms)], dtype=np.float64)


def _covariates(baseline: Array, stratum: Codes, visits: int) -> Iterator[Array]:
    """(n, V) each: log baseline at every visit, and strata, about their means."""
    for v in range(visits):
        yield np.outer(baseline - baseline.mean(), np.arange(visits) == v)
    for column in dummies(stratum, first=1).T:
        yield np.repeat((column - column.mean())[:, None], visits, axis=1)


def _independent(columns: list[Array], covariates: Iterable[Array], known: Flags) -> Array:
    """The design of the ``columns``, and of the ``covariates`` that do not depend on those before them; (n, V) each.

    Raises NotFitted where there is no column.
    """
    if not columns:
        raise mmrm.NotFitted("there is no count")
    kept = list(columns)
    for covariate in covariates:
        flat = np.stack([column[known] for column in (*kept, covariate)], axis=-1)
        if np.linalg.matrix_rank(flat) > len(kept):
            kept.append(covariate)
    return np.stack(kept, axis=-1)


def model_rows(seen: NamedPatients, study: Study) -> Iterator[Estimate]:
    """Geometric means of every arm at every visit, ratios to the reference arm with p and degrees of freedom; deviance,
    with the structure that was fitted.
    """
    found, said = mixed_model(seen, study), study.analysis.longitudinal
    fit, days = found.fit, seen.records.planned
    row = _row(study, MODEL, "MMRM deviance", ALL, N=len(seen.records.arm), NOTE=found.note)
    yield alone(row, fit.deviance if fit else np.nan)
    if fit is None:
        return
    method = FREEDOM[said.degrees_of_freedom]
    reference = study.arm_ids.index(str(study.analysis.reference_arm)) if compares_arms(study) else None
    for k, arm in enumerate(study.arm_ids):
        for v, day in enumerate(days.tolist()):
            if (k, v) not in found.cells:
                continue
            place, n = np.zeros(len(fit.coefficients)), found.seen[k, v]
            place[found.cells[k, v]] = 1.0
            mean = fit.contrast(place, said.degrees_of_freedom)
            one = _row(study, MODEL, "MMRM mean", arm, CATEGORY=str(day), UNIT="10^9/L", N=int(n))
            yield with_interval(one, _exp(mean.interval), 1.0, method)
            if reference in (None, k) or (reference, v) not in found.cells:
                continue
            place[found.cells[int(str(reference)), v]] = -1.0
            against = replace(one, COMPARATOR=study.analysis.reference_arm, N=int(n + found.seen[reference, v]))
            yield from _contrast_rows(against, fit.contrast(place, said.degrees_of_freedom), method)


def _exp(of: Interval) -> Interval:
    return Interval(*(np.asarray(elementary.exp(value)) for value in of))


def _contrast_rows(row: Estimate, found: Contrast, method: str) -> Iterator[Estimate]:
    ratio = replace(row, STAT="MMRM ratio", UNIT="", NOTE=f"{method} degrees of freedom")
    yield with_interval(ratio, _exp(found.interval), 1.0, method)
    yield alone(replace(ratio, STAT="MMRM p", NOTE="two-sided"), found.p)
    yield alone(replace(ratio, STAT="MMRM df"), found.df)


def response_rows(seen: NamedPatients, study: Study) -> Iterator[Estimate]:
    """Odds ratios of response at every visit and on the average of the log odds ratios, and the working correlation."""
    records, said = seen.records, study.analysis.longitudinal
    answer = responses(records.counts, records.voids(records.days), study.analysis.response_threshold_1e9L)
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    found = odds_ratios(answer, records.arm, reference, seen.stratum, said.working_correlation)
    if said.working_correlation == "exchangeable":
        row = _row(study, VISITS, "GEE correlation", ALL, N=records.n, NOTE="exchangeable")
        yield alone(row, found.correlation)
    known = ~np.isnan(answer)
    for k, arm in enumerate(study.arm_ids):
        if k not in found.by_visit:
            continue
        both = np.isin(records.arm, (k, reference))
        for v, day in enumerate(records.planned.tolist()):
            row = _row(study, VISITS, "", arm, CATEGORY=str(day), N=int(known[both, v].sum()))
            yield from _odds_rows(row, found.by_visit[k][v], study)
        row = _row(study, VISITS, "", arm, CATEGORY=AVERAGE, N=int(known[both].any(axis=1).sum()))
        yield from _odds_rows(row, found.average[k], study)


def _odds_rows(row: Estimate, found: OddsRatio, study: Study) -> Iterator[Estimate]:
    row = replace(row, COMPARATOR=study.analysis.reference_arm)
    yield with_interval(replace(row, STAT="GEE odds ratio"), found.interval, 1.0, "GEE, robust")
    yield alone(replace(row, STAT="GEE p", NOTE="two-sided"), found.p)


def incidence_rows(seen: NamedPatients, study: Study) -> Iterator[Estimate]:
    """By weeks and the last visit: left for each reason, the others competing; responded, leaving competing."""
    records = seen.records
    end = last_watched(records, study)
    occurred = set(seen.left.tolist()) - {""}
    reasons = sorted(occurred, key=lambda word: (word not in study.reasons_to_leave, word))
    kinds = np.array([reasons.index(word) if word else -1 for word in seen.left.tolist()], dtype=np.int64)
    yield from _incidences(seen, study, LEFT, reasons, end, kinds)
    response = first_response(records, study)
    first = np.where(response.event, 0, np.where(kinds >= 0, 1, -1))
    stays = response.day > end
    first = np.where(~response.event & stays, -1, first)
    yield from _incidences(seen, study, "TTRESP", ["response", "left first"], response.day, first)


def _incidences(
    seen: NamedPatients, study: Study, code: str, names: list[str], day: Array, kind: Codes
) -> Iterator[Estimate]:
    """Rows of events that exclude each other; ``kind`` (n,) place in ``names``, -1 none, ``day`` (n,) of it."""
    arms, records = len(study.arm_ids), seen.records
    if not names or not records.n:
        return
    counts = [by_day(records.arm, (arms,), day.astype(np.int64), kind == k) for k in range(len(names))]
    share = cumulative_incidence(np.stack([one.events for one in counts], axis=1), counts[0].at_risk)
    at_risk, window = counts[0].at_risk, study.visits.window_days
    labels = LABELS | {"TTRESP": "Time to first response"}
    for k, arm in enumerate(study.arm_ids):
        n = int((records.arm == k).sum())
        for j, name in enumerate(names):
            for planned in dict.fromkeys([*(7 * week for week in weeks_of(study)), study.visits.days[-1]]):
                by, last = planned + window, at_risk.shape[-1] - 1
                watched = by <= last and at_risk[k, by] > 0
                told = watched or share.estimate[k, :, -1].sum() > 1 - SAME
                row = _row(
                    study, code, "cumulative incidence", arm, PARAM=labels[code], CATEGORY=f"{name}, day {planned}",
                    UNIT="%", N=n, N_EVENT=int(((records.arm == k) & (kind == j) & (day <= by)).sum()),
                )  # fmt: skip
                found = share.at(k, j, min(by, last)) if told else NOBODY
                yield with_interval(row, found, PERCENT, "Aalen-Johansen, log-log")


def recurrent_rows(seen: NamedPatients, study: Study) -> Iterator[Estimate]:
    """Rates of each arm with exact limits, and ratios to the reference arm with the dispersion."""
    years = last_watched(seen.records, study) / DAYS_PER_YEAR
    events = {"BLEEDS": episodes(seen.records.bleeding)}
    if study.rescue.allowed:
        events = {"RESCUES": seen.rescues} | events
    for code, count in events.items():
        yield from _rate_rows(seen, study, code, count, years)


def episodes(bleeding: Array) -> Array:
    """(n,) runs of visits with WHO grade 1 or more, of grades (n, V), NaN where none was taken, which ends no run."""
    before = np.zeros(len(bleeding))
    found = np.zeros(len(bleeding))
    for grade in bleeding.T:
        told = ~np.isnan(grade)
        found += told & (grade >= 1) & (before < 1)
        before = np.where(told, grade, before)
    return found


def _rate_rows(seen: NamedPatients, study: Study, code: str, events: Array, years: Array) -> Iterator[Estimate]:
    arm = seen.records.arm
    for k, name in enumerate(study.arm_ids):
        mine = arm == k
        total, time = float(events[mine].sum()), float(years[mine].sum())
        row = _row(study, code, "events per patient-year", name, UNIT="per patient-year", N=int(mine.sum()))
        row = replace(row, N_EVENT=int(total))
        yield with_interval(row, poisson_rate(total, time), 1.0, "exact Poisson")
        yield alone(replace(row, STAT="recurrent patient-years", UNIT="y", N_EVENT=None), time)
    if not compares_arms(study):
        return
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    for k, ratio in rate_ratios(events, years, arm, reference, seen.stratum).items():
        both = np.isin(arm, (k, reference))
        row = _row(
            study, code, "rate ratio", study.arm_ids[k], COMPARATOR=study.analysis.reference_arm, N=int(both.sum())
        )
        yield with_interval(row, ratio.interval, 1.0, "negative binomial, Wald")
        yield alone(replace(row, STAT="rate ratio p", NOTE="two-sided"), ratio.p)
        yield alone(replace(row, STAT="dispersion"), ratio.dispersion)
