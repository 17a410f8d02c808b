"""What kind of file a YAML file is, by its keys: a study, a design, a goal or a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ENOUGH = 2
"""Keys of a kind by which a file is known as one, when it has none of the kind that is asked for."""


class FileKind(NamedTuple):
    """A kind of file: the keys that only it has, the command that reads it, an example."""

    name: str
    marks: frozenset[str]
    command: str
    example: str


KINDS = (
    FileKind(
        "a study",
        frozenset({"population", "visits", "dose_rules", "treatment_days", "screening", "analysis", "stages", "rescue",
                   "patients", "allocation", "randomisation", "schedule"}),
        "vtrial run", "configs/smoke.yaml",
    ),
    FileKind(
        "a design",
        frozenset({"sizes", "looks", "adapt", "accrual", "scenarios", "criteria", "pool", "assurance", "trials",
                   "margin"}),
        "vtrial design", "configs/designs/dose_selection.yaml",
    ),
    FileKind(
        "a goal",
        frozenset({"keys", "objectives", "limits", "points", "batch", "sampler", "confirm"}),
        "vtrial optimise", "configs/goals/hetrombopag_titration.yaml",
    ),
    FileKind(
        "a calibration",
        frozenset({"studies", "fitted", "targets", "profile"}),
        "vtrial calibrate", "configs/calibration/hetrombopag_itp_mei_2021.yaml",
    ),
)  # fmt: skip
OF_RECORD = {"Study": 0, "DesignPlan": 1, "Goal": 2, "Fit": 3}


def mistaken(data: Any, record: str) -> str:
    """What is to be said of a file whose data are another kind than the ``record`` (the name of its class) that is
    asked for; "" where they are not, or nobody knows.
    """
    if record not in OF_RECORD or not isinstance(data, Mapping):
        return ""
    asked = KINDS[OF_RECORD[record]]
    if asked.marks & set(data):
        return ""
    best = max(KINDS, key=lambda kind: len(kind.marks & set(data)))
    if len(best.marks & set(data)) < ENOUGH:
        return ""
    return f"this is {best.name}, which '{best.command}' reads; needed here: {asked.name}, as {asked.example}"
