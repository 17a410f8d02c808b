"""The equations of a structure as text, printed from the traced graph with the names of its parameters.

A term that is used more than once gets a line of its own. Its name is the one the right-hand side gives it in Python,
else X1, X2 ... ``^`` is a power, ``ln`` the natural logarithm; everything else reads as in Python.
"""

from __future__ import annotations

import keyword
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from trial.models import Structure
from trial.solver import graph
from trial.solver.graph import Node, is_constant, needed, trace

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
"""How tightly a text binds; a looser text inside a tighter one needs parentheses."""
FUNCTIONS = {"sqrt": "sqrt", "exp": "exp", "log": "ln", "min": "min", "max": "max"}
LEAVES = ("const", "parameter", "input", "state")
Text = tuple[str, int]


@dataclass(frozen=True)
class Equations:
    """Lines of (name, text): ``terms`` in the order of use, one of ``derivatives`` per state, one of ``outputs``."""

    terms: tuple[tuple[str, str], ...]
    derivatives: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


def equations(structure: Structure) -> Equations:
    """The printed equations of a structure."""
    sizes = len(structure.states), len(structure.parameters), len(structure.inputs)
    with _local_names() as said:
        derivatives, outputs = trace(structure.rhs, *sizes, structure.outputs)
    states = [s.name for s in structure.states]
    leaves = {"state": states, "parameter": list(structure.parameters), "input": list(structure.inputs)}
    nodes = needed([*derivatives, *outputs])
    often = shared_terms(nodes, [*derivatives, *outputs])
    shared = [n for n in nodes if n in often]
    names = _names(shared, said, [name for group in leaves.values() for name in group])
    printer = _Printer(leaves, names)
    return Equations(
        tuple((names[n], printer.definition(n)) for n in shared),
        tuple((name, printer.of(d)) for name, d in zip(states, derivatives, strict=True)),
        tuple((name, printer.of(o)) for name, o in zip(structure.output_names, outputs, strict=True)),
    )


def shared_terms(nodes: Sequence[Node], roots: Sequence[Node]) -> set[Node]:
    """The terms read more than once, but for leaves, signs, and reciprocals, which print as a division."""
    reads = Counter([a for n in nodes for a in dict.fromkeys(n.args)])
    reads.update(roots)
    return {n for n, times in reads.items() if times > 1 and n.op not in (*LEAVES, "neg") and not is_reciprocal(n)}


def is_reciprocal(node: Node) -> bool:
    """Whether the node is 1 / something."""
    return node.op == "div" and is_constant(node.args[0], 1.0)


@contextmanager
def _local_names() -> Iterator[dict[int, str]]:
    """The names that the functions called meanwhile give their nodes, the first name of each, by its index.

    None while a profiler is at work: it cannot be put back.
    """
    found: dict[int, str] = {}
    if sys.getprofile():
        yield found
        return

    def watch(frame: FrameType, event: str, _: Any) -> None:
        file = frame.f_code.co_filename
        if event == "return" and file != graph.__file__ and not file.startswith("<"):
            for name, value in frame.f_locals.items():
                if isinstance(value, Node):
                    found.setdefault(value.index, name)

    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)


def _names(shared: Sequence[Node], said: Mapping[int, str], taken: Sequence[str]) -> dict[Node, str]:
    """A name of its own for every shared term."""
    names: dict[Node, str] = {}
    used, numbers = set(taken), (f"X{k}" for k in range(1, len(shared) + len(taken) + 2))
    for node in shared:
        name = said.get(node.index, "").strip("_")
        if not name or name in used or keyword.iskeyword(name):
            name = next(n for n in numbers if n not in used)
        names[node] = name
        used.add(name)
    return names


@dataclass(frozen=True, eq=False)
class _Printer:
    """Nodes to text: ``leaves`` are the names of states, parameters and inputs, ``names`` those of shared terms."""

    leaves: Mapping[str, Sequence[str]]
    names: Mapping[Node, str]

    def of(self, node: Node) -> str:
        return self._text(node)[0]

    def definition(self, node: Node) -> str:
        """The term itself, not its name."""
        return self._operation(node)[0]

    def _text(self, node: Node) -> Text:
        if node in self.names:
            return self.names[node], ATOM
        if node.op == "const":
            return _number(node.value), ATOM if node.value >= 0 else SIGN
        if node.op in LEAVES:
            return self.leaves[node.op][int(node.value)], ATOM
        return self._operation(node)

    def _operation(self, node: Node) -> Text:
        if node.op in ("add", "sub", "neg"):
            return self._sum(node)
        if node.op in ("mul", "div"):
            return self._product(node)
        if node.op == "power":
            base, exponent = (self._inside(a, ATOM) for a in node.args)
            return f"{base}^{exponent}", POWER
        return f"{FUNCTIONS[node.op]}({', '.join(self.of(a) for a in node.args)})", ATOM

    def _inside(self, node: Node, least: int) -> str:
        text, binds = self._text(node)
        return text if binds >= least else f"({text})"

    def _sum(self, node: Node) -> Text:
        terms = sorted(self._signed(node, 1, top=True), key=lambda t: (t[1].op != "const", t[1].index))
        first = next((k for k, (sign, _) in enumerate(terms) if sign > 0), 0)
        terms.insert(0, terms.pop(first))
        parts = [_with_sign(sign, self._inside(term, PRODUCT)) for sign, term in terms]
        head = parts[0][2:] if parts[0].startswith("+") else f"-{parts[0][2:]}"
        return " ".join([head, *parts[1:]]), SUM

    def _signed(self, node: Node, sign: int, top: bool = False) -> Iterator[tuple[int, Node]]:
        """The terms of a sum, each with its sign; a named term stays whole."""
        if node.op not in ("add", "sub", "neg") or (node in self.names and not top):
            yield sign, node
        elif node.op == "neg":
            yield from self._signed(node.args[0], -sign)
        else:
            yield from self._signed(node.args[0], sign)
            yield from self._signed(node.args[1], sign if node.op == "add" else -sign)

    def _product(self, node: Node) -> Text:
        above: list[Node] = []
        below: list[Node] = []
        sign = self._factors(node, above, below, top=True)
        above.sort(key=lambda n: n.level)
        below.sort(key=lambda n: n.level)
        text = _joined([self._inside(n, POWER) for n in above]) or "1"
        if below:
            denominator = _joined([self._inside(n, POWER) for n in below])
            text += f" / {f'({denominator})' if len(below) > 1 else denominator}"
        return (text, PRODUCT) if sign > 0 else (f"-{text}", SIGN)

    def _factors(self, node: Node, above: list[Node], below: list[Node], top: bool = False) -> int:
        """Sort the factors of a product into those above and below the line; the sign of the whole."""
        if node.op == "neg" and node not in self.names:
            return -self._factors(node.args[0], above, below)
        if node.op == "const" and node.value < 0:
            return -self._factors(node.graph.lift(-node.value), above, below)
        if node.op not in ("mul", "div") or (node in self.names and not top):
            above += [] if is_constant(node, 1.0) else [node]
            return 1
        first = self._factors(node.args[0], above, below)
        return first * self._factors(node.args[1], *((above, below) if node.op == "mul" else (below, above)))


def _with_sign(sign: int, text: str) -> str:
    """A term of a sum with its sign; the sign of a negative text is taken into account."""
    if text.startswith("-"):
        sign, text = -sign, text[1:]
    return f"{'-' if sign < 0 else '+'} {text}"


def _joined(factors: Sequence[str]) -> str:
    """A product; a factor that comes several times becomes a power."""
    counted = Counter(factors)
    return " * ".join(text if times == 1 else f"{_base(text)}^{times}" for text, times in counted.items())


def _base(text: str) -> str:
    return text if text.isidentifier() or text.endswith(")") else f"({text})"


def _number(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
