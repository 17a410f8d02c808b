"""Which unexpected errors are those of a file that somebody edited, not of the program."""

from __future__ import annotations

import traceback

from cohorts.calibration import CatalogueError

CATALOGUE = "cohorts/sets"


def in_a_file(error: Exception) -> str:
    """The file and line at fault, and why, of a catalogue file that cannot be used; "" for any other error."""
    if isinstance(error, CatalogueError):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: not Python: {error.msg}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if CATALOGUE in f.filename.replace("\\", "/")]
    inside = [f for f in frames if f.name == "<module>" and not f.filename.endswith("__init__.py")]
    return f"{inside[-1].filename}:{inside[-1].lineno}: {type(error).__name__}: {error}" if inside else ""
