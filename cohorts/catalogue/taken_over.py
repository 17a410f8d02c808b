"""What the other sets of ``tpo_mechanism`` take over from the calibration of hetrombopag in ITP: cells and patients.

Biology does not depend on the drug, so what the phase III trial of hetrombopag says of it (the size of the largest
drive, the time in the marrow, swings of destruction, rescue) is used for every drug. For a set that takes it over it is
an assumption, and is marked so.
"""

from collections.abc import Iterable
from dataclasses import replace

from cohorts.catalogue.hetrombopag_itp_mei_2021 import HETROMBOPAG_ITP_MEI_2021
from cohorts.parameters import Parameter

FROM = HETROMBOPAG_ITP_MEI_2021


def taken_over(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters, those that were calibrated for hetrombopag in ITP with its values and status assumed."""
    return tuple(_taken(p) for p in parameters)


def _taken(p: Parameter) -> Parameter:
    fitted = FROM.parameter(p.name)
    if fitted.status != "calibrated":
        return p
    note = f"as calibrated for {FROM.id}; {p.note}"
    return replace(fitted, status="assumed", targets=(), rse_percent=None, note=note)
