"""Every field of a structure of the wrong type, and what moves nothing, on a structure whose parts are plain."""

from dataclasses import replace

import numpy as np
import pytest
from test_solver_door import toy
from test_structure_gates import HERE, TMDD

from cohorts.parameters import Parameter, RandomEffect
from trial.models import State
from trial.models.wellformed import field_problems, idle, method_problems, taken_without_effect
from trial.solver import Events
from trial.solver.structure import Limit

LINEAR = toy(lambda y, p, u: [-p[0] * y[0], p[0] * y[0] - 2.0 * y[1]], 2, 2)
CURVED = toy(lambda y, p, u: [-p[0] * y[0] * y[0]], 1)


def quiet_days(p, days):
    """One event a patient that does nothing."""
    return Events(np.zeros((len(p), 1)), np.zeros((len(p), 1)), np.zeros((len(p), 1, 0)))


def given(**values):
    parameters = tuple(Parameter(name, value, "1", HERE, "assumed", note="x") for name, value in values.items())
    return replace(TMDD, parameters=parameters, random_effects=(), covariate_effects=(), correlations=(), classes=())


def test_what_is_well_formed():
    assert field_problems(LINEAR) == []
    assert field_problems(replace(LINEAR, dose_state=1, method="taylor", takes=("kill", "meal"))) == []
    assert field_problems(replace(LINEAR, derived=(State("K", "1", ""),), limits=(Limit("x", bool),))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": 5}, "title: seen 5; allowed: text"),
        ({"parameters": ["P0"]}, "parameters: seen ['P0']; allowed: a tuple of names"),
        ({"reads": "CL"}, "reads: seen 'CL'; allowed: a tuple of names"),
        ({"inputs": (1,)}, "inputs: seen (1,); allowed: a tuple of names"),
        ({"output_names": ("A", "A")}, "output_names: seen ('A', 'A'); allowed: each name once"),
        ({"derived": ("K",)}, "derived: seen ('K',); allowed: a tuple of trial.models.State"),
        ({"limits": [1]}, "limits: seen [1]; allowed: a tuple of trial.models.Limit"),
        ({"states": (State("A", "1", ""), State("A", "1", ""))}, "states: seen A, A; allowed: each name once"),
        ({"rhs": 3}, "rhs: seen 3; allowed: a function"),
        ({"dose_state": 2}, "dose_state: seen 2; allowed: the place of a state, 0 to 1"),
        ({"dose_state": -1}, "dose_state: seen -1; allowed: the place of a state, 0 to 1"),
        ({"dose_state": True}, "dose_state: seen True; allowed: the place of a state, 0 to 1"),
        ({"method": "exakt"}, "method: seen 'exakt'; allowed: exact, taylor, pair, rosenbrock, or None; did you mean "
         "exact?"),
        ({"takes": ("meals",)}, "takes: seen 'meals'; allowed: kill, meal; did you mean meal?"),
        ({"id": "x" * 50, "title": "y" * 50, "rhs": "z" * 50}, f"rhs: seen '{'z' * 36}...; allowed: a function"),
        ({"rhs": ("z" * 80,)}, f"rhs: seen ('{'z' * 35}...; allowed: a function"),
    ],
)  # fmt: skip
def test_fields_of_the_wrong_type(change, said):
    (found,) = field_problems(replace(LINEAR, **change))
    assert found == f"structure {change.get('id', 'toy')}: {said}"


def test_states_that_are_no_tuple_have_no_place():
    assert field_problems(replace(LINEAR, states=None)) == [
        "structure toy: states: seen nothing; allowed: a tuple of trial.models.State",
        "structure toy: dose_state: seen 0; allowed: the place of a state, 0 to -1",
    ]


def test_a_change_of_a_billionth_is_none():
    def moved(by):
        return replace(
            LINEAR, takes=("kill",),
            daily_events=lambda p, d: Events(d.start_h, d.dose_mg * (1.0 + by * d.kill), d.dose_mg[..., None]),
        )  # fmt: skip

    chosen = given(P0=1.0, P1=1.0)
    assert taken_without_effect(chosen, moved(0.98e-9)) == ["kill"]
    assert taken_without_effect(chosen, moved(1.02e-9)) == []


def test_exact_is_for_linear_equations_only():
    chosen = given(P0=1.0)
    assert list(method_problems(chosen, replace(CURVED, method="exact"))) == [
        "structure toy: method: seen 'exact'; allowed: taylor (the equations are not linear)"
    ]
    stiff = (replace(model, method="rosenbrock") for model in (LINEAR, CURVED))
    for model in (replace(LINEAR, method="exact"), replace(CURVED, method="pair"), CURVED, *stiff):
        assert list(method_problems(chosen, model)) == []


def test_what_is_read_once_does_not_vary_between_occasions():
    effects = tuple(RandomEffect(n, 0.1, "1", HERE, "assumed", level="occasion", note="x") for n in ("P0", "BOTH", "R"))
    model = replace(LINEAR, parameters=("P0", "BOTH"), reads=("BOTH", "R"), daily_events=quiet_days)
    found = list(method_problems(replace(given(P0=1.0, BOTH=1.0, R=1.0), random_effects=effects), model))
    assert found == [
        f"variance of {name} between occasions: changes nothing: {name} is read once, when a patient is drawn"
        for name in ("BOTH", "R")
    ]


def test_parameters_that_move_nothing():
    """P0 is in the equations, R in the individual value of P0, P1, Z and N (which is 0) are not."""
    model = replace(
        toy(lambda y, p, u: [-p[0] * y[0]], 1, 2),
        reads=("R", "Z"),
        individual=lambda q: {"P0": q["P0"] * q["R"], "P1": q["P1"]},
        daily_events=quiet_days,
    )
    assert idle(given(P0=1.0, P1=1.0, R=2.0, Z=3.0, OTHER=1.0), model) == ["P1", "Z"]
    assert idle(given(P0=1.0, P1=0.0, R=2.0, Z=-3.0), model) == []


def test_a_parameter_that_acts_on_days_of_chemotherapy_or_of_a_meal_alone_moves_something():
    def events(p, days):
        amount = days.dose_mg + p[:, 1:2] * days.kill + p[:, 2:3] * np.minimum(days.meal_h, 24.0)
        return Events(days.start_h, amount, np.zeros((len(p), 2, 0)))

    model = replace(toy(lambda y, p, u: [-p[0] * y[0]], 1, 4), takes=("kill", "meal"), daily_events=events)
    assert idle(given(P0=1.0, P1=1.0, P2=1.0, P3=1.0), model) == ["P3"]


def test_a_parameter_of_an_output_moves_something():
    model = replace(
        toy(lambda y, p, u: [-p[0] * y[0]], 1, 3),
        output_names=("A",),
        outputs=lambda y, p, u: [p[1] * y[0]],
        daily_events=quiet_days,
    )
    assert idle(given(P0=1.0, P1=2.0, P2=3.0), model) == ["P2"]


def test_a_parameter_of_the_start_or_of_the_events_moves_something():
    model = toy(lambda y, p, u: [-y[0]], 1, 3)
    started = replace(model, steady_state=lambda p, u: p[:, :1])
    dosed = replace(model, daily_events=lambda p, days: Events(days.start_h, days.dose_mg * p[:, 1:2], p[:, None, 2:]))
    chosen = given(P0=1.0, P1=1.0, P2=1.0)
    quiet = replace(model, daily_events=quiet_days)
    assert idle(chosen, replace(quiet, steady_state=started.steady_state)) == ["P1", "P2"]
    assert idle(chosen, dosed) == ["P0"]


def test_what_is_taken_without_effect():
    """A kill of a day is an input here; a meal is not."""

    def events(p, days):
        return Events(days.start_h, days.dose_mg, days.kill[..., None])

    model = replace(LINEAR, takes=("kill", "meal"), daily_events=events)
    assert taken_without_effect(given(P0=1.0, P1=1.0), model) == ["meal"]
    bound = replace(
        model, daily_events=lambda p, d: Events(d.start_h, np.minimum(d.meal_h, 5.0) * d.dose_mg, d.dose_mg[..., None])
    )
    assert taken_without_effect(given(P0=1.0, P1=1.0), bound) == ["kill"]


def test_the_days_a_structure_is_tried_on():
    """A dose of 5 mg on the first of two days; with chemotherapy or a meal an hour later on both. The start has the
    inputs of the first event.
    """
    seen, started = [], []

    def events(p, days):
        seen.append(days)
        return Events(days.start_h, days.dose_mg, np.array([[[7.0], [8.0]]]))

    def start(p, inputs):
        started.append(inputs.tolist())
        return np.zeros((1, 2))

    model = replace(LINEAR, takes=("kill", "meal"), daily_events=events, steady_state=start)
    assert taken_without_effect(given(P0=1.0, P1=1.0), model) == ["kill", "meal"]
    for days in seen:
        assert days.start_h.tolist() == [[0, 24]] and days.dose_mg.tolist() == [[5, 0]]
    none, full = [[0, 0]], [[1, 1]]
    assert [days.kill.tolist() for days in seen] == [none, full, none, none]
    assert [days.meal_h.tolist() for days in seen] == [[[np.inf] * 2]] * 3 + [full]
    assert started == [[[7.0]]] * 4
