"""Assurance: power averaged over what is not known, its distribution, what it owes to each source, and what a result
that is seen says of the next trial (O'Hagan et al., Pharm Stat 2005;4:187-201).

Powers are known with the chance of small pools. It is in no mean and in no share (``variance_parts``); the
distribution is drawn together about its mean until its variance is that without this chance. Errors are those of a
bootstrap over the draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import betaln

from analysis.designs.draw import Uniforms
from analysis.designs.variance_parts import Kept, Parts, parts_of
from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records

ASSURANCE_FILE = "assurance.parquet"
RESAMPLED = 200
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LABELS = {
    "design": ("Design", ""),
    "scenario": ("Scenario", ""),
    "patients": ("Patients of the design, all arms", ""),
    "measure": ("What is measured", ""),
    "about": ("Source, structure, quantile or result it is about", ""),
    "value": ("Value", "see unit"),
    "error": ("Monte Carlo error", "see unit"),
    "low": ("Lower limit, 95 %", "see unit"),
    "high": ("Upper limit, 95 %", "see unit"),
    "draws": ("Draws of what is not known", ""),
    "unit": ("Unit", ""),
}


@dataclass(frozen=True)
class Assured:
    """One row: a measure of what a design of one size comes to over what is not known."""

    design: str
    scenario: str
    patients: int
    measure: str
    about: str
    value: float
    error: float
    low: float
    high: float
    draws: int
    unit: str


ASSURED_SCHEMA = schema_of(Assured, LABELS)


def write_assured(rows: Sequence[Assured], folder: Path) -> Path:
    """Write assurance.parquet into ``folder``; its path."""
    return write_records(rows, folder / ASSURANCE_FILE, ASSURED_SCHEMA)


def read_assured(folder: Path) -> list[Assured]:
    """The rows of assurance.parquet; none when there is no such file."""
    return read_records(folder / ASSURANCE_FILE, Assured)


@dataclass(frozen=True)
class SeenArm:
    """A result that is seen: events among patients of one arm (its place)."""

    arm: int
    events: int
    patients: int


@dataclass(frozen=True, eq=False)
class Powers:
    """Power (S, B, N) by structure, block and draw; ``kept`` and names of the ``sources``; ``structures`` with their
    ``weights``. ``counts`` (2, S, B, N, A): patients of each small pool with the event, and evaluable ones.
    """

    power: Array
    kept: tuple[Kept, ...]
    sources: tuple[str, ...]
    structures: tuple[str, ...]
    weights: Array
    counts: Array

    def of(self, draws: Array) -> Powers:
        """Some of the draws (their places), each as often as it is named."""
        return replace(self, power=self.power[:, :, draws], counts=self.counts[:, :, :, draws])

    @property
    def players(self) -> tuple[str, ...]:
        """The sources, the structure last where there are several."""
        return (*self.sources, *(["structure"] if len(self.structures) > 1 else []))


Found = dict[tuple[str, str], float]
"""Measure and what it is about: value."""


def measures_of(powers: Powers, target: float, given: dict[str, tuple[SeenArm, ...]]) -> Found:
    """Every measure at once; ``given``: results that may be seen, by name."""
    w = powers.weights
    parts = parts_of(powers.power, w, powers.kept)
    mean = float(w @ parts.mean)
    found: Found = {("assurance", ""): mean}
    if len(powers.structures) > 1:
        found |= {("assurance", name): float(m) for name, m in zip(powers.structures, parts.mean, strict=True)}
    found["power_sd", ""] = float(np.sqrt(max(parts.total, 0.0)))
    spread, weight = distribution(powers.power[:, [0, -1]].mean(axis=1), parts, w)
    found |= {("quantile", f"{q:g}"): value for q, value in zip(QUANTILES, _quantiles(spread, weight), strict=True)}
    found["chance", f"power >= {target:g}"] = float(weight[spread >= target].sum())
    for name, share, alone in zip(powers.players, parts.shares, parts.alone, strict=True):
        found["share", name], found["alone", name] = share, alone
    found["verdict_chance", ""] = 1 - parts.total / (mean * (1 - mean)) if 0 < mean < 1 else np.nan
    twice = float(w @ (powers.power[:, 0] * powers.power[:, -1]).mean(axis=1))
    found["after_success", ""] = twice / mean if mean else np.nan
    found["after_failure", ""] = (mean - twice) / (1 - mean) if mean < 1 else np.nan
    for name, seen in given.items():
        found |= conditional(powers, name, seen)
    return found


def distribution(power: Array, parts: Parts, weights: Array) -> tuple[Array, Array]:
    """Power (S, N) of the draws in rising order, drawn together about the mean of its structure, and their weights."""
    seen = power.var(axis=1, ddof=1)
    ratio = np.divide(np.maximum(parts.variance, 0.0), seen, out=np.zeros_like(seen), where=seen > 0)
    middle = power.mean(axis=1, keepdims=True)
    true = (middle + np.sqrt(np.minimum(ratio, 1.0))[:, None] * (power - middle)).ravel()
    order = np.argsort(true, kind="stable")
    return true[order], np.repeat(weights / power.shape[1], power.shape[1])[order]


def _quantiles(value: Array, weight: Array) -> Array:
    """Of rising values with weights, between their middles."""
    return np.interp(QUANTILES, weight.cumsum() - weight / 2, value)


def conditional(powers: Powers, name: str, seen: Sequence[SeenArm]) -> Found:
    """Assurance of the next trial when a result is seen: draws count by the chance of that result. Power is of one of
    two small pools of a draw, that chance of the other, each in turn: so no pool vouches for itself.
    """
    chance = np.exp(_log_chance(powers, seen)) * powers.weights[:, None, None]
    power = powers.power[:, [-1, 0]]
    total = chance.sum()
    each = chance.sum(axis=1)
    found: Found = {
        ("given", name): float((chance * power).sum() / total),
        ("given_draws", name): float(each.sum() ** 2 / (each**2).sum()),
    }
    if len(powers.structures) > 1:
        found |= {
            ("given_structure", f"{name}, {one}"): float(c / total)
            for one, c in zip(powers.structures, chance.sum(axis=(1, 2)), strict=True)
        }
    return found


def _log_chance(powers: Powers, seen: Sequence[SeenArm]) -> Array:
    """Logarithm of the chance of the result (S, 2, N) in both pools of a draw, up to a number that all share: that of
    the rate which the pool leaves open, beta-binomial.
    """
    events, people = powers.counts[:, :, [0, -1]]
    log = np.zeros(events.shape[:-1])
    for one in seen:
        yes, all_ = events[..., one.arm], people[..., one.arm]
        a, b = yes + 0.5, all_ - yes + 0.5
        log += betaln(a + one.events, b + one.patients - one.events) - betaln(a, b)
    return np.asarray(log - log.max())


UNITS = {"given_draws": "draws"}


def assured_rows(
    blank: Assured, powers: Powers, target: float, given: dict[str, tuple[SeenArm, ...]], uniforms: Uniforms
) -> Iterator[Assured]:
    """A row for every measure, with the error and the limits of a bootstrap over the draws."""
    many = powers.power.shape[2]
    value = measures_of(powers, target, given)
    taken = (many * uniforms("assurance", 0, 0, RESAMPLED * many)).astype(np.int64).reshape(RESAMPLED, many)
    again = [measures_of(powers.of(one), target, given) for one in taken]
    for (measure, about), v in value.items():
        error = _spread([one[measure, about] for one in again])
        bound = _bound(measure)
        low, high = bound(v - 1.96 * error), bound(v + 1.96 * error)
        yield replace(
            blank, measure=measure, about=about, value=v, error=error, low=low, high=high, draws=many,
            unit=UNITS.get(measure, "share"),
        )  # fmt: skip


def _spread(values: Sequence[float]) -> float:
    known = np.array(values)[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan


def _bound(measure: str) -> Callable[[float], float]:
    """Shares of a variance may be estimated below 0; powers and chances keep to their limits."""
    if measure in ("share", "alone", "verdict_chance"):
        return lambda v: v
    most = np.inf if measure == "given_draws" else 1.0
    return lambda v: float(min(max(v, 0.0), most))
