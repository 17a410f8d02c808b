"""``vtrial schema``: what a config may say, for editors (JSON Schema) and for people (a table)."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def schema(
    table: Annotated[bool, typer.Option("--table", help="A Markdown table of every key instead.")] = False,
    calibration: Annotated[bool, typer.Option("--calibration", help="Of a calibration instead of a study.")] = False,
    design: Annotated[bool, typer.Option("--design", help="Of a design instead of a study.")] = False,
) -> None:
    """Print the JSON Schema of a config, for editors.

    Example: vtrial schema > vtrial.schema.json
    """
    from trial.app.schema import schema_of, table_of

    kind = "calibration" if calibration else "design" if design else "study"
    print(table_of(kind) if table else json.dumps(schema_of(kind), indent=1, ensure_ascii=False))
