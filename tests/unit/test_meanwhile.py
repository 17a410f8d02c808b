"""What the commands say meanwhile: progress with the time left, a word before a silence, whole summaries, folding."""

import io
import subprocess
import sys
import threading
import time

import pytest

from trial.app.talk import patience
from trial.cli import main
from trial.cli.console import duration, progress, said, say
from trial.jobs.forecast import enrolling_bytes
from trial.jobs.work import UNIT_PATIENTS, enrolment
from trial.study.load import load_study

SMOKE = "configs/smoke.yaml"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "text"),
    [
        (0, 400, 0.0, "0 of 400 (0 %)"),
        (100, 400, 5.0, "100 of 400 (25 %), about 15 s left"),
        (1, 400, 5.0, "1 of 400 (0 %), about 33 min left"),
        (1, 4000, 5.0, "1 of 4000 (0 %), about 5.6 h left"),
        (400, 400, 20.25, "400 of 400 (100 %), 20.2 s"),
        (0, 0, 0.0, "0 of 0 (100 %), 0.0 s"),
    ],
)
def test_per_cent_and_the_time_left(done, total, seconds, text):
    assert said(done, total, seconds) == text


def test_durations_for_people():
    assert [duration(s) for s in (0.4, 99, 100, 5999, 6000, 36000)] == [
        "0 s",
        "99 s",
        "2 min",
        "100 min",
        "1.7 h",
        "10.0 h",
    ]


class Screen(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self):
        return True


def test_progress_on_a_terminal_of_80_columns(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with progress("patients") as tell:
        tell(0, 1_000_000)
        time.sleep(0.2)
        tell(250_000, 1_000_000)
        time.sleep(0.2)
    shown = screen.getvalue()
    assert "250000 of 1000000 (25 %), about" in shown and " s left" in shown


def test_a_message_is_folded_on_a_terminal_and_whole_elsewhere(monkeypatch, capsys):
    say("word " * 60)
    assert len(capsys.readouterr().err.splitlines()) == 1
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    say("word " * 60)
    lines = screen.getvalue().splitlines()
    assert len(lines) > 5 and max(map(len, lines)) <= 40 and lines[1].startswith("  word")


def test_a_word_before_a_silence_and_none_for_what_is_quick():
    heard, told = [], threading.Event()
    with patience(heard.append, "drawing ...", after_s=30):
        pass
    assert heard == []
    with patience(lambda line: (heard.append(line), told.set()), "drawing ...", after_s=0.01):
        assert told.wait(10)
    assert heard == ["drawing ..."]


def test_summaries_of_help_are_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "Say what the assumed numbers do to the primary result: one at a time, or all at once." in out
    assert "Write the report of a run again." in out and "..." not in out.partition("Commands")[2]


def test_report_of_an_interrupted_run_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".x.unfinished" / "units" / "0000000").mkdir(parents=True)
    for command in (["report", "x"], ["cite", "x"], ["replay", "x", "--replicate", "0", "--patient", "1"]):
        assert main(command) == 2
        assert (
            "x: this run was interrupted, 1 unit finished; the same 'vtrial run' with --resume"
            in capsys.readouterr().err
        )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "hetrombopag_itp_mei_2021.calibration.json",
            '{"values": ',
            "calibration.json: cannot be read: Expecting value",
        ),
        ("hetrombopag_itp_mei_2021.calibration.json", '{"targets": []}', "calibration.json: missing keys"),
        ("hetrombopag_wang_2022.py", "x = (\n", "hetrombopag_wang_2022.py:1: not Python: '(' was never closed"),
        (
            "hetrombopag_wang_2022.py",
            "x = 1\ny = z\n",
            "hetrombopag_wang_2022.py:2: NameError: name 'z' is not defined",
        ),
    ],
)
def test_a_broken_file_of_the_catalogue_is_named(tmp_path, name, content, said):
    import shutil

    for package in ("cohorts", "trial", "analysis"):
        shutil.copytree(package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cohorts" / "sets" / name).write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "trial", "catalogue"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": "."},
    )
    assert done.returncode == 1 and said in done.stderr and "VTRIAL_DEBUG" not in done.stderr, done.stderr
    assert "a file of the catalogue" in done.stderr


def test_a_replicate_larger_than_a_unit_counts_in_the_forecast():
    """1,123 and 1,119 bytes a patient were measured for 100,000 and 200,000 patients of this study."""
    study = load_study(SMOKE)
    few = enrolment(study.model_copy(update={"patients": 1024}), 0)
    assert enrolling_bytes(study.model_copy(update={"patients": UNIT_PATIENTS}), few) == 0
    assert enrolling_bytes(study.model_copy(update={"patients": 200_000}), few) / 200_000 == pytest.approx(
        1121, rel=0.15
    )
