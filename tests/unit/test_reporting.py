"""Which patients a report can show, at the edges of what a run kept; and what refuses a folder."""

import pytest
from tiny_trial import study

import trial.app.one_patient as one_patient
from trial.app.foresight import LARGE_RUN, refuse_too_large
from trial.app.reporting import _exist
from trial.app.versions import changes, installed
from trial.cli.report import _pair
from trial.errors import Refused

KEPT = study(replicates=60)
"""Replicates 0 to 9 are kept of 60, of 7 patients each."""


@pytest.mark.parametrize("who", [(0, 1), (9, 7), (3, 4)])
def test_patients_of_the_kept_replicates_are_there(who):
    _exist("x", KEPT, [who])


@pytest.mark.parametrize(
    ("who", "way"),
    [
        ((10, 1), True),
        ((59, 7), True),
        ((60, 1), False),
        ((59, 8), False),
        ((59, 0), False),
        ((0, 0), True),
        ((9, 8), False),
    ],
)
def test_the_others_are_refused_with_a_way_where_there_is_one(who, way):
    with pytest.raises(Refused) as caught:
        _exist("x", KEPT, [(0, 1), who])
    said = str(caught.value)
    assert said.startswith(f"--patient: seen {who[0]}:{who[1]}; allowed: replicate 0 to 9, subject 1 to 7")
    assert (f"vtrial replay x --replicate {who[0]} --patient {who[1]}" in said) == (way and who != (0, 0))


def test_a_pair_is_two_whole_numbers():
    assert _pair("0:17") == (0, 17)
    for text in ("0-17", "a:1", "1:b", "1:", ":1", "1"):
        with pytest.raises(Refused, match="two whole numbers"):
            _pair(text)


def test_a_patient_is_written_to_a_new_or_empty_folder(tmp_path):
    one_patient.must_be_empty(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    one_patient.must_be_empty(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path):
        with pytest.raises(Refused, match="there is something already"):
            one_patient.must_be_empty(place)


@pytest.mark.parametrize(
    ("patients", "replicates", "asked"), [(499, 100, 0), (500, 100, 1), (49_999, 1, 0), (50_000, 1, 1)]
)
def test_a_run_of_50_000_patients_is_probed_first(monkeypatch, patients, replicates, asked):
    probed = []
    monkeypatch.setattr("trial.app.foresight.foresee", lambda *a: probed.append(a) or type("F", (), {"problem": None}))
    refuse_too_large(study(replicates=replicates).model_copy(update={"patients": patients}), "x", 2)
    assert len(probed) == asked and LARGE_RUN == 50_000


def test_a_run_that_will_not_do_is_refused(monkeypatch):
    monkeypatch.setattr("trial.app.foresight.foresee", lambda *a: type("F", (), {"problem": "no disk"}))
    with pytest.raises(Refused, match="no disk"):
        refuse_too_large(study().model_copy(update={"patients": 50_000}), "x", 2)


def test_versions_that_changed_since_the_run():
    now = installed()
    engine = {"engine": {"version": now["engine"]}}
    packages = {name: version for name, version in now.items() if name != "engine"}
    assert changes(engine | {"packages": packages}) == []
    old = {"engine": {"version": "0.0"}, "packages": packages | {"numpy": "1.0"}}
    assert changes(old) == [f"engine 0.0 then, {now['engine']} now", f"numpy 1.0 then, {now['numpy']} now"]
