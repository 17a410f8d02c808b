"""From the tables of a run to arrays: one row per patient, one column per visit. Reads, never computes a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.endpoints.columns import (
    Array as Array,
)
from analysis.endpoints.columns import (
    Codes,
    coded,
    codes_of,
    column,
    floats,
    ints,
    key_of,
    pivot,
    places,
    rows_of,
    says,
    texts_of,
)
from analysis.endpoints.columns import (
    Flags as Flags,
)
from analysis.endpoints.columns import (
    Texts as Texts,
)

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
    prescribed on the sampling day, ``last_dose_mg`` on the day that begins the last whole 24 h.
    """

    times: Array
    values: Array
    reasons: Texts
    dose_mg: Array
    last_dose_mg: Array

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
    rescue, inf if none; ``rescues`` (n, R) day of each, inf where there is none;
    ``void_from`` and ``void_to`` (n, R) first day that a rescue voids and first that it does not
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
    rescues: Array
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
    visits, counts, days = pivot(rows_of(observations, "PLAT"), key, "AVISITN", "ADY")
    bleeding_visits, bleeding, _ = pivot(rows_of(observations, "WHOBLEED"), key, "AVISITN", "ADY")
    if not np.array_equal(visits, bleeding_visits):
        raise ValueError(f"observations: WHOBLEED visits {bleeding_visits} differ from PLAT visits {visits}")
    after = visits > 0
    cycles, share = _cycles(tables["events"], key)
    return Records(
        replicate=ints(patients, "IREP"),
        subject=ints(patients, "SUBJID"),
        usubjid=texts_of(patients, "USUBJID"),
        stratum=texts_of(patients, "STRATUM"),
        arm=_arm_codes(patients, ids),
        arm_ids=ids,
        planned=visits[after].astype(np.int64),
        counts=counts[:, after],
        days=np.where(np.isnan(counts), np.nan, days)[:, after],
        baseline=floats(patients, "BLPLAT"),
        bleeding=bleeding[:, after],
        rescue_day=_first_day(_after_day_0(tables["events"]), ("EVENT", "RESCUE"), "ADY", key),
        rescues=_of_each(tables["events"], "ADY", key),
        void_from=void_from,
        void_to=void_to,
        stopped_day=_first_day(tables["doses"], ("ACTION", "stop"), "ASTDY", key),
        completed=says(patients, "EOSSTT", "COMPLETED"),
        reduced=_any_action(tables["doses"], "decrease", key),
        interrupted=_any_action(tables["doses"], "interrupt", key),
        unsolved=_unsolved(tables["solves"], key),
        stop_day=_stop_day(tables["doses"], key),
        chemotherapy=cycles,
        chemo_share=share,
        last_day=floats(patients, "EOSDY"),
        adverse={} if adverse is None else _adverse(adverse, key),
        profile=_profile(observations, tables["doses"], key),
    )


def _arms_in_order(patients: pa.Table) -> tuple[str, ...]:
    arms = patients.column("ARM").unify_dictionaries()
    coded = arms.num_chunks > 0 and pa.types.is_dictionary(arms.type)
    words = arms.chunk(0).dictionary if coded else arms
    return tuple(dict.fromkeys(words.to_pylist()))


def _arm_codes(patients: pa.Table, ids: tuple[str, ...]) -> Codes:
    codes, words = codes_of(patients, "ARM")
    unknown = sorted({words[k] for k in np.unique(codes)} - set(ids))
    if unknown:
        raise ValueError(f"patients: arm {', '.join(unknown)} is not one of {', '.join(ids)}")
    return np.array([ids.index(word) if word in ids else -1 for word in words], dtype=np.int64)[codes]


def _after_day_0(events: pa.Table) -> pa.Table:
    """The events of the days of the study: a stage also knows earlier rescues that void its first days."""
    return events.filter(pc.greater(column(events, "ADY"), 0))


def _first_day(rows: pa.Table, which: tuple[str, str], day: str, key: Codes) -> Array:
    """Each patient's earliest ``day`` in the rows whose column and value are ``which``; inf without one."""
    chosen = rows.filter(pa.array(says(rows, *which)))
    first = np.full(len(key), np.inf)
    np.minimum.at(first, places(key, key_of(chosen)), floats(chosen, day))
    return first


def _voids(events: pa.Table, key: Codes) -> tuple[Array, Array]:
    """First day that each rescue voids and first that it does not, (n, R) both: for good where the table does not say.

    Of rescues for good only the first one counts.
    """
    rescues = events.filter(pa.array(says(events, "EVENT", "RESCUE")))
    if "VOIDENDY" not in rescues.column_names:
        first = _first_day(rescues, ("EVENT", "RESCUE"), "ADY", key)[:, None]
        return first, np.full_like(first, np.inf)
    day, end = _of_each(rescues, "ADY", key), _of_each(rescues, "VOIDENDY", key)
    return day, np.where(np.isnan(end), np.inf, end)


def _of_each(events: pa.Table, name: str, key: Codes) -> Array:
    """A column of the rescues, (n, R) in the order of the table, inf where there is none."""
    rescues = events.filter(pa.array(says(events, "EVENT", "RESCUE")))
    who = places(key, key_of(rescues))
    order = np.argsort(who, kind="stable")
    number = np.arange(len(who)) - np.searchsorted(who[order], who[order])
    found = np.full((len(key), int(number.max(initial=-1)) + 1), np.inf)
    found[who[order], number] = floats(rescues, name)[order]
    return found


def _stop_day(doses: pa.Table, key: Codes) -> Array:
    """End (day after the last day) of each patient's last period with active drug, of who never has any with sham."""
    last = {}
    for name in ("EXDOSE", "DOSELEV"):
        given = doses.filter(pc.greater(column(doses, name), 0.0))
        last[name] = np.full(len(key), -np.inf)
        np.maximum.at(last[name], places(key, key_of(given)), floats(given, "AENDY"))
    end = np.where(np.isinf(last["EXDOSE"]), last["DOSELEV"], last["EXDOSE"])
    return np.where(np.isinf(end), np.nan, end)


def _cycles(events: pa.Table, key: Codes) -> tuple[Array, Array]:
    """Day of the first CHEMO row of every cycle, NaN where not given, and share of the planned dose, (n, C) each."""
    given = events.filter(pa.array(says(events, "EVENT", "CHEMO")))
    place = places(key, key_of(given)), ints(given, "CYCLE") - 1
    first, share = np.ones((2, len(key), int(place[1].max(initial=-1)) + 1)) * [[[np.inf]], [[1.0]]]
    np.minimum.at(first, place, floats(given, "ADY"))
    if "CHSHARE" in given.column_names:
        share[place] = floats(given, "CHSHARE")
    return np.where(np.isinf(first), np.nan, first), share


def _adverse(events: pa.Table, key: Codes) -> dict[str, Array]:
    """Day of each patient's event by code, inf without one."""
    code, who, day = texts_of(events, "AECD"), places(key, key_of(events)), floats(events, "ADY")
    found = {}
    for name in np.unique(code).tolist():
        found[name] = np.full(len(key), np.inf)
        found[name][who[code == name]] = day[code == name]
    return found


def _any_action(doses: pa.Table, action: str, key: Codes) -> Flags:
    chosen = doses.filter(pa.array(says(doses, "ACTION", action)))
    found = np.zeros(len(key), dtype=bool)
    found[places(key, key_of(chosen))] = True
    return found


def _unsolved(solves: pa.Table, key: Codes) -> Texts:
    failed = solves.filter(pa.array(~says(solves, "STATUS", "OK")))
    reason = np.full(len(key), "", dtype="<U40")
    reason[places(key, key_of(failed))] = np.char.add("solver: ", texts_of(failed, "STATUS"))
    return reason


def _profile(observations: pa.Table, doses: pa.Table, key: Codes) -> Profile | None:
    rows = rows_of(observations, "CONC")
    if rows.num_rows == 0:
        return None
    times, values, days = pivot(rows, key, "ATPT", "ADY")
    reasons = texts_of(rows, "AVALREAS").reshape(values.shape)
    below = reasons == BELOW_LIMIT
    values, reasons = np.where(below, 0.0, values), np.where(below, "", reasons)
    first = days[:, 0]
    last = first + max(times[-1] // 24.0 - 1.0, 0.0)
    return Profile(times, values, reasons, _dose_on(doses, first, key), _dose_on(doses, last, key))


def _dose_on(doses: pa.Table, day: Array, key: Codes) -> Array:
    """Active drug prescribed on each patient's ``day`` (mg, 0 when no period covers it)."""
    patient = places(key, key_of(doses))
    covers = (floats(doses, "ASTDY") <= day[patient]) & (day[patient] < floats(doses, "AENDY"))
    dose = np.zeros(len(key))
    dose[patient[covers]] = floats(doses, "EXDOSE")[covers]
    return dose


def patient_columns(records: Records, who: Codes) -> list[pa.Array]:
    """IREP, SUBJID, USUBJID and ARM of a table whose rows belong to patients ``who``."""
    keys = [pa.array(key[who].astype(np.int32)) for key in (records.replicate, records.subject)]
    return [*keys, coded(who, records.usubjid.tolist()), coded(records.arm[who], list(records.arm_ids))]
