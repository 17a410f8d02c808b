"""One study under two structures: predictions stacked by weights, and what the structures disagree about. Pure.

The law of the weights: pseudo-BMA+ (Yao, Vehtari, Simpson, Gelman 2018). The unit is a trial, whose patients are behind
all its rows: its score is the sum, over its rows that no calibration of either set saw, of the logarithm of the
predictive density of the published value (``coverage``). A weight is proportional to the exponential of the sum over
trials, averaged over the Bayesian bootstrap of the trials, which keeps a few of them from deciding alone.
The stacked result is the mixture of the replicates of both sets by these weights; the disagreement is the second set
minus the first, replicate by replicate with the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records

STRUCTURES_FILE = "structures.parquet"
STACKED, DIFFERENCE = "stacked", "difference"
LABELS = {
    "endpoint": ("Endpoint", ""),
    "label": ("Name of the endpoint", ""),
    "arm": ("Arm", ""),
    "which": ("Parameter set, stacked, or difference: the second minus the first", ""),
    "weight": ("Weight of the set", "proportion"),
    "estimate": ("Mean over replicates", "see unit"),
    "low": ("2.5 % of replicates", "see unit"),
    "high": ("97.5 % of replicates", "see unit"),
    "replicates": ("Replicates", ""),
    "unit": ("Unit", ""),
    "weighed_rows": ("Published rows behind the weights", ""),
    "weighed_trials": ("Trials of these rows", ""),
}


@dataclass(frozen=True)
class StructureRow:
    """A result of an arm under one set, stacked, or the difference between the sets; ``weight``: of a set alone."""

    endpoint: str
    label: str
    arm: str
    which: str
    weight: float | None
    estimate: float
    low: float
    high: float
    replicates: int
    unit: str
    weighed_rows: int = 0
    weighed_trials: int = 0


def pseudo_bma_plus(scores: Mapping[str, Sequence[float]], uniforms: Array) -> dict[str, float]:
    """Weights of sets from the log scores of the same T trials; ``uniforms`` (B, T): B draws of the Bayesian bootstrap,
    shares of trials by the law Dirichlet(1, ..., 1). ValueError without a trial.
    """
    if not all(scores.values()):
        raise ValueError("no row is predicted by both sets")
    spans = -np.log(uniforms)
    shares = spans / spans.sum(axis=1, keepdims=True)
    total = shares.shape[1] * shares @ np.array(list(scores.values())).T
    raw = np.exp(total - total.max(axis=1, keepdims=True))
    return dict(zip(scores, (raw / raw.sum(axis=1, keepdims=True)).mean(axis=0).tolist(), strict=True))


def stack(
    by_set: Mapping[str, Array],
    weights: Mapping[str, float],
    endpoint: str,
    label: str,
    arm: str,
    unit: str,
    behind: tuple[int, int] = (0, 0),
) -> list[StructureRow]:
    """The rows of an endpoint and arm from its replicates under two sets, (R,) each in the same order; ``behind`` the
    weights: how many published rows, of how many trials.
    """
    first, second = by_set.values()
    known = np.isfinite(first) & np.isfinite(second)
    kept = {name: values[known] for name, values in by_set.items()}
    if not known.any():
        return []
    told = [(name, weights[name], values, np.ones(values.size)) for name, values in kept.items()]
    share = np.concatenate([np.full(values.size, weights[name]) for name, values in kept.items()])
    told.append((STACKED, np.nan, np.concatenate(list(kept.values())), share))
    told.append((DIFFERENCE, np.nan, (second - first)[known], np.ones(int(known.sum()))))
    size, found = int(known.sum()), []
    for which, weight, values, w in told:
        low, high = (quantile(values, w, level) for level in (0.025, 0.975))
        own = None if np.isnan(weight) else float(weight)
        mean = float(np.average(values, weights=w))
        found.append(StructureRow(endpoint, label, arm, which, own, mean, low, high, size, unit, *behind))
    return found


def quantile(values: Array, weights: Array, level: float) -> float:
    """Weighted quantile: the smallest value up to which ``level`` of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, level - 1e-12)), values.size - 1)])


STRUCTURES_SCHEMA = schema_of(StructureRow, LABELS)


def write(rows: Sequence[StructureRow], folder: Path) -> Path:
    """Write structures.parquet into ``folder``; its path."""
    return write_records(rows, folder / STRUCTURES_FILE, STRUCTURES_SCHEMA)


def read(folder: Path) -> list[StructureRow]:
    """The rows of structures.parquet; none when there is no such file."""
    return read_records(folder / STRUCTURES_FILE, StructureRow)
