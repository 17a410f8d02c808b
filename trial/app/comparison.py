"""Two finished runs of one study side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.evidence import comparison as pure
from analysis.evidence.comparison import Difference, Side
from trial.app.door import opened
from trial.errors import Refused
from trial.study.fingerprint import fingerprint


@dataclass(frozen=True)
class Comparison:
    """The two runs, every difference, and what to be careful about ("" when nothing)."""

    sides: tuple[Side, Side]
    rows: Sequence[Difference]
    caution: str


def compare_runs(run_a: Path, run_b: Path) -> Comparison:
    """Raises Refused unless both folders hold finished runs with the same arms and endpoints."""
    a, b = (pure.read_side(run.folder, run.study) for run in (opened(run_a), opened(run_b)))
    found = pure.problems(a, b)
    if found:
        raise Refused("\n".join(f"compare: {line}" for line in found))
    return Comparison((a, b), pure.compared(a.estimates, b.estimates), _caution(a, b))


def _caution(a: Side, b: Side) -> str:
    """When the runs are of different designs, what differs may be the design."""
    one, other = (fingerprint(side.study) for side in (a, b))
    return (
        "" if one == other else f"the designs differ ({one}, {other}): not only the parameters may make the difference"
    )
