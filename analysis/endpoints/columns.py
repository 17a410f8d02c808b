"""Columns of the tables of a run as arrays, and the rows of a patient by his key. Reads, never computes a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
Texts = NDArray[np.str_]


def column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def ints(table: pa.Table, name: str) -> Codes:
    return column(table, name).to_numpy().astype(np.int64)


def floats(table: pa.Table, name: str) -> Array:
    return column(table, name).cast(pa.float64()).to_numpy()


def codes_of(table: pa.Table, name: str) -> tuple[Codes, list[str]]:
    """A column of texts as codes into its distinct words; -1 where there is none."""
    column = table.column(name)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chunks = encoded.unify_dictionaries().chunks
    codes = [chunk.indices.fill_null(-1).to_numpy().astype(np.int64) for chunk in chunks]
    return (np.concatenate(codes), chunks[0].dictionary.to_pylist()) if chunks else (np.empty(0, dtype=np.int64), [])


def texts_of(table: pa.Table, name: str) -> Texts:
    """A column of texts, "" where there is none."""
    codes, words = codes_of(table, name)
    return np.array([*words, ""], dtype=str)[codes]


def says(table: pa.Table, name: str, word: str) -> Flags:
    """The rows whose text is ``word``."""
    codes, words = codes_of(table, name)
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
    return ints(table, "IREP") * 2**32 + ints(table, "SUBJID")


def rows_of(observations: pa.Table, parameter: str) -> pa.Table:
    return observations.filter(pa.array(says(observations, "PARAMCD", parameter)))


def pivot(rows: pa.Table, key: Codes, across: str, *extra: str) -> tuple[Array, ...]:
    """Columns of ``rows``: the distinct values of ``across`` (V,), then AVAL and each ``extra`` as (n, V) arrays."""
    n = len(key)
    places = rows.num_rows // n if n else 0
    if places * n != rows.num_rows or not np.array_equal(key_of(rows), np.repeat(key, places)):
        raise ValueError(
            f"observations: expected the same rows for every patient, in patient order; "
            f"seen {rows.num_rows} rows for {n} patients"
        )
    positions = floats(rows, across).reshape(n, places)
    if not (positions == positions[:1]).all():
        raise ValueError(f"observations: {across} differs between patients")
    return positions[0] if n else np.empty(0), *(floats(rows, name).reshape(n, places) for name in ("AVAL", *extra))


def places(key: Codes, wanted: Codes) -> Codes:
    """Row of each wanted key in ``key``; raises ValueError for a patient who is not in the patients table."""
    order = np.argsort(key, kind="stable")
    place = np.minimum(np.searchsorted(key, wanted, sorter=order), max(len(key) - 1, 0))
    rows = order[place]
    lost = wanted[key[rows] != wanted]
    if lost.size:
        replicate, subject = divmod(int(lost[0]), 2**32)
        raise ValueError(f"subject {subject} of replicate {replicate} is not in the patients table")
    return rows


def coded(codes: NDArray[Any], words: list[str]) -> pa.DictionaryArray:
    """A dictionary column: ``codes`` are places in ``words``."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, pa.string()))
