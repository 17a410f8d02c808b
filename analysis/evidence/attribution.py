"""How much each departure from an ideal trial moves the primary result: alone, taken out, and its Shapley share. Pure.

The value of a set of departures is the primary result of the trial that has these and no others. The Shapley value of
one is the mean, over all orders in which the departures may come in, of what the result changes when it does (Shapley
1953, "A value for n-person games"); these shares add up to the whole way from the ideal trial to the one as planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.evidence.sensitivity import by_chance, unit_word
from analysis.text import cells

ATTRIBUTION_FILE = "attribution.parquet"
Array = NDArray[np.float64]
LABELS = {
    "departure": ("Departure from the ideal trial", ""),
    "label": ("Departure in words", ""),
    "endpoint": ("Primary endpoint", ""),
    "arm": ("Arm", ""),
    "versus": ("Arm it is compared with; none: the arm alone", ""),
    "ideal": ("Result of the ideal trial", "see unit"),
    "planned": ("Result as planned", "see unit"),
    "alone": ("Change of the ideal trial that this alone makes", "see unit"),
    "alone_mcse": ("Monte Carlo error of it, paired", "see unit"),
    "last": ("Change that this makes in a trial with all the others", "see unit"),
    "last_mcse": ("Monte Carlo error of it, paired", "see unit"),
    "share": ("Shapley share: mean change over all orders", "see unit"),
    "share_mcse": ("Monte Carlo error of it, paired", "see unit"),
    "replicates": ("Replicates", ""),
    "unit": ("Unit of all of them", ""),
}


@dataclass(frozen=True)
class Contribution:
    """One row of the table: one departure, one arm or one arm against another. ``_mcse``: None with one replicate."""

    departure: str
    label: str
    endpoint: str
    arm: str
    versus: str
    ideal: float
    planned: float
    alone: float
    alone_mcse: float | None
    last: float
    last_mcse: float | None
    share: float
    share_mcse: float | None
    replicates: int
    unit: str


ATTRIBUTION_SCHEMA = schema_of(Contribution, LABELS)


def subsets(k: int) -> list[tuple[bool, ...]]:
    """All 2^k sets of k departures, each as who is in it; the place of a set is the sum of 2^i of its members."""
    return [tuple(bool(place >> i & 1) for i in range(k)) for place in range(2**k)]


def shapley(values: Array) -> Array:
    """Shapley value (k, ...) of each of k departures, from the ``values`` (2^k, ...) of all ``subsets``."""
    k = len(values).bit_length() - 1
    places = np.arange(len(values))
    sizes = np.array([place.bit_count() for place in range(len(values))])
    weights = np.array([1.0 / (k * comb(k - 1, size)) for size in range(k)])
    found = []
    for i in range(k):
        others = places[places >> i & 1 == 0]
        found.append(np.tensordot(weights[sizes[others]], values[others + 2**i] - values[others], axes=1))
    return np.array(found)


def contributions(
    values: Array,
    named: Sequence[tuple[str, str]],
    arms: Sequence[str],
    versus: str | None,
    endpoint: str,
    unit: str,
) -> list[Contribution]:
    """Rows of every arm, and of every other arm against ``versus``, the strongest departure first.

    ``values`` (2^k, R, A) of all ``subsets`` of the ``named`` departures (id, label), replicates paired. A replicate in
    which an arm lacks a result in any of them is left out of that arm.
    """
    shown = [(arm, "", values[:, :, k]) for k, arm in enumerate(arms)]
    if versus is not None:
        base = values[:, :, list(arms).index(versus)]
        shown += [(arm, versus, values[:, :, k] - base) for k, arm in enumerate(arms) if arm != versus]
    rows: list[Contribution] = []
    for arm, against, result in shown:
        whole = result[:, np.isfinite(result).all(axis=0)]
        alone = np.array([whole[2**i] - whole[0] for i in range(len(named))])
        last = np.array([whole[-1] - whole[-1 - 2**i] for i in range(len(named))])
        for (name, label), *changes in zip(named, alone, last, shapley(whole), strict=True):
            (a, a_error), (b, b_error), (c, c_error) = map(_mean, changes)
            ends = float(_mean(whole[0])[0]), float(_mean(whole[-1])[0])
            rows.append(
                Contribution(
                    name, label, endpoint, arm, against, *ends, a, a_error, b, b_error, c, c_error, whole.shape[1], unit
                )
            )
    strength = strengths(rows)
    return sorted(rows, key=lambda row: -strength[row.departure])


def _mean(change: Array) -> tuple[float, float | None]:
    """Mean over replicates (R,) and its Monte Carlo error; NaN without any."""
    n = len(change)
    return (
        float(change.mean()) if n else float("nan"),
        float(change.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
    )


def strengths(rows: Sequence[Contribution]) -> dict[str, float]:
    """The largest share, in either direction and any arm, of each departure; 0 where there is no result."""
    found: dict[str, float] = {}
    for row in rows:
        found[row.departure] = max(found.get(row.departure, 0.0), 0.0 if np.isnan(row.share) else abs(row.share))
    return found


def strongest(rows: Sequence[Contribution]) -> Contribution | None:
    """The row of the largest share; None where there is no result."""
    return max((row for row in rows if not np.isnan(row.share)), key=lambda row: abs(row.share), default=None)


HEADLINE = (
    "What moves the primary result most is {} ({}): {}{}, of the way from {} in the ideal trial to {} as planned{}."
)
"""Departure, arm, share, its unit, result of the ideal trial, result as planned, caution."""


def whom(row: Contribution) -> str:
    """The arm, or the two that are compared."""
    return f"{row.arm} - {row.versus}" if row.versus else row.arm


def headline(rows: Sequence[Contribution]) -> str:
    """One line: what moves the primary result most, and by how much."""
    top = strongest(rows)
    if top is None:
        return "No departure from the ideal trial could be tried."
    name, share = top.label[0].lower() + top.label[1:], cells.change(top.share, top.share_mcse, top.unit)
    ends = (cells.amount(end, top.unit) for end in (top.ideal, top.planned))
    return HEADLINE.format(name, whom(top), share, unit_word(top.unit), *ends, caution(top))


def caution(row: Contribution) -> str:
    """What to say of a share that chance alone could make."""
    return by_chance(row.share, row.share_mcse)


def write(rows: Sequence[Contribution], folder: Path) -> Path:
    """Write attribution.parquet into ``folder``; its path."""
    return write_records(rows, folder / ATTRIBUTION_FILE, ATTRIBUTION_SCHEMA)


def read(folder: Path) -> list[Contribution]:
    """The rows of attribution.parquet; none when there is no such file."""
    return read_records(folder / ATTRIBUTION_FILE, Contribution)


def by_arm(rows: Sequence[Contribution]) -> dict[tuple[str, str], tuple[Contribution, ...]]:
    """The rows by arm and the one it is compared with, in order."""
    found: dict[tuple[str, str], tuple[Contribution, ...]] = {}
    for row in rows:
        found[row.arm, row.versus] = (*found.get((row.arm, row.versus), ()), row)
    return found
