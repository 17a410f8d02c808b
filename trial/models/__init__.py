"""Structures: equations without numbers. One structure per file; this module holds the contract and the tuple of
all.
"""

from pathlib import Path

from cohorts.own import SetError, module
from cohorts.parameters import ParameterSet
from trial.models.tmdd_full import TMDD_FULL
from trial.models.tmdd_lifespan import TMDD_LIFESPAN
from trial.models.tpo_mechanism import TPO_MECHANISM
from trial.solver.structure import Days, Limit, State, Structure

STRUCTURES: tuple[Structure, ...] = (TMDD_LIFESPAN, TPO_MECHANISM, TMDD_FULL)


def structure(structure_id: str) -> Structure:
    """The structure of that id; KeyError names the known ones."""
    for candidate in STRUCTURES:
        if candidate.id == structure_id:
            return candidate
    raise KeyError(f"no structure {structure_id!r}; known: {[s.id for s in STRUCTURES]}")


def structure_of(parameters: ParameterSet) -> Structure:
    """The structure of a parameter set: STRUCTURE of the user's own file where it has that id, else of the catalogue.

    KeyError names the known ones; SetError when STRUCTURE is something else.
    """
    if parameters.home:
        path = Path(parameters.home)
        own = getattr(module(path), "STRUCTURE", None)
        if own is not None and not isinstance(own, Structure):
            raise SetError(f"{path.name}: STRUCTURE: seen {type(own).__name__}; needed: a trial.models.Structure")
        if own is not None and own.id == parameters.structure:
            return own
    return structure(parameters.structure)


__all__ = ["STRUCTURES", "Days", "Limit", "State", "Structure", "structure", "structure_of"]
