"""The tipping point: how much worse imputed counts must be until the conclusion of a trial turns. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.evidence.estimands import Found
from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.statistics.estimators import clopper_pearson

TIPPING_FILE = "tipping.parquet"
LABELS = {
    "variable": ("Endpoint", ""),
    "arm": ("Arm", ""),
    "versus": ("Reference arm", ""),
    "estimator": ("Imputation", ""),
    "delta": ("Taken from the natural log of imputed counts", ""),
    "times": ("Imputed counts times", ""),
    "estimate": ("Difference in the named replicate", "points"),
    "low": ("Its lower 95 % limit", "points"),
    "high": ("Its upper 95 % limit", "points"),
    "p": ("Two-sided p in the named replicate", ""),
    "won": ("Difference in favour in the named replicate: 1 yes, 0 no", ""),
    "power": ("Share of trials with a difference in favour", ""),
    "power_low": ("Its lower Clopper-Pearson limit", ""),
    "power_high": ("Its upper Clopper-Pearson limit", ""),
    "tipped": ("Trials in favour at the first delta that are not at this one, or were not before it", ""),
    "in_favour": ("Trials in favour at the first delta", ""),
    "replicates": ("Trials with a result", ""),
}


@dataclass(frozen=True)
class Tipping:
    """One row of the table: an arm against the reference arm at one delta. Differences in points."""

    variable: str
    arm: str
    versus: str
    estimator: str
    delta: float
    times: float
    estimate: float
    low: float
    high: float
    p: float
    won: int
    power: float
    power_low: float
    power_high: float
    tipped: int
    in_favour: int
    replicates: int


TIPPING_SCHEMA = schema_of(Tipping, LABELS)


def rows(
    names: tuple[str, str, str, str], deltas: Sequence[float], found: Sequence[Found], named: int
) -> Iterator[Tipping]:
    """A row for every delta; ``names``: endpoint, arm, reference arm, imputation; ``found`` at each delta (R,)."""
    won = np.stack([one.won for one in found])
    ever_lost = ~np.logical_and.accumulate(won)
    for k, (delta, one) in enumerate(zip(deltas, found, strict=True)):
        known = ~np.isnan(one.estimate)
        n, wins = int(known.sum()), int(one.wins.sum())
        interval = clopper_pearson(wins, n)
        yield Tipping(
            *names,
            delta=float(delta),
            times=float(np.exp(-delta)),
            estimate=float(one.estimate[named]),
            low=float(one.low[named]),
            high=float(one.high[named]),
            p=float(one.p[named]),
            won=int(won[k, named]),
            power=wins / n if n else float("nan"),
            power_low=float(interval.low),
            power_high=float(interval.high),
            tipped=int((won[0] & ever_lost[k]).sum()),
            in_favour=int(won[0].sum()),
            replicates=n,
        )


def point_in_words(of_arm: Sequence[Tipping]) -> str:
    """Where the conclusion of the named replicate turns, of the rows of one arm in the order of their deltas."""
    first, last = of_arm[0], of_arm[-1]
    if np.isnan(first.estimate):
        return "the trial cannot be imputed, or all have the same outcome: nothing is tested"
    if not first.won:
        return f"there is no difference in favour at delta {first.delta:g} to begin with"
    turned = next((row for row in of_arm if not row.won), None)
    if turned is None:
        return f"the conclusion does not turn to delta {last.delta:g} (imputed counts times {last.times:.2g})"
    return f"the conclusion turns at delta {turned.delta:g} (imputed counts times {turned.times:.2g})"


def write(found: Sequence[Tipping], folder: Path) -> Path:
    """Write tipping.parquet into ``folder``; its path."""
    return write_records(found, folder / TIPPING_FILE, TIPPING_SCHEMA)


def read(folder: Path) -> list[Tipping]:
    """The rows of tipping.parquet; none when there is no such file."""
    return read_records(folder / TIPPING_FILE, Tipping)


def by_arm(found: Sequence[Tipping]) -> list[list[Tipping]]:
    """The rows of every arm."""
    arms = dict.fromkeys(row.arm for row in found)
    return [[row for row in found if row.arm == arm] for arm in arms]
