"""The folder of a run on disk: when it may be replaced, taken up again, put in place; every case on its own."""

import json
from pathlib import Path

import pytest

import trial.app.folder as folders
from trial.app.door import verified
from trial.app.folder import begin, checked, finish, locked, ready, unfinished, units_kept, with_inputs
from trial.errors import Refused
from trial.jobs.provenance import add_report, write_manifest
from trial.study.protocol import Record

WHO = {"engine": "1", "seed": "7"}


@pytest.fixture
def run(tmp_path):
    """A folder as a finished run leaves it."""
    folder = tmp_path / "runs" / "x"
    folder.mkdir(parents=True)
    return written(folder, "config.resolved.yaml", "scorecard.csv", "own_set.py", "own_set_2.py")


def written(folder, *names):
    """The folder with these files, a manifest that names them, and a report."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}")
    write_manifest(folder, "", {}, {})
    (folder / "report.html").write_text("")
    add_report(folder)
    return folder


def refused(folder, overwrite=True, config=None):
    with pytest.raises(Refused) as caught:
        checked(folder, overwrite, config)
    return str(caught.value)


def test_a_new_and_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert checked(tmp_path / name, overwrite=False) == tmp_path / name
    (tmp_path / "file").write_text("")
    assert "this is a file" in refused(tmp_path / "file")


def test_a_run_is_replaced_only_when_asked(run):
    assert checked(run, overwrite=True) == run
    assert "--overwrite replaces them" in refused(run, overwrite=False)


def test_other_results_are_replaced_only_when_asked_and_a_run_never(run, tmp_path):
    mine = tmp_path / "mine"
    for _ in range(2):
        ready(mine, ["a.csv"], overwrite=False)
    (mine / "b.csv").write_text("")
    ready(mine, ["a.csv"], overwrite=False)
    (mine / "a.csv").write_text("")
    with pytest.raises(Refused, match="results are already there; --overwrite replaces them, --out DIR writes"):
        ready(mine, ["a.csv"], overwrite=False)
    ready(mine, ["a.csv"], overwrite=True)
    with pytest.raises(Refused, match="this is the folder of a run, which stays as it is"):
        ready(run, ["a.csv"], overwrite=True)
    with pytest.raises(Refused, match="this is a file"):
        ready(mine / "a.csv", ["a.csv"], overwrite=True)
    with pytest.raises(Refused, match="cannot be written"):
        ready(mine / "a.csv" / "x", ["a.csv"], overwrite=True)


def test_a_manifest_of_this_engine_makes_a_run_and_nothing_else_does(tmp_path):
    (tmp_path / "config.resolved.yaml").write_text("")
    assert "something else than a run (manifest.json missing)" in refused(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    assert "something else than a run (manifest.json is not of this engine)" in refused(tmp_path)
    write_manifest(tmp_path, "", {}, {})
    assert checked(tmp_path, overwrite=True)


@pytest.mark.parametrize("name", ["notes.txt", "own_sets.py", "setup.py", "data/"])
def test_what_is_not_of_a_run_is_named_and_stays(run, name):
    (run / name).mkdir() if name.endswith("/") else (run / name).write_text("")
    assert f"something else than a run: {name.strip('/')} is not named by its manifest" in refused(run)


def test_a_folder_with_the_name_of_a_table_is_not_of_a_run(run):
    (run / "scorecard.csv").unlink()
    (run / "scorecard.csv").mkdir()
    assert "run: scorecard.csv is" in refused(run)


def test_units_belong_to_a_run_that_was_cut_short_while_it_was_put_in_place(run):
    (run / "units").mkdir()
    assert "run: units is" in refused(run)
    (run / "identity.json").write_text("{}")
    assert checked(run, overwrite=True)


def test_the_config_itself_and_the_current_folder_are_not_deleted(run, tmp_path, monkeypatch):
    assert "the config itself" in refused(run, config=run / "config.resolved.yaml")
    assert checked(run, True, tmp_path / "study.yaml") and checked(run, True, None)
    monkeypatch.chdir(run)
    assert "current folder" in refused(run)


def test_a_way_up_from_a_folder_that_is_not_there_is_no_place_for_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match=r"--out: seen 'no/\.\./x'; there is no folder no to go up from"):
        checked(Path("no/../x"), False)
    (tmp_path / "no").mkdir()
    assert checked(Path("no/../x"), False) == Path("no/../x")


def test_a_finished_run_has_a_manifest_that_names_its_tables(run, tmp_path):
    with pytest.raises(Refused, match="there is no such folder"):
        verified(tmp_path / "none")
    with pytest.raises(Refused, match=r"damaged \(estimates.parquet is not named by manifest.json"):
        verified(run)
    (run / "manifest.json").unlink()
    with pytest.raises(Refused, match=r"not the folder of a finished run of this engine \(manifest.json missing\)"):
        verified(run)


def test_only_one_at_a_time_and_the_lock_goes(tmp_path):
    folder = tmp_path / "new" / "deep" / "x"
    with locked(folder), pytest.raises(Refused, match="another run is working on this folder"), locked(folder):
        pass
    with locked(folder):
        (lock,) = folder.parent.iterdir()
        lock.unlink()
    assert list(folder.parent.iterdir()) == []


def test_a_replacement_cut_short_is_put_back(run):
    old = run.with_name(".x.replaced")
    run.rename(old)
    with locked(run):
        assert run.is_dir() and not old.exists()
        old.mkdir()
        (old / "left").write_text("")
    with locked(run):
        assert (run / "manifest.json").exists() and (old / "left").exists(), "the new one is there: the old one waits"


def test_work_begins_anew_or_goes_on_where_it_is_the_same(tmp_path):
    folder = tmp_path / "runs" / "x"
    beside = begin(folder, False, False, WHO)
    assert beside == unfinished(folder) == tmp_path / "runs" / ".x.unfinished"
    assert json.loads((beside / "identity.json").read_text()) == WHO and units_kept(folder) == 0
    (beside / "stale").write_text("")
    begin(folder, False, False, WHO)
    assert not (beside / "stale").exists(), "without a finished unit nothing is kept"
    (beside / "units" / "00000").mkdir(parents=True)
    (beside / "units" / "later").mkdir()
    assert units_kept(folder) == 1
    for resume in (False, True):
        with pytest.raises(Refused, match="1 unit finished" if not resume else "seed was 7, now it is 8"):
            begin(folder, False, resume, WHO | {"seed": "8"} if resume else WHO)
    assert begin(folder, False, True, WHO) == beside and units_kept(folder) == 1
    (beside / "units" / "00001").mkdir()
    with pytest.raises(Refused, match="2 units finished; --resume goes on with it, --overwrite starts anew"):
        begin(folder, False, False, WHO)
    begin(folder, True, False, WHO)
    assert units_kept(folder) == 0


def test_what_is_named_on_one_side_only_is_another_run(tmp_path):
    (begin(tmp_path / "x", False, False, WHO) / "units" / "00000").mkdir(parents=True)
    for now, said in (
        (WHO | {"new": "1"}, "new was not there, now it is 1"),
        ({"engine": "1"}, "seed was 7, now it is not there"),
    ):
        with pytest.raises(Refused, match=said):
            begin(tmp_path / "x", False, True, now)
    (unfinished(tmp_path / "x") / "identity.json").write_text("{")
    with pytest.raises(Refused, match="engine was not there, now it is 1"):
        begin(tmp_path / "x", False, True, WHO)


@pytest.mark.parametrize("earlier", [True, False])
def test_finished_work_takes_the_place_and_leaves_nothing_beside_it(tmp_path, earlier):
    folder = tmp_path / "x"
    if earlier:
        written(folder, "old")
    beside = begin(folder, False, False, WHO)
    (beside / "units").mkdir()
    written(beside, "new")
    finish(folder, beside)
    of_a_run = {"manifest.json", "report.html"}
    assert [p.name for p in tmp_path.iterdir()] == ["x"] and {p.name for p in folder.iterdir()} == of_a_run | {"new"}
    written(beside, "newer")
    (folder / "mine").write_text("")
    (tmp_path / ".x.replaced").mkdir()
    finish(folder, beside)
    assert {p.name for p in folder.iterdir()} == of_a_run | {"newer", "mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


class Rows(Record):
    rows: str | None = None
    baseline: str | None = None
    file: str | None = None


class Inputs(Record):
    parameter_set: str = "hetrombopag_wang_2022"
    population: Rows = Rows()
    published: Rows | None = None
    schedule: str | None = None


@pytest.mark.parametrize("another_design", [True, False])
def test_files_are_copied_and_named_by_their_copies(tmp_path, monkeypatch, another_design):
    """Rows of another design are kept, but not counted."""
    text = "row_id,counted,note\na,yes,x\nb,no,y\n"
    (tmp_path / "rows.csv").write_text(text)
    (tmp_path / "mine.parquet").write_text("people")
    monkeypatch.setattr(folders, "differs_from_published", lambda study: another_design)
    (tmp_path / "run").mkdir()
    given = Inputs(
        population=Rows(file=str(tmp_path / "mine.parquet")), published=Rows(rows=str(tmp_path / "rows.csv"))
    )
    made = with_inputs(given, tmp_path / "run")
    assert made.population.file == "own_patients.parquet" and made.published.rows == "published.csv"
    assert (tmp_path / "run" / "own_patients.parquet").read_text() == "people"
    kept = (tmp_path / "run" / "published.csv").read_text()
    assert kept == (text.replace("yes", "no") if another_design else text)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["own_patients.parquet", "published.csv"]


def test_without_published_rows_nothing_is_uncounted(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "differs_from_published", lambda study: True)
    assert with_inputs(Inputs(), tmp_path) == Inputs() and list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_a_refusal(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(Refused, match="cannot be written \\(No space left\\)"):
        begin(tmp_path / "x", False, False, WHO)
