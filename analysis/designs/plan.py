"""What a design is to the trials that are drawn by it: sizes, looks, bounds, hypotheses and what is adapted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints.records import Array
from analysis.statistics.combination import Intersection
from analysis.statistics.dose_response import Shape
from analysis.statistics.sequential import Bounds

Adapt = Literal["none", "drop_arms", "select", "sample_size"]


@dataclass(frozen=True)
class Claim:
    """A hypothesis: ``endpoint`` in ``arm`` against the reference arm; ``better``: 1 when more is better, else -1.

    ``margin``: by how much, in ``unit``, the arm may be worse and still win; 0: it has to be better. ``unit``: of the
    difference, a share of a yes or no endpoint.
    """

    name: str
    endpoint: str
    arm: int
    better: int = 1
    margin: float = 0.0
    measured: bool = False
    unit: str = "share"


@dataclass(frozen=True)
class Accrual:
    """Patients per month once all sites are open, after a linear rise of ``ramp`` months; ``lag``: days from entry to
    a known endpoint, its report included.
    """

    per_month: float
    ramp: float = 0.0
    lag: float = 0.0


@dataclass(frozen=True, eq=False)
class DoseTest:
    """A test of a response by dose: ``doses`` (D,) rising, and by its number the one of each arm (A,); candidate
    ``shapes``; ``sign``: 1 where more is better, else -1; one-sided ``level`` of all shapes together.
    """

    doses: Array
    of_arm: NDArray[np.int64]
    shapes: tuple[Shape, ...]
    sign: int
    level: float


@dataclass(frozen=True, eq=False)
class Trials:
    """A design at one size. ``ratio`` (A,) slots of each arm in a block, ``repeats`` how often it has them.

    ``sizes`` (K,): patients with a known endpoint at each look, the last one all. ``levels``: bounds at a one-sided
    level, of a family of several hypotheses, else None. ``adjust`` makes p (T, H) of several hypotheses adjusted ones.
    ``stop_on``: whether one rejection ends the trial, or all. ``keep``, ``rule``, ``promising``, ``most``, ``wanted``:
    of what is adapted at the first look. ``dose``: the test of a response by dose in place of the comparisons of arms;
    the claims are then its shapes.
    """

    reference: int
    ratio: tuple[int, ...]
    repeats: int
    claims: tuple[Claim, ...]
    sizes: tuple[int, ...]
    bounds: Bounds
    level: float = 0.025
    adjust: Callable[[Array], Array] | None = None
    levels: Callable[[float], Array] | None = None
    stop_on: Literal["any", "all"] = "any"
    adapt: Adapt = "none"
    keep: int = 1
    rule: Intersection = "simes"
    promising: tuple[float, float] = (0.3, 0.9)
    most: int = 0
    wanted: float = 0.9
    accrual: Accrual | None = None
    stratified: bool = True
    dose: DoseTest | None = None
    endpoints: tuple[str, ...] = field(default=())

    @property
    def largest(self) -> int:
        """Patients of the largest trial that may come."""
        return max(self.sizes[-1], self.most if self.adapt == "sample_size" else 0)

    @property
    def looks(self) -> int:
        """How many looks there are."""
        return len(self.sizes)


LEVELS = np.concatenate([np.geomspace(1e-7, 0.02, 40), np.linspace(0.021, 0.5, 40)])
"""One-sided levels at which bounds are known; between them they are interpolated."""


def sequential_p(levels: Callable[[float], Array], exact: Sequence[float] = ()) -> Callable[[Array, int], Array]:
    """The level at which Z (...) at a look would be rejected by then, from the bounds (K,) at each level; ``exact``:
    levels that are asked about, at which nothing is interpolated.

    A p in its own right (Liu & Anderson, J Am Stat Assoc 2008;103:1621-1630), so that procedures for several
    hypotheses take it.
    """
    grid = np.unique(np.append(LEVELS, exact))
    bounds = np.stack([levels(float(level)) for level in grid])

    def p(z: Array, look: int) -> Array:
        order = bounds[::-1, look]
        found = np.exp(np.interp(z, order, np.log(grid[::-1])))
        return np.where(z < order[0], 1.0, np.where(np.isnan(z), 1.0, found))

    return p
