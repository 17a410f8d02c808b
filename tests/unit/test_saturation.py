"""Saturable destruction: the count without drug holds, steady loss in closed form, one balance, and off to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from cohorts.citations import THIS_ENGINE, Source
from cohorts.gates import problems
from cohorts.parameters import Parameter
from cohorts.sets import parameter_set
from cohorts.variants import variants
from trial.jobs.work import simulate_replicates
from trial.models import TPO_MECHANISM, Days, tpo_mechanism
from trial.models.behaviour import structure_problems
from trial.models.tpo_mechanism import NEVER
from trial.solver import Status, solve
from trial.study.load import load_study

SET = parameter_set("hetrombopag_itp_mei_2021")
PLT = slice(-5, None)


def with_psat(value):
    psat = Parameter("PSAT", value, "10^9/L", Source(THIS_ENGINE, "test"), "assumed", note="test")
    return replace(SET, parameters=(*SET.parameters, psat))


def people(**values):
    """Parameters of patients (n, P): those of the set, and ``values`` as arrays of one length or numbers."""
    n = max(np.size(v) for v in values.values())
    given = {p.name: p.value for p in SET.parameters} | values
    known = TPO_MECHANISM.individual({name: np.full(n, v, dtype=float) for name, v in given.items()})
    return known, np.stack([known[name] for name in TPO_MECHANISM.parameters], axis=1)


def solved(p, days, dose=0.0, model=TPO_MECHANISM, scaled=1.0, times=None):
    """States (n, times, states) from the drug-free start, its platelets ``scaled``."""
    events = model.daily_events(p, Days.of(np.tile(24.0 * np.arange(days), (len(p), 1)), dose))
    start = model.steady_state(p, events.inputs[:, 0])
    start[:, PLT] *= scaled
    at = np.tile([0.0, 24.0 * days] if times is None else times, (len(p), 1))
    states, status, steps = solve(model, p, start, events, at, rtol=1e-10, atol=1e-12)
    assert (status == Status.OK).all()
    return states, steps


@pytest.mark.parametrize("psat", [10.0, 50.0])
def test_without_drug_the_count_stays_for_70_days(psat):
    """Also where production is low, and where nothing is destroyed."""
    base, low = np.array([4.0, 13.0, 30.0, 60.0]), np.array([1.0, 0.4, 1.0, 0.4])
    _, p = people(BASE=base, GPROD=low, PSAT=psat)
    np.testing.assert_allclose(solved(p, 70)[0][:, -1, PLT].sum(axis=1), base, rtol=1e-9)
    _, p = people(BASE=np.array([150.0, 230.0]), DESTRUCTION=0.0, PSAT=psat)
    np.testing.assert_allclose(solved(p, 70)[0][:, -1, PLT].sum(axis=1), [150.0, 230.0], rtol=1e-9)


def test_the_steady_loss_is_that_of_michaelis_and_menten():
    """Birth is what ages out of the last class and Vmax P / (P + PSAT), Vmax = KAB PSAT."""
    known, p = people(BASE=np.array([13.0, 20.0]), PSAT=40.0)
    p[:, TPO_MECHANISM.parameters.index("GPROD")] *= 2.0  # more than that of the balance: another steady count
    y = solved(p, 300)[0][:, -1]
    name = {s.name: k for k, s in enumerate(TPO_MECHANISM.states)}
    platelets, q = y[:, PLT].sum(axis=1), known
    born = q["P0"] / q["LS"] * y[:, name["M4"]] * y[:, name["AKT"]] ** q["W_AKT"]
    vmax = q["KAB"] * q["PSAT"]
    assert (np.abs(np.log(platelets / q["BASE"])) > 0.3).all()
    lost = 5.0 / q["LS"] * y[:, name["P5"]] + vmax * platelets / (platelets + q["PSAT"])
    np.testing.assert_allclose(born, lost, rtol=1e-8)


def test_from_far_above_and_below_the_count_comes_back():
    """The loss rises with the count, so that there is no other balance and the patient's own is stable."""
    base = np.array([5.0, 13.0, 30.0])
    _, p = people(BASE=base, PSAT=10.0)
    for scaled in (0.1, 20.0):
        np.testing.assert_allclose(solved(p, 200, scaled=scaled)[0][:, -1, PLT].sum(axis=1), base, rtol=1e-6)


def test_a_set_without_it_has_the_bits_of_no_saturation(monkeypatch):
    """Against the equations without the term, on drug; and near them where PSAT is large."""
    _, p = people(BASE=np.array([13.0, 25.0]))
    times = [0.0, 24.0, 60.0, 240.0, 480.0]
    now, steps = solved(p, 20, 7.5, times=times)
    assert (p[:, TPO_MECHANISM.parameters.index("PSAT")] == NEVER).all()
    _, large = people(BASE=np.array([13.0, 25.0]), PSAT=1e13)
    np.testing.assert_allclose(solved(large, 20, 7.5, times=times)[0], now, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(tpo_mechanism, "saturation", lambda psat, platelets: 0.0)
    before = replace(TPO_MECHANISM, id="as_it_was", rhs=lambda y, p, u: tpo_mechanism.rhs(y, p, u))
    old, old_steps = solved(p, 20, 7.5, before, times=times)
    assert (now == old).all() and (steps == old_steps).all()


def test_on_drug_counts_rise_further_the_earlier_it_saturates():
    _, p = people(PSAT=np.array([NEVER, 200.0, 50.0, 20.0]))
    counts = solved(p, 28, 5.0)[0][:, -1, PLT].sum(axis=1)
    assert (np.diff(counts) > 0).all()


def test_a_set_may_leave_it_out_or_give_a_count():
    assert not structure_problems(with_psat(50.0)) and not problems(with_psat(50.0))
    assert problems(with_psat(0.0)) == ["PSAT: value: seen 0; allowed: more than 0"]
    both = {v.factor: v.value for v in variants(with_psat(50.0)) if v.assumed.name == "PSAT"}
    assert both == {0.5: 25.0, 1.5: 75.0}
    study = load_study("configs/smoke.yaml", ["patients=6", "replicates=1"])
    plain, mine = (simulate_replicates(study, range(1), chosen) for chosen in (SET, with_psat(50.0)))
    assert "PSAT" not in plain["parameters"].column_names
    assert not plain["observations"].equals(mine["observations"])
