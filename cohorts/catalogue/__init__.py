"""Parameter sets: one published model per file, <drug>_<author>_<year>.py; the file name is the id."""

from pathlib import Path

from cohorts.catalogue.calibration import calibrated, calibration_file, read_calibration
from cohorts.catalogue.hetrombopag_itp_mei_2021 import HETROMBOPAG_ITP_MEI_2021
from cohorts.catalogue.hetrombopag_wang_2022 import HETROMBOPAG_WANG_2022
from cohorts.catalogue.listing import rows
from cohorts.catalogue.own import SetError, is_file_name, own_set
from cohorts.parameters import ParameterSet, unknown_name

PARAMETER_SETS: tuple[ParameterSet, ...] = (HETROMBOPAG_WANG_2022, HETROMBOPAG_ITP_MEI_2021)


def parameter_set(name: str) -> ParameterSet:
    """The parameter set of that id, or of the user's own file when ``name`` ends in .json or .py.

    KeyError lists near names; SetError says what is wrong with a file.
    """
    if is_file_name(name):
        return own_set(Path(name), parameter_set, tuple(s.id for s in PARAMETER_SETS))
    for candidate in PARAMETER_SETS:
        if candidate.id == name:
            return candidate
    raise unknown_name("parameter set", name, [s.id for s in PARAMETER_SETS])


__all__ = [
    "PARAMETER_SETS",
    "SetError",
    "calibrated",
    "calibration_file",
    "is_file_name",
    "parameter_set",
    "read_calibration",
    "rows",
]
