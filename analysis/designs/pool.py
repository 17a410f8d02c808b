"""The pool: patients who were simulated once under every arm, in G sub-pools, and the same without a difference.

A trial of n patients drawn without replacement from independent patients is a trial of n independent patients, whatever
the size of the pool. Trials that share patients are correlated; the sub-pools, which share none, tell the error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.endpoints.records import Array

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Yes (1), no (0), or the value of a measured one, or not evaluable (NaN), of each endpoint, (G, A, P): sub-pools,
    ``arms``, patients of a sub-pool.

    ``stratum`` (G, P) of the randomisation, as a code into ``strata``; ``known_after``: days from entry until an
    endpoint is known; ``baseline`` (G, P): counts at baseline, 1e9/L, where they are wanted.
    """

    arms: tuple[str, ...]
    outcomes: Mapping[str, Array]
    stratum: Codes
    strata: tuple[str, ...]
    known_after: int = 0
    baseline: Array | None = None

    @property
    def groups(self) -> int:
        """Sub-pools."""
        return int(self.stratum.shape[0])

    @property
    def per_group(self) -> int:
        """Patients of a sub-pool: no trial can have more."""
        return int(self.stratum.shape[1])

    def rates(self, code: str) -> Array:
        """Share of yes (A,) among the evaluable patients of the pool."""
        return np.asarray(np.nanmean(self.outcomes[code], axis=(0, 2)))

    def differences(self, code: str, arm: int, reference: int) -> Array:
        """Difference (G,) of the share of yes, or of the mean, between two arms in each sub-pool."""
        rates = np.nanmean(self.outcomes[code], axis=2)
        return np.asarray(rates[:, arm] - rates[:, reference])


def read_pool(
    path: Path, arms: Sequence[str], codes: Sequence[str], known_after: int, people: Path | None = None
) -> Pool:
    """The pool of an endpoints table: its replicates are the sub-pools, each patient there once per arm. ``people``:
    the table of patients, for their baseline counts.
    """
    table = pq.read_table(path, columns=["IREP", "SUBJID", "ARM", "STRATUM", "PARAMCD", "AVAL"])
    group, subject = (table[name].to_numpy().astype(np.int64) for name in ("IREP", "SUBJID"))
    (_, arm), (strata, stratum) = _coded(table["ARM"], arms), _coded(table["STRATUM"])
    names, code = _coded(table["PARAMCD"])
    groups, patients = int(group.max()) + 1, int(subject.max()) // len(arms)
    person, value = (subject - 1) % patients, table["AVAL"].to_numpy()
    of_person = np.zeros((groups, patients), dtype=np.int64)
    of_person[group, person] = stratum
    outcomes = {}
    for name in codes:
        here = code == names.index(name)
        outcomes[name] = np.full((groups, len(arms), patients), np.nan)
        outcomes[name][group[here], arm[here], person[here]] = value[here]
    baseline = None if people is None else _baseline(people, groups, patients)
    return Pool(tuple(arms), outcomes, of_person, tuple(strata), known_after, baseline)


def _baseline(people: Path, groups: int, patients: int) -> Array:
    """Counts at baseline (G, P), which a patient has under every arm."""
    table = pq.read_table(people, columns=["IREP", "SUBJID", "BLPLAT"])
    group, subject = (table[name].to_numpy().astype(np.int64) for name in ("IREP", "SUBJID"))
    found = np.full((groups, patients), np.nan)
    found[group, (subject - 1) % patients] = table["BLPLAT"].to_numpy()
    return found


def _coded(column: pa.ChunkedArray, words: Sequence[str] = ()) -> tuple[list[str], Codes]:
    """The words of a column of words, those given first, and each row as a code into them."""
    whole = column.unify_dictionaries().combine_chunks()
    known = whole.dictionary.to_pylist()
    order = [*words, *(word for word in sorted(known) if word not in words)]
    place = np.array([order.index(word) for word in known], dtype=np.int64)
    return order, place[whole.indices.to_numpy()]


def without_difference(pool: Pool, where: Sequence[tuple[str, int]], reference: int, change: float = 0.0) -> Pool:
    """The pool in which there is no difference in these endpoints of these arms: each patient has his outcome under the
    reference arm, moved by ``change``.
    """
    fresh = {code: value.copy() for code, value in pool.outcomes.items()}
    for code, arm in where:
        fresh[code][:, arm] = pool.outcomes[code][:, reference] + change
    return replace(pool, outcomes=fresh)


def at_margin(
    pool: Pool, arms: Sequence[str], reference: str, code: str, change: float, uniforms: Callable[[int], Array]
) -> Pool | None:
    """As ``without_difference`` of a yes or no, the rate of yes moved by ``change``: so many of those who could change
    do, by ``uniforms`` of a sub-pool (P,). None where there are too few.
    """
    base = pool.outcomes[code][:, pool.arms.index(reference)]
    rate = float(np.nanmean(base))
    able = rate if change < 0 else 1 - rate
    if abs(change) > able:
        return None
    draw = np.stack([uniforms(g) for g in range(pool.groups)])
    turns = (base == (1.0 if change < 0 else 0.0)) & (draw < abs(change) / able)
    moved = np.where(turns, 1.0 - base, base)
    fresh = {name: value.copy() for name, value in pool.outcomes.items()}
    for arm in arms:
        fresh[code][:, pool.arms.index(arm)] = moved
    return replace(pool, outcomes=fresh)
