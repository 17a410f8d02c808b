"""What a structure must say, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trial.solver.events import Events

Array = NDArray[np.float64]
Values = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class State:
    """A state variable: name, unit, meaning."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Structure:
    """Equations of one model. ``rhs`` and ``outputs`` are plain Python: they take scalars, arrays or graph nodes.

    rhs(y, p, u) -> derivatives, all sequences in the order of states, parameters, inputs; time in h.
    outputs(y, p, u) -> one value per name of ``output_names``.
    steady_state(p, u) -> drug-free steady state, shape (n, n_states), p (n, n_parameters), u (n, n_inputs).
    daily_events(p, day_h, dose_mg, bioavailability, loss_factor) -> Events: one dosing day after another, all arrays
    (n, days)
    but p; a day that does not exist has day_h = inf.
    method: None to let the solver choose by the equations; "pair" for a power of a state that starts at 0, which has
    no series there.
    """

    id: str
    title: str
    states: tuple[State, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    dose_state: int
    output_names: tuple[str, ...]
    rhs: Callable[[Values, Values, Values], Sequence[Any]]
    outputs: Callable[[Values, Values, Values], Sequence[Any]]
    steady_state: Callable[[Array, Array], Array]
    daily_events: Callable[[Array, Array, Array, Array, Array], Events]
    method: str | None = None
