"""What assurance draws: numbers of the parameter set, the structure, how patients behave; the study of each draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cohorts.believed import believed
from cohorts.elementary import exp
from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from cohorts.stand_ins import weights_of
from cohorts.streams import Draws, Streams
from cohorts.variability import moved
from cohorts.widths import widths
from trial.app.grid_points import standing_value
from trial.app.loading import load_checked
from trial.app.structures import pair_of, refuse_unusable_pair, studies_of
from trial.errors import ConfigError, Refused
from trial.study.assurance_plan import AssurancePlan, Behaviour
from trial.study.load import Config, Setting, load_config
from trial.study.placed import Place
from trial.study.protocol import Problem
from trial.study.study import Study

FITTED, ASSUMED, BEHAVIOUR = "fitted parameters", "assumed parameters", "behaviour"
FURTHEST = 3.0
"""SDs of a prior of behaviour at which the study must still be one; draws go no further."""


@dataclass(frozen=True)
class Unknown:
    """What is not known of a study: its config and settings, the plan, and the ``sources`` that are drawn."""

    plan: AssurancePlan
    path: Path
    settings: tuple[str, ...]
    config: Config
    sources: tuple[str, ...]

    @property
    def study(self) -> Study:
        """The study as it stands."""
        return self.config.study

    @property
    def sets(self) -> tuple[str, ...]:
        """The parameter set of the study, and the one that stands in for it where both structures are asked for."""
        return sets_of(self.plan, self.study)

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the sets."""
        if len(self.sets) == 1:
            return (1.0,)
        known = weights_of(self.study.parameter_set)
        return tuple(known[name] for name in self.sets)

    def behaving(self, streams: Streams, number: int) -> dict[str, Study]:
        """The study of draw ``number`` of behaviour, by parameter set."""
        study = self.study
        if self.plan.behaviour:
            of_each = (_settings(self.config, one, streams, number) for one in self.plan.behaviour)
            values = [setting for settings in of_each for setting in settings]
            study = load_config(self.path, [*self.settings, *values]).study
        return studies_of(study) if len(self.sets) > 1 else {study.parameter_set: study}


def unknown_of(plan: AssurancePlan, path: Path, settings: Sequence[str], config: Config) -> Unknown:
    """What is not known of a checked study."""
    return Unknown(plan, path, tuple(settings), config, tuple(_sources(plan, config.study)))


def sets_of(plan: AssurancePlan, study: Study) -> tuple[str, ...]:
    """The parameter sets of the structures."""
    return pair_of(study) if plan.structures == "both" else (study.parameter_set,)


def _sources(plan: AssurancePlan, study: Study) -> Iterator[str]:
    chosen = [parameter_set(name) for name in sets_of(plan, study)]
    if plan.parameters != "none" and any(one.rse_percent for one in chosen):
        yield FITTED
    if plan.parameters == "all" and any(width.log_sd for one in chosen for width in widths(one).values()):
        yield ASSUMED
    if plan.behaviour:
        yield BEHAVIOUR


def drawn_set(name: str, streams: Streams, plan: AssurancePlan, fitted: int, assumed: int) -> ParameterSet:
    """The set with its fitted numbers of one draw and its assumed ones of another; of the same draw it is the set that
    ``parameter_uncertainty`` gives that replicate. What a posterior draws together goes with the fitted.
    """
    chosen = parameter_set(name)
    if plan.parameters == "fitted" and not chosen.rse_percent:
        return chosen
    return believed(chosen, streams, fitted, plan.parameters, assumed)


def _settings(config: Config, one: Behaviour, streams: Streams, number: int) -> Iterator[Setting]:
    z = Draws(streams, np.array([number]), np.array([0])).normal(f"behaviour:{one.key}")[0]
    yield from moved_by(config, one, float(np.clip(z, -FURTHEST, FURTHEST)))


def moved_by(config: Config, one: Behaviour, z: float) -> Iterator[Setting]:
    """The keys of a prior, so many SDs from what they are in the study."""
    factor = np.array([float(exp(one.sd * z))])
    for key in one.keys:
        place = Place(f"assurance.behaviour {key}", depth=-1)
        value = moved(np.array([float(standing_value(config, key, place))]), factor, one.scale)[0]
        yield Setting(key, repr(float(value)), place)


def unknown_problems(plan: AssurancePlan, path: Path, settings: Sequence[str], config: Config) -> Iterator[Problem]:
    """What of the assurance does not go with the study, each with its place in the section."""
    study = config.study
    if study.parameter_uncertainty:
        said = "fitted" if study.parameter_uncertainty is True else study.parameter_uncertainty
        yield (), f"the study has parameter_uncertainty: {said}; allowed beside assurance, which draws: none"
        return
    if plan.structures == "both":
        try:
            refuse_unusable_pair(study)
        except Refused as error:
            yield ("structures",), str(error)
            return
    drawn = list(_sources(plan, study))
    if plan.parameters != "none" and not {FITTED, ASSUMED} & set(drawn):
        yield ("parameters",), f"no effect: {study.parameter_set} has no number that is drawn; allowed: none, or all"
    for k, one in enumerate(plan.behaviour):
        yield from ((("behaviour", k), line) for line in _unmovable(path, settings, config, one))


def _unmovable(path: Path, settings: Sequence[str], config: Config, one: Behaviour) -> Iterator[str]:
    """Why a key cannot be moved as the prior says, at its ends too."""
    for key in one.keys:
        try:
            value = standing_value(config, key, Place(key))
        except ConfigError as error:
            yield error.messages[0]
            return
        if value is None:
            yield _nothing_there(path, settings, key)
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{key}: seen {value!r} in the study; allowed: a key with a number"
            return
        if value <= 0 or (one.scale == "logit" and value >= 1):
            where = "between 0 and 1" if one.scale == "logit" else "above 0"
            yield f"{key}: seen {value:g} in the study; allowed with scale: {one.scale}: a number {where}"
            return
    for z in (-FURTHEST, FURTHEST):
        try:
            load_checked(path, [*settings, *moved_by(config, one, z)])
        except ConfigError as error:
            yield f"{FURTHEST:g} SDs {'below' if z < 0 else 'above'} the study: {error.messages[0]}"


def _nothing_there(path: Path, settings: Sequence[str], key: str) -> str:
    """What is to be said of a key at which the study has no value."""
    try:
        load_config(path, [*settings, Setting(key, "0.5", Place(key))])
    except ConfigError as error:
        return error.messages[0]
    return f"{key}: nothing stands there in the study; allowed: a key with a number"
