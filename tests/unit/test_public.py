"""What ``trial.run`` passes on when nothing is said; nothing is simulated."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import trial.app.public as public
from trial.app.attempt import How
from trial.errors import Stopped


class Done:
    """A run that is only its folder."""

    def __init__(self, folder):
        self.folder = folder


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the run was asked for."""
    seen = []
    monkeypatch.setattr(public, "check_again", lambda study: SimpleNamespace(study=study, warnings=("odd",)))
    monkeypatch.setattr(public, "run_study", lambda *given: seen.append(given))
    monkeypatch.setattr(public, "Run", Done)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return seen


STUDY = SimpleNamespace(id="x")


def test_a_run_replaces_nothing_and_writes_a_report(asked):
    done = public.run(STUDY, "here")
    study, folder, how, warnings, *_ = asked[0]
    assert (study, folder, how, warnings) == (STUDY, Path("here"), How(), ("odd",)) and done.folder == Path("here")
    public.run(STUDY, "here", overwrite=True, resume=True, workers=3, with_report=False, with_sensitivity=True)
    assert asked[1][2] == How(True, True, 3, None, False, True)


def test_a_temporary_run_has_a_folder_of_its_own(asked, tmp_path):
    done = public.run(STUDY)
    assert done.folder == asked[0][1] and done.folder.name == "x" and done.folder.parent.parent == tmp_path
    assert done.folder.parent.is_dir()
    home = done.folder.parent
    del done
    assert not home.exists()


def test_a_temporary_run_that_stops_leaves_nothing(asked, monkeypatch, tmp_path):
    def stop(*_):
        raise Stopped("full") from OSError("disk")

    monkeypatch.setattr(public, "run_study", stop)
    with pytest.raises(Stopped, match=r"cannot be written \(disk\); give another folder with out"):
        public.run(STUDY)
    assert list(tmp_path.iterdir()) == []
