"""What a text in a config may be: a line, longer prose, the name of a file; nothing that no page prints."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

MOST_TEXT = 1000
"""Characters of a line of text; ten times as many of a longer text."""
NOT_PRINTED = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: control characters, halves of characters, separators of lines and of paragraphs."""


def _unprintable(text: str, also: str) -> str:
    """The first character of a text that no page and no terminal prints as it is, by its name; "" when all can."""
    bad = next((c for c in text if unicodedata.category(c) in NOT_PRINTED and c not in also), "")
    return f"U+{ord(bad):04X} {unicodedata.name(bad, 'a control character').lower()}" if bad else ""


def _line(text: str) -> str:
    if bad := _unprintable(text, ""):
        raise ValueError(f"allowed: one line of text without control characters, not {bad}")
    return text


def _prose(text: str) -> str:
    if bad := _unprintable(text, "\n"):
        raise ValueError(f"allowed: text without control characters, not {bad}")
    return text


Line = Annotated[str, Field(max_length=MOST_TEXT), AfterValidator(_line)]
"""One line of text."""
Name = Annotated[str, Field(max_length=4096)]
"""Name of a file."""
Prose = Annotated[str, Field(max_length=10 * MOST_TEXT), AfterValidator(_prose)]
"""Text that may have line breaks."""
