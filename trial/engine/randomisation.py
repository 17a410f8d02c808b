"""Permuted blocks within strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cohorts.streams import BLOCK, Streams
from trial.study.protocol import Arm, Randomisation


def randomise(
    arms: Sequence[Arm], plan: Randomisation, stratum: NDArray[np.str_], streams: Streams, replicate: int
) -> NDArray[np.int64]:
    """Arm index of each patient, in order of enrolment.

    Each stratum has its own list of permuted blocks: a block holds every arm in proportion to its ratio, in the order
    of independent uniforms (stream "randomisation:<stratum>"). Enrolling more patients keeps the first allocations.
    """
    slots = np.repeat(np.arange(len(arms)), [arm.ratio for arm in arms])
    slots = np.tile(slots, plan.block_size // len(slots))
    arm = np.empty(len(stratum), dtype=np.int64)
    for name in np.unique(stratum):
        members = np.flatnonzero(stratum == name)
        arm[members] = _allocation_list(slots, len(members), streams, f"randomisation:{name}", replicate)
    return arm


def _allocation_list(
    slots: NDArray[np.int64], n: int, streams: Streams, stream: str, replicate: int
) -> NDArray[np.int64]:
    """The first ``n`` allocations of a stratum's list."""
    per_draw, needed = BLOCK // len(slots), -(-n // len(slots))
    lists = []
    for draw, before in enumerate(range(0, needed, per_draw)):
        rows = min(per_draw, needed - before)
        u = streams.uniforms(stream, replicate, draw)[: rows * len(slots)].reshape(rows, len(slots))
        lists.append(slots[np.argsort(u, axis=1, kind="stable")].ravel())
    return np.concatenate(lists)[:n]


def strata_labels(plan: Randomisation, covariates: dict[str, NDArray]) -> NDArray[np.str_]:
    """One label per patient, for example ``"SPLENFL=N, BLPLAT<10"``; ``"all"`` without stratification."""
    n = len(next(iter(covariates.values())))
    parts = []
    for factor in plan.strata:
        values = covariates[factor.covariate]
        if factor.cut is None:
            parts.append(np.char.add(f"{factor.covariate}=", values.astype(str)))
        else:
            low, high = (f"{factor.covariate}{sign}{factor.cut:g}" for sign in ("<", ">="))
            parts.append(np.where(values.astype(float) < factor.cut, low, high))
    if not parts:
        return np.full(n, "all")
    label = parts[0]
    for part in parts[1:]:
        label = np.char.add(np.char.add(label, ", "), part)
    return label
