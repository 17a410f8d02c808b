"""``model.json`` of a run folder: the structure of the study as the report shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.evidence.model import MODEL_FILE
from cohorts.parameters import ParameterSet
from trial.models import Structure, structure_of
from trial.models.equations import equations
from trial.models.flows import flows


def write_model(folder: Path, parameters: ParameterSet) -> None:
    """Write states, flows, equations, derived parameters and classes of the structure of a set."""
    text = json.dumps(described(parameters), indent=1, ensure_ascii=False)
    (folder / MODEL_FILE).write_text(text + "\n", encoding="utf-8")


def described(parameters: ParameterSet) -> dict[str, Any]:
    """The content of ``model.json``."""
    model = structure_of(parameters)
    names, found = [s.name for s in model.states], flows(model)
    return {
        "structure": model.id,
        "title": model.title,
        "states": [{"name": s.name, "unit": s.unit, "meaning": s.meaning} for s in model.states],
        "dose_state": names[model.dose_state],
        "inputs": list(model.inputs),
        "flows": [[names[a], names[b]] for a, b in found.flows],
        "influences": [[names[a], names[b]] for a, b in found.influences],
        "sources": [names[k] for k in found.sources],
        "losses": [names[k] for k in found.losses],
        "equations": list(_lines(model)),
        "derived": [{"name": d.name, "unit": d.unit, "meaning": d.meaning} for d in model.derived],
        "classes": [
            {"name": c.name, "share": c.share, "parameter": c.parameter, "value": c.value} for c in parameters.classes
        ],
    }


def _lines(model: Structure) -> Iterator[dict[str, str]]:
    said = equations(model)
    units = {s.name: f"{s.unit}/h" for s in model.states}
    for kind, lines in (("term", said.terms), ("derivative", said.derivatives), ("output", said.outputs)):
        for name, text in lines:
            yield {
                "kind": kind,
                "name": name,
                "text": text,
                "unit": units.get(name, "") if kind == "derivative" else "",
            }
