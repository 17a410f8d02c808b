"""Who ran out of steps, and on what: the state and the rate that bound the steps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.solver import Events, solve
from trial.solver.fastest import fastest_state

Array = NDArray[np.float64]


def why_stuck(
    unit: Unit, state: Array, events: Events, span: NDArray[np.int64], who: NDArray[np.int64]
) -> dict[int, str]:
    """For each patient of ``who`` the fastest state and its rate, "T1 at 4e+09 /h"; who has none is left out.

    They are solved once more from ``state`` (n, S) over ``span`` (n, 2), hour by hour: the rates are those of the last
    hour they got to.
    """
    few = Events(events.time_h[who], events.amount[who], events.inputs[who])
    p, limits = unit.p_on(span[:, 0])[who], unit.study.solver
    days = int((span[who, 1] - span[who, 0]).max())
    end_h = 24.0 * span[who, 1:]
    times = np.minimum(24.0 * span[who, :1] + np.arange(24.0 * days + 1.0), end_h)
    states, _, _ = solve(
        unit.structure, p, state[who], few, times,
        rtol=limits.rtol, atol=limits.atol, max_steps=limits.max_steps_per_day * days,
    )  # fmt: skip
    states = np.concatenate([state[who][:, None], states], axis=1)
    said = {}
    for k, patient in enumerate(who.tolist()):
        hour = int(np.isfinite(states[k]).all(axis=1).sum()) - 1
        event = int((few.time_h[k] <= times[k, hour]).sum()) - 1
        name, rate = fastest_state(unit.structure, states[k, hour], p[k], few.inputs[k, event])
        if not math.isnan(rate):
            said[patient] = f"{name} at {rate:.2g} /h"
    return said
