"""What a calibration file can say: which set is fitted, on which studies and targets, with which priors and search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from cohorts.files import is_regular
from cohorts.parameters import ParameterSet
from cohorts.sets import PARAMETER_SETS, is_file_name, parameter_set
from cohorts.widths import widths
from trial.study.checks import MOST_BYTES
from trial.study.load import Check, load_record
from trial.study.protocol import Identifier, Positive, Problem, Record, Whole, not_among

FRACTION = "fraction"
Count = Annotated[Whole, Field(ge=0, le=100_000)]


class FittedParameter(Record):
    """A parameter to fit and what was believed of it before: log-normal, in the parameter's own unit."""

    name: str = Field(description="parameter of the set; a variance between patients is OMEGA_<parameter>")
    median: Positive | None = Field(default=None, description="median of the prior, in the unit of the parameter")
    like: str | None = Field(
        default=None, description="in place of a median: the set of the catalogue whose value it is, another population"
    )
    log_sd: Positive = Field(description="prior SD of its logarithm; of a fraction, of its log odds")
    reason: str = Field(description="where the prior comes from")

    @property
    def middle(self) -> float:
        """The median of a prior as ``load_fit`` gives it."""
        assert self.median is not None, f"{self.name}: about {self.like}, which was not looked up"
        return self.median


class Search(Record):
    """How long is searched: a scan of the priors, then several searches from its best points."""

    scan: Count = Field(default=128, description="points of the scan of the priors, beside their medians")
    starts: Annotated[Whole, Field(ge=1, le=100)] = Field(default=3, description="searches, from the best points")
    evaluations: Count = Field(default=250, description="points of each search, at most")
    method: Literal["simplex", "least squares"] = Field(
        default="simplex", description="simplex: Nelder-Mead, for few parameters; least squares: Gauss-Newton, for many"
    )
    profile_evaluations: Count = Field(default=40, description="points of each search of a profile, at most")


class PosteriorPlan(Record):
    """How the posterior is found (``vtrial posterior``): what moves beside the fitted parameters, and how much work."""

    assumed: tuple[FittedParameter, ...] = Field(
        default=(), description="parameters that are not fitted and move all the same, with what is believed of them"
    )
    carried: tuple[str, ...] = Field(
        default=(), description="assumed parameters that move too, each about its value by how far it was carried"
    )
    points: Annotated[Whole, Field(ge=16, le=4096)] = Field(
        default=128, description="points of each wave at which the studies are simulated"
    )
    waves: Annotated[Whole, Field(ge=1, le=5)] = Field(
        default=2, description="the first wave covers the priors, each later one the posterior of the one before"
    )
    replicates: Annotated[Whole, Field(ge=20, le=10_000)] = Field(
        default=200, description="replicates at the values of the set, which say how targets of a trial go together"
    )
    checks: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=16, description="draws at which the studies are simulated again, beside what the emulator says"
    )
    draws: Annotated[Whole, Field(ge=1, le=100_000)] = Field(default=1000, description="draws that are written")


class Fit(Record):
    """A calibration, fully resolved."""

    id: Identifier = Field(description="name of the calibration; becomes the name of the file that is written")
    parameter_set: str = Field(description="parameter set that is fitted: an id of the catalogue, or your own file")
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(
        description="the same at every point; not that of a study, so that its own runs are new draws"
    )
    replicates: Annotated[Whole, Field(ge=1, le=10_000)] = Field(description="replicates of each study at every point")
    studies: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="configs with published rows, relative to this file; each is simulated with the fitted set"
    )
    targets: Literal["seen"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="seen: every published row marked seen and counted; or a list of row ids"
    )
    fitted: Annotated[tuple[FittedParameter, ...], Field(min_length=1)] = Field(
        description="the parameters that are fitted"
    )
    profile: tuple[str, ...] = Field(
        default=(), description="fitted parameters held at several values while the others are fitted again"
    )
    shift: Literal["none"] = Field(default="none", description="a shift between studies; none is what there is")
    search: Search = Field(default=Search(), description="how long is searched")
    posterior: PosteriorPlan = Field(default=PosteriorPlan(), description="how the posterior is found, where it is")

    def problems(self) -> Iterator[Problem]:
        names = [prior.name for prior in self.fitted]
        beside = [prior.name for prior in self.posterior.assumed]
        moved = [*names, *beside, *self.posterior.carried]
        places: list[tuple[str | int, ...]] = [
            *(("fitted", k, "name") for k in range(len(names))),
            *(("posterior", "assumed", k, "name") for k in range(len(beside))),
            *(("posterior", "carried", k) for k in range(len(self.posterior.carried))),
        ]
        for k, (name, place) in enumerate(zip(moved, places, strict=True)):
            if moved.index(name) < k:
                first = "fitted" if moved.index(name) < len(names) else "named"
                yield place, f"seen {name!r}, which is {first} already; each parameter once"
        for k, name in enumerate(self.profile):
            if name not in names:
                yield ("profile", k), not_among(name, names, "a fitted parameter")


def load_fit(path: Path, check: Check = lambda data: ()) -> Fit:
    """The calibration of a YAML file, its studies as paths. Raises ConfigError with every problem found.

    ``check`` looks at the plain data, valid or not, for what only the caller knows.
    """
    fit = load_record(path, Fit, lambda data: [*_unknown(data, path.parent), *check(data)])
    studies = tuple(str(path.parent / name) for name in fit.studies)
    beside = fit.posterior.model_copy(update={"assumed": tuple(map(resolved, fit.posterior.assumed))})
    found = {"studies": studies, "parameter_set": set_name(fit.parameter_set, path.parent)}
    return fit.model_copy(update=found | {"fitted": tuple(map(resolved, fit.fitted)), "posterior": beside})


def resolved(prior: FittedParameter) -> FittedParameter:
    """The prior with the number that its median is."""
    if prior.like is None:
        return prior
    return prior.model_copy(update={"median": value_in(parameter_set(prior.like), prior.name)})


def value_in(chosen: ParameterSet, name: str) -> float:
    """A typical value of a set, or a variance between patients, OMEGA_<parameter>."""
    return chosen.variances[name] if name in chosen.variances else chosen.value(name)


def set_name(name: str, base: Path) -> str:
    """A parameter set as the catalogue finds it: an id as it is, the name of a user's own file from ``base``."""
    return str((base / name).resolve()) if is_file_name(name) else name


def _unknown(data: Mapping[str, Any], base: Path) -> Iterator[Problem]:
    """Studies, sets and parameters that do not exist, and values a parameter cannot have; data may be wrong."""
    for k, name in enumerate(_entries(data.get("studies"))):
        if isinstance(name, str) and not is_regular(base / name, MOST_BYTES):
            yield ("studies", k), f"there is no file {base / name}; names are relative to this file"
    if data.get("id") in [known.id for known in PARAMETER_SETS]:
        yield ("id",), f"seen {data['id']!r}, which is a parameter set of the catalogue; give the result another id"
    if not isinstance(data.get("parameter_set"), str):
        return
    try:
        chosen = parameter_set(set_name(data["parameter_set"], base))
    except (KeyError, ValueError) as error:
        yield ("parameter_set",), str(error.args[0])
        return
    known = _names(chosen)
    fractions = [p.name for p in chosen.parameters if p.unit == FRACTION]
    beside = data.get("posterior")
    assumed = _entries(beside.get("assumed")) if isinstance(beside, Mapping) else ()
    carried = _entries(beside.get("carried")) if isinstance(beside, Mapping) else ()
    wide = [name for name, width in widths(chosen).items() if width.log_sd]
    for k, name in enumerate(carried):
        if isinstance(name, str) and name not in wide:
            yield (
                ("posterior", "carried", k),
                not_among(name, wide, f"an assumed parameter of {chosen.id} with a width"),
            )
    for place, priors in ((("fitted",), _entries(data.get("fitted"))), (("posterior", "assumed"), assumed)):
        for k, prior in enumerate(priors):
            if isinstance(prior, Mapping) and isinstance(prior.get("name"), str):
                yield from (
                    ((*place, k, *where), text) for where, text in _of_prior(prior, chosen.id, known, fractions)
                )


def _of_prior(prior: Mapping[str, Any], set_id: str, known: list[str], fractions: list[str]) -> Iterator[Problem]:
    """What is wrong with one prior: its name, its median, the set it is taken from."""
    name, median, like = prior["name"], prior.get("median"), prior.get("like")
    if name not in known:
        yield ("name",), not_among(name, known, f"a parameter of {set_id}")
    elif name in fractions and isinstance(median, int | float) and median >= 1:
        yield ("median",), f"seen {median:g}; {name} is a fraction; allowed: less than 1"
    if (median is None) == (like is None):
        seen = "neither" if like is None else "both"
        yield (), f"seen {seen} of median and like; needed: the median of the prior, or the set whose value it is"
    if isinstance(like, str):
        yield from ((("like",), text) for text in _not_like(like, name))


def _not_like(like: str, name: str) -> Iterator[str]:
    """Why a prior cannot be about the value of that set."""
    ids = [one.id for one in PARAMETER_SETS]
    if like not in ids:
        yield not_among(like, ids, "a parameter set of the catalogue")
    elif name not in (has := _names(parameter_set(like))):
        yield not_among(name, has, f"a parameter of {like}")


def _names(chosen: ParameterSet) -> list[str]:
    return [*(p.name for p in chosen.parameters), *chosen.variances]


def _entries(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
