"""The typical man: one patient with every ETA at 0 and reference covariates, under any dosing, without a trial
around him.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cohorts.parameters import ParameterSet
from trial.models import Days, Structure, structure_of
from trial.solver import Status, solve

Array = NDArray[np.float64]


def concentrations(
    parameters: ParameterSet,
    dose_mg: float,
    dose_days: Sequence[int],
    times_h: Sequence[float],
    base_1e9L: float = 13.0,
    meal_h: float = np.inf,
) -> Array:
    """Free drug (ng/mL) of the typical man at ``times_h`` (h, from 0) after once-daily doses on ``dose_days``.

    ``meal_h``: hours after each dose to a meal that binds it. ``base_1e9L`` only sets his platelets. Raises
    RuntimeError when the solve fails.
    """
    model = structure_of(parameters)
    p = _typical(parameters, model, base_1e9L)
    day = np.arange(int(max(times_h[-1] // 24 + 1, max(dose_days) + 1)))[None, :]
    dose = np.where(np.isin(day, dose_days), dose_mg, 0.0)
    events = model.daily_events(p, Days.of(24.0 * day, dose, meal_h=np.where(dose > 0, meal_h, np.inf)))
    state = model.steady_state(p, events.inputs[:, 0])
    times = np.array([[0.0, *times_h]])
    states, status, _ = solve(model, p, state, events, times, rtol=1e-8, atol=1e-10, max_steps=1_000_000)
    if status[0] != Status.OK:
        raise RuntimeError(f"the typical man of {parameters.id} could not be solved: {Status(int(status[0])).name}")
    values = model.outputs(states.transpose(2, 0, 1), p.T[:, :, None], [None] * len(model.inputs))
    return values[model.output_names.index("CONC")][0]


def course(
    parameters: ParameterSet, dose_mg: float, days: int = 70, dose_days: int | None = None, every_h: float = 24.0
) -> dict[str, Array]:
    """Every state and output of the typical man, at the start and every ``every_h`` hours to the end of the last day.

    ``dose_mg`` once daily from day 0, on the first ``dose_days`` days (None: all); his platelet count is BASE of the
    set. A time at which a day begins is before the dose. Raises RuntimeError when the solve fails.
    """
    model = structure_of(parameters)
    p = _typical(parameters, model, parameters.value("BASE"))
    day = np.arange(days)[None, :]
    dose = np.where(day < (days if dose_days is None else dose_days), dose_mg, 0.0)
    events = model.daily_events(p, Days.of(24.0 * day, dose))
    start = model.steady_state(p, events.inputs[:, 0])
    times = every_h * np.arange(int(24 * days / every_h) + 1.0)
    states, status, _ = solve(model, p, start, events, times[None, :])
    if status[0] != Status.OK:
        raise RuntimeError(f"the typical man of {parameters.id} could not be solved: {Status(int(status[0])).name}")
    y = np.concatenate([start, states[0]])
    said = model.outputs(y.T, p.T, [None] * len(model.inputs))
    return {s.name: y[:, k] for k, s in enumerate(model.states)} | dict(zip(model.output_names, said, strict=True))


def _typical(parameters: ParameterSet, model: Structure, base_1e9L: float) -> Array:
    """THETA in the order of the structure, (1, P); the baseline count is the patient's own, not a THETA."""
    values = {p.name: np.array([base_1e9L if p.name == "BASE" else p.value]) for p in parameters.parameters}
    values = model.individual(values)
    return np.array([values[name] for name in model.parameters]).T
