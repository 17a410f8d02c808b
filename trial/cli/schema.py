"""``vtrial schema``: what a config may say, for editors (JSON Schema) and for people (a table)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trial.study.protocol import Record

INHERIT = "another YAML file, relative to this one, whose keys hold unless they are given here"


def schema(
    table: Annotated[bool, typer.Option("--table", help="A Markdown table of every key instead.")] = False,
    calibration: Annotated[bool, typer.Option("--calibration", help="Of a calibration instead of a study.")] = False,
) -> None:
    """Print the JSON Schema of a config, for editors.

    Example: vtrial schema > vtrial.schema.json
    """
    import json

    from trial.study.fit import Fit
    from trial.study.study import Study

    record, title = (Fit, "vtrial calibration") if calibration else (Study, "vtrial study")
    print(key_table(record) if table else json.dumps(json_schema(record, title), indent=1, ensure_ascii=False))


def json_schema(record: type[Record] | None = None, title: str = "vtrial study") -> dict[str, Any]:
    """JSON Schema of a config file: a ``record`` (a Study), or part of one that extends another file."""
    from trial.study.study import Study
    from trial.study.yamltree import EXTENDS

    content = _without_infinity((record or Study).model_json_schema())
    needed = content.pop("required")
    inherit = {"type": "string", "description": INHERIT}
    content["properties"] = {EXTENDS: inherit, **content["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **content,
        "title": title,
        "anyOf": [{"required": [EXTENDS]}, {"required": needed}],
    }


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity: a default of infinity is left out."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not (k == "default" and v == float("inf"))}
        return {k: _without_infinity(v) for k, v in kept.items()}
    return [_without_infinity(v) for v in value] if isinstance(value, list) else value


def key_table(record: type[Record] | None = None) -> str:
    """Every key of a ``record`` (a Study) with type, unit, default and meaning, as a Markdown table."""
    from trial.study.keys import default_of, keys_of, kind_of, unit_of
    from trial.study.study import Study
    from trial.study.yamltree import EXTENDS

    rows = [("Key", "Type", "Unit", "Default", "Meaning"), ("---",) * 5]
    rows.append((f"`{EXTENDS}`", "text", "", "none", INHERIT))
    for key in keys_of(record or Study):
        meaning = key.field.description or ""
        rows.append((f"`{key.path}`", kind_of(key.field), unit_of(key.name), default_of(key.field), meaning))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
