"""The model of a run as the report shows it: ``model.json`` read, its equations as lines, and where its boxes stand."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL_FILE = "model.json"
WIDTH = 96
PER_ROW = 7
"""Most boxes side by side; a longer chain turns around and goes on in the next row."""
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Box:
    """A state (or a derived parameter): name, unit, meaning."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Equation:
    """One line: kind "term", "derivative" or "output"."""

    kind: str
    name: str
    text: str
    unit: str


@dataclass(frozen=True)
class PatientClassSaid:
    """A class of patients: its name, and the parameters of its share, what differs, and what it is."""

    name: str
    share: str
    parameter: str
    value: str


@dataclass(frozen=True)
class Model:
    """A structure: states, flows and influences between them by name, equations, derived parameters, classes."""

    structure: str
    title: str
    states: tuple[Box, ...]
    dose_state: str
    inputs: tuple[str, ...]
    flows: Pairs
    influences: Pairs
    sources: tuple[str, ...]
    losses: tuple[str, ...]
    equations: tuple[Equation, ...]
    derived: tuple[Box, ...]
    classes: tuple[PatientClassSaid, ...]


def read_model(run_dir: Path) -> Model | None:
    """The model of a run folder; None when the run was made before models were kept."""
    path = run_dir / MODEL_FILE
    return model_of(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def model_of(content: Mapping[str, Any]) -> Model:
    """The record of the content of ``model.json``."""
    said = dict(content)
    kinds: dict[str, Any] = {"states": Box, "derived": Box, "equations": Equation, "classes": PatientClassSaid}
    for key, kind in kinds.items():
        said[key] = tuple(kind(**entry) for entry in said[key])
    for key in ("flows", "influences"):
        said[key] = tuple((a, b) for a, b in said[key])
    for key in ("inputs", "sources", "losses"):
        said[key] = tuple(said[key])
    return Model(**said)


def lines(model: Model, kind: str) -> str:
    """The equations of one kind as text, aligned at the equals sign and wrapped at 96 columns."""
    chosen = [e for e in model.equations if e.kind == kind]
    heads = [f"d{e.name}/dt" if kind == "derivative" else e.name for e in chosen]
    wide = max(map(len, heads), default=0)
    wrapped = [
        textwrap.fill(
            f"{head:{wide}} = {e.text}{f'   [{e.unit}]' if e.unit else ''}",
            WIDTH,
            subsequent_indent=" " * (wide + 3),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for head, e in zip(heads, chosen, strict=True)
    ]
    return "\n".join(wrapped)


def positions(model: Model) -> dict[str, tuple[int, int]]:
    """Column and row of every state, both from 0.

    States joined by flows stand together, in the order of the flow: first those of the dose, then the states without
    any flow, then the other chains. A longer chain than PER_ROW is cut into equal rows, there and back.
    """
    names = [s.name for s in model.states]
    groups = list(_joined(names, model.flows))
    drug = [g for g in groups if model.dose_state in g]
    alone = [name for g in groups if len(g) == 1 and g not in drug for name in g]
    chains = [g for g in groups if len(g) > 1 and g not in drug]
    placed: dict[str, tuple[int, int]] = {}
    row = 0
    for group in [*drug, *([alone] if alone else []), *chains]:
        ordered = _in_order(group, model.flows)
        rows = -(-len(ordered) // PER_ROW)
        wide = -(-len(ordered) // rows)
        for k, name in enumerate(ordered):
            turn, column = divmod(k, wide)
            placed[name] = (wide - 1 - column if turn % 2 else column, row + turn)
        row += rows
    return placed


def _joined(names: Sequence[str], flows: Pairs) -> Iterator[list[str]]:
    """The groups of states that flows join, each in the order of the structure."""
    left = list(names)
    while left:
        group = {left[0]}
        while more := {b for pair in flows for b in pair if group & set(pair)} - group:
            group |= more
        yield [name for name in left if name in group]
        left = [name for name in left if name not in group]


def _in_order(group: Sequence[str], flows: Pairs) -> list[str]:
    """The states of a group by their distance along the flows from where the flow begins."""
    fed = {b for a, b in flows}
    reached = [name for name in group if name not in fed] or list(group[:1])
    for name in reached:
        reached += [b for a, b in flows if a == name and b not in reached]
    return [*reached, *(name for name in group if name not in reached)]
