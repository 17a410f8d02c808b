"""One stage of a trial as the tables of a trial of its own, on the days since it began: what its endpoints are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.endpoints.columns import key_of
from trial.study.study import Study
from trial.tables import STAGE_ENDS

Ints = NDArray[np.int64]
OVER = "stage was over"


def in_stage(tables: Mapping[str, pa.Table], study: Study) -> Mapping[str, pa.Table]:
    """The tables of those who entered the stage that ``study`` reports, from its first day to its last visit.

    Days count from the day on which each patient came to it, on which nobody is seen: baseline stays that of the trial,
    and what happens at that visit belongs to the stage before. A count after a patient has passed to the next stage is
    absent. Who left in the stage has left, the others have completed. Without stages the tables stay as they are.
    """
    if not study.stages:
        return tables
    number, begin = study.analysed_stage + 1, study.days_before(study.analysed_stage)
    mine = tables["stages"].filter(pc.equal(tables["stages"]["STAGEN"], number))
    own = _Window(key_of(mine), _days(mine, "ASTDY"), _days(mine, "AENDY"), begin)
    seen = {name: own.of(tables[name]) for name in ("patients", "doses", "observations", "events", "solves")}
    if "adverse" in tables:
        seen["adverse"] = own.inside(tables["adverse"], visits=False)
    return seen | {
        "patients": own.ended(seen["patients"], mine),
        "doses": own.clipped(seen["doses"]),
        "observations": own.visits(seen["observations"], study.analysed),
        "events": own.events(seen["events"]),
    }


@dataclass(frozen=True, eq=False)
class _Window:
    """The days of each patient in a stage: ``key`` (n,) sorted, ``first`` and ``end`` (n,), and its planned start."""

    key: Ints
    first: Ints
    end: Ints
    begin: int

    def of(self, table: pa.Table) -> pa.Table:
        """The rows of those who entered."""
        return table.filter(pa.array(np.isin(key_of(table), self.key)))

    def inside(self, table: pa.Table, visits: bool) -> pa.Table:
        """The rows of those who entered with a day in their stage; of what happens at ``visits`` the last day is one of
        them and the first is not, but for day 0 of the trial.
        """
        table = self.of(table)
        row, day = self._row(table), _days(table, "ADY")
        first, end = self.first[row], self.end[row]
        kept = (day > first) & (day <= end) | (first == 0) & (day == 0) if visits else (day >= first) & (day < end)
        return _with(table.filter(pa.array(kept)), ADY=(day - first)[kept])

    def events(self, events: pa.Table) -> pa.Table:
        """What happened in the stage; and, on days before its first, rescues of earlier ones that still void days of
        it.
        """
        own = self.inside(events, visits=True)
        if "VOIDENDY" not in events.column_names:
            return own
        mine = self.of(events)
        row, day, end = self._row(mine), _days(mine, "ADY"), _days(mine, "VOIDENDY", -1)
        kept = (day <= self.first[row]) & (end > self.first[row]) & (self.first[row] > 0)
        before = mine.filter(pa.array(kept))
        shifted = _with(before, ADY=(day - self.first[row])[kept])
        return self._voids(pa.concat_tables([own, shifted]))

    def _voids(self, events: pa.Table) -> pa.Table:
        """With the ends of voiding on the days of the stage."""
        end = _days(events, "VOIDENDY", -1)
        return _with(events, VOIDENDY=pa.array(end - self.first[self._row(events)], mask=end < 0))

    def clipped(self, doses: pa.Table) -> pa.Table:
        """The periods of dosing cut to the stage; those that begin before it are no start of anything."""
        row, start, end = self._row(doses), _days(doses, "ASTDY"), _days(doses, "AENDY")
        kept = (start < self.end[row]) & (end > self.first[row])
        own = self.first[row]
        first, last = np.maximum(start, own) - own, np.minimum(end, self.end[row]) - own
        found = _with(doses.filter(pa.array(kept)), ASTDY=first[kept], AENDY=last[kept])
        before = pa.array((start < own)[kept])
        action = found["ACTION"].cast(pa.string())
        return _with(found, ACTION=pc.if_else(before, "start", action).combine_chunks())

    def visits(self, observations: pa.Table, stage: Study) -> pa.Table:
        """Baseline and the visits of the ``stage``, its own profile among them, of its first dose too; absent once a
        patient is in the next stage.
        """
        nominal, day = _days(observations, "AVISITN"), _days(observations, "ADY", -1)
        sampled = pc.equal(observations["PARAMCD"].cast(pa.string()), "CONC").to_numpy(zero_copy_only=False)
        sampled = sampled.astype(bool)
        profile = sampled & (nominal - self.begin == (stage.pk_sampling.visit_day if stage.pk_sampling else -1))
        baseline = (nominal == 0) & ~sampled
        kept = baseline | profile | ~sampled & np.isin(nominal - self.begin, stage.visits.days)
        row = self._row(observations)
        over = (~baseline & (day > self.end[row]))[kept]
        found = observations.filter(pa.array(kept))
        value, why = pa.chunked_array(found["AVAL"]), found["AVALREAS"].cast(pa.string())
        return _with(
            found,
            AVISITN=np.where(baseline, 0, nominal - self.begin)[kept],
            ADY=pa.array(np.where(baseline, 0, day - self.first[row])[kept], mask=(day < 0)[kept] | over),
            AVAL=pc.if_else(pa.array(over), None, value),
            AVALREAS=pc.if_else(pa.array(over), OVER, why),
        )

    def ended(self, patients: pa.Table, mine: pa.Table) -> pa.Table:
        """How the stage ended for everybody: who passed on or was there at the end has completed it."""
        row = self._row(patients)
        passed = pc.is_in(mine["ENDREAS"].cast(pa.string()), pa.array(STAGE_ENDS)).to_numpy(zero_copy_only=False)[row]
        status = patients["EOSSTT"].cast(pa.string())
        done = pa.array(passed & ~pc.equal(status, "SOLVE FAILED").to_numpy(zero_copy_only=False))
        return _with(
            patients, EOSDY=(self.end - self.first)[row], EOSSTT=pc.if_else(done, "COMPLETED", status).combine_chunks()
        )

    def _row(self, table: pa.Table) -> Ints:
        return np.searchsorted(self.key, key_of(table))


def _days(table: pa.Table, name: str, absent: int = 0) -> Ints:
    return np.asarray(table[name].fill_null(absent).to_numpy()).astype(np.int64)


def _with(table: pa.Table, **columns: NDArray | pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with some columns replaced, each in the type that it had."""
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        kind = table.schema.field(at).type
        coded = array.dictionary_encode() if pa.types.is_dictionary(kind) else array.cast(kind)
        table = table.set_column(at, table.schema.field(at), coded.cast(kind))
    return table
