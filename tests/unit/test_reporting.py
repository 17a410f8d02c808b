"""Which patients a report can show, at the edges of what a run kept; and what refuses a folder."""

from pathlib import Path

import pytest
from tiny_trial import study

import trial.app.one_patient as one_patient
from trial.app.folder import foreign
from trial.app.foresight import LARGE_RUN, refuse_too_large
from trial.app.reporting import _exist, report_of_run
from trial.app.versions import changes
from trial.cli.report import _pair
from trial.errors import Refused, Stopped
from trial.jobs.provenance import installed, manifest_problem, read_manifest, write_manifest

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
    packages = {name: version for name, version in now.items() if name not in ("engine", "arithmetic")}
    assert changes(engine | {"packages": packages}) == []
    old = {"engine": {"version": "0.0"}, "packages": packages | {"numpy": "1.0"}}
    assert changes(old) == [f"engine 0.0 then, {now['engine']} now", f"numpy 1.0 then, {now['numpy']} now"]
    other = engine | {"packages": packages, "arithmetic": "x86_64 without fused multiply-add"}
    assert changes(engine | {"packages": packages, "arithmetic": now["arithmetic"]}) == []
    assert changes(other) == [f"arithmetic x86_64 without fused multiply-add then, {now['arithmetic']} now"]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(28, "No space left on device", "x"), "x: the report cannot be written (No space left on device)"),
        (MemoryError(), "report.html: not enough memory"),
    ],
)
def test_a_report_that_cannot_be_written_leaves_a_whole_run_and_the_earlier_report(tmp_path, monkeypatch, error, why):
    write_manifest(tmp_path, "", {}, {})
    (tmp_path / "report.html").write_text("earlier")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("analysis.report.page.read_run", lambda *a: None)
    monkeypatch.setattr("analysis.report.page.render", lambda *a: "a page" * 1000)
    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(Stopped) as caught:
        report_of_run(tmp_path, study())
    monkeypatch.undo()
    assert why in str(caught.value) and "the tables are complete; 'vtrial report" in str(caught.value)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert manifest_problem(tmp_path) == ""


def test_the_report_of_a_run_is_named_by_its_manifest_once_it_is_there(tmp_path, monkeypatch):
    write_manifest(tmp_path, "", {}, {})
    assert "report.html" not in read_manifest(tmp_path)["files"]
    monkeypatch.setattr("analysis.report.page.read_run", lambda *a: None)
    monkeypatch.setattr("analysis.report.page.render", lambda *a: "a page")
    report_of_run(tmp_path, study())
    assert (tmp_path / "report.html").read_text() == "a page" and foreign(tmp_path) == []
    assert "report.html" in read_manifest(tmp_path)["files"] and manifest_problem(tmp_path) == ""
