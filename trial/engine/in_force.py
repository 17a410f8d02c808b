"""Another drug than the study's, which a stage gives, and what of the study's then no longer holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trial.engine.weeks import Occasions

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OtherDrug:
    """What another drug than the study's has of its own: parameters by name (n,), bioavailability (n, D), by name
    (n, K) the parameters that change with covariates, and how its effect is lost, ``log_ec50`` (n, D) and ``hardening``
    (n,) as of ``Drawn``; None: it is not.
    """

    parameters: Mapping[str, Array]
    bioavailability: Array
    changed: Mapping[str, Array] = field(default_factory=dict)
    log_ec50: Array | None = None
    hardening: Array | None = None


def of_either(who: NDArray[np.bool_], theirs: Array | None, others: Array | None) -> Array | None:
    """``theirs`` of ``who``, of the rest what ``others`` says; None is 0, and None of both None."""
    if theirs is None and others is None:
        return None
    return np.where(who, 0.0 if theirs is None else theirs, 0.0 if others is None else others)


def without(
    occasions: Mapping[str, Occasions], who: NDArray[np.bool_], drug: tuple[str, ...]
) -> Mapping[str, Occasions]:
    """What differs from week to week, but for the parameters of the drug in those ``who`` have another."""
    kept = dict(occasions)
    for name in set(drug) & set(kept):
        kept[name] = replace(kept[name], factor=np.where(who[:, None], 1.0, kept[name].factor))
    return kept
