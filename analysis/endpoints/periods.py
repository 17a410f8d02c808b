"""The table of periods of a crossover: the endpoints of each period, of every patient who entered it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from analysis import endpoints
from analysis.endpoints.columns import coded
from analysis.endpoints.records import from_tables, patient_columns
from analysis.endpoints.stage_view import in_stage
from trial.study.study import Study
from trial.tables import KEY, TEXT, field

PERIODS_SCHEMA = pa.schema(
    [
        *KEY,
        field("ARM", TEXT, "Treatment arm"),
        field("APERIOD", pa.int8(), "Period"),
        field("TRTA", TEXT, "Actual treatment"),
        field("PARAMCD", TEXT, "Endpoint"),
        field("AVAL", pa.float64(), "Value", "see the unit of the endpoint"),
        field("REASON", TEXT, "Why not evaluable"),
    ]
)


def periods_table(study: Study, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Endpoint after endpoint of the first period, then of the second."""
    return pa.concat_tables([_period(study, tables, k) for k in range(2)]).unify_dictionaries()


def _period(study: Study, tables: Mapping[str, pa.Table], k: int) -> pa.Table:
    """One period, as a trial of its own."""
    said = study.analysis.crossover
    assert said is not None
    own = study.model_copy(update={"analysis": study.analysis.model_copy(update={"stage": said.periods[k]})})
    records, stage = from_tables(in_stage(tables, own), study.arm_ids), own.analysed
    known = endpoints.endpoints_of(study.analysis)
    found = [endpoints.evaluate(known[code], records, stage) for code in said.endpoints]
    who = np.tile(np.arange(records.n), len(found))
    value = np.concatenate([one.value for one in found])
    names = [said.reference, said.test]
    given = np.array([names.index(said.treatments[arm][k]) for arm in study.arm_ids])
    reasons, why = np.unique(np.concatenate([one.reason for one in found]), return_inverse=True)
    columns = [
        *patient_columns(records, who),
        pa.array(np.full(len(who), k + 1, dtype=np.int8)),
        coded(given[records.arm[who]], names),
        coded(np.repeat(np.arange(len(found)), records.n), list(said.endpoints)),
        pa.array(value, mask=np.isnan(value)),
        coded(why, reasons.tolist()),
    ]
    return pa.table(columns, schema=PERIODS_SCHEMA)
