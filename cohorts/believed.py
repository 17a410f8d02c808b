"""A parameter set as one replicate believes it: which of its numbers are moved, and how.

``parameter_uncertainty`` of a study is False ("none"), True ("fitted": what has a standard error) or "all": what is
assumed too. With "all", numbers that stand in the posterior of the set (``cohorts.posterior``) are those of one of its
draws, together, and nothing else moves them; the others move by their standard error, and what is assumed by its prior
(``cohorts.widths``), each for itself. An assumed number that has a standard error, of the calibration it was taken
from, moves by both. Stream "prior:<name>". With "fitted", a set that has no standard error but a posterior takes what
was fitted from one of its draws.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from cohorts.elementary import exp
from cohorts.gates import AT_LEAST, AT_MOST, IN_ORDER, LARGEST_FRACTION, SHARES
from cohorts.parameters import LARGEST_VARIANCE, ParameterSet
from cohorts.posterior import JointDraws, joint_draws
from cohorts.streams import Draws, Streams
from cohorts.variability import uncertain
from cohorts.widths import widths

EXPONENTS = ("W_JS", "W_ERK", "W_AKT")
"""Exponents of the arms, parts of one: each is moved for itself, then all are scaled to the sum that they had."""
Believed = bool | Literal["all", "fitted", "none"]


def believed(
    parameter_set: ParameterSet, streams: Streams, replicate: int, what: Believed, priors: int | None = None
) -> ParameterSet:
    """The set with what is moved in this replicate. ValueError when there is nothing to move.

    ``priors``: the replicate of which the numbers are that a prior alone moves, where it is another one.
    """
    if what in (False, "none"):
        return parameter_set
    found, names = together(parameter_set, what)
    row = possible(parameter_set, found.row(streams, replicate, names)) if found else {}
    alone = without_error(parameter_set, names)
    if alone.rse_percent or not (row or what == "all"):
        parameter_set = uncertain(alone, streams, replicate)
    parameter_set = parameter_set.with_values(row)
    if what != "all":
        return parameter_set
    return by_priors(parameter_set, streams, replicate if priors is None else priors, names)


def together(parameter_set: ParameterSet, what: Believed) -> tuple[JointDraws | None, tuple[str, ...]]:
    """The draws of the posterior that are used, and of which numbers. Raises PosteriorError."""
    if what in (False, "none") or (what != "all" and parameter_set.rse_percent):
        return None, ()
    found = joint_draws(parameter_set)
    if found is None:
        return None, ()
    return found, found.names if what == "all" else found.fitted


def without_error(parameter_set: ParameterSet, names: Collection[str]) -> ParameterSet:
    """The set without the standard errors of some numbers."""
    if not names:
        return parameter_set
    alone = (replace(p, rse_percent=None) if p.name in names else p for p in parameter_set.parameters)
    rest = tuple(block.without(names) for block in parameter_set.uncertainty)
    return replace(parameter_set, parameters=tuple(alone), uncertainty=rest)


def by_priors(
    parameter_set: ParameterSet, streams: Streams, replicate: int, drawn: Collection[str] = ()
) -> ParameterSet:
    """The set with every assumed number but those ``drawn`` moved by its prior: its logarithm, of a share its log odds.
    What cannot be is held at the nearest value that can: a share, an occupancy, a time after another, parts of one
    whole.
    """
    draws = Draws(streams, np.array([replicate]), np.array([0]))
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    shares = {p.name for p in parameter_set.parameters if p.bounded}
    moved = {}
    for name, width in widths(parameter_set).items():
        if width.log_sd and values[name] and name not in drawn:
            factor = float(exp(width.log_sd * draws.normal(f"prior:{name}")[0]))
            moved[name] = moved_by(values[name], factor, name in shares)
    return parameter_set.with_values(possible(parameter_set, moved, drawn))


def possible(parameter_set: ParameterSet, moved: Mapping[str, float], drawn: Collection[str] = ()) -> dict[str, float]:
    """Moved values as they can be beside each other and the rest of the set, of which some are ``drawn``."""
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    known = widths(parameter_set)
    found = {name: min(v, known[name].most * values[name]) if name in known else v for name, v in moved.items()}
    found |= _scaled(values, found, drawn)
    return _possible(values | found, found, set(parameter_set.variances))


def moved_by(value: float, factor: float, share: bool) -> float:
    """A value times a factor; of a share its odds."""
    return value / (value + (1.0 - value) / factor) if share else value * factor


def _scaled(values: dict[str, float], moved: dict[str, float], drawn: Collection[str] = ()) -> dict[str, float]:
    """The exponents of the arms that are moved with the sum that they have in ``values``; none where some are neither
    moved nor ``drawn``.
    """
    mine = [name for name in EXPONENTS if name in moved]
    if not mine or not set(EXPONENTS) <= {*mine, *drawn}:
        return {}
    whole = sum(values[name] for name in mine) / sum(moved[name] for name in mine)
    return {name: moved[name] * whole for name in mine}


def _possible(values: dict[str, float], moved: dict[str, float], variances: set[str]) -> dict[str, float]:
    """What of ``moved`` is possible beside all ``values``."""
    found = {name: min(value, LARGEST_VARIANCE) if name in variances else value for name, value in moved.items()}
    found = {name: max(min(v, AT_MOST.get(name, v)), AT_LEAST.get(name, v)) for name, v in found.items()}
    for first, second in IN_ORDER:
        if first in found:
            found[first] = min(found[first], values[second]) if second in values else found[first]
        elif second in found:
            found[second] = max(found[second], values.get(first, found[second]))
    for names in SHARES:
        total = sum(values.get(name, 0.0) for name in names)
        room = LARGEST_FRACTION - sum(values.get(name, 0.0) for name in names if name not in found)
        if total > LARGEST_FRACTION:
            parts = [name for name in names if name in found]
            found |= {name: found[name] * room / sum(found[part] for part in parts) for name in parts}
    return found
