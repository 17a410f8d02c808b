"""Step for step: how many steps each method takes on small problems, and where it lands, to the twelfth digit.

The values were written down once and are held against closed forms and scipy by the other tests. What chooses a step
leaves its trace in both numbers: tolerated errors are a hundred thousand times larger than the digits held here.
"""

import numpy as np
import pytest
from test_solver_door import DECAY, GROWTH, table, toy
from test_solver_methods import CHAIN, FEEDBACK, ORAL, SWITCH

from cohorts.sets import parameter_set
from trial.models import Days, structure
from trial.solver import Events, Status, solve

POWERS = toy(lambda y, p, u: [p[0] * y[1] ** p[1] - np.exp(-y[0]), np.log(1.0 + y[0]) - np.sqrt(y[1]) * u[0]], 2, 2)
STIFF = toy(lambda y, p, u: [-p[0] * (y[0] - y[1] * y[1]), 1.0 - y[1]], 2)
OSCILLATES = toy(lambda y, p, u: [p[0] * (y[1] - 50.0), p[0] * (50.0 - y[0]) + 1e-9 * y[0] * y[1]], 2)
DOSED = table([(0.0, 3.0, 0.7), (5.0, 4.0, 0.2), (5.0, 1.0, 0.9), (17.3, 0.5, 0.1)])
HOURS = [0.0, 0.0, 0.3, 5.0, 6.0, 20.0, 48.0]
CASES = {
    "decay exact": (DECAY, [0.31], [2.0], "exact"), "decay taylor": (DECAY, [0.31], [2.0], "taylor"),
    "decay pair": (DECAY, [0.31], [2.0], "pair"), "oral exact": (ORAL, [0.7, 0.11], [0.0, 1.0], "exact"),
    "oral taylor": (ORAL, [0.7, 0.11], [0.0, 1.0], "taylor"), "oral pair": (ORAL, [0.7, 0.11], [0.0, 0.0], "pair"),
    "chain exact": (CHAIN, [0.3], [1.0, 0, 0, 0, 0, 2.0], "exact"), "chain pair": (CHAIN, [0.3], [0.0] * 6, "pair"),
    "feedback taylor": (FEEDBACK, [0.2], [0.0, 1.0], "taylor"), "feedback pair": (FEEDBACK, [0.2], [4.0, 1.0], "pair"),
    "powers taylor": (POWERS, [0.4, 0.35], [1.0, 2.0], "taylor"),
    "powers pair": (POWERS, [0.4, 0.35], [1.0, 2.0], "pair"),
    "switch pair": (SWITCH, [0.2], [4.0, 1.0], "pair"), "stiff taylor": (STIFF, [30.0], [0.5, 3.0], "taylor"),
    "stiff pair": (STIFF, [30.0], [0.5, 3.0], "pair"), "swings taylor": (OSCILLATES, [1.0], [50.0, 60.0], "taylor"),
    "swings pair": (OSCILLATES, [1.0], [50.0, 60.0], "pair"), "decay in one pair": (DECAY, [3.0], [1e-7], "pair"),
    "decay rosenbrock": (DECAY, [0.31], [2.0], "rosenbrock"),
    "oral rosenbrock": (ORAL, [0.7, 0.11], [0.0, 1.0], "rosenbrock"),
    "feedback rosenbrock": (FEEDBACK, [0.2], [0.0, 1.0], "rosenbrock"),
    "powers rosenbrock": (POWERS, [0.4, 0.35], [1.0, 2.0], "rosenbrock"),
    "switch rosenbrock": (SWITCH, [0.2], [4.0, 1.0], "rosenbrock"),
    "stiff rosenbrock": (STIFF, [30.0], [0.5, 3.0], "rosenbrock"),
    "swings rosenbrock": (OSCILLATES, [1.0], [50.0, 60.0], "rosenbrock"),
    "decay in one rosenbrock": (DECAY, [3.0], [1e-7], "rosenbrock"),
}  # fmt: skip
WRITTEN = {
    "decay exact": (6, 21.990978322084544),
    "decay taylor": (17, 21.990978350795174),
    "decay pair": (62, 21.990978510899293),
    "oral exact": (6, 26.028656635112533),
    "oral taylor": (34, 26.028656633260752),
    "oral pair": (135, 21.705564410816713),
    "chain exact": (6, 74.05896520141629),
    "chain pair": (114, 55.3092893866449),
    "feedback taylor": (18, 48.710162619256266),
    "feedback pair": (53, 60.197530942801436),
    "powers taylor": (16, 494.07830168274995),
    "powers pair": (32, 494.07828858153084),
    "switch pair": (67, 215.911892658657),
    "stiff taylor": (175, 28.810656434249534),
    "stiff pair": (547, 28.810657830238135),
    "swings taylor": (50, 965.5160451852975),
    "swings pair": (160, 965.5161858843585),
    "decay in one pair": (156, 2.580288481166729),
    "decay rosenbrock": (36, 21.990978386642162),
    "oral rosenbrock": (76, 26.02865663145814),
    "feedback rosenbrock": (39, 48.71016276426937),
    "powers rosenbrock": (26, 494.0782513770497),
    "switch rosenbrock": (57, 215.90971239555404),
    "stiff rosenbrock": (119, 28.810656251452322),
    "swings rosenbrock": (106, 965.5161323035195),
    "decay in one rosenbrock": (82, 2.5802884323363697),
    "tmdd_lifespan taylor": (68, 116.96646993487899),
    "tmdd_lifespan pair": (167, 116.96646975609092),
    "tmdd_lifespan rosenbrock": (88, 116.96646884351154),
    "tpo_mechanism rosenbrock": (256, 150.847146246088),
    "tpo_mechanism taylor": (101, 150.84714777428823),
    "tpo_mechanism pair": (402, 150.84714837777472),
}


OF_04 = {
    "tpo_mechanism": {"EC50": 17.872, "KAPPA": 42.748, "MMT": 153.05},
    "tmdd_lifespan": {"EC50": 45.818, "EMAX": 20.579, "MTT": 144.22},
}
"""What a calibration has moved since the values were written down."""


def weighed(states):
    """One number of all states at all times, so that none can change alone."""
    return float(np.sum(states * (1.0 + 0.1 * np.arange(states.size).reshape(states.shape))))


def solved(name, **options):
    model, p, y, method = CASES[name]
    return solve(model, np.array([p]), np.array([y], dtype=float), DOSED, np.array([HOURS]), method=method, **options)


@pytest.mark.parametrize("name", CASES)
def test_steps_and_values(name):
    states, status, steps = solved(name)
    count, value = WRITTEN[name]
    assert status[0] == Status.OK and steps[0] == count
    assert weighed(states) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("method", "count"), [("taylor", 103), ("pair", 1892), ("rosenbrock", 3594)])
def test_growth_without_end_fails_after_so_many_steps(method, count):
    """y' = y^2 from 1 is infinite at 1: the last value before, and the steps that were tried."""
    states, status, steps = solve(GROWTH, [[1.0]], [[1.0]], table([(0, 0, 0)]), [[0.0, 0.9, 2.0]], method=method)
    assert status[0] in (Status.NON_FINITE, Status.STEP_LIMIT) and steps[0] == count
    assert states[0, 0, 0] == pytest.approx(10.0, rel=1e-5) and np.isnan(states[0, 1, 0])


@pytest.mark.parametrize(
    "name",
    [f"{name} {method}" for name in ("tmdd_lifespan", "tpo_mechanism") for method in ("taylor", "pair", "rosenbrock")],
)
def test_both_structures_over_three_days(name):
    model, method = structure(name.split()[0]), name.split()[1]
    chosen = parameter_set("hetrombopag_wang_2022" if "tmdd" in name else "hetrombopag_itp_mei_2021")
    values = {p.name: p.value for p in chosen.parameters} | OF_04[name.split()[0]]
    q = model.individual({name: np.array([value]) for name, value in values.items()})
    p = np.array([[q[n][0] for n in model.parameters]])
    events: Events = model.daily_events(p, Days.of(24.0 * np.arange(3.0)[None], 5.0, meal_h=4.0, loss_factor=1.2))
    start = model.steady_state(p, events.inputs[:, 0])
    values, status, steps = solve(model, p, start, events, [[0.0, 3.0, 30.0, 72.0]], method=method, outputs=True)
    count, value = WRITTEN[name]
    assert status[0] == Status.OK and steps[0] == count
    assert weighed(values) == pytest.approx(value, rel=1e-12)
