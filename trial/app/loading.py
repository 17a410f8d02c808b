"""From a config file to a checked study: every check of the project, those that need the analysis included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis import endpoints
from analysis.evidence import scorecard
from cohorts.own import SetError, is_file_name
from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from trial.engine.enrolment import candidates, enrol
from trial.errors import ConfigError
from trial.models.behaviour import behaviour_problems
from trial.study.checks import value_at
from trial.study.fingerprint import fingerprint
from trial.study.load import Config, config_of, load_config
from trial.study.protocol import Problem
from trial.study.study import Study

MOST_OUTSIDE = 0.05
"""Share of patients outside a validity domain above which it is worth a word."""


def load_checked(
    path: Path, overrides: Sequence[str] = (), seed: int | None = None, replicates: int | None = None
) -> Config:
    """The config with every check of the project; raises ConfigError with every problem found."""
    loaded = load_config(path, overrides, seed, replicates, _CHECKS, _STUDY_CHECKS)
    return _sampled(f"{path}: ", loaded)


def check_again(study: Study) -> Config:
    """The same checks of a study that may have been changed in Python since; lines name the key alone."""
    return _sampled("", config_of(study, _CHECKS, _STUDY_CHECKS))


def in_words(study: Study) -> list[str]:
    """What will run, in a few lines: patients, arms, days, design, parameter set, population."""
    arms = ", ".join(f"{arm.id} ({arm.ratio})" for arm in study.arms)
    chosen = parameter_set(study.parameter_set)
    own = f" ({Path(study.parameter_set).name})" if is_file_name(study.parameter_set) else ""
    return [
        f"{study.patients} patients, {study.replicates} replicates, arms {arms}",
        f"{study.treatment_days} days of treatment, {len(study.visits.days)} visits to day {study.visits.days[-1]}",
        f"design {fingerprint(study)}",
        f"parameter set {chosen.id}{own}, structure {chosen.structure}",
        f"population {study.population.id or study.population.file}",
    ]


def _sampled(place: str, loaded: Config) -> Config:
    """The config with what can be seen only by solving and sampling; raises ConfigError for what cannot be used."""
    _refuse_misbehaving(place, loaded.study)
    said = _outside(parameter_set(loaded.study.parameter_set), _first_patients(place, loaded.study))
    return replace(loaded, warnings=(*loaded.warnings, *(f"{place}population: {line}" for line in said)))


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


def _first_patients(place: str, study: Study) -> Cohort:
    """The patients of the first replicate; ConfigError when it cannot be filled with eligible ones."""
    try:
        return enrol(study, parameter_set(study.parameter_set), candidates(study), study.streams, 0)
    except ValueError as error:
        raise ConfigError([f"{place}screening: {error}"]) from None


def _outside(chosen: ParameterSet, cohort: Cohort) -> Iterator[str]:
    """Whether the set was built for other people than these."""
    said = [text for text in cohort.patients["OUTDOM"] if text]
    if len(said) > MOST_OUTSIDE * len(cohort.patients):
        why = Counter(reason for text in said for reason in text.split("; ")).most_common()
        yield (
            f"{len(said)} of {len(cohort.patients)} patients of the first replicate lie outside the validity domain of "
            f"{chosen.id} ({chosen.validity.population}): {', '.join(f'{reason} ({k})' for reason, k in why)}; the "
            "results are extrapolated"
        )


def published_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Published rows that cannot be read, or that name an arm or endpoint the study does not have."""
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


_CHECKS = (endpoints.config_problems, published_problems)
_STUDY_CHECKS = (endpoints.study_problems,)
