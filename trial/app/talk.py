"""How work that takes time talks to whoever started it: lines for people, and progress. The default is silence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Say = Callable[[str], None]
"""Takes a line for people."""
Tell = Callable[[int, int], None]
"""Takes what is done and the total."""
Progress = Callable[[str], AbstractContextManager[Tell]]
"""Opens the progress of the work with this title."""


def silent(line: str) -> None:
    """Says nothing."""


@contextmanager
def patience(say: Say, line: str, after_s: float = 1.5) -> Iterator[None]:
    """Says ``line`` when the work inside takes longer than ``after_s``."""
    timer = threading.Timer(after_s, say, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def counted(progress: Progress, title: str, total: int) -> Iterator[Callable[[], None]]:
    """Progress over so many steps, at most; what it gives is called after each."""
    done = 0
    with progress(title) as tell:

        def step() -> None:
            nonlocal done
            done += 1
            tell(min(done, total), total)

        yield step


@contextmanager
def unseen(title: str) -> Iterator[Tell]:
    """Shows no progress."""
    yield lambda done, total: None
