"""What went wrong, for people: every message a user reads is one of these. A message is one line or several.

``cohorts`` knows nothing of this package: its SetError (a user's own parameter set) becomes one of these on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_SHOWN = 20
"""Problems of a config that are shown; the rest is counted."""
LONGEST = 60
"""Characters of a value that are shown."""
LONGEST_LINE = 4000
"""Characters of a line of a message: what names many allowed words still fits."""


def cut(text: str, most: int = LONGEST) -> str:
    """The text, its end left out where it is longer than ``most``."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def not_installed(package: str, extra: str) -> str:
    """What is missing where a package of an extra is, and how to get it; after the name of who needs it."""
    return f"needs {package}, which is not installed: pip install 'virtual-trial[{extra}]'"


class TrialError(Exception):
    """Everything of ours that reaches a user as a message; never a fault of the program."""


class ConfigError(TrialError):
    """A config that cannot be used; ``messages`` are lines ``file:line: path: what was seen, what is allowed``.

    At most MOST_SHOWN of them, and then how many more there are.
    """

    def __init__(self, messages: Sequence[str]) -> None:
        messages, more = [cut(line, LONGEST_LINE) for line in messages], len(messages) - MOST_SHOWN
        place = messages[MOST_SHOWN].partition(": ")[0] if more > 0 else ""
        rest = [f"{place}: and {more} more problem{'s' if more > 1 else ''} from here on"] if more > 0 else []
        self.messages = (*messages[:MOST_SHOWN], *rest)
        super().__init__("\n".join(self.messages))


class ConfigWarning(UserWarning):
    """What is allowed in a config, but probably not meant; the line says where."""


class Refused(TrialError):
    """Wrong usage: the message says what to do instead."""


class Stopped(TrialError):
    """The work could not go on: the message says why, what is kept and how to go on."""


class Incomplete(Stopped):
    """All was done but what could not be: the message names it."""
