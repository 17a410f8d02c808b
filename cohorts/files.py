"""Files that somebody else wrote, read with a limit: only regular files, and none that is larger than it can be."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class DrawsFile:
    """Where draws of numbers of a set stand together (``cohorts.posterior``), ``without`` those given since."""

    path: str
    without: tuple[str, ...] = ()


class UnreadableError(ValueError):
    """A file that cannot be read; the text says why, without its name."""


def contents(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most ``most`` bytes. Raises UnreadableError."""
    try:
        must_be_regular(path, most)
        with path.open("rb") as stream:
            found = stream.read(most + 1)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    if len(found) > most:
        raise UnreadableError(_too_large(len(found), most))
    return found


def must_be_regular(path: Path, most: int) -> None:
    """Raises UnreadableError unless ``path`` is a regular file of at most ``most`` bytes."""
    try:
        seen = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        raise UnreadableError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"cannot be the name of a file: {error}") from None
    if stat.S_ISDIR(seen.st_mode):
        raise UnreadableError("this is a folder, not a file")
    if not stat.S_ISREG(seen.st_mode):
        raise UnreadableError("this is no regular file (a device or a pipe)")
    if seen.st_size > most:
        raise UnreadableError(_too_large(seen.st_size, most))


def is_regular(path: Path, most: int) -> bool:
    """Whether there is a regular file of at most ``most`` bytes."""
    try:
        must_be_regular(path, most)
    except UnreadableError:
        return False
    return True


def _too_large(size: int, most: int) -> str:
    return f"seen {_said(size)}; allowed: at most {_said(most)}"


def _said(size: int) -> str:
    return f"{size / MIB:.1f} MiB" if size >= MIB else f"{size / 1024:.0f} KiB"


def absolute(path: Path) -> Path:
    """The path from the root, links followed; one that leads to itself or cannot be a path stays as it is."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path
