"""How a value that was seen is shown, and where it stands."""

from cohorts.parameters import ParameterSet
from cohorts.shape import Changes, read, shown

WHOLE = {"id": "a", "extends": "b", "values": {}, "targets": [], "note": "n"}


def test_what_was_seen_is_at_most_forty_characters():
    assert shown(None) == "nothing" and shown(5) == "5" and shown("x") == "'x'"
    assert shown("x" * 38) == f"'{'x' * 38}'", "forty with the quotes"
    assert shown("x" * 39) == f"'{'x' * 36}..." and len(shown("x" * 39)) == 40


def test_a_record_is_read_or_every_problem_is_named_with_its_place():
    made, problems = read(Changes, WHOLE)
    assert problems == [] and made.id == "a" and made.title == "" and made.uncertainty is None
    wrong = WHOLE | {"values": {"CL": "7"}, "note": None, "parameters": [3]}
    del wrong["extends"]
    none, problems = read(Changes, wrong)
    assert none is None and problems == [
        "extends: seen nothing; needed",
        "values.CL: seen '7'; allowed: a finite number",
        "note: seen nothing; needed: text",
        "parameters.0: seen 3; allowed: names with values",
    ]
    assert read(Changes, wrong, "mine")[1][0] == "mine.extends: seen nothing; needed"


def test_unknown_keys():
    assert read(Changes, WHOLE | {"vlues": {}})[1] == ["vlues: unknown key; did you mean values?"]
    (said,) = read(Changes, WHOLE | {"qqqq": 1}, "mine")[1]
    assert said.startswith("mine.qqqq: unknown key; allowed: id, extends, values, targets, note, ")


def test_a_record_of_a_list_is_named_by_its_name():
    record = {"parameters": [{"name": "CL", "value": "x"}, {"value": 1}]}
    (said, *_) = [p for p in read(ParameterSet, record)[1] if ".value" in p]
    assert said == "parameters.CL.value: seen 'x'; allowed: a finite number"
    assert "parameters.1.name: seen nothing; needed" in read(ParameterSet, record)[1]
