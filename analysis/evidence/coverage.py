"""How each published row stands (seen by which calibration, or predicted), and whether predictive intervals hold it.

The law of a predictive interval. A published rate of n patients with ``events``: each replicate is a trial, whose
rates differ by the sampling of its own patients and by what is believed of the parameters. What they differ by beyond
binomial sampling, and the Monte Carlo error of their mean, is the spread of the true rate, taken as a beta law; the
published events are binomial given that rate, so beta-binomial. Any other row: normal around the mean of replicates,
with the variance of replicates and that of the published value, whose limits are taken as 1.96 SD to each side. The
place of the published value in that law, ties halved (mid-distribution), is its PIT; an interval of 80 % holds it when
the PIT is within 0.1 and 0.9. Runs without parameter uncertainty have too narrow intervals, and say so by coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import betaln, gammaln, ndtr

from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.evidence.roles import PREDICTED, SHOWN, TARGET, Role
from analysis.evidence.scorecard import CONFIDENCE, JUDGED, Published, Score
from analysis.evidence.scoring import NOT_YET
from analysis.statistics.estimators import Z95, clopper_pearson
from analysis.text import cells

STANDING_FILE = "standing.parquet"
LEVELS = (50, 80, 95)
BEFORE = "predicted before"
"""How the reason of a row begins that was predicted when the roles were written."""
SEEN = "seen"
LABELS = {
    "study": ("Study here", ""),
    "row_id": ("Published row", ""),
    "role": ("What the row is for", ""),
    "status": ("Seen by a calibration, or predicted", ""),
    "seen_by": ("What was fitted on it or matched to it", ""),
    "endpoint": ("Endpoint", ""),
    "arm": ("Arm", ""),
    "unit": ("Unit", ""),
    "simulated": ("Simulated, mean over replicates", "see unit"),
    "published": ("Published value", "see unit"),
    "inside": ("Simulated inside the published limits", ""),
    "pit": ("Place of the published value in its predictive law", "proportion"),
    "replicates": ("Replicates", ""),
    "reason": ("Why it has that role", ""),
}


@dataclass(frozen=True)
class RowStanding:
    """A published row: its role, who saw it, and its PIT (None: no limits, no result, or too few replicates)."""

    study: str
    row_id: str
    role: str
    status: str
    seen_by: str
    endpoint: str
    arm: str
    unit: str
    simulated: float | None
    published: float
    inside: str
    pit: float | None
    replicates: int
    reason: str = ""

    def held(self, level: int) -> bool:
        """Whether the predictive interval of ``level`` % holds the published value."""
        return self.pit is not None and abs(self.pit - 0.5) <= level / 200


@dataclass(frozen=True)
class Replicates:
    """A result by replicate in the unit of the row (R,), and of a rate the patients behind each (R,)."""

    values: Array
    sizes: Array | None = None


def pit(row: Published, found: Replicates) -> float | None:
    """The place of a published value in its predictive law; None where there are no limits or under 2 replicates."""
    if not _has_law(row, found):
        return None
    if row.events is not None and (law := _law_of_events(row, found)) is not None:
        return float(law[: row.events].sum() + law[row.events] / 2)
    mean, spread = _normal(row, found)
    return float(ndtr((row.published - mean) / spread))


def log_score(row: Published, found: Replicates) -> float | None:
    """The logarithm of the predictive probability of the published events, or of the density of the published value;
    None where there are no limits or under 2 replicates.
    """
    if not _has_law(row, found):
        return None
    if row.events is not None and (law := _law_of_events(row, found)) is not None:
        return float(np.log(law[row.events]))
    mean, spread = _normal(row, found)
    return float(-0.5 * ((row.published - mean) / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi)))


def _has_law(row: Published, found: Replicates) -> bool:
    """Whether the row has limits to judge by, and 2 replicates with a result."""
    return row.interval in JUDGED and int(np.isfinite(found.values).sum()) >= 2


def _normal(row: Published, found: Replicates) -> tuple[float, float]:
    """Mean and SD of the law of a value with limits."""
    values = found.values[np.isfinite(found.values)]
    assert row.ci_low is not None and row.ci_high is not None
    own = (row.ci_high - row.ci_low) / (2 * Z95)
    return float(values.mean()), float(np.sqrt(values.var(ddof=1) * (1 + 1 / values.size) + own**2))


def _law_of_events(row: Published, found: Replicates) -> Array | None:
    """Beta-binomial probabilities of 0 to n events; half an event keeps the rate off 0 and 1. None: not such a row."""
    if row.interval not in CONFIDENCE or row.n is None or found.sizes is None:
        return None
    known = np.isfinite(found.values)
    rates, sizes, n = found.values[known] / 100, found.sizes[known], row.n
    p = (float((rates * sizes).sum()) + 0.5) / (float(sizes.sum()) + 1)
    variance = float(rates.var(ddof=1))
    beyond = max(variance - float((rates * (1 - rates) / sizes).mean()), 0.0) + variance / rates.size
    whole = max(p * (1 - p) / max(beyond, 1e-9) - 1, 1e-3)
    k = np.arange(n + 1)
    log_choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    a, b = p * whole, (1 - p) * whole
    return np.asarray(np.exp(log_choose + betaln(k + a, n - k + b) - betaln(a, b)))


def standing(
    study: str, row: Published, score: Score, role: Role | None, seen_by: str, found: Replicates
) -> RowStanding:
    """How a row stands; ``seen_by``: what of the set in use was fitted on it, "" nothing."""
    said = role.role if role else (PREDICTED if row.counted else SHOWN)
    status = SEEN if seen_by else NOT_YET if said == TARGET else said
    return RowStanding(
        study, row.row_id, said, status, seen_by, row.endpoint, row.arm, row.unit, score.simulated, row.published,
        score.inside, pit(row, found), int(np.isfinite(found.values).sum()),
        role.reason if role else "",
    )  # fmt: skip


def lines(rows: Sequence[RowStanding]) -> list[str]:
    """Hits of targets that nothing was fitted to yet and of what was always predicted, then how many published values
    each predictive interval holds, over the predicted rows.
    """
    return [*_hits(rows), *_covered(rows)]


def _hits(rows: Iterable[RowStanding]) -> list[str]:
    judged = [row for row in rows if row.inside]
    found = []
    if later := [row.inside == "yes" for row in judged if row.status == NOT_YET]:
        found.append(f"Targets that no calibration has seen yet: {sum(later)} of {len(later)} inside.")
    if first := [row.inside == "yes" for row in judged if row.status == PREDICTED and row.reason.startswith(BEFORE)]:
        found.append(f"Predicted before the roles were written: {sum(first)} of {len(first)} inside.")
    return found


@dataclass(frozen=True)
class Covered:
    """How many of ``n`` predicted rows an interval of ``level`` % holds, with the binomial limits of that share, %."""

    level: int
    held: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> str:
        """The share held, with its limits."""
        return f"{cells.with_interval(100 * self.held / self.n, self.low, self.high, 0)} %"

    @property
    def is_met(self) -> bool:
        """Whether the limits hold the level."""
        return self.low <= self.level <= self.high


def coverages(rows: Sequence[RowStanding]) -> list[Covered]:
    """The coverage of each level over the rows that have a place in their law; none where no row has."""
    placed = [row for row in rows if row.status == PREDICTED and row.inside and row.pit is not None]
    found = []
    for level in LEVELS if placed else ():
        held = sum(row.held(level) for row in placed)
        _, low, high = (100 * float(x) for x in clopper_pearson(held, len(placed)))
        found.append(Covered(level, held, len(placed), low, high))
    return found


def _covered(rows: Sequence[RowStanding]) -> list[str]:
    return [
        f"Predictive intervals of {one.level} %: {one.held} of {one.n} predicted rows ({one.share}), which "
        f"{_verdict(one)} {one.level} %."
        for one in coverages(rows)
    ]


def _verdict(one: Covered) -> str:
    return "holds" if one.is_met else "does not hold"


def side_by_side(by_name: Mapping[str, Sequence[RowStanding]]) -> list[tuple[str, ...]]:
    """A line per level: the level, then its coverage by each kind of parameter uncertainty."""
    found = [{one.level: one for one in coverages(rows)} for rows in by_name.values()]
    return [(f"{level} %", *(_said(one.get(level)) for one in found)) for level in LEVELS]


def _said(one: Covered | None) -> str:
    return f"{one.held} of {one.n} ({one.share}), {_verdict(one)}" if one else cells.NOT_ESTIMABLE


STANDING_SCHEMA = schema_of(RowStanding, LABELS)


def write(rows: Sequence[RowStanding], folder: Path) -> Path:
    """Write standing.parquet into ``folder``; its path."""
    return write_records(rows, folder / STANDING_FILE, STANDING_SCHEMA)


def read(folder: Path) -> list[RowStanding]:
    """The rows of standing.parquet; none when there is no such file."""
    return read_records(folder / STANDING_FILE, RowStanding)
