"""Points of a search: what they came to, which are on the Pareto front, which are confirmed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.evidence.design_points import PointRow
from trial.study.goal import Goal, Objective, ResultLimit
from trial.tables import TEXT, field

PUBLISHED, SEARCHED, CONFIRMED, PRICE = "published", "searched", "confirmed", "price"
KEPT, BROKEN, REFUSED = "kept", "limit broken", "refused"
WORST = 1e6
"""What the sampler is told of a point that is no valid study: beyond every result, and every limit broken."""


@dataclass(frozen=True)
class SearchRow:
    """One point: ``kind`` (published: the study as it stands), number within its kind, values of the keys as texts.

    ``status``: kept, limit broken or refused (no valid study), with why; ``results`` by "endpoint|arm", none where
    refused; ``front``: nobody kept is better in one objective and as good in the others; ``draws``: search or new.
    """

    kind: str
    number: int
    settings: Mapping[str, str]
    results: Mapping[str, PointRow]
    status: str = KEPT
    why: str = ""
    front: bool = False
    folder: str = ""
    draws: str = "search"

    def value(self, name: str) -> float:
        """A result by "endpoint|arm"; NaN without one."""
        row = self.results.get(name)
        return np.nan if row is None or row.estimate is None else row.estimate


def judged(one: SearchRow, goal: Goal) -> SearchRow:
    """The point with its status: whether it keeps to every limit and has every result."""
    if one.status == REFUSED:
        return one
    names = dict.fromkeys([*(one.name for one in goal.objectives), *(limit.name for limit in goal.limits)])
    absent = [name for name in names if np.isnan(one.value(name))]
    broken = [str(limit) for limit in goal.limits if limit.excess(one.value(limit.name)) > 0]
    why = "; ".join([*(f"no result of {name}" for name in absent), *broken])
    return replace(one, status=BROKEN if why else KEPT, why=why)


def told(one: SearchRow, goal: Goal) -> tuple[list[float], list[float]]:
    """What the sampler is told: the objectives, by how much each limit is broken (above 0), and validity last."""
    invalid = one.status == REFUSED or any(np.isnan(one.value(o.name)) for o in goal.objectives)
    if invalid:
        worst = [-WORST if objective.aim == "max" else WORST for objective in goal.objectives]
        return worst, [WORST] * (len(goal.limits) + 1)
    return [one.value(o.name) for o in goal.objectives], [*(_excess(limit, one) for limit in goal.limits), 0.0]


def _excess(limit: ResultLimit, one: SearchRow) -> float:
    value = one.value(limit.name)
    return WORST if np.isnan(value) else limit.excess(value)


def losses(one: SearchRow, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The objectives turned so that less is better."""
    return tuple(-one.value(o.name) if o.aim == "max" else one.value(o.name) for o in objectives)


def with_front(rows: Sequence[SearchRow], goal: Goal) -> list[SearchRow]:
    """The rows, those on the Pareto front of the kept searched points marked; of equal objectives the first one."""
    first: dict[tuple[float, ...], int] = {}
    for row in _distinct(rows, KEPT):
        first.setdefault(losses(row, goal.objectives), row.number)
    front = {number for loss, number in first.items() if not any(dominates(other, loss) for other in first)}
    return [replace(row, front=row.kind == SEARCHED and row.number in front) for row in rows]


def _distinct(rows: Sequence[SearchRow], *status: str) -> list[SearchRow]:
    """The searched points of these states, each once: of those that are the same study, or have equal settings, the
    first.
    """
    found: dict[object, SearchRow] = {}
    for row in rows:
        if row.kind == SEARCHED and row.status in status:
            found.setdefault(row.folder or tuple(row.settings.values()), row)
    return list(found.values())


def repeats(rows: Sequence[SearchRow]) -> int:
    """Searched points that an earlier one is already; they are of the budget, and nothing is simulated for them."""
    return sum(row.kind == SEARCHED for row in rows) - len(_distinct(rows, KEPT, BROKEN, REFUSED))


def ties(rows: Sequence[SearchRow], goal: Goal) -> int:
    """Other points, not repeats, with the objectives of one on the front, which stands for them."""
    front = {losses(row, goal.objectives) for row in rows if row.front}
    return sum(not row.front and losses(row, goal.objectives) in front for row in _distinct(rows, KEPT))


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is nowhere worse and somewhere better; less is better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def candidates(rows: Sequence[SearchRow], goal: Goal) -> list[SearchRow]:
    """The front by its first objective, the best first; of many so many, evenly along it, ends included."""
    front = sorted((row for row in rows if row.front), key=lambda row: losses(row, goal.objectives))
    if len(front) <= goal.confirm.most:
        return front
    return [front[k] for k in dict.fromkeys(np.linspace(0, len(front) - 1, goal.confirm.most).round().astype(int))]


def winner(confirmed: Sequence[SearchRow], goal: Goal) -> SearchRow | None:
    """The confirmed candidate that keeps to the limits and is best in the first objective; None where there is none."""
    kept = [row for row in confirmed if row.status == KEPT]
    return min(kept, key=lambda row: losses(row, goal.objectives), default=None)


NUMBERS = {
    "estimate": "Mean over replicates",
    "mcse": "Monte Carlo error of the mean",
    "difference": "Change from the study as it stands, paired",
    "difference_mcse": "Monte Carlo error of the change",
}


def table_of(rows: Sequence[SearchRow], names: Sequence[str], units: Mapping[str, str]) -> pa.Table:
    """A row per point: kind, number, status, a column per key, and four numbers for each of ``names``."""
    columns: dict[pa.Field, pa.Array] = {
        field("kind", TEXT, "published, searched, confirmed or price"): _texts([row.kind for row in rows]),
        field("number", pa.int64(), "Number within its kind"): pa.array([row.number for row in rows], pa.int64()),
        field("draws", TEXT, "search: those of the study; new: another seed"): _texts([row.draws for row in rows]),
        field("status", TEXT, "kept, limit broken or refused"): _texts([row.status for row in rows]),
        field("why", TEXT, "Which limit, or why it is no study"): _texts([row.why for row in rows]),
        field("front", pa.bool_(), "On the Pareto front of the search"): pa.array([row.front for row in rows]),
        field("folder", TEXT, "Folder of the point"): _texts([row.folder for row in rows]),
    }
    for key in rows[0].settings:
        columns[field(key, TEXT, f"Value of {key}")] = _texts([row.settings[key] for row in rows])
    for name in names:
        for number, label in NUMBERS.items():
            values = [getattr(row.results.get(name), number, None) for row in rows]
            columns[field(f"{name}|{number}", pa.float64(), f"{label}: {name}", units[name])] = pa.array(
                values, pa.float64()
            )
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(list(columns)))


def _texts(values: Sequence[str]) -> pa.Array:
    return pa.array(values).dictionary_encode()


def write_search(rows: Sequence[SearchRow], names: Sequence[str], units: Mapping[str, str], path: Path) -> Path:
    """Write the table to ``path``, which is returned; whole, or what was there stays."""
    new = path.with_name(f".{path.name}.new")
    pq.write_table(table_of(rows, names, units), new, compression="zstd")
    new.replace(path)
    return path
