"""Visual predictive check: percentiles of observed values against their interval over simulated replicates. Pure.

What is below the limit of quantification counts as smaller than every value; a percentile that falls there is none.
Prediction correction: every value times the typical prediction of its bin over its own, so that arms and times of one
bin can be pooled (Bergstrand et al., AAPS J 2011;13:143-151); values below the limit are then left out, as their size
is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array, Codes, Flags
from analysis.evidence.record_table import read_records, schema_of, write_records

VPC_FILE = "vpc.parquet"
PERCENTILES = (5.0, 50.0, 95.0)
STATISTICS = ("P5", "P50", "P95", "BLQ")
"""Percentiles, and the share below the limit, %."""
LOWEST = -1e300
"""Stands for what is below the limit."""
LABELS = {
    "parameter": ("PLAT or CONC", ""),
    "arm": ("Arm; ALL: all together", ""),
    "statistic": ("P5, P50, P95; BLQ: % below the limit", ""),
    "bin_low": ("Start of the bin", "see along"),
    "bin_high": ("End of the bin", "see along"),
    "at": ("Median time of what was observed there", "see along"),
    "along": ("Unit of the time", ""),
    "n": ("Observed values", ""),
    "observed": ("Of what was observed; null: below limit", "see unit"),
    "simulated": ("Median over replicates; null: below limit", "see unit"),
    "sim_low": ("2.5 % of replicates; null: below limit", "see unit"),
    "sim_high": ("97.5 % of replicates; null: below limit", "see unit"),
    "inside": ("1: the observed one lies between them", ""),
    "replicates": ("Simulated replicates", ""),
    "corrected": ("1: prediction-corrected", ""),
    "unit": ("Unit of the values", ""),
}


@dataclass(frozen=True)
class Binned:
    """One bin of one arm: what was observed and simulated there. ``inside`` and ``corrected``: 1 yes, 0 no."""

    parameter: str
    arm: str
    statistic: str
    bin_low: float
    bin_high: float
    at: float
    along: str
    n: int
    observed: float | None
    simulated: float | None
    sim_low: float | None
    sim_high: float | None
    inside: int
    replicates: int
    corrected: int
    unit: str


VPC_SCHEMA = schema_of(Binned, LABELS)


@dataclass(frozen=True)
class Measured:
    """Values (n,) of patients in groups (codes, n) at times (n,): ``below`` (n,) those under the limit, ``typical``
    (n,) the typical prediction of each.
    """

    group: Codes
    at: Array
    value: Array
    below: Flags
    typical: Array


def edges_of(planned: Array) -> Array:
    """Bins of planned times (V,), rising: (V + 1,) edges halfway between them, as far before the first and after the
    last.
    """
    if len(planned) == 1:
        return np.array([planned[0] - 0.5, planned[0] + 0.5])
    middle = (planned[1:] + planned[:-1]) / 2
    return np.concatenate([[2 * planned[0] - middle[0]], middle, [2 * planned[-1] - middle[-1]]])


def bin_of(at: Array, edges: Array) -> Codes:
    """Bin of each time (n,), -1 outside; a bin begins with its edge, the last has both."""
    found = np.searchsorted(edges, at, side="right") - 1
    found = np.where(at == edges[-1], len(edges) - 2, found)
    return np.where((found < 0) | (found >= len(edges) - 1), -1, found).astype(np.int64)


def bin_predictions(observed: Measured, edges: Array) -> Array:
    """Median typical prediction of what was observed in each bin (B,), NaN in one without any."""
    place = np.where(np.isnan(observed.typical), -1, bin_of(observed.at, edges))
    found = [observed.typical[place == k] for k in range(len(edges) - 1)]
    return np.array([np.median(here) if len(here) else np.nan for here in found])


def corrected(measured: Measured, edges: Array, predictions: Array) -> Measured:
    """Values times the prediction of their bin over their own, all in one group; without those below the limit, and
    those whose prediction is 0.
    """
    place = bin_of(measured.at, edges)
    use = (place >= 0) & ~measured.below & (measured.typical > 0)
    value = measured.value[use] * predictions[place[use]] / measured.typical[use]
    nothing = np.zeros(int(use.sum()), dtype=bool)
    return Measured(np.zeros(len(value), dtype=np.int64), measured.at[use], value, nothing, measured.typical[use])


def statistics(measured: Measured, edges: Array, groups: int) -> Array:
    """STATISTICS (G, B, 4) of each group and bin: NaN where nobody is, LOWEST below the limit."""
    place = bin_of(measured.at, edges)
    value = np.where(measured.below, LOWEST, measured.value)
    found = np.full((groups, len(edges) - 1, len(STATISTICS)), np.nan)
    for g in range(groups):
        for k in range(len(edges) - 1):
            who = (measured.group == g) & (place == k)
            if who.any():
                levels = np.percentile(value[who], PERCENTILES)
                found[g, k, :3] = np.where(levels < 0, LOWEST, levels)
                found[g, k, 3] = 100.0 * measured.below[who].mean()
    return found


def compared_bins(
    observed: Measured, simulated: Array, edges: Array, groups: Sequence[str], names: tuple[str, str, str], pc: bool
) -> list[Binned]:
    """Every bin in which something was observed; ``simulated`` (R, G, B, 4) of ``statistics``, ``names``: parameter,
    unit of time, unit of values.
    """
    seen, place = statistics(observed, edges, len(groups)), bin_of(observed.at, edges)
    (parameter, along, unit), rows = names, []
    for g, k, s in np.ndindex(len(groups), len(edges) - 1, 3 if pc else 4):
        here = observed.at[(observed.group == g) & (place == k)]
        of = simulated[:, g, k, s]
        of = of[~np.isnan(of)]
        if not len(here) or not len(of):
            continue
        low, middle, high = np.percentile(of, (2.5, 50.0, 97.5), method="inverted_cdf").tolist()
        found = float(seen[g, k, s])
        row = Binned(
            parameter, groups[g], STATISTICS[s], float(edges[k]), float(edges[k + 1]), float(np.median(here)), along,
            len(here), _known(found), _known(middle), _known(low), _known(high), int(low <= found <= high), len(of),
            int(pc), unit if s < 3 else "%",
        )  # fmt: skip
        rows.append(row)
    return rows


def unmatched(observed: Measured, simulated: Array, edges: Array, groups: Sequence[str]) -> dict[str, int]:
    """How many observed values of each group lie in bins in which nothing is simulated; ``simulated`` (R, G, B, 4)."""
    nothing: Flags = np.all(np.isnan(simulated[..., 0]), axis=0)
    place = bin_of(observed.at, edges)
    use = (place >= 0) & (observed.group >= 0)
    lost = observed.group[use][nothing[observed.group[use], place[use]]]
    return {group: n for g, group in enumerate(groups) if (n := int((lost == g).sum()))}


def _known(value: float) -> float | None:
    return None if value <= LOWEST else float(value)


def inside(rows: Sequence[Binned]) -> tuple[int, int]:
    """How many of the percentiles lie inside, of how many."""
    levels = [row.inside for row in rows if row.statistic != "BLQ"]
    return sum(levels), len(levels)


def write(rows: Sequence[Binned], folder: Path) -> Path:
    """Write vpc.parquet into ``folder``; its path."""
    return write_records(rows, folder / VPC_FILE, VPC_SCHEMA)


def read(folder: Path) -> list[Binned]:
    """The rows of vpc.parquet; none when there is no such file."""
    return read_records(folder / VPC_FILE, Binned)
