"""Calibrated values: a JSON file beside the parameter set, written by the calibration, read when the set is built."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import ParameterSet, Uncertainty, unknown_name


class CatalogueError(ValueError):
    """A file of the catalogue itself that cannot be used; the text names it."""


def calibration_file(set_id: str) -> Path:
    """Where the calibrated values of a set are kept."""
    return Path(__file__).parent / "sets" / f"{set_id}.calibration.json"


def read_calibration(set_id: str) -> dict[str, Any]:
    """The calibration record of a set: values, targets, note, how it was made."""
    path = calibration_file(set_id)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("values", {}), dict):
            raise ValueError("needed: keys values, targets, note")
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{path}: cannot be read: {error}") from None
    missing = [key for key in ("values", "targets", "note") if key not in content]
    bad = {name: v for name, v in content.get("values", {}).items() if not math.isfinite(float(v))}
    if missing or bad:
        raise CatalogueError(f"{path}: missing keys {missing}; values that are not finite numbers {bad}")
    return content


def calibrated(
    parameter_set: ParameterSet, calibration: Mapping[str, Any], source: Source | None = None
) -> ParameterSet:
    """The set with the values of a calibration; what is named there gets status "calibrated" and the targets.

    Without targets nothing was fitted yet: the values are used, with status "assumed". The note keeps where the
    starting value came from. An optional "rse_percent" {name: value} gives standard errors, "uncertainty" those of all
    values together (see Uncertainty); what was known of a value before is forgotten. ``source``: of the new values;
    None: the calibration file beside the set.
    """
    values, targets = calibration["values"], tuple(calibration["targets"])
    rse = calibration.get("rse_percent", {})
    known = [*(p.name for p in parameter_set.parameters), *parameter_set.variances]
    for name in [*values, *rse]:
        if name not in known:
            raise unknown_name(f"parameter in {parameter_set.id}:", name, known)
    source = source or Source(THIS_ENGINE, f"{calibration_file(parameter_set.id).name}: {calibration['note']}")
    marked: dict[str, Any] = dict(
        source=source, status="calibrated" if targets else "assumed", targets=targets, reported_as=""
    )
    parameters = (
        replace(p, value=float(values[p.name]), rse_percent=rse.get(p.name), note=_said(p.note, p.source), **marked)
        if p.name in values
        else p
        for p in parameter_set.parameters
    )
    effects = (
        replace(e, variance=float(values[e.name]), note=_said(e.note, e.source), **marked) if e.name in values else e
        for e in parameter_set.random_effects
    )
    return replace(
        parameter_set,
        parameters=tuple(parameters),
        random_effects=tuple(effects),
        uncertainty=_uncertainty(parameter_set, calibration),
    )


def _uncertainty(parameter_set: ParameterSet, calibration: Mapping[str, Any]) -> tuple[Uncertainty, ...]:
    """Of the values that stay, and of the new ones."""
    new = set(calibration["values"])
    stay = [together.without(new) for together in parameter_set.uncertainty]
    own = [Uncertainty.of(calibration["uncertainty"])] if calibration.get("uncertainty") else []
    return tuple(together for together in (*stay, *own) if together.names)


def _said(note: str, start: Source) -> str:
    """The note of a calibrated number keeps where its starting value came from."""
    return f"{note} (starting value: {start.text})" if note else f"starting value: {start.text}"
