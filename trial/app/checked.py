"""Config checks that need the analysis: endpoint ids and published rows. Loads a config with all checks there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trial.study.load import Config, ConfigError, load_config
from trial.study.protocol import Problem
from trial.study.study import Study


def load_checked(
    path: Path, overrides: Sequence[str] = (), seed: int | None = None, replicates: int | None = None
) -> Config:
    """The config with every check of the project; raises ConfigError with every problem found."""
    from analysis.endpoints import config_problems, study_problems

    loaded = load_config(path, overrides, seed, replicates, (config_problems, published_problems), (study_problems,))
    refuse_misbehaving(path, loaded.study)
    refuse_too_few(path, loaded.study)
    return loaded


def refuse_misbehaving(path: Path, study: Study) -> None:
    """ConfigError when the user's own parameter set moves without drug, or a dose does not move what it should."""
    from cohorts.sets import is_file_name, parameter_set
    from trial.models.behaviour import behaviour_problems

    if is_file_name(study.parameter_set):
        found = behaviour_problems(parameter_set(study.parameter_set))
        if found:
            name = Path(study.parameter_set).name
            raise ConfigError([f"{path}: parameter_set: {name}: {line}" for line in found])


def refuse_too_few(path: Path, study: Study) -> None:
    """ConfigError when the first replicate cannot be filled with eligible patients."""
    from cohorts.sets import parameter_set
    from cohorts.streams import Streams
    from trial.engine.enrolment import candidates, enrol

    try:
        enrol(study, parameter_set(study.parameter_set), candidates(study), Streams(study.seed), 0)
    except ValueError as error:
        raise ConfigError([f"{path}: screening: {error}"]) from None


def published_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Published rows that cannot be read, or that name an arm or endpoint the study does not have."""
    from analysis import endpoints
    from analysis.evidence import scorecard
    from trial.study.checks import value_at

    rows, day = value_at(data, "published", "rows"), value_at(data, "analysis", "assessment_day")
    if not (isinstance(rows, str) and Path(rows).is_file() and isinstance(day, int)):
        return
    try:
        published = scorecard.read_published(Path(rows))
    except (ValueError, OSError) as error:
        yield from ((("published", "rows"), line) for line in str(error).splitlines())
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
