"""A user's own structure: fields of their type, no branch, a method that solves it, a word on what it ignores."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cohorts.parameters import RandomEffect
from cohorts.sets import parameter_set
from cohorts.variants import nothing_to_halve, variants
from trial.app.attempt import Done
from trial.app.loading import load_checked
from trial.cli import main
from trial.models import Limit, structure
from trial.models.behaviour import behaviour_problems, structure_problems
from trial.models.wellformed import field_problems, idle, method_problems, taken_without_effect
from trial.solver.graph import trace
from trial.solver.kernel import method_of
from trial.study.checks import cautions
from trial.study.load import load_study

CASES = Path(__file__).parents[1] / "faults" / "engine"
SET, MECHANISM = parameter_set("hetrombopag_wang_2022"), parameter_set("hetrombopag_itp_mei_2021")
TMDD, TPO = structure("tmdd_lifespan"), structure("tpo_mechanism")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": 5}, "title: seen 5; allowed: text"),
        ({"parameters": ["CL"]}, "parameters: seen ['CL']; allowed: a tuple of names"),
        ({"inputs": ("KA", "KA")}, "inputs: seen ('KA', 'KA'); allowed: each name once"),
        ({"states": ("DEPOT",)}, "states: seen ('DEPOT',); allowed: a tuple of trial.models.State"),
        ({"states": TMDD.states * 2}, "allowed: each name once"),
        ({"dose_state": 9}, "dose_state: seen 9; allowed: the place of a state, 0 to 8"),
        ({"dose_state": "DEPOT"}, "dose_state: seen 'DEPOT'; allowed: the place of a state"),
        ({"rhs": 5}, "rhs: seen 5; allowed: a function"),
        (
            {"method": "tailor"},
            "method: seen 'tailor'; allowed: exact, taylor, pair, rosenbrock, or None; did you mean taylor?",
        ),
        ({"method": "rosenbrok"}, "rosenbrock, or None; did you mean rosenbrock?"),
        ({"takes": ("meals",)}, "takes: seen 'meals'; allowed: kill, meal; did you mean meal?"),
        ({"limits": ("LAG",)}, "limits: seen ('LAG',); allowed: a tuple of trial.models.Limit"),
    ],
    ids=lambda x: str(x)[:40],
)
def test_a_field_that_is_not_of_its_type_is_named(change, words):
    found = field_problems(replace(TMDD, **change))
    assert any(line.startswith("structure tmdd_lifespan: ") and words in line for line in found), found


@pytest.mark.parametrize("model", [TMDD, TPO], ids=lambda m: m.id)
def test_the_structures_of_the_catalogue_are_well_formed(model):
    assert field_problems(model) == []


@pytest.mark.parametrize(
    "scale",
    [lambda p: 1.0 if p == 0 else 2.0, lambda p: 1.0 if p != 0 else 2.0, lambda p: 1.0 if p in (0, 1) else 2.0,
     lambda p: 1.0 if p in {0, 1} else 2.0, lambda p: {0: 1.0}.get(p, 2.0)],
)  # fmt: skip
def test_no_comparison_is_silently_false_while_the_equations_are_read(scale):
    with pytest.raises(TypeError, match="must not branch on a value"):
        trace(lambda y, p, u: [-scale(p[0]) * y[0]], 1, 1, 0)


def test_a_power_of_a_state_that_starts_at_0_is_solved_by_the_pair():
    """Engine/16: gamma 1.5 of a concentration that starts at 0 has no Taylor series; powers of 1 have one."""
    hill = parameter_set(str(CASES / "16_hill.py"))
    from trial.models import structure_of

    assert (method_of(structure_of(hill)), method_of(TPO), method_of(TMDD)) == ("pair", "taylor", "taylor")
    assert behaviour_problems(hill) == []


def test_a_limit_of_ones_own_is_asked_of_the_typical_values(monkeypatch):
    own = replace(TMDD, limits=(Limit("KA1: at most 0.05 /h", lambda p: p["KA1"] <= 0.05),))
    monkeypatch.setattr("trial.models.behaviour.structure_of", lambda chosen: own)
    found = structure_problems(SET)
    assert found == ["KA1: value: seen 0.0622; allowed: at most 0.05 /h (structure tmdd_lifespan)"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"LAG": 23.5, "TSWITCH": 23.5}, "LAG: value: seen 23.5; allowed: at most 23 h"),
        ({"TSWITCH": 24.0}, "TSWITCH: value: seen 24; allowed: at most 23.5 h"),
    ],
)
def test_a_lag_into_the_next_day_is_refused(values, words):
    assert any(words in line for line in structure_problems(SET.with_values(values)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"LAG": 23.5}, "LAG: value: seen 23.5; allowed: at most 23 h"),
        ({"ETA": 1.2}, "ETA: value: seen 1.2; allowed: at most 1"),
        ({"FP": 0.6}, "FP and FM: value: seen 0.6 and 0.49; allowed: together at most 1"),
        ({"DESTRUCTION": 0.5}, "DESTRUCTION: value: seen 0.5; allowed: 0 or 1"),
    ],
)
def test_values_the_mechanism_cannot_take_are_refused(values, words):
    assert any(words in line for line in structure_problems(MECHANISM.with_values(values)))


def test_a_switch_has_nothing_to_halve():
    """DESTRUCTION is 0 or 1: at a half and at one and a half every patient would be beyond the limit."""
    assert "DESTRUCTION" in nothing_to_halve(MECHANISM)
    assert "DESTRUCTION" not in {v.assumed.name for v in variants(MECHANISM)}
    for variant in variants(MECHANISM):
        values = {name: np.array([value]) for name, value in TPO.optional}
        values |= {p.name: np.array([p.value]) for p in variant.parameter_set.parameters}
        assert all(limit.holds(values)[0] for limit in TPO.limits), variant.assumed.name


def test_what_a_structure_does_not_read_or_takes_in_vain_is_said():
    late = parameter_set(str(CASES / "09_late_event.py"))
    from trial.models import structure_of

    assert idle(late, structure_of(late)) == ["LAG", "TSWITCH", "KA2"]
    assert taken_without_effect(SET, replace(TMDD, takes=("kill",))) == ["kill"]
    assert taken_without_effect(MECHANISM, TPO) == []
    healthy = parameter_set("hetrombopag_healthy_zheng_2017")
    assert idle(healthy, TPO) == ["GPROD"], "nothing destroys platelets: production follows from the count"
    said = [text for _, text in cautions(load_study(CASES / "study.yaml", [f"parameter_set={CASES}/09_late_event.py"]))]
    assert any("LAG, TSWITCH, KA2: changes nothing in a study" in text for text in said)


@pytest.mark.parametrize(
    ("name", "refused"), [("BASE", True), ("DESTRUCTION", True), ("LAG", False), ("GPROD", False), ("MEAL_KD", False)]
)
def test_an_occasion_effect_on_what_is_read_once_is_refused(name, refused):
    """The mechanism reads BASE and DESTRUCTION only to find what destroys the platelets of a patient."""
    weekly = RandomEffect(name, 0.1, "test", MECHANISM.parameters[0].source, "assumed", "occasion")
    chosen = replace(MECHANISM, random_effects=(*MECHANISM.random_effects, weekly))
    found = list(method_problems(chosen, TPO))
    wanted = f"variance of {name} between occasions: changes nothing: {name} is read once, when a patient is drawn"
    assert found == ([wanted] if refused else [])


def test_a_method_the_equations_do_not_allow():
    (line,) = method_problems(SET, replace(TMDD, id="other", method="exact"))
    assert line == "structure other: method: seen 'exact'; allowed: taylor (the equations are not linear)"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("14_base_ignored.json", "BASE: seen 50; changes nothing in a study"),
        ("hetrombopag_healthy_zheng_2017", "20 of 20 patients of the first replicate lie outside the validity domain"),
        ("hetrombopag_wang_2022", ""),
    ],
)
def test_check_says_what_has_no_effect_and_who_a_set_was_not_built_for(name, words):
    where = CASES / name if name.endswith(".json") else name
    overrides = ["patients=20", f"parameter_set={where}"]
    found = load_checked(CASES / "study.yaml", overrides).warnings
    assert any(words in line for line in found) if words else found == ()


def test_check_says_that_assumed_numbers_are_moved_by_parameter_uncertainty():
    """Yang 2016 marks the variance of EC50 assumed; its error is that of the calibration it was taken from."""
    overrides = ["parameter_set=eltrombopag_itp_yang_2016", "parameter_uncertainty=true"]
    said = [text for path, text in cautions(load_study(CASES / "study.yaml", overrides))]
    assert any("assumed in this set" in text and text.split("come from: ")[-1] == "OMEGA_EC50" for text in said)


@pytest.mark.parametrize(("failed", "many"), [(10, False), (11, True), (153, True), (0, False)])
def test_above_5_percent_no_rate_is_shown_without_the_failures(failed, many):
    done = Done([], SimpleNamespace(), 200, failed)
    assert done.many_failed == many


def test_an_event_of_no_amount_at_the_visit_is_not_kept():
    from trial.engine.dosing import joined, later
    from trial.solver import Events

    events = Events(
        np.array([[0.0, 24.0, 24.0, 30.0, np.inf]]), np.array([[1.0, 0.0, 2.0, 3.0, 4.0]]), np.ones((1, 5, 1))
    )
    kept = later(events, np.array([24.0]))
    assert kept.time_h.tolist() == [[24.0, 30.0]] and kept.amount.tolist() == [[2.0, 3.0]]
    fresh = Events(np.array([[24.0, 26.0]]), np.array([[5.0, 6.0]]), np.zeros((1, 2, 1)))
    assert joined(kept, fresh).amount.tolist() == [[2.0, 5.0, 6.0, 3.0]]
    assert joined(later(events, np.array([np.inf])), fresh) is fresh


@pytest.mark.slow
def test_a_run_in_which_many_fail_says_so_first_and_with_every_table(capsys, tmp_path):
    """Ten steps a day are too few for an error of 1e-12: all fail."""
    asked = ["patients=4", "solver.max_steps_per_day=10", "solver.rtol=1e-12", "solver.atol=1e-14"]
    sets = [part for text in asked for part in ("--set", text)]
    code = main(["run", str(CASES / "study.yaml"), *sets, "--workers", "1", "--out", str(tmp_path / "x")])
    out = capsys.readouterr().out.splitlines()
    assert code == 3 and out[0] == "4 of 4 patients failed: every result below is of the other 0 alone"
    assert any(line.strip() == "4 of 4 patients failed" for line in out[1:])
    page = (tmp_path / "x" / "report.html").read_text()
    told, summary = page.index('class="lead lost"'), page.index("This report describes")
    tables = len(re.findall(r'<section class="item" id="[tf]-14-', page)) - 1
    assert told < summary and page.count('<p class="lost">') >= tables > 3
