"""YAML with places: lines, inheritance, one value replaced, and what cannot be read, each on a text of a few lines."""

import pytest
from ruamel.yaml.error import YAMLError

from trial.errors import ConfigError
from trial.study import yamltree
from trial.study.placed import Place, as_tree, find, merged, plain
from trial.study.yamltree import read, read_text, with_override

TEXT = """\
id: x
arms:
- id: A
  ratio: 1
- id: B
visits:
  days: [7, 14]
"""


def tree(tmp_path, text=TEXT, name="a.yaml"):
    (tmp_path / name).write_text(text)
    return read(tmp_path / name)


def refused(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return list(caught.value.messages)


def test_every_value_knows_its_line(tmp_path):
    found = tree(tmp_path)
    lines = {
        path: find(found, path).place.line
        for path in (("id",), ("arms",), ("arms", 1), ("arms", 0, "ratio"), ("visits", "days", 1))
    }
    assert lines == {("id",): 1, ("arms",): 2, ("arms", 1): 5, ("arms", 0, "ratio"): 4, ("visits", "days", 1): 7}
    assert find(found, ("arms", 7, "ratio")).place.line == 2 and find(found, ("none",)).place.line == 1
    assert find(found, ("id",)).place.path == tmp_path / "a.yaml" and str(find(found, ("id",)).place).endswith(
        "a.yaml:1"
    )
    assert str(Place("--set x=1")) == "--set x=1"
    assert plain(found) == {"id": "x", "arms": [{"id": "A", "ratio": 1}, {"id": "B"}], "visits": {"days": [7, 14]}}


def test_a_child_over_its_parent(tmp_path):
    tree(tmp_path, TEXT, "parent.yaml")
    child = tree(tmp_path, "extends: parent.yaml\nid: y\nvisits:\n  window_days: 2\narms: []\n", "child.yaml")
    assert plain(child) == {"id": "y", "arms": [], "visits": {"days": [7, 14], "window_days": 2}}
    assert find(child, ("visits", "days")).place.name.endswith("parent.yaml")
    one, two = as_tree({"a": 1}, Place("p")), as_tree([1], Place("c"))
    assert [(x.value, x.over) for x in (merged(one, two), merged(two, one))] == [(two.value, one), (one.value, two)]


def changed(text, key, value):
    return plain(with_override(as_tree(text, Place("f")), key, value, Place("--set")))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("a.b", "2", {"a": {"b": 2, "c": [1, {"d": 1}, 3]}}),
        ("a.c.0", "9", {"a": {"b": 1, "c": [9, {"d": 1}, 3]}}),
        ("a.c.1.d", "x", {"a": {"b": 1, "c": [1, {"d": "x"}, 3]}}),
        ("a.c.2", "[4]", {"a": {"b": 1, "c": [1, {"d": 1}, [4]]}}),
        ("new.deep", "true", {"a": {"b": 1, "c": [1, {"d": 1}, 3]}, "new": {"deep": True}}),
        ("a", "null", {"a": None}),
    ],
)
def test_one_value_is_replaced(key, value, expected):
    assert changed({"a": {"b": 1, "c": [1, {"d": 1}, 3]}}, key, value) == expected


def test_keys_with_dots_are_found_as_they_stand():
    assert changed({"h": {"A.1": 1, "A": {"1": 2}}}, "h.A.1", "5") == {"h": {"A.1": 5, "A": {"1": 2}}}
    assert changed({"x": None}, "x.y", "5") == {"x": {"y": 5}}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("c.3", "1", "seen '3' for an entry of a list; allowed: 0 to 2"),
        ("c.x", "1", "seen 'x'"),
        ("e.0", "1", "allowed: none, the list is empty"),
        ("b.d", "1", "there is a single value (1) above it"),
        ("b", "[", "'[' is not a value in YAML"),
        ("c.-1", "1", "seen '-1'"),
        ("b", "1" * 40, "--set: b: seen a number of 40 digits"),
    ],
)
def test_what_cannot_be_replaced(key, value, words):
    (said,) = refused(changed, {"b": 1, "c": [1, 2, 3], "e": []}, key, value)
    assert said.startswith("--set: ") and words in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.yaml:1: the file is empty"),
        ("\n- 1\n", "a.yaml:2: seen a list or a single value"),
        ("id: x\nid: y\n", "a.yaml:2: id: this key is given twice, on lines 1 and 2"),
        ("a: &x\n  <<: 1\n", "a.yaml:2: a.?: seen a key that is not a plain word"),
        ("? [1]\n: 2\n", "a.yaml:1: ?: seen a key that is not a plain word"),
        ("a: &x\n- *x\n", "a.yaml:1: a.0: refers to itself"),
        ("a:\n\t- 1\n", "a.yaml:2: a tab at the start of the line"),
        ("a: 2001-99-99\n", "a.yaml:1: a: seen '2001-99-99', which YAML cannot read"),
        ("id: x\na: [1,\n  2\nb: 3\n", "a.yaml:2: not YAML near 'a: [1,': the [ is not closed"),
        ("a: b: c\n", "a.yaml:1: not YAML near 'a: b: c': "),
        ("a: 'x\n", "a.yaml:1: not YAML near \"a: 'x\": the quote ' is opened and not closed"),
        ("a: 'xx\n", "a.yaml:1: not YAML near \"a: 'xx\": the quote ' is opened and not closed"),
    ],
)
def test_what_cannot_be_read(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (first, *_) = refused(tree, tmp_path, text)
    assert first.startswith(said), first


def test_a_control_character_has_its_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(tree, tmp_path, "a: 1\nb: \x01\n")[0].startswith("a.yaml:2: not YAML: ")
    assert yamltree._syntax(YAMLError("odd"), "a\nb", "n").startswith("n:1: not YAML: ")


def test_files_that_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"a: 1\nb: \xff\n")
    assert refused(read, tmp_path / "b.yaml") == [
        "b.yaml:2: not UTF-8 text (byte 0xFF); save the file with encoding UTF-8"
    ]
    assert refused(read, tmp_path / "c.yaml") == ["c.yaml: there is no such file; in that folder: b.yaml"]
    assert refused(read, tmp_path / "none" / "c.yaml") == ["none/c.yaml: there is no such file"]
    assert "this is a folder" in refused(read, tmp_path)[0]


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("[a]", "the name of one YAML file"),
        ("none.yaml", "there is no file none.yaml"),
        ("a.yaml", "in a circle: a.yaml -> a.yaml"),
    ],
)
def test_what_cannot_be_extended(tmp_path, monkeypatch, extends, said):
    monkeypatch.chdir(tmp_path)
    (message,) = refused(tree, tmp_path, f"id: x\nextends: {extends}\n")
    assert message.startswith("a.yaml:2: extends: ") and said in message


def test_two_children_of_one_parent_are_no_circle(tmp_path):
    """A file may come twice in a chain of names only when it leads back to itself."""
    tree(tmp_path, "id: base\n", "base.yaml")
    (tmp_path / "sub").mkdir()
    tree(tmp_path, "extends: ../base.yaml\nn: 1\n", "sub/base.yaml")
    assert plain(read(tmp_path / "sub" / "base.yaml")) == {"id": "base", "n": 1}


def test_many_groups_on_one_line_are_not_inside_each_other():
    """A hundred arms may stand on one line; 51 brackets that are open at once may not."""
    arms = ", ".join(f"{{id: A{k}}}" for k in range(100))
    assert len(plain(read_text(f"arms: [{arms}]", "x"))["arms"]) == 100
    with pytest.raises(ConfigError, match="x:1: more than 50 groups or lists inside each other"):
        read_text(f"a: {'[' * 51}{']' * 51}", "x")


def test_the_line_after_which_a_text_has_too_many_values():
    """By commas and lines: three values on the first line, one on the second, two on the third."""
    text = "a: [1, 2, 3]\nb: 4\nc: [5, 6]\n"
    assert [yamltree._line_of_value(text, most) for most in (2, 3, 4, 5, 6)] == [1, 2, 3, 3, 0]
