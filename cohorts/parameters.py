"""Records of a parameter set: no naked number. Each carries unit, source, the scale it was reported on, and status.

Status: "published" (printed for this drug or trial), "derived" (from printed numbers, by arithmetic or by matching),
"calibrated" (fitted here, on the named targets), "assumed" (a surrogate from another drug, or a choice).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np

from cohorts.citations import Citation, Source, merge
from cohorts.files import DrawsFile
from cohorts.units import check_unit

Status = Literal["published", "derived", "calibrated", "assumed"]
Level = Literal["patient", "occasion"]
Form = Literal["power", "factor"]
Scale = Literal["log", "logit"]
OMEGA = "OMEGA_"
OCCASION = "OCCASION_"
BIOAVAILABILITY = "F"
"""Relative bioavailability: 1 without an occasion effect; no set gives it as a parameter."""
LARGEST_VARIANCE, LARGE_VARIANCE = 10.0, 4.0
"""Of a random effect: what is allowed, and above what it is worth a word (a CV of 732 %)."""
COEFFICIENTS = ("ASSAY_CV", "CONC_CV")
"""Fractions that are coefficients of variation: they may vary beyond 1."""


class RecordError(ValueError):
    """A record that makes no sense: names the thing, what was seen and what is allowed."""


def near(name: object, known: Iterable[str], most: int = 1) -> str:
    """``"; did you mean x?"``, or nothing."""
    by_case, text = {word.lower(): word for word in known}, str(name).lower()
    found = get_close_matches(text, by_case, n=most, cutoff=0.5)
    found = found or [word for word in by_case if text and (word.startswith(text) or text.startswith(word))][:most]
    return f"; did you mean {' or '.join(by_case[word] for word in found)}?" if found else ""


def one_of(where: str, seen: object, allowed: Iterable[str]) -> None:
    """RecordError unless ``seen`` is one of the words."""
    words = list(allowed)
    if seen not in words:
        raise RecordError(f"{where}: seen {seen!r}; allowed: {', '.join(words)}{near(seen, words)}")


def require(good: bool, where: str, seen: object, allowed: str) -> None:
    """RecordError unless ``good``."""
    if not good:
        raise RecordError(f"{where}: seen {str(seen)[:40]}; allowed: {allowed}")


def is_number(value: object) -> bool:
    """Whether it is a finite number that a float can hold."""
    try:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def cv_to_variance(cv_percent: float) -> float:
    """Variance on the log scale of a log-normal quantity with this coefficient of variation (%): ln(1 + CV^2)."""
    return math.log1p((cv_percent / 100.0) ** 2)


def variance_to_cv(variance: float) -> float:
    """Coefficient of variation (%) of a log-normal quantity with this variance on the log scale."""
    return 100.0 * math.sqrt(math.expm1(variance))


def unknown_name(kind: str, name: str, known: Iterable[str]) -> KeyError:
    """A KeyError that names the thing, the nearest spellings and what is known."""
    known = list(known)
    return KeyError(f"no {kind} {name!r}{near(name, known, 3)} Known: {', '.join(known)}")


def _no_repeats(where: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise RecordError(f"{where}: listed more than once: {', '.join(repeated)}")


def _no_contradiction(correlations: Iterable[Correlation]) -> None:
    given: dict[frozenset[str], float] = {}
    for c in correlations:
        pair = frozenset((c.a, c.b))
        once = pair not in given
        require(once, f"correlation of {c.a} and {c.b}", f"{given.get(pair)} and {c.value}", "one value for a pair")
        given[pair] = c.value


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
        require(is_number(self.value), f"{self.name}: value", self.value, "a finite number")
        rse = self.rse_percent
        good = rse is None or (is_number(rse) and rse > 0)
        require(good, f"{self.name}: rse_percent", rse, "more than 0 (%), or none")

    @property
    def bounded(self) -> bool:
        """Whether it lies between 0 and 1 for everybody: it varies on the logit scale alone."""
        return self.unit == "fraction" and self.name not in COEFFICIENTS


@dataclass(frozen=True)
class RandomEffect:
    """Variability of a parameter around its typical value, the median; ``variance`` on the ``scale``.

    Level "patient": one number for life. Level "occasion": one per week of treatment. Scale "log": the value is
    multiplied by exp(eta), "logit": its odds are, so that a fraction stays between 0 and 1.
    """

    parameter: str
    variance: float
    reported_as: str
    source: Source
    status: Status
    level: Level = "patient"
    targets: tuple[str, ...] = ()
    note: str = ""
    scale: Scale = "log"

    def __post_init__(self) -> None:
        one_of(f"variance of {self.parameter}: level", self.level, get_args(Level))
        one_of(f"variance of {self.parameter}: scale", self.scale, get_args(Scale))
        good = is_number(self.variance) and 0 <= self.variance <= LARGEST_VARIANCE
        meant = "" if good or not is_number(self.variance) or self.variance < 0 else _variance_meant(self.variance)
        require(
            good,
            f"variance of {self.parameter}",
            self.variance,
            f"a finite number, 0 or more, at most {LARGEST_VARIANCE:g}{meant}",
        )

    @property
    def name(self) -> str:
        """What ``with_values`` calls its variance."""
        return (OMEGA if self.level == "patient" else OCCASION) + self.parameter


def _variance_meant(seen: float) -> str:
    return f" (a CV of {seen:g} % is {cv_to_variance(seen):.3g})" if seen <= 1000 else ""


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
        for name, rse in zip(self.names, self.rse_percent, strict=False):
            require(is_number(rse) and rse > 0, f"uncertainty: rse_percent.{name}", rse, "more than 0 (%)")
        if len(self.rse_percent) != n or [len(row) for row in self.correlation] != [n] * n:
            raise ValueError(f"uncertainty of {', '.join(self.names)}: {n} standard errors and {n} x {n} are needed")
        matrix = np.array(self.correlation, float).reshape(n, n)
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
        """That of the other numbers; of none when there are no others."""
        keep = [k for k, name in enumerate(self.names) if name not in set(names)]
        return Uncertainty(
            tuple(self.names[k] for k in keep),
            tuple(self.rse_percent[k] for k in keep),
            tuple(tuple(self.correlation[j][k] for k in keep) for j in keep),
        )


@dataclass(frozen=True)
class CovariateEffect:
    """How a covariate moves a parameter.

    "power": times (covariate / reference) ** value. "factor": times value for patients in ``category``, or, without
    one, for all who are not in the category ``reference``. Scale "logit": not the value but its odds are multiplied,
    so that a fraction stays between 0 and 1.
    """

    parameter: str
    covariate: str
    form: Form
    value: float
    reference: float | str
    source: Source
    status: Status
    reported_as: str = ""
    note: str = ""
    category: str = ""
    scale: Scale = "log"

    def __post_init__(self) -> None:
        name = f"{self.covariate} on {self.parameter}"
        one_of(f"{name}: form", self.form, get_args(Form))
        one_of(f"{name}: scale", self.scale, get_args(Scale))
        require(is_number(self.value), f"{name}: value", self.value, "a finite number")
        if self.form == "power":
            good = is_number(self.reference) and float(self.reference) > 0
            require(good, f"{name}: reference", repr(self.reference), "a number above 0, to which a power is related")
            require(not self.category, f"{name}: category", repr(self.category), "none with form power")
            return
        require(self.value > 0, f"{name}: value", self.value, "more than 0: a factor")
        good = isinstance(self.reference, str) and bool(self.reference)
        require(good, f"{name}: reference", repr(self.reference), "the category to which a factor is related")
        good = isinstance(self.category, str) and self.category != self.reference
        require(
            good, f"{name}: category", repr(self.category), f"another category than the reference, {self.reference}"
        )


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
    catalogue. ``root``: the set of the catalogue that an own set changes, "" of none; ``draws``: of its posterior.
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
    root: str = field(default="", compare=False)
    draws: DrawsFile | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _no_repeats(self.id, [p.name for p in self.parameters])
        _no_repeats(self.id, [e.name for e in self.random_effects])
        _no_contradiction(self.correlations)
        _no_repeats(self.id, [f"{x.covariate} on {x.parameter} {x.category}".strip() for x in self.covariate_effects])
        _no_repeats(self.id, [c.name for c in self.classes])
        varying = [e.parameter for e in self.effects("patient")]
        mixed = [name for c in self.classes for name in (c.share, c.parameter, c.value)]
        weekly = [e.parameter for e in self.effects("occasion") if e.parameter != BIOAVAILABILITY]
        for name in [*varying, *weekly, *(e.parameter for e in self.covariate_effects), *mixed]:
            self.parameter(name)
        for c in self.correlations:
            if not {c.a, c.b} <= set(varying) or c.a == c.b:
                raise RecordError(f"{self.id}: correlation of {c.a} and {c.b}: both need a patient-level random effect")

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
        """Unit of a parameter, or of a variance by its name; KeyError lists near names."""
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
        """Variances by the names ``with_values`` knows them by: OMEGA_<parameter> between patients,
        OCCASION_<parameter> between occasions.
        """
        return {e.name: e.variance for e in self.random_effects}

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
                self.validity.source,
            ]
        )

    def with_values(self, values: Mapping[str, float]) -> ParameterSet:
        """The same set with other numbers: parameters and variances by name. Status is kept."""
        known = [*(p.name for p in self.parameters), *self.variances]
        for name in values:
            if name not in known:
                raise unknown_name(f"parameter in {self.id}:", name, known)
        parameters = (replace(p, value=float(values.get(p.name, p.value))) for p in self.parameters)
        effects = (replace(e, variance=float(values.get(e.name, e.variance))) for e in self.random_effects)
        return replace(self, parameters=tuple(parameters), random_effects=tuple(effects))
