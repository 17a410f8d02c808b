"""What everything that is assumed or fitted does to the primary result, moved all at once: Morris and Sobol indices.

Factors have independent distributions and are given by shares of them, u in (0, 1). Morris (1991; mean absolute effect
of Campolongo 2007): ``mu_star`` and ``sigma``, mean size and SD of the elementary effects, the change of the result per
whole width of one factor, from so many trajectories. Sobol (Saltelli 2010), by groups of factors: ``first``, the share
of the variance of the result that a group makes alone, and ``total``, that with all it does together with others.
Errors are SDs over bootstrap resamples of the design, of ``sigma`` that of the SD of normal effects. Library: SALib,
imported here alone and late.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.record_table import read_records, schema_of, write_records
from analysis.evidence.sensitivity import unit_word
from analysis.statistics.estimators import Z95
from analysis.text import cells

Array = NDArray[np.float64]
GLOBAL_FILE = "global_sensitivity.parquet"
MORRIS, SOBOL = "morris", "sobol"
SIZES = {MORRIS: 10, SOBOL: 64}
"""Trajectories, and points of a base sample, where nothing else is asked for."""
SHOWN = {MORRIS: ("mu_star", "sigma"), SOBOL: ("total", "first")}
"""Indices of a method; the factors are ordered by the first."""
TAIL = 0.025
"""Morris moves a factor over the central 95 % of its distribution."""
LEVELS, RESAMPLES = 4, 200
LABELS = {
    "method": ("Method", ""),
    "factor": ("Number or group of numbers that is moved", ""),
    "label": ("What it is, or what is in the group", ""),
    "group": ("Group", ""),
    "endpoint": ("Primary endpoint", ""),
    "arm": ("Arm", ""),
    "versus": ("Arm it is compared with; none: the arm alone", ""),
    "index": ("Index", ""),
    "estimate": ("Value of the index", "see unit"),
    "mcse": ("Monte Carlo error of it, by bootstrap of the design", "see unit"),
    "mean": ("Mean of the result over the points", "see result_unit"),
    "sd": ("SD of the result over the points", "see result_unit"),
    "points": ("Points of the design that gave a result", ""),
    "replicates": ("Replicates of the trial at each point", ""),
    "unit": ("Unit of estimate and mcse", ""),
    "result_unit": ("Unit of the result", ""),
}


@dataclass(frozen=True)
class Factor:
    """One number that is moved."""

    name: str
    label: str
    group: str


@dataclass(frozen=True)
class GlobalIndex:
    """One row of the table: an index of one factor or group, for one arm or one arm against another. ``estimate`` is
    None where the result does not vary.
    """

    method: str
    factor: str
    label: str
    group: str
    endpoint: str
    arm: str
    versus: str
    index: str
    estimate: float | None
    mcse: float | None
    mean: float
    sd: float
    points: int
    replicates: int
    unit: str
    result_unit: str


GLOBAL_SCHEMA = schema_of(GlobalIndex, LABELS)


def groups_of(factors: Sequence[Factor]) -> dict[str, list[str]]:
    """Names of the factors by group."""
    found: dict[str, list[str]] = {}
    for factor in factors:
        found.setdefault(factor.group, []).append(factor.name)
    return found


def _problem(method: str, factors: Sequence[Factor]) -> dict[str, Any]:
    problem = {"num_vars": len(factors), "names": [f.name for f in factors], "bounds": [[0.0, 1.0]] * len(factors)}
    return problem | ({"groups": [f.group for f in factors]} if method == SOBOL else {})


def sample(method: str, factors: Sequence[Factor], size: int, seed: int) -> Array:
    """Points (P, K) of the design, from 0 to 1: ``size`` trajectories, or base points of a scrambled Sobol sequence."""
    if method == MORRIS:
        from SALib.sample import morris

        return np.asarray(morris.sample(_problem(method, factors), size, num_levels=LEVELS, seed=seed))
    from SALib.sample import sobol

    return np.asarray(sobol.sample(_problem(method, factors), size, calc_second_order=False, seed=seed))


def shares(method: str, points: Array) -> Array:
    """Shares of the distributions at the points of a design; never 0 or 1."""
    return TAIL + (1 - 2 * TAIL) * points if method == MORRIS else np.clip(points, 1e-6, 1 - 1e-6)


def analyse(
    method: str, factors: Sequence[Factor], points: Array, result: Array, seed: int
) -> tuple[list[tuple[str, str, float, float]], int]:
    """Factor (or group), index, value and error, from a ``result`` (P,); and how many points counted.

    A trajectory, or a base point with all that was made of it, in which some result is missing is left out.
    """
    names = list(groups_of(factors)) if method == SOBOL else [f.name for f in factors]
    step = len(names) + (2 if method == SOBOL else 1)
    whole = np.repeat(np.isfinite(result.reshape(-1, step)).all(axis=1), step)
    points, result = points[whole], result[whole]
    if not len(result) or np.ptp(result) == 0:
        return [(name, index, np.nan, np.nan) for name in names for index in SHOWN[method]], len(result)
    problem = _problem(method, factors)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _analysed(method, problem, points, result, seed)
    return [(name, index, *found[index, k]) for k, name in enumerate(names) for index in SHOWN[method]], len(result)


def _analysed(
    method: str, problem: dict[str, Any], points: Array, result: Array, seed: int
) -> dict[tuple[str, int], tuple[float, float]]:
    """Value and error of each index by place of the factor."""
    if method == SOBOL:
        from SALib.analyze import sobol

        said = sobol.analyze(problem, result, calc_second_order=False, num_resamples=RESAMPLES, seed=seed)
        of = {"total": ("ST", "ST_conf"), "first": ("S1", "S1_conf")}
        return {
            (i, k): (float(said[a][k]), float(said[b][k]) / Z95)
            for i, (a, b) in of.items()
            for k in range(len(said[a]))
        }
    from SALib.analyze import morris

    said = morris.analyze(problem, points, result, num_resamples=RESAMPLES, num_levels=LEVELS, seed=seed)
    size = len(result) // (problem["num_vars"] + 1)
    sizes = {
        ("mu_star", k): (float(x), float(e) / Z95)
        for k, (x, e) in enumerate(zip(said["mu_star"], said["mu_star_conf"], strict=True))
    }
    return sizes | {
        ("sigma", k): (float(x), float(x) / np.sqrt(2 * max(size - 1, 1))) for k, x in enumerate(said["sigma"])
    }


def indices(
    method: str,
    factors: Sequence[Factor],
    points: Array,
    values: Array,
    arms: Sequence[str],
    versus: str | None,
    endpoint: str,
    unit: str,
    seed: int,
) -> list[GlobalIndex]:
    """Rows of every arm, and of every other arm against ``versus``, the strongest factor first.

    ``values`` (P, R, A): the primary result at each point, by replicate and arm; the mean of the replicates that have
    one at every point counts.
    """
    shown = [(arm, "", values[:, :, k]) for k, arm in enumerate(arms)]
    if versus is not None:
        base = values[:, :, list(arms).index(versus)]
        shown += [(arm, versus, values[:, :, k] - base) for k, arm in enumerate(arms) if arm != versus]
    labels = _labels(method, factors)
    rows: list[GlobalIndex] = []
    for arm, against, each in shown:
        known = np.isfinite(each)
        result = np.where(
            known.any(axis=1), np.where(known, each, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan
        )
        found, counted = analyse(method, factors, points, result, seed)
        mean, sd = (float(np.nanmean(result)), float(np.nanstd(result))) if counted else (np.nan, np.nan)
        for name, index, value, error in found:
            label, group = labels[name]
            rows.append(
                GlobalIndex(
                    method,
                    name,
                    label,
                    group,
                    endpoint,
                    arm,
                    against,
                    index,
                    _known(value),
                    _known(error),
                    mean,
                    sd,
                    counted,
                    values.shape[1],
                    "1" if method == SOBOL else unit,
                    unit,
                )
            )
    strength = strengths(rows)
    return sorted(rows, key=lambda row: -strength[row.factor])


def _labels(method: str, factors: Sequence[Factor]) -> dict[str, tuple[str, str]]:
    """What a factor is and its group; of a group what is in it."""
    if method == MORRIS:
        return {f.name: (f.label, f.group) for f in factors}
    return {name: (", ".join(members), name) for name, members in groups_of(factors).items()}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def strengths(rows: Sequence[GlobalIndex]) -> dict[str, float]:
    """The largest ``weight`` of each factor in any arm; 0 where there is none."""
    found: dict[str, float] = {}
    for row in rows:
        found[row.factor] = max(found.get(row.factor, 0.0), weight(row))
    return found


def weight(row: GlobalIndex) -> float:
    """What the first index of a method (``SHOWN``) says of the result: a change, a part of its variance; else 0."""
    if row.estimate is None or row.index != SHOWN[row.method][0]:
        return 0.0
    return row.estimate * row.sd**2 if row.method == SOBOL else row.estimate


def strongest(rows: Sequence[GlobalIndex]) -> GlobalIndex | None:
    """The row of the largest ``weight``; None where the result does not vary."""
    return max((row for row in rows if weight(row) > 0), key=weight, default=None)


def by_whom(rows: Sequence[GlobalIndex]) -> dict[tuple[str, str], dict[str, dict[str, GlobalIndex]]]:
    """The rows by arm and whom it is compared with, then by factor and index, in order."""
    found: dict[tuple[str, str], dict[str, dict[str, GlobalIndex]]] = {}
    for row in rows:
        found.setdefault((row.arm, row.versus), {}).setdefault(row.factor, {})[row.index] = row
    return found


HEADLINES = {
    MORRIS: "What moves the primary result most is {} ({}): over the central 95 % of its width by {}{} on average.",
    SOBOL: "What moves the primary result most is {} ({}): {} of its variance{}, alone and with others.",
}
"""Factor, arm, size, its unit."""


def size_of(row: GlobalIndex) -> str:
    """The index with its error."""
    return cells.index(row.estimate, row.mcse, row.unit)


def headline(rows: Sequence[GlobalIndex]) -> str:
    """One line: what moves the primary result most, and by how much."""
    top = strongest(rows)
    if top is None:
        return "Nothing that was moved moves the primary result."
    unit = "" if top.unit == "1" else unit_word(top.unit)
    return HEADLINES[top.method].format(top.factor, whom(top), size_of(top), unit)


def whom(row: GlobalIndex) -> str:
    """The arm, or the two that are compared."""
    return f"{row.arm} - {row.versus}" if row.versus else row.arm


def write(rows: Sequence[GlobalIndex], folder: Path) -> Path:
    """Write global_sensitivity.parquet into ``folder``; its path."""
    return write_records(rows, folder / GLOBAL_FILE, GLOBAL_SCHEMA)


def read(folder: Path) -> list[GlobalIndex]:
    """The rows of global_sensitivity.parquet; none when there is no such file."""
    return read_records(folder / GLOBAL_FILE, GlobalIndex)


def counts(method: str, factors: Sequence[Factor], size: int) -> Mapping[str, int]:
    """Factors (or groups) and points of a design."""
    many = len(groups_of(factors)) if method == SOBOL else len(factors)
    return {"moved": many, "points": size * (many + (2 if method == SOBOL else 1))}
