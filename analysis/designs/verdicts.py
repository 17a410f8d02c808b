"""Criteria against what was measured: PASS when the whole 95 % interval keeps the limit, FAIL when none of it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.designs.measures import AS_SIMULATED, Operating

PASS, RISK, FAIL = "PASS", "RISK", "FAIL"


@dataclass(frozen=True)
class Criterion:
    """``measure`` at least (``sign`` ">=") or at most ("<=") ``limit``."""

    measure: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.limit:g}"


@dataclass(frozen=True)
class Kept:
    """Whether a criterion is kept at a size in a scenario; ``row``: what it was held against, or where ``why`` says
    that it was not measured, another row of that place.
    """

    criterion: Criterion
    row: Operating
    verdict: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.criterion}" + (f" ({self.why})" if self.why else "")


NO_NULL = "not measured: the margin leaves no room for the null hypothesis in this pool"


def judge(rows: Sequence[Operating], criteria: Sequence[Criterion]) -> list[Kept]:
    """Every criterion at every size in every scenario; of several rows (nulls, hypotheses) the worst. What was not
    measured is a RISK.
    """
    places = dict.fromkeys((row.scenario, row.patients) for row in rows)
    found = []
    for scenario, patients in places:
        for one in criteria:
            here = [row for row in rows if (row.scenario, row.patients) == (scenario, patients)]
            mine = [r for r in here if r.measure == one.measure and (r.truth == AS_SIMULATED or r.measure == "type1")]
            judged = [Kept(one, row, _verdict(row, one)) for row in mine]
            why = NO_NULL if one.measure == "type1" else "not measured: this design has no such row"
            judged = judged or [Kept(one, here[0], RISK, why)]
            found.append(max(judged, key=lambda kept: (PASS, RISK, FAIL).index(kept.verdict)))
    return found


def _verdict(row: Operating, one: Criterion) -> str:
    """A value without an error is its own interval; of a bias the size counts, not the sign."""
    low, high = (row.value if limit != limit else limit for limit in (row.low, row.high))
    if row.measure.startswith("bias"):
        low, high = max(low, -high, 0.0), max(-low, high)
    if row.value != row.value:
        return RISK
    if one.sign == "<=":
        low, high, limit = -high, -low, -one.limit
    else:
        limit = one.limit
    return PASS if low >= limit else FAIL if high < limit else RISK


def smallest(kept: Sequence[Kept]) -> int | None:
    """The smallest number of patients at which every criterion passes in every scenario; None: at none tried."""
    sizes = sorted({one.row.patients for one in kept})
    good = [n for n in sizes if all(one.verdict == PASS for one in kept if one.row.patients == n)]
    return good[0] if good else None
