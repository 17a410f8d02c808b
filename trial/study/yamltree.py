"""YAML with the place of every key: read, inherit (``extends``), override (``--set``). Knows nothing of studies."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from cohorts.files import KIB, UnreadableError, absolute, contents
from trial.errors import ConfigError, cut
from trial.study.placed import Place, Placed, as_tree, deeper, dotted, merged, plain
from trial.study.syntax import of_syntax

EXTENDS = "extends"
MOST_BYTES = 256 * KIB
MOST_VALUES = 8_000
"""Values of one file; what an alias repeats counts each time."""
DEEPEST = 50
"""Groups and lists inside each other."""
MOST_FILES = 20
"""Files that extend each other, one after the other."""
NO_YAML = (".csv", ".parquet", ".py", ".html", ".xlsx", ".md", ".docx", ".pdf")
LONGEST_TYPED = 300
"""Characters of a value that are kept as they were typed."""
LARGEST = 10**30
"""Whole numbers beyond it are nothing that a study counts."""


def read(path: Path, chain: tuple[Path, ...] = ()) -> Placed:
    """The tree of a YAML file with everything it extends; raises ConfigError with every problem found.

    ``chain`` holds the files that lead here, so that a file cannot extend itself.
    """
    root = read_text(_text(path), shown(path), path)
    parent = root.value.pop(EXTENDS, None)
    return root if parent is None else _extended(root, parent, path, (*chain, absolute(path)))


def read_text(text: str, name: str, path: Path | None = None) -> Placed:
    """The tree of a YAML text; raises ConfigError with every problem, placed in ``name``."""
    root, problems = _parse(text, name, path)
    if problems:
        raise ConfigError(problems)
    return root


def _extended(root: Placed, parent: Placed, path: Path, chain: tuple[Path, ...]) -> Placed:
    if not isinstance(parent.value, str):
        seen = cut(repr(plain(parent)))
        raise ConfigError([f"{parent.place}: {EXTENDS}: seen {seen}; allowed: the name of one YAML file"])
    target = path.parent / parent.value
    if absolute(target) in chain:
        names = " -> ".join(p.name for p in (*chain, target))
        raise ConfigError([f"{parent.place}: {EXTENDS}: files extend each other in a circle: {names}"])
    if len(chain) >= MOST_FILES:
        raise ConfigError([f"{parent.place}: {EXTENDS}: more than {MOST_FILES} files extend each other"])
    try:
        contents(target, MOST_BYTES)
    except UnreadableError as error:
        name = cut(shown(target), 120)
        missing = "no such" in str(error)
        why = f"there is no file {name}" if missing else f"seen {name}: {error}"
        near = _near(target) if missing else ""
        raise ConfigError([f"{parent.place}: {EXTENDS}: {why}; names are relative to this file{near}"]) from None
    if target.suffix.lower() in NO_YAML:
        seen = cut(shown(target), 120)
        raise ConfigError([f"{parent.place}: {EXTENDS}: seen {seen}; allowed: the name of one YAML file"])
    return merged(deeper(read(target, chain)), root)


def with_override(root: Placed, key: str, text: str, place: Place) -> Placed:
    """``root`` with the value at the dotted path ``key`` replaced by ``text``, read as YAML."""
    parsed, problems = _parse(f"value: {text}\n", str(place), None)
    given = f"{place}:1: value: "
    if problems and problems[0].startswith(f"{given}seen a number"):
        raise ConfigError([f"{place}: {key}: {problems[0].removeprefix(given)}"])
    if problems or set(parsed.value) != {"value"}:
        raise ConfigError([f"{place}: {cut(repr(text))} is not a value in YAML"])
    return with_value(root, parts_of(root, key, place), plain(parsed.value["value"]), place)


def parts_of(root: Placed, key: str, place: Place) -> list[str]:
    """The parts of a dotted path; ``arms[HETROM-5]`` is the entry of a list with that id, ``arms[0]`` the first."""
    if "[" not in key and "]" not in key:
        return key.split(".")
    if not re.fullmatch(r"[^\[\].]+(\.[^\[\].]+|\[[^\[\]]+\])*", key):
        raise ConfigError([f"{place}: seen {cut(repr(key))}; allowed: a path as arms.1.ratio or arms[NAME].ratio"])
    node, parts = root, list[str]()
    for part in re.findall(r"[^\[\].]+|\[[^\[\]]+\]", key):
        parts.append(_entry(node, part[1:-1], ".".join(parts), place) if part.startswith("[") else part)
        inside: Any = node.value
        if isinstance(inside, list):
            node = inside[int(parts[-1])] if parts[-1].isdecimal() and int(parts[-1]) < len(inside) else node
        elif isinstance(inside, dict):
            node = inside.get(parts[-1], Placed(None, node.place))
    return parts


def _entry(node: Placed, name: str, above: str, place: Place) -> str:
    """The number, as text, of the entry ``name`` (its id, or its number) of a list."""
    entries = plain(node) if isinstance(node.value, list) else []
    ids = [str(entry.get("id", k)) if isinstance(entry, dict) else str(k) for k, entry in enumerate(entries)]
    if name in ids:
        return str(ids.index(name))
    if name.isascii() and name.isdecimal() and len(name) < 10 and int(name) < len(ids):
        return name
    near = get_close_matches(name, ids, n=1)
    allowed = f"{cut(', '.join(ids), 300) or 'none, it is no list'}{f'; did you mean {near[0]}?' if near else ''}"
    raise ConfigError([f"{place}: seen {cut(repr(name))} for an entry of {cut(above)}; allowed: {allowed}"])


def with_value(root: Placed, path: Sequence[str], value: Any, place: Place) -> Placed:
    """``root`` with the value at ``path`` replaced by a plain ``value``."""
    if len(path) > DEEPEST:
        raise ConfigError([f"{place}: a path of {len(path)} parts; allowed: at most {DEEPEST}"])
    return _replaced(root, list(path), as_tree(value, place), place)


def _replaced(node: Placed, parts: list[str], value: Placed, place: Place) -> Placed:
    if not parts:
        return value if node.value is None else replace(value, over=node)
    if isinstance(node.value, list):
        return Placed(_with_entry(node.value, parts, value, place), node.place)
    inside = node.value if isinstance(node.value, dict) else {}
    if node.value is not None and not isinstance(node.value, dict):
        raise ConfigError(
            [f"{place}: {'.'.join(parts)} does not exist: there is a single value ({cut(repr(node.value))}) above it"]
        )
    key, rest = _longest_key(inside, parts)
    return Placed(inside | {key: _replaced(inside.get(key, Placed(None, place)), rest, value, place)}, node.place)


def _with_entry(entries: list[Placed], parts: list[str], value: Placed, place: Place) -> list[Placed]:
    number = parts[0] if parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) < 10 else ""
    if not number or int(number) >= len(entries):
        allowed = f"0 to {len(entries) - 1}" if entries else "none, the list is empty"
        raise ConfigError([f"{place}: seen {cut(repr(parts[0]))} for an entry of a list; allowed: {allowed}"])
    k = int(number)
    return [*entries[:k], _replaced(entries[k], parts[1:], value, place), *entries[k + 1 :]]


def _longest_key(inside: dict[str, Placed], parts: list[str]) -> tuple[str, list[str]]:
    """The existing key that the most ``parts`` spell (keys may contain dots), else the first part."""
    for k in range(len(parts), 0, -1):
        if ".".join(parts[:k]) in inside:
            return ".".join(parts[:k]), parts[k:]
    return parts[0], parts[1:]


def shown(path: Path) -> str:
    """``path`` relative to the current directory when it lies below it, on one line."""
    try:
        name = str(absolute(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        name = str(path)
    return name if name.isprintable() else name.encode("unicode_escape", "surrogateescape").decode("ascii")


def _text(path: Path) -> str:
    name = shown(path)
    try:
        raw = contents(path, MOST_BYTES)
    except UnreadableError as error:
        advice = (
            "; give a YAML file in it" if "folder" in str(error) else _near(path) if "no such" in str(error) else ""
        )
        where = f"{cut(name, 300)}:1" if "allowed" in str(error) else cut(name, 300)
        raise ConfigError([f"{where}: {error}{advice}"]) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            [f"{name}:{line}: not UTF-8 text (byte 0x{raw[error.start]:02X}); save the file with encoding UTF-8"]
        ) from None


def _near(path: Path) -> str:
    """Configs that lie where a missing one was looked for."""
    try:
        near = sorted(p.name for p in path.parent.glob("*.y*ml"))
    except (OSError, ValueError):
        return ""
    if meant := get_close_matches(path.name, near, n=1, cutoff=0.85):
        return f"; did you mean {meant[0]}?"
    return f"; in that folder: {cut(', '.join(near), 300)}" if near else ""


def _parse(text: str, name: str, path: Path | None) -> tuple[Placed, list[str]]:
    """The tree of a YAML text, and what is wrong with it (then the tree is not to be used)."""
    yaml = YAML(typ="safe", pure=True)
    if long := _line_of_value(text, MOST_VALUES):
        return Placed({}, Place(name)), [f"{name}:{long}: more than {MOST_VALUES:,} values"]
    if deep := _deep_line(text):
        return Placed({}, Place(name)), [f"{name}:{deep}: {TOO_DEEP}"]
    try:
        top = _composed(text)
    except YAMLError as error:
        return Placed({}, Place(name)), [_syntax(error, text, name)]
    except RecursionError:
        return Placed({}, Place(name)), [f"{name}:1: {TOO_DEEP}"]
    except Exception as error:  # a fault of the YAML reader, on a text that is no config
        return Placed({}, Place(name)), [f"{name}:1: not YAML: {cut(str(error)) or type(error).__name__}"]
    if top is None:
        return Placed({}, Place(name)), [f"{name}:1: the file is empty; a study needs at least id, title, arms, visits"]
    if not isinstance(top, MappingNode):
        return Placed({}, Place(name)), [
            f"{name}:{_line(top)}: seen a list or a single value; allowed: keys such as id: my_study"
        ]
    reader = _Reader(yaml, name, path, [], text)
    try:
        return reader.tree(top, Place(name, 1, path), ""), reader.problems
    except _TooMuchError as error:
        return Placed({}, Place(name)), [str(error)]


@lru_cache(maxsize=512)
def _composed(text: str) -> YamlNode | None:
    """The nodes of a YAML text, which nobody changes: many studies are made of one file, or share sections."""
    return YAML(typ="safe", pure=True).compose(text)


def _line_of_value(text: str, most: int) -> int:
    """The line, from 1, after which a text may have more than ``most`` values by its commas and lines; 0 for none."""
    count = 0
    for number, line in enumerate(text.splitlines(), start=1):
        count += 1 + line.count(",")
        if count > most:
            return number
    return 0


TOO_DEEP = f"more than {DEEPEST} groups or lists inside each other"


class _TooMuchError(Exception):
    """A text that would take too long; with place and reason."""


def _deep_line(text: str) -> int:
    """The first line, from 1, on which the brackets of a text are nested too deeply; 0 for none."""
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        for mark in re.findall(r"[][{}]", line):
            depth = max(depth + (1 if mark in "[{" else -1), 0)
            if depth > DEEPEST:
                return number
    return 0


def _path(above: str) -> str:
    return cut(dotted(above.rstrip(".").split(".")), 200)


def _line(node: YamlNode) -> int:
    return node.start_mark.line + 1


@dataclass(frozen=True)
class _Reader:
    """Turns ruamel nodes into Nodes, collecting problems."""

    yaml: YAML
    name: str
    path: Path | None
    problems: list[str]
    text: str
    count: Iterator[int] = field(default_factory=itertools.count)

    def tree(self, node: YamlNode, place: Place, above: str, inside: tuple[int, ...] = ()) -> Placed:
        if id(node) in inside:
            self.problems.append(f"{place}: {_path(above)}: refers to itself")
            return Placed(None, place)
        inside = (*inside, id(node))
        if next(self.count) >= MOST_VALUES:
            raise _TooMuchError(f"{place}: {_path(above)}: more than {MOST_VALUES:,} values (aliases count each time)")
        if len(inside) > DEEPEST:
            raise _TooMuchError(f"{place}: {_path(above)}: {TOO_DEEP}")
        if isinstance(node, MappingNode):
            return Placed(self._mapping(node, above, inside), place)
        if isinstance(node, SequenceNode):
            entries = [
                self.tree(n, Place(self.name, _line(n), self.path), f"{above}{k}.", inside)
                for k, n in enumerate(node.value)
            ]
            return Placed(entries, place, self._typed(node))
        assert isinstance(node, ScalarNode)
        return Placed(self._scalar(node, place, above), place, self._typed(node))

    def _typed(self, node: YamlNode) -> str:
        """The text of a short value that stands on one line."""
        typed = self.text[node.start_mark.index : node.end_mark.index]
        return typed if len(typed) <= LONGEST_TYPED and "\n" not in typed else ""

    def _mapping(self, node: MappingNode, above: str, inside: tuple[int, ...]) -> dict[str, Placed]:
        found: dict[str, Placed] = {}
        for key, value in node.value:
            place = Place(self.name, _line(key), self.path)
            if not isinstance(key, ScalarNode) or key.value == "<<":
                self.problems.append(
                    f"{place}: {_path(above + '?')}: seen a key that is not a plain word; use extends to inherit"
                )
            elif key.value in found:
                first = next(iter(found))
                twice = f"this key is given twice, on lines {found[key.value].place.line} and {place.line}"
                entry = (
                    "; the next entry of a list begins with a dash"
                    if key.value == first and re.search(r"\.\d+\.$", above)
                    else ""
                )
                self.problems.append(f"{place}: {_path(above + key.value)}: {twice}{entry}")
            else:
                found[key.value] = self.tree(value, place, f"{above}{key.value}.", inside)
        return found

    def _scalar(self, node: ScalarNode, place: Place, above: str) -> Any:
        try:
            value = self.yaml.constructor.construct_object(node, deep=True)
        except Exception:  # whatever YAML makes of a tag or a date that is none
            seen = f"seen {cut(repr(node.value))}, which YAML cannot read"
            self.problems.append(f"{place}: {_path(above)}: {seen}; put text in quotes")
            return None
        if not isinstance(value, None | bool | int | float | str | date):
            self.problems.append(
                f"{place}: {_path(above)}: seen {cut(repr(value))}; allowed: text, a number, true, false"
            )
            return None
        after = re.match(r"[ \t]+(#\d.*)", self.text[node.end_mark.index :])
        if isinstance(value, str) and node.style is None and after:
            whole = cut(f"{value} {after[1]}")
            said = f'a space and # begin a comment, so the text ends before it; in quotes: "{whole}"'
            self.problems.append(f"{place}: {_path(above)}: seen {cut(repr(value))}; {said}")
        if isinstance(value, int) and abs(value) >= LARGEST:
            self.problems.append(f"{place}: {_path(above)}: seen a number of {len(node.value)} digits")
            return None
        return value


def _syntax(error: YAMLError, text: str, name: str) -> str:
    """A syntax error of the YAML reader in words."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        line = text[: getattr(error, "position", 0)].count("\n") + 1
        return f"{name}:{line}: not YAML: {getattr(error, 'reason', None) or error}"
    mark = error.problem_mark
    lines = text.splitlines()
    seen = lines[mark.line] if mark.line < len(lines) else ""
    near = f" near {seen.strip()[:60]!r}" if seen.strip() else ""
    first = error.context_mark.line if error.context_mark is not None else mark.line
    slip = of_syntax(lines, first, mark.line, str(error.problem or error.context))
    if slip is not None:
        number, said = slip
        near = "" if said.startswith("a tab") else f"not YAML near {lines[number].strip()[:60]!r}: "
        return f"{name}:{number + 1}: {near}{cut(said, 300)}"
    begun = f", begun on line {first + 1}," if first < mark.line else ""
    what = f"{error.problem or error.context}; check indentation, colons and quotes"
    return f"{name}:{mark.line + 1}: not YAML{near}{begun}: {what}".replace(",:", ":")
