"""Visits one by one and as a series; expected days written out."""

import pytest
from hand_made import STUDY

from trial.app.schema import json_schema
from trial.study.explain import explain
from trial.study.fingerprint import fingerprint
from trial.study.schedule import Visits
from trial.study.study import Study


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({"every": 14, "from": 56, "to": 168}, (56, 70, 84, 98, 112, 126, 140, 154, 168)),
        ({"every": 7, "to": 28}, (7, 14, 21, 28)),
        ({"days": [7, 14, 28], "every": 28, "to": 84}, (7, 14, 28, 56, 84)),
        ({"days": [7, 14], "every": 14, "from": 56, "to": 84}, (7, 14, 56, 70, 84)),
        ({"days": None, "every": 10, "from": 10, "to": 10}, (10,)),
        ({"days": [7], "every": None, "from": None}, (7,)),
    ],
)
def test_a_series_is_spelt_out(said, days):
    assert Visits.model_validate(said).days == days


def study(**visits):
    return STUDY | {"visits": visits, "analysis": {"assessment_day": 56}}


def test_a_series_is_the_same_study_as_its_days_and_is_written_as_days():
    short = Study.model_validate(study(every=28, **{"from": 28}, to=84))
    long = Study.model_validate(study(days=[28, 56, 84]))
    assert short == long and fingerprint(short) == fingerprint(long)
    assert set(short.model_dump()["visits"]) == {"days", "window_days", "missed_probability"}


def refused(**visits):
    data = study(**visits)
    with pytest.raises(ValueError) as caught:
        Study.model_validate(data)
    return {".".join(map(str, path)): text for path, text in explain(caught.value, Study, data)}


@pytest.mark.parametrize(
    ("said", "path", "words"),
    [
        ({"every": 14, "from": 56}, "visits.to", "to is missing"),
        ({"from": 56, "to": 168}, "visits.every", "every is missing"),
        ({"every": 14, "from": 56, "to": 170}, "visits.to", "from day 56 fall on 168 and 182"),
        ({"every": 14, "from": 56, "to": 42}, "visits.to", "seen 42; the series begins on day 56"),
        ({"every": "2 weeks", "to": 28}, "visits.every", "seen '2 weeks'; allowed: a plain whole number in days"),
        ({"every": 0, "to": 28}, "visits.every", "seen 0"), ({"every": True, "to": 28}, "visits.every", "seen True"),
        ({"days": [7, 56, 70], "every": 14, "from": 56, "to": 168}, "visits.from", "days goes on to 70"),
        ({"days": [7, 14], "every": 1, "from": 15, "to": 9999}, "visits.to", "seen 9999"),
        ({"days": [7, 56], "every": 14, "from": 56, "to": 84}, "visits.from", "seen 56; days goes on to 56"),
        ({"days": [14, 7], "every": 7, "from": 21, "to": 28}, "visits.days.1", "out of order"),
        ({"every": 2, "to": 56, "window_days": 1}, "visits.window_days", "visits 2 days apart"),
        ({"from_": 7}, "visits.from_", "did you mean from"),
    ],
)  # fmt: skip
def test_a_series_that_cannot_be(said, path, words):
    found = refused(**said)
    assert words in found[path], found


def test_the_schema_for_editors_takes_days_or_a_series():
    visits = json_schema()["$defs"]["Visits"]
    assert {"days", "every", "from", "to"} <= set(visits["properties"]) and "required" not in visits
