"""The laboratory: what it reports of a true platelet count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.noise import assay
from cohorts.screening import report
from trial.study.analytes import Laboratory
from trial.study.protocol import PKSampling

Array = NDArray[np.float64]


def report_count(laboratory: Laboratory, true: Array, z: Array, assay_cv: Array) -> Array:
    """The count the clinic gets (10^9/L): assay error, then as the laboratory reports it. NaN stays NaN."""
    return report(assay(true, z, assay_cv), laboratory)


def report_concentration(sampling: PKSampling | None, true: Array, z: Array, assay_cv: Array) -> Array:
    """The concentrations the clinic gets (ng/mL): assay error, NaN below the limit of quantification."""
    measured = assay(true, z, assay_cv)
    return np.where(measured < sampling.lloq_ng_mL, np.nan, measured) if sampling else measured
