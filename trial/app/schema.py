"""What a config may say, for editors (JSON Schema) and for people (a table)."""

from __future__ import annotations

from typing import Any

from trial.study.design_plan import DesignPlan
from trial.study.fit import Fit
from trial.study.keys import default_of, keys_of, kind_of, unit_of
from trial.study.own_schedule import SAID
from trial.study.protocol import Record
from trial.study.study import Study
from trial.study.yamltree import EXTENDS

INHERIT = "another YAML file, relative to this one, whose keys hold unless they are given here"


KINDS: dict[str, type[Record]] = {"study": Study, "calibration": Fit, "design": DesignPlan}


def schema_of(kind: str) -> dict[str, Any]:
    """JSON Schema of a study, of a calibration or of a design."""
    return json_schema(KINDS[kind], f"vtrial {kind}")


def table_of(kind: str) -> str:
    """Every key of a study, of a calibration or of a design, as a Markdown table."""
    return key_table(KINDS[kind])


def json_schema(record: type[Record] = Study, title: str = "vtrial study") -> dict[str, Any]:
    """JSON Schema of a config file: a ``record`` (a Study), or part of one that extends another file."""
    content = _without_infinity(record.model_json_schema())
    needed = content.pop("required")
    inherit = {"type": "string", "description": INHERIT}
    content["properties"] = {EXTENDS: inherit, **content["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **content,
        "title": title,
        "anyOf": [{"required": [EXTENDS]}, {"required": needed}, *_scheduled(record, needed)],
    }


def _scheduled(record: type[Record], needed: list[str]) -> list[dict[str, Any]]:
    """What a study with a schedule of the user's own needs: the table says the rest."""
    return [{"required": ["schedule", *(key for key in needed if key not in SAID)]}] if record is Study else []


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity: a default of infinity is left out."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not (k == "default" and v == float("inf"))}
        return {k: _without_infinity(v) for k, v in kept.items()}
    return [_without_infinity(v) for v in value] if isinstance(value, list) else value


def key_table(record: type[Record] = Study) -> str:
    """Every key of a ``record`` (a Study) with type, unit, default and meaning, as a Markdown table."""
    rows = [("Key", "Type", "Unit", "Default", "Meaning"), ("---",) * 5]
    rows.append((f"`{EXTENDS}`", "text", "", "none", INHERIT))
    for key in keys_of(record):
        meaning = key.field.description or ""
        rows.append((f"`{key.path}`", kind_of(key.field), unit_of(key.name), default_of(key.field), meaning))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
