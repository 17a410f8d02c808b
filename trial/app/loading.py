"""From a config file to a checked study: every check of the project, those that need the analysis included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analysis import endpoints
from analysis.evidence import scorecard
from cohorts.covariates import NoRoomError
from cohorts.files import is_regular
from cohorts.own import SetError, is_file_name
from cohorts.parameters import ParameterSet
from cohorts.sampler import Cohort
from cohorts.sets import parameter_set
from trial.engine.enrolment import candidates, enrol
from trial.errors import ConfigError, cut, not_installed
from trial.models.behaviour import behaviour_problems
from trial.study.checks import MOST_BYTES, impossible_margins, value_at
from trial.study.load import Config, Setting, config_of, load_config, read_back
from trial.study.protocol import Problem
from trial.study.study import Study

MOST_OUTSIDE = 0.05
"""Share of patients outside a validity domain above which it is worth a word."""
ENOUGH_PATIENTS = 2048
"""Patients that are screened to see whether a population can fill a trial."""
RESOLVED = "config.resolved.yaml"


def load_checked(
    path: Path, overrides: Sequence[str | Setting] = (), seed: int | None = None, replicates: int | None = None
) -> Config:
    """The config with every check of the project; raises ConfigError with every problem found."""
    loaded = load_config(path, overrides, seed, replicates, _CHECKS, _STUDY_CHECKS)
    return _sampled(loaded)


def check_again(study: Study) -> Config:
    """The same checks of a study that may have been changed in Python since; lines name the key alone."""
    return _sampled(config_of(study, _CHECKS, _STUDY_CHECKS))


def _sampled(config: Config) -> Config:
    """The config with what can be seen only by writing, solving and sampling; raises ConfigError for what cannot be
    used.
    """
    _refuse_unwritable(config)
    _refuse_misbehaving(config)
    said = _outside(parameter_set(config.study.parameter_set), _first_patients(config))
    return replace(config, warnings=(*config.warnings, *config.said("population", said)))


def _refuse_unwritable(config: Config) -> None:
    """ConfigError when the resolved config, written as a run writes it, does not load back to the same study."""
    study = config.study
    try:
        again = read_back(study, RESOLVED)
    except ConfigError as error:
        raise config.refused("id", [f"cannot be written and read back: {line}" for line in error.messages]) from None
    changed = [key for key in type(study).model_fields if getattr(again, key) != getattr(study, key)]
    if changed:
        raise config.refused(changed[0], ["is not the same once written and read back"])


def _refuse_misbehaving(config: Config) -> None:
    """ConfigError when the user's own parameter set moves without drug, or a dose does not move what it should."""
    name = config.study.parameter_set
    if not is_file_name(name):
        return
    try:
        found = behaviour_problems(parameter_set(name))
    except SetError as error:
        raise config.refused("parameter_set", str(error).splitlines()) from None
    if found:
        raise config.refused("parameter_set", [f"{Path(name).name}: {line}" for line in found])


def _missing_extra(study: Study) -> Iterator[Problem]:
    """A method that only an extra has, which is not installed."""
    if study.analysis.method.odds_ratio == "firth" and find_spec("firthmodels") is None:
        yield ("analysis", "method", "odds_ratio"), f"seen firth, which {not_installed('firthmodels', 'firth')}"


def _flat_shapes(study: Study) -> Iterator[Problem]:
    """Candidate shapes of the response by dose that have no contrast over the doses of the study."""
    said = study.analysis.dose_response
    if said is None:
        return
    from analysis.statistics.dose_finding import flat_shapes  # few studies ask for it

    for k in flat_shapes(said, study.arms):
        what = f"seen {said.shapes[k].name}, which is flat or without bound over the doses of the arms"
        yield ("analysis", "dose_response", "shapes", k), f"{what}; allowed: guesses within reach of the doses"


def _first_patients(config: Config) -> Cohort:
    """Patients of the first replicate; ConfigError when it cannot be filled with eligible ones.

    Of a population the first few show it; the user's own patients are counted.
    """
    study = config.study
    source = candidates(study)
    few = study.patients if source.size is not None else min(study.patients, ENOUGH_PATIENTS)
    tried = study.model_copy(update={"patients": few})
    try:
        return enrol(tried, parameter_set(study.parameter_set), source, study.streams, [0])
    except NoRoomError as error:
        people, chosen = study.population.id, parameter_set(study.parameter_set)
        why = f"seen {people}; parameter set {chosen.id} is for {chosen.validity.population}: {error}"
        raise config.refused("population" if people else "screening", [why if people else str(error)]) from None
    except ValueError as error:
        raise config.refused("screening", str(error).splitlines()) from None


def _outside(chosen: ParameterSet, cohort: Cohort) -> Iterator[str]:
    """Whether the set was built for other people than these."""
    said = [text for text in cohort.columns["OUTDOM"].tolist() if text]
    if len(said) > MOST_OUTSIDE * len(cohort.draws):
        why = Counter(reason for text in said for reason in text.split("; ")).most_common()
        yield (
            f"{len(said)} of {len(cohort.draws)} patients of the first replicate lie outside the validity domain of "
            f"{chosen.id} ({chosen.validity.population}): {', '.join(f'{reason} ({k})' for reason, k in why)}; the "
            "results are extrapolated"
        )


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
    if not isinstance(arms, list):
        return
    ids = [str(named) for arm in arms if (named := value_at(arm, "id")) is not None]
    known = [*endpoints.catalogue(day), *endpoints.own_codes(value_at(data, "analysis", "definitions"))]
    found: dict[str, list[str]] = {}
    for line in scorecard.problems(published, ids, known):
        row, _, text = line.partition(": ")
        found.setdefault(text, []).append(row)
    for text, named in found.items():
        others = f" and {len(named) - 1} more rows" if len(named) > 1 else ""
        yield (
            ("published", "rows"),
            f"{Path(rows).name}: {named[0]}{others}: {text} (published: null leaves all rows out)",
        )


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
    return [cut(line if short in line else f"{short}: {line}", 400) for line in str(error).splitlines()]


_CHECKS = (endpoints.config_problems, published_problems)
_STUDY_CHECKS = (endpoints.study_problems, impossible_margins, _missing_extra, _flat_shapes)
