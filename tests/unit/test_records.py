"""Texts as codes: the words and places that numpy finds by sorting."""

import numpy as np
import pyarrow as pa
from tiny_trial import Patient, tables

from analysis.endpoints.columns import codes_of, distinct, says, texts_of
from analysis.endpoints.records import from_tables


def test_distinct_words_are_in_order_and_every_text_has_its_place():
    texts = [np.array(["b", "", "a longer one", "b"]), np.array(["", "ä", "a longer one"]), np.full(2, "")]
    words, codes = distinct(texts)
    expected, places = np.unique(np.concatenate(texts), return_inverse=True)
    assert words == expected.tolist() and codes.tolist() == places.tolist()
    assert distinct([np.empty(0, dtype=str)])[0] == []


def test_a_column_of_several_chunks_with_words_of_their_own():
    """Plain or coded, with empty cells: the same texts."""
    parts = [["x", None, "y"], ["y", "z"], []]
    plain = pa.chunked_array(parts, pa.string())
    coded = pa.chunked_array([pa.array(part, pa.string()).dictionary_encode() for part in parts])
    for column in (plain, coded):
        table = pa.table({"T": column})
        assert texts_of(table, "T").tolist() == ["x", "", "y", "y", "z"]
        assert says(table, "T", "y").tolist() == [False, False, True, True, False]
        assert not says(table, "T", "never").any()
        codes, words = codes_of(table, "T")
        assert [words[k] if k >= 0 else None for k in codes] == ["x", None, "y", "y", "z"]


def test_day_0_is_no_planned_visit_and_day_1_is_one():
    """Counts of week 1 taken as those of day 1."""
    made = tables([Patient([11.0, 12.0]), Patient([21.0, 22.0])])
    observations = made["observations"]
    place = observations.schema.get_field_index("AVISITN")
    days = np.array(observations["AVISITN"])
    moved = pa.array(np.where(days == 7, 1, days), observations.schema.field(place).type)
    made["observations"] = observations.set_column(place, observations.schema.field(place), moved)
    found = from_tables(made)
    assert found.planned.tolist()[:3] == [1, 14, 21]
    assert found.counts[:, :2].tolist() == [[11, 12], [21, 22]]


def test_a_table_without_rows_has_no_codes():
    table = pa.table({"T": pa.chunked_array([], pa.string())})
    codes, words = codes_of(table, "T")
    assert codes.shape == (0,) and words == []
