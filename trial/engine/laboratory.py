"""The laboratory: what it reports of a true platelet count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.noise import assay
from trial.study.protocol import Laboratory

Array = NDArray[np.float64]


def report_count(laboratory: Laboratory, true: Array, z: Array, assay_cv: Array) -> Array:
    """The count the clinic gets (10^9/L): assay error, then whole numbers, then the lower limit. NaN stays NaN."""
    measured = assay(true, z, assay_cv)
    if laboratory.whole_numbers:
        measured = np.floor(measured + 0.5)
    return np.maximum(measured, laboratory.lower_limit_1e9L)
