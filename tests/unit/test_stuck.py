"""Who runs out of steps is told of the state that is fastest, and how fast."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hand_made import PARAMETERS, people, unit
from test_solver_door import toy

from trial.engine.simulate import simulate_unit
from trial.engine.stuck import why_stuck
from trial.jobs.collect import collect
from trial.models import structure
from trial.solver import REASON, Status
from trial.solver.events import Events
from trial.solver.fastest import fastest_state

SOON = {"visits": {"days": [7, 14]}, "treatment_days": 14, "solver": {"max_steps_per_day": 50},
        "analysis": {"assessment_day": 14}}  # fmt: skip


def test_the_largest_rate_on_the_diagonal():
    """Loss at 3 y1 = 6 and at 0.5, growth at 2; what feeds from another state (900) is no rate of its own."""
    model = toy(lambda y, p, u: [-p[0] * y[0] * y[1], 900.0 * y[0] - 0.5 * y[1], u[0] * y[2]], 3)
    assert fastest_state(model, [1.0, 2.0, 1.0], [3.0], [2.0]) == ("Y0", 6.0)
    assert fastest_state(model, [1.0, 0.1, 1.0], [3.0], [-2.0]) == ("Y2", 2.0)
    assert fastest_state(model, [1.0, math.nan, 1.0], [3.0], [2.0]) == ("Y2", 2.0)
    name, rate = fastest_state(toy(lambda y, p, u: [1.0 / y[0]], 1), [0.0], [1.0], [1.0])
    assert name == "" and math.isnan(rate)


@pytest.mark.parametrize("days", [[14], [7, 14]])
def test_a_patient_who_runs_out_of_steps_is_told_of_his_fastest_state(days):
    """Without target CL 1e6 L/h leaves CTOT at CL/VC; 4/MTT = 4e4/h; the others are solved, and have no word."""
    wild = {"CL": [7.66, 1e6, 7.66, 7.66], "R0": [0.324, 0.0, 0.324, 0.324], "MTT": [150.0, 150.0, 1e-4, 150.0]}
    made = unit((0,) * 4, wild, SOON | {"visits": {"days": days}})
    result = simulate_unit(made)
    assert result.status.tolist() == [Status.OK, Status.STEP_LIMIT, Status.STEP_LIMIT, Status.OK]
    assert result.fastest == {1: f"CTOT at {1e6 / PARAMETERS['VC']:.2g} /h", 2: "T1 at 4e+04 /h"}
    table = collect(made, result, people(4), np.arange(1, 5), np.full(4, "all"), {})["solves"]
    limit = REASON[Status.STEP_LIMIT]
    assert table["REASON"].to_pylist() == ["", f"{limit}: CTOT at 3.3e+04 /h", f"{limit}: T1 at 4e+04 /h", ""]


def test_the_rates_are_those_of_the_last_hour_that_was_reached():
    """Drug at hour 30 binds the target at KON C: 4e4/h at most, where KOFF alone is 100/h at the start."""
    model = replace(structure("tmdd_full"), method="taylor")
    made = unit((0,), {"KON": 100.0, "KDISS": 1.0}, SOON | {"solver": {"max_steps_per_day": 500}}, model)
    start = model.steady_state(made.p_on(np.zeros(1, dtype=np.int64)), np.ones((1, 2)))
    events = Events(np.array([[0.0, 30.0]]), np.array([[0.0, 30 * 400.0]]), np.array([[[5.0, 1.0]] * 2]))
    name, _, rate, _ = why_stuck(made, start, events, np.array([[0, 7]]), np.array([0]))[0].split()
    assert name == "R" and 5e3 < float(rate) < 4e4
