"""Versions of this engine and of what else can change a number: now, and when a run was made."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from trial.jobs import provenance
from trial.jobs.provenance import ARITHMETIC, installed


def engine_version() -> str:
    """Version of this engine."""
    return provenance.engine_version()


def changes(manifest: Mapping[str, Any]) -> list[str]:
    """What is another version than when the run of ``manifest`` was made, as "numpy 1.26.0 then, 2.0.0 now"."""
    then = {"engine": manifest["engine"]["version"], **manifest["packages"]}
    then |= {name: manifest[name] for name in [ARITHMETIC] if name in manifest}
    now = {name: version(name) for name in manifest["packages"]} | installed()
    return [f"{name} {then[name]} then, {now[name]} now" for name in then if then[name] != now[name]]
