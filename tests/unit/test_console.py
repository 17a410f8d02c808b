"""What the commands share: columns, width, warnings, and progress with the time left."""

import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from trial.cli import console
from trial.cli.console import _plain_lines, columns, progress, warn


class Screen:
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal):
        self.terminal, self.text = terminal, ""

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def told(clock, *steps):
    """What is said of (done, total) on this clock, begun at its first time."""
    times = iter(clock)
    tell = _plain_lines("patients", lambda: next(times))
    for done, total in steps:
        tell(done, total)


@pytest.mark.parametrize(("columns", "widest"), [(20, 30), (30, 30), (31, 31), (80, 80)])
def test_a_paragraph_is_as_wide_as_the_terminal_and_never_narrower_than_30(monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", str(columns))
    first, *others = console.paragraph("x " * 200).splitlines()
    assert first.startswith("  x") and all(line.startswith("    x") for line in others)
    assert max(map(len, [first, *others])) in (widest, widest - 1), "words of one letter: to the last but one column"


def test_streams_that_are_there_stay_and_those_that_are_not_take_any_text(monkeypatch):
    there = Screen(False)
    for out, err in ((there, None), (None, there), (there, there)):
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        console.open_streams()
        for before, now in ((out, sys.stdout), (err, sys.stderr)):
            assert now is before if before else now.write("µ") == 1
            if now is not there:
                now.close()


def test_texts_stand_left_and_numbers_right():
    table = columns(("name", "count"), left=("name",))
    assert [column.justify for column in table.columns] == ["left", "right"]
    assert [column.overflow for column in table.columns] == ["fold", "fold"]
    assert table.padding == (0, 2, 0, 0) and table.box is None


@pytest.mark.parametrize(("said", "width"), [("100", 100), ("", 80)])
def test_a_file_is_as_wide_as_columns_says_or_80(monkeypatch, said, width):
    monkeypatch.setenv("COLUMNS", said)
    assert console.width() == width
    printed = console.console()
    assert printed.width == width
    with printed.capture() as taken:
        printed.print("[b]3[/b] of 'x'")
    assert taken.get() == "[b]3[/b] of 'x'\n"


def test_a_terminal_has_its_own_width(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen(terminal=True))
    monkeypatch.setattr(console, "width", lambda: 33)
    monkeypatch.setenv("COLUMNS", "120")
    assert console.console().width == 120


def test_numbers_have_no_colours_on_a_terminal_either(monkeypatch):
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console.console().print("3 of 'x'")
    assert screen.text == "3 of 'x'\n"


def test_warnings_are_one_line_each_on_stderr(capsys):
    warn(["one", "two"])
    assert capsys.readouterr() == ("", "warning: one\nwarning: two\n")


def test_plain_progress_every_ten_per_cent_or_five_seconds(capsys):
    told(map(float, range(101)), *((done, 100) for done in range(1, 101)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert lines[0] == "patients: 5 of 100 (5 %), about 95 s left"
    assert lines[-1] == "patients: 100 of 100 (100 %), 100.0 s"


def test_fast_work_is_told_every_ten_per_cent_and_slow_work_every_five_seconds(capsys):
    """40 patients in half a second: at 10 %, 20 % ...; then 4.9 s and 5 s after the last line, of 1000."""
    told([0.0] * 41, *((done, 40) for done in range(1, 41)))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == [str(4 * k) for k in range(1, 11)]
    told([0.0, 4.9, 5.0, 9.9, 10.0], (1, 1000), (2, 1000), (3, 1000), (4, 1000))
    assert capsys.readouterr().err.splitlines() == [
        "patients: 2 of 1000 (0 %), about 42 min left",
        "patients: 4 of 1000 (0 %), about 42 min left",
    ]


def test_the_clock_starts_with_the_work_and_nothing_done_has_no_rest(capsys):
    """Begun at 100 s: 3 of 4 after 30 s leave 10 s. Nothing done after 5 s: no guess."""
    told([100.0, 130.0, 140.0], (3, 4), (4, 4))
    told([0.0, 5.0], (0, 4))
    assert capsys.readouterr().err.splitlines() == [
        "patients: 3 of 4 (75 %), about 10 s left",
        "patients: 4 of 4 (100 %), 40.0 s",
        "patients: 0 of 4 (0 %)",
    ]


def test_progress_is_lines_in_a_file_and_a_bar_on_a_terminal(monkeypatch):
    for terminal in (False, True):
        screen = Screen(terminal)
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        with progress("patients") as tell:
            tell(3, 4)
            tell(4, 4)
            time.sleep(0)
        assert ("patients: 4 of 4 (100 %)" in screen.text) != terminal
        assert ("4 of 4 (100 %)" in screen.text) and ("\x1b[" in screen.text) == terminal
        assert screen.text.endswith("\x1b[2K") == terminal, "the bar is gone when the work is done"


@pytest.mark.parametrize("closed", [(), (0,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_become_a_file_that_takes_everything(monkeypatch, closed):
    opened, asked = [], []
    monkeypatch.setattr(sys, "stdout", Screen(terminal=False))
    monkeypatch.setattr(sys, "stderr", Screen(terminal=False))

    def fstat(number):
        if number in closed:
            raise OSError
        asked.append(number)

    system = SimpleNamespace(devnull="nothing", O_RDWR=2, fstat=fstat, open=lambda *said: opened.append(said))
    monkeypatch.setattr(console, "os", system)
    console.open_streams()
    assert opened == [("nothing", 2)] * len(closed)
    assert {*asked, *closed} == {0, 1, 2}


def test_a_message_on_a_terminal_is_folded_between_words_and_no_path_is_broken(monkeypatch):
    path = "/a/very-long/path/" + "x" * 30
    for width in (5, 20, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "stderr", Screen(terminal=True))
        console.say(f"one two three four five {path}")
        lines = sys.stderr.text.splitlines()
        assert path in sys.stderr.text and (width < 80) == (len(lines) > 1)
        assert all(len(line) <= max(width, 20) or line.strip() == path for line in lines)
    monkeypatch.setattr(sys, "stderr", Screen(terminal=False))
    console.say("one two " * 30)
    assert sys.stderr.text == "one two " * 30 + "\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(99.4, "99 s"), (100, "2 min"), (150, "2 min"), (5999, "100 min"), (6000, "1.7 h"), (36000, "10.0 h")],
)
def test_time_left_in_seconds_minutes_and_hours(seconds, said):
    assert console.duration(seconds) == said


@pytest.mark.parametrize(("error", "passes"), [(OSError("no space"), False), (ValueError("I/O on closed file"), False),
                                               (ValueError("else"), True)])  # fmt: skip
def test_what_a_stream_refuses_beside_the_work_falls_silent(monkeypatch, error, passes):
    silenced = []
    monkeypatch.setattr(console, "silence", lambda: silenced.append(True))
    with pytest.raises(ValueError, match="else") if passes else nullcontext(), console.aside():
        raise error
    assert silenced == [True] * (not passes)


def test_where_no_terminal_tells_its_width_it_is_80(monkeypatch):
    def nobody(*_):
        raise OSError

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", nobody)
    assert console._folded(f"{78 * 'a'} b") == f"{78 * 'a'} b"
    assert console._folded(f"{79 * 'a'} b") == f"{79 * 'a'}\n  b"
