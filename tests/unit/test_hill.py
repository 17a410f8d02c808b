"""The exponent of the drug: its slope at the half effect, and the same bits at 2 as before."""

from dataclasses import replace

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.gates import problems
from cohorts.parameters import Parameter
from cohorts.sets import parameter_set
from cohorts.variants import variants
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.models import TPO_MECHANISM, Days, tpo_mechanism
from trial.models.behaviour import structure_problems
from trial.models.tpo_mechanism import occupied
from trial.solver import Status, solve
from trial.study.load import load_study

SET = parameter_set("hetrombopag_itp_mei_2021")


def with_hill(value):
    hill = Parameter("HILL", value, "1", Source(THIS_ENGINE, "test"), "assumed", note="test")
    return replace(SET, parameters=(*SET.parameters, hill))


@pytest.mark.parametrize("hill", [1.0, 1.3, 1.5, 2.0])
def test_the_exponent_is_the_slope_at_the_half_effect(hill):
    """The odds are 1 at EC50 whatever the exponent; their slope in ln C is HILL there, towards 1 below and 2 above."""

    def log_odds(c):
        theta = occupied(c, 18.0, 1.0, hill)
        return np.log(theta / (1.0 - theta))

    def slope(c):
        return (log_odds(c * 1.001) - log_odds(c / 1.001)) / (2 * np.log(1.001))

    assert occupied(18.0, 18.0, 0.8, hill) == pytest.approx(0.4, rel=1e-14)
    assert slope(18.0) == pytest.approx(hill, rel=1e-5)
    assert slope(18e-6) == pytest.approx(1.0 if hill < 2 else 2.0, abs=1e-4)
    assert slope(18e3) == pytest.approx(2.0 if hill > 1 else 1.0, abs=5e-3)
    assert occupied(0.0, 18.0, 1.0, hill) == 0.0


def test_at_1_and_2_it_is_the_hill_equation():
    c = np.geomspace(0.01, 1000, 50)
    np.testing.assert_allclose(occupied(c, 18.0, 0.9, 1.0), 0.9 * c / (18.0 + c), rtol=1e-13)
    np.testing.assert_allclose(occupied(c, 18.0, 0.9, 2.0), 0.9 * c**2 / (18.0**2 + c**2), rtol=1e-13)


def solved(model, hill, times=(0.0, 24.0, 60.0, 120.0)):
    chosen = with_hill(hill)
    values = model.individual({p.name: np.array([p.value]) for p in chosen.parameters})
    p = np.stack([values[name] for name in model.parameters], axis=1)
    events = model.daily_events(p, Days.of(24.0 * np.arange(5)[None, :], 7.5))
    return solve(model, p, model.steady_state(p, events.inputs[:, 0]), events, np.array([times]))


def test_at_2_the_bits_are_those_of_the_square(monkeypatch):
    """Against the equations as they were, in the same Taylor steps."""
    now, status, steps = solved(TPO_MECHANISM, 2.0)
    monkeypatch.setattr(tpo_mechanism, "occupied", lambda c, ec50, eta, hill: eta * (c * c) / (ec50 * ec50 + c * c))
    before = replace(TPO_MECHANISM, id="as_it_was", rhs=lambda y, p, u: tpo_mechanism.rhs(y, p, u))
    old, _, old_steps = solved(before, 2.0)
    assert (now == old).all() and (steps == old_steps).all() and (status == Status.OK).all()


def test_a_set_may_leave_it_out_or_give_what_is_between_1_and_2():
    assert not structure_problems(SET) and not structure_problems(with_hill(1.2))
    said = ["HILL: value: seen 2.5; allowed: 1 to 2, the exponent of the drug (structure tpo_mechanism)"]
    assert structure_problems(with_hill(2.5)) == said
    assert problems(with_hill(0.9)) == ["HILL: value: seen 0.9; allowed: at least 1"]
    both = {v.factor: (v.value, v.limited) for v in variants(with_hill(1.5)) if v.assumed.name == "HILL"}
    assert both == {0.5: (1.0, "at least 1"), 1.5: (2.0, "at most 2")}


def test_the_tables_say_it_only_where_a_set_has_it():
    study = load_study("configs/smoke.yaml", ["patients=6", "replicates=1"])
    plain, mine = (simulate_replicates(study, range(1), chosen) for chosen in (SET, with_hill(1.5)))
    assert "HILL" not in plain["parameters"].column_names
    assert (unit_of(study, enrolment(study, 0, SET), SET).parameters["HILL"] == 2.0).all()
    assert not plain["observations"].equals(mine["observations"])
