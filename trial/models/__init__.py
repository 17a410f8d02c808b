"""Structures: equations without numbers. One structure per file; this module holds the contract and the tuple of
all.
"""

from trial.models.contract import Days, State, Structure
from trial.models.tmdd_lifespan import TMDD_LIFESPAN
from trial.models.tpo_mechanism import TPO_MECHANISM

STRUCTURES: tuple[Structure, ...] = (TMDD_LIFESPAN, TPO_MECHANISM)


def structure(structure_id: str) -> Structure:
    """The structure of that id; KeyError names the known ones."""
    for candidate in STRUCTURES:
        if candidate.id == structure_id:
            return candidate
    raise KeyError(f"no structure {structure_id!r}; known: {[s.id for s in STRUCTURES]}")


__all__ = ["STRUCTURES", "Days", "State", "Structure", "structure"]
