"""Which parameter set stands for the same drug and population in another structure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

WEIGHTS_FILE = Path(__file__).parent / "sets" / "structure_weights.json"
"""Weights of both sets of a pair by that of the mechanism, the rows, trials and replicates behind, the date."""


@dataclass(frozen=True)
class StandIn:
    """Two sets of one drug in one population: of the mechanism, and of the empirical structure."""

    mechanism: str
    empirical: str
    note: str


STAND_INS = (
    StandIn("hetrombopag_itp_mei_2021", "hetrombopag_wang_2022", "both calibrated on phase III (Mei 2021)"),
    StandIn("eltrombopag_itp_yang_2016", "eltrombopag_itp_hayes_2011", "the empirical one matched to Clin Ther 2015"),
)


def other_set(set_id: str) -> str | None:
    """The set that stands for ``set_id`` in the other structure; None where there is none."""
    pairs = [(one.mechanism, one.empirical) for one in STAND_INS]
    return dict(pairs + [(b, a) for a, b in pairs]).get(set_id)


def weights_of(set_id: str) -> dict[str, float]:
    """Weights of a set and its stand-in, which add up to 1; equal where none were computed."""
    pair = _pair_of(set_id)
    found = _record_of(pair)
    return {name: float(found.get(name, 0.5)) for name in (pair.mechanism, pair.empirical)}


def behind_weights(set_id: str) -> tuple[int, int]:
    """The published rows, and the trials that they are of, behind the weights of a set and its stand-in."""
    found = _record_of(_pair_of(set_id))
    return int(found.get("rows", 0)), int(found.get("trials", 0))


def _pair_of(set_id: str) -> StandIn:
    for pair in STAND_INS:
        if set_id in (pair.mechanism, pair.empirical):
            return pair
    raise KeyError(set_id)


def _record_of(pair: StandIn) -> dict[str, float]:
    found: dict[str, float] = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8")).get(pair.mechanism, {})
    return found
