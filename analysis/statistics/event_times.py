"""From the times table to estimates: Kaplan-Meier medians and shares, hazard ratios, incidences, in every replicate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr

from analysis.endpoints import chosen_times
from analysis.endpoints.records import Array, Codes
from analysis.endpoints.time_to_event import TimeTo
from analysis.statistics import estimators
from analysis.statistics.estimates import NAMED, PERCENT, Estimate, alone, over, with_interval
from analysis.statistics.estimators import Interval
from analysis.statistics.summaries import decoded, whole_replicates
from analysis.statistics.survival import Counts, by_day, hazard_ratio, kaplan_meier, log_rank, restricted_mean
from cohorts import elementary
from cohorts.adverse_events import DAYS_PER_YEAR
from trial.study.study import Study

WEEKS = (1, 2, 4, 8)
HUNDRED_YEARS = 100.0
WALD = "Cox, Efron's ties, Wald"
LOG_LOG = "Kaplan-Meier, log-log"


@dataclass(frozen=True)
class EventTimes:
    """One time to event in R replicates and A arms.

    Of the watched, (R, A): ``n``, ``events``, ``days`` at risk. Kaplan-Meier: ``median`` (R, A), and ``by_week`` (R,
    A, weeks). Against the reference arm, (R, A): ``ratio`` of hazards and ``p``, NaN where arms are not compared.
    Restricted ``mean`` and its ``error`` (R, A), NaN where the study does not ask for them.
    """

    n: Array
    events: Array
    days: Array
    median: Interval
    by_week: Interval
    ratio: Interval
    p: Array
    mean: Array
    error: Array


def weeks_of(study: Study) -> list[int]:
    """The weeks of WEEKS that the visits reach."""
    return [week for week in WEEKS if 7 * week <= study.visits.days[-1]]


def estimate_times(path: Path, study: Study) -> list[Estimate]:
    """Rows of every time to event of a times table, whole replicates at a time."""
    kinds = chosen_times(study)
    found = {code: _nobody(study) for code in kinds}
    for table in whole_replicates(path, ["IREP", "ARM", "STRATUM", "PARAMCD", "AVAL", "CNSR"]):
        for code, kind in kinds.items():
            _put(found[code], *_piece(table, kind, study))
    rows: list[Estimate] = []
    for code, kind in kinds.items():
        rows += (_incidence_rows if kind.proxy else _time_rows)(kind, found[code], study)
    return rows


def _nobody(study: Study) -> EventTimes:
    """All replicates of a study in which nobody is watched."""
    shape = (study.replicates, len(study.arms))
    zero, none = np.zeros(shape), np.full(shape, np.nan)
    by_week = np.full((*shape, len(weeks_of(study))), np.nan)
    median, weekly, ratio = (Interval(*(part.copy() for _ in range(3))) for part in (none, by_week, none))
    return EventTimes(zero, zero.copy(), zero.copy(), median, weekly, ratio, *(none.copy() for _ in range(3)))


def _put(whole: EventTimes, replicates: Codes, piece: EventTimes) -> None:
    """Write the results of some replicates into those of all."""
    for name in ("n", "events", "days", "p", "mean", "error"):
        getattr(whole, name)[replicates] = getattr(piece, name)
    for name in ("median", "by_week", "ratio"):
        for there, here in zip(getattr(whole, name), getattr(piece, name), strict=True):
            there[replicates] = here


def _piece(table: pa.Table, kind: TimeTo, study: Study) -> tuple[Codes, EventTimes]:
    """Some whole replicates."""
    replicates = np.unique(table["IREP"].to_numpy())
    mine = table.filter(pc.equal(table["PARAMCD"].cast(pa.string()), kind.code))
    row = np.searchsorted(replicates, mine["IREP"].to_numpy())
    place = {name: k for k, name in enumerate(study.arm_ids)}
    arm = np.array([place[name] for name in decoded(mine["ARM"]).tolist()], dtype=np.int64)
    strata, stratum = np.unique(decoded(mine["STRATUM"]), return_inverse=True)
    shape = (len(replicates), len(study.arms), max(len(strata), 1))
    day, event = mine["AVAL"].to_numpy().astype(np.int64), mine["CNSR"].to_numpy() == 0
    counts = by_day(np.ravel_multi_index((row, arm, stratum), shape), shape, day, event)
    return replicates, _evaluated(counts, kind, study)


def _evaluated(counts: Counts, kind: TimeTo, study: Study) -> EventTimes:
    pooled = counts.pooled(axis=2)
    curve = kaplan_meier(pooled)
    ends = 7 * np.array(weeks_of(study), dtype=np.int64) + kind.windows * study.visits.window_days
    ratio, p = _compared(counts, kind, study)
    days = pooled.at_risk[..., 1:].sum(axis=-1)
    n, events = pooled.at_risk[..., 0], pooled.events.sum(axis=-1)
    mean, error = _restricted(pooled, kind, study)
    return EventTimes(n, events, days, curve.median, curve.by(ends), ratio, p, mean, error)


def _restricted(counts: Counts, kind: TimeTo, study: Study) -> tuple[Array, Array]:
    """Restricted means and their errors (R, A) up to the day of the study; NaN where it has none."""
    day = study.analysis.longitudinal.restricted_mean_day
    if day is None or kind.proxy:
        none = np.full(counts.events.shape[:2], np.nan)
        return none, none.copy()
    return restricted_mean(counts, day)


def compares(kind: TimeTo, study: Study) -> bool:
    """Whether the arms are compared: against a reference arm, of separate patients, all of them watched."""
    return kind.compared and not kind.proxy and not study.paired and study.analysis.reference_arm is not None


def _compared(counts: Counts, kind: TimeTo, study: Study) -> tuple[Interval, Array]:
    """Hazard ratio and log-rank p (R, A) of each arm against the reference arm within the strata; NaN of its own."""
    none = np.full(counts.events.shape[:2], np.nan)
    ratio, p = Interval(none, none.copy(), none.copy()), none.copy()
    if not compares(kind, study):
        return ratio, p
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    arms = [Counts(counts.events[:, k], counts.at_risk[:, k]) for k in range(len(study.arms))]
    for k, one in enumerate(arms):
        if k != reference:
            p[:, k] = log_rank(one, arms[reference])
            for part, value in zip(ratio, hazard_ratio(one, arms[reference]), strict=True):
                part[:, k] = value
    return ratio, p


def _blank(kind: TimeTo, study: Study, category: str, stat: str, unit: str) -> Estimate:
    return Estimate(
        STUDYID=study.id,
        PARAMCD=kind.code,
        PARAM=kind.label,
        PARCAT1=category,
        ARM="",
        COMPARATOR=None,
        POPULATION="FAS",
        STAT=stat,
        UNIT=unit,
        SCOPE=NAMED,
    )


def _time_rows(kind: TimeTo, found: EventTimes, study: Study) -> Iterator[Estimate]:
    """Every number of one time to event, arm after arm."""
    named = study.analysis.named_replicate
    for k, arm in enumerate(study.arm_ids):
        one = replace(_blank(kind, study, "time to event", "", ""), ARM=arm)
        sizes = found.n[:, k]
        share = replace(one, STAT="event rate", UNIT="%", N=int(sizes[named]), N_EVENT=int(found.events[named, k]))
        rate = PERCENT * np.divide(found.events[:, k], sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)
        yield alone(share, rate[named])
        yield over(share, rate, sizes)
        yield from _median_rows(replace(share, STAT="median time", UNIT="d"), found, k, named)
        for j, week in enumerate(weeks_of(study)):
            by_week = replace(share, STAT="share by week", CATEGORY=str(week), N_EVENT=None)
            yield with_interval(by_week, found.by_week.at(named, k, j), PERCENT, LOG_LOG)
            yield over(by_week, PERCENT * found.by_week.estimate[:, k, j], sizes)
        if study.analysis.longitudinal.restricted_mean_day is not None:
            yield from _mean_rows(share, found, k, study)
        if compares(kind, study) and arm != study.analysis.reference_arm:
            yield from _ratio_rows(replace(one, COMPARATOR=study.analysis.reference_arm), found, k, named, study)


def _median_rows(row: Estimate, found: EventTimes, arm: int, named: int) -> Iterator[Estimate]:
    """The median day; where it is not reached in a replicate there is no mean of the replicates."""
    median, watched = found.median.estimate[:, arm], found.n[:, arm] > 0
    note = "not reached" if watched[named] and np.isnan(median[named]) else ""
    yield replace(with_interval(row, found.median.at(named, arm), 1.0, LOG_LOG), NOTE=note)
    missed = int((np.isnan(median) & watched).sum())
    if missed == 0:
        yield over(row, median, found.n[:, arm])
        return
    everyone = over(row, np.full_like(median, np.nan), found.n[:, arm])
    said = f"not reached in {missed} of {watched.sum()} replicates"
    yield replace(everyone, N_EVENT=None, R=int(watched.sum()), NOTE=said)


def _mean_rows(row: Estimate, found: EventTimes, arm: int, study: Study) -> Iterator[Estimate]:
    """Restricted mean of an arm, and its difference from the reference arm where these are compared; normal limits."""
    named, day = study.analysis.named_replicate, str(study.analysis.longitudinal.restricted_mean_day)
    one = replace(row, STAT="restricted mean", CATEGORY=day, UNIT="d", N_EVENT=None)
    yield _normal(one, found.mean[named, arm], found.error[named, arm])
    yield over(one, found.mean[:, arm], found.n[:, arm])
    kind = chosen_times(study)[row.PARAMCD]
    if not compares(kind, study) or study.arm_ids[arm] == study.analysis.reference_arm:
        return
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    gap, n = found.mean[:, arm] - found.mean[:, reference], found.n[:, arm] + found.n[:, reference]
    error = np.hypot(found.error[:, arm], found.error[:, reference])
    against = replace(one, STAT="restricted mean difference", COMPARATOR=study.arm_ids[reference], N=int(n[named]))
    yield _normal(against, gap[named], error[named])
    yield over(against, gap, n)
    z = np.divide(gap, error, out=np.full_like(gap, np.nan), where=error > 0)
    yield alone(replace(against, STAT="restricted mean p", UNIT="", NOTE="two-sided, not stratified"),
                2 * ndtr(-abs(z[named])))  # fmt: skip


def _normal(row: Estimate, value: float, error: float) -> Estimate:
    """A value with normal limits."""
    half = estimators.Z95 * error
    limits = Interval(*map(np.asarray, (value, value - half, value + half)))
    return with_interval(row, limits, 1.0, "area under Kaplan-Meier, normal")


def _ratio_rows(row: Estimate, found: EventTimes, arm: int, named: int, study: Study) -> Iterator[Estimate]:
    """Hazard ratio, over replicates its geometric mean, and the log-rank p of the named replicate."""
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    sizes = found.n[:, arm] + found.n[:, reference]
    within = "stratified by the strata of the randomisation" if study.randomisation.strata else "not stratified"
    ratio = replace(row, STAT="hazard ratio", N=int(sizes[named]), NOTE=within)
    yield with_interval(ratio, found.ratio.at(named, arm), 1.0, WALD)
    logs = over(ratio, elementary.log(found.ratio.estimate[:, arm]), sizes)
    mean = None if logs.ESTIMATE is None else float(elementary.exp(logs.ESTIMATE))
    yield replace(
        logs,
        ESTIMATE=mean,
        MCSE=None if mean is None or logs.MCSE is None else mean * logs.MCSE,
        RANGE_LOW=None if logs.RANGE_LOW is None else float(elementary.exp(logs.RANGE_LOW)),
        RANGE_HIGH=None if logs.RANGE_HIGH is None else float(elementary.exp(logs.RANGE_HIGH)),
        NOTE="; ".join(filter(None, (within, "geometric mean", logs.NOTE))),
    )
    p = replace(row, STAT="log-rank p", N=int(sizes[named]), NOTE=f"two-sided, {within}")
    yield alone(p, found.p[named, arm])


def _incidence_rows(kind: TimeTo, found: EventTimes, study: Study) -> Iterator[Estimate]:
    """First events per 100 patient-years at risk, with the exact Poisson interval."""
    named = study.analysis.named_replicate
    years = found.days / DAYS_PER_YEAR
    rate = estimators.poisson_rate(found.events, years)
    for k, arm in enumerate(study.arm_ids):
        blank = _blank(kind, study, "incidence", "incidence", "per 100 patient-years")
        row = replace(blank, ARM=arm, N=int(found.n[named, k]), N_EVENT=int(found.events[named, k]))
        yield with_interval(row, rate.at(named, k), HUNDRED_YEARS, "exact Poisson")
        yield over(row, HUNDRED_YEARS * rate.estimate[:, k], found.n[:, k])
        at_risk = replace(row, STAT="patient-years", UNIT="y", N_EVENT=None)
        yield alone(at_risk, years[named, k])
        yield over(at_risk, years[:, k], found.n[:, k])
