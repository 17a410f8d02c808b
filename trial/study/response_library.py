"""Definitions of response that protocols share, in ``responses.yaml``; a study names one by its code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from trial.study.placed import plain
from trial.study.yamltree import read

FILE = Path(__file__).parent / "responses.yaml"


@cache
def _library() -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in plain(read(FILE))["definitions"]}


def library_codes() -> tuple[str, ...]:
    """The codes of the definitions."""
    return tuple(_library())


def library_definition(code: str) -> dict[str, Any]:
    """A definition by its code, as a config has it; KeyError where there is none."""
    return dict(_library()[code])
