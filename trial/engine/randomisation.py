"""Permuted blocks within strata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cohorts.streams import BLOCK, Streams
from trial.study.arms import Arm
from trial.study.protocol import Randomisation


def randomise(
    arms: Sequence[Arm],
    plan: Randomisation,
    stratum: NDArray[np.str_],
    streams: Streams,
    replicate: int | NDArray[np.int64],
) -> NDArray[np.int64]:
    """Arm index of each patient, in order of enrolment; ``replicate`` of all, or of each (n,).

    Each stratum of a replicate has its own list of permuted blocks: a block holds every arm in proportion to its ratio,
    in the order of independent uniforms (stream "randomisation:<stratum>"). Enrolling more patients keeps the first
    allocations.
    """
    slots = np.repeat(np.arange(len(arms)), [arm.ratio for arm in arms])
    slots = np.tile(slots, plan.block_size // len(slots))
    names, code = np.unique(stratum, return_inverse=True)
    lists, which, size = np.unique(
        np.broadcast_to(replicate, code.shape) * len(names) + code, return_inverse=True, return_counts=True
    )
    rows = -(-size // len(slots))
    u = [
        _uniforms(streams, f"randomisation:{names[of % len(names)]}", int(of // len(names)), int(k), len(slots))
        for of, k in zip(lists, rows, strict=True)
    ]
    allocated = slots[np.argsort(np.concatenate(u), axis=1, kind="stable")].ravel()
    begins = len(slots) * (np.cumsum(rows) - rows)
    in_order = np.argsort(which, kind="stable")
    arm = np.empty(len(stratum), dtype=np.int64)
    arm[in_order] = allocated[np.repeat(begins - np.cumsum(size) + size, size) + np.arange(len(stratum))]
    return arm


def _uniforms(streams: Streams, name: str, replicate: int, rows: int, width: int) -> NDArray[np.float64]:
    """(rows, width) of a stratum's list, as many whole rows a draw as there are in a block of numbers."""
    per_draw = BLOCK // width
    parts = []
    for draw, before in enumerate(range(0, rows, per_draw)):
        here = min(per_draw, rows - before)
        parts.append(streams.uniforms(name, replicate, draw, first=here * width).reshape(here, width))
    return np.concatenate(parts)


def strata_labels(plan: Randomisation, covariates: Mapping[str, NDArray]) -> NDArray[np.str_]:
    """One label per patient, for example ``"SPLENFL=N, BLPLAT<10"``; ``"all"`` without stratification."""
    labels, code = ["all"], np.zeros(len(next(iter(covariates.values()))), dtype=np.int64)
    for factor in plan.strata:
        values = covariates[factor.covariate]
        if factor.cut is None:
            levels, level = np.unique(values, return_inverse=True)
            words = [f"{factor.covariate}={word}" for word in levels.astype(str)]
        else:
            words, level = (
                [f"{factor.covariate}{sign}{factor.cut:g}" for sign in ("<", ">=")],
                1 * (values >= factor.cut),
            )
        labels = [f"{label}, {word}" if label != "all" else word for label in labels for word in words]
        code = code * len(words) + level
    return np.array(labels)[code]
