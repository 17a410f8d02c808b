"""Every key a record allows, with its type, unit and meaning, read off the record itself."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from trial.study.protocol import Record

UNITS = {
    "mg": "mg",
    "days": "days",
    "day": "days",
    "h": "hours",
    "y": "years",
    "1e9L": "10^9/L",
    "ng_mL": "ng/mL",
    "per_week": "per week",
    "per_28_days": "per 28 days",
    "steps_per_day": "steps per day",
    "probability": "0 to 1",
    "share_by_end": "0 to 1",
    "every": "days",
    "from": "days",
    "to": "days",
}
PLURALS = {"number": "numbers", "whole number": "whole numbers", "text": "texts", "keys": "groups of keys"}
MARKS = {"": ".", "list": "[].", "dict": ".<name>."}


@dataclass(frozen=True)
class Key:
    """One key: its path (``[]`` stands for the entries of a list, ``<name>`` for a free name) and its field."""

    path: str
    field: FieldInfo

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.split(".")[-1]


def unit_of(name: str) -> str:
    """The unit that a key carries in its name, in words; empty when it has none."""
    if "_days_" in name:
        return "days"
    ends = (unit for suffix, unit in UNITS.items() if name == suffix or name.endswith(f"_{suffix}"))
    return max(ends, key=len, default="")


def keys_of(record: type[Record], above: str = "") -> Iterator[Key]:
    """Every key of ``record`` and of the records inside it, depth first, in order."""
    for name, field in record.config_keys().items():
        yield Key(above + name, field)
        inner, container = _record_in(field.annotation)
        if inner is not None:
            yield from keys_of(inner, above + name + MARKS[container])


def record_at(record: type[Record], path: Sequence[str | int]) -> type[Record] | None:
    """The kind of record that ``path`` leads to inside ``record``; None where a plain value stands."""
    parts = iter(path)
    for part in parts:
        field = record.config_keys().get(str(part))
        inner, container = _record_in(field.annotation) if field else (None, "")
        if inner is None or (container and next(parts, None) is None):
            return None
        record = inner
    return record


def kind_of(field: FieldInfo) -> str:
    """The type of a field in words."""
    return _kind(field.annotation)


def _record_in(annotation: Any) -> tuple[type[Record] | None, str]:
    """The record inside an annotation, and what holds it: "" (nothing), "list" or "dict"."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation, ""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _record_in(inside[0])
    container = "list" if origin is tuple else "dict" if origin is dict else ""
    for part in inside:
        found, deeper = _record_in(part)
        if found is not None:
            return found, container or deeper
    return None, ""


def _kind(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inside[0])
    if origin is Literal:
        return " or ".join(map(str, inside))
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(part) for part in inside if part is not type(None))
    if origin is tuple:
        return f"list of {PLURALS.get(kind := _kind(inside[0]), kind)}"
    if origin is dict:
        return f"name: {_kind(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return "keys"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(annotation, str(annotation))


def default_of(field: FieldInfo) -> str:
    """The default in words: "needed" when there is none, "see below" for a group of keys."""
    value = field.default
    if field.is_required():
        return "needed"
    if isinstance(value, Record):
        return "see below"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value in ("", (), {}):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(entry if isinstance(entry, str) else f"{entry:g}" for entry in value)
    return "no limit" if value == float("inf") else f"{value:g}" if isinstance(value, float) else str(value)
