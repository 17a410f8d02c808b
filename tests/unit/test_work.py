"""Counts of screening of work units that begin with the first patient of a replicate, and of others."""

from types import SimpleNamespace

import numpy as np

from trial.jobs.work import _screening


def part(replicate, first):
    cohort = SimpleNamespace(draws=SimpleNamespace(replicate=np.full(2, replicate)), screened={"enrolled": 5, "age": 3})
    return SimpleNamespace(cohort=cohort, subject=np.array([first, first + 1]))


def test_screening_is_counted_once_a_replicate():
    found = _screening([part(0, 1), part(0, 3), part(2, 1)])
    assert found["IREP"].to_pylist() == [0, 0, 2, 2] and found["N"].to_pylist() == [5, 3, 5, 3]
    assert _screening([part(0, 3)]).num_rows == 0
