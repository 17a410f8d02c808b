"""Files of a user's own set: titles, merged records, hashes, copies, circles, sizes; by hand."""

import hashlib
import json

import pytest

from cohorts import own
from cohorts.own import SetError, chain, copied, digest, is_file_name, left_alone, own_set
from cohorts.sets import parameter_set

BASE = parameter_set("hetrombopag_wang_2022")
RECORD = {"id": "mine", "extends": "hetrombopag_wang_2022", "values": {"CL": 7.0}, "targets": [], "note": "n"}


@pytest.fixture
def write(tmp_path):
    def written(name, **changes):
        text = json.dumps(RECORD | changes)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


def read(path, taken=()):
    return own_set(path, parameter_set, taken)


def test_files_are_told_from_ids():
    assert [is_file_name(name) for name in ("a.json", "a.py", "a.csv", "json", "a.json.txt")] == [
        True,
        True,
        *[False] * 3,
    ]


def test_the_title_names_the_first_six():
    assert own._changed_title(BASE, []) == f"As {BASE.id}"
    assert own._changed_title(BASE, list("abcdef")) == f"Changed from {BASE.id}: a, b, c, d, e, f"
    assert own._changed_title(BASE, list("abcdefgh")) == f"Changed from {BASE.id}: a, b, c, d, e, f and 2 more"


def test_new_records_take_the_place_of_those_of_the_same_name():
    def same(word):
        return word.lower()

    assert own._merged(("a", "b", "c"), ["B", "d"], same) == ("a", "B", "c", "d")
    assert own._merged(("a",), [], same) == ("a",)
    assert own._merged(("a",), ["b", "B"], same) == ("a", "b", "B"), "twice is left to the gates"


def test_what_an_entry_is_about():
    assert own._named({"name": "CL", "parameter": "x"}) == "CL" and own._named({}) == ""
    assert own._named({"parameter": "CL", "covariate": "SEX"}) == "SEX CL" and own._named({"a": "A", "b": "B"}) == "A B"
    assert own._named({"name": 5}) == "5" and own._named({"parameter": 5, "b": "B"}) == "B"


def test_whole_numbers_of_up_to_299_digits():
    assert own._whole("9" * 299) == 10**299 - 1 and own._whole("9" * 300) == float("inf")


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(tmp_path, monkeypatch):
    assert own.LARGEST_BYTES == 10 * 2**20
    monkeypatch.setattr(own, "LARGEST_BYTES", 10)
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert own._bytes(tmp_path / "a") == b"x" * 10
    (tmp_path / "a").write_bytes(b"x" * 11)
    with pytest.raises(SetError, match="a: seen 0 KiB; allowed: at most 0 KiB"):
        own._bytes(tmp_path / "a")
    with pytest.raises(SetError, match="there is no file"):
        own._bytes(tmp_path / "b")
    with pytest.raises(SetError, match="a folder, not a file"):
        own._bytes(tmp_path)


def test_ids_are_at_most_a_hundred_characters_and_none_of_the_catalogue(write):
    assert read(write("a.json", id="x" * 100)).id == "x" * 100
    for name in ("x" * 101, "9x", "a b", ""):
        with pytest.raises(SetError, match="id: seen"):
            read(write("a.json", id=name))
    with pytest.raises(SetError, match=r"a\.json: id: mine is a set of the catalogue; give yours another id"):
        read(write("a.json"), taken=("mine",))


def test_hashes_of_one_file_and_of_files_that_extend_each_other(write):
    first, second = write("a.json"), write("b.json", extends="a.json", id="other")
    assert digest(first) == hashlib.sha256(first.read_bytes()).hexdigest()
    parts = [json.dumps(RECORD | {"extends": None, "id": "other"}), json.dumps(RECORD)]
    assert digest(second) == hashlib.sha256("\n".join(parts).encode()).hexdigest()
    moved = write("c.json", extends="d.json", id="other")
    write("d.json")
    assert digest(moved) == digest(second), "names of files do not count"


def test_copies_stand_alone(write, tmp_path):
    write("a.json")
    last = write("c.json", extends=write("b.json", extends="a.json", id="b").name, id="c")
    there = tmp_path / "there"
    there.mkdir()
    assert copied(last, there, "set") == "set.json"
    assert sorted(p.name for p in there.iterdir()) == ["set.json", "set_2.json", "set_3.json"]
    said = [json.loads((there / name).read_text())["extends"] for name in ("set.json", "set_2.json", "set_3.json")]
    assert said == ["set_2.json", "set_3.json", "hetrombopag_wang_2022"]
    assert [p.name for p in chain(last)] == ["c.json", "b.json", "a.json"]


def test_files_that_extend_each_other_in_a_circle(write):
    write("a.json", extends="b.json")
    with pytest.raises(SetError, match=r"b\.json: files extend each other in a circle: b\.json"):
        chain(write("b.json", extends="a.json"))


def test_keys_left_alone_and_keys_that_are_misspelt(write):
    write("a.json", zzzz=1, seed=3)
    assert left_alone(write("b.json", extends="a.json", qqqq=2, distance=1.0)) == ["qqqq", "zzzz"]
    for key in ("value", "notes", "structure", "home", "Titel"):
        with pytest.raises(SetError, match=f"{key}: unknown key"):
            read(write("a.json", **{key: 1}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rse_percent": {"CL": 10.0}}, ""),
        ({"rse_percent": {"VC": 10.0}}, "rse_percent.VC: give the value too, under values"),
        ({"uncertainty": {"names": ["VC"], "rse_percent": {"VC": 1.0}, "correlation": [[1.0]]}},
         "uncertainty.VC: give the value too, under values"),
        ({"uncertainty": {"names": ["CL"], "rse_percent": {"CL": 1.0}, "correlation": [[1.0]]}}, ""),
    ],
    ids=str,
)  # fmt: skip
def test_standard_errors_of_values_that_are_not_given(write, changes, said):
    path = write("a.json", **changes)
    if said:
        with pytest.raises(SetError, match=said):
            read(path)
    else:
        assert read(path).value("CL") == 7.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n\n  x}", r"a\.json:3: not JSON"),
        ("[]", r"a\.json: seen \[\]; needed: keys id, extends, values"),
        ("null", r"a\.json: seen nothing; needed"),
        (f'"{"x" * 50}"', f"seen '{'x' * 36}...; needed"),
        ("\ufeff" + json.dumps(RECORD | {"notes": 1}), "notes: unknown key; did you mean note"),
    ],
)
def test_files_that_are_no_set(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(SetError, match=said):
        read(tmp_path / "a.json")


def test_a_python_file_fails_with_its_line_and_is_run_once(tmp_path):
    path = tmp_path / "a.py"
    for text, said in (
        ("x = 1\n\ny = 1 / 0\n", r"a\.py:3: ZeroDivisionError: division by zero"),
        ("x = (\n", r"a\.py:1: not Python: "),
        ("raise SystemExit(3)\n", r"a\.py:1: SystemExit: 3"),
        ("x = 1\n", r"a\.py: PARAMETER_SET: seen nothing; needed: a cohorts\.parameters\.ParameterSet"),
        ("PARAMETER_SET = 5\n", r"a\.py: PARAMETER_SET: seen 5; needed"),
    ):
        path.write_text(text)
        with pytest.raises(SetError, match=said):
            read(path)
    path.write_text("z = 1\n")
    assert own.module(path) is own.module(path)


def test_a_json_set_may_extend_a_python_set(write, tmp_path):
    text = "from dataclasses import replace\nfrom cohorts.sets import parameter_set\nPARAMETER_SET = replace(\n"
    (tmp_path / "p.py").write_text(text + '    parameter_set("hetrombopag_wang_2022"), id="p")\n')
    first, second = write("a.json", extends="p.py"), write("b.json", extends="a.json", id="b", values={"VC": 31.0})
    assert [p.name for p in chain(second)] == ["b.json", "a.json", "p.py"]
    assert read(second).value("CL") == 7.0 and read(second).value("VC") == 31.0 and read(first).id == "mine"
    parts = [json.dumps(RECORD | {"extends": None}), (tmp_path / "p.py").read_text()]
    assert digest(first) == hashlib.sha256("\n".join(parts).encode()).hexdigest()
    there = tmp_path / "there"
    there.mkdir()
    assert copied(second, there, "set") == "set.json" and (there / "set_3.py").read_text() == parts[1]
    assert left_alone(second) == []
