"""Guesses at what was meant: units by hand, values in words, keys of another unit."""

import pytest
from hand_made import STUDY
from pydantic import ValidationError, create_model

from trial.study.explain import explain
from trial.study.protocol import Record
from trial.study.study import Study


def told(path, value):
    """What is said of a study with this value at this path."""
    data = {**STUDY, "arms": [dict(arm) for arm in STUDY["arms"]]}
    here = data
    *above, last = path
    for part in above:
        here[part] = type(here[part])(here[part]) if not isinstance(part, int) else dict(here[part])
        here = here[part]
    here[last] = value
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(data)
    return {".".join(map(str, at)): text for at, text in explain(caught.value, Study, data)}


DOSE = ("arms", 0, "start_dose_mg")


@pytest.mark.parametrize(
    ("path", "seen", "meant"),
    [
        (DOSE, "5000 ug", "5"), (DOSE, "5000 mcg", "5"), (DOSE, "5000 µg", "5"), (DOSE, "0.005 g", "5"),
        (DOSE, "5 mg", "5"), (DOSE, "2,5", "2.5"), (("visits", "window_days"), "2 weeks", "14"),
        (("visits", "window_days"), "1 week", "7"), (("visits", "window_days"), "48 h", "2"),
        (("visits", "window_days"), "48 hours", "2"), (("visits", "window_days"), "2 d", "2"),
        (("visits", "window_days"), "1 y", "365"), (("screening",), {"itp_duration_at_least_y": "6 months"}, "0.5"),
        (("screening",), {"itp_duration_at_least_y": "6 month"}, "0.5"),
        (("visits", "missed_probability"), "10 %", "0.1"), (("visits", "missed_probability"), "10 percent", "0.1"),
        (("dropout",), [{"reason": "wish", "hazard_per_week": "1 %"}], "share_by_end: 0.01"),
        (("dropout",), [{"reason": "wish", "hazard_per_week": "10%"}], "share_by_end: 0.1"),
        (("arms", 0, "meal_after_dose_h"), "90 min", "1.5"), (("adherence",), {"mean": "90%"}, "0.9"),
    ],
)  # fmt: skip
def test_a_number_with_its_unit(path, seen, meant):
    (text,) = told(path, seen).values()
    assert text.endswith(f"; did you mean {meant}?"), text


@pytest.mark.parametrize("seen", ["5 kg", "five", "5 mg/d", "", "x5"])
def test_what_cannot_be_guessed(seen):
    assert "did you mean" not in told(DOSE, seen)["arms.0.start_dose_mg"]


@pytest.mark.parametrize(
    ("path", "key", "value", "said"),
    [
        (("visits",), "window_weeks", 2, "did you mean window_days: 14?"),
        (("arms", 0), "start_dose_ug", 2500, "did you mean start_dose_mg: 2.5?"),
        (("arms", 0), "meal_after_dose_min", 30, "did you mean meal_after_dose_h: 0.5?"),
        (("visits",), "window", 2, "did you mean window_days?"),
        (("arms", 0), "start_dose_ug", True, "did you mean start_dose_mg?"),
    ],
)  # fmt: skip
def test_a_key_of_another_unit(path, key, value, said):
    assert said in told((*path, key), value)[".".join(map(str, (*path, key)))]


def test_numbers_in_words():
    assert told(DOSE, "x")["arms.0.start_dose_mg"] == (
        "seen 'x'; allowed: a plain number in mg (units are in the key name)"
    )
    assert told(("seed",), "x")["seed"] == "seen 'x'; allowed: a plain whole number"
    assert told(("visits", "missed_probability"), "x")["visits.missed_probability"] == (
        "seen 'x'; allowed: a plain number from 0 to 1"
    )
    assert (
        "a plain number per week"
        in told(("dropout",), [{"reason": "w", "hazard_per_week": "x"}])["dropout.0.hazard_per_week"]
    )


def test_bounds_and_kinds_in_words():
    assert told(("replicates",), 0)["replicates"] == "seen 0; allowed: 1 or more"
    assert told(DOSE, 201)["arms.0.start_dose_mg"] == "seen 201; allowed: 200 or less (mg)"
    assert told(("adherence",), {"mean": None})["adherence.mean"].startswith("seen nothing")
    assert told(("title",), 5)["title"] == "seen 5; allowed: text; put it in quotes"
    assert told(("title",), [5])["title"] == "seen [5]; allowed: text"
    assert told(("parameter_uncertainty",), "x")["parameter_uncertainty"] == (
        "seen 'x'; allowed: none, fitted or all; true means fitted, false none"
    )
    assert told(("typical_patient",), "x")["typical_patient"] == "seen 'x'; allowed: true or false"
    assert told(("id",), "a" * 61)["id"].endswith("allowed: at most 60 characters")
    assert "allowed: parallel, counterfactual; did you mean parallel?" in told(("allocation",), "paralel")["allocation"]


@pytest.mark.parametrize(("length", "shown"), [(58, "'" + "x" * 58 + "'"), (59, "'" + "x" * 56 + "...")])
def test_long_values_are_cut_at_60_characters(length, shown):
    assert told(DOSE, "x" * length)["arms.0.start_dose_mg"].startswith(f"seen {shown}; allowed")


def test_a_missing_key_says_what_it_means():
    data = {key: value for key, value in STUDY.items() if key not in ("treatment_days", "seed")}
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(data)
    found = {path[0]: text for path, text in explain(caught.value, Study, data)}
    arms = [{"id": "A"}]
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(STUDY | {"arms": arms})
    inside = {".".join(map(str, p)): text for p, text in explain(caught.value, Study, STUDY | {"arms": arms})}
    assert inside["arms.0.start_dose_mg"].endswith(" (mg)")
    assert found == {
        "treatment_days": "this key is needed and missing: doses are given on days 0 to this minus 1; "
        "with stages the end of the last with drug (days)",
        "seed": "this key is needed and missing: same config and same seed give the same numbers",
    }


def test_a_misspelt_needed_key_is_told_once():
    data = {("treatment_day" if key == "treatment_days" else key): value for key, value in STUDY.items()}
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(data)
    ((path, text),) = explain(caught.value, Study, data)
    assert path == ("treatment_day",) and "did you mean treatment_days" in text


def test_a_misspelt_needed_key_of_a_group_is_told_once():
    arms = [dict(STUDY["arms"][0], id="A"), {"id": "B", "start_dos_mg": 5}]
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(STUDY | {"arms": arms})
    ((path, text),) = explain(caught.value, Study, STUDY | {"arms": arms})
    assert path == ("arms", 1, "start_dos_mg") and "did you mean start_dose_mg" in text


def test_text_with_a_control_character_is_shown_and_refused_in_words():
    said = told(("title",), "one\ntwo")["title"]
    assert said.startswith("seen 'one\\ntwo'; allowed: one line of text without control characters, not ")


def test_a_key_at_the_wrong_place_and_an_unknown_one():
    assert told(("block_size",), 4)["block_size"] == "unknown key; it belongs at randomisation.block_size"
    assert told(("rescue",), {"zzz": 1})["rescue.zzz"] == "unknown key; allowed here: allowed, min_days_between, agents"


def test_lists_that_are_too_short():
    assert told(("arms",), [])["arms"] == "seen no arms; allowed: at least 1"
    assert told(("pk_sampling",), {"visit_day": 56, "times_h": [0, 24]})["pk_sampling.times_h"] == (
        "too few times; allowed: at least 3"
    )
    assert told(("visits", "days"), [])["visits.days"] == "seen no visits; allowed: at least 1"
    assert told(("visits", "days"), 7)["visits.days"].startswith("seen 7; allowed: a list")


@pytest.mark.parametrize(("keys", "listed"), [(10, True), (11, False)])
def test_a_nearest_key_stands_beside_all_the_others_where_they_are_at_most_ten(keys, listed):
    names = ["colour", *(f"zz{k}" for k in range(1, keys))]
    record = create_model("Made", __base__=Record, **{name: (int, 0) for name in names})
    with pytest.raises(ValidationError) as caught:
        record.model_validate({"color": 3})
    ((path, text),) = explain(caught.value, record, {"color": 3})
    assert path == ("color",)
    allowed = f" allowed here: {', '.join(names)}" if listed else ""
    assert text == f"unknown key; did you mean colour?{allowed}"
