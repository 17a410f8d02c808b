"""What a parameter set is refused for in its structure: one thing wrong at a time."""

from dataclasses import replace

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.own import SetError
from cohorts.parameters import Parameter, PatientClass
from cohorts.sets import parameter_set
from trial.models import TMDD_LIFESPAN, structure, structure_of
from trial.models.behaviour import (
    _beyond_limits,
    _direction,
    _drift,
    _underived,
    _unmoved,
    behaviour_problems,
    structure_problems,
)
from trial.models.typical import concentrations, course
from trial.solver.structure import Limit

TMDD, MECHANISM = parameter_set("hetrombopag_wang_2022"), parameter_set("hetrombopag_itp_mei_2021")
HERE = Source(THIS_ENGINE, "test")


def without(chosen, *names):
    parameters = tuple(p for p in chosen.parameters if p.name not in names)
    effects = tuple(e for e in chosen.random_effects if e.parameter not in names)
    return replace(chosen, parameters=parameters, random_effects=effects, correlations=(), uncertainty=())


def more(chosen, name, unit="1"):
    return replace(chosen, parameters=(*chosen.parameters, Parameter(name, 1.0, unit, HERE, "assumed", note="x")))


@pytest.mark.parametrize("chosen", [TMDD, MECHANISM], ids=lambda s: s.id)
def test_the_sets_of_the_catalogue_fit(chosen):
    assert structure_problems(chosen) == []


def test_what_is_not_given_or_too_much():
    assert structure_problems(without(TMDD, "KIN")) == ["KIN: not given; structure tmdd_lifespan needs it"]
    assert structure_problems(without(MECHANISM, "DESTRUCTION")) == [
        "DESTRUCTION: not given; structure tpo_mechanism needs it"
    ]
    assert structure_problems(more(TMDD, "ZZZ")) == [
        "ZZZ: neither structure tmdd_lifespan nor the trial around it reads it"
    ]
    assert structure_problems(more(MECHANISM, "KAB", "1/h")) == ["KAB: given, but structure tpo_mechanism derives it"]
    read = replace(more(TMDD, "ZZZ"), classes=(*TMDD.classes, PatientClass("z", "NONRESP", "KIN", "ZZZ")))
    assert structure_problems(read) == []


def test_units_are_those_of_its_siblings():
    other = tuple(replace(p, unit="L/d") if p.name == "CL" else p for p in TMDD.parameters)
    assert set(structure_problems(replace(TMDD, parameters=other))) == {
        "CL: unit: seen 'L/d'; structure tmdd_lifespan takes 'L/h'"
    }


def test_a_structure_that_does_not_exist():
    (said,) = structure_problems(replace(TMDD, structure="tmdd"))
    assert said.startswith("structure: no structure 'tmdd'; known: ['tmdd_lifespan', 'tpo_mechanism', 'tmdd_full']")
    with pytest.raises(KeyError, match="known"):
        structure("x")
    assert structure_of(TMDD) is TMDD_LIFESPAN


def test_rest_without_drug_to_a_millionth():
    """From 100 at most 1e-4 away, from 0 at most 1e-9."""
    for values in ([100, 100.00009], [100, 99.99991], [0, 0.9e-9], [0, 1e-9]):
        assert not list(_drift({"X": np.array(values)})), values
    for values in ([100, 100.00011], [0, 1.05e-9], [-1, -1.0001]):
        assert len(list(_drift({"X": np.array(values)}))) == 1, values
    (said,) = _drift({"X": np.array([1.0, 5.0, 2.0])})
    assert said.startswith("X: moves without drug, from 1 to 2 in 2 days")
    assert len(list(_drift({"X": np.array([1.0, np.nan])}))) == 1


@pytest.mark.parametrize(("counts", "good"), [((1, 2, 3), 1), ((1, 1, 3), 0), ((1, 2, 2), 0), ((3, 2, 1), 0)])
def test_platelets_rise_with_the_dose(counts, good):
    found = list(_direction(*({"PLT": np.array([9.0, c])} for c in counts), 2.5, 40.0))
    assert (found == []) == bool(good)


def test_the_typical_man_takes_his_doses_on_their_days():
    """No drug before the first dose, nor between the last sample and a later dose; one on day 2 is not one on day 0."""
    early, late = (concentrations(TMDD, 5.0, days, [10.0, 58.0]) for days in ([0], [2]))
    assert early[0] > 0 and late[0] == 0
    assert late[1] == pytest.approx(early[0], rel=1e-6)
    assert concentrations(TMDD, 5.0, [0, 5], [10.0, 58.0]) == pytest.approx(early, rel=1e-6)
    assert concentrations(TMDD, 5.0, [0], [10.0]) == pytest.approx(early[:1], rel=1e-6)


def test_the_course_of_the_typical_man():
    """Hours 0, 12 ... to the end of the last day; on 2 of 4 days a dose; his count is BASE."""
    some, all_ = course(TMDD, 5.0, 4, 2, 12.0), course(TMDD, 5.0, 4, None, 12.0)
    assert len(some["PLT"]) == 9 and some["PLT"][0] == pytest.approx(TMDD.value("BASE"))
    assert some["CONC"][:5] == pytest.approx(all_["CONC"][:5], rel=1e-9) and some["CONC"][-1] < all_["CONC"][-1]
    assert len(course(TMDD, 5.0, 4)["PLT"]) == 5 and len(course(TMDD, 5.0, 1, every_h=1.0)["PLT"]) == 25
    later = concentrations(TMDD, 5.0, [0, 1], [12.0, 24, 36, 48, 60, 72, 84, 96])
    assert some["CONC"][1:] == pytest.approx(later, rel=1e-4) and len(course(TMDD, 5.0, 2, every_h=1.0)["PLT"]) == 49


def with_change(relative):
    """Every state and output at 1 without drug, and moved by so much on it."""
    names = [*(s.name for s in TMDD_LIFESPAN.states), *TMDD_LIFESPAN.output_names]
    none = {name: np.array([1.0, 1.0, 1.0]) for name in names}
    return none, {name: np.array([1.0, 1.0 - relative, 1.0]) for name in names}


@pytest.mark.parametrize(("relative", "moved"), [(1.05e-4, True), (0.95e-4, False)])
def test_a_dose_moves_what_lies_downstream_by_a_ten_thousandth(relative, moved):
    """All nine states of the chain and both outputs, once each."""
    found = list(_unmoved(TMDD, *with_change(relative), 2.5))
    assert len(found) == (0 if moved else 10), found
    assert moved or found[0].endswith(": 2.5 mg a day do not move it, though it lies downstream of the dose")


def test_a_change_is_held_against_the_largest_value_with_or_without_drug():
    none, little = with_change(0.0)
    big = {name: values * np.array([1.0, 1.0, 1000.0]) for name, values in little.items()}
    assert not list(_unmoved(TMDD, none, big, 2.5)) and not list(_unmoved(TMDD, big, none, 2.5))


def test_the_typical_man_is_looked_at_for_seventy_days(monkeypatch):
    asked = []

    def seen(chosen, dose, days):
        asked.append((dose, days))
        return {"PLT": np.array([9.0, 9.0 if dose == 0 else 8.0])}

    monkeypatch.setattr("trial.models.behaviour.course", seen)
    monkeypatch.setattr("trial.models.behaviour._unmoved", lambda *_: [])
    (said,) = behaviour_problems(TMDD)
    low, high = TMDD.validity.dose_low_mg, TMDD.validity.dose_high_mg
    assert asked == [(0.0, 70), (low, 70), (high, 70)]
    assert said == f"PLT: seen 9, 8, 8 x 10^9/L after 70 days of 0, {low:g} and {high:g} mg; it must rise with the dose"
    monkeypatch.setattr("trial.models.behaviour.course", lambda *_: 1 / 0)
    assert behaviour_problems(TMDD) == [
        "structure tmdd_lifespan: cannot be solved: ZeroDivisionError: division by zero"
    ]


def limited(says, holds):
    return replace(TMDD_LIFESPAN, limits=(Limit(says, holds),))


def test_typical_values_the_equations_cannot_take():
    """CL is 7.66 and VC 30."""
    refused = limited("CL and VC: CL above VC", lambda q: q["CL"] > q["VC"])
    assert list(_beyond_limits(TMDD, refused)) == [
        "CL and VC: value: seen 7.66 and 30; allowed: CL above VC (structure tmdd_lifespan)"
    ]
    assert list(_beyond_limits(TMDD, limited("CL: above 7", lambda q: q["CL"] > 7.0))) == []
    (said,) = _beyond_limits(TMDD, limited("ZZ: above 7", lambda q: q["ZZ"] > 7.0))
    assert said == "structure tmdd_lifespan: limit 'ZZ: above 7' cannot be read: KeyError: 'ZZ'"


def test_what_a_structure_derives_it_computes():
    forgets = replace(TMDD_LIFESPAN, individual=lambda q: {n: v for n, v in q.items() if n not in ("CL", "KIN")})
    assert list(_underived(TMDD, forgets)) == [
        f"{name}: derived by structure tmdd_lifespan, but not computed" for name in ("CL", "KIN")
    ]
    (said,) = _underived(TMDD, replace(TMDD_LIFESPAN, individual=lambda q: q["ZZ"]))
    assert said == "structure tmdd_lifespan: derived parameters cannot be computed: KeyError: 'ZZ'"
    assert list(_underived(TMDD, TMDD_LIFESPAN)) == []


def test_outputs_every_structure_has_and_equations_that_can_be_read(monkeypatch):
    def problems_of(**changes):
        monkeypatch.setattr("trial.models.behaviour.structure_of", lambda _: replace(TMDD_LIFESPAN, **changes))
        return structure_problems(TMDD)

    assert problems_of(output_names=("CTOT", "PLT")) == [
        "structure tmdd_lifespan: output CONC: not given; every structure needs it"
    ]
    (said,) = problems_of(rhs=lambda y, p, u: y[99])
    assert said.startswith("structure tmdd_lifespan: its equations cannot be read: IndexError: ")
    assert problems_of(title=5) == ["structure tmdd_lifespan: title: seen 5; allowed: text"]


def test_what_cannot_be_solved_names_the_way_out_only_where_there_is_one(monkeypatch):
    def fails(error):
        def course(*_):
            raise error

        monkeypatch.setattr("trial.models.behaviour.course", course)
        return behaviour_problems(TMDD)

    way_out = " (method='pair' may solve what has no series where it starts)"
    start = "structure tmdd_lifespan: cannot be solved: RuntimeError: "
    assert fails(RuntimeError("x: NON_FINITE\nmore")) == [f"{start}x: NON_FINITE{way_out}"]
    assert fails(RuntimeError("x: STEP_LIMIT\nNON_FINITE")) == [
        f"{start}x: STEP_LIMIT (method='rosenbrock' is for rates far above those that are to be seen)"
    ]
    assert fails(RuntimeError("x: NEGATIVE")) == [f"{start}x: NEGATIVE"]
    assert fails(RuntimeError()) == [start]
    with pytest.raises(SetError):
        fails(SetError("x"))
