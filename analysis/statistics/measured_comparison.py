"""The planned comparison of measured endpoints: shift of ranks with van Elteren's test, or adjusted means.

Rows of every measured endpoint that is not of a concentration profile in the named replicate; of the primary endpoint
also over replicates, with how many of them reject. Patients without a value are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.endpoints import measured_in_all
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Codes, key_of
from analysis.statistics.estimates import EITHER, WON, Estimate, RepeatedTest, alone, over, share_of, with_interval
from analysis.statistics.estimators import Interval
from analysis.statistics.least_squares import adjusted_difference
from analysis.statistics.planned import KIND, compared_arms
from analysis.statistics.ranks import hodges_lehmann, van_elteren
from analysis.statistics.summaries import compares_arms, decoded, whole_replicates
from cohorts import elementary
from trial.study.study import Study

STATS = {
    "hodges_lehmann": "planned shift",
    "ancova": "planned adjusted difference",
    "ancova_log": "planned adjusted ratio",
}
"""STAT of the rows, by ``analysis.method.measured``."""
NAMES = {
    "hodges_lehmann": "van Elteren's test",
    "ancova": "analysis of covariance",
    "ancova_log": "analysis of covariance of logarithms",
}


@dataclass(frozen=True)
class People:
    """Patients of one replicate with a value of one endpoint, (n,) each; ``stratum`` as a code, of no strata 0."""

    value: Array
    arm: Codes
    stratum: Codes
    baseline: Array


@dataclass(frozen=True)
class Compared:
    """An arm against the reference arm: estimate with limits, by which method, p, and how many patients."""

    interval: Interval
    limits: str
    p: float
    n: int


def estimate_measured(path: Path, patients: Path, study: Study) -> list[Estimate]:
    """Rows of an endpoints table and the baseline counts of a table of patients; none without ``measured``."""
    if study.analysis.method.measured == "none" or not compares_arms(study):
        return []
    measured = measured_in_all(study)
    named, primary = study.analysis.named_replicate, study.analysis.primary
    one: dict[str, dict[str, Compared]] = {}
    every: dict[int, dict[str, Compared]] = {}
    for table in whole_replicates(path, ["IREP", "SUBJID", "ARM", "STRATUM", "PARAMCD", "AVAL"]):
        here = pc.and_(
            pc.is_in(table["PARAMCD"].cast(pa.string()), pa.array(list(measured))), pc.is_valid(table["AVAL"])
        )
        for replicate, code, people in _people(table.filter(here), patients, study):
            if replicate == named:
                one[code] = compared(people, study)
            if code == primary:
                every[replicate] = compared(people, study)
    rows = [row for code, e in measured.items() for row in _rows(e, one.get(code, {}), study)]
    if primary in measured:
        rows += _over_rows(measured[primary], every, study)
    return rows


def _people(table: pa.Table, patients: Path, study: Study) -> Iterator[tuple[int, str, People]]:
    """The patients of every replicate and endpoint of some whole replicates."""
    replicate, code = table["IREP"].to_numpy(), decoded(table["PARAMCD"])
    if not len(replicate):
        return
    whom = [("IREP", ">=", int(replicate.min())), ("IREP", "<=", int(replicate.max()))]
    whole = pq.read_table(patients, columns=["IREP", "SUBJID", "BLPLAT"], filters=whom)
    order = np.argsort(key_of(whole))
    baseline = whole["BLPLAT"].to_numpy()[order][np.searchsorted(key_of(whole)[order], key_of(table))]
    place = {name: k for k, name in enumerate(study.arm_ids)}
    arm = np.array([place[name] for name in decoded(table["ARM"]).tolist()], dtype=np.int64)
    use = study.analysis.method.strata == "randomisation"
    stratum = (
        np.unique(decoded(table["STRATUM"]), return_inverse=True)[1] if use else np.zeros(len(arm), dtype=np.int64)
    )
    value = table["AVAL"].to_numpy()
    for r in np.unique(replicate).tolist():
        for name in np.unique(code[replicate == r]).tolist():
            who = (replicate == r) & (code == name)
            yield int(r), str(name), People(value[who], arm[who], stratum[who], baseline[who])


def compared(people: People, study: Study) -> dict[str, Compared]:
    """Every arm against the reference arm."""
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    rule = {"hodges_lehmann": _shift, "ancova": _adjusted, "ancova_log": _ratio}[study.analysis.method.measured]
    return {arm: rule(people, study.arm_ids.index(arm), reference) for arm in compared_arms(study)}


def _shift(people: People, arm: int, reference: int) -> Compared:
    both = np.isin(people.arm, (arm, reference))
    first, second = (people.value[people.arm == k] for k in (arm, reference))
    found = hodges_lehmann(first, second)
    p = van_elteren(people.value[both], people.arm[both] == arm, people.stratum[both])
    return Compared(found.interval, f"Hodges-Lehmann, {'exact' if found.exact else 'asymptotic'}", p, int(both.sum()))


def _adjusted(people: People, arm: int, reference: int) -> Compared:
    found = adjusted_difference(people.value, people.arm, (arm, reference), people.baseline, people.stratum)
    n = int(np.isin(people.arm, (arm, reference)).sum())
    return Compared(found.interval, "least squares, t", found.p, n)


def _ratio(people: People, arm: int, reference: int) -> Compared:
    """Of logarithms, baseline too; nothing where a value is not positive."""
    if not (people.value > 0).all():
        nothing = Interval(*(np.asarray(np.nan),) * 3)
        return Compared(nothing, "", float("nan"), int(np.isin(people.arm, (arm, reference)).sum()))
    log = replace(people, value=elementary.log(people.value), baseline=elementary.log(np.maximum(people.baseline, 1.0)))
    found = _adjusted(log, arm, reference)
    limits = Interval(*(np.asarray(elementary.exp(part)) for part in found.interval))
    return replace(found, interval=limits, limits="least squares of logarithms, t")


def _row(endpoint: Endpoint, study: Study, arm: str) -> Estimate:
    method = study.analysis.method.measured
    return Estimate(
        STUDYID=study.id, PARAMCD=endpoint.code, PARAM=endpoint.label, PARCAT1=KIND, ARM=arm,
        COMPARATOR=study.analysis.reference_arm, POPULATION="FAS",
        STAT=STATS[method], UNIT="" if method == "ancova_log" else endpoint.unit, SCOPE="replicate",
    )  # fmt: skip


def _rows(endpoint: Endpoint, found: Mapping[str, Compared], study: Study) -> Iterator[Estimate]:
    """Of the named replicate."""
    method = study.analysis.method
    strata = (
        "within the strata" if study.randomisation.strata and method.strata == "randomisation" else "not stratified"
    )
    for arm, one in found.items():
        row = replace(_row(endpoint, study, arm), N=one.n)
        note = "a value is not positive" if not one.limits else ""
        yield replace(with_interval(row, one.interval, 1.0, one.limits), NOTE=note)
        yield alone(
            replace(row, STAT="planned p", UNIT="", NOTE=f"two-sided; {NAMES[method.measured]}; {strata}"), one.p
        )


def _over_rows(endpoint: Endpoint, every: Mapping[int, Mapping[str, Compared]], study: Study) -> Iterator[Estimate]:
    """Of the primary endpoint: the mean over replicates (of ratios the arithmetic mean), and how many reject."""
    nothing = Compared(Interval(*(np.asarray(np.nan),) * 3), "", float("nan"), 0)
    still = 1.0 if study.analysis.method.measured == "ancova_log" else 0.0
    for arm in compared_arms(study):
        found = [every.get(r, {}).get(arm, nothing) for r in range(study.replicates)]
        value, p = np.array([float(f.interval.estimate) for f in found]), np.array([f.p for f in found])
        n = np.array([f.n for f in found], dtype=np.float64)
        row = _row(endpoint, study, arm)
        yield over(row, value, n)
        won = RepeatedTest(value - still, p, n, NAMES[study.analysis.method.measured]).won(endpoint.benefit)
        row = share_of(replace(row, STAT="rejected", N=round(float(n.mean()))), won, ~np.isnan(p))
        counted = f"p < 0.05; counted: {WON.get(endpoint.benefit, EITHER)}"
        yield replace(row, NOTE="; ".join(filter(None, (counted, row.NOTE))))
