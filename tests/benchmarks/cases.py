"""What is measured and judged, how programs are timed in turn, and the error of what they return."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from trial.solver.structure import Array, Structure

ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """A line of bench.csv; None where nothing was measured."""

    case: str
    engine: str
    cores: int
    patients_per_s: float | None = None
    worst_error: float | None = None
    peak_mib: float | None = None
    ratio_to_scipy: float | None = None
    ratio_to_heyoka: float | None = None


@dataclass(frozen=True)
class Verdict:
    """A demand, what was measured, and whether it holds."""

    demand: str
    measured: str
    holds: bool


def alternated(
    *runs: Callable[[], object],
    rounds: int = ROUNDS,
    of: Callable[[list[float]], float] = median,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Median (or another ``of``) seconds of each, run in turn, after one warm round."""
    seconds: list[list[float]] = [[] for _ in runs]
    for k in range(rounds + 1):
        for times, run in zip(seconds, runs, strict=True):
            begun = clock()
            run()
            if k:
                times.append(clock() - begun)
    return [of(times) for times in seconds]


def worst_error(structure: Structure, states: Array, truth: Array, p: Array) -> float:
    """Largest relative error of concentration (of at least 1e-3 of the patient's largest) and platelets."""

    def outputs(y: Array) -> list[Array]:
        return [np.asarray(o) for o in structure.outputs(y.transpose(2, 0, 1), p.T[:, :, None], [])]

    worst = 0.0
    for ours, true in zip(outputs(states), outputs(truth), strict=True):
        size = np.maximum(np.abs(true), 1e-3 * np.abs(true).max(axis=1, keepdims=True))
        worst = max(worst, float((np.abs(ours - true) / size).max()))
    return worst
