"""YAML with the place of every key: read, inherit (``extends``), override (``--set``). Knows nothing of studies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from trial.errors import ConfigError

EXTENDS = "extends"


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
    """A value (a scalar, a list or a dict of such) and the place of its key."""

    value: Any
    place: Place


def read(path: Path, chain: tuple[Path, ...] = ()) -> Placed:
    """The tree of a YAML file with everything it extends; raises ConfigError with every problem found.

    ``chain`` holds the files that lead here, so that a file cannot extend itself.
    """
    root, problems = _parse(_text(path), _shown(path), path)
    if problems:
        raise ConfigError(problems)
    parent = root.value.pop(EXTENDS, None)
    return root if parent is None else _extended(root, parent, path, (*chain, path.resolve()))


def _extended(root: Placed, parent: Placed, path: Path, chain: tuple[Path, ...]) -> Placed:
    if not isinstance(parent.value, str):
        raise ConfigError([f"{parent.place}: {EXTENDS}: seen {plain(parent)!r}; allowed: the name of one YAML file"])
    target = path.parent / parent.value
    if target.resolve() in chain:
        names = " -> ".join(p.name for p in (*chain, target))
        raise ConfigError([f"{parent.place}: {EXTENDS}: files extend each other in a circle: {names}"])
    if not target.is_file():
        raise ConfigError(
            [f"{parent.place}: {EXTENDS}: there is no file {_shown(target)}; names are relative to this file"]
        )
    return merged(_deeper(read(target, chain)), root)


def _deeper(node: Placed) -> Placed:
    """A tree that another file extends."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _deeper(entry) for key, entry in value.items()}
    elif isinstance(value, list):
        value = [_deeper(entry) for entry in value]
    return Placed(value, replace(node.place, depth=node.place.depth + 1))


def merged(parent: Placed, child: Placed) -> Placed:
    """``child`` over ``parent``: mappings key by key, everything else replaced."""
    if not (isinstance(parent.value, dict) and isinstance(child.value, dict)):
        return child
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


def with_override(root: Placed, key: str, text: str, place: Place) -> Placed:
    """``root`` with the value at the dotted path ``key`` replaced by ``text``, read as YAML."""
    parsed, problems = _parse(f"value: {text}\n", str(place), None)
    if problems:
        raise ConfigError([f"{place}: {text!r} is not a value in YAML"])
    return _replaced(root, key.split("."), as_tree(plain(parsed.value["value"]), place), place)


def _replaced(node: Placed, parts: list[str], value: Placed, place: Place) -> Placed:
    if not parts:
        return value
    if isinstance(node.value, list):
        return Placed(_with_entry(node.value, parts, value, place), node.place)
    inside = node.value if isinstance(node.value, dict) else {}
    if node.value is not None and not isinstance(node.value, dict):
        raise ConfigError(
            [f"{place}: {'.'.join(parts)} does not exist: there is a single value ({node.value!r}) above it"]
        )
    key, rest = _longest_key(inside, parts)
    return Placed(inside | {key: _replaced(inside.get(key, Placed(None, place)), rest, value, place)}, node.place)


def _with_entry(entries: list[Placed], parts: list[str], value: Placed, place: Place) -> list[Placed]:
    if not parts[0].isdecimal() or int(parts[0]) >= len(entries):
        allowed = f"0 to {len(entries) - 1}" if entries else "none, the list is empty"
        raise ConfigError([f"{place}: seen {parts[0]!r} for an entry of a list; allowed: {allowed}"])
    k = int(parts[0])
    return [*entries[:k], _replaced(entries[k], parts[1:], value, place), *entries[k + 1 :]]


def _longest_key(inside: dict[str, Placed], parts: list[str]) -> tuple[str, list[str]]:
    """The existing key that the most ``parts`` spell (keys may contain dots), else the first part."""
    for k in range(len(parts), 0, -1):
        if ".".join(parts[:k]) in inside:
            return ".".join(parts[:k]), parts[k:]
    return parts[0], parts[1:]


def as_tree(value: Any, place: Place) -> Placed:
    """Plain dicts, lists and scalars as a tree, all of it written at ``place``."""
    if isinstance(value, dict):
        value = {key: as_tree(entry, place) for key, entry in value.items()}
    elif isinstance(value, list):
        value = [as_tree(entry, place) for entry in value]
    return Placed(value, place)


def _shown(path: Path) -> str:
    """``path`` relative to the current directory when it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _text(path: Path) -> str:
    name = _shown(path)
    if path.is_dir():
        raise ConfigError([f"{name}: this is a folder; give a YAML file in it"])
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(
            [f"{name}: there is no such file" + (f"; in that folder: {', '.join(near)}" if near else "")]
        ) from None
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            [f"{name}:{line}: not UTF-8 text (byte 0x{raw[error.start]:02X}); save the file with encoding UTF-8"]
        ) from None


def _parse(text: str, name: str, path: Path | None) -> tuple[Placed, list[str]]:
    """The tree of a YAML text, and what is wrong with it (then the tree is not to be used)."""
    yaml = YAML(typ="safe", pure=True)
    try:
        top = yaml.compose(text)
    except YAMLError as error:
        return Placed({}, Place(name)), [_syntax(error, text, name)]
    if top is None:
        return Placed({}, Place(name)), [f"{name}:1: the file is empty; a study needs at least id, title, arms, visits"]
    if not isinstance(top, MappingNode):
        return Placed({}, Place(name)), [
            f"{name}:{_line(top)}: seen a list or a single value; allowed: keys such as id: my_study"
        ]
    reader = _Reader(yaml, name, path, [])
    tree = reader.tree(top, Place(name, 1, path), "")
    return tree, reader.problems


def _line(node: YamlNode) -> int:
    return node.start_mark.line + 1


@dataclass(frozen=True)
class _Reader:
    """Turns ruamel nodes into Nodes, collecting problems."""

    yaml: YAML
    name: str
    path: Path | None
    problems: list[str]

    def tree(self, node: YamlNode, place: Place, above: str, inside: tuple[int, ...] = ()) -> Placed:
        if id(node) in inside:
            self.problems.append(f"{place}: {above.rstrip('.')}: refers to itself")
            return Placed(None, place)
        inside = (*inside, id(node))
        if isinstance(node, MappingNode):
            return Placed(self._mapping(node, above, inside), place)
        if isinstance(node, SequenceNode):
            entries = [
                self.tree(n, Place(self.name, _line(n), self.path), f"{above}{k}.", inside)
                for k, n in enumerate(node.value)
            ]
            return Placed(entries, place)
        assert isinstance(node, ScalarNode)
        return Placed(self._scalar(node, place, above), place)

    def _mapping(self, node: MappingNode, above: str, inside: tuple[int, ...]) -> dict[str, Placed]:
        found: dict[str, Placed] = {}
        for key, value in node.value:
            place = Place(self.name, _line(key), self.path)
            if not isinstance(key, ScalarNode) or key.value == "<<":
                self.problems.append(f"{place}: {above}?: seen a key that is not a plain word; use extends to inherit")
            elif key.value in found:
                first = found[key.value].place.line
                self.problems.append(
                    f"{place}: {above}{key.value}: this key is given twice, on lines {first} and {place.line}"
                )
            else:
                found[key.value] = self.tree(value, place, f"{above}{key.value}.", inside)
        return found

    def _scalar(self, node: ScalarNode, place: Place, above: str) -> Any:
        try:
            return self.yaml.constructor.construct_object(node, deep=True)
        except (YAMLError, ValueError):
            self.problems.append(
                f"{place}: {above.rstrip('.')}: seen {node.value!r}, which YAML cannot read; put text in quotes"
            )
            return None


def _syntax(error: YAMLError, text: str, name: str) -> str:
    """A syntax error of the YAML reader in words."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        line = text[: getattr(error, "position", 0)].count("\n") + 1
        return f"{name}:{line}: not YAML: {getattr(error, 'reason', None) or error}"
    mark = error.problem_mark
    lines = text.splitlines()
    seen = lines[mark.line] if mark.line < len(lines) else ""
    if re.match(r" *\t", seen):
        return f"{name}:{mark.line + 1}: a tab at the start of the line; indent with spaces only"
    near = f" near {seen.strip()[:60]!r}" if seen.strip() else ""
    first = error.context_mark.line if error.context_mark is not None else mark.line
    begun = f", begun on line {first + 1}," if first < mark.line else ""
    what = f"{error.problem or error.context}; check indentation, colons and quotes"
    return f"{name}:{mark.line + 1}: not YAML{near}{begun}: {what}".replace(",:", ":")
