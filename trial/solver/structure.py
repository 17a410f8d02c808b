"""What a structure must say, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trial.solver.events import Events

Array = NDArray[np.float64]
Values = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class State:
    """A state variable (or a derived parameter): name, unit, meaning."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Days:
    """What happens to each patient on some days, one after another; every field (n, days).

    start_h: the day begins (h; inf: the day does not exist). dose_mg: taken at its start. bioavailability: relative.
    loss_factor: multiplier of platelet loss. kill: intensity of chemotherapy on that day (1: a full dose, 0: none).
    meal_h: hours from the start of the day to a meal or dairy that binds what is not yet absorbed (inf: none).
    """

    start_h: Array
    dose_mg: Array
    bioavailability: Array
    loss_factor: Array
    kill: Array
    meal_h: Array

    @classmethod
    def of(
        cls,
        start_h: ArrayLike,
        dose_mg: ArrayLike,
        bioavailability: ArrayLike = 1.0,
        loss_factor: ArrayLike = 1.0,
        kill: ArrayLike = 0.0,
        meal_h: ArrayLike = np.inf,
    ) -> Days:
        """All fields broadcast to one shape; without more, only doses."""
        said = [np.asarray(x, dtype=float) for x in (start_h, dose_mg, bioavailability, loss_factor, kill, meal_h)]
        return cls(*(np.array(x) for x in np.broadcast_arrays(*said)))


@dataclass(frozen=True)
class Limit:
    """What the parameters of a patient must keep to: in words, and as a test of {name: (n,)} that gives (n,)."""

    says: str
    holds: Callable[[Mapping[str, Array]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Structure:
    """Equations of one model. ``rhs`` and ``outputs`` are plain Python: they take scalars, arrays or graph nodes.

    rhs(y, p, u) -> derivatives, all sequences in the order of states, parameters, inputs; time in h.
    outputs(y, p, u) -> one value per name of ``output_names``.
    steady_state(p, u) -> drug-free steady state, shape (n, n_states), p (n, n_parameters), u (n, n_inputs).
    daily_events(p, days) -> Events: what the days do to the dose state and the inputs.
    derived, individual: parameters that no set gives, and the function that adds them to a patient's own by name,
    {name: (n,)} -> {name: (n,)}. reads: what ``individual`` takes from the set beside the other parameters; a name
    that is also derived is given and may be replaced. takes: what else than doses the equations know: "kill", "meal".
    transfused: the states that platelets of a transfusion join, each with its share; none: it cannot be given.
    optional: parameters that a set may leave out, each with what it then is; ``individual`` adds them.
    restless: those of ``optional`` that let the drug-free start move; it is at rest where they are left out.
    drug: the parameters of the drug, which another drug has its own of; none of them moves the drug-free steady state.
    limits: what the equations can take; a typical value beyond is refused, a patient beyond fails (Status OUTSIDE).
    method: None to let the solver choose by the equations; "pair" for a power of a state that starts at 0, which has
    no series there; "rosenbrock" for stiff equations: rates far above those that are to be seen (binding).
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
    daily_events: Callable[[Array, Days], Events]
    method: str | None = None
    derived: tuple[State, ...] = ()
    individual: Callable[[Mapping[str, Array]], dict[str, Array]] = dict
    reads: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    transfused: tuple[tuple[str, float], ...] = ()
    drug: tuple[str, ...] = ()
    optional: tuple[tuple[str, float], ...] = ()
    restless: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
