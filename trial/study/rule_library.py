"""Dose rules of labels and registers, one YAML file each in ``library`` (``configs/rules`` points there).

A study that names one as a ``dose_rule`` and has no rule of that name has it from here; its resolved config holds the
whole rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from trial.study.dose_rule import DoseRule
from trial.study.placed import Place, Placed, plain
from trial.study.protocol import not_among
from trial.study.yamltree import read

FOLDER = Path(__file__).parent / "library"


def library_names() -> tuple[str, ...]:
    """The names of the rules."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def library_rule(name: str) -> DoseRule:
    """A rule by its name; KeyError where there is none."""
    if name not in library_names():
        raise KeyError(name)
    return DoseRule.model_validate(plain(_tree(name)))


def with_library(tree: Placed) -> Placed:
    """The tree of a study with every rule of the library that it names and does not have."""
    rules = tree.value.get("dose_rules") or Placed({}, Place(""))
    own = {} if rules.value is None else rules.value
    if not isinstance(own, dict):
        return tree
    known = library_names()
    missing = dict.fromkeys(name for name in _named(tree) if name in known and name not in own)
    if not missing:
        return tree
    found = {name: _tree(name) for name in missing}
    return replace(tree, value=tree.value | {"dose_rules": replace(rules, value=own | found)})


def no_rule(seen: str, own: Iterable[str]) -> str:
    """The sentence for a name that is neither a rule of the study nor of the library."""
    return not_among(
        seen, dict.fromkeys([*own, *library_names()]), "an entry of dose_rules, nor of the library (configs/rules)"
    )


def _tree(name: str) -> Placed:
    return read(FOLDER / f"{name}.yaml")


def _named(node: Placed) -> Iterator[str]:
    """Every text under a key ``dose_rule``, of arms and wherever else."""
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            if key == "dose_rule" and isinstance(entry.value, str):
                yield entry.value
            yield from _named(entry)
    elif isinstance(node.value, list):
        for entry in node.value:
            yield from _named(entry)
