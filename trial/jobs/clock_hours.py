"""When exactly an observation of a schedule of the user's own was made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trial.engine.draws import Unit
from trial.tables import observations_schema


def with_hours(unit: Unit, observations: pa.Table) -> pa.Table:
    """The rows with AHOUR, hours since the start of the study; none where there is no value."""
    drawn = unit.drawn
    assert drawn.visit_h is not None
    patient = observations["USUBJID"].combine_chunks().indices.to_numpy()
    visit = np.searchsorted((0, *unit.study.visits.days), observations["AVISITN"].to_numpy())
    hour = 24.0 * drawn.visit_day[patient, visit] + drawn.visit_h[patient, visit] + observations["ATPT"].to_numpy()
    made = observations["ADY"].is_valid().to_numpy()
    hours = pa.array(np.where(made, hour, np.nan), from_pandas=True)
    schema = observations_schema(clocked=True)
    return observations.append_column(schema.field("AHOUR"), hours).cast(schema)
