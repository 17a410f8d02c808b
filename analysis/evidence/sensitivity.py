"""What each assumption does to the primary result: one at a time, the same draws, paired by replicate. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.statistics.estimators import Z95 as Z95
from analysis.text import cells

SENSITIVITY_FILE = "sensitivity.parquet"
LABELS = {
    "parameter": ("Assumed number", ""),
    "meaning": ("What kind of number", ""),
    "parameter_unit": ("Unit of the assumed number", ""),
    "assumed": ("Value assumed", "see parameter_unit"),
    "factor": ("Times the assumed value", ""),
    "value": ("Value tried", "see parameter_unit"),
    "limited": ("Why not exactly factor times", ""),
    "endpoint": ("Primary endpoint", ""),
    "arm": ("Arm", ""),
    "base": ("Result with the value assumed", "see unit"),
    "effect": ("Change of the result", "see unit"),
    "mcse": ("Monte Carlo error of the change, paired", "see unit"),
    "replicates": ("Replicates", ""),
    "unit": ("Unit of base and effect", ""),
}


@dataclass(frozen=True)
class Tried:
    """An assumed number at another value: what was tried, and the primary result per replicate and arm (R, A)."""

    parameter: str
    meaning: str
    parameter_unit: str
    assumed: float
    factor: float
    value: float
    limited: str
    result: Array


@dataclass(frozen=True)
class Effect:
    """One row of the table: one assumed number, one factor, one arm. ``mcse``: None with a single replicate."""

    parameter: str
    meaning: str
    parameter_unit: str
    assumed: float
    factor: float
    value: float
    limited: str
    endpoint: str
    arm: str
    base: float
    effect: float
    mcse: float | None
    replicates: int
    unit: str


SENSITIVITY_SCHEMA = schema_of(Effect, LABELS)


def effects(base: Array, tried: Sequence[Tried], arms: Sequence[str], endpoint: str, unit: str) -> list[Effect]:
    """Effect of every trial on every arm, the strongest assumption first.

    ``base`` (R, A) is the result with the assumed values; replicates pair with those of each trial. Replicates without
    a result on either side are left out.
    """
    rows = [_effect(base[:, k], t, t.result[:, k], arm, endpoint, unit) for t in tried for k, arm in enumerate(arms)]
    strength = strengths(rows)
    return sorted(rows, key=lambda row: -strength[row.parameter])


def _effect(base: Array, tried: Tried, result: Array, arm: str, endpoint: str, unit: str) -> Effect:
    change = result - base
    paired = np.isfinite(change)
    n = int(paired.sum())
    named = {key: value for key, value in vars(tried).items() if key != "result"}
    return Effect(
        **named,
        endpoint=endpoint,
        arm=arm,
        base=float(base[paired].mean()) if n else float("nan"),
        effect=float(change[paired].mean()) if n else float("nan"),
        mcse=float(change[paired].std(ddof=1) / np.sqrt(n)) if n > 1 else None,
        replicates=n,
        unit=unit,
    )


def strengths(rows: Sequence[Effect]) -> dict[str, float]:
    """The largest change, in either direction and any arm, that an assumed number makes; 0 where there is no result."""
    found: dict[str, float] = {}
    for row in rows:
        size = 0.0 if np.isnan(row.effect) else abs(row.effect)
        found[row.parameter] = max(found.get(row.parameter, 0.0), size)
    return found


HEADLINE = (
    "The assumption that matters most is {} ({}): at {} times its value the primary result of {} ({}) changes by {}{}, "
    "from {}{}."
)
"""Parameter, meaning, times, arm, primary result, change and its unit, result as assumed, caution."""


def strongest(rows: Sequence[Effect]) -> Effect | None:
    """The row of the largest change, in either direction; None where there is no result."""
    known = [row for row in rows if not np.isnan(row.effect)]
    return max(known, key=lambda row: abs(row.effect), default=None)


def headline(rows: Sequence[Effect], label: str) -> str:
    """One line: which assumption matters most, and by how much; ``label`` names the primary result."""
    top = strongest(rows)
    if top is None:
        return "No assumed number could be tried."
    if top.effect == 0:
        return f"No assumed number moves the primary result ({label})."
    times, base = cells.times(top.value, top.assumed), cells.amount(top.base, top.unit)
    change, unit = cells.change(top.effect, top.mcse, top.unit), unit_word(top.unit)
    return HEADLINE.format(top.parameter, top.meaning, times, top.arm, label, change, unit, base, caution(top))


def caution(row: Effect) -> str:
    """What to say of a change that chance alone could make."""
    return by_chance(row.effect, row.mcse)


def by_chance(change: float, error: float | None) -> str:
    """What to say of a change of that Monte Carlo error where chance alone could make it; else nothing."""
    return "; that is within the Monte Carlo error" if error is not None and abs(change) < Z95 * error else ""


def unit_word(unit: str) -> str:
    """Unit of a change: a rate changes by percentage points."""
    return " points" if unit == "%" else f" {unit}"


def write(rows: Sequence[Effect], folder: Path) -> Path:
    """Write sensitivity.parquet into ``folder``; its path."""
    return write_records(rows, folder / SENSITIVITY_FILE, SENSITIVITY_SCHEMA)


def read(folder: Path) -> list[Effect]:
    """The rows of sensitivity.parquet; none when there is no such file."""
    return read_records(folder / SENSITIVITY_FILE, Effect)


def by_parameter(rows: Sequence[Effect], arm: str) -> Mapping[str, tuple[Effect, ...]]:
    """The rows of one arm by assumed number, in order."""
    found: dict[str, tuple[Effect, ...]] = {}
    for row in rows:
        if row.arm == arm:
            found[row.parameter] = (*found.get(row.parameter, ()), row)
    return found
