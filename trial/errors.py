"""What went wrong, for people: every message a user reads is one of these. A message is one line or several.

``cohorts`` knows nothing of this package: its SetError (a user's own parameter set) becomes one of these on the way.
"""

from __future__ import annotations

from collections.abc import Sequence


class TrialError(Exception):
    """Everything of ours that reaches a user as a message; never a fault of the program."""


class ConfigError(TrialError):
    """A config that cannot be used; ``messages`` are lines ``file:line: path: what was seen, what is allowed``."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


class ConfigWarning(UserWarning):
    """What is allowed in a config, but probably not meant; the line says where."""


class Refused(TrialError):
    """Wrong usage: the message says what to do instead."""


class Stopped(TrialError):
    """The work could not go on: the message says why, what is kept and how to go on."""
