"""Two finished runs side by side."""

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
    """The two runs, every difference, whether replicates are paired, and what to know first: what is left out of the
    comparison, and that more than the parameters may make the difference.
    """

    sides: tuple[Side, Side]
    rows: Sequence[Difference]
    paired: bool
    cautions: tuple[str, ...]


def compare_runs(run_a: Path, run_b: Path) -> Comparison:
    """Raises Refused unless both folders hold finished runs with an arm and an endpoint in common."""
    a, b = (pure.read_side(run.folder, run.study) for run in (opened(run_a), opened(run_b)))
    rows, cautions = pure.compared(a, b), (*pure.left_out(a, b), *_caution(a, b))
    if not rows:
        raise Refused("\n".join(f"compare: {line}" for line in ("the runs have nothing in common", *cautions)))
    return Comparison((a, b), rows, pure.paired(a, b), cautions)


def _caution(a: Side, b: Side) -> list[str]:
    """When the runs are of different designs, what differs may be the design."""
    one, other = (fingerprint(side.study) for side in (a, b))
    said = f"the designs differ ({one}, {other}): not only the parameters may make the difference"
    return [said] * (one != other)
