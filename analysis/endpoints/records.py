"""From the tables of a run to arrays: one row per patient, one column per visit. Reads, never computes a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
Texts = NDArray[np.str_]

BELOW_LIMIT = "below the limit of quantification"
"""Why there is no concentration, and no result of a profile, though a sample was taken."""

COLUMNS = {
    "patients": ["IREP", "SUBJID", "USUBJID", "ARM", "STRATUM", "BLPLAT", "EOSSTT", "EOSDY"],
    "doses": ["IREP", "SUBJID", "ASTDY", "AENDY", "EXDOSE", "DOSELEV", "ACTION"],
    "observations": ["IREP", "SUBJID", "PARAMCD", "AVISITN", "ADY", "ATPT", "AVAL", "AVALREAS"],
    "events": ["IREP", "SUBJID", "EVENT", "ADY", "CYCLE"],
    "solves": ["IREP", "SUBJID", "STATUS"],
}
MORE = ("VOIDENDY", "CHSHARE")
"""Columns that only some studies have."""


@dataclass(frozen=True)
class Profile:
    """One concentration profile per patient over one dosing interval or longer.

    ``times`` (T,) h after the dose; ``values`` (n, T) reported concentration, ng/mL, 0 below the limit of
    quantification, NaN where none; ``reasons`` (n, T) why there is none ("" otherwise); ``dose_mg`` (n,) active drug
    prescribed on the sampling day.
    """

    times: Array
    values: Array
    reasons: Texts
    dose_mg: Array

    def first(self, hours: float) -> Profile:
        """The profile of the first ``hours``."""
        inside = self.times <= hours
        if inside.all():
            return self
        return replace(self, times=self.times[inside], values=self.values[:, inside], reasons=self.reasons[:, inside])

    @property
    def incomplete(self) -> Texts:
        """Why a profile lacks a sample, (n,): the reason of the first it lacks; "" for a complete one."""
        missing = np.isnan(self.values)
        first = np.take_along_axis(self.reasons, missing.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.where(missing.any(axis=1), np.where(first == "", "incomplete profile", first), "")


@dataclass(frozen=True)
class Records:
    """What the endpoints see: n patients of all replicates in the order of the patients table, V visits after baseline.

    ``replicate``, ``subject`` (n,) keys; ``usubjid``, ``stratum`` (n,) unique identifier and stratum of the
    randomisation; ``arm`` (n,) index into ``arm_ids``; ``planned`` (V,) nominal days after
    baseline; ``counts`` (n, V) reported platelets, 10^9/L, and ``days`` (n, V) actual days, both NaN where not done;
    ``baseline`` (n,) reported count, 10^9/L; ``bleeding`` (n, V) WHO grade; ``rescue_day`` (n,) day of the first
    rescue, inf if none; ``void_from`` and ``void_to`` (n, R) first day that a rescue voids and first that it does not
    (inf: for good), both inf where there is none; ``stopped_day`` (n,) first day without study drug after the dose rule
    stopped it for good, inf if it did not; ``completed``, ``reduced``, ``interrupted`` (n,); ``unsolved`` (n,) why the
    solver gave up, "" if it did not. ``stop_day`` (n,) the day after the last day with active drug prescribed (sham, of
    who never has any), NaN without; ``chemotherapy``, ``chemo_share`` (n, C) first day of each cycle, NaN where not
    given, and its share of the plan. ``last_day`` (n,) last day in the study, NaN when not told; ``adverse`` day of the
    first simulated event (n,) by the code of its proxy, inf without one, for the proxies that occurred at all.
    """

    replicate: Codes
    subject: Codes
    usubjid: Texts
    stratum: Texts
    arm: Codes
    arm_ids: tuple[str, ...]
    planned: Codes
    counts: Array
    days: Array
    baseline: Array
    bleeding: Array
    rescue_day: Array
    void_from: Array
    void_to: Array
    stopped_day: Array
    completed: Flags
    reduced: Flags
    interrupted: Flags
    unsolved: Texts
    stop_day: Array
    chemotherapy: Array
    chemo_share: Array
    last_day: Array
    adverse: Mapping[str, Array]
    profile: Profile | None = None

    @property
    def n(self) -> int:
        """Number of patients over all replicates."""
        return len(self.replicate)

    @property
    def failed_day(self) -> Array:
        """(n,) day of the first rescue or of the stop by the dose rule, whichever is earlier; inf: neither.

        The composite strategy of ICH E9(R1): from that day on a patient is no responder.
        """
        return np.minimum(self.rescue_day, self.stopped_day)

    @property
    def failed_for_good_day(self) -> Array:
        """(n,) day from which on a patient is no responder ever again; inf: none."""
        for_good = np.where(np.isinf(self.void_to), self.void_from, np.inf)
        return np.minimum(self.stopped_day, for_good.min(axis=1, initial=np.inf))

    def voids(self, days: Array) -> Flags:
        """Which of the ``days``, (n,) or (n, V), are no response whatever the count: rescue voids them, or the dose
        rule has stopped the drug.
        """
        each = days[..., None]
        start, end = (edge.reshape(len(edge), *[1] * (days.ndim - 1), -1) for edge in (self.void_from, self.void_to))
        stopped = self.stopped_day.reshape(-1, *[1] * (days.ndim - 1))
        return ((start <= each) & (each < end)).any(axis=-1) | (days >= stopped)


def load(run: Path, arm_ids: Sequence[str] | None = None) -> Records:
    """Records of a run folder; see ``from_tables``."""
    tables = {name: _read(run / f"{name}.parquet", columns) for name, columns in COLUMNS.items()}
    if (run / "adverse.parquet").exists():
        tables["adverse"] = pq.read_table(run / "adverse.parquet")
    return from_tables(tables, arm_ids)


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    """The columns of a table, and those of MORE that it has."""
    return pq.read_table(path, columns=[*columns, *(name for name in MORE if name in pq.read_schema(path).names)])


def from_tables(tables: Mapping[str, pa.Table], arm_ids: Sequence[str] | None = None) -> Records:
    """Records of the tables of a run.

    Arms are in the order of ``arm_ids``, by default of the dictionary of the ARM column, or as they first appear.
    Raises ValueError when the platelet or bleeding rows are not one per patient and planned visit in patient order.
    """
    adverse = tables.get("adverse")
    void_from, void_to = _voids(tables["events"], key_of(tables["patients"]))
    tables = {name: tables[name].select(columns) for name, columns in COLUMNS.items()}
    patients, observations = tables["patients"], tables["observations"]
    key = key_of(patients)
    ids = tuple(arm_ids) if arm_ids is not None else _arms_in_order(patients)
    visits, counts, days = _pivot(_of(observations, "PLAT"), key, "AVISITN", "ADY")
    bleeding_visits, bleeding, _ = _pivot(_of(observations, "WHOBLEED"), key, "AVISITN", "ADY")
    if not np.array_equal(visits, bleeding_visits):
        raise ValueError(f"observations: WHOBLEED visits {bleeding_visits} differ from PLAT visits {visits}")
    after = visits > 0
    cycles, share = _cycles(tables["events"], key)
    return Records(
        replicate=_ints(patients, "IREP"),
        subject=_ints(patients, "SUBJID"),
        usubjid=_text(patients, "USUBJID"),
        stratum=_text(patients, "STRATUM"),
        arm=_arm_codes(patients, ids),
        arm_ids=ids,
        planned=visits[after].astype(np.int64),
        counts=counts[:, after],
        days=np.where(np.isnan(counts), np.nan, days)[:, after],
        baseline=_floats(patients, "BLPLAT"),
        bleeding=bleeding[:, after],
        rescue_day=_first_day(_after_day_0(tables["events"]), ("EVENT", "RESCUE"), "ADY", key),
        void_from=void_from,
        void_to=void_to,
        stopped_day=_first_day(tables["doses"], ("ACTION", "stop"), "ASTDY", key),
        completed=_says(patients, "EOSSTT", "COMPLETED"),
        reduced=_any_action(tables["doses"], "decrease", key),
        interrupted=_any_action(tables["doses"], "interrupt", key),
        unsolved=_unsolved(tables["solves"], key),
        stop_day=_stop_day(tables["doses"], key),
        chemotherapy=cycles,
        chemo_share=share,
        last_day=_floats(patients, "EOSDY"),
        adverse={} if adverse is None else _adverse(adverse, key),
        profile=_profile(observations, tables["doses"], key),
    )


def _arms_in_order(patients: pa.Table) -> tuple[str, ...]:
    arms = patients.column("ARM").unify_dictionaries()
    coded = arms.num_chunks > 0 and pa.types.is_dictionary(arms.type)
    words = arms.chunk(0).dictionary if coded else arms
    return tuple(dict.fromkeys(words.to_pylist()))


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def _ints(table: pa.Table, name: str) -> Codes:
    return _column(table, name).to_numpy().astype(np.int64)


def _floats(table: pa.Table, name: str) -> Array:
    return _column(table, name).cast(pa.float64()).to_numpy()


def _coded(table: pa.Table, name: str) -> tuple[Codes, list[str]]:
    """A column of texts as codes into its distinct words; -1 where there is none."""
    column = table.column(name)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chunks = encoded.unify_dictionaries().chunks
    codes = [chunk.indices.fill_null(-1).to_numpy().astype(np.int64) for chunk in chunks]
    return (np.concatenate(codes), chunks[0].dictionary.to_pylist()) if chunks else (np.empty(0, dtype=np.int64), [])


def _text(table: pa.Table, name: str) -> Texts:
    """A column of texts, "" where there is none."""
    codes, words = _coded(table, name)
    return np.array([*words, ""], dtype=str)[codes]


def _says(table: pa.Table, name: str, word: str) -> Flags:
    """The rows whose text is ``word``."""
    codes, words = _coded(table, name)
    return np.isin(codes, [k for k, said in enumerate(words) if said == word])


def distinct(texts: Sequence[Texts]) -> tuple[list[str], Codes]:
    """The distinct words of arrays of texts, in alphabetical order, and one array after another as codes into them."""
    encoded = [pa.array(np.ascontiguousarray(text)).dictionary_encode() for text in texts]
    words = sorted({word for part in encoded for word in part.dictionary.to_pylist()})
    place = {word: k for k, word in enumerate(words)}
    codes = [
        np.array([place[word] for word in part.dictionary.to_pylist()], dtype=np.int64)[part.indices.to_numpy()]
        for part in encoded
    ]
    return words, np.concatenate(codes)


def key_of(table: pa.Table) -> Codes:
    """One integer per (IREP, SUBJID)."""
    return _ints(table, "IREP") * 2**32 + _ints(table, "SUBJID")


def _of(observations: pa.Table, parameter: str) -> pa.Table:
    return observations.filter(pa.array(_says(observations, "PARAMCD", parameter)))


def _arm_codes(patients: pa.Table, ids: tuple[str, ...]) -> Codes:
    codes, words = _coded(patients, "ARM")
    unknown = sorted({words[k] for k in np.unique(codes)} - set(ids))
    if unknown:
        raise ValueError(f"patients: arm {', '.join(unknown)} is not one of {', '.join(ids)}")
    return np.array([ids.index(word) if word in ids else -1 for word in words], dtype=np.int64)[codes]


def _pivot(rows: pa.Table, key: Codes, across: str, *extra: str) -> tuple[Array, ...]:
    """Columns of ``rows``: the distinct values of ``across`` (V,), then AVAL and each ``extra`` as (n, V) arrays."""
    n = len(key)
    places = rows.num_rows // n if n else 0
    if places * n != rows.num_rows or not np.array_equal(key_of(rows), np.repeat(key, places)):
        raise ValueError(
            f"observations: expected the same rows for every patient, in patient order; "
            f"seen {rows.num_rows} rows for {n} patients"
        )
    positions = _floats(rows, across).reshape(n, places)
    if not (positions == positions[:1]).all():
        raise ValueError(f"observations: {across} differs between patients")
    return positions[0] if n else np.empty(0), *(_floats(rows, name).reshape(n, places) for name in ("AVAL", *extra))


def _rows(key: Codes, wanted: Codes) -> Codes:
    """Row of each wanted key in ``key``; raises ValueError for a patient who is not in the patients table."""
    order = np.argsort(key, kind="stable")
    place = np.minimum(np.searchsorted(key, wanted, sorter=order), max(len(key) - 1, 0))
    rows = order[place]
    lost = wanted[key[rows] != wanted]
    if lost.size:
        replicate, subject = divmod(int(lost[0]), 2**32)
        raise ValueError(f"subject {subject} of replicate {replicate} is not in the patients table")
    return rows


def _after_day_0(events: pa.Table) -> pa.Table:
    """The events of the days of the study: a stage also knows earlier rescues that void its first days."""
    return events.filter(pc.greater(_column(events, "ADY"), 0))


def _first_day(rows: pa.Table, which: tuple[str, str], day: str, key: Codes) -> Array:
    """Each patient's earliest ``day`` in the rows whose column and value are ``which``; inf without one."""
    chosen = rows.filter(pa.array(_says(rows, *which)))
    first = np.full(len(key), np.inf)
    np.minimum.at(first, _rows(key, key_of(chosen)), _floats(chosen, day))
    return first


def _voids(events: pa.Table, key: Codes) -> tuple[Array, Array]:
    """First day that each rescue voids and first that it does not, (n, R) both: for good where the table does not say.

    Of rescues for good only the first one counts.
    """
    rescues = events.filter(pa.array(_says(events, "EVENT", "RESCUE")))
    if "VOIDENDY" not in rescues.column_names:
        first = _first_day(rescues, ("EVENT", "RESCUE"), "ADY", key)[:, None]
        return first, np.full_like(first, np.inf)
    who, day, end = _rows(key, key_of(rescues)), _floats(rescues, "ADY"), _floats(rescues, "VOIDENDY")
    order = np.argsort(who, kind="stable")
    number = np.arange(len(who)) - np.searchsorted(who[order], who[order])
    found = np.full((2, len(key), int(number.max(initial=-1)) + 1), np.inf)
    found[0, who[order], number] = day[order]
    found[1, who[order], number] = np.where(np.isnan(end), np.inf, end)[order]
    return found[0], found[1]


def _stop_day(doses: pa.Table, key: Codes) -> Array:
    """End (day after the last day) of each patient's last period with active drug, of who never has any with sham."""
    last = {}
    for name in ("EXDOSE", "DOSELEV"):
        given = doses.filter(pc.greater(_column(doses, name), 0.0))
        last[name] = np.full(len(key), -np.inf)
        np.maximum.at(last[name], _rows(key, key_of(given)), _floats(given, "AENDY"))
    end = np.where(np.isinf(last["EXDOSE"]), last["DOSELEV"], last["EXDOSE"])
    return np.where(np.isinf(end), np.nan, end)


def _cycles(events: pa.Table, key: Codes) -> tuple[Array, Array]:
    """Day of the first CHEMO row of every cycle, NaN where not given, and share of the planned dose, (n, C) each."""
    given = events.filter(pa.array(_says(events, "EVENT", "CHEMO")))
    place = _rows(key, key_of(given)), _ints(given, "CYCLE") - 1
    first, share = np.ones((2, len(key), int(place[1].max(initial=-1)) + 1)) * [[[np.inf]], [[1.0]]]
    np.minimum.at(first, place, _floats(given, "ADY"))
    if "CHSHARE" in given.column_names:
        share[place] = _floats(given, "CHSHARE")
    return np.where(np.isinf(first), np.nan, first), share


def _adverse(events: pa.Table, key: Codes) -> dict[str, Array]:
    """Day of each patient's event by code, inf without one."""
    code, who, day = _text(events, "AECD"), _rows(key, key_of(events)), _floats(events, "ADY")
    found = {}
    for name in np.unique(code).tolist():
        found[name] = np.full(len(key), np.inf)
        found[name][who[code == name]] = day[code == name]
    return found


def _any_action(doses: pa.Table, action: str, key: Codes) -> Flags:
    chosen = doses.filter(pa.array(_says(doses, "ACTION", action)))
    found = np.zeros(len(key), dtype=bool)
    found[_rows(key, key_of(chosen))] = True
    return found


def _unsolved(solves: pa.Table, key: Codes) -> Texts:
    failed = solves.filter(pa.array(~_says(solves, "STATUS", "OK")))
    reason = np.full(len(key), "", dtype="<U40")
    reason[_rows(key, key_of(failed))] = np.char.add("solver: ", _text(failed, "STATUS"))
    return reason


def _profile(observations: pa.Table, doses: pa.Table, key: Codes) -> Profile | None:
    rows = _of(observations, "CONC")
    if rows.num_rows == 0:
        return None
    times, values, days = _pivot(rows, key, "ATPT", "ADY")
    reasons = _text(rows, "AVALREAS").reshape(values.shape)
    below = reasons == BELOW_LIMIT
    values, reasons = np.where(below, 0.0, values), np.where(below, "", reasons)
    return Profile(times, values, reasons, _dose_on(doses, days[:, 0], key))


def _dose_on(doses: pa.Table, day: Array, key: Codes) -> Array:
    """Active drug prescribed on each patient's ``day`` (mg, 0 when no period covers it)."""
    patient = _rows(key, key_of(doses))
    covers = (_floats(doses, "ASTDY") <= day[patient]) & (day[patient] < _floats(doses, "AENDY"))
    dose = np.zeros(len(key))
    dose[patient[covers]] = _floats(doses, "EXDOSE")[covers]
    return dose


def patient_columns(records: Records, who: Codes) -> list[pa.Array]:
    """IREP, SUBJID, USUBJID and ARM of a table whose rows belong to patients ``who``."""
    keys = [pa.array(key[who].astype(np.int32)) for key in (records.replicate, records.subject)]
    return [*keys, coded(who, records.usubjid.tolist()), coded(records.arm[who], list(records.arm_ids))]


def coded(codes: NDArray[Any], words: list[str]) -> pa.DictionaryArray:
    """A dictionary column: ``codes`` are places in ``words``."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, pa.string()))
