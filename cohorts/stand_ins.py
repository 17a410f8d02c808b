"""Which parameter set stands for the same drug and population in another structure."""

from __future__ import annotations

from dataclasses import dataclass


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
