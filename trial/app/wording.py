"""Words of a plan: lists, labels, sentences, and the keys of a config that have no sentence of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trial.study.analysis_plan import Analysis, ComparisonMethod
from trial.study.protocol import Record
from trial.tables import PATIENTS

SAID = {
    Analysis: {"response_threshold_1e9L", "stage", "assessment_day", "reference_arm", "primary", "endpoints",
               "definitions", "estimands", "estimators", "imputation", "verdict", "named_replicate", "method",
               "multiplicity", "subgroups", "dose_response", "concentrations", "exposure_response", "crossover"},
    ComparisonMethod: {"difference", "test", "odds_ratio", "strata", "pool_below", "exact_below", "exact"},
}  # fmt: skip
"""Keys that have a sentence of their own."""


def listed(parts: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def covariate(name: str) -> str:
    """A column of the patients table inside a sentence: "age (AGE)"."""
    text = name if name not in PATIENTS.names else PATIENTS.field(name).metadata[b"label"].decode()
    return f"{lower(text)} ({name})" if text != name else name


def at_cut(cut: float | None) -> str:
    """Where a covariate is cut; nothing where it is not."""
    return "" if cut is None else f", below {cut:g} and from {cut:g} on"


def lower(text: str) -> str:
    """A label inside a sentence; a name in capitals stays."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def one_line(text: str) -> str:
    """A definition as a sentence of a paragraph."""
    line = " ".join(text.split())
    line = line[:1].upper() + line[1:]
    return line if line.endswith(".") or not line else f"{line}."


def listed_keys(record: Record, prefix: str) -> Iterator[str]:
    """Keys without a sentence of their own that differ from their default: meaning and value."""
    said = SAID.get(type(record), set())
    for name, field in type(record).config_keys().items():
        value = getattr(record, name)
        if name not in said and value != field.get_default(call_default_factory=True):
            yield from _listed_value(f"{prefix}.{name}" if prefix else name, value, field.description or "")


def _listed_value(path: str, value: Any, meaning: str) -> Iterator[str]:
    if isinstance(value, Record):
        yield f"- {path}: {meaning}"
        yield from (f"  {line}" for line in listed_keys(value, path))
    elif isinstance(value, dict):
        yield f"- {path}: {meaning}"
        for key, entry in value.items():
            yield from (f"  {line}" for line in _listed_value(f"{path}.{key}", entry, ""))
    else:
        yield f"- {path}: {_plain(value)}{f' ({meaning})' if meaning else ''}"


def _plain(value: Any) -> str:
    """A value of a config as a reader would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "; ".join(map(_plain, value))
    if isinstance(value, Record):
        given = {name: getattr(value, name) for name in type(value).model_fields if getattr(value, name) is not None}
        return ", ".join(f"{name} {_plain(entry)}" for name, entry in given.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
