"""The first signal ends the work in order, the second the process."""

import multiprocessing
import signal
from types import SimpleNamespace

import pytest

from trial import cli


def test_the_first_signal_is_an_interrupt_and_the_second_the_end(monkeypatch):
    handlers, ended, killed = {}, [], []
    monkeypatch.setattr(cli.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(cli.signal, "getsignal", lambda number: signal.SIG_DFL)
    monkeypatch.setattr(cli.os, "_exit", ended.append)
    monkeypatch.setattr(cli.os, "write", lambda stream, words: ended.append(words))
    child = type("Child", (), {"kill": lambda self: killed.append(1)})()
    monkeypatch.setattr(multiprocessing, "active_children", lambda: [child])
    asked = cli._answer_signals()
    assert set(handlers) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    with pytest.raises(KeyboardInterrupt):
        handlers[signal.SIGHUP](signal.SIGHUP, None)
    assert asked == [signal.SIGHUP] and not ended and not killed
    with pytest.raises(KeyboardInterrupt):
        handlers[signal.SIGINT](signal.SIGINT, None)
    assert killed == [1] and ended[-1] == 130 and b"ended at once" in ended[0]


def test_an_interrupt_that_was_only_reported_comes_again_and_keeps_no_process_alive(monkeypatch):
    timers, told = [], []

    class Later:
        daemon = False

        def __init__(self, seconds, call, given):
            self.given = given
            timers.append(self)

        def start(self):
            told.append(("again", *self.given, self.daemon))

    monkeypatch.setattr(cli, "Timer", Later)
    asked = [signal.SIGTERM]
    for lost in (KeyboardInterrupt, KeyboardInterrupt, ValueError):
        cli._ask_again(asked, lambda lost: told.append(lost.exc_type), SimpleNamespace(exc_type=lost))
    assert told == [("again", signal.SIGTERM, True), KeyboardInterrupt, ValueError] and asked == []


def test_an_ignored_signal_stays_ignored(monkeypatch):
    handlers = {}
    monkeypatch.setattr(cli.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(cli.signal, "getsignal", lambda number: signal.SIG_IGN)
    assert cli._answer_signals() == [] and handlers == {}
