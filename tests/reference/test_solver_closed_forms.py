"""The solver against closed forms of the structure's limits."""

import math

import numpy as np
import pytest
from solver_cases import TMDD, TYPICAL, daily, parameters, same_times, steady

from trial.solver import solve
from trial.solver.structure import Array

STATE = {state.name: i for i, state in enumerate(TMDD.states)}
METHODS = ("taylor", "pair", "rosenbrock")
LINEAR = {"R0": 0.0, "Q": 0.0, "EMAX": 0.0, "KA1": 0.5, "KA2": 0.5}


def bateman(t: Array, dose_ug: float, ka: float, ke: float, volume: float) -> Array:
    """Concentration after one oral dose in one compartment (Bateman 1910); zero before."""
    t = np.maximum(t, 0.0)
    return dose_ug * ka / (volume * (ka - ke)) * (np.exp(-ke * t) - np.exp(-ka * t))


@pytest.mark.parametrize("method", METHODS)
def test_without_target_and_periphery_doses_superpose(method: str) -> None:
    p = parameters(1, **LINEAR)
    hours = np.array([0.0, 2.0, 7.5, 24.0, 30.0, 48.0, 73.0, 96.0])
    states, _, _ = solve(TMDD, p, steady(p), daily(p, 4, 5.0), hours[None], method=method)
    entered = [24.0 * day + TYPICAL["LAG"] for day in range(4)]
    ke = TYPICAL["CL"] / TYPICAL["VC"]
    expected = sum(bateman(hours[1:] - t, 5000.0, 0.5, ke, TYPICAL["VC"]) for t in entered)
    np.testing.assert_allclose(states[0, :, STATE["CTOT"]], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_depot_empties_at_two_rates(method: str) -> None:
    """exp(-KA1 (TSWITCH - LAG)) until the switch, then exp(-KA2 t)."""
    p = parameters(1, KA1=0.9, KA2=0.1)
    states, _, _ = solve(TMDD, p, steady(p), daily(p, 1, 5.0), same_times(1, 0.0, 2.0, 20.0), method=method)
    lag, switch = TYPICAL["LAG"], TYPICAL["TSWITCH"]
    expected = [
        5000.0 * math.exp(-0.9 * (2.0 - lag)),
        5000.0 * math.exp(-0.9 * (switch - lag) - 0.1 * (20.0 - switch)),
    ]
    np.testing.assert_allclose(states[0, :, STATE["DEPOT"]], expected, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_transit_chain_is_a_gamma_response(method: str) -> None:
    """An excess A in the first transit compartment is A (k t)^(i - 1) / (i - 1)! exp(-k t) in the i-th."""
    p = parameters(1)
    hours = np.array([0.0, 5.0, 24.0, 100.0, 300.0])
    start = steady(p)
    excess, k = 17.0, 4.0 / TYPICAL["MTT"]
    disturbed = start.copy()
    disturbed[0, STATE["T1"]] += excess
    states, _, _ = solve(TMDD, p, disturbed, daily(p, 1, 0.0), hours[None], method=method)
    for i in range(4):
        expected = excess * (k * hours[1:]) ** i / math.factorial(i) * np.exp(-k * hours[1:])
        chain = states[0, :, STATE["T1"] + i]
        np.testing.assert_allclose(chain, start[0, STATE["T1"] + i] + expected, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_platelets_follow_a_new_loss_factor_exponentially(method: str) -> None:
    p = parameters(1)
    hours = np.array([0.0, 3.0, 10.0, 24.0])
    states, _, _ = solve(TMDD, p, steady(p), daily(p, 1, 0.0, loss_factor=1.6), hours[None], method=method)
    base, rate = TYPICAL["BASE"], 1.6 * TYPICAL["KIN"] / TYPICAL["BASE"]
    expected = base / 1.6 + (base - base / 1.6) * np.exp(-rate * hours[1:])
    np.testing.assert_allclose(states[0, :, STATE["PLT"]], expected, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_drug_free_steady_state_is_kept(method: str) -> None:
    """Ten weeks without drug, to the tolerance: an explicit method's step grows until rounding shows."""
    p = parameters(20)
    states, _, _ = solve(TMDD, p, steady(p), daily(p, 70, 0.0), same_times(20, 0.0, 840.0, 1680.0), method=method)
    np.testing.assert_allclose(states, np.repeat(steady(p)[:, None], 2, axis=1), rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_drug_leaves_by_clearance_alone_in_the_linear_limit(method: str) -> None:
    """Mass balance: dose = CL times the area under the concentration, by Simpson's rule on quarter hours."""
    p = parameters(1, **LINEAR)
    hours = np.arange(0.0, 168.0 + 0.25, 0.25)
    states, _, _ = solve(TMDD, p, steady(p), daily(p, 1, 5.0), hours[None], rtol=1e-9, method=method)
    c = np.concatenate([[0.0], states[0, :, STATE["CTOT"]]])
    area = 0.25 / 3 * (c[0] + 4 * c[1:-1:2].sum() + 2 * c[2:-1:2].sum() + c[-1])
    assert math.isclose(TYPICAL["CL"] * area, 5000.0, rel_tol=1e-3)
