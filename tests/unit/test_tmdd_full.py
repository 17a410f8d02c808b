"""Binding in full: its equations by hand, against scipy, and the quasi-steady state it tends to."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cohorts.sets import parameter_set
from trial.models import TMDD_LIFESPAN, Days, structure
from trial.models.behaviour import behaviour_problems, structure_problems
from trial.models.flows import flows
from trial.models.typical import course
from trial.models.wellformed import idle
from trial.solver import Status, method_of, solve

MODEL = structure("tmdd_full")
ROOT = Path(__file__).parents[2]
VALUES = {
    "CL": 3, "VC": 10, "Q": 1, "VP": 20, "LAG": 2, "KA1": 0.5, "TSWITCH": 6, "KA2": 0.75, "R0": 4, "KDEG_T": 0.5,
    "KDISS": 2, "KINT": 0.25, "KIN": 1.5, "BASE": 30, "MTT": 80, "EMAX": 8, "EC50": 6, "KON": 5,
}  # fmt: skip
P = np.array([[VALUES[name] for name in MODEL.parameters]], dtype=float)
STATE = [8, 2, 1, 3, 2.5, 40, 60, 50, 90, 20]
BY_HAND = [
    -4.0,  # -0.5 x 8
    -5.3,  # (4 - 4 x 2 + 1) / 10 - 5 (2 x 3 - 2 x 2.5)
    0.05,  # (2 - 1) / 20
    -4.5,  # 0.5 (4 - 3) - 5
    4.375,  # 5 - 0.25 x 2.5
    2.5,  # 1.5 (1 + 8 x 2/8) - 4/80 x 40
    -1.0,  # 0.05 (40 - 60)
    0.5,
    -2.0,
    3.0,  # 0.05 x 90 - 1.5/30 x 1.5 x 20
]
LIFESPAN = {
    "CL": 7.66, "VC": 30.0, "Q": 2.27, "VP": 142.0, "LAG": 1.47, "KA1": 0.3, "TSWITCH": 3.28, "KA2": 0.3,
    "R0": 5.0, "KDEG_T": 0.693, "KSS": 2.0, "KINT": 1.0, "KIN": 1.43, "BASE": 13.0, "MTT": 60.0, "EMAX": 9.0,
    "EC50": 3.0,
}  # fmt: skip
"""More target than drug at times: binding matters."""
HOURS = np.array([[0.0, *np.arange(3.0, 97.0, 3.0)]])


def test_each_derivative_by_hand():
    np.testing.assert_allclose(MODEL.rhs(STATE, P[0], [0.5, 1.5]), BY_HAND, rtol=1e-12)
    assert MODEL.outputs(STATE, P[0], [None, None]) == [2, 20]


def test_the_start_is_a_steady_state_and_the_days_are_those_of_the_lifespan_model():
    start = MODEL.steady_state(P, np.array([[0.75, 2.0]]))[0]
    np.testing.assert_allclose(MODEL.rhs(start, P[0], [0.75, 2.0]), 0.0, atol=1e-12)
    assert start.tolist() == [0, 0, 0, 4, 0, 30, 30, 30, 30, 15]
    events = MODEL.daily_events(P, Days.of([[48.0]], 5.0, bioavailability=0.8))
    assert (events.time_h.tolist(), events.amount.tolist()) == ([[48, 50, 54]], [[0, 4000, 0]])
    assert events.inputs[0, :, 0].tolist() == [0.75, 0.5, 0.75]


def test_drug_and_target_flow_into_the_complex_and_back():
    names = [s.name for s in MODEL.states]
    moves = {(names[a], names[b]) for a, b in flows(MODEL).flows}
    assert {("C", "RC"), ("R", "RC"), ("RC", "C"), ("RC", "R"), ("DEPOT", "C"), ("C", "CP"), ("CP", "C")} <= moves


def outputs_of(model, values, **options):
    """CONC and PLT (T, 2) of one patient on 5 mg a day."""
    p = np.array([[values[name] for name in model.parameters]])
    events = model.daily_events(p, Days.of(24.0 * np.arange(4.0)[None], 5.0))
    start = model.steady_state(p, events.inputs[:, 0])
    got, status, _ = solve(model, p, start, events, HOURS, outputs=True, rtol=1e-9, atol=1e-12, **options)
    assert status[0] == Status.OK
    return got[0]


def in_full(kon):
    """The same patient with KDISS + KINT / KON = KSS."""
    kdiss = LIFESPAN["KSS"] - LIFESPAN["KINT"] / kon
    return outputs_of(MODEL, LIFESPAN | {"KON": kon, "KDISS": kdiss})


def test_the_quasi_steady_state_is_the_limit_and_the_difference_falls_as_one_over_kon():
    """Gibiansky 2008: the complex follows within 1 / (KON (C + R) + KOFF + KINT)."""
    limit = outputs_of(TMDD_LIFESPAN, LIFESPAN)
    away = np.array([np.abs(in_full(kon) / limit - 1.0).max(axis=0) for kon in (1e2, 1e3, 1e4, 1e5)])
    assert (away[0] > [5e-4, 2e-5]).all() and (away[3] < [2e-6, 1e-7]).all()
    assert away[:-1] / away[1:] == pytest.approx(np.full((3, 2), 10.0), rel=0.15)


def test_the_rosenbrock_method_agrees_with_the_explicit_ones():
    assert method_of(MODEL) == "rosenbrock"
    values = LIFESPAN | {"KON": 100.0, "KDISS": 1.99}
    np.testing.assert_allclose(outputs_of(MODEL, values), outputs_of(MODEL, values, method="taylor"), rtol=1e-7)


@pytest.fixture
def full_binding(tmp_path):
    """The set of docs/solver.md, as a user would write it."""
    (text,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "solver.md").read_text(), flags=re.S)
    (tmp_path / "full_binding.py").write_text(text)
    return parameter_set(str(tmp_path / "full_binding.py"))


def test_the_set_of_the_documentation_passes_every_gate(full_binding):
    assert structure_problems(full_binding) == [] and behaviour_problems(full_binding) == []
    assert idle(full_binding, MODEL) == []
    assert full_binding.parameter("KON").status == full_binding.parameter("KDISS").status == "assumed"


@pytest.mark.parametrize(("name", "unit", "takes"), [("KON", "1/h", "mL/ng/h"), ("CL", "L/d", "L/h")])
def test_a_unit_that_the_equations_do_not_take_is_refused(full_binding, name, unit, takes):
    other = tuple(replace(p, unit=unit) if p.name == name else p for p in full_binding.parameters)
    said = structure_problems(replace(full_binding, parameters=other))
    assert set(said) == {f"{name}: unit: seen {unit!r}; structure tmdd_full takes {takes!r}"}


def test_what_the_quasi_steady_state_costs_in_the_published_trial(full_binding):
    """docs/solver.md: less than 1e-5 of the typical man's concentration and count, day by day."""
    full, limit = (course(chosen, 5.0, 28) for chosen in (full_binding, parameter_set("hetrombopag_wang_2022")))
    for name in ("CONC", "PLT"):
        assert full[name][1:] == pytest.approx(limit[name][1:], rel=1e-5)
