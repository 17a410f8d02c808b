"""Parameter sets: one published model per file, <drug>_<author>_<year>.py; the file name is the id."""

from cohorts.catalogue.calibration import calibrated, calibration_file, read_calibration
from cohorts.catalogue.hetrombopag_itp_mei_2021 import HETROMBOPAG_ITP_MEI_2021
from cohorts.catalogue.hetrombopag_wang_2022 import HETROMBOPAG_WANG_2022
from cohorts.catalogue.listing import rows
from cohorts.parameters import ParameterSet, unknown_name

PARAMETER_SETS: tuple[ParameterSet, ...] = (HETROMBOPAG_WANG_2022, HETROMBOPAG_ITP_MEI_2021)


def parameter_set(set_id: str) -> ParameterSet:
    """The parameter set of that id; KeyError lists near names."""
    for candidate in PARAMETER_SETS:
        if candidate.id == set_id:
            return candidate
    raise unknown_name("parameter set", set_id, [s.id for s in PARAMETER_SETS])


__all__ = ["PARAMETER_SETS", "calibrated", "calibration_file", "parameter_set", "read_calibration", "rows"]
