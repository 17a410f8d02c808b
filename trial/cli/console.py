"""What the commands share: messages, warnings and progress. Results go to stdout, everything else to stderr.

A message that cannot be printed is left out: the exit code speaks of the work, not of the terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from trial.app.talk import Tell

LEAST_WIDTH = 30
STEP_PERCENT = 10
STEP_SECONDS = 5.0


def say(text: str) -> None:
    """A line for the user, on stderr; folded between words on a terminal, whole elsewhere."""
    with aside():
        print("\n".join(map(_folded, text.splitlines())) if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def _folded(line: str) -> str:
    wide = shutil.get_terminal_size((80, 24)).columns
    return textwrap.fill(line, max(wide, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def paragraph(text: str) -> str:
    """A finding of several lines, set in a little, for what is printed to stdout."""
    return textwrap.fill(text, max(width(), LEAST_WIDTH), initial_indent="  ", subsequent_indent="    ")


def open_streams() -> None:
    """Standard streams that are closed become /dev/null, and what their encoding lacks is printed as "?"."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


@contextmanager
def aside() -> Iterator[None]:
    """What is printed here is beside the work: when a stream refuses it, the stream falls silent."""
    try:
        yield
        sys.stdout.flush()
    except SystemExit:  # how rich answers a reader that has gone
        silence()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and "closed file" not in str(error):
            raise
        silence()


def silence() -> None:
    """Send both standard streams to /dev/null, so that the end of the process does not fail on them either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


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
    from rich.progress import BarColumn, Progress, TextColumn

    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task(title, total=None, said="starting")

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, said=said(done, total, time.monotonic() - begun))

        yield tell


def said(done: int, total: int, seconds: float) -> str:
    """What is done, and how long the rest will take, as "1200 of 4000 (30 %), about 5 s left"."""
    share = f"{done} of {total} ({_percent(done, total)} %)"
    if done >= total:
        return f"{share}, {seconds:.1f} s"
    return f"{share}, about {duration(seconds / done * (total - done))} left" if done else share


def _percent(done: int, total: int) -> int:
    """Of nothing, all is done."""
    return 100 * done // total if total else 100


def duration(seconds: float) -> str:
    """Seconds for people: seconds, from 100 s minutes, from 100 min hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _plain_lines(title: str, clock: Callable[[], float] = time.monotonic) -> Tell:
    """A line every ten per cent and every five seconds, whichever comes first, and one at the end."""
    begun = clock()
    last_percent, last_time = 0, begun

    def tell(done: int, total: int) -> None:
        nonlocal last_percent, last_time
        now, percent = clock(), _percent(done, total)
        due = percent >= last_percent + STEP_PERCENT or now >= last_time + STEP_SECONDS
        if due or done == total:
            last_percent, last_time = percent, now
            say(f"{title}: {said(done, total, now - begun)}")

    return tell
