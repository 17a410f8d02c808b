"""From endpoints per patient to what the estimates need: counts and locations per replicate and arm.

A run of any number of replicates is summed up row group by row group, so that only these small arrays, and the patients
of the named replicate, are in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.endpoints import chosen, endpoints_of
from analysis.endpoints.columns import distinct
from analysis.endpoints.contract import Endpoint, Evaluated
from analysis.endpoints.records import Array, Codes, Records, Texts
from analysis.statistics import estimators
from trial.study.study import Study

STATISTICS: dict[str, Callable[[Array], float]] = {
    "mean": lambda values: float(values.mean()),
    "SD": lambda values: float(values.std(ddof=1)) if values.size > 1 else float("nan"),
    "geometric mean": estimators.geometric_mean,
    "geometric CV": estimators.geometric_cv,
    "median": lambda values: float(np.median(values)),
    "minimum": lambda values: float(values.min()),
    "maximum": lambda values: float(values.max()),
}
NO_CODES: Codes = np.empty(0, dtype=np.int64)
LOCATION = {"median": "median", "mean": "mean", "geomean": "geometric mean"}


@dataclass(frozen=True)
class Summary:
    """One endpoint over R replicates and A arms.

    ``events``, ``sizes`` (R, A): subjects with a yes, evaluable subjects. ``location`` (R, A) of a measured endpoint
    (median, mean or geometric mean; NaN where nobody is evaluable). Of the named replicate (row ``named``), by arm:
    ``values`` of the evaluable, and ``absent``, how many have no value for which reason; ``reasons``: how many of all
    replicates.

    ``pairs`` (R, A, 3) of a rate when the same patients are in every arm: yes in the arm only, yes in the reference arm
    only, evaluable in both; else (R, 0, 3). ``stratified`` (2, R, A, S) events and sizes in the strata of the
    randomisation, of a rate that is compared within them; else (2, R, A, 0).
    """

    events: Array
    sizes: Array
    location: Array
    pairs: Array
    stratified: NDArray[np.int32]
    values: tuple[Array, ...]
    absent: tuple[Counter[str], ...]
    reasons: Counter[str]
    named: int


@dataclass(frozen=True)
class Rows:
    """Patients of one endpoint: replicate, arm index, value (NaN where none) and reason, as a code into ``words``;
    stratum as a code into ``strata``, none where they are not asked for.
    """

    replicate: Codes
    arm: Codes
    value: Array
    reason: Codes
    words: tuple[str, ...]
    stratum: Codes
    strata: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Piece:
    """A Summary of some whole replicates."""

    replicates: Codes
    events: Array
    sizes: Array
    location: Array
    pairs: Array
    stratified: NDArray[np.int32]
    strata: tuple[str, ...]
    reasons: Counter[str]
    values: tuple[Array, ...] = ()
    absent: tuple[Counter[str], ...] = ()


def within_strata(study: Study) -> bool:
    """Whether arms are compared within the strata of the randomisation."""
    asked = study.analysis.method.strata == "randomisation" and bool(study.randomisation.strata)
    return asked and compares_arms(study)


def compares_arms(study: Study) -> bool:
    """Whether arms of separate patients are compared with a reference arm."""
    return not study.paired and study.analysis.reference_arm in study.arm_ids


def of_records(records: Records, evaluated: Mapping[str, Evaluated], study: Study) -> dict[str, Summary]:
    """Summaries of endpoints evaluated in memory."""
    known = endpoints_of(study.analysis)
    summaries = {}
    strata, stratum = distinct([records.stratum]) if within_strata(study) else ([], NO_CODES)
    for code, result in evaluated.items():
        words, reason = distinct([result.reason])
        rows = Rows(records.replicate, records.arm, result.value, reason, tuple(words), stratum, tuple(strata))
        summaries[code] = _joined([_piece(known[code], rows, len(records.arm_ids), study)], study)
    return summaries


def of_file(path: Path, study: Study) -> dict[str, Summary]:
    """Summaries of an endpoints table, whole replicates at a time; the units of the run are its row groups."""
    known, arms = chosen(study), len(study.arm_ids)
    pieces: dict[str, list[_Piece]] = {code: [] for code in known}
    strata = ["STRATUM"] * within_strata(study)
    for table in whole_replicates(path, ["IREP", "ARM", *strata, "PARAMCD", "AVAL", "REASON"]):
        for code, rows in _by_endpoint(table, study.arm_ids):
            pieces[code].append(_piece(known[code], rows, arms, study))
    return {code: _joined(found, study) for code, found in pieces.items()}


def whole_replicates(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of the row groups of a table sorted by replicate; those that share a replicate come together."""
    file = pq.ParquetFile(path)
    waiting: list[pa.Table] = []
    last = None
    for k in range(file.num_row_groups):
        group = file.read_row_group(k, columns=list(columns))
        span = pc.min_max(group["IREP"]).as_py()
        if waiting and span["min"] != last:
            yield pa.concat_tables(waiting)
            waiting = []
        waiting.append(group)
        last = span["max"]
    if waiting:
        yield pa.concat_tables(waiting)


def _by_endpoint(table: pa.Table, arm_ids: tuple[str, ...]) -> Iterator[tuple[str, Rows]]:
    """The rows of every endpoint, patients in order."""
    table = table.unify_dictionaries()
    replicate, value = (table[name].to_numpy() for name in ("IREP", "AVAL"))
    (endpoint, codes), (arm, arms), (reason, words) = (_coded(table[n]) for n in ("PARAMCD", "ARM", "REASON"))
    stratum, strata = _coded(table["STRATUM"]) if "STRATUM" in table.column_names else (NO_CODES, [])
    known = np.array([arm_ids.index(name) for name in arms])
    order = np.argsort(endpoint.astype(np.int16), kind="stable")
    cuts = np.searchsorted(endpoint[order], np.arange(1, len(codes)))
    for code, rows in zip(codes, np.split(order, cuts), strict=True):
        yield (
            code,
            Rows(
                replicate[rows].astype(np.int64),
                known[arm[rows]],
                value[rows],
                reason[rows].astype(np.int64),
                tuple(words),
                stratum[rows].astype(np.int64) if strata else NO_CODES,
                tuple(strata),
            ),
        )


def decoded(column: pa.ChunkedArray) -> Texts:
    """A dictionary column as text, null as ""."""
    if column.null_count:
        return np.array(column.cast(pa.string()).fill_null("").to_pylist(), dtype=str)
    codes, words = _coded(column)
    return np.array(words, dtype=str)[codes] if len(codes) else np.empty(0, dtype=str)


def values(column: pa.ChunkedArray) -> list[Any]:
    """A column as a list, null as None; that of a dictionary word by word, not entry by entry."""
    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    whole = column.unify_dictionaries().combine_chunks()
    words = [*whole.dictionary.to_pylist(), None]
    return [words[code] for code in whole.indices.fill_null(-1).to_pylist()]


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    whole = column.unify_dictionaries().combine_chunks()
    return whole.indices.to_numpy(), whole.dictionary.to_pylist()


def _piece(endpoint: Endpoint, rows: Rows, arms: int, study: Study) -> _Piece:
    replicates, position = np.unique(rows.replicate, return_inverse=True)
    cell, shape = position.ravel() * arms + rows.arm, (len(replicates), arms)
    evaluable = ~np.isnan(rows.value)
    sizes = np.bincount(cell[evaluable], minlength=shape[0] * arms).astype(np.float64).reshape(shape)
    events: Array = np.bincount(cell, weights=np.nan_to_num(rows.value), minlength=sizes.size).astype(np.float64)
    events = events.reshape(shape)
    location = np.full(shape, np.nan)
    if endpoint.summary != "rate":
        statistic = STATISTICS[LOCATION[endpoint.summary]]
        groups = _grouped(cell[evaluable], rows.value[evaluable], location.size)
        location.ravel()[:] = [statistic(group) if len(group) else np.nan for group in groups]
    pairs = np.empty((shape[0], 0, 3))
    if study.paired and endpoint.summary == "rate" and study.analysis.reference_arm in study.arm_ids:
        pairs = _pairs(rows.value, cell, shape, study.arm_ids.index(study.analysis.reference_arm))
    strata = rows.strata if endpoint.summary == "rate" else ()
    stratified = _stratified(rows, cell, shape, len(strata))
    reasons = Counter({rows.words[k]: n for k, n in Counter(rows.reason[~evaluable].tolist()).items()})
    whole = _Piece(replicates, events, sizes, location, pairs, stratified, strata, reasons)
    if study.analysis.named_replicate not in replicates:
        return whole
    mine = [(rows.replicate == study.analysis.named_replicate) & (rows.arm == k) for k in range(arms)]
    values = tuple(rows.value[m & evaluable] for m in mine)
    absent = tuple(Counter(rows.words[k] for k in rows.reason[m & ~evaluable]) for m in mine)
    return replace(whole, values=values, absent=absent)


def _stratified(rows: Rows, cell: Codes, shape: tuple[int, int], strata: int) -> NDArray[np.int32]:
    """See ``Summary.stratified``; ``cell`` is a place in a flat ``shape`` (R, A)."""
    if not strata:
        return np.empty((2, *shape, 0), dtype=np.int32)
    evaluable = ~np.isnan(rows.value)
    place = cell[evaluable] * strata + rows.stratum[evaluable]
    size = shape[0] * shape[1] * strata
    counts = np.bincount(place, rows.value[evaluable], minlength=size), np.bincount(place, minlength=size)
    return np.stack([count.reshape(*shape, strata).astype(np.int32) for count in counts])


def _pairs(value: Array, cell: Codes, shape: tuple[int, int], reference: int) -> Array:
    """See ``Summary.pairs``; patients of every cell (replicate, arm) come in the same order.

    Raises ValueError when the cells do not have the same number of patients.
    """
    people = np.bincount(cell, minlength=shape[0] * shape[1])
    if people.min() < people.max():
        raise ValueError(f"every patient is in every arm, but arms have {people.min()} to {people.max()} patients")
    mine = value[np.argsort(cell, kind="stable")].reshape(*shape, -1)
    theirs = mine[:, reference : reference + 1]
    known = ~np.isnan(mine) & ~np.isnan(theirs)
    counts = [(known & yes).sum(axis=2) for yes in (mine > theirs, mine < theirs, known)]
    return np.stack(counts, axis=2).astype(np.float64)


def _grouped(cell: Codes, value: Array, cells: int) -> list[Array]:
    order = np.argsort(cell, kind="stable")
    return np.split(value[order], np.searchsorted(cell[order], np.arange(1, cells)))


def _joined(pieces: list[_Piece], study: Study) -> Summary:
    """Raises ValueError when the named replicate was not simulated."""
    replicates = np.concatenate([piece.replicates for piece in pieces])
    row = np.flatnonzero(replicates == study.analysis.named_replicate)
    if not row.size:
        named = study.analysis.named_replicate
        raise ValueError(f"named_replicate {named} is not among the {len(replicates)} replicates")
    events, sizes, location, pairs = (
        np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("events", "sizes", "location", "pairs")
    )
    one = next(piece for piece in pieces if piece.values)
    reasons = sum((piece.reasons for piece in pieces), Counter[str]())
    stratified = _same_strata(pieces)
    return Summary(events, sizes, location, pairs, stratified, one.values, one.absent, reasons, int(row[0]))


def _same_strata(pieces: Sequence[_Piece]) -> NDArray[np.int32]:
    """The strata of all pieces, which need not have the same, in alphabetical order."""
    words = sorted({word for piece in pieces for word in piece.strata})
    found = []
    for piece in pieces:
        whole = np.zeros((*piece.stratified.shape[:3], len(words)), dtype=np.int32)
        whole[..., [words.index(word) for word in piece.strata]] = piece.stratified
        found.append(whole)
    return np.concatenate(found, axis=1)
