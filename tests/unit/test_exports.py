"""Units and words of a hospital's cells, each by what it means; separators of thousands; headers that say the unit."""

from pathlib import Path

import pytest

from cohorts.brought import PatientsError
from cohorts.exports import HEADS, Export, mapped, read_export


def made(**columns):
    lines = range(2, 2 + len(next(iter(columns.values()))))
    return Export(Path("x.csv"), "UTF-8", ";", columns, list(lines))


def read(name, cell, header="X"):
    found = mapped(made(**{header: [cell]}), {name: header}, {})
    return found.columns[name][0], list(found.changes)


UNITS = [
    *[("ITPDUR", f"6 {u}", 0.5) for u in ("m", "mo", "Mon", "month", "months", "Monat", "Monate")],
    *[("ITPDUR", f"365.25 {u}", 7.0) for u in ("w", "wk", "week", "weeks")],
    *[("ITPDUR", f"1461 {u}", 4.0) for u in ("d", "day", "days")],
    *[("AGE", f"43,5 {u}", 43.5) for u in ("", "y", "yr", "yrs", "Year", "years", "a", "Jahr", "Jahre")],
    *[("HEIGHT", cell, 254.0) for cell in ("254", "254 cm", "2.54 m", "2540 mm", "100 in", "100 inch", "100 inches")],
    *[("WEIGHT", cell, 45.359237) for cell in ("45359.237 g", "45.359237 kg", "100 lb", "100 lbs", "100 pounds")],
    *[("BLPLAT", f"12 {u}", 12.0) for u in ("", "10^9/L", "10e9/l", "x10^9/L", "G/l", "Gpt/l", "/nl", "K/uL")],
    *[("BLPLAT", f"12000 {u}", 12.0) for u in ("/µL", "/mm3", "/cmm")],
    ("BLPLAT", "12000000000 /L", 12.0),
    ("BLPLAT", "12.000/µl", 12.0), ("BLPLAT", "112,000 /uL", 112.0), ("BLPLAT", "12.5 /uL", 0.0125),
    ("BLPLAT", "1.234.000/µl", 1234.0), ("BLPLAT", "12,345,678,901 /L", 12.345678901),
    ("WEIGHT", "1.234.567 g", 1234.567),
    ("BLBLEED", "2 grade", 2.0), ("WEIGHT", "61,5", 61.5), ("WEIGHT", "1.234", 1.234), ("AGE", "-3", -3.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cell", "value"), UNITS)
def test_a_number_in_its_unit(name, cell, value):
    assert float(read(name, cell)[0]) == pytest.approx(value, rel=1e-9)


def test_what_was_done_is_said_with_how_many_rows():
    found = mapped(made(H=["1,62 m", "170", "180 cm", "1.9m"]), {"HEIGHT": "H"}, {})
    assert found.columns["HEIGHT"] == ["162", "170", "180", "190"]
    assert set(found.changes) == {"HEIGHT: decimal comma in 1 rows", "HEIGHT: m as cm in 2 rows"}
    assert read("WEIGHT", "70") == ("70", []) and read("BLPLAT", "")[0] == ""


@pytest.mark.parametrize(
    ("header", "value"),
    [("duration (months)", 2.0), ("duration [weeks]", 24 * 7 / 365.25), ("duration_months", 2.0),
     ("duration, mo", 2.0), ("duration", 24.0), ("duration (parsecs)", 24.0)],
)  # fmt: skip
def test_the_header_says_the_unit_of_cells_without_one(header, value):
    assert float(read("ITPDUR", "24", header)[0]) == pytest.approx(value, rel=1e-9)
    assert float(read("ITPDUR", "3 y", header)[0]) == 3.0, "the cell's own unit comes first"


@pytest.mark.parametrize(
    ("cell", "why"),
    [("old", "this is no number"), ("70 stone", "unknown unit 'stone'; allowed: kg, g, lb"), ("1.2.3", "no number"),
     ("1,234.567 g", "this is no number"),
     ("<70", "this is no number")],
)  # fmt: skip
def test_cells_that_cannot_be_read_are_named_with_their_line(cell, why):
    with pytest.raises(PatientsError, match=r"x\.csv: line 3: W: seen ") as caught:
        mapped(made(W=["70", cell]), {"WEIGHT": "W"}, {})
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("name", "cells", "meant"),
    [("SEX", "f/female/W/weiblich/Woman/Frau/m/male/männlich/man/Mann", "F F F F F F M M M M M"),
     ("SPLENFL", "y/Yes/ja/J/1/true/n/No/nein/0/false/none", "Y Y Y Y Y Y N N N N N N"),
     ("CONITPFL", "Y/N", "Y N")],
)  # fmt: skip
def test_words_are_understood_in_any_spelling(name, cells, meant):
    found = mapped(made(X=cells.split("/")), {name: "X"}, {})
    assert found.columns[name] == meant.split() and bool(found.changes) == (cells != "Y/N")


def test_a_word_that_is_not_known_stays_and_nothing_is_said_of_the_column():
    found = mapped(made(X=["f", "divers"]), {"SEX": "X"}, {})
    assert found.columns["SEX"] == ["F", "divers"] and found.changes == []


def test_every_header_is_of_one_column_and_plain():
    heads = [head for several in HEADS.values() for head in several]
    assert len(set(heads)) == len(heads) and all(head.isalnum() and head.islower() for head in heads)


def test_a_file_needs_a_header_and_a_row(tmp_path):
    path = tmp_path / "x.csv"
    for text, said in (("", "no patients"), ("AGE;SEX\n", "no patients"), ("\n\n", "no patients")):
        path.write_text(text)
        with pytest.raises(PatientsError, match=said):
            read_export(path)
    path.write_text("\nAGE|SEX\n\n 40 |F\n")
    found = read_export(path)
    assert found.columns == {"AGE": ["40"], "SEX": ["F"]} and found.lines == [4]
    path.write_text("AGE;AGE;SEX\n1;2;F\n")
    with pytest.raises(PatientsError, match="column AGE: given 2 times"):
        read_export(path)
    path.write_bytes(b"AGE\0;SEX\n1;2\n")
    with pytest.raises(PatientsError, match="this is no text"):
        read_export(path)


def test_ids_are_given_once():
    with pytest.raises(PatientsError, match="line 4: ID: seen 'a', which is already that of line 2"):
        mapped(made(ID=["a", "b", "a"]), {}, {})
    with pytest.raises(PatientsError, match="line 3: ID: an empty cell"):
        mapped(made(ID=["a", ""]), {}, {})
