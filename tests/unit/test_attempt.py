"""An attempt at a run: who it is, what is kept when it stops, and when nothing is left to do."""

import errno
from types import SimpleNamespace

import pytest

import trial.app.attempt as attempt
from trial.app.attempt import How, _kept, identity, is_finished
from trial.app.folder import CONFIG
from trial.app.identity import _leaves
from trial.errors import Refused, Stopped
from trial.study.load import load_study, resolved_yaml

SMOKE = "configs/smoke.yaml"


def test_every_value_of_a_config_has_a_name():
    said = {"arms": [{"id": "A", "ratio": 1}, {"id": "B"}], "seed": 7, "dropout": [], "published": None, "meals": {}}
    assert dict(_leaves(said, "")) == {
        "arms.0.id": "A", "arms.0.ratio": "1", "arms.1.id": "B", "seed": "7", "dropout": "[]", "published": "None",
        "meals": "{}",
    }  # fmt: skip


def test_files_count_by_what_they_hold(tmp_path):
    study = load_study(SMOKE)
    plain = identity(study.model_copy(update={"published": None}))
    assert plain["published.rows"] == plain["population.file"] == "None" and plain["seed"] == str(study.seed)
    assert {"engine", "numpy"} <= set(plain)
    (tmp_path / "rows.csv").write_text("x")
    moved = study.model_copy(
        update={"published": study.published.model_copy(update={"rows": str(tmp_path / "rows.csv")})}
    )
    first = identity(moved)["published.rows"]
    assert first.startswith("a file with sha256 2d711642b726")
    (tmp_path / "rows.csv").write_text("y")
    assert identity(moved)["published.rows"] != first != identity(study)["published.rows"]


def test_a_run_is_finished_when_it_is_there_and_the_same_but_for_published_rows(tmp_path, monkeypatch):
    problem = ["manifest.json missing"]
    monkeypatch.setattr(attempt, "manifest_problem", lambda folder: problem[0])
    monkeypatch.setattr(attempt, "opened", lambda folder: SimpleNamespace(study="there", manifest={}))
    known = {"there": {"seed": "1", "published.rows": "a"}, "same": {"seed": "1", "published.rows": "b"},
             "other": {"seed": "2", "published.rows": "a"}, "more": {"seed": "1", "new": "1"}}  # fmt: skip
    monkeypatch.setattr(attempt, "identity", known.get)
    assert not is_finished("same", tmp_path), "the manifest is written last"
    problem[0] = ""
    assert [is_finished(name, tmp_path) for name in ("there", "same", "other", "more")] == [True, True, False, False]


@pytest.fixture
def stopping(tmp_path, monkeypatch):
    """Stops work with an error when so many units are kept: what was said, what was raised, and whether all is gone."""

    def stop(error, units):
        said, beside = [], tmp_path / ".x.unfinished"
        beside.mkdir(exist_ok=True)
        monkeypatch.setattr(attempt.folders, "units_kept", lambda folder: units)
        monkeypatch.setattr(attempt, "work_units", lambda study: range(8))
        monkeypatch.setattr(attempt.shutil, "disk_usage", lambda path: SimpleNamespace(free=2.5 * 2**30))
        with (
            pytest.raises((Stopped, KeyboardInterrupt, ValueError)) as caught,
            _kept(tmp_path / "x", beside, None, said.append),
        ):
            raise error
        return said, caught.value, beside.exists()

    return stop


def test_what_is_kept_when_the_disk_refuses(stopping):
    full = OSError(errno.ENOSPC, "disk is full", "file.parquet")
    said, error, kept = stopping(full, 3)
    assert str(error) == (
        "file.parquet: cannot be written (disk is full; 2.5 GiB free); 3 of 8 units are kept; the same command with "
        "--resume goes on"
    )
    assert kept and said == []
    _, error, kept = stopping(OSError("no words"), 0)
    assert not kept and "x: cannot be written (no words; 2.5 GiB free); no unit was finished" in str(error)


def test_what_is_said_of_an_interruption_and_of_another_error(stopping, tmp_path):
    assert stopping(KeyboardInterrupt(), 0)[0] == [
        f"{tmp_path / 'x'}: no unit was finished; an earlier run is as it was"
    ]
    assert stopping(KeyboardInterrupt(), 2)[0][0].endswith(
        "2 of 8 units are kept; the same command with --resume goes on"
    )
    assert stopping(ValueError("x"), 2)[0] and stopping(ValueError("x"), 0)[0] == []


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """Runs a study that is not simulated: what was asked of each step."""
    asked = {}

    def call(units=0, finished=False, **how):
        asked.clear()
        study = load_study(SMOKE)
        counted = SimpleNamespace(n_patients=5, n_failed=1)
        replaced = {
            "execute": lambda *a, **k: (asked.update(executed=(a[2], *a[4:]), **k), counted)[1],
            "conclude": lambda *a: (asked.update(concluded=a[3]), (SimpleNamespace(lines=["line"]), study))[1],
            "refuse_too_large": lambda *a: asked.update(sized=a[2:]),
            "_report": lambda folder, of, say: asked.update(reported="finished" in asked),
            "is_finished": lambda *a: finished, "cores": lambda: 3, "_announce": lambda *a: None,
        }  # fmt: skip
        for name, value in replaced.items():
            monkeypatch.setattr(attempt, name, value)
        places = {
            "units_kept": lambda folder: units, "checked": lambda folder, over, config: asked.update(overwrite=over),
            "begin": lambda folder, *a: tmp_path,
            "finish": lambda *a, keep_units: asked.update(finished=not keep_units),
        }  # fmt: skip
        for name, value in places.items():
            monkeypatch.setattr(attempt.folders, name, value)
        said = []
        done = attempt.run_study(study, tmp_path / "x", How(**how), say=said.append)
        return done, asked, said

    return call


def test_a_plain_run(tried):
    done, asked, said = tried()
    assert (done.lines, done.n_patients, done.n_failed) == (["line"], 5, 1) and said == []
    assert asked["executed"] == (3, None) and asked["keep_units"] is True, (
        "units are kept until the run is in its place"
    )
    assert asked["sized"] == (3, True, 1) and asked["overwrite"] is False and asked["finished"]
    volatile = asked["concluded"]
    assert volatile["workers"] == 3 and 0 <= volatile["seconds"] < 60
    assert asked["reported"], "when the tables are in their place"
    assert volatile["seconds"] == round(volatile["seconds"], 1)
    _, asked, _ = tried(workers=7, with_report=False)
    assert asked["executed"] == (7, None) and "reported" not in asked and asked["sized"] == (7, False, 1)


def test_going_on(tried, tmp_path):
    """Nothing to do; nothing there to go on with; units that are there, which replace what stands in the folder."""
    nothing = (None, [f"{tmp_path / 'x'}: this run is finished; nothing to do"])
    assert tried(resume=True, finished=True, with_report=False)[::2] == nothing
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "report.html").write_text("")
    assert tried(resume=True, finished=True)[::2] == nothing
    done, asked, said = tried(resume=True)
    assert (
        done and said == [f"{tmp_path / 'x'}: nothing unfinished is there; a new run begins"] and not asked["overwrite"]
    )
    (tmp_path / "x" / "report.html").unlink()
    (tmp_path / "x" / CONFIG).write_text(resolved_yaml(load_study(SMOKE)), encoding="utf-8")
    done, asked, said = tried(resume=True, finished=True)
    assert done is None and "reported" in asked and "finished, but for its report" in said[0]
    (tmp_path / "x" / "report.html").write_text("")
    _, asked, said = tried(units=1, resume=True, finished=True)
    assert asked["overwrite"] is True and "sized" not in asked and said == []
    assert tried(units=2)[1]["overwrite"] is False and tried(overwrite=True)[1]["overwrite"] is True


@pytest.mark.parametrize(
    ("asked", "file", "said"),
    [
        ("with_sensitivity", "sensitivity.parquet", "'vtrial sensitivity {config}' makes it beside the run"),
        ("with_attribution", "attribution.parquet", "'vtrial attribute {config}' makes it beside the run"),
        ("with_estimands", "estimands.parquet", "'vtrial estimands {config}' makes it beside the run"),
        (
            "with_structures",
            "structures.parquet",
            "the same command with --overwrite instead of --resume makes the run",
        ),
    ],
)
def test_a_finished_run_without_a_table_that_is_asked_for_is_no_success(tried, tmp_path, asked, file, said):
    how = {"resume": True, "finished": True, "with_report": False, asked: True}
    said = said.format(config=tmp_path / "x" / CONFIG)
    with pytest.raises(Refused) as caught:
        tried(**how)
    assert str(caught.value).startswith(f"{tmp_path / 'x'}: this run is finished without {file}: {said}")
    (tmp_path / "x").mkdir(exist_ok=True)
    (tmp_path / "x" / file).write_text("")
    assert tried(**how)[2] == [f"{tmp_path / 'x'}: this run is finished; nothing to do"]


def test_defaults_replace_nothing_and_write_a_report():
    assert How() == How(False, False, None, None, True, False, None)
    with pytest.raises(Refused, match="--backend: seen 'dask'; allowed: loky, threading"):
        attempt.run_study(None, None, How(backend="dask"))


@pytest.mark.parametrize(("failed", "many"), [(0, False), (50, False), (51, True)])
def test_more_than_a_twentieth_of_failed_solves_are_many(failed, many):
    assert attempt.Done((), None, 1000, failed).many_failed == many


def test_estimands_only_when_asked(tried, monkeypatch):
    import trial.app.estimands

    told = []
    monkeypatch.setattr(trial.app.estimands, "write_estimands", lambda *a, **k: told.append(a[2]))
    tried()
    assert told == []
    tried(with_estimands=True)
    assert told == [3]


def test_attribution_only_when_asked(tried, monkeypatch):
    import trial.app.attribution

    told = []
    monkeypatch.setattr(trial.app.attribution, "write_contributions", lambda *a, **k: told.append(a[2]))
    tried()
    assert told == []
    tried(with_attribution=True)
    assert told == [3]


def test_sensitivity_only_when_asked(tried, monkeypatch):
    import trial.app.sensitivity

    told = []
    monkeypatch.setattr(trial.app.sensitivity, "write_effects", lambda *a, **k: told.append(a[2]))
    tried()
    assert told == []
    tried(with_sensitivity=True)
    assert told == [3]
