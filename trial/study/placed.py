"""A config as a tree in which every value knows where it was written, and what it was written over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trial.errors import cut


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file and line, or an option of the command line (``line`` 0, ``path`` None).

    ``depth``: how many files extend that file, one after the other; -1 on the command line.
    """

    name: str
    line: int = 0
    path: Path | None = None
    depth: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


@dataclass(frozen=True)
class Placed:
    """A value (a scalar, a list or a dict of such) and the place of its key.

    ``typed``: the number or list in brackets as it was typed; ``over``: what was inherited, or set, and is replaced.
    """

    value: Any
    place: Place
    typed: str = ""
    over: Placed | None = None


def deeper(node: Placed) -> Placed:
    """A tree that another file extends."""
    value = node.value
    if isinstance(value, dict):
        value = {key: deeper(entry) for key, entry in value.items()}
    elif isinstance(value, list):
        value = [deeper(entry) for entry in value]
    over = deeper(node.over) if node.over else None
    return Placed(value, replace(node.place, depth=node.place.depth + 1), node.typed, over)


def merged(parent: Placed, child: Placed) -> Placed:
    """``child`` over ``parent``: mappings key by key, everything else replaced."""
    if not (isinstance(parent.value, dict) and isinstance(child.value, dict)):
        return replace(child, over=parent)
    both = {key: merged(parent.value[key], node) if key in parent.value else node for key, node in child.value.items()}
    return Placed(parent.value | both, child.place)


def plain(node: Placed) -> Any:
    """The tree as plain dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(entry) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(entry) for entry in node.value]
    return node.value


def find(node: Placed, path: Sequence[str | int]) -> Placed:
    """The deepest existing node along ``path``."""
    for part in path:
        if part not in _keys(node):
            break
        node = node.value[part]
    return node


def _keys(node: Placed) -> Iterable[str | int]:
    return (
        range(len(node.value)) if isinstance(node.value, list) else node.value if isinstance(node.value, dict) else ()
    )


def as_tree(value: Any, place: Place) -> Placed:
    """Plain dicts, lists and scalars as a tree, all of it written at ``place``."""
    if isinstance(value, dict):
        value = {key: as_tree(entry, place) for key, entry in value.items()}
    elif isinstance(value, list):
        value = [as_tree(entry, place) for entry in value]
    return Placed(value, place)


def dotted(path: Iterable[str | int]) -> str:
    """A path with dots between its parts; what cannot be printed is escaped, long parts are cut."""
    parts = (str(part) for part in path)
    return ".".join(cut(p if p.isprintable() else p.encode("unicode_escape", "replace").decode("ascii")) for p in parts)
