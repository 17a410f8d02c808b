"""Tolerability proxies on hand-made patients."""

from __future__ import annotations

import pytest
from tiny_trial import SETTINGS, Patient, records

from analysis import endpoints
from analysis.endpoints import catalogue


@pytest.mark.parametrize(
    ("counts", "above_250", "above_400"),
    [([250.0], 0, 0), ([20.0, 251.0, 20.0], 1, 0), ([20.0] * 9 + [401.0], 1, 1), ([400.0], 1, 0)],
)
def test_high_counts_over_the_whole_period(counts: list[float], above_250: int, above_400: int) -> None:
    made = records(Patient(counts))
    values = [endpoints.evaluate(catalogue(56)[code], made, SETTINGS).value[0] for code in ("PLT250", "PLT400")]
    assert values == [above_250, above_400]


def test_no_count_after_baseline_is_not_evaluable() -> None:
    result = endpoints.evaluate(catalogue(56)["PLT250"], records(Patient([None])), SETTINGS)
    assert result.reason[0] == "no count after baseline"


@pytest.mark.parametrize(
    ("actions", "reduced", "interrupted"),
    [
        (("start", "increase"), 0, 0),
        (("start", "increase", "decrease"), 1, 0),
        (("start", "interrupt", "restart"), 0, 1),
        (("start", "decrease", "interrupt"), 1, 1),
    ],
)
def test_reductions_and_interruptions_are_counted_apart(
    actions: tuple[str, ...], reduced: int, interrupted: int
) -> None:
    made = records(Patient([20.0]), Patient([20.0], actions=actions))
    for code, expected in (("REDUCE", reduced), ("INTERRUPT", interrupted)):
        assert endpoints.evaluate(catalogue(56)[code], made, SETTINGS).value.tolist() == [0, expected]
