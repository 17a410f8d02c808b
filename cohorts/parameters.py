"""Records of a parameter set: no naked number. Each carries its unit, source, the scale it was reported on, and a
status.

Status: "published" (printed for this drug or trial), "derived" (from printed numbers, by arithmetic or by matching),
"calibrated" (fitted here, on the named targets), "assumed" (a surrogate from another drug, or a choice).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from cohorts.citations import Citation, Source, merge
from cohorts.units import check_unit

Status = Literal["published", "derived", "calibrated", "assumed"]
OMEGA = "OMEGA_"


def cv_to_variance(cv_percent: float) -> float:
    """Variance on the log scale of a log-normal quantity with this coefficient of variation (%): ln(1 + CV^2)."""
    return math.log1p((cv_percent / 100.0) ** 2)


def variance_to_cv(variance: float) -> float:
    """Coefficient of variation (%) of a log-normal quantity with this variance on the log scale."""
    return 100.0 * math.sqrt(math.expm1(variance))


def unknown_name(kind: str, name: str, known: Iterable[str]) -> KeyError:
    """A KeyError that names the thing, the nearest spellings and what is known."""
    known = list(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return KeyError(f"no {kind} {name!r}{hint} Known: {', '.join(known)}")


def _no_repeats(where: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{where}: listed more than once: {', '.join(repeated)}")


@dataclass(frozen=True)
class Parameter:
    """A typical value. ``rse_percent``: relative standard error. ``targets``: row ids it was fitted on."""

    name: str
    value: float
    unit: str
    source: Source
    status: Status
    reported_as: str = ""
    targets: tuple[str, ...] = ()
    rse_percent: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        check_unit(self.unit)
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name}: value {self.value} is not a finite number")


@dataclass(frozen=True)
class RandomEffect:
    """Log-normal variability of a parameter, median 1; ``variance`` on the log scale.

    Level "patient": one number for life. Level "occasion": one per week of treatment.
    """

    parameter: str
    variance: float
    reported_as: str
    source: Source
    status: Status
    level: Literal["patient", "occasion"] = "patient"
    targets: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.variance) and self.variance >= 0):
            raise ValueError(f"variance of {self.parameter} is {self.variance}; a finite number, 0 or more, is allowed")


@dataclass(frozen=True)
class Correlation:
    """Correlation of the patient-level random effects of parameters ``a`` and ``b``."""

    a: str
    b: str
    value: float
    source: Source
    status: Status
    reported_as: str = ""
    note: str = ""


@dataclass(frozen=True)
class Uncertainty:
    """How far calibrated numbers may be off together: relative standard errors (%) and their correlations.

    ``names``: parameters, or OMEGA_<parameter> for a variance. ``correlation`` on the log scale, of a share on that of
    its log odds. Raises ValueError when the three do not fit each other or do not make a covariance.
    """

    names: tuple[str, ...]
    rse_percent: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        n = len(self.names)
        if len(self.rse_percent) != n or [len(row) for row in self.correlation] != [n] * n:
            raise ValueError(f"uncertainty of {', '.join(self.names)}: {n} standard errors and {n} x {n} are needed")
        matrix = np.array(self.correlation)
        if not np.array_equal(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min(initial=1.0) <= 0:
            raise ValueError(f"uncertainty of {', '.join(self.names)}: the correlations are not positive definite")

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Uncertainty:
        """From the entry ``uncertainty`` of a calibration record; ValueError when something is missing."""
        wanted = ("names", "rse_percent", "correlation")
        missing = [key for key in wanted if key not in record]
        missing += [f"rse_percent.{n}" for n in record.get("names", ()) if n not in record.get("rse_percent", {})]
        if missing:
            raise ValueError(f"uncertainty: missing {', '.join(missing)}; needed: {', '.join(wanted)}")
        names, rse, rows = (record[key] for key in wanted)
        return cls(tuple(names), tuple(float(rse[n]) for n in names), tuple(tuple(map(float, row)) for row in rows))

    def without(self, names: Iterable[str]) -> Uncertainty:
        """That of the other numbers."""
        keep = [k for k, name in enumerate(self.names) if name not in set(names)]
        return Uncertainty(
            tuple(self.names[k] for k in keep),
            tuple(self.rse_percent[k] for k in keep),
            tuple(tuple(self.correlation[j][k] for k in keep) for j in keep),
        )


@dataclass(frozen=True)
class CovariateEffect:
    """How a covariate moves a parameter.

    "power": times (covariate / reference) ** value. "factor": times value for patients not in the category
    ``reference``.
    """

    parameter: str
    covariate: str
    form: Literal["power", "factor"]
    value: float
    reference: float | str
    source: Source
    status: Status
    reported_as: str = ""
    note: str = ""


@dataclass(frozen=True)
class PatientClass:
    """A share of patients with another value of one parameter: a mixture.

    ``share`` and ``value`` are names of parameters of the set: the share of patients in the class, and what
    ``parameter`` is for them. Stream "class:<name>".
    """

    name: str
    share: str
    parameter: str
    value: str


@dataclass(frozen=True)
class Range:
    """Values of a patient covariate for which the set was built, limits included."""

    covariate: str
    low: float
    high: float
    unit: str
    source: Source


@dataclass(frozen=True)
class ValidityDomain:
    """What a parameter set may be used for. Patients outside are flagged, not dropped."""

    population: str
    ranges: tuple[Range, ...]
    dose_low_mg: float
    dose_high_mg: float
    schedule: str
    source: Source


@dataclass(frozen=True)
class ParameterSet:
    """One published model with all its numbers; the file name in the catalogue is the id (drug_author_year).

    ``uncertainty``: how far the numbers of each calibration may be off; a value with an ``rse_percent`` of its own is
    off alone. ``home``: the user's own Python file the set was read from, where its structure may stand too; "" in the
    catalogue.
    """

    id: str
    title: str
    drug: str
    structure: str
    parameters: tuple[Parameter, ...]
    random_effects: tuple[RandomEffect, ...]
    correlations: tuple[Correlation, ...]
    covariate_effects: tuple[CovariateEffect, ...]
    validity: ValidityDomain
    classes: tuple[PatientClass, ...] = ()
    uncertainty: tuple[Uncertainty, ...] = ()
    home: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _no_repeats(self.id, [p.name for p in self.parameters])
        _no_repeats(self.id, [f"{e.parameter} ({e.level})" for e in self.random_effects])
        varying = [e.parameter for e in self.effects("patient")]
        mixed = [name for c in self.classes for name in (c.share, c.parameter, c.value)]
        for name in [*varying, *(e.parameter for e in self.covariate_effects), *mixed]:
            self.parameter(name)
        for name in self.rse_percent:
            self.unit(name)
        for c in self.correlations:
            if not {c.a, c.b} <= set(varying) or c.a == c.b:
                raise ValueError(f"{self.id}: correlation of {c.a} and {c.b}: both need a patient-level random effect")

    def effects(self, level: Literal["patient", "occasion"]) -> tuple[RandomEffect, ...]:
        """The random effects of one level, in order."""
        return tuple(e for e in self.random_effects if e.level == level)

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; KeyError lists near names."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise unknown_name(f"parameter in {self.id}:", name, [p.name for p in self.parameters])

    def value(self, name: str) -> float:
        """Typical value of a parameter."""
        return self.parameter(name).value

    def unit(self, name: str) -> str:
        """Unit of a parameter, or of a variance by its name OMEGA_<parameter>; KeyError lists near names."""
        return "1" if name in self.variances else self.parameter(name).unit

    @property
    def rse_percent(self) -> dict[str, float]:
        """The relative standard error (%) of every number that has one: parameters and OMEGA_<parameter>."""
        alone = {p.name: p.rse_percent for p in self.parameters if p.rse_percent is not None}
        return alone | {n: rse for u in self.uncertainty for n, rse in zip(u.names, u.rse_percent, strict=True)}

    @property
    def targets(self) -> tuple[str, ...]:
        """Ids of the published rows that any of the numbers was fitted on or matched to."""
        said = [item.targets for item in self.parameters] + [item.targets for item in self.random_effects]
        return tuple(dict.fromkeys(row for rows in said for row in rows))

    @property
    def variances(self) -> dict[str, float]:
        """Patient-level variances by the names ``with_values`` knows them by: OMEGA_<parameter>."""
        return {OMEGA + e.parameter: e.variance for e in self.effects("patient")}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation used, in order of first use."""
        return merge(
            [
                *(p.source for p in self.parameters),
                *(e.source for e in self.random_effects),
                *(c.source for c in self.correlations),
                *(x.source for x in self.covariate_effects),
                *(r.source for r in self.validity.ranges),
            ]
        )

    def with_values(self, values: Mapping[str, float]) -> ParameterSet:
        """The same set with other numbers: parameters by name, variances as OMEGA_<parameter>. Status is kept."""
        known = [*(p.name for p in self.parameters), *self.variances]
        for name in values:
            if name not in known:
                raise unknown_name(f"parameter in {self.id}:", name, known)
        parameters = (replace(p, value=float(values.get(p.name, p.value))) for p in self.parameters)
        effects = (
            replace(e, variance=float(values.get(OMEGA + e.parameter, e.variance))) if e.level == "patient" else e
            for e in self.random_effects
        )
        return replace(self, parameters=tuple(parameters), random_effects=tuple(effects))
