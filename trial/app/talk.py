"""How work that takes time talks to whoever started it: lines for people, and progress. The default is silence."""

from __future__ import annotations

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
def unseen(title: str) -> Iterator[Tell]:
    """Shows no progress."""
    yield lambda done, total: None
