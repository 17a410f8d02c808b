"""From a config file to a checked study: every check of the project, those that need the analysis included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis import endpoints
from analysis.evidence import scorecard
from cohorts.files import is_regular
from cohorts.own import SetError, is_file_name
from cohorts.sets import parameter_set
from cohorts.streams import Streams
from trial.engine.enrolment import candidates, enrol
from trial.errors import ConfigError
from trial.models.behaviour import behaviour_problems
from trial.study.checks import MOST_BYTES, value_at
from trial.study.load import Config, config_of, load_config, load_text, resolved_yaml
from trial.study.protocol import Problem
from trial.study.study import Study
from trial.study.yamltree import shown

ENOUGH_PATIENTS = 2048
"""Patients that are screened to see whether a population can fill a trial."""
RESOLVED = "config.resolved.yaml"


def load_checked(
    path: Path, overrides: Sequence[str] = (), seed: int | None = None, replicates: int | None = None
) -> Config:
    """The config with every check of the project; raises ConfigError with every problem found."""
    loaded = load_config(path, overrides, seed, replicates, _CHECKS, _STUDY_CHECKS)
    _refuse(f"{shown(path)}: ", loaded.study)
    return loaded


def check_again(study: Study) -> Config:
    """The same checks of a study that may have been changed in Python since; lines name the key alone."""
    checked = config_of(study, _CHECKS, _STUDY_CHECKS)
    _refuse("", checked.study)
    return checked


def _refuse(place: str, study: Study) -> None:
    """What can be seen only by writing, solving and sampling."""
    _refuse_unwritable(place, study)
    _refuse_misbehaving(place, study)
    _refuse_too_few(place, study)


def _refuse_unwritable(place: str, study: Study) -> None:
    """ConfigError when the resolved config, written as a run writes it, does not load back to the same study."""
    try:
        again = load_text(resolved_yaml(study), RESOLVED)
    except ConfigError as error:
        raise ConfigError([f"{place}cannot be written and read back: {line}" for line in error.messages]) from None
    if again != study:
        changed = [key for key, value in study.model_dump().items() if getattr(again, key) != getattr(study, key)]
        raise ConfigError([f"{place}{key}: is not the same once written and read back" for key in changed])


def _refuse_misbehaving(place: str, study: Study) -> None:
    """ConfigError when the user's own parameter set moves without drug, or a dose does not move what it should."""
    if not is_file_name(study.parameter_set):
        return
    try:
        found = behaviour_problems(parameter_set(study.parameter_set))
    except SetError as error:
        raise ConfigError([f"{place}parameter_set: {line}" for line in str(error).splitlines()]) from None
    if found:
        name = Path(study.parameter_set).name
        raise ConfigError([f"{place}parameter_set: {name}: {line}" for line in found])


def _refuse_too_few(place: str, study: Study) -> None:
    """ConfigError when the first replicate cannot be filled with eligible patients.

    Of a population the first few show it; the user's own patients are counted.
    """
    source = candidates(study)
    few = study.patients if source.size is not None else min(study.patients, ENOUGH_PATIENTS)
    tried = study.model_copy(update={"patients": few})
    try:
        enrol(tried, parameter_set(study.parameter_set), source, Streams(study.seed), 0)
    except ValueError as error:
        raise ConfigError([f"{place}screening: {error}"]) from None


def published_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Published rows that cannot be read, or that name an arm or endpoint the study does not have; and a baseline."""
    yield from _read_baseline(data)
    rows, day = value_at(data, "published", "rows"), value_at(data, "analysis", "assessment_day")
    if not (isinstance(rows, str) and is_regular(Path(rows), MOST_BYTES) and isinstance(day, int)):
        return
    try:
        published = scorecard.read_published(Path(rows))
    except (ValueError, OSError) as error:
        yield from ((("published", "rows"), line) for line in _lines_of(error, rows))
        return
    arms = value_at(data, "arms")
    ids = [str(value_at(arm, "id")) for arm in arms] if isinstance(arms, list) else []
    found: dict[str, list[str]] = {}
    for line in scorecard.problems(published, ids, list(endpoints.catalogue(day))):
        row, _, text = line.partition(": ")
        found.setdefault(text, []).append(row)
    for text, named in found.items():
        others = f" and {len(named) - 1} more rows" if len(named) > 1 else ""
        yield ("published", "rows"), f"{named[0]}{others}: {text} (published: null leaves all rows out)"


def _read_baseline(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the published baseline table, read as the report reads it."""
    name = value_at(data, "published", "baseline")
    if isinstance(name, str) and is_regular(Path(name), MOST_BYTES):
        try:
            scorecard.read_published(Path(name))
        except (ValueError, OSError) as error:
            yield from ((("published", "baseline"), line) for line in _lines_of(error, name))


def _lines_of(error: Exception, name: str) -> list[str]:
    """The lines of an error, with the name of the file where they lack it."""
    short = Path(name).name
    return [line if short in line else f"{short}: {line}" for line in str(error).splitlines()]


_CHECKS = (endpoints.config_problems, published_problems)
_STUDY_CHECKS = (endpoints.study_problems,)
