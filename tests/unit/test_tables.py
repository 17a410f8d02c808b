"""Schemas of the tables that depend on the study, and how many periods cover a day, against a walk through the days."""

import numpy as np
import pytest

from trial import tables
from trial.tables import doses_schema, events_schema, observations_schema, on_days, parameters_schema, patients_schema


def test_a_period_covers_its_days_but_not_the_day_after_it():
    found = on_days(np.array([0, 2, 2]), np.array([1, 0, 2]), np.array([3, 3, 9]), (3, 4))
    assert found.tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 2, 1]]


def test_periods_of_any_kind_are_those_of_a_walk_through_the_days():
    """Empty ones, ones that begin behind the last day, and many in one row."""
    rng = np.random.default_rng(4)
    row, first = rng.integers(0, 5, 60), rng.integers(0, 12, 60)
    after = first + rng.integers(0, 5, 60)
    slow = [[sum(r == k and a <= day < b for r, a, b in zip(row, first, after, strict=True)) for day in range(9)]
            for k in range(5)]  # fmt: skip
    assert on_days(row, first, after, (5, 9)).tolist() == slow and np.max(slow) > 2


def added(found, base):
    """Columns beyond those that every study has."""
    return [name for name in found.names if name not in base.names]


@pytest.mark.parametrize("asked", [False, True])
def test_columns_come_with_what_a_study_says(asked):
    assert added(doses_schema(asked), tables.DOSES) == [one.name for one in tables.INTERVALS] * asked
    assert added(observations_schema(asked), tables.OBSERVATIONS) == ["AHOUR"] * asked
    for k, names in enumerate((["MEALSH"], ["TAKENSH"], ["DTHFL", "DTHADY", "DTHCAUS"])):
        of = (asked and j == k for j in range(3))
        assert added(patients_schema(*of), tables.PATIENTS) == names * asked
    one = parameters_schema(("CL", "KA"), {"CL": "L/h"} if asked else {})
    assert added(one, tables.PARAMETERS) == ["CL", "KA"]
    assert one.field("CL").metadata[b"unit"].decode() == "L/h" * asked


@pytest.mark.parametrize(
    ("chemotherapy", "agents", "waits", "death", "said", "more"),
    [
        (False, False, False, False, None, []),
        (True, False, False, False, "RESCUE, DROPOUT or CHEMO", []),
        (False, True, False, True, "RESCUE, DROPOUT or DEATH", ["VOIDENDY"]),
        (True, False, True, True, "RESCUE, DROPOUT, DEATH or CHEMO", ["CHSHARE"]),
    ],
)
def test_the_label_of_events_names_those_that_there_are(chemotherapy, agents, waits, death, said, more):
    found = events_schema(chemotherapy, agents, waits, death)
    label = found.field("EVENT").metadata[b"label"].decode()
    assert label == (said or tables.EVENTS.field("EVENT").metadata[b"label"].decode())
    assert added(found, tables.EVENTS) == more
