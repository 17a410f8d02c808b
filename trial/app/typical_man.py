"""The typical man of a parameter set as a table: one patient, once-daily doses, no trial around him."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from cohorts.gates import problems
from cohorts.own import SetError
from cohorts.parameters import ParameterSet, RecordError
from trial.app.catalogue import chosen_set
from trial.errors import Refused, Stopped
from trial.models import structure_of
from trial.models.behaviour import structure_problems
from trial.models.typical import course
from trial.tables import field

OUTPUTS = {"CONC": ("Free drug in plasma", "ng/mL"), "PLT": ("Platelet count", "10^9/L")}
"""What every structure puts out. Other outputs are states by another way and have their unit."""
LONGEST_DAYS = 3650


def course_table(
    name: str,
    dose_mg: float,
    days: int,
    dose_days: int | None = None,
    every_h: float = 1.0,
    values: Mapping[str, float] | None = None,
) -> pa.Table:
    """TIME (h) with CONC, PLT, the other outputs and every state; label and unit are metadata of each column.

    Raises Refused for what cannot be used, Stopped when the solve fails.
    """
    _refuse_schedule(dose_mg, days, dose_days, every_h)
    chosen = _with_values(chosen_set(name), values or {})
    try:
        found = course(chosen, dose_mg, days, dose_days, every_h)
    except RuntimeError as error:
        raise Stopped(str(error)) from None
    states = {s.name: (s.meaning, s.unit) for s in structure_of(chosen).states}
    said = {"TIME": ("Time from the first dose", "h"), **states, **OUTPUTS}
    columns = {"TIME": every_h * np.arange(len(found["PLT"])), "CONC": found["CONC"], "PLT": found["PLT"]} | found
    schema = pa.schema([field(key, pa.float64(), *said.get(key, ("Output of the structure", ""))) for key in columns])
    return pa.table(columns, schema=schema)


def _refuse_schedule(dose_mg: float, days: int, dose_days: int | None, every_h: float) -> None:
    wrong = {
        f"dose_mg: seen {dose_mg}; allowed: 0 or more": math.isfinite(dose_mg) and dose_mg >= 0,
        f"days: seen {days}; allowed: whole days, 1 to {LONGEST_DAYS}": days in range(1, LONGEST_DAYS + 1),
        f"dose_days: seen {dose_days}; allowed: whole days, 0 or more": dose_days is None or dose_days in range(10**6),
        f"every_h: seen {every_h}; allowed: more than 0, to 24 (h)": 0 < every_h <= 24,
    }
    found = [text for text, right in wrong.items() if not right]
    if found:
        raise Refused("\n".join(f"solve: {text}" for text in found))


def _with_values(chosen: ParameterSet, values: Mapping[str, float]) -> ParameterSet:
    """The set with some values replaced, if it can be used."""
    try:
        changed = chosen.with_values(values)
        wrong = [*problems(changed), *structure_problems(changed)]
    except SetError as error:
        raise Refused(str(error)) from None
    except (KeyError, RecordError) as error:
        raise Refused(f"solve: {error.args[0]}") from None
    if wrong:
        raise Refused("\n".join(f"{chosen.id}: {line}" for line in wrong))
    return changed
