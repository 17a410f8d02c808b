"""From typical values to individual parameters: covariates, random effects, classes, occasions, uncertainty."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohorts import elementary
from cohorts.parameters import (
    BIOAVAILABILITY,
    LARGEST_VARIANCE,
    CovariateEffect,
    ParameterSet,
    Uncertainty,
    cv_to_variance,
    near,
)
from cohorts.streams import Draws, Streams

Array = NDArray[np.float64]
OCCASION_STREAM = "occasion:"
NONRESPONDER = "nonresponder"


def covariance(parameter_set: ParameterSet) -> Array:
    """OMEGA, the full covariance of the patient-level random effects on the log scale, in their order in the set."""
    effects = parameter_set.effects("patient")
    order = [e.parameter for e in effects]
    sd = np.sqrt([e.variance for e in effects])
    return _correlation(parameter_set, order) * np.outer(sd, sd)


def _correlation(parameter_set: ParameterSet, order: list[str]) -> Array:
    matrix = np.eye(len(order))
    for c in parameter_set.correlations:
        i, j = order.index(c.a), order.index(c.b)
        matrix[i, j] = matrix[j, i] = c.value
    return matrix


def cholesky(parameter_set: ParameterSet) -> Array:
    """Lower factor of OMEGA; ValueError if the correlations do not form a positive definite matrix."""
    effects = parameter_set.effects("patient")
    matrix = _correlation(parameter_set, [e.parameter for e in effects])
    smallest = np.linalg.eigvalsh(matrix).min(initial=1.0)
    if smallest <= 1e-10:
        said = ", ".join(f"{c.a}-{c.b} {c.value:g}" for c in parameter_set.correlations)
        raise ValueError(
            f"{parameter_set.id}: the correlations ({said}) are not positive definite: "
            f"smallest eigenvalue {smallest:.3g}, more than 0 is needed"
        )
    return np.sqrt([e.variance for e in effects])[:, None] * elementary.cholesky(matrix)


def random_effects(parameter_set: ParameterSet, draws: Draws) -> dict[str, Array]:
    """ETA of every patient-level random effect, (n,) each, normal with covariance OMEGA.

    One stream per effect ("eta:CL"). The factor is applied term by term: a matrix product could change last bits with
    n.
    """
    names = [e.parameter for e in parameter_set.effects("patient")]
    lower = cholesky(parameter_set)
    z = [draws.normal(f"eta:{name}") for name in names]
    etas = {}
    for i, name in enumerate(names):
        eta = lower[i, i] * z[i]
        for k in range(i):
            if lower[i, k] != 0.0:
                eta += lower[i, k] * z[k]
        etas[name] = eta
    return etas


def covariate_factor(effect: CovariateEffect, covariate: NDArray[Any]) -> Array:
    """What a covariate multiplies the typical value (scale "logit": its odds) by, (n,).

    ValueError when a power is asked of a number that is not above 0.
    """
    if effect.form == "factor":
        met = covariate == effect.category if effect.category else covariate != effect.reference
        return np.where(met, effect.value, 1.0)
    number = covariate.astype(float)
    if not (number > 0).all():
        seen = f"seen {effect.covariate} {number[~(number > 0)][0]:g}"
        raise ValueError(f"{effect.covariate} on {effect.parameter}: a power needs numbers above 0; {seen}")
    return elementary.power(number / float(effect.reference), effect.value)


def _column(effect: CovariateEffect, covariates: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The column an effect names; ValueError when the patients have none."""
    name = effect.covariate
    if name not in covariates:
        said = f"seen {name!r}; the patients have {', '.join(covariates)}{near(name, covariates)}"
        raise ValueError(f"{name} on {effect.parameter}: covariate: {said}")
    return covariates[name]


def moved(value: Array, factor: Array, scale: str) -> Array:
    """A value times a factor; on the scale "logit" its odds times the factor, for a value between 0 and 1."""
    if scale == "log":
        return value * factor
    with np.errstate(over="ignore"):
        return value / (value + (1.0 - value) / factor)


def typical_values(
    parameter_set: ParameterSet, n: int, covariates: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
) -> dict[str, Array]:
    """THETA x covariate effects of every patient, (n,) each; of some parameters, or of all."""
    chosen = [p for p in parameter_set.parameters if names is None or p.name in names]
    values = {p.name: np.full(n, p.value) for p in chosen}
    for effect in parameter_set.covariate_effects:
        if effect.parameter in values:
            factor = covariate_factor(effect, _column(effect, covariates))
            values[effect.parameter] = moved(values[effect.parameter], factor, effect.scale)
    return values


def with_effects(parameter_set: ParameterSet, draws: Draws, typical: Mapping[str, Array]) -> dict[str, Array]:
    """The typical values times the patients' own random effects; those without one are as they were."""
    scale = {e.parameter: e.scale for e in parameter_set.effects("patient")}
    values = dict(typical)
    if not scale.keys() & values.keys():
        return values
    for name, eta in random_effects(parameter_set, draws).items():
        if name in values:
            values[name] = moved(values[name], elementary.exp(eta), scale[name])
    return values


def individual_parameters(
    parameter_set: ParameterSet, draws: Draws, covariates: Mapping[str, NDArray[Any]]
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Every parameter of every patient, (n,) each: THETA x covariate effects x exp(ETA); and who responds at all.

    Median 1 on the scale of each effect, so THETA is the value of the typical (median) patient, not the mean.
    ``covariates`` hold the columns that the covariate effects name, and BASE, the patient's own true platelet count off
    drug, which replaces the typical one. The classes of the set are applied last; who responds is who is not in the
    class "nonresponder".
    """
    n = len(draws)
    values = with_effects(parameter_set, draws, typical_values(parameter_set, n, covariates))
    if "BASE" in covariates:
        values["BASE"] = covariates["BASE"]
    responder = np.ones(n, dtype=bool)
    for mixed in parameter_set.classes:
        member = draws.uniform(f"class:{mixed.name}") < values[mixed.share]
        values[mixed.parameter] = np.where(member, values[mixed.value], values[mixed.parameter])
        if mixed.name == NONRESPONDER:
            responder = ~member
    return values, responder


def occasion_factor(draws: Draws, parameter_set: ParameterSet, week: int, name: str = BIOAVAILABILITY) -> Array:
    """What a week of treatment (0 is the first) multiplies a parameter by, (n,); F is relative bioavailability.

    exp of a normal number with the occasion variance, stream "occasion:<name>" keyed by the week. Median 1, so the mean
    is exp(variance / 2), not 1. Ones if the set has no such effect.
    """
    for effect in parameter_set.effects("occasion"):
        if effect.parameter == name:
            return elementary.exp(np.sqrt(effect.variance) * draws.normal(OCCASION_STREAM + name, week))
    return np.ones(len(draws))


def on_first_day(parameter_set: ParameterSet, draws: Draws, values: Mapping[str, Array]) -> dict[str, Array]:
    """The patients' values as they are in the first week, for what happens on day 0."""
    weekly = {e.parameter: e.scale for e in parameter_set.effects("occasion") if e.parameter in values}
    first = {n: moved(values[n], occasion_factor(draws, parameter_set, 0, n), scale) for n, scale in weekly.items()}
    return dict(values) | first


def uncertain(parameter_set: ParameterSet, streams: Streams, replicate: int) -> ParameterSet:
    """The set as one replicate believes it: each number with a standard error moved by it, log-normal.

    Values with a standard error of their own move alone, those of one calibration together. One number per parameter
    and replicate, stream "uncertainty:<name>". A share is moved on the logit scale and stays a share; a variance goes
    no higher than a set may have.
    """
    alone = [p for p in parameter_set.parameters if p.rse_percent is not None]
    blocks = [Uncertainty((p.name,), (float(p.rse_percent or 0.0),), ((1.0,),)) for p in alone]
    blocks += [together for together in parameter_set.uncertainty if together.names]
    if not blocks:
        raise ValueError(
            f"{parameter_set.id}: no parameter has a standard error, so parameter uncertainty cannot be drawn"
        )
    draws = Draws(streams, np.array([replicate]), np.array([0]))
    values = {p.name: p.value for p in parameter_set.parameters} | parameter_set.variances
    believed = {}
    for block in blocks:
        z = [float(draws.normal(f"uncertainty:{name}")[0]) for name in block.names]
        lower = elementary.cholesky(block.correlation)
        for row, name, rse in zip(lower, block.names, block.rse_percent, strict=True):
            together = sum(float(factor) * own for factor, own in zip(row, z, strict=True))
            off = _off(values[name], parameter_set.unit(name) == "fraction", rse, together)
            believed[name] = min(off, LARGEST_VARIANCE) if name in parameter_set.variances else off
    return parameter_set.with_values(believed)


def _off(value: float, share: bool, rse_percent: float, z: float) -> float:
    """A value ``z`` standard errors off."""
    if share:
        odds = value / (1.0 - value) * elementary.exp(rse_percent / 100.0 / (1.0 - value) * z)
        return float(odds / (1.0 + odds))
    return float(value * elementary.exp(np.sqrt(cv_to_variance(rse_percent)) * z))
