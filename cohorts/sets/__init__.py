"""Parameter sets: one published model per file, <drug>_<author>_<year>.py; the file name is the id."""

from pathlib import Path

from cohorts.calibration import calibrated, calibration_file, read_calibration
from cohorts.listing import rows
from cohorts.own import SetError, is_file_name, own_set
from cohorts.parameters import ParameterSet, unknown_name
from cohorts.sets.avatrombopag_itp_jurczak_2018 import AVATROMBOPAG_ITP_JURCZAK_2018
from cohorts.sets.eltrombopag_cit_winer_2015 import ELTROMBOPAG_CIT_WINER_2015
from cohorts.sets.eltrombopag_healthy_jscpt_2011 import ELTROMBOPAG_HEALTHY_JSCPT_2011
from cohorts.sets.eltrombopag_itp_bussel_2007 import ELTROMBOPAG_ITP_BUSSEL_2007
from cohorts.sets.eltrombopag_itp_hayes_2011 import ELTROMBOPAG_ITP_HAYES_2011
from cohorts.sets.eltrombopag_itp_yang_2016 import ELTROMBOPAG_ITP_YANG_2016
from cohorts.sets.hetrombopag_cit_qin_2024 import HETROMBOPAG_CIT_QIN_2024
from cohorts.sets.hetrombopag_healthy_zheng_2017 import HETROMBOPAG_HEALTHY_ZHENG_2017
from cohorts.sets.hetrombopag_itp_mei_2021 import HETROMBOPAG_ITP_MEI_2021
from cohorts.sets.hetrombopag_wang_2022 import HETROMBOPAG_WANG_2022

PARAMETER_SETS: tuple[ParameterSet, ...] = (
    HETROMBOPAG_WANG_2022,
    HETROMBOPAG_ITP_MEI_2021,
    HETROMBOPAG_HEALTHY_ZHENG_2017,
    HETROMBOPAG_CIT_QIN_2024,
    ELTROMBOPAG_ITP_BUSSEL_2007,
    ELTROMBOPAG_ITP_YANG_2016,
    ELTROMBOPAG_ITP_HAYES_2011,
    ELTROMBOPAG_HEALTHY_JSCPT_2011,
    ELTROMBOPAG_CIT_WINER_2015,
    AVATROMBOPAG_ITP_JURCZAK_2018,
)


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
