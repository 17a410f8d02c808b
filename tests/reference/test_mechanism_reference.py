"""The fast solver against scipy on tpo_mechanism: patients of every kind, drug, meals, chemotherapy, swings."""

import numpy as np
import pytest
from slow_solver import slow_solve

from cohorts.sets import parameter_set
from trial.models import Days, structure
from trial.solver import Status, method_of, solve

MODEL = structure("tpo_mechanism")
KINDS = ("hetrombopag_itp_mei_2021", "hetrombopag_healthy_zheng_2017", "eltrombopag_cit_winer_2015")
DOSE_MG = np.array([[15.0], [40.0], [100.0]])
DAYS = 4


def patients() -> np.ndarray:
    """(3, P): the typical patient of each set, derived parameters added."""
    sets = [parameter_set(name) for name in KINDS]
    values = [MODEL.individual({p.name: np.array([p.value]) for p in chosen.parameters}) for chosen in sets]
    return np.array([[one[name][0] for name in MODEL.parameters] for one in values])


@pytest.mark.parametrize("hill", [2.0, (1.0, 1.2, 1.6)])
def test_the_fast_solver_agrees_with_scipy(hill):
    """States and outputs within 1e-6 of the largest value of each state, across a meal before and after the dose; with
    smaller exponents of the drug too, whose solve begins at no drug as well.
    """
    p, shape = patients(), (len(KINDS), DAYS)
    p[:, MODEL.parameters.index("HILL")] = hill
    rng = np.random.default_rng(3)
    days = Days.of(
        np.broadcast_to(24.0 * np.arange(DAYS), shape),
        np.broadcast_to(DOSE_MG, shape),
        rng.uniform(0.5, 1.5, shape),
        np.exp(0.4 * rng.standard_normal(shape)),
        np.array([[0.0, 1.0, 0.0, 0.8]] * len(KINDS)),
        np.array([[np.inf, 0.0, 2.0, 0.3]] * len(KINDS)),
    )
    events = MODEL.daily_events(p, days)
    start = MODEL.steady_state(p, events.inputs[:, 0])
    times = np.tile([0.0, 3.0, 24.0, 26.5, 49.0, 72.0, 95.9], (len(KINDS), 1))
    fast, status, _ = solve(MODEL, p, start, events, times)
    slow = slow_solve(MODEL, p, start, events, times)
    assert method_of(MODEL) == "taylor" and (status == Status.OK).all()
    largest = np.abs(slow).max(axis=1, keepdims=True)
    assert (np.abs(fast - slow) <= 1e-6 * largest + 1e-9).all()
