"""Free text that was written for other values: a title or an assumption of a file whose numbers this study changes.

Nobody rewrites such text when a study extends a file or is changed by --set; it is kept, and marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from trial.study.placed import Placed, find, plain
from trial.study.protocol import Problem, did_you_mean

Path = tuple[str | int, ...]
SILENT = {
    ("id",), ("seed",), ("replicates",), ("output",), ("kept_tables",), ("solver",), ("published",), ("citation",),
    ("title",), ("assumptions",), ("patients",), ("analysis", "endpoints"), ("analysis", "named_replicate"),
}  # fmt: skip
"""Keys that no text is about."""
NAMED = 4
"""So many changes are named."""
INHERITED = "[inherited] "


def marked(tree: Placed) -> Placed:
    """The tree of a study with its title, assumptions and sources of dose rules marked where something that they may
    speak of is changed after they were written: in a file that extends theirs, or by --set.
    """
    found = dict(tree.value)
    if "title" in found:
        found["title"] = _with_remark(found["title"], _changes(tree, found["title"]))
    if "assumptions" in found:
        found["assumptions"] = _assumptions(tree, found["assumptions"])
    rules = found.get("dose_rules")
    if rules is not None and isinstance(rules.value, dict):
        found["dose_rules"] = replace(rules, value={name: _rule(rule) for name, rule in rules.value.items()})
    return replace(tree, value=found)


def _assumptions(tree: Placed, texts: Placed) -> Placed:
    """Each assumption that is inherited says so; a first one says from where, and what is changed."""
    if not isinstance(texts.value, list):
        return texts
    changes = _changes(tree, texts)
    stale = [isinstance(text.value, str) and text.place.depth >= texts.place.depth for text in texts.value]
    if not changes or not any(stale):
        return texts
    first = (
        f"The assumptions marked so stand in {_file(texts)} and were written for it. Changed here: {_listed(changes)}."
    )
    told = [
        replace(text, value=INHERITED + text.value.removeprefix(INHERITED)) if old else text
        for text, old in zip(texts.value, stale, strict=True)
    ]
    return replace(texts, value=[Placed(first, texts.place), *told])


def _rule(rule: Placed) -> Placed:
    """A dose rule whose source is not that of its present steps."""
    source = rule.value.get("source") if isinstance(rule.value, dict) else None
    if source is None:
        return rule
    return replace(rule, value=rule.value | {"source": _with_remark(source, _changes(rule, source))})


def _with_remark(text: Placed, changes: list[str]) -> Placed:
    if not (changes and isinstance(text.value, str)):
        return text
    return replace(text, value=f"{text.value} [inherited from {_file(text)}; changed here: {_listed(changes)}]")


def _listed(changes: list[str]) -> str:
    more = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    return ", ".join(changes[:NAMED]) + more


def _file(text: Placed) -> str:
    """Name of the file a text stands in, as it can be printed."""
    name = text.place.path.name if text.place.path else text.place.name
    return "".join(c if c.isprintable() else "?" for c in name)


def _changes(tree: Placed, text: Placed) -> list[str]:
    """Keys that are written nearer to this study than ``text``."""
    depth = text.place.depth
    nearer = ((path, node) for path, node in _written(tree) if node.place.depth < depth)
    return [".".join(map(str, path)) for path, node in nearer if not _restated(node, depth)]


def _restated(node: Placed, depth: int) -> bool:
    """Whether a value is what it was at that depth, only written again."""
    before = node.over
    while before is not None and before.place.depth < depth:
        before = before.over
    return before is not None and plain(before) == plain(node)


def _written(node: Placed, path: Path = ()) -> Iterator[tuple[Path, Placed]]:
    """Values by path: scalars, lists as they were written, and what was changed inside a list."""
    if path in SILENT:
        return
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield from _written(entry, (*path, key))
    elif isinstance(node.value, list):
        yield path, node
        for k, entry in enumerate(node.value):
            yield from (pair for pair in _written(entry, (*path, k)) if pair[1].place.depth < node.place.depth)
    else:
        yield path, node


def without_removed(tree: Placed) -> tuple[Placed, list[Problem]]:
    """The tree without what null takes away of the dose rules: one that is inherited, or all; and what null cannot."""
    rules = tree.value.get("dose_rules")
    if rules is None or (rules.value is None and rules.over is None):
        return tree, []
    inside = rules.value if isinstance(rules.value, dict) else {}
    if rules.value is not None and not inside:
        return tree, []
    left = {name: rule for name, rule in inside.items() if rule.value is not None}
    problems: list[Problem] = [
        (("dose_rules", name), f"seen nothing; null takes an inherited rule away, {_none_of(name, left)}")
        for name, rule in inside.items()
        if rule.value is None and (rule.over is None or rule.over.value is None)
    ]
    return replace(tree, value=tree.value | {"dose_rules": replace(rules, value=left)}), problems


def _none_of(name: str, rules: Iterable[str]) -> str:
    return f"and none has this name; allowed: {', '.join(rules) or 'none exist'}{did_you_mean(name, rules)}"


def replaced(tree: Placed, paths: Iterable[Path]) -> Iterator[Problem]:
    """Lists and rules of a nearer file without which inherited keys, those at ``paths``, name what is gone."""
    named = [(find(tree, path), path[-1]) for path in paths if path]
    for path, gone, why in _gone(tree):
        here = find(tree, path).place.depth
        missed = [x for x in gone if any(n.place.depth > here and x in (n.value, key) for n, key in named)]
        if missed:
            yield path, f"{why}; inherited keys still name {', '.join(map(str, missed))}"


def _gone(tree: Placed) -> Iterator[tuple[Path, list[str | int], str]]:
    """Arms, days and dose rules that were inherited and are not there any more."""
    for path in (("arms",), ("visits", "days")):
        node = find(tree, path)
        if node.over is not None and isinstance(node.value, list) and isinstance(node.over.value, list):
            left = _names(node)
            gone = [name for name in _names(node.over) if name not in left]
            yield path, gone, "this list takes the place of the inherited one"
    rules = tree.value.get("dose_rules")
    for name, rule in (rules.value if rules and isinstance(rules.value, dict) else {}).items():
        if rule.value is None:
            yield ("dose_rules", name), [name], "null takes the inherited rule away"
    if rules and rules.value is None and rules.over and isinstance(rules.over.value, dict):
        yield ("dose_rules",), list(rules.over.value), "null takes the inherited rules away"


def _names(entries: Placed) -> list[str | int]:
    """Ids of arms, or plain entries."""
    found = (entry.get("id") if isinstance(entry, dict) else entry for entry in plain(entries))
    return [name for name in found if isinstance(name, str | int)]
