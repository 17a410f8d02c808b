"""Joint sampling of the baseline covariates of a population, and the limits outside which a value is a mistake.

One stream per covariate, one number per candidate, always by inverse CDF; a truncated law maps the uniform into the
allowed part instead of drawing again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from cohorts.citations import Citation, merge
from cohorts.elementary import exp, log, log1p
from cohorts.noise import assay, fluctuation
from cohorts.parameters import Parameter, ParameterSet, unknown_name
from cohorts.screening import report
from cohorts.streams import Draws
from cohorts.variability import on_first_day, typical_values, with_effects

Array = NDArray[np.float64]
Candidates = dict[str, NDArray[Any]]

LIMITS: dict[str, tuple[float, float, str]] = {
    "AGE": (0.0, 120.0, "y"),
    "HEIGHT": (40.0, 250.0, "cm"),
    "WEIGHT": (2.0, 400.0, "kg"),
    "ITPDUR": (0.0, 100.0, "y"),
    "BLPLAT": (1.0, 2000.0, "10^9/L"),
    "BLBLEED": (0.0, 4.0, "1"),
}
CATEGORIES: dict[str, tuple[str, ...]] = {"SEX": ("F", "M"), "SPLENFL": ("Y", "N"), "CONITPFL": ("Y", "N")}
EVERYBODY = ("AGE", "SEX", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "SPLENFL", "CONITPFL", "BLPLAT")
"""Columns of the patients of every population that may be covariates."""


@dataclass(frozen=True)
class Population:
    """Who is screened: the numbers of a joint law of covariates, each with unit, source and status.

    ``disease`` says whose history is drawn: "itp" has a duration, splenectomies and concomitant drugs; "none" (healthy
    volunteers, patients with a tumour) has a duration of 0 and neither of the others. ``given``: covariates of a
    study's own and the value that everybody has at enrolment.
    """

    id: str
    title: str
    parameters: tuple[Parameter, ...]
    disease: Literal["itp", "none"] = "itp"
    given: tuple[tuple[str, float | str], ...] = ()
    size: ClassVar[int | None] = None

    @property
    def kept(self) -> tuple[str, ...]:
        """Columns beside the usual ones."""
        return tuple(name for name, _ in self.given)

    def with_given(self, values: Mapping[str, float | str]) -> Population:
        """The population with these covariates, of which everybody has the same value."""
        return replace(self, given=tuple(values.items()))

    def value(self, name: str) -> float:
        """A number of the law; KeyError lists near names."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter.value
        raise unknown_name(f"parameter in {self.id}:", name, [p.name for p in self.parameters])

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation used, in order of first use."""
        return merge(p.source for p in self.parameters)

    def candidates(self, draws: Draws, parameter_set: ParameterSet) -> Candidates:
        """Candidates before screening: covariates, BASE (true count off drug), TRUEPLAT0, BLPLAT (measured, day 0)."""
        law = {p.name: p.value for p in self.parameters}
        history = itp_history(draws, law) if self.disease == "itp" else no_itp(draws)
        people = demography(draws, law) | history | {name: np.full(len(draws), value) for name, value in self.given}
        return people | platelets(draws, law, parameter_set, people)


def truncated_normal(u: ArrayLike, mean: ArrayLike, sd: float, low: ArrayLike, high: float) -> Array:
    """Quantile ``u`` of a normal law cut to [low, high]."""
    below, above = ndtr((low - np.asarray(mean)) / sd), ndtr((high - np.asarray(mean)) / sd)
    return np.clip(mean + sd * ndtri(below + np.asarray(u) * (above - below)), low, high)


def demography(draws: Draws, law: Mapping[str, float]) -> Candidates:
    """Age in completed years, sex, height given sex, weight = BMI x height^2 with a log-normal BMI.

    A law may name a lowest weight, WEIGHT_LOW (kg): it raises the lowest BMI of the short.
    """
    age = np.floor(_age(draws, law))
    female = draws.uniform("covariate:sex") < law["FEMALE"]
    mean = np.where(female, law["HEIGHT_F"], law["HEIGHT_M"])
    height = truncated_normal(
        draws.uniform("covariate:height"), mean, law["HEIGHT_SD"], law["HEIGHT_LOW"], law["HEIGHT_HIGH"]
    )
    log_bmi = truncated_normal(
        draws.uniform("covariate:weight"),
        log(law["BMI"]), law["BMI_LOG_SD"], log(_lowest_bmi(height, law)), log(law["BMI_HIGH"]),
    )  # fmt: skip
    weight = exp(log_bmi) * (height / 100.0) ** 2
    return {
        "AGE": age,
        "SEX": np.where(female, "F", "M"),
        "HEIGHT": height,
        "WEIGHT": weight,
        "BMI": exp(log_bmi),
    }


def _lowest_bmi(height: Array, law: Mapping[str, float]) -> ArrayLike:
    """The lowest BMI of the law, or what the lowest weight asks for at this height (cm)."""
    if "WEIGHT_LOW" not in law:
        return law["BMI_LOW"]
    return np.maximum(law["BMI_LOW"], law["WEIGHT_LOW"] / (height / 100.0) ** 2)


def _age(draws: Draws, law: Mapping[str, float]) -> Array:
    return truncated_normal(draws.uniform("covariate:age"), law["AGE"], law["AGE_SD"], law["AGE_LOW"], law["AGE_HIGH"])


def no_itp(draws: Draws) -> Candidates:
    """No history of ITP: duration 0, spleen in place, no drug for it."""
    n = len(draws)
    return {"ITPDUR": np.zeros(n), "SPLENFL": np.full(n, "N"), "CONITPFL": np.full(n, "N")}


def itp_history(draws: Draws, law: Mapping[str, float]) -> Candidates:
    """Duration of ITP (correlated with age), splenectomy (by duration), concomitant ITP drug."""
    age, r = _age(draws, law), law["CORR_AGE_ITPDUR"]
    z = r * ndtri(draws.uniform("covariate:age")) + np.sqrt(1.0 - r * r) * draws.normal("covariate:itp_duration")
    duration = itp_duration(ndtr(z), age, law)
    classes = [law[f"SPLEN_{c}"] for c in ("0_1", "1_3", "3_5", "5_UP")]
    share = np.array(classes)[np.searchsorted([1.0, 3.0, 5.0], duration, side="right")]
    return {
        "ITPDUR": duration,
        "SPLENFL": np.where(draws.uniform("covariate:splenectomy") < share, "Y", "N"),
        "CONITPFL": np.where(draws.uniform("covariate:concomitant") < law["CONITP"], "Y", "N"),
    }


def itp_duration(u: Array, age: Array, law: Mapping[str, float]) -> Array:
    """Quantile ``u`` of the duration of ITP (y).

    The classes 0.5-1, 1-3, 3-5 and 5 or more hold the shares of the law among those of at least 0.5 y; inside a class
    uniform, above 5 y exponential and cut so that ITP began after the first birthday.
    """
    short = law["ITPDUR_SHORT"]
    shares = (1.0 - short) * np.array([law["ITPDUR_05_1"], law["ITPDUR_1_3"], law["ITPDUR_3_5"]])
    cdf = np.concatenate([[0.0, short], short + np.cumsum(shares)])
    inside = np.interp(u, cdf, [law["ITPDUR_LOW"], 0.5, 1.0, 3.0, 5.0])
    rest, longest = np.clip((u - cdf[-1]) / (1.0 - cdf[-1]), 0.0, None), np.maximum(age - 6.0, 1.0)
    tail = -law["ITPDUR_TAIL"] * log1p(rest * (exp(-longest / law["ITPDUR_TAIL"]) - 1.0))
    return inside + np.where(u > cdf[-1], tail, 0.0)


class NoRoomError(ValueError):
    """People whose counts differ less than those of one patient do by the parameter set."""


def platelets(
    draws: Draws, law: Mapping[str, float], parameter_set: ParameterSet, people: Candidates | None = None
) -> Candidates:
    """True count off drug (BASE, log-normal), true count on day 0 (BASE / exp(fluctuation)), the count measured then
    and how the usual laboratory reports it (BLPLAT).

    The law gives the spread of the measured count; what fluctuation and assay error add (their mean, where they differ
    between patients) is taken off to get the spread of BASE. ``people``: the columns that covariate effects name.
    """
    total, within = law["PLT_LOG_SD"], mean_square(parameter_set, "FLUCT_SD", lambda sd: sd**2)
    error = mean_square(parameter_set, "ASSAY_CV", lambda cv: log1p(cv**2))
    variance = total**2 - within - error
    if variance <= 0:
        raise NoRoomError(
            f"FLUCT_SD {parameter_set.value('FLUCT_SD'):g} and ASSAY_CV {parameter_set.value('ASSAY_CV'):g} leave no "
            f"room for differences between patients: together (with their own variances: log SD "
            f"{np.sqrt(within + error):.3g}) they must stay below the log SD {total:g} of the measured count"
        )
    base = exp(log(law["PLT"]) + np.sqrt(variance) * draws.normal("covariate:platelets"))
    own = within_values(draws, parameter_set, people or {})
    true = base * exp(-day_0_fluctuation(draws, own))
    measured = assay(true, draws.normal("residual:platelets"), own["ASSAY_CV"])
    return {"BASE": base, "TRUEPLAT0": true, "MEASURED": measured, "BLPLAT": report(measured)}


def within_values(draws: Draws, parameter_set: ParameterSet, people: Candidates) -> dict[str, Any]:
    """FLUCT_SD, FLUCT_TAU and ASSAY_CV of every candidate on day 0: the ones they have in the trial.

    (n,) each where patients differ in it, else one number.
    """
    names = ("FLUCT_SD", "FLUCT_TAU", "ASSAY_CV")
    moving = {e.parameter for e in parameter_set.random_effects} & {*names}
    moving |= {x.parameter for x in parameter_set.covariate_effects} & {*names}
    own = with_effects(parameter_set, draws, typical_values(parameter_set, len(draws), people, moving))
    return {name: parameter_set.value(name) for name in names} | on_first_day(parameter_set, draws, own)


def mean_square(parameter_set: ParameterSet, name: str, square: Callable[[Any], Any]) -> Any:
    """Mean of ``square`` of a parameter over patients and occasions, by Gauss-Hermite quadrature."""
    variance = sum(e.variance for e in parameter_set.random_effects if e.parameter == name)
    if not variance:
        return square(parameter_set.value(name))
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    values = square(parameter_set.value(name) * exp(np.sqrt(variance) * node))
    return np.sum(weight * values) / np.sum(weight)


def day_0_fluctuation(draws: Draws, own: Mapping[str, Any]) -> Array:
    """Log loss factor on the day of the screening count, (n,)."""
    return fluctuation(draws, [0], own["FLUCT_SD"], own["FLUCT_TAU"])[:, 0]
