"""How much of a law a test walks through: a part in ``make test-slow``, all of it in ``make validate``."""

import os
from typing import TypeVar

Size = TypeVar("Size")


def size(slow: Size, validate: Size) -> Size:
    """The first number; the second where the environment says VALIDATE=1, as ``make validate`` does."""
    return validate if os.environ.get("VALIDATE") == "1" else slow
