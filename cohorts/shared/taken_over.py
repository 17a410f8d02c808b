"""What a set of ``tpo_mechanism`` takes over from the calibration of another: for itself an assumption, marked so.

In ITP the values of patients (swings of destruction, remission, rescue) that go with the fit to the phase III trial of
hetrombopag are used for every drug, and the largest drive where no trial of these people informs it; some of them that
trial hardly informs (see its calibration record). People without ITP keep the drive and the time in the marrow of an
earlier calibration: their half-effects and the kill by chemotherapy were matched together with these.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from cohorts.parameters import Parameter, RandomEffect
from cohorts.sets.hetrombopag_itp_mei_2021 import HETROMBOPAG_ITP_MEI_2021

Number = TypeVar("Number", Parameter, RandomEffect)
FROM = HETROMBOPAG_ITP_MEI_2021
WITHOUT_ITP = {"KAPPA": 42.748, "MMT": 153.05}
"""As calibrated for hetrombopag in ITP until version 0.4."""


def taken_over(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters, those that were calibrated for hetrombopag in ITP with its values and status assumed."""
    return tuple(_taken(p) for p in parameters)


def _taken(p: Parameter) -> Parameter:
    fitted = FROM.parameter(p.name)
    return as_assumed(replace(fitted, note=f"as calibrated for {FROM.id}; {p.note}")) if fitted.targets else p


def without_itp(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters as people without ITP have them."""
    return tuple(
        replace(
            p,
            value=WITHOUT_ITP[p.name],
            note=f"as calibrated in ITP until 0.4, matched together with what these people show; {p.note}",
        )
        if p.name in WITHOUT_ITP
        else p
        for p in parameters
    )


def as_assumed(number: Number) -> Number:
    """The number as another set has it; one that was calibrated there is assumed here."""
    if not number.targets:
        return number
    no_error: dict[str, Any] = {"rse_percent": None} if isinstance(number, Parameter) else {}
    return replace(number, status="assumed", targets=(), **no_error)
