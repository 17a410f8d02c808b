"""The screening visit: the measured count, who is eligible, why not, and who lies outside a validity domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cohorts.parameters import ValidityDomain

ELIGIBLE = -1
SCREENED, RANDOMISED = "screened", "randomised"
NO_UPPER_AGE = 120.0


class Criteria(Protocol):
    """Anything with the attributes of the protocol's screening record."""

    @property
    def platelets_at_least_1e9L(self) -> float: ...
    @property
    def platelets_below_1e9L(self) -> float: ...
    @property
    def itp_duration_at_least_y(self) -> float: ...
    @property
    def age_at_least_y(self) -> float: ...
    @property
    def age_at_most_y(self) -> float: ...


class Reporting(Protocol):
    """Anything with the attributes of the protocol's laboratory record that say how counts are reported."""

    @property
    def lower_limit_1e9L(self) -> float: ...
    @property
    def whole_numbers(self) -> bool: ...


@dataclass(frozen=True)
class _Usual:
    """The laboratory of a protocol that says nothing of it."""

    lower_limit_1e9L: float = 1.0
    whole_numbers: bool = True


USUAL = _Usual()


def report(measured: ArrayLike, laboratory: Reporting = USUAL) -> NDArray[np.float64]:
    """A count as the laboratory reports it, at screening and at every visit: whole 10^9/L where it does so, halves up,
    and not below its limit. NaN stays NaN.
    """
    count = np.asarray(measured, dtype=float)
    return np.maximum(np.floor(count + 0.5) if laboratory.whole_numbers else count, laboratory.lower_limit_1e9L)


def exclusions(criteria: Criteria, candidates: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.bool_]]:
    """Reason -> who it excludes (n,), in the order in which the reasons are asked; a limit of 0 is not asked."""
    age = candidates["AGE"]
    asked = {f"age below {criteria.age_at_least_y:g} y": age < criteria.age_at_least_y}
    if criteria.age_at_most_y < NO_UPPER_AGE:
        asked[f"age above {criteria.age_at_most_y:g} y"] = age > criteria.age_at_most_y
    shortest, count = criteria.itp_duration_at_least_y, candidates["BLPLAT"]
    low, high = criteria.platelets_at_least_1e9L, criteria.platelets_below_1e9L
    if shortest > 0:
        asked[f"ITP for less than {shortest:g} y"] = candidates["ITPDUR"] < shortest
    if low > 0:
        asked[f"platelets below {low:g} x 10^9/L"] = count < low
    asked[f"platelets of {high:g} x 10^9/L or more"] = count >= high
    return asked


def first_reason(excluded: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Index of the first reason that excludes each candidate, or ELIGIBLE. One reason each: the flow adds up."""
    flags = np.stack(list(excluded.values()))
    return np.where(flags.any(axis=0), flags.argmax(axis=0), ELIGIBLE)


def flow(reasons: list[str], code: NDArray[np.int64]) -> dict[str, int]:
    """Counts for a CONSORT diagram: screened, each reason, randomised."""
    counts = {reason: int((code == k).sum()) for k, reason in enumerate(reasons)}
    return {SCREENED: len(code), **counts, RANDOMISED: int((code == ELIGIBLE).sum())}


def outside_domain(validity: ValidityDomain, candidates: Mapping[str, NDArray[Any]]) -> NDArray[np.str_]:
    """Per patient "" or why the patient lies outside the validity domain, reasons joined by "; "."""
    said = [""] * len(next(iter(candidates.values())))
    for limit in validity.ranges:
        value = candidates[limit.covariate].astype(float)
        for outside, text in (
            (value < limit.low, f"below {limit.low:g}"),
            (value > limit.high, f"above {limit.high:g}"),
        ):
            for i in np.flatnonzero(outside):
                said[i] += ("; " if said[i] else "") + f"{limit.covariate} {text} {limit.unit}"
    return np.array(said)
