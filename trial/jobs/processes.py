"""Processes that work for a run: they end with it, and leave Ctrl-C and the last word to it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

WATCH_S = 0.5
ALONE = "VTRIAL_ALONE"
"""Set in the environment of a process that runs nobody else's code, and so of those that it starts."""


def end_with(parent: int) -> None:
    """This process ends within a second after its ``parent``, however that ended; nothing in the parent itself."""
    if os.getpid() != parent:
        if ALONE in os.environ:
            without_frames()
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)


def without_frames() -> None:
    """pyarrow looks for pandas at its first array, which takes longer than a short trial: here it finds none.

    Afterwards no Arrow table becomes a data frame in this process, nor in those it starts; pandas itself can be used.
    """
    os.environ[ALONE] = "1"
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """A finder of modules that knows one thing: there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


@contextmanager
def quiet_children() -> Iterator[None]:
    """Processes started meanwhile do not warn of what an ended parent left to be cleaned up: they clean it up."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join([*filter(None, [before]), "ignore:resource_tracker:UserWarning"])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started meanwhile never see Ctrl-C: the parent alone answers it (after this), and ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
