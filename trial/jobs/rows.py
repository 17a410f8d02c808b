"""What every table of patients is made of: the keys of its rows, columns of texts, the schema; and who has left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult

Ints = NDArray[np.integer]


@dataclass(frozen=True)
class Keys:
    """Replicate and number (n,) of each patient, and the unique subject identifiers."""

    replicate: Ints
    subject: Ints
    identifier: pa.Array

    @classmethod
    def of(cls, study_id: str, replicate: Ints, subject: Ints) -> Keys:
        """Identifiers name study, replicate and patient."""
        both = zip(replicate.tolist(), subject.tolist(), strict=True)
        return cls(replicate, subject, pa.array([f"{study_id}-{r:05d}-{s:05d}" for r, s in both], pa.string()))

    def rows(self, who: Ints | None = None) -> dict[str, object]:
        """The key columns of a table whose rows belong to patients ``who``; None: one row per patient."""
        who = np.arange(len(self.subject)) if who is None else who
        usubjid = pa.DictionaryArray.from_arrays(pa.array(who.astype(np.int32)), self.identifier)
        return {"IREP": self.replicate[who], "SUBJID": self.subject[who], "USUBJID": usubjid}


def table(schema: pa.Schema, **columns: object) -> pa.Table:
    arrays = [
        c if isinstance(c, pa.Array) else pa.array(c, from_pandas=True) for c in (columns[f.name] for f in schema)
    ]
    cast = [a if a.type == f.type else a.cast(f.type) for a, f in zip(arrays, schema, strict=True)]
    return pa.Table.from_arrays(cast, schema=schema)


def coded(codes: NDArray, words: Sequence[str]) -> pa.Array:
    """A dictionary column from integer codes; equal words share an entry."""
    distinct = list(dict.fromkeys(words))
    entry = np.array([distinct.index(word) for word in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(entry[codes.astype(np.int64)]), pa.array(distinct, pa.string()))


def texts(values: Sequence[str] | NDArray) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def last_visit(unit: Unit) -> Ints:
    return unit.drawn.visit_day[:, -1]


def leaves(unit: Unit, result: UnitResult) -> NDArray[np.bool_]:
    """Left before the last planned day."""
    return result.course.place.leave_day <= last_visit(unit)


def died(unit: Unit, result: UnitResult) -> NDArray[np.bool_]:
    """Died before the last planned day."""
    deaths = [k for k, item in enumerate(unit.study.dropout) if item.death]
    return leaves(unit, result) & np.isin(result.course.place.leave_reason, deaths)
