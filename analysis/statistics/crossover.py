"""The crossover of two periods: ratios of geometric means within patients.

The model of logarithms is period, sequence and patient within sequence; with all patients in both periods its estimate
is half the difference of the mean period differences of the two sequences, and its error is theirs with n - 2 degrees
of freedom (Chow & Liu, Design and Analysis of Bioavailability and Bioequivalence Studies, ch. 3). The coefficient of
variation within patients is that of the residual of the model, sqrt(exp(s^2) - 1). A carry-over that differs between
the sequences is not told from an effect of the treatment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.special import stdtrit

from analysis.endpoints import endpoints_of
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.estimates import ALL, Estimate, alone, over, share_of, with_interval
from analysis.statistics.estimators import Interval
from analysis.statistics.summaries import decoded
from cohorts import elementary
from trial.study.crossover_plan import Crossover
from trial.study.study import Study

KIND, LEVEL = "crossover", 0.90
METHOD = "90 %, t law of the 2 x 2 crossover"
NOTHING = Interval(*(np.asarray(np.nan),) * 3)


@dataclass(frozen=True)
class Within:
    """Of one trial: ratio with its 90 % limits, ratio of the periods, CV within patients in %, patients by sequence."""

    ratio: Interval
    period: float
    cv: float
    n: tuple[int, int]


def two_by_two(first: Array, second: Array, sequence: Codes, tested_first: int) -> Within:
    """Of values (n,) above 0 in the first and second period of patients of two sequences (0, 1), ``tested_first`` the
    one that begins with the treatment that is tested. Nothing with fewer than two patients in a sequence.
    """
    change = elementary.log(first) - elementary.log(second)
    groups = [change[sequence == k] for k in (tested_first, 1 - tested_first)]
    n = len(groups[0]), len(groups[1])
    by_place = (n[0], n[1]) if tested_first == 0 else (n[1], n[0])
    if min(n) < 2:
        return Within(NOTHING, np.nan, np.nan, by_place)
    freedom = n[0] + n[1] - 2
    pooled = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / freedom
    effect = (float(groups[0].mean()) - float(groups[1].mean())) / 2
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * np.sqrt(pooled * (1 / n[0] + 1 / n[1])) / 2
    ratio = Interval(*(np.asarray(elementary.exp(np.asarray(x))) for x in (effect, effect - half, effect + half)))
    period = float(elementary.exp(np.asarray(-(float(groups[0].mean()) + float(groups[1].mean())) / 2)))
    return Within(ratio, period, 100 * float(np.sqrt(np.expm1(pooled / 2))), by_place)


def estimate_crossover(path: Path, study: Study) -> list[Estimate]:
    """Rows of the table of periods; none where no crossover is asked for."""
    said = study.analysis.crossover
    if said is None:
        return []
    table = pq.read_table(path)
    code, value = decoded(table["PARAMCD"]), table["AVAL"].to_numpy()
    replicate, subject, period = (table[name].to_numpy() for name in ("IREP", "SUBJID", "APERIOD"))
    arm = np.searchsorted(study.arm_ids, decoded(table["ARM"]), sorter=np.argsort(study.arm_ids))
    arm = np.argsort(study.arm_ids)[arm]
    begins = next(k for k, name in enumerate(study.arm_ids) if said.treatments[name][0] == said.test)
    rows: list[Estimate] = []
    for name in said.endpoints:
        mine = code == name
        one, other = _in_both(replicate[mine], subject[mine], period[mine], value[mine])
        of, own, sequence = replicate[mine][one], value[mine], arm[mine][one]
        which = [of == r for r in range(study.replicates)]
        found = [two_by_two(own[one][w], own[other][w], sequence[w], begins) for w in which]
        rows += _rows(endpoints_of(study.analysis)[name], found, said, study)
    return rows


def _in_both(replicate: Codes, subject: Codes, period: Codes, value: Array) -> tuple[Codes, Codes]:
    """Where the values of the first and of the second period are, of the patients who have both, above 0."""
    order = np.lexsort((period, subject, replicate))
    same = [x[order][:-1] == x[order][1:] for x in (replicate, subject)]
    ok = (np.isfinite(value) & (value > 0))[order]
    first = np.flatnonzero(same[0] & same[1] & ok[:-1] & ok[1:])
    return order[first], order[first + 1]


def _rows(endpoint: Endpoint, found: list[Within], said: Crossover, study: Study) -> Iterator[Estimate]:
    """Ratio, periods and variation of the named replicate and over replicates; how many trials show equivalence."""
    one, n = found[study.analysis.named_replicate], np.array([sum(f.n) for f in found], dtype=np.float64)
    row = Estimate(
        STUDYID=study.id, PARAMCD=endpoint.code, PARAM=endpoint.label, PARCAT1=KIND, ARM=ALL, COMPARATOR=said.reference,
        POPULATION="PKS", STAT="geometric mean ratio", UNIT="", SCOPE="replicate", CATEGORY=said.test, N=sum(one.n),
    )  # fmt: skip
    note = ", ".join(f"{arm} {k}" for arm, k in zip(study.arm_ids, one.n, strict=True))
    yield replace(with_interval(row, one.ratio, 1.0, METHOD), NOTE=note)
    logs = elementary.log(np.array([float(f.ratio.estimate) for f in found]))
    yield _geometric(over(row, logs, n))
    low, high = (np.array([float(x) for x in limits]) for limits in zip(*(f.ratio[1:] for f in found), strict=True))
    inside: Flags = (low >= said.limits[0]) & (high <= said.limits[1])
    within = f"90 % interval within {said.limits[0]:g} to {said.limits[1]:g}"
    yield replace(share_of(replace(row, STAT="equivalence"), inside, np.isfinite(low)), NOTE=within)
    for stat, unit, values in (
        ("within-subject CV", "%", [f.cv for f in found]), ("period ratio", "", [f.period for f in found])
    ):  # fmt: skip
        of = replace(row, STAT=stat, UNIT=unit)
        yield alone(of, np.asarray(values[study.analysis.named_replicate]))
        yield over(of, np.array(values), n)


def _geometric(row: Estimate) -> Estimate:
    """Of logarithms over replicates: their exponential, and the error of it."""
    if row.ESTIMATE is None:
        return row
    middle = float(np.exp(row.ESTIMATE))
    low, high = (None if x is None else float(np.exp(x)) for x in (row.RANGE_LOW, row.RANGE_HIGH))
    error = None if row.MCSE is None else middle * row.MCSE
    note = "; ".join(filter(None, ("geometric mean", row.NOTE)))
    return replace(row, ESTIMATE=middle, MCSE=error, RANGE_LOW=low, RANGE_HIGH=high, NOTE=note)
