"""Where one token of a package can be changed into a wrong one, found in its syntax tree.

Four kinds: comparison (< <=, > >=, == !=), arithmetic (+ -, * /), constant (a whole number n to n + 1, 0 to 1 and 1 to
0, another number times 1.1) and boolean (and or, & |, True False, ``not`` taken away).

No site, because no behaviour can follow or none is promised: annotations, type aliases, decorators and ``__all__``;
what stands in an f-string (mostly messages, and Python 3.11 does not say where it stands); ``strict`` of ``zip`` and
``copy``, ``repr``, ``compare`` of a call and what an ``assert`` says, which guard or save; ``indent`` of a call, which
is how a file of JSON looks; joining texts and lists with +; sums and products with a number, numbers, True and False in
the drawing rooms, where they are positions, sizes and colours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PACKAGES = ("cohorts", "trial", "analysis")
DRAWING = ("analysis/figures",)
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
SILENT = {"strict", "copy", "repr", "compare", "indent"}
TYPES = {"Annotated", "Literal", "NDArray"}
TEXTS_AND_LISTS = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)


@dataclass(frozen=True)
class Site:
    """One change: in ``file`` (relative to the root) the bytes ``first`` to ``last`` become ``new``."""

    file: str
    line: int
    first: int
    last: int
    kind: str
    old: str
    new: str

    @property
    def module(self) -> str:
        """The file without its suffix."""
        return self.file.removesuffix(".py")

    @property
    def room(self) -> str:
        """Package or subpackage."""
        return self.file.rpartition("/")[0]

    def applied(self, source: bytes) -> bytes:
        """The source with the change."""
        return source[: self.first] + self.new.encode() + source[self.last :]

    def lines(self, source: bytes) -> tuple[str, str]:
        """The line before and after, without its indent."""
        before, after = (text.splitlines()[self.line - 1].decode().strip() for text in (source, self.applied(source)))
        return before, after


def sites(root: Path) -> list[Site]:
    """Every site of the packages under ``root``, by file and place."""
    files = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return [site for path in files for site in sites_of(path.relative_to(root).as_posix(), path.read_bytes())]


def sites_of(file: str, source: bytes) -> list[Site]:
    """The sites of one file, by place."""
    return sorted(_Finder(file, source).visit_all(), key=lambda s: (s.first, s.last))


class _Finder:
    """Walks a tree and leaves out what is no site."""

    def __init__(self, file: str, source: bytes):
        self.file, self.source, self.tree = file, source, ast.parse(source)
        self.starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self.drawing = file.startswith(DRAWING)

    def visit_all(self) -> Iterator[Site]:
        for statement in self.tree.body:
            if not _is_alias(statement):
                yield from self.visit(statement)

    def visit(self, node: ast.AST) -> Iterator[Site]:
        yield from self._here(node)
        for child in _children(node):
            yield from self.visit(child)

    def _here(self, node: ast.AST) -> Iterator[Site]:
        if isinstance(node, ast.Compare):
            yield from self._comparison(node)
        elif isinstance(node, ast.BinOp) and not self._cosmetic(node):
            yield from self._between(node.left, node.right, type(node.op))
        elif isinstance(node, ast.BoolOp):
            for left, right in pairwise(node.values):
                yield from self._between(left, right, type(node.op))
        elif isinstance(node, ast.AugAssign):
            yield from self._between(node.target, node.value, type(node.op))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self._site("boolean", self._at(node), self._at(node) + len("not"), "")
        elif isinstance(node, ast.Constant) and not self.drawing:
            yield from self._constant(node)

    def _cosmetic(self, node: ast.BinOp) -> bool:
        """Texts and lists that are joined or repeated; in the drawing rooms also sums and products with a number."""
        parts = (node.left, node.right)
        joined = any(isinstance(p, TEXTS_AND_LISTS) or _is(p, str) for p in parts)
        return joined or (self.drawing and any(_is(p, (int, float)) for p in parts))

    def _comparison(self, node: ast.Compare) -> Iterator[Site]:
        parts = [node.left, *node.comparators]
        for left, right in pairwise(parts):
            found = self._token(left, right, r"[<>]=?|[=!]=")
            if found:
                yield self._site("comparison", *found[:2], COMPARISONS[found[2]])

    def _between(self, left: ast.AST, right: ast.AST, operator: type[ast.AST]) -> Iterator[Site]:
        old, new = OPERATORS.get(operator, ("", ""))
        found = self._token(left, right, re.escape(old)) if old else None
        if found:
            kind = "boolean" if operator in (ast.And, ast.Or, ast.BitAnd, ast.BitOr) else "arithmetic"
            yield self._site(kind, *found[:2], new)

    def _token(self, left: ast.AST, right: ast.AST, pattern: str) -> tuple[int, int, str] | None:
        """Where the operator between two expressions stands; comments in between are looked over."""
        first, last = self._at(left, end=True), self._at(right)
        gap = re.sub(rb"#[^\n]*", lambda m: b" " * len(m[0]), self.source[first:last])
        match = re.search(pattern.encode(), gap)
        return (first + match.start(), first + match.end(), match[0].decode()) if match else None

    def _constant(self, node: ast.Constant) -> Iterator[Site]:
        value = node.value
        if isinstance(value, bool):
            yield self._site("boolean", self._at(node), self._at(node, end=True), str(not value))
        elif isinstance(value, int):
            new = {0: 1, 1: 0}.get(value, value + 1)
            yield self._site("constant", self._at(node), self._at(node, end=True), str(new))
        elif isinstance(value, float):
            new_float = {0.0: 1.0, 1.0: 0.0}.get(value, 1.1 * value)
            yield self._site("constant", self._at(node), self._at(node, end=True), repr(new_float))

    def _at(self, node: ast.AST, end: bool = False) -> int:
        line, column = (node.end_lineno, node.end_col_offset) if end else (node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return self.starts[line - 1] + column

    def _site(self, kind: str, first: int, last: int, new: str) -> Site:
        line = self.source.count(b"\n", 0, first) + 1
        return Site(self.file, line, first, last, kind, self.source[first:last].decode(), new)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts in which sites may stand."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _no_site(child):
                yield child


def _no_site(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in SILENT
    typed = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in TYPES
    return typed or isinstance(node, (ast.JoinedStr, ast.Assert))


def _is_alias(statement: ast.stmt) -> bool:
    """``__all__``, the name of a type, the guard of a script."""
    if isinstance(statement, ast.If):
        return True
    if not isinstance(statement, ast.Assign):
        return False
    named_all = any(isinstance(t, ast.Name) and t.id == "__all__" for t in statement.targets)
    return named_all or _is_type(statement.value)


def _is_type(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _is_type(node.left) or _is_type(node.right)
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id[0].isupper()


def _is(node: ast.AST, kind: type | tuple[type, ...]) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, kind)
