"""Per-patient event tables and the statuses a solve can end with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Events:
    """What happens to each patient, in order: at ``time_h`` add ``amount`` to the dose state and set the inputs.

    time_h (n, E), non-decreasing in a row; inf marks events that do not exist. amount (n, E), in the unit of the dose
    state. inputs (n, E, U): the values of the structure's inputs from that time on. The first event of every patient
    must not be later than the patient's start time, because it sets the first inputs.
    """

    time_h: NDArray[np.float64]
    amount: NDArray[np.float64]
    inputs: NDArray[np.float64]


class Status(IntEnum):
    """How a patient's solve ended."""

    OK = 0
    STEP_LIMIT = 1
    NON_FINITE = 2
    NEGATIVE = 3
    OUTSIDE = 4


REASON = {
    Status.OK: "",
    Status.STEP_LIMIT: "more steps than allowed; the system may be stiff for these parameters",
    Status.NON_FINITE: "a state became infinite or not a number",
    Status.NEGATIVE: "a state fell below zero by more than the tolerance",
    Status.OUTSIDE: "a parameter of the patient is beyond the limits of the structure; not solved",
}
