"""What the commands share: messages, warnings and progress. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from trial.app.talk import Tell

STEP_PERCENT = 10
STEP_SECONDS = 5.0


def say(text: str) -> None:
    """A line for the user, on stderr."""
    print(text, file=sys.stderr, flush=True)


def warn(lines: Iterable[str]) -> None:
    """Warnings, one line each."""
    for line in lines:
        say(f"warning: {line}")


def columns(heads: Sequence[str], left: Collection[str]) -> Table:
    """A table without lines: ``left`` columns are texts, the others numbers, set right; long cells are folded."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", overflow="fold")
    return table


def console() -> Console:
    """Where results are printed: no colours of its own, and the width of the terminal, COLUMNS or 80."""
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else width())


def width() -> int:
    """Width for a pipe or a file: COLUMNS if set, else 80."""
    return shutil.get_terminal_size((80, 24)).columns


@contextmanager
def progress(title: str) -> Iterator[Tell]:
    """Progress with the time left: a bar on a terminal, plain lines otherwise."""
    if not sys.stderr.isatty():
        yield _plain_lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_lines(title: str, clock: Callable[[], float] = time.monotonic) -> Tell:
    """A line every ten per cent and every five seconds, whichever comes first, and one at the end."""
    begun = clock()
    last_percent, last_time = 0, begun

    def tell(done: int, total: int) -> None:
        nonlocal last_percent, last_time
        now, percent = clock(), 100 * done // total
        due = percent >= last_percent + STEP_PERCENT or now >= last_time + STEP_SECONDS
        if due or done == total:
            last_percent, last_time = percent, now
            left = (now - begun) / done * (total - done) if done else 0.0
            rest = f"about {left:.0f} s left" if done < total else f"{now - begun:.1f} s"
            say(f"{title}: {done} of {total} ({percent} %), {rest}")

    return tell
