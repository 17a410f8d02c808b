"""What must be the same for two pieces of work to be of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cohorts.own import digest
from trial.app.study_run import POSTERIORS, posteriors
from trial.jobs.provenance import file_hash, installed
from trial.study.load import FILES, PARAMETER_SET, SCHEDULE, file_keys
from trial.study.study import Study


def identity(study: Study) -> dict[str, str]:
    """What must be the same for an interrupted run to go on: engine, packages, every key of the config.

    Files the config names count by what they hold, not by where they are.
    """
    keys = dict(_leaves(study.model_dump(mode="json"), ""))
    for path in map(".".join, (*FILES, SCHEDULE)):
        name = keys.get(path, "None")
        keys[path] = "None" if name == "None" else f"a file with sha256 {file_hash(Path(name))[:12]}"
    if PARAMETER_SET in file_keys(study.model_dump()):
        keys["parameter_set"] = f"a file with sha256 {digest(Path(study.parameter_set))[:12]}"
    return installed() | keys | draws_in_words(posteriors(study))


def draws_in_words(found: Mapping[str, str]) -> dict[str, str]:
    """Files of draws (sha256 by parameter set) as they stand in an identity."""
    return {f"{POSTERIORS}.{name}": f"draws with sha256 {sha[:12]}" for name, sha in found.items()}


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every value of nested dicts and lists by its dotted name, as in arms.0.ratio."""
    if isinstance(value, dict | list) and value:
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(entry, f"{name}.{key}" if name else str(key))
    else:
        yield name, str(value)
