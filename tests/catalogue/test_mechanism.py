"""What tpo_mechanism must do: its drug-free balance, each arm, disease, chemotherapy, meals, and known biology.

Expected values come from closed forms, from the printed results of the studies named, or from the slow solver.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.endpoints.nca import auc
from cohorts.sets import parameter_set
from trial.models import Days, structure
from trial.models.tpo_balance import signals
from trial.models.tpo_mechanism import INPUTS, PARAMETERS, arm, individual
from trial.solver import Status, solve

MODEL = structure("tpo_mechanism")
STATES = [s.name for s in MODEL.states]
ITP = parameter_set("hetrombopag_itp_mei_2021")
HEALTHY = parameter_set("hetrombopag_healthy_zheng_2017")
AGES = [f"P{k}" for k in range(1, 6)]


def person(chosen=ITP, **values: float) -> dict[str, np.ndarray]:
    """A typical patient with some parameters of his own, derived ones added, (1,) each."""
    given_ = {p.name: np.array([float(values.get(p.name, p.value))]) for p in chosen.parameters}
    return individual(given_)


def vector(q: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([q[name] for name in PARAMETERS], axis=1)


def rest(q: dict[str, np.ndarray], loss: float = 1.0) -> dict[str, float]:
    """The drug-free steady state by name."""
    return dict(zip(STATES, MODEL.steady_state(vector(q), inputs(q, loss))[0], strict=True))


def inputs(q: dict[str, np.ndarray], loss: float = 1.0, kill: float = 0.0) -> np.ndarray:
    return np.array([[q["KD"][0], 0.0, loss, kill]])


def course(q: dict[str, np.ndarray], dose_mg, days: int, start=None, **said) -> dict[str, np.ndarray]:
    """Every state and output at the end of each day, the start first."""
    p = vector(q)
    doses = np.zeros((1, days))
    doses[0, : np.size(dose_mg)] = dose_mg
    events = MODEL.daily_events(p, Days.of(24.0 * np.arange(days)[None, :], doses, **said))
    begin = MODEL.steady_state(p, inputs(q)) if start is None else start
    states, status, _ = solve(MODEL, p, begin, events, 24.0 * np.arange(days + 1.0)[None, :])
    assert status[0] == Status.OK
    y = np.concatenate([begin, states[0]])
    named = MODEL.outputs(y.T, p.T, [None] * len(INPUTS))
    return dict(zip(STATES, y.T, strict=True)) | {
        k: np.asarray(v) for k, v in zip(MODEL.output_names, named, strict=True)
    }


def test_health_is_one_everywhere():
    """At the normal count nothing is destroyed, production and every signal are 1, TPO is normal."""
    q = person(HEALTHY)
    at_rest = rest(q)
    assert q["KAB"][0] == 0.0 and q["GPROD"][0] == pytest.approx(1.0, rel=1e-9)
    assert at_rest["TPO"] == pytest.approx(1.4, rel=1e-9)
    assert [at_rest[name] for name in ("JS", "ERK", "AKT", "S", "PR", "M1", "M4")] == pytest.approx([1.0] * 7, rel=1e-9)
    assert sum(at_rest[name] for name in AGES) == pytest.approx(230.0, rel=1e-9)
    assert [at_rest[name] for name in AGES] == pytest.approx([46.0] * 5, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(
    base=st.floats(1.0, 60.0),
    low=st.floats(0.2, 1.0),
    kappa=st.floats(5.0, 100.0),
    fp=st.floats(0.1, 0.6),
    a50=st.floats(0.3, 10.0),
    gain=st.floats(0.1, 20.0),
    destruction=st.sampled_from([0.0, 1.0]),
)
def test_the_derived_disease_gives_the_patients_count_and_rest(base, low, kappa, fp, a50, gain, destruction):
    """Whatever the parameters: the count without drug is BASE, and every derivative there is zero."""
    q = person(BASE=base, GPROD=low, KAPPA=kappa, FP=fp, FM=0.99 - fp, A50_ERK=a50, G_JS=gain, DESTRUCTION=destruction)
    at_rest = rest(q)
    assert sum(at_rest[name] for name in AGES) == pytest.approx(base, rel=1e-9)
    rates = MODEL.rhs(list(at_rest.values()), [q[name][0] for name in PARAMETERS], list(inputs(q)[0]))
    assert np.abs(np.array(rates) / np.maximum(np.abs(list(at_rest.values())), 1e-12)).max() < 1e-9


def test_a_count_beyond_the_given_production_is_explained_by_production():
    q = person(BASE=400.0, GPROD=0.4)
    assert q["KAB"][0] == 0.0 and q["GPROD"][0] > 1.0
    assert sum(rest(q)[name] for name in AGES) == pytest.approx(400.0, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(tpo=st.floats(0.05, 200.0), a50=st.floats(0.1, 20.0), gain=st.floats(0.05, 50.0), activity=st.floats(0.05, 1.0))
def test_the_balance_and_the_equations_use_the_same_arm(tpo, a50, gain, activity):
    """The formula stands twice, for arrays and for nodes; x (1 + G x) = ACT theta / (A50 + theta) at the plateau."""
    q = person(A50_JS=a50, G_JS=gain, ACT_JS=activity)
    theta, theta_0 = tpo / (q["KAPPA"][0] * 1.4 + tpo), 1.0 / (1.0 + q["KAPPA"][0])
    ratio = float(arm(theta, theta_0, a50, gain, activity))
    assert signals(q, np.array([tpo]))["JS"][0] == pytest.approx(ratio, rel=1e-12)

    def plateau(seen: float, act: float) -> float:
        return float(max(np.roots([gain, 1.0, -act * seen / (a50 + seen)])))

    assert ratio == pytest.approx(plateau(theta, activity) / plateau(theta_0, 1.0), rel=1e-9)


def test_tpo_rises_when_platelets_fall():
    levels = [rest(person(BASE=count))["TPO"] for count in (100.0, 50.0, 13.0, 3.0)]
    assert levels == sorted(levels) and levels[0] > 1.4
    healthy = person(HEALTHY)
    start = MODEL.steady_state(vector(healthy), inputs(healthy))
    destroyed = course(healthy | {"KAB": np.array([0.1])}, 0.0, 10, start=start)
    assert destroyed["PLT"][-1] < 100.0 and destroyed["TPO"][-1] > destroyed["TPO"][0] * 1.2


@pytest.mark.parametrize(
    ("lamed", "signal", "falls", "untouched"),
    [("ACT_JS", "JS", "PR", "S"), ("ACT_ERK", "ERK", "M3", "M1"), ("ACT_AKT", "AKT", "P1", "M4")],
)
def test_lame_arms_move_what_lies_downstream_of_them(lamed, signal, falls, untouched):
    """An arm at 2 % of its activity: its own signal and the cells it drives fall, those upstream do not (two days)."""
    q = person()
    seen = course(q | {lamed: np.array([0.02])}, 0.0, 2, start=MODEL.steady_state(vector(q), inputs(q)))
    assert seen[signal][-1] < 0.1 * seen[signal][0]
    assert seen[falls][-1] < 0.9 * seen[falls][0]
    assert seen[untouched][-1] >= seen[untouched][0] * (1.0 - 1e-3)
    others = {"JS", "ERK", "AKT"} - {signal}
    assert all(seen[name][-1] >= seen[name][0] * (1.0 - 1e-6) for name in others)


def test_mass_balance_of_the_drug():
    """Without elimination and without target what was given is in the depots and the compartments."""
    q = person(CL=1e-12, R0=0.0)
    seen = course(q, 5.0, 3)
    held = seen["D1"] + seen["D2"] + q["VC"][0] * seen["CTOT"] + q["VP"][0] * seen["CP"]
    assert held[1:] == pytest.approx(5000.0 * np.ones(3), rel=1e-6)


def test_platelets_balance_birth_age_and_destruction():
    q = person()
    at_rest = rest(q)
    born = q["P0"][0] / q["LS"][0] * at_rest["M4"] * at_rest["AKT"] ** q["W_AKT"][0]
    aged = 5.0 / q["LS"][0] * at_rest["P5"]
    assert born == pytest.approx(aged + q["KAB"][0] * sum(at_rest[name] for name in AGES), rel=1e-9)


def test_splenectomy_means_faster_destruction_at_the_same_count():
    """Without the spleen, which pools 33 % (Shimizu 2021), destruction is 1.3 times as fast (Petrov 2024)."""
    with_, without = (person(P0=230.0 * factor)["KAB"][0] for factor in (1.0, 1.0 / 0.67))
    assert 1.2 < without / with_ < 1.7


def test_chemotherapy_empties_the_marrow_and_lets_it_recover():
    q = person(HEALTHY)
    kill = np.zeros((1, 80))
    kill[0, 0] = 1.0
    seen = course(q, 0.0, 80, kill=kill)
    assert seen["S"][1] == pytest.approx(1.0 / (1.0 + np.expm1(q["KS"][0])), rel=0.15)
    assert 7 <= int(seen["PLT"].argmin()) <= 18 and seen["PLT"].min() < 150.0
    assert seen["TPO"].max() > 1.5 * seen["TPO"][0]
    assert seen["PLT"][-1] == pytest.approx(230.0, rel=0.1)


def test_a_wild_draw_touches_nobody_else():
    """A patient whose numbers are not numbers, or absurd, gets what he gets; the others keep every bit."""
    tame = {p.name: np.full(3, p.value) for p in ITP.parameters}
    wild = {name: values.copy() for name, values in tame.items()}
    for name, value in (("KAPPA", np.nan), ("BASE", np.inf), ("MMT", 1e300)):
        wild[name][1] = value
    with np.errstate(all="ignore"):
        first, second = individual(tame), individual(wild)
    for name in first:
        assert first[name][[0, 2]].tobytes() == second[name][[0, 2]].tobytes(), name
    assert not np.isfinite(second["KAB"][1] + second["GPROD"][1])


# -- biology that no calibration saw; the shares and times were chosen by hand with these ranges in view


def test_tpo_in_itp_and_in_aplasia():
    """ITP 1.3 to 2.3 times normal, hypoproliferation 13 to 29 times (five assays). A patient with low production beside
    the destruction lies above the range (2.7); the mixture of 58 and 42 % inside it."""
    destroyed, both = (rest(person(BASE=13.0, GPROD=g))["TPO"] / 1.4 for g in (1.0, 0.4))
    assert 1.3 <= destroyed <= 2.3
    assert 1.3 <= 0.58 * destroyed + 0.42 * both <= 2.3 < both < 3.0
    aplastic = [rest(person(HEALTHY) | {"GPROD": np.array([g])})["TPO"] / 1.4 for g in (0.005, 0.01)]
    assert all(13.0 <= ratio <= 29.0 for ratio in aplastic)


def test_two_weeks_of_drug_in_health():
    """Tuned to a rise of 80 % (EC50 to 0.2 %): the peak falls on day 14 to 18.5, TPO falls to 0.4 to 0.65 of normal."""
    low, high = 10.0, 3000.0
    for _ in range(12):
        middle = float(np.sqrt(low * high))
        above = course(person(HEALTHY, EC50=middle), [5.0] * 14, 30)["PLT"].max() > 1.8 * 230.0
        low, high = (middle, high) if above else (low, middle)
    seen = course(person(HEALTHY, EC50=low), [5.0] * 14, 30)
    assert 14 <= int(seen["PLT"].argmax()) <= 18.5
    assert 0.4 <= seen["TPO"].min() / seen["TPO"][0] <= 0.65


def test_a_short_course_in_health_is_over_by_day_27():
    seen = course(person(HEALTHY), [7.5] * 5, 30)
    assert 0.8 <= seen["PLT"][27] / seen["PLT"][0] <= 1.1


@pytest.mark.parametrize("production", [1.0, 0.4])
def test_most_of_the_plateau_in_itp_is_there_by_week_2(production):
    """70 to 80 % in Chinese patients on eltrombopag (Clin Ther 2015), read with 10 points of tolerance above."""
    seen = course(person(GPROD=production), [5.0] * 70, 70)["PLT"]
    assert 0.7 <= (seen[14] - seen[0]) / (seen[-1] - seen[0]) <= 0.9


# -- meals


def exposure_ratio(meal_h: float) -> tuple[float, float]:
    """AUC and Cmax of 7.5 mg with a meal at that hour, as shares of those without."""
    q = person(HEALTHY)
    hours = np.concatenate([np.arange(0, 24, 0.25), np.arange(24, 169, 1.0)])

    def profile(meal: float) -> np.ndarray:
        p = vector(q)
        days = Days.of(24.0 * np.arange(8)[None, :], [[7.5, *[0.0] * 7]], meal_h=[[meal, *[np.inf] * 7]])
        begin = MODEL.steady_state(p, inputs(q))
        values, _, _ = solve(MODEL, p, begin, MODEL.daily_events(p, days), hours[None, :], outputs=True)
        return np.append(0.0, values[0, :, 0])

    fed, fasted = profile(meal_h), profile(np.inf)
    return float(auc(hours, fed) / auc(hours, fasted)), float(fed.max() / fasted.max())


@pytest.mark.parametrize(("meal_h", "area", "peak"), [(1.0, 0.254, 0.44), (2.0, 0.39, 0.56)])
def test_a_meal_after_the_dose(meal_h, area, peak):
    """Yang 2020: AUC -74.6 and -61 %, Cmax -56 and -44 %; within 10 points. Matched, not predicted."""
    seen = exposure_ratio(meal_h)
    assert seen[0] == pytest.approx(area, abs=0.10) and seen[1] == pytest.approx(peak, abs=0.10)


def test_a_meal_with_the_dose():
    """Food study 2020: AUC -98.7 %, Cmax -95.0 %."""
    area, peak = exposure_ratio(0.0)
    assert area <= 0.03 and peak <= 0.10


def test_the_later_the_meal_the_less_it_takes():
    areas = [exposure_ratio(h)[0] for h in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)]
    assert areas == sorted(areas) and areas[-1] > 0.9


def test_healthy_volunteers_need_more_drug_for_the_same_effect():
    """The half-effect in health is matched to a count after one dose (Yang 2020); that in ITP is fitted to a trial."""
    assert HEALTHY.value("EC50") > 1.5 * ITP.value("EC50")
