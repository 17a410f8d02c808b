"""The schema of a user's own parameter set: the records themselves, read by their type hints, from plain data.

A JSON file is plain data; a set made in Python becomes the same plain data (``plain``). What types cannot say is
checked by the records when they are made, and by ``cohorts.gates``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from cohorts.parameters import near

WORDS = {
    "string_type": "text",
    "float_type": "a finite number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "names with values",
    "dataclass_type": "names with values",
}
MISSING = ("missing", "missing_argument")
LONGEST_SEEN = 40


@dataclass(frozen=True)
class Spread:
    """``uncertainty`` of a JSON set: what ``Uncertainty.of`` reads."""

    names: list[str]
    rse_percent: dict[str, FiniteFloat]
    correlation: list[list[FiniteFloat]]


@dataclass(frozen=True)
class Changes:
    """A JSON set: what differs from the set it ``extends``. Lists add records, or replace those of the same name."""

    id: str
    extends: str
    values: dict[str, FiniteFloat]
    targets: list[str]
    note: str
    rse_percent: dict[str, FiniteFloat] = field(default_factory=dict)
    uncertainty: Spread | None = None
    title: str = ""
    drug: str = ""
    validity: dict[str, Any] = field(default_factory=dict)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    random_effects: list[dict[str, Any]] = field(default_factory=list)
    correlations: list[dict[str, Any]] = field(default_factory=list)
    covariate_effects: list[dict[str, Any]] = field(default_factory=list)
    classes: list[dict[str, Any]] = field(default_factory=list)


def plain(record: Any) -> Any:
    """A record as the data that a JSON file would hold."""
    return asdict(record)


def read(kind: type, data: Any, where: str = "") -> tuple[Any, list[str]]:
    """The record of that kind, or None and every problem as "path: seen ...; allowed: ..."."""
    known = [f.name for f in fields(kind)]
    strange = [key for key in data if key not in known] if isinstance(data, Mapping) else []
    if strange:
        return None, [f"{where}.{key}".lstrip(".") + f": unknown key{_meant(key, known)}" for key in strange]
    try:
        return _reader(kind).validate_json(json.dumps(data, default=repr), strict=True), []
    except ValidationError as error:
        return None, [_sentence(dict(item), data, where) for item in error.errors(include_url=False)]
    except RecursionError:
        return None, [f"{where or 'the content'}: nested too deeply"]


@lru_cache(maxsize=32)
def _reader(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _sentence(item: Mapping[str, Any], data: Any, where: str) -> str:
    kind, seen = item["type"], item["input"]
    if kind == "value_error":
        return str(item["ctx"]["error"])
    path = _path(item["loc"], data, where)
    if kind in MISSING:
        return f"{path}: seen nothing; needed"
    if kind == "literal_error":
        words = [word.strip("'") for word in item["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return f"{path}: seen {seen!r}; allowed: {', '.join(words)}{near(seen, words)}"
    verb = "needed" if seen is None else "allowed"
    return f"{path}: seen {shown(seen)}; {verb}: {WORDS.get(kind, item['msg'])}"


def _path(loc: Sequence[str | int], data: Any, where: str) -> str:
    """``parameters.CL.value`` of (parameters, 3, value)."""
    parts = [where] if where else []
    for part in loc:
        data = _inside(data, part)
        names = (data.get(key) for key in ("name", "parameter", "covariate")) if isinstance(data, Mapping) else ()
        named = next((name for name in names if isinstance(name, str)), None) if isinstance(part, int) else None
        parts.append(named or str(part))
    return ".".join(parts)


def _meant(key: str, known: Sequence[str]) -> str:
    return near(key, known) or f"; allowed: {', '.join(known)}"


def _inside(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def shown(value: object) -> str:
    """What was seen, short."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= LONGEST_SEEN else f"{text[: LONGEST_SEEN - 3]}..."
