"""From a config file to a Study: every problem at once, each with its place, and in plain words."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from cohorts.files import UnreadableError, absolute, must_be_regular
from cohorts.sets import is_file_name
from trial.errors import ConfigError, cut
from trial.study.acting import change_problems
from trial.study.checks import (
    MOST_BYTES,
    cautions,
    not_taken,
    not_transfused,
    unknown_covariates,
    unknown_ids,
    unknown_start_covariates,
    unusable_patients,
    unusable_posterior,
    unusable_set,
    value_at,
)
from trial.study.explain import explain
from trial.study.file_kinds import mistaken
from trial.study.inherited import marked, replaced, without_removed
from trial.study.other_drugs import other_drug_problems
from trial.study.own_schedule import schedule_problems, with_schedule
from trial.study.placed import Place, Placed, as_tree, dotted, find, plain
from trial.study.protocol import Problem, Record
from trial.study.rule_library import with_library
from trial.study.study import Study
from trial.study.yamltree import MOST_VALUES, read, read_text, with_override, with_value

FILES = (("population", "file"), ("population", "by_day"), ("published", "rows"), ("published", "baseline"))
PARAMETER_SET = ("parameter_set",)
SCHEDULE = ("schedule",)
_CATALOGUE = (
    unknown_ids,
    not_taken,
    not_transfused,
    unusable_patients,
    unknown_covariates,
    unusable_set,
    unusable_posterior,
)
_OF_STUDY = (unknown_start_covariates, other_drug_problems, change_problems, schedule_problems)
Check = Callable[[Mapping[str, Any]], Iterable[Problem]]
StudyCheck = Callable[[Study], Iterable[Problem]]
AnyRecord = TypeVar("AnyRecord", bound=Record)


@dataclass(frozen=True)
class Setting:
    """One value of a config replaced by another one: the dotted ``key``, the value as YAML text, and who says so."""

    key: str
    text: str
    place: Place


@dataclass(frozen=True)
class Config:
    """A study, and what is allowed but unusual about it, as lines like those of ConfigError."""

    study: Study
    warnings: tuple[str, ...]
    tree: Placed

    def refused(self, key: str, lines: Iterable[str]) -> ConfigError:
        """The error that a ``key`` of this config makes for each of ``lines``, with its place."""
        return ConfigError(self.said(key, lines))

    def said(self, key: str, lines: Iterable[str]) -> list[str]:
        """What is to be said of a ``key`` of this config, with its place."""
        return _lines(self.tree, [((key,), line) for line in lines])


def load_study(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None, replicates: int | None = None
) -> Study:
    """The Study of a YAML file; ``overrides`` are ``a.b=c``. Raises ConfigError with every problem found.

    Names of files in the config are resolved against the file they stand in.
    """
    return load_config(path, overrides, seed, replicates).study


def load_config(
    path: Path | str,
    overrides: Sequence[str | Setting] = (),
    seed: int | None = None,
    replicates: int | None = None,
    checks: Sequence[Check] = (),
    study_checks: Sequence[StudyCheck] = (),
) -> Config:
    """As ``load_study``, with the warnings.

    ``checks`` look at the plain data, valid or not, and ``study_checks`` at the valid study, for what only the caller
    knows.
    """
    return _config(
        marked(_overridden(with_library(read(Path(path))), overrides, seed, replicates)), checks, study_checks
    )


def load_text(text: str, name: str) -> Study:
    """The Study of a YAML text that extends no other; ``name`` stands in the messages of ConfigError."""
    return _config(_with_absolute_files(read_text(text, name)), (), ()).study


def config_of(study: Study, checks: Sequence[Check] = (), study_checks: Sequence[StudyCheck] = ()) -> Config:
    """As ``load_config``, for a Study that was made or changed in Python: lines name the key alone."""
    return _config(_with_absolute_files(as_tree(study.model_dump(mode="json"), Place(""))), checks, study_checks)


def _config(tree: Placed, checks: Sequence[Check], study_checks: Sequence[StudyCheck]) -> Config:
    _refuse_other_kind(tree, Study)
    given = tree
    tree, unfit = without_removed(tree)
    tree, untimely = with_schedule(with_library(tree))
    if untimely:
        raise ConfigError(_lines(tree, [*unfit, *untimely]))
    data = plain(tree)
    problems = [
        *unfit,
        *_missing_files(data),
        *(p for check in (*_CATALOGUE, *checks) for p in check(data)),
    ]
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_refusal(given, [*explain(error, Study, data, tree), *problems])) from None
    if not problems:
        problems += [p for check in _OF_STUDY for p in check(study)]
    problems += [p for check in study_checks for p in check(study)]
    if problems:
        raise ConfigError(_refusal(given, problems))
    return Config(study, tuple(_lines(tree, cautions(study))), tree)


def _refuse_other_kind(tree: Placed, record: type[Record]) -> None:
    """ConfigError, in a sentence, for a file that is of another kind."""
    if text := mistaken(plain(tree), record.__name__):
        raise ConfigError(_lines(tree, [((), text)]))


def _refusal(tree: Placed, problems: list[Problem]) -> list[str]:
    """The lines of what is wrong, with what this config took away from the one it extends, where that is the reason."""
    return _lines(tree, [*problems, *replaced(tree, [path for path, _ in problems])])


def resolved_yaml(study: Study) -> str:
    """The study as YAML with every default written out; loading it gives an equal Study."""
    return "".join(_sections(study).values())


def read_back(study: Study, name: str) -> Study:
    """The Study that loading its resolved YAML gives, as ``load_text``; a section that was read before is known."""
    sections = _sections(study)
    text = "".join(sections.values())
    with suppress(ConfigError):  # which is then told with the lines of the whole
        read = {key: read_text(section, name) for key, section in sections.items()}
        if text.count(",") + text.count("\n") < MOST_VALUES and all(
            list(tree.value) == [key] for key, tree in read.items()
        ):
            tree = Placed({key: tree.value[key] for key, tree in read.items()}, Place(name))
            return _config(_with_absolute_files(tree), (), ()).study
    return load_text(text, name)


def _sections(study: Study) -> dict[str, str]:
    """The resolved YAML of a study by its keys, its head before the first."""
    head = f"# {' '.join(study.title.split())}\n# Every setting of the study, defaults included.\n"
    written = {key: _written(_Section(key, repr(value), value)) for key, value in study.model_dump().items()}
    first = next(iter(written))
    return written | {first: head + written[first]}


@dataclass(frozen=True)
class _Section:
    """A key of a study with its value, known by what Python says of it."""

    key: str
    said: str
    value: Any = field(compare=False)


@lru_cache(maxsize=1024)
def _written(section: _Section) -> str:
    """A section as YAML; the studies of a scan or a search share most of theirs."""
    yaml = YAML()
    yaml.width = 120
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    stream = io.StringIO()
    yaml.dump({section.key: _dumpable(section.value)}, stream)
    return stream.getvalue()


def _dumpable(value: Any) -> Any:
    """Plain dicts and lists; lists of numbers on one line."""
    if isinstance(value, dict):
        return {key: _dumpable(entry) for key, entry in value.items()}
    if not isinstance(value, list | tuple):
        return value
    entries = CommentedSeq(_dumpable(entry) for entry in value)
    if all(isinstance(entry, int | float) for entry in entries):
        entries.fa.set_flow_style()
    return entries


def _overridden(tree: Placed, overrides: Sequence[str | Setting], seed: int | None, replicates: int | None) -> Placed:
    problems: list[str] = []
    for text in overrides:
        try:
            tree = _with_setting(tree, text if isinstance(text, Setting) else setting_of(text))
        except ConfigError as error:
            problems.extend(error.messages)
    if problems:
        raise ConfigError(problems)
    for key, number in (("seed", seed), ("replicates", replicates)):
        if number is not None:
            tree = with_override(tree, key, str(number), Place(f"--{key} {number}"))
    return _with_absolute_files(tree)


def setting_of(text: str) -> Setting:
    """What ``--set key=value`` says. Raises ConfigError."""
    key, equals, value = text.partition("=")
    if not (equals and key.strip()):
        raise ConfigError([f"--set {text}: allowed: --set key=value, for example --set arms.0.ratio=3"])
    return Setting(key.strip(), value, Place(f"--set {text}", depth=-1))


def _with_setting(tree: Placed, setting: Setting) -> Placed:
    return with_override(tree, setting.key, setting.text, setting.place)


def file_keys(data: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    """The keys that name a file: FILES, the schedule, and the parameter set when it is the user's own."""
    name = value_at(data, *PARAMETER_SET)
    own = isinstance(name, str) and is_file_name(name)
    return (*FILES, SCHEDULE, PARAMETER_SET) if own else (*FILES, SCHEDULE)


def _with_absolute_files(tree: Placed) -> Placed:
    data = plain(tree)
    for path in file_keys(data):
        name, place = value_at(data, *path), find(tree, path).place
        if isinstance(name, str):
            base = place.path.parent if place.path else Path.cwd()
            tree = with_value(tree, path, str(absolute(base / name)), place)
    return tree


def _missing_files(data: Mapping[str, Any]) -> Iterable[Problem]:
    for path in file_keys(data):
        name = value_at(data, *path)
        if isinstance(name, str):
            try:
                must_be_regular(Path(name), MOST_BYTES)
            except UnreadableError as error:
                windows = "; folders are separated by / here" if "\\" in name else ""
                missing = f"there is no file {cut(name, 200)}{windows}"
                yield path, missing if "no such" in str(error) else f"seen {cut(repr(name), 200)}: {error}"


def _lines(tree: Placed, problems: Iterable[Problem]) -> list[str]:
    """``place: path: text`` of each problem, in the order of the places."""
    placed = [(find(tree, path).place, dotted(path), text) for path, text in problems]
    order = sorted(placed, key=lambda entry: (entry[0].name, entry[0].line))
    return list(
        dict.fromkeys(": ".join(part for part in (str(place), path, text) if part) for place, path, text in order)
    )


def load_record(
    path: Path,
    record: type[AnyRecord],
    check: Check,
    record_check: Callable[[AnyRecord], Iterable[Problem]] = lambda found: (),
) -> AnyRecord:
    """A YAML file of another kind than a study as its ``record``; ``check`` looks at the plain data, valid or not,
    ``record_check`` at a valid record.

    Raises ConfigError with every problem found.
    """
    tree = read(path)
    _refuse_other_kind(tree, record)
    data = plain(tree)
    problems = list(check(data))
    try:
        found = record.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_lines(tree, [*explain(error, record, data), *problems])) from None
    problems = problems or list(record_check(found))
    if problems:
        raise ConfigError(_lines(tree, problems))
    return found
