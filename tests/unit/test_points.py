"""What a design point comes to beside its endpoints: the visits that patients come to."""

import numpy as np
from tiny_trial import Patient, records

from trial.app.points import visits_of


def test_visits_are_those_with_a_count_mean_per_patient_of_an_arm():
    """Ten visits are planned: one misses two, one comes to three; nobody is on placebo in replicate 1."""
    found = visits_of(
        records(
            Patient([60.0]),
            Patient([60.0, None, None, 60.0]),
            Patient([60.0], arm="placebo"),
            Patient([60.0, 60.0, 60.0, None], replicate=1),
        )
    )
    assert found.shape == (2, 2)
    assert found[0].tolist() == [9.0, 10.0]
    assert found[1, 0] == 3.0 and np.isnan(found[1, 1])
