"""A parameter set as one replicate believes it: which of its numbers are moved, and how.

``parameter_uncertainty`` of a study is False ("none"), True ("fitted": what has a standard error) or "all": what is
assumed too, by its prior (``cohorts.widths``), each number for itself and independent of the fitted ones. An assumed
number that has a standard error, of the calibration it was taken from, moves by both. Stream "prior:<name>".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from cohorts.elementary import exp
from cohorts.gates import AT_LEAST, AT_MOST, IN_ORDER, LARGEST_FRACTION, SHARES
from cohorts.parameters import LARGEST_VARIANCE, ParameterSet
from cohorts.streams import Draws, Streams
from cohorts.variability import uncertain
from cohorts.widths import widths

EXPONENTS = ("W_JS", "W_ERK", "W_AKT")
"""Exponents of the arms, parts of one: each is moved for itself, then all are scaled to the sum that they had."""
Believed = bool | Literal["all", "fitted", "none"]


def believed(parameter_set: ParameterSet, streams: Streams, replicate: int, what: Believed) -> ParameterSet:
    """The set with what is moved in this replicate. ValueError when there is nothing to move."""
    if what in (False, "none"):
        return parameter_set
    if what != "all" or parameter_set.rse_percent:
        parameter_set = uncertain(parameter_set, streams, replicate)
    return by_priors(parameter_set, streams, replicate) if what == "all" else parameter_set


def by_priors(parameter_set: ParameterSet, streams: Streams, replicate: int) -> ParameterSet:
    """The set with every assumed number moved by its prior: its logarithm, of a share its log odds. What cannot be is
    held at the nearest value that can: a share, an occupancy, a time after another, parts of one whole.
    """
    draws = Draws(streams, np.array([replicate]), np.array([0]))
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    shares = {p.name for p in parameter_set.parameters if p.bounded}
    moved = {}
    for name, width in widths(parameter_set).items():
        if width.log_sd and values[name]:
            factor = float(exp(width.log_sd * draws.normal(f"prior:{name}")[0]))
            moved[name] = _moved(values[name], factor, name in shares)
    return parameter_set.with_values(possible(parameter_set, moved))


def possible(parameter_set: ParameterSet, moved: Mapping[str, float]) -> dict[str, float]:
    """Moved values as they can be beside each other and the rest of the set."""
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    known = widths(parameter_set)
    found = {name: min(v, known[name].most * values[name]) if name in known else v for name, v in moved.items()}
    found |= _scaled(values, found)
    return _possible(values | found, found, set(parameter_set.variances))


def _moved(value: float, factor: float, share: bool) -> float:
    """A value times a factor; of a share its odds."""
    return value / (value + (1.0 - value) / factor) if share else value * factor


def _scaled(values: dict[str, float], moved: dict[str, float]) -> dict[str, float]:
    """The exponents of the arms with the sum that they have in ``values``; none where not all are moved."""
    if not set(EXPONENTS) <= set(moved):
        return {}
    whole = sum(values[name] for name in EXPONENTS) / sum(moved[name] for name in EXPONENTS)
    return {name: moved[name] * whole for name in EXPONENTS}


def _possible(values: dict[str, float], moved: dict[str, float], variances: set[str]) -> dict[str, float]:
    """What of ``moved`` is possible beside all ``values``."""
    found = {name: min(value, LARGEST_VARIANCE) if name in variances else value for name, value in moved.items()}
    found = {name: max(min(v, AT_MOST.get(name, v)), AT_LEAST.get(name, v)) for name, v in found.items()}
    for first, second in IN_ORDER:
        if first in found:
            found[first] = min(found[first], values[second]) if second in values else found[first]
    for names in SHARES:
        total = sum(values.get(name, 0.0) for name in names)
        room = LARGEST_FRACTION - sum(values.get(name, 0.0) for name in names if name not in found)
        if total > LARGEST_FRACTION:
            parts = [name for name in names if name in found]
            found |= {name: found[name] * room / sum(found[part] for part in parts) for name in parts}
    return found
